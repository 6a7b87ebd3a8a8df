"""A stand-in for Publer: the three read-only calls of the probe, with its limit of requests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.embedded.vendors.fake_server import Endpoint, StandIn

USER, WORKSPACE, OTHER_WORKSPACE = "66f1a0c4e2b7d91f0a3c5e71", "66f1a0c4e2b7d91f0a3c5e72", "66f1a0c4e2b7d91f0a3c5e99"
LIMIT, WINDOW_S = 100, 120.0
"""Publer's own: 100 requests in two minutes a user. Source: publer.com/docs/getting-started/rate-limits."""


class Publer(StandIn):
    """A running stand-in of Publer's API for one user with one workspace."""

    def __init__(self, *, fault: str = "none", at: Sequence[str] = (), latency_ms: float = 0.0, folder: Path) -> None:
        self.token = secrets.token_hex(24)
        self.window_began = time.time()
        self.used = 0
        endpoints = [
            Endpoint(name="user", path="/users/me", handler=self.user, loses="id"),
            Endpoint(name="workspaces", path="/workspaces", handler=self.workspaces, loses="plan"),
            Endpoint(name="accounts", path="/accounts", handler=self.accounts, loses="provider"),
        ]
        super().__init__(
            endpoints=endpoints, fault=fault, at=at, latency_ms=latency_ms, folder=folder, planted=[self.token],
            prefix="/api/v1", target="publer",
        )  # fmt: skip

    @property
    def parts(self) -> dict[str, str]:
        """What reaches and opens it, as a live target's variables would say."""
        return {"url": self.base_url, "token": self.token, "workspace": WORKSPACE}

    def before(self, request: Request) -> Response | None:
        """Count the request; return the refusal when there were too many in this window."""
        now = time.time()
        if now - self.window_began >= WINDOW_S:
            self.window_began, self.used = now, 0
        self.used += 1
        if self.used > LIMIT:
            return JSONResponse({"error": "Rate limit exceeded. Retry later."}, 429, self.after())
        return None

    def after(self) -> dict[str, str]:
        """Return the headers that say how much of the limit is left."""
        return {
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(max(0, LIMIT - self.used)),
            "X-RateLimit-Reset": str(int(self.window_began + WINDOW_S)),
        }

    def refusal(self, request: Request, name: str, *, in_workspace: bool = False) -> tuple[int, Any] | None:
        """Return why a request is not let in, or None."""
        expired = self.fault == "expired_token" and (not self.at or name in self.at)
        if request.headers.get("authorization") != f"Bearer-API {self.token}" or expired:
            return 401, {"errors": ["Invalid or expired API key"]}
        if in_workspace and request.headers.get("publer-workspace-id") != WORKSPACE:
            return 403, {"errors": ["Permission denied: the workspace header is missing or not yours"]}
        return None

    async def user(self, request: Request) -> tuple[int, Any]:
        person = {"id": USER, "email": "social@example.com", "name": "Social Team", "first_name": "Social", "picture": ""}
        return self.refusal(request, "user") or (200, person)

    async def workspaces(self, request: Request) -> tuple[int, Any]:
        owner = {"id": USER, "email": "social@example.com", "name": "Social Team", "first_name": "Social", "picture": ""}
        known = OTHER_WORKSPACE if self.fault == "other_workspace" else WORKSPACE
        space = {"id": known, "name": "Idea pool", "plan": "business", "picture": "", "owner": owner, "members": [owner]}
        return self.refusal(request, "workspaces") or (200, [space])

    async def accounts(self, request: Request) -> tuple[int, Any]:
        accounts = [
            {"id": "66f1b0", "provider": "linkedin", "name": "Idea Pool", "social_id": "1001", "picture": "", "type": "page"},
            {"id": "66f1b1", "provider": "bluesky", "name": "ideapool", "social_id": "1002", "picture": "", "type": "profile"},
        ]
        listed = [] if self.fault == "no_accounts" else accounts
        return self.refusal(request, "accounts", in_workspace=True) or (200, listed)
