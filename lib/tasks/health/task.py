"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lib.clients.chatwoot import ChatwootHealth
from lib.clients.publer import PublerHealth
from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task

EmailAddress = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+$")]
"""One plain address; nothing that could add a header or a second recipient."""


class Health(Section):
    """What 04_health asks of Chatwoot and Publer, and whom it tells."""

    samples: int = Field(ge=20, le=10_000)  # timed requests a service
    concurrency: int = Field(ge=1, le=64)  # requests under way at once, a service
    attempts: int = Field(ge=1, le=10)  # tries of one question; samples are tried once
    timeout_s: float = Field(gt=0)  # longest silence of a service, s
    deadline_s: float = Field(gt=0)  # one question, tries and pauses included, s
    max_body_bytes: int = Field(ge=1000)  # a longer answer is not read on
    max_retry_after_s: float = Field(ge=0)  # a longer Retry-After is not waited for, s
    p95_limit_ms: float = Field(gt=0)  # 95th percentile of the answers' times, ms
    min_availability: float = Field(gt=0, le=1)  # share of samples answered well
    remind_after_h: float = Field(gt=0)  # a lasting failure is told again after this, h
    stale_after_h: float = Field(gt=0)  # older evidence is shown as stale to QA, h
    notify_to: list[EmailAddress] = Field(min_length=1)  # e-mail addresses; NOTIFY_EMAIL replaces them
    notify_from: EmailAddress  # the sender's e-mail address
    evidence_url: str  # where a person opens the evidence; empty: the run's folder; EVIDENCE_URL replaces it
    chatwoot: ChatwootHealth
    publer: PublerHealth


CHECKS: tuple[Check, ...] = (
    Check(id="health.chatwoot_is_alive", title="Chatwoot answers at all", target="chatwoot"),
    Check(
        id="health.chatwoot_services_ok",
        title="Chatwoot reaches its database and queue, in an accepted version",
        target="chatwoot",
    ),
    Check(id="health.chatwoot_token_accepted", title="Chatwoot accepts our token, for our account", target="chatwoot"),
    Check(id="health.chatwoot_account_active", title="Our Chatwoot account is active", target="chatwoot"),
    Check(id="health.chatwoot_inboxes_connected", title="Chatwoot's inboxes are there and connected", target="chatwoot"),
    Check(id="health.chatwoot_workers_work", title="Chatwoot's background workers do their work", target="chatwoot"),
    Check(id="health.chatwoot_available", title="Chatwoot answers well every time", target="chatwoot"),
    Check(id="health.chatwoot_p95_within_limit", title="Chatwoot answers fast enough", target="chatwoot"),
    Check(id="health.publer_token_accepted", title="Publer accepts our key", target="publer"),
    Check(id="health.publer_workspace_found", title="Publer knows our workspace", target="publer"),
    Check(id="health.publer_accounts_connected", title="Social accounts are connected in Publer", target="publer"),
    Check(id="health.publer_available", title="Publer answers well every time", target="publer"),
    Check(id="health.publer_p95_within_limit", title="Publer answers fast enough", target="publer"),
    Check(id="health.mail_server_accepts_us", title="The mail server lets us in, so that a failure can be told", target="mail"),
    Check(id="health.notification_delivered", title="Who must know of a failure or a recovery was told", target="mail"),
)

TASK = Task(
    name="health",
    title="Vendor health",
    notebook="04_health.ipynb",
    checks=CHECKS,
    targets=("chatwoot", "publer", "mail"),
)
