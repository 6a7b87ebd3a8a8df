"""What the platform knows of an app: its releases, secrets and machines, and how flyctl prints them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lib.embedded.fly.images import HOST, ImageRef
from lib.embedded.fly.reports import OPERATOR

MOST_RELEASES = 25
"""Releases that `flyctl releases` shows."""
NEVER = "0001-01-01T00:00:00Z"
"""How flyctl prints a time that is not set."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(kw_only=True)
class Release:
    """One release of an app. status: running, then complete, failed or interrupted. config: the text of its fly.toml."""

    version: int
    image: str
    digest: str
    status: str = "running"
    description: str = "Release"
    config: str = field(repr=False, default="")
    id: str = field(default_factory=lambda: secrets.token_hex(10))
    created_at: str = field(default_factory=now)

    def to_json(self) -> dict[str, Any]:
        """Return it as `flyctl releases --json` prints it; what flyctl does not ask for is empty there."""
        return {
            "ID": self.id,
            "Version": self.version,
            "Stable": self.status == "complete",
            "InProgress": False,
            "Reason": "",
            "Description": self.description,
            "Status": self.status,
            "DeploymentStrategy": "",
            "Metadata": None,
            "User": {"ID": "", "Name": "", "Email": OPERATOR, "EnablePaidHobby": False},
            "EvaluationID": "",
            "CreatedAt": self.created_at,
            "ImageRef": self.image,
        }


@dataclass(kw_only=True)
class Secret:
    """One secret of an app. deployed: the value that machines started from now on get; None when only staged."""

    name: str
    value: str = field(repr=False)
    deployed: str | None = field(repr=False, default=None)

    def to_json(self) -> dict[str, str]:
        """Return it as `flyctl secrets list --json` prints it: never its value."""
        digest = hashlib.sha256(f"{self.name}={self.value}".encode()).hexdigest()[:16]
        return {"name": self.name, "digest": digest, "status": "Deployed" if self.deployed == self.value else "Staged"}


@dataclass(kw_only=True)
class Machine:
    """One machine: what it is configured with, and what it is doing."""

    config: dict[str, Any]
    image: str
    digest: str
    region: str
    id: str = field(default_factory=lambda: secrets.token_hex(7))
    state: str = "created"
    cordoned: bool = False
    woken: bool = False
    version: str = field(default_factory=lambda: secrets.token_hex(13).upper())
    events: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, dict[str, str]] = field(default_factory=dict)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    port: int = 0

    @property
    def is_passing(self) -> bool:
        return all(check["status"] == "passing" for check in self.checks.values())

    @property
    def is_routable(self) -> bool:
        """Whether users' requests may go to it."""
        return self.state == "started" and not self.cordoned and self.is_passing and bool(self.config.get("services"))

    @property
    def is_waking(self) -> bool:
        """Whether a user's request started it, and it is not ready yet."""
        return self.woken and self.state in ("starting", "started") and not self.is_routable

    def happened(self, kind: str, status: str, *, source: str = "flyd", **request: Any) -> None:
        """Note an event, newest first, as the platform keeps them."""
        stamp = int(datetime.now(UTC).timestamp() * 1000)
        event = {"id": secrets.token_hex(8), "type": kind, "status": status, "source": source, "timestamp": stamp}
        self.events.insert(0, {**event, "request": request} if request else event)
        del self.events[20:]
        self.state, self.updated_at = status, now()

    def image_ref(self) -> dict[str, Any]:
        repository, _, tag = self.image.removeprefix(f"{HOST}/").partition(":")
        return {"registry": HOST, "repository": repository.partition("@")[0], "tag": tag, "digest": self.digest, "labels": None}

    def to_json(self) -> dict[str, Any]:
        """Return it as `flyctl machine list --json` prints it."""
        return {
            "id": self.id,
            "name": f"machine-{self.id[:6]}",
            "state": self.state,
            "region": self.region,
            "image_ref": self.image_ref(),
            "instance_id": self.version,
            "version": self.version,
            "private_ip": "fdaa::1",
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "config": {**self.config, "image": self.image},
            "events": self.events,
            "checks": self.checks_json(),
            "host_status": "ok",
            "cordoned": self.cordoned,
        }

    def checks_json(self) -> list[dict[str, str]]:
        return [{"name": name, **check} for name, check in self.checks.items()]


@dataclass(kw_only=True)
class App:
    """One app and everything that belongs to it. url: where users reach it."""

    name: str
    region: str
    url: str = ""
    releases: list[Release] = field(default_factory=list)
    secrets: dict[str, Secret] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    is_booted: bool = False

    def deploy_secrets(self) -> None:
        """Make every staged secret the one that machines get from now on."""
        for secret in self.secrets.values():
            secret.deployed = secret.value

    def newest_reference(self) -> ImageRef:
        return ImageRef(repository=self.name, tag="current")

    def to_json(self) -> dict[str, Any]:
        """Return it as `flyctl status --json` prints it."""
        newest = self.releases[-1].version if self.releases else 0
        return {
            "ID": self.name,
            "Name": self.name,
            "Deployed": bool(self.releases),
            "Status": "deployed" if self.releases else "pending",
            "Hostname": f"{self.name}.fly.dev",
            "Version": newest,
            "AppURL": self.url,
            "Organization": {"ID": "", "Slug": "example", "Name": "Example"},
            "PlatformVersion": "machines",
            "Machines": [machine.to_json() for machine in self.machines.values()],
        }

    def releases_json(self) -> list[dict[str, Any]]:
        return [release.to_json() for release in self.releases[::-1][:MOST_RELEASES]]
