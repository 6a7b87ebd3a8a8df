"""HashiCorp Vault's KV v2 engine, read through hvac.

A version of KV v2 holds all keys of a path, so its time says when any of them changed. When *one* value changed is found
by walking back through the versions for as long as it stayed the same.
Source: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import hvac
import requests
from hvac import exceptions

from lib.clients.vault.folder import VaultValue, know
from lib.core.errors import TargetError

MOST_VERSIONS = 10
"""Versions that are looked back through: what KV v2 keeps unless told otherwise."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, kw_only=True)
class KvVault:
    """One folder of a KV v2 engine. url: the server alone. path: under the mount, '' for its top."""

    url: str
    token: str = field(repr=False)
    mount: str
    path: str
    timeout_s: float

    @property
    def shown(self) -> str:
        return f"{self.url}/{self.mount}/{self.path}".rstrip("/")

    def too_open(self) -> list[str] | None:
        """Return None: who may read it is the server's own affair."""
        return None

    def read(self, places: Iterable[str]) -> dict[str, VaultValue]:
        """Return the values at these places; one that is not there is left out. Raises TargetError."""
        found = {}
        with requests.Session() as session:
            # A proxy from the environment must not be sent to look for a server on this very machine.
            session.trust_env = urlsplit(self.url).hostname not in LOOPBACK
            client = hvac.Client(url=self.url, token=self.token, session=session, timeout=self.timeout_s, allow_redirects=False)
            versions: dict[str, list[Any]] = {}
            for place in places:
                path, _, key = place.partition("#")
                if path not in versions:
                    versions[path] = self.read_versions(client, path)
                value = value_of(versions[path], place, key)
                if value is not None:
                    found[place] = know(value)
        return found

    def read_versions(self, client: Any, path: str) -> list[Any]:
        """Return the versions of one path, newest first, down to the first that is deleted; none when it is not there."""
        whole = "/".join(part for part in (self.path, path) if part)
        newest = self.read_version(client, whole, None)
        if newest is None:
            return []
        versions = [newest]
        number = int(newest["metadata"]["version"])
        for older in range(number - 1, max(0, number - MOST_VERSIONS), -1):
            version = self.read_version(client, whole, older)
            if version is None:
                break
            versions.append(version)
        return versions

    def read_version(self, client: Any, path: str, version: int | None) -> Any:
        """Return one version's data and metadata; None when it is deleted, destroyed or never was."""
        try:
            said = client.secrets.kv.v2.read_secret_version(
                path, version=version, mount_point=self.mount, raise_on_deleted_version=False
            )
            data = said["data"]
            return data if isinstance(data["data"], dict) and data["metadata"]["created_time"] else None
        except exceptions.InvalidPath:
            return None
        except exceptions.Forbidden:
            raise TargetError(
                f"{self.url} refused its token for {self.mount}/{path}. Next: renew the token, or let it read there."
            ) from None
        except (exceptions.VaultError, requests.RequestException) as exc:
            # What the server wrote is dropped: only the kind of failure is known to hold no value.
            raise TargetError(
                f"{self.url} gave no answer for {self.mount}/{path} ({type(exc).__name__}). "
                "Next: see whether it is sealed or down."
            ) from None
        except (KeyError, TypeError, ValueError):
            raise TargetError(
                f"{self.url} answered for {self.mount}/{path} as no KV v2 engine does. Next: check the address and the mount."
            ) from None


def value_of(versions: list[Any], place: str, key: str) -> VaultValue | None:
    """Return one key's value and since when it has been so; None when the newest version lacks it."""
    if not versions or not isinstance(versions[0]["data"].get(key), str):
        return None
    value, since = versions[0]["data"][key], versions[0]
    for version in versions[1:]:
        if version["data"].get(key) != value:
            break
        since = version
    return VaultValue(place=place, value=value, changed_at=datetime.fromisoformat(since["metadata"]["created_time"]))
