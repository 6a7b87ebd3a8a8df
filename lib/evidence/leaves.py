"""A run's facts and files as the leaves of a tree: any of them can be withheld, and the rest is still proved by one digest.

A leaf is one line of evidence or one other file. Its digest covers a random salt, so that nobody can guess what a withheld
one says. The tree is RFC 6962's (Certificate Transparency): SHA-256, a byte before each leaf and another before each pair.
Source: https://www.rfc-editor.org/rfc/rfc6962#section-2.1
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.core.files import digest_file
from lib.evidence.log import FILE as EVIDENCE

SALT_BYTES = 16
FACT, ARTIFACT = "fact", "file"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One fact or file. name: of a fact its check's id, of a file its path. salt: hex. sha256: of its bytes, hex."""

    kind: str
    name: str
    salt: str
    sha256: str

    @property
    def digest(self) -> bytes:
        """The leaf's own digest, which the tree is made of."""
        said = json.dumps([self.kind, self.name, self.salt, self.sha256], ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(b"\x00" + said.encode()).digest()


def list_leaves(run_folder: Path, *, beside: Collection[str]) -> list[Leaf]:
    """Return each line of the run's evidence and each other regular file as a leaf, with a salt of its own.

    beside: files that speak of the leaves themselves.
    """
    found = [
        (ARTIFACT, name, digest_file(path))
        for name, path in walk_files(run_folder)
        if name != EVIDENCE and name not in beside
    ]  # fmt: skip
    found += [(FACT, name, hashlib.sha256(line).hexdigest()) for name, line in walk_facts(run_folder)]
    return [Leaf(kind=kind, name=name, salt=secrets.token_hex(SALT_BYTES), sha256=sha256) for kind, name, sha256 in sorted(found)]


def walk_files(run_folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each regular file of a run with its path from there; a link's content is not the run's."""
    for path in run_folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(run_folder).as_posix(), path


def walk_facts(run_folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each line of the run's evidence, without its end, with its check's id; what is no line of it with its number."""
    path = run_folder / EVIDENCE
    for number, line in enumerate(path.read_bytes().split(b"\n") if path.exists() else [], start=1):
        if line.strip():
            yield name_fact(line, number), line


def name_fact(line: bytes, number: int) -> str:
    """Return the check's id that a line is about, else `line <number>`."""
    try:
        said = json.loads(line)
        return str(said["check"])
    except (ValueError, KeyError, TypeError):
        return f"line {number}"


def find_root(digests: Sequence[bytes]) -> str:
    """Return the digest of a whole tree, hex, by the digests of its leaves in order; of none, that of nothing."""
    return (root_of(digests) if digests else hashlib.sha256().digest()).hex()


def root_of(digests: Sequence[bytes]) -> bytes:
    """Return the digest of a tree: of its one leaf, or of its two parts, the first as large a power of two as there is."""
    if len(digests) == 1:
        return digests[0]
    half = 1 << (len(digests) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(digests[:half]) + root_of(digests[half:])).digest()


def as_rows(leaves: Sequence[Leaf], *, withheld: Collection[str] = ()) -> list[Mapping[str, str]]:
    """Return the leaves as they are kept; of a withheld one, by its name, its digest alone."""
    return [
        {"digest": one.digest.hex()}
        if one.name in withheld
        else {"kind": one.kind, "name": one.name, "salt": one.salt, "sha256": one.sha256}
        for one in leaves
    ]


def from_rows(rows: Sequence[Mapping[str, str]]) -> list[Leaf]:
    """Return kept leaves, none of which is withheld. Raises KeyError or TypeError for what is none."""
    return [Leaf(kind=row["kind"], name=row["name"], salt=row["salt"], sha256=row["sha256"]) for row in rows]
