"""A run's seal: the sha256 of every file, the same as a signed statement, and how to check both.

The statement is an in-toto Statement v1 in a DSSE envelope, signed with Ed25519.
Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from lib.core.errors import WorkbookError
from lib.core.files import digest_file, write_whole

MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What checking a run's seal came to: one sentence for each thing wrong, none when all is well."""

    files: int
    problems: tuple[str, ...]
    signed_by: str


def load_signer(path: Path) -> CryptoSigner:
    """Return the signer of this checkout, its key made on first use, readable by its owner only."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        write_whole(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
        return CryptoSigner(private)
    except (OSError, ValueError, TypeError) as exc:
        raise WorkbookError(
            f"The signing key {path.name} can't be used: {exc}.", fix="Give an unencrypted Ed25519 key in PEM, or remove it."
        ) from exc


def list_files(run_folder: Path) -> dict[str, dict[str, Any]]:
    """Return every file of the run but the seal itself: path -> sha256 and size in bytes."""
    paths = sorted(path for path in run_folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, ENVELOPE))
    return {
        path.relative_to(run_folder).as_posix(): {"sha256": digest_file(path), "size_bytes": path.stat().st_size}
        for path in paths
    }


def seal_run(run_folder: Path, about: Mapping[str, Any], signer: CryptoSigner) -> str:
    """Write the manifest and its signed statement; return the manifest's sha256 in hex.

    about: what the statement says of the run (run_id, environment, verdict, ...), plain JSON.
    """
    files = list_files(run_folder)
    manifest = json.dumps({**about, "files": files}, indent=2, sort_keys=True) + "\n"
    digest = write_whole(run_folder / MANIFEST, manifest)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": MANIFEST, "digest": {"sha256": digest}},
            *({"name": name, "digest": {"sha256": file["sha256"]}} for name, file in files.items()),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(about),
    }
    envelope = Envelope(json.dumps(statement, sort_keys=True).encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    kept = {**envelope.to_dict(), "publicKey": {"keyid": signer.public_key.keyid, **signer.public_key.to_dict()}}
    write_whole(run_folder / ENVELOPE, json.dumps(kept, indent=2, sort_keys=True) + "\n")
    return digest


def verify_run(run_folder: Path, *, key: Key | None = None) -> Verification:
    """Return what is wrong with a run's files against its manifest, and its manifest against the signature.

    key: whom to trust; without one the key in the envelope is used, which proves only that the files
    belong together, not who signed.
    Raises WorkbookError when there is no seal to check.
    """
    try:
        manifest_bytes = (run_folder / MANIFEST).read_bytes()
        envelope = json.loads((run_folder / ENVELOPE).read_bytes())
        manifest = json.loads(manifest_bytes)
        listed = {name: file["sha256"] for name, file in manifest["files"].items()}
        given = dict(envelope.pop("publicKey"))
        named = SSlibKey.from_dict(str(given.pop("keyid")), given)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as exc:
        raise WorkbookError(
            f"{run_folder} has no readable seal ({MANIFEST}, {ENVELOPE}): {exc}.", fix="Name a finished run's folder."
        ) from exc
    problems = compare_files(manifest["files"], list_files(run_folder))
    problems += check_signature(envelope, key or named, manifest_bytes, manifest, listed)
    return Verification(files=len(listed), problems=tuple(problems), signed_by=(key or named).keyid)


def compare_files(listed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each file that is changed, missing or not listed."""
    problems = [f"{name} is missing" for name in listed if name not in found]
    problems += [f"{name} is not in the manifest" for name in found if name not in listed]
    problems += [f"{name} was changed after the run" for name in listed if name in found and listed[name] != found[name]]
    return sorted(problems)


def check_signature(
    envelope: dict[str, Any], key: Key, manifest: bytes, about: Mapping[str, Any], listed: Mapping[str, str]
) -> list[str]:
    """Return one sentence for each way the signed statement does not vouch for this manifest.

    listed: file name -> sha256 in hex, as the manifest says.
    """
    try:
        signed = Envelope.from_dict(envelope)
        signed.verify([key], threshold=1)
        statement = json.loads(signed.payload)
        subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    except (VerificationError, ValueError, KeyError, TypeError, AttributeError) as exc:
        return [f"the signature does not hold: {exc}"]
    expected = {MANIFEST: hashlib.sha256(manifest).hexdigest(), **listed}
    said = {name: value for name, value in about.items() if name != "files"}
    problems = [] if subjects == expected else [f"the signed statement speaks of other files than {MANIFEST}"]
    if statement["predicate"] != said:
        problems.append(f"the signed statement says other things of the run than {MANIFEST}")
    return problems


def signing_key_path(root: Path) -> Path:
    """Return where this checkout's own key is kept: outside the runs it signs."""
    return root / ".run" / "signing-key.pem"
