"""How the stand-ins behave: the part `embedded` of params, faults included."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.clients.vault.declared import CredentialTarget
from lib.core.section import Section

WireFault = Literal[
    "none", "refused", "dns", "wrong_certificate", "hang_up", "slow", "slow_drip", "truncated", "reset", "html", "not_json",
    "too_large", "redirect_elsewhere", "expired_token", "forbidden", "not_found", "rate_limited", "rate_limited_once",
    "server_error", "unavailable", "flaky", "missing_field",
]  # fmt: skip
"""What can be wrong with any web service."""
ChatwootFault = (
    WireFault
    | Literal[
        "failing_queue",
        "failing_data",
        "stale_clock",
        "old_version",
        "suspended_account",
        "no_inboxes",
        "agent_in_no_inbox",
        "reauthorization",
        "dead_workers",
    ]
)
PublerFault = WireFault | Literal["other_workspace", "no_accounts"]
MailFault = Literal["none", "refused", "hang_up", "rejects_login", "rejects_recipient", "full", "webhook_down"]


class ChatwootStandIn(Section):
    """How the stand-in of Chatwoot behaves."""

    fault: ChatwootFault  # the bad day it has
    at: list[Literal["alive", "services", "profile", "account", "inboxes"]]  # endpoints with the fault; none named: all
    latency_ms: float = Field(ge=0)  # of each answer, ms


class PublerStandIn(Section):
    """How the stand-in of Publer behaves."""

    fault: PublerFault  # the bad day it has
    at: list[Literal["user", "workspaces", "accounts"]]  # endpoints with the fault; none named: all
    latency_ms: float = Field(ge=0)  # of each answer, ms


class MailSink(Section):
    """How the local mail server behaves."""

    fault: MailFault  # the bad day it has


class FlyStandIn(Section):
    """How the stand-in of Fly.io behaves.

    fault: the bad day it has.
    """

    fault: Literal[
        "none", "not_logged_in", "reads_hang", "half_a_json", "deploy_hangs", "deploy_dies", "deploy_deadline",
        "previous_image_gone", "previous_image_pruned",
    ]  # fmt: skip
    crash_after_s: float | None = Field(gt=0)  # when an image that crashes does so; null: when it says itself, s
    boot_s: float = Field(ge=0)  # a machine's start before its app's, s


class CredentialStandIns(Section):
    """What the vault is in a rehearsal, and in what the stand-ins differ from it when one starts.

    lacking: declared names that a target does not have. undeclared: names it has besides. old: names that were
    set there before the vault's copy changed. Each by target.
    """

    vault: Literal["folder", "hashicorp"]  # what is played: the project's folder, or HashiCorp Vault filled from it
    lacking: dict[CredentialTarget, list[str]]
    undeclared: dict[CredentialTarget, list[str]]
    old: dict[CredentialTarget, list[str]]
    github_fault: WireFault  # the bad day of GitHub's API


class Embedded(Section):
    """What stands in for services that are not live, faults included: for rehearsing the bad days."""

    chatwoot: ChatwootStandIn
    publer: PublerStandIn
    mail: MailSink
    fly: FlyStandIn
    credentials: CredentialStandIns
