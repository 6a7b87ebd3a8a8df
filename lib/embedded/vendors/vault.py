"""A stand-in for HashiCorp Vault: the KV v2 engine, versions and all, in its own protocol.

Source: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.embedded.vendors.fake_server import Endpoint, StandIn

MOST_VERSIONS = 10
"""How many versions KV v2 keeps by default."""


@dataclass(kw_only=True)
class Version:
    """One version of one path."""

    data: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    deleted_at: datetime | None = None
    destroyed: bool = False

    def metadata(self, number: int) -> dict[str, Any]:
        return {
            "created_time": stamp(self.created_at),
            "custom_metadata": None,
            "deletion_time": stamp(self.deleted_at) if self.deleted_at else "",
            "destroyed": self.destroyed,
            "version": number,
        }


def stamp(moment: datetime) -> str:
    """Return a time as Vault writes it: UTC, in nanoseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


class VaultStandIn(StandIn):
    """A running stand-in with one KV v2 engine. paths: path under the mount -> its versions, oldest first."""

    def __init__(
        self, *, mount: str = "secret", fault: str = "none", at: Sequence[str] = (), latency_ms: float = 0.0, folder: Path
    ) -> None:
        self.mount = mount
        self.token = f"hvs.{secrets.token_hex(16)}"
        self.paths: dict[str, list[Version]] = {}
        self.sealed = False
        endpoint = Endpoint(name="data", path=f"/v1/{mount}/data/{{path:path}}", handler=self.read_data, loses="data")
        super().__init__(
            endpoints=[endpoint], fault=fault, at=at, latency_ms=latency_ms, folder=folder, planted=[self.token], target="vault"
        )

    def write(self, path: str, data: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Make a new version of a path."""
        self.paths.setdefault(path, []).append(Version(data=dict(data), created_at=at or datetime.now(UTC)))

    def before(self, request: Request) -> Response | None:
        """Return the refusal of a sealed vault or a wrong token, or None."""
        if self.sealed:
            return JSONResponse({"errors": ["Vault is sealed"]}, 503)
        if request.headers.get("x-vault-token") != self.token or self.fault == "expired_token":
            return JSONResponse({"errors": ["permission denied"]}, 403)
        return None

    async def read_data(self, request: Request) -> tuple[int, Any]:
        versions = self.paths.get(request.path_params["path"], [])
        text = request.query_params.get("version", "0")
        number = int(text) if text.isdigit() and text != "0" else len(versions)
        if not 0 < number <= len(versions) or number <= len(versions) - MOST_VERSIONS:
            return 404, {"errors": []}
        version = versions[number - 1]
        gone = version.destroyed or version.deleted_at is not None
        data = {"data": None if gone else version.data, "metadata": version.metadata(number)}
        return 404 if gone else 200, {
            "request_id": secrets.token_hex(16), "lease_id": "", "renewable": False, "lease_duration": 0,
            "data": data, "wrap_info": None, "warnings": None, "auth": None, "mount_type": "kv",
        }  # fmt: skip
