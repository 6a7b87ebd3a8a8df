"""Whose signatures count for a project: the keys that its `launch/trusted_keys/` names, and what that says of one signature.

One file a key. Pure: texts and a key's id in, a standing out. A key counts from its first moment to its last one; a key that was
revoked counts for nothing, also not for what it signed before: whoever stole a key can date a run back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from securesystemslib.signer import SSlibKey

from lib.core.errors import ParamsError
from lib.core.plain_yaml import PlainYamlError, load_yaml

FOLDER = "launch/trusted_keys"
"""Where a project names the keys whose signatures count for it."""
SHOWN = 16
"""Characters of a key's id that a person is shown."""
SIGNER = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,59}$"
"""What a signer is called: it is a file's name too."""
DAY_LENGTH = 10
"""Characters of a moment that is a day alone: 2026-11-27."""
FORM = (
    "Fix: A key's file has signer, public_key (PEM or 64 hex digits), valid_from, valid_until, and perhaps revoked: {on, reason}."
)


def read_moment(said: str, *, is_end: bool = False) -> datetime:
    """Return a day or moment of ISO 8601 in UTC. is_end: a day counts to its end. Raises ValueError."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise ValueError(f'"{said[:40]}" is not a day or moment such as "2026-12-24" or "2026-12-24T12:00:00+00:00"') from None
    if len(said) == DAY_LENGTH:
        return datetime.combine(found.date(), time(), UTC) + (timedelta(days=1) if is_end else timedelta())
    if found.tzinfo is None:
        raise ValueError(f'"{said[:40]}" does not say its time zone; end it with +00:00')
    return found.astimezone(UTC)


def check_moment(said: str) -> str:
    """Return a day or moment as it was written. Raises ValueError for anything else."""
    read_moment(said)
    return said


Moment = Annotated[str, Field(max_length=40), AfterValidator(check_moment)]


class Revocation(BaseModel):
    """Since when nothing that a key signed counts any more, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    on: Moment
    reason: str = Field(min_length=5, max_length=300, pattern=r"\S")


class TrustedKey(BaseModel):
    """One key whose signatures count, and from when until when."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    signer: str = Field(pattern=SIGNER)
    public_key: str = Field(max_length=2000)  # PEM, or the 32 bytes as hex digits
    valid_from: Moment
    valid_until: Moment  # a day counts to its end
    revoked: Revocation | None = None

    @field_validator("public_key")
    @classmethod
    def check_key(cls, said: str) -> str:
        read_public_key(said)
        return said

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.first >= self.last:
            raise ValueError(
                f"valid_until is {self.valid_until}, and valid_from is {self.valid_from}: the end is not after the start"
            )
        return self

    @property
    def first(self) -> datetime:
        return read_moment(self.valid_from)

    @property
    def last(self) -> datetime:
        return read_moment(self.valid_until, is_end=True)

    @cached_property
    def key(self) -> SSlibKey:
        return read_public_key(self.public_key)


def read_public_key(said: str) -> SSlibKey:
    """Return an Ed25519 key from PEM or hex digits. Raises ValueError saying what is wrong."""
    text = said.strip()
    try:
        if "-----BEGIN" not in text:
            return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)))
        if "PRIVATE" in text:
            raise PrivateKeyError("it is a private key; replace it at once, and give the public one")
        found = load_pem_public_key(text.encode())
    except PrivateKeyError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ValueError("it is not a public key in PEM, nor 64 hex digits") from exc
    if not isinstance(found, Ed25519PublicKey):
        raise ValueError("it is not an Ed25519 key")
    return SSlibKey.from_crypto(found)


class PrivateKeyError(ValueError):
    """A private key stands where a public one belongs."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of who signed. signer: '' of a key that is not known. problem: why it does not count, '' if it does.

    source: what vouches for the signer, such as `launch/trusted_keys`.
    """

    keyid: str
    signer: str = ""
    problem: str = ""
    source: str = FOLDER

    @property
    def is_trusted(self) -> bool:
        return not self.problem

    @property
    def sentence(self) -> str:
        """Who signed, and whether that counts, without a full stop."""
        return self.problem or f"signed by {self.signer}, trusted by {self.source}"


@dataclass(frozen=True, kw_only=True)
class TrustList:
    """The keys that a project names. source: where, for a person."""

    keys: tuple[TrustedKey, ...] = ()
    source: str = FOLDER

    def judge(self, keyid: str, at: datetime) -> Standing:
        """Return what this list says of a signature by a key, made at a moment that is signed too."""
        one = next((one for one in self.keys if one.key.keyid == keyid), None)
        if one is None:
            who = f"{self.source} does not name" if self.keys else "nobody here knows"
            said = f"signed by a key that {who}: {keyid[:SHOWN]}"
            return Standing(keyid=keyid, problem=said, source=self.source)
        problem = ""
        if one.revoked is not None:
            problem = (
                f"signed by {one.signer}, whose key was revoked on {one.revoked.on}: {one.revoked.reason.strip().rstrip('.')}"
            )
        elif at < one.first:
            problem = f"signed by {one.signer} before its key became valid, {one.valid_from}"
        elif at >= one.last:
            problem = f"signed by {one.signer} after its key's end, {one.valid_until}"
        return Standing(keyid=keyid, signer=one.signer, problem=problem, source=self.source)

    def narrowed_by(self, others: Iterable[TrustedKey]) -> TrustList:
        """Return this list with every revocation of the others too: a revocation counts at once, wherever it was written down."""
        revoked = {one.key.keyid: one.revoked for one in others if one.revoked is not None}
        keys = tuple(one.model_copy(update={"revoked": one.revoked or revoked.get(one.key.keyid)}) for one in self.keys)
        return TrustList(keys=keys, source=self.source)


NOBODY = TrustList()
"""The list of a project that names no key."""


def parse_trust_list(files: Mapping[str, str]) -> TrustList:
    """Return the list that these files make. files: name in the folder -> text.

    Raises ParamsError with one line for each thing wrong: half a list trusts, or refuses, whom nobody meant.
    """
    found: dict[str, TrustedKey] = {}
    problems: list[str] = []
    for name, text in sorted(files.items()):
        try:
            found[name] = parse_entry(text)
        except ValidationError as exc:
            problems += [f"{FOLDER}/{name}: {said}. {FORM}" for said in misfits(exc)]
        except PlainYamlError as exc:
            problems.append(f"{FOLDER}/{name}: {exc}. {FORM}")
    problems += [] if problems else find_doubles(found)
    if problems:
        raise ParamsError(problems)
    return TrustList(keys=tuple(found.values()))


def parse_entry(text: str) -> TrustedKey:
    """Return the key of one file; every value is read as the text that is there. Raises PlainYamlError or ValidationError."""
    document: Any = load_yaml(text, as_text=True)
    return TrustedKey.model_validate(document if isinstance(document, dict) else {})


def misfits(exc: ValidationError) -> Iterator[str]:
    """Yield what does not fit, without what was given: it may be a private key."""
    for one in exc.errors(include_input=False, include_url=False):
        where = ".".join(map(str, one["loc"]))
        said = one["msg"].removeprefix("Value error, ")
        yield f"{where}: {said[:1].lower()}{said[1:]}" if where else said


def find_doubles(found: Mapping[str, TrustedKey]) -> Iterator[str]:
    """Yield one line for each key that two files name: which of them counts would be chance."""
    first: dict[str, str] = {}
    for name, one in found.items():
        if one.key.keyid in first:
            yield f"{FOLDER}/{name}: it names the same key as {first[one.key.keyid]}. Fix: Remove one of the two."
        first.setdefault(one.key.keyid, name)
