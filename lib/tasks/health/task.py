"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lib.clients.chat import Format
from lib.clients.vendor_health import ChatwootHealth, PublerHealth
from lib.core.plain_json import LONGEST
from lib.core.results import Check
from lib.core.section import Section, said_by_project
from lib.tasks.base import Task

EmailAddress = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+$")]
"""One plain address; nothing that could add a header or a second recipient."""


class Health(Section):
    """What 04_health requests from Chatwoot and Publer, and who is notified."""

    samples: int = Field(ge=20, le=10_000)  # timed requests a service
    concurrency: int = Field(ge=1, le=64)  # requests under way at once, a service
    attempts: int = Field(ge=1, le=10)  # tries of one request; samples are tried once
    timeout_s: float = Field(gt=0)  # longest silence of a service, s
    deadline_s: float = Field(gt=0)  # one request, tries and pauses included, s
    max_body_bytes: int = Field(ge=1000, le=LONGEST)  # a longer answer is not read on
    max_retry_after_s: float = Field(ge=0)  # a longer Retry-After is not waited for, s
    p95_limit_ms: float = Field(gt=0)  # 95th percentile of the answers' times, ms
    min_availability: float = Field(gt=0, le=1)  # share of samples answered well
    remind_after_h: float = Field(gt=0)  # a lasting failure is notified again after this, h
    stale_after_h: float = Field(gt=0)  # older evidence is shown as stale to QA, h
    notify_to: list[EmailAddress] = said_by_project([], about="mail")  # e-mail addresses; NOTIFY_EMAIL replaces them
    notify_from: EmailAddress | Literal[""] = said_by_project("", about="mail")  # the sender's e-mail address
    notify_format: Format = "auto"  # how the webhook is spoken to: json, slack, teams; auto knows Slack's and Teams' hosts
    evidence_url: str = Field(pattern=r"^(https?://\S+)?$")  # where a person opens the evidence; EVIDENCE_URL replaces it
    chatwoot: ChatwootHealth
    publer: PublerHealth


