"""A stand-in for Chatwoot: the calls that the probe makes, answered as its published contract says.

`/health` and `/api` are not in that contract; they answer as app/controllers/ of Chatwoot does. Its
answers carry tokens and mail passwords where the real ones do, so that a probe that keeps too much shows.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request

from lib.embedded.vendors.fake_server import Endpoint, StandIn

ACCOUNT = 1
CANARY = 1
CANARY_LABEL = "launch-canary"
VERSION = "4.6.0"
OLD_VERSION = "3.1.0"


class Chatwoot(StandIn):
    """A running stand-in of one Chatwoot instance with one account."""

    def __init__(self, *, fault: str = "none", at: Sequence[str] = (), latency_ms: float = 0.0, folder: Path) -> None:
        self.token = secrets.token_urlsafe(18)
        self.hidden = {
            name: secrets.token_urlsafe(18) for name in ("pubsub_token", "hmac_identifier", "smtp_password", "hmac_token")
        }
        self.status = "resolved"
        self.events: list[dict[str, Any]] = []
        super().__init__(
            endpoints=self._routes(),
            fault=fault,
            at=at,
            latency_ms=latency_ms,
            folder=folder,
            planted=[self.token, *self.hidden.values()],
            target="chatwoot",
        )

    @property
    def parts(self) -> dict[str, str]:
        """What reaches and opens it, as a live target's variables would say."""
        return {"url": self.base_url, "token": self.token, "account": str(ACCOUNT)}

    def _routes(self) -> list[Endpoint]:
        account, canary = f"/api/v1/accounts/{ACCOUNT}", f"/api/v1/accounts/{ACCOUNT}/conversations/{CANARY}"
        return [
            Endpoint(name="alive", path="/health", handler=self.alive, loses="status", needs_token=False),
            Endpoint(name="services", path="/api", handler=self.services, loses="queue_services", needs_token=False),
            Endpoint(name="profile", path="/api/v1/profile", handler=self.profile, loses="accounts"),
            Endpoint(name="account", path=account, handler=self.account, loses="status"),
            Endpoint(name="inboxes", path=f"{account}/inboxes", handler=self.inboxes, loses="payload"),
            Endpoint(name="canary", path=canary, handler=self.conversation, loses="labels"),
            Endpoint(name="toggle", path=f"{canary}/toggle_status", handler=self.toggle, loses="payload", method="POST"),
            Endpoint(name="events", path=f"{canary}/reporting_events", handler=self.list_events, loses="id"),
        ]

    def refusal(self, request: Request, name: str) -> tuple[int, Any] | None:
        """Return why a request is not let in, or None.

        The contract makes `errors` a list of objects; the real 401 without a token has strings there.
        """
        # Rack maps both spellings to one name; nginx by default drops the one with underscores.
        given = request.headers.get("api-access-token") or request.headers.get("api_access_token")
        if given is None:
            message = "You need to sign in or sign up before continuing."
            return 401, {"description": message, "errors": [{"message": message}]}
        if given != self.token or self.has("expired_token", name):
            return 401, {"error": "Invalid Access Token"}
        return None

    def has(self, fault: str, name: str) -> bool:
        """Return whether this endpoint shows the fault."""
        return self.fault == fault and (not self.at or name in self.at)

    async def alive(self, request: Request) -> tuple[int, Any]:
        return 200, {"status": "woot"}

    async def services(self, request: Request) -> tuple[int, Any]:
        moment = datetime.now(UTC) - timedelta(hours=3 if self.fault == "stale_clock" else 0)
        return 200, {
            "version": OLD_VERSION if self.fault == "old_version" else VERSION,
            "timestamp": f"{moment:%Y-%m-%d %H:%M:%S}",
            "queue_services": "failing" if self.fault == "failing_queue" else "ok",
            "data_services": "failing" if self.fault == "failing_data" else "ok",
        }

    async def profile(self, request: Request) -> tuple[int, Any]:
        """Return who the token is of: an agent, who sees the inboxes it was added to, or an administrator, who sees all."""
        role = "administrator" if self.fault == "no_inboxes" else "agent"
        return self.refusal(request, "profile") or (200, {
            "id": 7, "access_token": self.token, "account_id": ACCOUNT, "available_name": "Probe", "confirmed": True,
            "display_name": None, "email": "probe@example.com", "hmac_identifier": self.hidden["hmac_identifier"],
            "name": "Probe", "provider": "email", "pubsub_token": self.hidden["pubsub_token"], "role": role,
            "ui_settings": {}, "uid": "probe@example.com", "type": None, "avatar_url": "",
            "accounts": [{
                "id": ACCOUNT, "name": "Idea pool", "status": "active", "active_at": "2026-11-20T08:00:00.000Z", "role": role,
                "permissions": [role], "availability": "online", "availability_status": "online", "auto_offline": True,
            }],
        })  # fmt: skip

    async def account(self, request: Request) -> tuple[int, Any]:
        status = "suspended" if self.fault == "suspended_account" else "active"
        return self.refusal(request, "account") or (200, {
            "id": ACCOUNT, "name": "Idea pool", "locale": "en", "domain": "example.com", "support_email": "help@example.com",
            "status": status, "created_at": "2025-10-01T08:00:00.000Z", "features": {}, "settings": {}, "cache_keys": {},
            "custom_attributes": {}, "latest_chatwoot_version": VERSION,
        })  # fmt: skip

    async def inboxes(self, request: Request) -> tuple[int, Any]:
        inboxes = [
            {"id": 1, "name": "Website", "channel_type": "Channel::WebWidget", "website_token": "public", "provider": None},
            {
                "id": 2, "name": "Support mail", "channel_type": "Channel::Email", "email": "help@example.com",
                "provider": "google",
                "smtp_password": self.hidden["smtp_password"], "hmac_token": self.hidden["hmac_token"],
                "reauthorization_required": self.fault == "reauthorization",
            },
        ]  # fmt: skip
        return self.refusal(request, "inboxes") or (
            200,
            {"payload": [] if self.fault in ("no_inboxes", "agent_in_no_inbox") else inboxes},
        )

    async def conversation(self, request: Request) -> tuple[int, Any]:
        body = {
            "id": CANARY,
            "account_id": ACCOUNT,
            "inbox_id": 1,
            "status": self.status,
            "labels": [CANARY_LABEL],
            "messages": [],
        }
        return self.refusal(request, "canary") or (200, body)

    async def toggle(self, request: Request) -> tuple[int, Any]:
        """Change the canary's status; a live worker then writes what the change means for the reports."""
        refused = self.refusal(request, "toggle")
        if refused:
            return refused
        before, self.status = self.status, str((await request.json())["status"])
        if before != self.status == "resolved" and self.fault != "dead_workers":
            self.events.append(reporting_event(len(self.events) + 1))
        return 200, {"meta": {}, "payload": {"success": True, "current_status": self.status, "conversation_id": CANARY}}

    async def list_events(self, request: Request) -> tuple[int, Any]:
        return self.refusal(request, "events") or (200, list(self.events))


def reporting_event(number: int) -> dict[str, Any]:
    """Return what a worker writes when a conversation was resolved."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    return {
        "id": number, "name": "conversation_resolved", "value": 1.0, "value_in_business_hours": 1.0, "event_start_time": now,
        "event_end_time": now, "account_id": ACCOUNT, "conversation_id": CANARY, "inbox_id": 1, "user_id": 7,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
