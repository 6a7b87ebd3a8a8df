"""`make key`, `make rotate-key`, `make revoke-key`: who signs runs, and whose signatures a project trusts.

The private key lies in the user's folder for settings, readable by its owner only, and never in a project. What a project trusts
is a file in its `launch/trusted_keys/`: it is shown, and written with APPLY=1 alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner, SSlibKey

from lib.cli.publish_docs import write_changes
from lib.core.environment import config_folder
from lib.core.errors import ParamsError, WorkbookError
from lib.core.files import write_new, write_whole
from lib.core.make_commands import SAMPLE
from lib.core.visible import plain_line, say
from lib.evidence.manifest import load_signer, new_key
from lib.evidence.trust import FOLDER, SIGNER, Revocation, TrustedKey, parse_trust_list
from lib.reporters.documents.publication import Change, read_text
from lib.run.params import find_pack, is_apply
from lib.run.signing import FORMER, NAMED
from lib.run.trusted_keys import read_present

VALID_DAYS = 365
"""Days that a new key counts; rotating it once a year is a habit that keeps the way to do it known."""
REVOKED = "revoked"
"""Folder of the user's with keys that were revoked: kept for who looks into it, never used."""
HEAD = "# Whose signature counts for runs of this project, and until when. Only what is committed here counts.\n"


def make_key(name: str, *, pack: str) -> int:
    """Make a key, unless it is there, and show the file that makes the project trust it; APPLY=1 writes that. Return 0.

    Raises WorkbookError when the user has no folder for settings, ParamsError when the project trusts another key by this name.
    """
    project = open_pack(pack)
    path = place_of(name)
    was_there = path.exists()
    write_new(path, new_key(), mode=0o600)
    signer = load_signer(path, make=False)
    write_whole(path.with_suffix(".pub"), as_pem(signer))
    say(f"The private key {'was there' if was_there else 'is new'}: {plain_line(str(path))}. Keep a copy that nobody else reads.")
    say(f"Its public half, to pass on: {plain_line(str(path.with_suffix('.pub')))}")
    now = datetime.now(UTC)
    before = read_text(project, f"{FOLDER}/{name}.yaml")
    if before is not None:
        known = parse_trust_list({f"{name}.yaml": before}).keys[0]
        if known.key.keyid == signer.public_key.keyid:
            say(f"{FOLDER}/{name}.yaml of {plain_line(project.name)} names it already.")
            return 0
        raise ParamsError(f"{FOLDER}/{name}.yaml names another key. Fix: make rotate-key NAME={name}, or choose another NAME.")
    return carry_out(
        project, [Change(path=f"{FOLDER}/{name}.yaml", before=None, after=format_entry(entry_of(name, signer, now)))]
    )


def rotate_key(name: str, *, pack: str) -> int:
    """Show, and with APPLY=1 make, a new key in the place of one; what the old one signed until now still counts. Return 0.

    Raises ParamsError when the project does not trust a key by this name.
    """
    project = open_pack(pack)
    path, old = place_of(name), entry_in(project, name)
    now = datetime.now(UTC)
    kept_as = f"{name}-until-{now:%Y%m%dT%H%M%SZ}"
    if old.revoked is None and old.first < now < old.last:
        old = old.model_copy(update={"valid_until": now.isoformat(timespec="seconds")})
    if not is_apply():
        say(
            f"The key of {plain_line(old.signer)} would be replaced by a new one at {plain_line(str(path))}. "
            f"{FOLDER}/{kept_as}.yaml would say until when the old one counts. Dry run: nothing was written. APPLY=1 does it."
        )
        return 0
    if path.exists():
        write_new(path.parent.parent / FORMER / f"{kept_as}.pem", path.read_bytes(), mode=0o600)
    write_whole(path, new_key(), mode=0o600)
    signer = load_signer(path, make=False)
    write_whole(path.with_suffix(".pub"), as_pem(signer))
    say(f"The new private key: {plain_line(str(path))}. Where CI has the old one, give it this one.")
    place = f"{FOLDER}/{name}.yaml"
    return carry_out(
        project,
        [
            Change(path=f"{FOLDER}/{kept_as}.yaml", before=None, after=format_entry(old)),
            Change(path=place, before=read_text(project, place), after=format_entry(entry_of(old.signer, signer, now))),
        ],
    )


