"""HashiCorp Vault's KV v2 engine, read over its HTTP API.

A version of KV v2 holds all keys of a path, so its time says when any of them changed. When *one* value changed is found
by walking back through the versions for as long as it stayed the same.
Source: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from lib.clients.vault.folder import VaultValue
from lib.core.errors import TargetError
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site, read_json

MOST_VERSIONS = 10
"""Versions that are looked back through: what KV v2 keeps by default."""
CONCURRENCY = 4
MAX_BODY_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of one path."""

    number: int
    data: Mapping[str, Any] = field(repr=False)
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
        versions = self.read_versions(list(dict.fromkeys(path for path, _, _ in keys.values())))
        found = {}
        for place, (path, _, key) in keys.items():
            value = value_of(versions[path], place, key)
            if value is not None:
                found[place] = value
        return found

    def read_versions(self, paths: Sequence[str]) -> dict[str, list[Version]]:
        """Return the versions of each path, newest first, down to the first that is deleted; none where it is not there."""
        newest = dict(zip(paths, self.read_many([(path, None) for path in paths]), strict=True))
        older = [
            (path, number)
            for path, version in newest.items()
            if version is not None
            for number in range(version.number - 1, max(0, version.number - MOST_VERSIONS), -1)
        ]
        before = dict(zip(older, self.read_many(older), strict=True))
        found: dict[str, list[Version]] = {}
        for path, version in newest.items():
            found[path] = []
            while version is not None:
                found[path].append(version)
                version = before.get((path, version.number - 1))
        return found

    def read_many(self, wanted: Sequence[tuple[str, int | None]]) -> list[Version | None]:
        """Return each (path, version number); None as a number is the newest. Raises TargetError."""
        if not wanted:
            return []
        answers = ask(self.site, [self.request_of(path, number) for path, number in wanted], concurrency=CONCURRENCY)
        return [self.read_answer(answer, path) for answer, (path, _) in zip(answers, wanted, strict=True)]

    def request_of(self, path: str, number: int | None) -> Question:
        """Return the request for one version of one path."""
        where = "/".join(quote(part, safe="/") for part in (self.mount, "data", self.path, path) if part)
        return Question(name=path, path=f"/v1/{where}{'' if number is None else f'?version={number}'}")

    def read_answer(self, answer: Answer, path: str) -> Version | None:
        """Return one version; None when it is deleted, destroyed or never was. Raises TargetError, no value in it."""
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
            data = read_json(answer.body)["data"]
            about = data["metadata"]
            return (
                Version(
                    number=int(about["version"]),
                    data=data["data"],
                    created_at=datetime.fromisoformat(about["created_time"]),
                )
                if isinstance(data["data"], dict)
                else None
            )
        except (KeyError, TypeError, ValueError):
            raise TargetError(
                f"{self.url} answered for {named} as no KV v2 engine does.", fix="Check the address and the mount."
            ) from None


def value_of(versions: Sequence[Version], place: str, key: str) -> VaultValue | None:
    """Return one key's value and since when it has been so; None when the newest version lacks it."""
    if not versions or not isinstance(versions[0].data.get(key), str):
        return None
    value, since = versions[0].data[key], versions[0]
    for version in versions[1:]:
        if version.data.get(key) != value:
            break
        since = version
    return VaultValue(place=place, value=value, changed_at=since.created_at)
