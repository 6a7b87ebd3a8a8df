"""A run's seal: the sha256 of every file, the same as a signed statement, and how to check both.

The statement is an in-toto Statement v1 in a DSSE envelope, signed with Ed25519.
Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key

from lib.core.errors import WorkbookError
from lib.core.files import write_new, write_whole
from lib.core.plain_json import load_json
from lib.evidence.envelope import open_envelope, write_envelope
from lib.evidence.run_files import list_run, read_regular
from lib.evidence.trust import SHOWN

MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
UNFINISHED = "unfinished.json"
"""What an unfinished run keeps about itself; it goes when the run is finished."""
LISTING = 2
"""How a manifest lists a folder: since 2 with what is executable and an unfinished run's record, without empty folders."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:launch-readiness-workbook:run:1"
OLDER_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
"""What older workbooks called the same, without keeping to that type's form."""
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


def seal_run(run_folder: Path, about: Mapping[str, Any], signer: CryptoSigner) -> str:
    """Write the manifest and its signed statement; return the manifest's sha256 in hex.

    about: what the statement says of the run (run_id, environment, verdict, ...), plain JSON.
    Raises WorkbookError when the folder holds what is no file of its own.
    """
    (run_folder / ENVELOPE).unlink(missing_ok=True)  # of a seal before: it must not vouch for what comes now
    (run_folder / MANIFEST).unlink(missing_ok=True)
    remove_empty_folders(run_folder)
    about = {**about, "listing": LISTING}
    files = list_sealed(run_folder, is_finished=bool(about.get("finished")))
    odd = [f"{name} is {file['kind']}" for name, file in files.items() if "kind" in file]
    if odd:
        raise WorkbookError(f"{odd[0]}: a run's folder holds files of its own alone.", fix="Remove it, and run again.")
    digest = write_whole(run_folder / MANIFEST, as_text({**about, "files": files}))
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": MANIFEST, "digest": {"sha256": digest}},
            *({"name": name, "digest": {"sha256": file["sha256"]}} for name, file in files.items()),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(about),
    }
    write_whole(run_folder / ENVELOPE, write_envelope(json.dumps(statement, sort_keys=True).encode(), PAYLOAD_TYPE, signer))
    return digest


def as_text(manifest: Mapping[str, Any]) -> str:
    """Return a manifest in its one spelling."""
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def list_sealed(run_folder: Path, *, is_finished: bool) -> dict[str, dict[str, Any]]:
    """Return what a run's folder holds but for the seal itself, and but for the record that goes when the run is finished."""
    beside = {MANIFEST, ENVELOPE, *([UNFINISHED] if is_finished else [])}
    return {name: file for name, file in list_run(run_folder).items() if name not in beside}


def remove_empty_folders(folder: Path) -> bool:
    """Remove the folders below that hold nothing, which no copy keeps; return whether this one holds nothing now."""
    inside = list(folder.iterdir())
    for path in inside:
        if path.is_dir() and not path.is_symlink() and remove_empty_folders(path):
            path.rmdir()
    return not any(folder.iterdir())


def verify_run(run_folder: Path, *, keys: Sequence[Key] = ()) -> Verification:
    """Return what is wrong with a run's files against its manifest, and its manifest against the signature.

    keys: whom to trust; without any the key in the envelope is used, which proves only that the files
    belong together, not who signed.
    Raises WorkbookError when there is no seal to check.
    """
    try:
        content = read_regular(run_folder / MANIFEST)
        manifest = load_json(content)
        listed = {name: file["sha256"] for name, file in manifest["files"].items()}
        opened = open_envelope(read_regular(run_folder / ENVELOPE), PAYLOAD_TYPE)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, UnsupportedAlgorithm) as exc:
        raise WorkbookError(
            f"{run_folder} has no readable seal ({MANIFEST}, {ENVELOPE}): {exc}.", fix="Name a finished run's folder."
        ) from exc
    problems = compare_files(manifest["files"], list_present(run_folder, manifest))
    if manifest.get("finished") and os.path.lexists(run_folder / UNFINISHED):
        problems.append(f"{UNFINISHED} is there, so the run was not known as finished when it was cut off")
    problems += [opened.problem] if opened.problem else check_statement(opened.payload, content, manifest, listed)
    keyid = opened.key.keyid
    if keys and all(one.keyid != keyid for one in keys):
        strange = f"it was signed by the key {keyid[:SHOWN]}, which is not known here"
        found = (*problems, strange)
        return Verification(files=len(listed), problems=found, signed_by=keyid, is_unknown=not problems, about=manifest)
    return Verification(files=len(listed), problems=tuple(problems), signed_by=keyid, about=manifest)


def list_present(run_folder: Path, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is there now, as far as this manifest's workbook listed it: an older one left out some of it."""
    found = list_sealed(run_folder, is_finished=bool(manifest.get("finished")))
    if manifest.get("listing") == LISTING:
        return found
    found.pop(UNFINISHED, None)
    older = {name: file for name, file in found.items() if file.get("kind") != "an empty folder"}
    return {name: {key: value for key, value in file.items() if key != "executable"} for name, file in older.items()}


def compare_files(listed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each file that is changed, missing or not listed."""
    problems = [f"{name} is missing" for name in listed if name not in found]
    odd = {name: file["kind"] for name, file in found.items() if "kind" in file}
    problems += [f"{name} is {kind}" for name, kind in odd.items()]
    problems += [f"{name} is not in the manifest" for name in found if name not in listed and name not in odd]
    changed = [name for name in listed if name in found and name not in odd and listed[name] != found[name]]
    problems += [f"{name} was changed after the run" for name in changed]
    return sorted(problems)


def check_statement(payload: bytes, manifest: bytes, about: Mapping[str, Any], listed: Mapping[str, str]) -> list[str]:
    """Return one sentence for each way a signed statement does not vouch for this manifest.

    listed: file name -> sha256 in hex, as the manifest says.
    """
    try:
        statement = load_json(payload)
        named = [(one["name"], one["digest"]["sha256"]) for one in statement["subject"]]
        predicate, kind = statement["predicate"], statement["predicateType"]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        return [f"the signature does not hold: {exc}"]
    expected = {MANIFEST: hashlib.sha256(manifest).hexdigest(), **listed}
    said = {name: value for name, value in about.items() if name != "files"}
    is_whole = dict(named) == expected and len(named) == len(expected)
    problems = [] if is_whole else [f"the signed statement speaks of other files than {MANIFEST}"]
    if kind not in (PREDICATE_TYPE, OLDER_TYPE):
        problems.append(f"the signed statement is of another kind: {kind}")
    if predicate != said:
        problems.append(f"the signed statement says other things of the run than {MANIFEST}")
    return problems