def revoke_key(name: str, reason: str, *, pack: str) -> int:
    """Show, and with APPLY=1 write, that nothing counts any more that a key ever signed. Return 0.

    Raises ParamsError when the project does not trust a key by this name, or no reason is given.
    """
    project = open_pack(pack)
    if len(reason.strip()) < 5:
        raise ParamsError('REASON= is empty or too short. Fix: Say why, such as REASON="the laptop was stolen".')
    old = entry_in(project, name)
    if old.revoked is not None:
        say(f"{FOLDER}/{name}.yaml was revoked on {old.revoked.on} already.")
        return 0
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = old.model_copy(update={"revoked": Revocation(on=now, reason=" ".join(reason.split())[:300])})
    place = f"{FOLDER}/{name}.yaml"
    say(f"Every run that this key of {plain_line(old.signer)} signed, earlier ones too, will no longer verify or be promoted.")
    done = carry_out(project, [Change(path=place, before=read_text(project, place), after=format_entry(entry))])
    if is_apply():
        set_aside(old)
    return done


def set_aside(entry: TrustedKey) -> None:
    """Take a revoked key out of use on this machine, wherever it lies."""
    folder = config_folder()
    for path in [*(folder / NAMED).glob("*.pem"), *(folder / FORMER).glob("*.pem")] if folder else []:
        if load_signer(path, make=False).public_key.keyid == entry.key.keyid:
            write_new(path.parent.parent / REVOKED / f"{entry.key.keyid[:16]}.pem", path.read_bytes(), mode=0o600)
            path.unlink()
            say(f"{plain_line(str(path))} is in {REVOKED}/ there now, and signs nothing any more.")


def open_pack(pack: str) -> Path:
    """Return the project's folder; without a name the sample's. Raises ParamsError when there is none."""
    return find_pack(pack, "") if pack else SAMPLE


def place_of(name: str) -> Path:
    """Return where the private key of a signer lies. Raises ParamsError for a name that can't be one."""
    if not re.fullmatch(SIGNER, name):
        raise ParamsError(f"NAME={name}: a signer's name has letters, digits and ._@- alone, such as NAME=release-bot.")
    folder = config_folder()
    if folder is None:
        raise WorkbookError(
            "There is no folder for the private key: HOME names none, and the key may not lie in a project.",
            fix="Set XDG_CONFIG_HOME to a folder that only you can read.",
        )
    return folder / NAMED / f"{name}.pem"


def entry_in(project: Path, name: str) -> TrustedKey:
    """Return the key that a file of the project names. Raises ParamsError when there is no such file, or any is wrong."""
    place_of(name)
    files = read_present(project)
    parse_trust_list(files)
    if f"{name}.yaml" not in files:
        known = ", ".join(sorted(file.removesuffix(".yaml") for file in files)) or "none"
        raise ParamsError(
            f"NAME={name}: there is no {FOLDER}/{name}.yaml in {project.name} (there: {known}). Fix: Name one of these."
        )
    return parse_trust_list({f"{name}.yaml": files[f"{name}.yaml"]}).keys[0]


def entry_of(signer_name: str, signer: CryptoSigner, now: datetime) -> TrustedKey:
    """Return the entry that makes a project trust a key, from now on for a year."""
    return TrustedKey(
        signer=signer_name,
        public_key=as_pem(signer),
        valid_from=now.isoformat(timespec="seconds"),
        valid_until=f"{now + timedelta(days=VALID_DAYS):%Y-%m-%d}",
    )


def as_pem(signer: CryptoSigner) -> str:
    """Return the public half of a key in PEM. Raises WorkbookError when it is not Ed25519."""
    key = signer.public_key
    if not isinstance(key, SSlibKey) or key.keytype != "ed25519":
        raise WorkbookError("The key that is there is not an Ed25519 key.", fix="Move it away, or choose another NAME.")
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def format_entry(entry: TrustedKey) -> str:
    """Return the text of an entry's file; it reads back as the same entry."""
    pem = "".join(f"  {line}\n" for line in entry.public_key.strip().splitlines())
    text = f"{HEAD}signer: {entry.signer}\npublic_key: |\n{pem}"
    text += f'valid_from: "{entry.valid_from}"\nvalid_until: "{entry.valid_until}"\n'
    if entry.revoked is not None:
        words = yaml.safe_dump({"reason": entry.revoked.reason}, allow_unicode=True, width=2000, default_style='"')
        text += f'revoked:\n  "on": "{entry.revoked.on}"\n  {words.strip()}\n'
    return text


def carry_out(project: Path, changes: list[Change]) -> int:
    """Show what changes in a project, and write it when APPLY=1 asks for that. Return 0."""
    say("\n".join(change.diff for change in changes))
    if not is_apply():
        say(f"Dry run: nothing was written into {plain_line(project.name)}. APPLY=1 writes it.")
        return 0
    write_changes(project, changes)
    say(f"Written into {plain_line(project.name)}. It counts once it is committed.")
    return 0