CHATWOOT_IS_ALIVE = Check(
    "health.chatwoot_is_alive",
    "Chatwoot answers at all",
    subject="chatwoot",
    fix="Check that Chatwoot runs and that its address in the environment's variables is right.",
    doc="Requests Chatwoot's health path without our token and compares the answer with health.chatwoot.alive. "
    "It tells a service that is down from one that refuses our token. "
    "It passes with a broken database or queue, since that path answers the same whatever happens.",
)
CHATWOOT_SERVICES_OK = Check(
    "health.chatwoot_services_ok",
    "Chatwoot reaches its database and queue, in an accepted version",
    subject="chatwoot",
    fix="Read Chatwoot's log, and repair its database or Redis; for another version, update health.chatwoot.services.",
    doc="Requests `/api` without our token: the states of database and queue, the version, and the clock. "
    "Chatwoot answers 200 with a failing queue, so the body is compared with params. "
    "A clock further away than max_clock_skew_s fails too, because a cache answers with an old timestamp.",
)
CHATWOOT_TOKEN_ACCEPTED = Check(
    "health.chatwoot_token_accepted",
    "Chatwoot accepts our token, for our account",
    subject="chatwoot",
    fix="Create a new access token in Chatwoot, and store it where this environment reads it.",
    doc="Requests the profile with the token that this environment really uses, and looks for our account in it. "
    "An expired token would leave every feature on Chatwoot dead. "
    "A token of another user with access to the same account passes as well.",
)
CHATWOOT_ACCOUNT_ACTIVE = Check(
    "health.chatwoot_account_active",
    "Our Chatwoot account is active",
    subject="chatwoot",
    fix="Reactivate the account in Chatwoot, or correct the account's number in the environment's variables.",
    doc="Requests our account with our token, and compares its status with params. "
    "A suspended account refuses conversations while Chatwoot itself is healthy. "
    "Limits of the plan are not looked at.",
)
CHATWOOT_INBOXES_CONNECTED = Check(
    "health.chatwoot_inboxes_connected",
    "Chatwoot's inboxes are there and connected",
    subject="chatwoot",
    fix="Reconnect the inbox in Chatwoot under Settings, Inboxes, or create the one that is missing.",
    doc="Lists the account's inboxes, and compares them with params: how many, which, and none that waits for reauthorization. "
    "An inbox that lost its authorization receives nothing, and nobody notices. "
    "Chatwoot learns of a lost authorization only when it uses it, so a fresh loss can be missed.",
)
CHATWOOT_WORKERS_WORK = Check(
    "health.chatwoot_workers_work",
    "Chatwoot's background workers do their work",
    measured=True,
    subject="chatwoot",
    fix="Check that Sidekiq runs, and look at its queues.",
    doc="Reopens and resolves a conversation kept for this probe, and waits for the reporting event that only a worker writes. "
    "All other answers stay healthy with dead workers, while no message is sent. "
    "It is skipped where changes are not allowed; a queue that is only slow fails at the deadline.",
)
CHATWOOT_AVAILABLE = Check(
    "health.chatwoot_available",
    "Chatwoot answers well every time",
    measured=True,
    subject="chatwoot",
    fix="Read Chatwoot's log for the minutes of this run.",
    doc="Requests each endpoint that was healthy at first in turn, without retries, and counts the good answers. "
    "One good answer proves little about a service behind a load balancer. "
    "A short run sees only these seconds; samples that the service's own limit of requests refuses are not counted. "
    "Where an endpoint gave no healthy first answer, the check of that answer says why, and this one is skipped. "
    "Time-outs that a control on this machine explains are an error.",
)
CHATWOOT_P95_WITHIN_LIMIT = Check(
    "health.chatwoot_p95_within_limit",
    "Chatwoot answers fast enough",
    measured=True,
    subject="chatwoot",
    fix="Check Chatwoot's load and its database for the minutes of this run.",
    doc="Compares the 95th percentile of the good answers' times, to the last byte, with p95_limit_ms. "
    "Agents wait for these answers. "
    "The times include the network from this machine, so a slow line looks like a slow service. "
    "Times that a control on this machine explains are taken again, then an error.",
)
PUBLER_TOKEN_ACCEPTED = Check(
    "health.publer_token_accepted",
    "Publer accepts our key",
    subject="publer",
    fix="Create a new API key in Publer, and store it where this environment reads it.",
    doc="Requests the key's own user with the key that this environment really uses. "
    "With a refused key nothing is scheduled. "
    "It does not say which scopes the key has; the next two checks show the ones that are used.",
)
PUBLER_WORKSPACE_FOUND = Check(
    "health.publer_workspace_found",
    "Publer knows our workspace",
    subject="publer",
    fix="Correct the workspace's id in the environment's variables, or give the key's user access to it.",
    doc="Lists the workspaces of the key's user, and looks for ours. "
    "Publer answers for another workspace without complaint, and posts would go there. "
    "A workspace of the same id with other accounts in it still passes here.",
)
PUBLER_ACCOUNTS_CONNECTED = Check(
    "health.publer_accounts_connected",
    "Social accounts are connected in Publer",
    subject="publer",
    fix="Connect the missing social account in Publer.",
    doc="Lists the workspace's social accounts, and compares them with params. "
    "Without an account a scheduled post reaches nobody. "
    "That an account is listed does not prove that its network still accepts Publer's token: Publer has no field for that.",
)
PUBLER_AVAILABLE = Check(
    "health.publer_available",
    "Publer answers well every time",
    measured=True,
    subject="publer",
    fix="Check Publer's status page for the minutes of this run.",
    doc="Requests each endpoint that was healthy at first in turn, without retries, and counts the good answers. "
    "Publer's own limit of requests leaves room for fewer samples than Chatwoot gets. "
    "Where an endpoint gave no healthy first answer, the check of that answer says why, and this one is skipped. "
    "With fewer than 20 samples, or time-outs that a control on this machine explains, it is an error, not a pass.",
)
PUBLER_P95_WITHIN_LIMIT = Check(
    "health.publer_p95_within_limit",
    "Publer answers fast enough",
    measured=True,
    subject="publer",
    fix="Check Publer's status page, and the network from this machine.",
    doc="Compares the 95th percentile of the good answers' times, to the last byte, with p95_limit_ms. "
    "A slow scheduler delays posts. "
    "The times include the network from this machine, so a slow line looks like a slow service. "
    "Times that a control on this machine explains are taken again as far as the request limit allows, then an error.",
)
MAIL_SERVER_ACCEPTS_US = Check(
    "health.mail_server_accepts_us",
    "The mail server lets us in, so that a failure can be notified",
    subject="mail",
    fix="Check the mail server's address, certificate and login in the environment's variables.",
    doc="Opens a session with the mail server, encrypted off this machine, and logs in; nothing is sent. "
    "It is looked at in every run: a server that refuses us on the night of a failure would be found too late. "
    "A server that accepts the login may still refuse a recipient.",
)
NOTIFICATION_DELIVERED = Check(
    "health.notification_delivered",
    "Who must know of a failure or a recovery was notified",
    subject="mail",
    fix="Repair the way that did not take the message, then run again.",
    doc="Sends the message that is due by mail, and to the webhook when there is one, and sees which of them took it. "
    "A failure that nobody hears of lasts. "
    "Taken by the server is not read by a person; where the mailbox can be read, the message is looked for in it. "
    "It is skipped where the mail server does not let us in, whatever the webhook took.",
)
CHECKS: tuple[Check, ...] = (
    CHATWOOT_IS_ALIVE,
    CHATWOOT_SERVICES_OK,
    CHATWOOT_TOKEN_ACCEPTED,
    CHATWOOT_ACCOUNT_ACTIVE,
    CHATWOOT_INBOXES_CONNECTED,
    CHATWOOT_WORKERS_WORK,
    CHATWOOT_AVAILABLE,
    CHATWOOT_P95_WITHIN_LIMIT,
    PUBLER_TOKEN_ACCEPTED,
    PUBLER_WORKSPACE_FOUND,
    PUBLER_ACCOUNTS_CONNECTED,
    PUBLER_AVAILABLE,
    PUBLER_P95_WITHIN_LIMIT,
    MAIL_SERVER_ACCEPTS_US,
    NOTIFICATION_DELIVERED,
)

TASK = Task(
    name="health",
    title="Vendor health",
    notebook="04_health.ipynb",
    checks=CHECKS,
    settings=Health,
    targets=("chatwoot", "publer", "mail"),
)
