"""Keys and the trust lists that name them, for tests of who signs."""

from __future__ import annotations

from pathlib import Path

from lib.cli.keys import as_pem, format_entry
from lib.evidence.manifest import load_signer
from lib.evidence.trust import FOLDER, Revocation, TrustedKey, TrustList

REVOKED = Revocation(on="2026-11-26", reason="the laptop was stolen")


def entry(
    key: Path,
    *,
    signer: str = "release-bot",
    since: str = "2026-01-01",
    until: str = "2027-01-01",
    revoked: Revocation | None = None,
) -> TrustedKey:
    """Return what trusts the key in a file, which is made when it is not there."""
    return TrustedKey(signer=signer, public_key=as_pem(load_signer(key)), valid_from=since, valid_until=until, revoked=revoked)


def trust(*entries: TrustedKey) -> TrustList:
    return TrustList(keys=entries)


def write_entry(pack: Path, one: TrustedKey, name: str = "release-bot") -> Path:
    """Put an entry into a project, and return its file."""
    path = pack / FOLDER / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(format_entry(one))
    return path
