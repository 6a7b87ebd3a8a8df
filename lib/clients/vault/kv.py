"""HashiCorp Vault's KV v2 engine, read over its HTTP API.

A version of KV v2 holds all keys of a path, so its time says when any of them changed. When *one* value changed is found
by walking back through the versions for as long as it stayed the same.
Source: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from lib.clients.vault.folder import VaultValue
from lib.core.errors import TargetError
from lib.core.plain_json import as_count, as_moment, as_object
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site, read_json

MOST_VERSIONS = 10
"""Versions that are looked back through: what KV v2 keeps by default."""
CONCURRENCY = 4
MAX_BODY_BYTES = 2_000_000
"""An entry has 1 MiB at most. Source: developer.hashicorp.com/vault/docs/internals/limits."""
LONGEST_VALUE = 64 * 1024
"""Characters of one credential: the most that Fly takes; GitHub takes less."""
TIMEOUTS = 3
"""All versions of all paths may take this many times the deadline of one request."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of one path. data: of the keys that were asked for, those with a text."""

    number: int
    data: Mapping[str, str] = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class KvVault:
    """One folder of a KV v2 engine. url: the server alone. path: under the mount, '' for its top."""

    url: str
    token: str = field(repr=False)
    mount: str
    path: str
    timeout_s: float

    @property
    def display_name(self) -> str:
        return f"{self.url}/{self.mount}/{self.path}".rstrip("/")

    @property
    def site(self) -> Site:
        """The server, with what opens it. Raises WebError when its address cannot be used safely."""
        retry = RetryPolicy(
            attempts=1,
            timeout_s=self.timeout_s,
            deadline_s=3 * self.timeout_s,
            max_body_bytes=MAX_BODY_BYTES,
            max_retry_after_s=0,
        )
        # A proxy in front of Vault may require the second header. Source: developer.hashicorp.com/vault/api-docs
        headers = {"X-Vault-Token": self.token, "X-Vault-Request": "true"}
        return Site(name="the vault", base_url=self.url, headers=headers, retry=retry)

    def too_open(self) -> list[str] | None:
        """Return None: who may read it is the server's own affair."""
        return None

    def read(self, places: Iterable[str]) -> dict[str, VaultValue]:
        """Return the values at these places; one that is not there is left out. Raises TargetError."""
        keys = {place: place.partition("#") for place in places}
        wanted: dict[str, set[str]] = defaultdict(set)
        for path, _, key in keys.values():
            wanted[path].add(key)
        versions = self.read_versions(wanted)
        found = {}
        for place, (path, _, key) in keys.items():
            value = value_of(versions[path], place, key)
            if value is not None:
                found[place] = value
        return found

    def read_versions(self, wanted: Mapping[str, Collection[str]]) -> dict[str, list[Version]]:
        """Return the versions of each path, newest first, down to the first that is deleted; none where it is not there.

        wanted: path -> the keys that are kept of it.
        """
        newest = dict(zip(wanted, self.read_many([(path, None) for path in wanted], wanted), strict=True))
        older = [
            (path, number)
            for path, version in newest.items()
            if version is not None
            for number in range(version.number - 1, max(0, version.number - MOST_VERSIONS), -1)
        ]
        before = dict(zip(older, self.read_many(older, wanted), strict=True))
        found: dict[str, list[Version]] = {}
        for path, version in newest.items():
            found[path] = []
            while version is not None:
                found[path].append(version)
                version = before.get((path, version.number - 1)) if len(found[path]) < MOST_VERSIONS else None
        return found

    def read_many(self, places: Sequence[tuple[str, int | None]], wanted: Mapping[str, Collection[str]]) -> list[Version | None]:
        """Return each (path, version number); None as a number is the newest. Raises TargetError."""
        if not places:
            return []
        site = self.site
        questions = [self.request_of(path, number) for path, number in places]
        answers = ask(site, questions, concurrency=CONCURRENCY, within_s=TIMEOUTS * site.retry.deadline_s)
        return [
            self.read_answer(answer, path, number, wanted[path]) for answer, (path, number) in zip(answers, places, strict=True)
        ]

    def request_of(self, path: str, number: int | None) -> Question:
        """Return the request for one version of one path."""
        where = "/".join(quote(part, safe="/") for part in (self.mount, "data", self.path, path) if part)
        return Question(name=path, path=f"/v1/{where}{'' if number is None else f'?version={number}'}")

    def read_answer(self, answer: Answer, path: str, number: int | None, keys: Collection[str]) -> Version | None:
        """Return one version; None when it is deleted, destroyed or never was. Raises TargetError, no value in it.

        number: the version that was asked for; None for the newest. keys: those that are kept.
        """
        named = "/".join(part for part in (self.mount, self.path, path) if part)
        if answer.failure is None and answer.status == 404:
            return None
        if answer.failure is None and answer.status == 403:
            raise TargetError(f"{self.url} refused its token for {named}.", fix=f"Renew the token, or let it read {named}.")
        if not answer.is_whole:
            # What the server wrote is dropped: only the kind of failure is known to hold no value.
            raise TargetError(
                f"{self.url} gave no answer for {named} ({answer.failure or f'HTTP {answer.status}'}).",
                fix="Check whether it is sealed or down.",
            )
        try:
            data = as_object(as_object(read_json(answer.body))["data"])
            about = as_object(data["metadata"])
            version = Version(
                number=as_count(about["version"]),
                data={} if data["data"] is None else pick(as_object(data["data"]), keys),
                created_at=as_moment(about["created_time"]),
            )
            if number is not None and version.number != number:
                raise ValueError(f"version {version.number} where version {number} was asked for")
        except (KeyError, ValueError) as exc:
            seen = f"there is no {exc}" if isinstance(exc, KeyError) else str(exc)
            raise TargetError(
                f"{self.url} answered for {named} as no KV v2 engine does: {seen}.", fix="Check the address and the mount."
            ) from None
        return version if data["data"] is not None else None


def pick(data: Mapping[str, Any], keys: Collection[str]) -> dict[str, str]:
    """Return the texts under these keys. Raises ValueError for one that is longer than any credential."""
    found = {key: data[key] for key in keys if isinstance(data.get(key), str)}
    if any(len(value) > LONGEST_VALUE for value in found.values()):
        raise ValueError(f"a value has more than {LONGEST_VALUE:,} characters")
    return found


def value_of(versions: Sequence[Version], place: str, key: str) -> VaultValue | None:
    """Return one key's value and since when it has been so; None when the newest version lacks it."""
    if not versions or key not in versions[0].data:
        return None
    value, since = versions[0].data[key], versions[0]
    for version in versions[1:]:
        if version.data.get(key) != value:
            break
        since = version
    return VaultValue(place=place, value=value, changed_at=since.created_at)
