"""A stand-in for GitHub's secrets: it keeps the private keys, opens every box it is sent, and gives no value away.

Faithful to GitHub's published contract for the calls it answers: 30 a page by default, names in capitals,
one key for the repository and one for each environment, 201 for a new secret and 204 for one set anew.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from starlette.requests import Request

from lib.embedded.vendors.fake_server import Endpoint, StandIn

NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")
REPOSITORY = "/repos/{owner}/{repo}"
PLACES = {"repository": f"{REPOSITORY}/actions/secrets", "environment": f"{REPOSITORY}/environments/{{environment:path}}/secrets"}
MOST_SECRETS = 100
DOCUMENTED = "https://docs.github.com/rest/actions/secrets"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One secret that arrived. value: what was in the box."""

    value: bytes = field(repr=False)
    created_at: datetime
    updated_at: datetime

    def to_json(self, name: str) -> dict[str, str]:
        return {"name": name, "created_at": stamp(self.created_at), "updated_at": stamp(self.updated_at)}


@dataclass(kw_only=True)
class Store:
    """The secrets of the repository, or of one environment, and the key that opens what is sent there."""

    key: PrivateKey = field(default_factory=PrivateKey.generate, repr=False)
    secrets: dict[str, Kept] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        return str(int.from_bytes(bytes(self.key.public_key)[:8], "big"))

    def put(self, name: str, value: bytes, moment: datetime) -> bool:
        """Keep a value and return whether it is a new one."""
        known = self.secrets.get(name.upper())
        self.secrets[name.upper()] = Kept(value=value, created_at=known.created_at if known else moment, updated_at=moment)
        return known is None


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(status: int, message: str) -> tuple[int, Any]:
    return status, {"message": message, "documentation_url": DOCUMENTED, "status": str(status)}


class GitHubStandIn(StandIn):
    """A running stand-in of one repository. environments: name -> its store; repository: what is its own."""

    def __init__(
        self,
        *,
        slug: str,
        environments: Sequence[str],
        fault: str = "none",
        at: Sequence[str] = (),
        latency_ms: float = 0.0,
        folder: Path,
    ) -> None:
        self.slug = slug
        self.token = f"ghp_{secrets.token_hex(18)}"
        self.repository = Store()
        self.environments = {name: Store() for name in environments}
        endpoints = [
            Endpoint(name=f"{place} {name}", path=PLACES[place] + path, handler=handler, loses=loses, method=method)
            for place in PLACES
            for name, path, method, loses, handler in (
                ("public-key", "/public-key", "GET", "key", self.give_key),
                ("list", "", "GET", "total_count", self.list_secrets),
                ("get", "/{name}", "GET", "updated_at", self.get_secret),
                ("put", "/{name}", "PUT", "", self.put_secret),
                ("delete", "/{name}", "DELETE", "", self.delete_secret),
            )
        ]
        super().__init__(
            endpoints=endpoints, fault=fault, at=at, latency_ms=latency_ms, folder=folder, planted=[self.token], target="github"
        )

    @property
    def parts(self) -> dict[str, str]:
        """What reaches and opens it, as a live target's variables would say."""
        return {"url": self.base_url, "token": self.token}

    def store_of(self, request: Request) -> Store | tuple[int, Any]:
        """Return the store of the request, or GitHub's refusal."""
        said = request.headers.get("authorization", "")
        if said not in (f"Bearer {self.token}", f"token {self.token}") or self.fault == "expired_token":
            return refuse(401, "Bad credentials")
        wanted = request.path_params
        if f"{wanted['owner']}/{wanted['repo']}".lower() != self.slug.lower():
            return refuse(404, "Not Found")
        if "environment" not in wanted:
            return self.repository
        # Environments are found whatever their capitals.
        known = {name.lower(): store for name, store in self.environments.items()}
        return known.get(wanted["environment"].lower()) or refuse(404, "Not Found")

    async def give_key(self, request: Request) -> tuple[int, Any]:
        store = self.store_of(request)
        if not isinstance(store, Store):
            return store
        return 200, {"key_id": store.key_id, "key": store.key.public_key.encode(Base64Encoder).decode()}

    async def list_secrets(self, request: Request) -> tuple[int, Any]:
        store = self.store_of(request)
        if not isinstance(store, Store):
            return store
        size = min(100, max(1, number(request.query_params, "per_page", 30)))
        first = (max(1, number(request.query_params, "page", 1)) - 1) * size
        names = sorted(store.secrets)
        return 200, {
            "total_count": len(names),
            "secrets": [store.secrets[name].to_json(name) for name in names[first : first + size]],
        }

    async def get_secret(self, request: Request) -> tuple[int, Any]:
        store, name = self.store_of(request), request.path_params["name"].upper()
        if not isinstance(store, Store):
            return store
        return (200, store.secrets[name].to_json(name)) if name in store.secrets else refuse(404, "Not Found")

    async def put_secret(self, request: Request) -> tuple[int, Any]:
        store, name = self.store_of(request), request.path_params["name"].upper()
        if not isinstance(store, Store):
            return store
        if not NAME.fullmatch(name):
            return refuse(
                422,
                "Secret names must only contain alphanumeric characters and underscores.",
            )
        if len(store.secrets) >= MOST_SECRETS and name not in store.secrets:
            return refuse(422, f"Only {MOST_SECRETS} secrets are kept here.")
        try:
            body = await request.json()
            box = base64.b64decode(body["encrypted_value"], validate=True)
        except (ValueError, KeyError, TypeError):
            return refuse(422, "Invalid request.")
        if body.get("key_id") != store.key_id:
            return refuse(422, "Bad request - public key does not match.")
        try:
            value = SealedBox(store.key).decrypt(box)
        except CryptoError:
            return refuse(422, "Bad request - secret value could not be decrypted.")
        return (201, {}) if store.put(name, value, datetime.now(UTC)) else (204, None)

    async def delete_secret(self, request: Request) -> tuple[int, Any]:
        store, name = self.store_of(request), request.path_params["name"].upper()
        if not isinstance(store, Store):
            return store
        return (204, None) if store.secrets.pop(name, None) else refuse(404, "Not Found")


def number(given: Mapping[str, str], name: str, otherwise: int) -> int:
    """Return a number of the query, or what GitHub takes in its place."""
    text = given.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else otherwise
