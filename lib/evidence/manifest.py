"""A run's seal: the sha256 of every file, the same as a signed statement, and how to check both.

The statement is an in-toto Statement v1 in a DSSE envelope, signed with Ed25519.
Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from lib.core.errors import WorkbookError
from lib.core.files import digest_file, write_new, write_whole
from lib.evidence.trust import SHOWN

MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
UNFINISHED = "unfinished.json"
"""What an unfinished run keeps about itself; it goes when the run is finished."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What checking a run's seal came to.

    files: how many are listed. problems: one sentence for each thing wrong, none when all is well. signed_by: the signing
    key's id. is_unknown: the one thing wrong is that this key is none of those that are trusted: the files belong together.
    about: what the manifest says of the run.
    """

    files: int
    problems: tuple[str, ...]
    signed_by: str
    is_unknown: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)


def load_signer(path: Path, *, make: bool = True) -> CryptoSigner:
    """Return the signer with this key. make: on first use one is made, readable by its owner only.

    Raises WorkbookError when it can't be made or used.
    """
    try:
        if make and not path.exists():
            write_new(path, new_key(), mode=0o600)
        return read_signer(path.read_bytes(), str(path))
    except OSError as exc:
        raise unusable(str(path), exc.strerror or type(exc).__name__) from exc


def new_key() -> bytes:
    """Return a new Ed25519 key, in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_signer(pem: bytes, where: str) -> CryptoSigner:
    """Return the signer with this key. where: it comes from, for a person. Raises WorkbookError, without a word of the key."""
    try:
        return CryptoSigner(load_pem_private_key(pem, password=None))
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise unusable(where, "it is not an unencrypted private key in PEM") from exc


def unusable(where: str, why: str) -> WorkbookError:
    """Return the error for a key that nothing can be signed with."""
    return WorkbookError(
        f"The signing key {where} can't be used: {why}.",
        fix="Give an unencrypted Ed25519 key in PEM, name another file in READINESS_SIGNING_KEY, or move this one away.",
    )


def list_files(run_folder: Path) -> dict[str, dict[str, Any]]:
    """Return every file of the run but the seal itself: path -> sha256 and size in bytes.

    What is no regular file has its kind instead: a link's content is not the run's, and a pipe would never end.
    """
    beside = {MANIFEST, ENVELOPE, UNFINISHED}
    paths = {path.relative_to(run_folder).as_posix(): path for path in run_folder.rglob("*")}
    return {name: describe_file(path) for name, path in sorted(paths.items()) if name not in beside and not is_folder(path)}


def is_folder(path: Path) -> bool:
    """Return whether it is a folder itself, not a link to one."""
    return stat.S_ISDIR(path.lstat().st_mode)


def describe_file(path: Path) -> dict[str, Any]:
    """Return a regular file's sha256 and size in bytes; of anything else what it is."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return {"sha256": digest_file(path), "size_bytes": path.stat().st_size}
    return {"kind": "a link" if stat.S_ISLNK(mode) else "no regular file"}


def seal_run(run_folder: Path, about: Mapping[str, Any], signer: CryptoSigner) -> str:
    """Write the manifest and its signed statement; return the manifest's sha256 in hex.

    about: what the statement says of the run (run_id, environment, verdict, ...), plain JSON.
    Raises WorkbookError when the folder holds what is no regular file.
    """
    (run_folder / ENVELOPE).unlink(missing_ok=True)  # of a seal before: it must not vouch for what comes now
    files = list_files(run_folder)
    odd = [f"{name} is {file['kind']}" for name, file in files.items() if "kind" in file]
    if odd:
        raise WorkbookError(f"{odd[0]}: a run's folder holds files of its own alone.", fix="Remove it, and run again.")
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


def verify_run(run_folder: Path, *, keys: Sequence[Key] = ()) -> Verification:
    """Return what is wrong with a run's files against its manifest, and its manifest against the signature.

    keys: whom to trust; without any the key in the envelope is used, which proves only that the files
    belong together, not who signed.
    Raises WorkbookError when there is no seal to check.
    """
    try:
        manifest_bytes = (run_folder / MANIFEST).read_bytes()
        envelope = json.loads((run_folder / ENVELOPE).read_bytes())
        manifest = json.loads(manifest_bytes)
        listed = {name: file["sha256"] for name, file in manifest["files"].items()}
        named = enclosed_key(envelope.pop("publicKey"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, UnsupportedAlgorithm) as exc:
        raise WorkbookError(
            f"{run_folder} has no readable seal ({MANIFEST}, {ENVELOPE}): {exc}.", fix="Name a finished run's folder."
        ) from exc
    problems = compare_files(manifest["files"], list_files(run_folder))
    if manifest.get("finished") and (run_folder / UNFINISHED).exists():
        problems.append(f"{UNFINISHED} is there, so the run was not known as finished when it was cut off")
    is_trusted = not keys or any(one.keyid == named.keyid for one in keys)
    problems += check_signature(envelope, [named] if not keys or not is_trusted else keys, manifest_bytes, manifest, listed)
    if not is_trusted:
        strange = f"it was signed by the key {named.keyid[:SHOWN]}, which is not known here"
        found = (*problems, strange)
        return Verification(files=len(listed), problems=found, signed_by=named.keyid, is_unknown=not problems, about=manifest)
    return Verification(files=len(listed), problems=tuple(problems), signed_by=named.keyid, about=manifest)


def enclosed_key(given: Mapping[str, Any]) -> SSlibKey:
    """Return the key that an envelope encloses, by the id that is its own: whoever wrote the envelope may have given another.

    Raises ValueError for one that is no key, KeyError or TypeError for what is no description of one.
    """
    value = str(given["keyval"]["public"])
    if given["keytype"] == "ed25519":
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(value)))
    return SSlibKey.from_crypto(load_pem_public_key(value.encode()))


def compare_files(listed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each file that is changed, missing or not listed."""
    problems = [f"{name} is missing" for name in listed if name not in found]
    problems += [f"{name} is not in the manifest" for name in found if name not in listed]
    odd = {name: file["kind"] for name, file in found.items() if "kind" in file}
    problems += [f"{name} is {kind}" for name, kind in odd.items() if name in listed]
    changed = [name for name in listed if name in found and name not in odd and listed[name] != found[name]]
    problems += [f"{name} was changed after the run" for name in changed]
    return sorted(problems)


def check_signature(
    envelope: dict[str, Any], keys: Sequence[Key], manifest: bytes, about: Mapping[str, Any], listed: Mapping[str, str]
) -> list[str]:
    """Return one sentence for each way the signed statement does not vouch for this manifest.

    listed: file name -> sha256 in hex, as the manifest says.
    """
    try:
        signed = Envelope.from_dict(envelope)
        signed.verify(list(keys), threshold=1)
        statement = json.loads(signed.payload)
        subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    except (VerificationError, ValueError, KeyError, TypeError, AttributeError) as exc:
        seen = "it is another's, or the statement was changed" if isinstance(exc, VerificationError) else str(exc)
        return [f"the signature does not hold: {seen}"]
    expected = {MANIFEST: hashlib.sha256(manifest).hexdigest(), **listed}
    said = {name: value for name, value in about.items() if name != "files"}
    problems = [] if subjects == expected else [f"the signed statement speaks of other files than {MANIFEST}"]
    if statement["predicate"] != said:
        problems.append(f"the signed statement says other things of the run than {MANIFEST}")
    return problems
