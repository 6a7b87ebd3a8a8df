"""A signed text as it is kept: a DSSE envelope with the signer's public key, in one spelling, so that every byte of it is bound.

Source: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from lib.core.plain_json import load_json

KEY = "publicKey"
"""The signer's key beside the envelope's own parts."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An envelope that was read. payload: what is signed. key: that the envelope encloses, by the id that is its own.

    problem: why its signature does not hold by that key, '' when it does.
    """

    payload: bytes
    key: SSlibKey
    problem: str = ""


def write_envelope(payload: bytes, payload_type: str, signer: CryptoSigner) -> bytes:
    """Return the payload, signed, as it is kept."""
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(signer)
    return spell(envelope, signer.public_key)


def spell(envelope: Envelope, key: Key) -> bytes:
    """Return an envelope with the signature of a key in its one spelling: nothing that a library would pass through besides."""
    said = {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": key.keyid, "sig": base64.b64encode(bytes.fromhex(envelope.signatures[key.keyid].signature)).decode()}
        ],
        KEY: {"keyid": key.keyid, **key.to_dict()},
    }
    return (json.dumps(said, indent=2, sort_keys=True) + "\n").encode()


def open_envelope(content: bytes, payload_type: str) -> Opened:
    """Return what an envelope holds, and whether its signature holds. Raises ValueError, KeyError or TypeError for none."""
    said = load_json(content)
    key = enclosed_key(said.pop(KEY))
    try:
        envelope = Envelope.from_dict(said)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        return Opened(payload=b"", key=key, problem=f"the signature does not hold: {exc}")
    problem = ""
    try:
        envelope.verify([key], threshold=1)
    except (VerificationError, ValueError, TypeError):
        problem = "the signature does not hold: it is another's, or the statement was changed"
    if not problem and envelope.payload_type != payload_type:
        problem = "the signature does not hold: it is of another kind of statement"
    if not problem and spell(envelope, key) != content:
        problem = "the signature does not hold: its envelope is not as it was written"
    return Opened(payload=envelope.payload, key=key, problem=problem)


def enclosed_key(given: Mapping[str, Any]) -> SSlibKey:
    """Return the key that an envelope encloses, by the id that is its own: whoever wrote the envelope may have given another.

    Raises ValueError for one that is no key, KeyError or TypeError for what is no description of one.
    """
    value = str(given["keyval"]["public"])
    if given["keytype"] == "ed25519":
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(value)))
    return SSlibKey.from_crypto(load_pem_public_key(value.encode()))
