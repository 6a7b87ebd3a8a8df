"""A real mail server of this machine that keeps what it receives, and a webhook that does the same.

Nothing leaves this machine, whatever addresses a message names.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from starlette.requests import Request

from lib.embedded.vendors.fake_server import HOST, Endpoint, StandIn

USER = "launch-readiness"


class Webhook(StandIn):
    """Takes JSON at a path that only the run knows, and keeps each body as a file."""

    def __init__(self, *, fault: str, folder: Path) -> None:
        self.path = f"/hook/{secrets.token_urlsafe(18)}"
        hook = Endpoint(name="hook", path=self.path, handler=self.take, loses="", method="POST", needs_token=False)
        spoiled = "unavailable" if fault == "webhook_down" else "none"
        super().__init__(
            endpoints=[hook], fault=spoiled, at=(), latency_ms=0, folder=folder, planted=[self.path],
            target="mail", work=folder.parent,
        )  # fmt: skip

    async def take(self, request: Request) -> tuple[int, Any]:
        body = await request.json()
        if self.fault == "none":
            number = len(list(self.folder.glob("webhook-*.json"))) + 1
            (self.folder / f"webhook-{number:03}.json").write_text(json.dumps(body, indent=2), encoding="utf-8")
        return 200, {"taken": True}


class MailSink(StandIn):
    """A running SMTP server with one user; each message it takes becomes a file `message-NNN.eml`.

    It needs no TLS, since nobody off this machine can reach it.
    """

    def __init__(self, *, fault: str = "none", folder: Path) -> None:
        self.password = secrets.token_urlsafe(18)
        folder.mkdir(parents=True, exist_ok=True)
        self.webhook = Webhook(fault=fault, folder=folder)
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        super().__init__(
            endpoints=(), fault=fault, at=(), latency_ms=0, folder=folder, planted=[self.password, *self.webhook.planted],
            target="mail", work=folder.parent,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.webhook.__enter__()
        return super().__enter__()

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self.webhook.__exit__(*details)

    @property
    def parts(self) -> dict[str, str]:
        """What reaches and opens it; `mailbox` is where received messages can be read."""
        address = self.base_url.removeprefix("http://")
        return {
            "url": f"smtp://{USER}:{self.password}@{address}",
            "webhook": self.webhook.base_url + self.webhook.path,
            "mailbox": str(self.folder),
        }

    async def _answer(self) -> None:
        """Take mail until stopped."""
        loop = asyncio.get_running_loop()
        assert self._held is not None
        assert self._stop is not None
        server = await loop.create_server(self._session, sock=self._held)
        self._started.set()
        await self._stop.wait()
        server.close()

    def _session(self) -> SMTP:
        return SMTP(self, hostname=HOST, authenticator=self.authenticate, auth_require_tls=False, ident="mail sink")

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Let the one user in."""
        known = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == self.password.encode()
        return AuthResult(success=known and self.fault != "rejects_login", handled=False)

    async def handle_exception(self, error: Exception) -> str:
        """Answer what a bug of ours prevented; called by the mail server for whatever a handler raised."""
        return f"451 4.3.0 {self.report(error)}"

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.fault == "rejects_recipient":
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message exactly as received."""
        if self.fault == "full":
            return "452 4.2.2 Mailbox full"
        number = len(list(self.folder.glob("message-*.eml"))) + 1
        trace = (
            f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {', '.join(envelope.rcpt_tos)}\r\n"
            f"Received: from {session.host_name} by {HOST} (mail sink) with ESMTPA; {format_datetime(datetime.now(UTC))}\r\n"
        )
        (self.folder / f"message-{number:03}.eml").write_bytes(trace.encode() + (envelope.original_content or b""))
        return "250 OK"
