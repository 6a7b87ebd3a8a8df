"""Every way in which a vendor can be unwell gives its own result, and one message; a well one gives none.

The notebook's own cells are run here, in this process, against the stand-ins over real connections.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lib.core.errors import NotReadyError
from lib.core.permissions import Act, Refusal
from lib.core.results import Outcome, Provenance, SkipReason
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.mail import MailSink
from lib.embedded.vendors.publer import Publer
from lib.evidence.log import EvidenceLine
from lib.run import params
from lib.run.run_file import RunFile
from lib.tasks.health import looks as health
from lib.tasks.health.task import CHECKS
from lib.tasks.index import task_named
from tests.support.local_sections import local_sections
from tests.support.permissions import refused

NOTEBOOK = nbformat.read(task_named("health").path, as_version=4)
CELLS = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"]
FEW = {"samples": 20, "attempts": 2, "max_body_bytes": 200_000, "max_retry_after_s": 0.5}
HURRIED = {"slow": {"timeout_s": 0.4, "deadline_s": 0.9}, "slow_drip": {"timeout_s": 2.0, "deadline_s": 2.5}}
"""Only faults that take time get limits that are soon reached: else a busy machine would look like one."""
CHATWOOT, PUBLER = [one.id for one in health.CHATWOOT.values()], [one.id for one in health.PUBLER.values()]
WITH_TOKEN = CHATWOOT[2:]
TIMES = [f"health.{service}_{what}" for service in ("chatwoot", "publer") for what in ("available", "p95_within_limit")]
EVERY = [check.id for check in CHECKS]


@dataclass
class Nights:
    """Stand-ins that live from night to night, and the history that remembers who was notified."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    live: bool = False
    refusals: dict[Act, Refusal] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    count: int = 0
    standing: ExitStack = field(default_factory=ExitStack)

    def start(
        self, *, chatwoot: Any = "none", publer: Any = "none", mail: str = "none", at: tuple[str, ...] = (), latency_ms: float = 0
    ) -> None:
        """Start the three stand-ins, each with its fault."""
        self.standing.close()
        folder = self.folder / "stand-ins"
        folder.mkdir(exist_ok=True)
        self.chatwoot = self.standing.enter_context(Chatwoot(fault=chatwoot, at=at, latency_ms=latency_ms, folder=folder))
        self.publer = self.standing.enter_context(Publer(fault=publer, at=at, latency_ms=latency_ms, folder=folder))
        self.sink = self.standing.enter_context(MailSink(fault=mail, folder=self.folder / "mail"))

    def services(self) -> dict[str, dict[str, str]]:
        every = {"chatwoot": self.chatwoot.parts, "publer": self.publer.parts, "mail": self.sink.parts}
        return {name: parts for name, parts in every.items() if name not in self.missing}

    def run(self, **parameters: Any) -> dict[str, EvidenceLine]:
        """Run the notebook's cells for one night and return its results by check."""
        self.count += 1
        self.publer.used = 0  # a night has passed, and with it the window of Publer's limit
        run_id = f"20261123T05000{self.count}Z-test"
        work = self.folder / f"work-{self.count}"
        work.mkdir()
        how = Provenance.LIVE if self.live else Provenance.SIMULATED
        said = local_sections()
        sections = {name: section.model_dump(mode="json") for name, section in said.items()}
        sections["health"]["chatwoot"].update(self.changes)
        run = RunFile(
            run_id=run_id, project="pack", environment="staging", rehearsal=not self.live,
            provenances={name: how for name in self.services()}, embedded=() if self.live else tuple(self.services()),
            refusals=self.refusals, tasks=("health",),
            pack=self.folder, run_folder=self.folder / "staging" / run_id, rendered=self.folder, work=work,
            kept=self.folder / "kept", events=work / "events.jsonl", spare=work / "unkept.jsonl",
            services=self.services(), missing=self.missing,
            supabase=Path("x"), squawk=Path("x"), postgres_bin=Path("x"), sections=sections,
            secrets=(*self.chatwoot.planted, *self.publer.planted, *self.sink.planted),
        )  # fmt: skip
        run.write(work / "run.json")
        self.run_folder, self.secrets = run.run_folder, run.secrets
        self.monkeypatch.setenv(params.RUN_FILE_VARIABLE, str(work / "run.json"))
        names: dict[str, Any] = {}
        exec(CELLS[0], names)
        names.update({"environment": "staging", **FEW, **parameters})
        self.raised = False
        for cell in CELLS[1:]:
            try:
                exec(cell, names)
            except NotReadyError:
                self.raised = True
        return {line.check: line for line in names["task"].lines}

    @property
    def messages(self) -> list[EmailMessage]:
        kept = sorted((self.folder / "mail").glob("message-*.eml"))
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in kept]  # type: ignore[misc]


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    one = Nights(folder=tmp_path, monkeypatch=monkeypatch)
    monkeypatch.delenv("HISTORY_URL", raising=False)
    yield one
    one.standing.close()


def not_passed(lines: dict[str, EvidenceLine]) -> dict[str, str]:
    return {check: line.result.value for check, line in lines.items() if line.result in (Outcome.FAIL, Outcome.ERROR)}


def text_of(message: EmailMessage) -> str:
    return str(message.get_content())


def assert_nothing_secret_is_kept(nights: Nights) -> None:
    for path in nights.run_folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().decode(errors="replace")
            assert [secret for secret in nights.secrets if secret in content] == [], path.name


def test_a_healthy_night_passes_and_notifies_nobody(nights: Nights) -> None:
    nights.start()
    lines = nights.run()
    assert [line.check for line in lines.values()] and set(lines) == set(EVERY)
    assert not_passed(lines) == {}
    assert lines["health.notification_delivered"].result is Outcome.SKIP
    assert (nights.messages, nights.raised) == ([], False)
    assert {line.provenance for line in lines.values()} == {Provenance.SIMULATED}
    assert_nothing_secret_is_kept(nights)


WIRE = [
    ("refused", "error", "connection refused"),
    ("dns", "error", "name not found"),
    ("wrong_certificate", "error", "certificate not trusted"),
    ("hang_up", "error", "disconnected without an answer"),
    ("slow", "error", "no answer in time"),
    ("slow_drip", "fail", "answer too slow (HTTP 200)"),
    ("truncated", "fail", "answer broken off (HTTP 200)"),
    ("reset", "fail", "answer broken off (HTTP 200)"),
    ("html", "fail", "HTML instead of JSON (HTTP 200)"),
    ("not_json", "fail", "not JSON (HTTP 200)"),
    ("too_large", "fail", "answer too large (HTTP 200)"),
    ("redirect_elsewhere", "fail", "redirected elsewhere (HTTP 302)"),
    ("not_found", "fail", "not found (HTTP 404)"),
    ("rate_limited", "fail", "rate limited (HTTP 429)"),
    ("server_error", "fail", "server error (HTTP 500)"),
    ("unavailable", "fail", "server error (HTTP 503)"),
]


@pytest.mark.parametrize(("fault", "result", "observed"), WIRE, ids=[fault for fault, *_ in WIRE])
def test_a_sick_wire_gives_its_own_result_and_one_message(nights: Nights, fault: str, result: str, observed: str) -> None:
    nights.start(chatwoot=fault, publer=fault)
    lines = nights.run(**HURRIED.get(fault, {}))
    assert not_passed(lines) == {check: result for check in [*CHATWOOT, *PUBLER]}
    assert {lines[check].observed for check in [*CHATWOOT, *PUBLER]} == {observed}
    assert all(lines[check].fix for check in [*CHATWOOT, *PUBLER])
    assert {lines[check].result for check in TIMES} == {Outcome.SKIP}
    assert "See health.chatwoot_is_alive" in lines[TIMES[0]].detail
    [message] = nights.messages
    assert message["Subject"] == "[staging] Chatwoot and Publer failing"
    assert nights.raised
    assert_nothing_secret_is_kept(nights)


@pytest.mark.parametrize(
    ("faults", "failing"),
    [
        ({"chatwoot": "expired_token"}, {check: "token not accepted (HTTP 401)" for check in WITH_TOKEN}),
        ({"chatwoot": "forbidden"}, {check: "forbidden (HTTP 403)" for check in WITH_TOKEN}),
        ({"chatwoot": "failing_queue"}, {CHATWOOT[1]: ["queue_services is failing, not ok"]}),
        ({"chatwoot": "failing_data"}, {CHATWOOT[1]: ["data_services is failing, not ok"]}),
        ({"chatwoot": "old_version"}, {CHATWOOT[1]: ["version 3.1.0 is not one of 4.*"]}),
        ({"chatwoot": "suspended_account"}, {CHATWOOT[3]: ["status is suspended, not active"]}),
        ({"chatwoot": "no_inboxes"}, {CHATWOOT[4]: ["there are 0 items, fewer than 1"]}),
        ({"chatwoot": "reauthorization"}, {CHATWOOT[4]: ["reauthorization_required is yes of 2"]}),
        ({"chatwoot": "missing_field", "at": ("profile",)}, {CHATWOOT[2]: ["there is no list 'accounts' in it"]}),
        ({"chatwoot": "missing_field", "at": ("account",)}, {CHATWOOT[3]: ["status is missing, not active"]}),
        ({"chatwoot": "html", "at": ("inboxes",)}, {CHATWOOT[4]: "HTML instead of JSON (HTTP 200)"}),
        ({"chatwoot": "expired_token", "at": ("account",)}, {CHATWOOT[3]: "token not accepted (HTTP 401)"}),
        ({"publer": "expired_token"}, {check: "token not accepted (HTTP 401)" for check in PUBLER}),
        ({"publer": "forbidden", "at": ("accounts",)}, {PUBLER[2]: "forbidden (HTTP 403)"}),
        ({"publer": "other_workspace"}, {PUBLER[1]: ["none of the items has the id 66f1a0c4e2b7d91f0a3c5e72"]}),
        ({"publer": "no_accounts"}, {PUBLER[2]: ["there are 0 items, fewer than 1"]}),
        ({"publer": "missing_field", "at": ("user",)}, {PUBLER[0]: ["id is missing"]}),
        ({"publer": "missing_field", "at": ("accounts",)}, {PUBLER[2]: ["provider is missing"]}),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_answer_fails_its_own_check_and_no_other(nights: Nights, faults: dict[str, Any], failing: dict[str, Any]) -> None:
    nights.start(**faults)
    lines = nights.run()
    assert not_passed(lines) == dict.fromkeys(failing, "fail")
    assert {check: lines[check].observed for check in failing} == failing
    assert len(nights.messages) == 1
    assert all(check in text_of(nights.messages[0]) for check in failing)
    assert_nothing_secret_is_kept(nights)


def test_an_old_timestamp_comes_from_a_cache(nights: Nights) -> None:
    nights.start(chatwoot="stale_clock")
    lines = nights.run()
    assert not_passed(lines) == {CHATWOOT[1]: "fail"}
    assert "its clock is 10" in lines[CHATWOOT[1]].observed[0]


def test_dead_workers_are_seen_though_every_answer_is_well(nights: Nights) -> None:
    nights.changes = {"effect_deadline_s": 0.3}
    nights.start(chatwoot="dead_workers")
    lines = nights.run()
    assert not_passed(lines) == {"health.chatwoot_workers_work": "fail"}
    assert lines["health.chatwoot_workers_work"].observed == "no trace of a worker"


def test_a_conversation_that_is_no_canary_is_never_touched(nights: Nights) -> None:
    nights.changes = {"canary_label": "another-label"}
    nights.start()
    lines = nights.run()
    assert not_passed(lines) == {"health.chatwoot_workers_work": "error"}
    assert nights.chatwoot.asked["toggle"] == 0


def test_without_permission_to_write_the_canary_is_left_alone(nights: Nights) -> None:
    nights.refusals = refused()
    nights.start()
    lines = nights.run()
    assert lines["health.chatwoot_workers_work"].result is Outcome.SKIP
    assert lines["health.chatwoot_workers_work"].fix == ("Run with ALLOW_WRITES=staging to allow them.",)
    assert nights.chatwoot.asked["toggle"] + nights.chatwoot.asked["canary"] == 0


def test_no_canary_named_is_not_a_pass(nights: Nights) -> None:
    nights.changes = {"canary_conversation": None}
    nights.start()
    assert not_passed(nights.run()) == {"health.chatwoot_workers_work": "error"}


def test_now_and_then_a_503_fails_availability_alone(nights: Nights) -> None:
    nights.start(chatwoot="flaky", publer="none")
    lines = nights.run(samples=60)
    assert not_passed(lines) == {"health.chatwoot_available": "fail"}
    assert lines["health.chatwoot_available"].observed < 0.95
    assert "server error" in lines["health.chatwoot_available"].detail


def test_what_an_agent_is_not_shown_is_not_said_to_be_missing(nights: Nights) -> None:
    nights.start(chatwoot="agent_in_no_inbox")
    lines = nights.run()
    assert not_passed(lines) == {CHATWOOT[4]: "error"}
    said = (
        "GET /api/v1/accounts/1/inboxes: an agent sees only the inboxes it was added to, here 0: there are 0 items, fewer than 1."
    )
    assert (lines[CHATWOOT[4]].detail, lines[CHATWOOT[4]].fix[0].startswith("Add the token's agent")) == (said, True)


def test_slow_answers_fail_the_limit_alone(nights: Nights) -> None:
    nights.start(latency_ms=60)
    lines = nights.run(p95_limit_ms=50.0)
    assert not_passed(lines) == {"health.chatwoot_p95_within_limit": "fail", "health.publer_p95_within_limit": "fail"}


def test_publers_limit_is_never_exceeded_however_many_samples_are_asked_for(nights: Nights) -> None:
    nights.start()
    lines = nights.run(samples=500, concurrency=8)
    assert nights.publer.used == 80
    assert not_passed(lines) == {}
    assert "77 samples" in lines["health.publer_available"].expected


def test_a_variable_that_is_not_set_hides_its_service_alone_and_is_named(nights: Nights) -> None:
    nights.missing = {"publer": ("STAGING_PUBLER_API_KEY",)}
    nights.start()
    lines = nights.run()
    hidden = [check for check in EVERY if check.startswith("health.publer")]
    assert not_passed(lines) == dict.fromkeys(hidden, "error")
    assert all("STAGING_PUBLER_API_KEY is not set" in lines[check].detail for check in hidden)
    assert len(nights.messages) == 1


def test_one_message_an_incident_and_one_on_recovery(nights: Nights) -> None:
    nights.start()
    nights.chatwoot.fault = "expired_token"
    nights.run()
    nights.run()
    assert [message["Subject"] for message in nights.messages] == ["[staging] Chatwoot failing"]
    nights.publer.fault = "no_accounts"
    nights.run()
    assert nights.messages[-1]["Subject"] == "[staging] Publer failing"
    assert "Notified before and still failing: Chatwoot" in text_of(nights.messages[-1])
    nights.chatwoot.fault = nights.publer.fault = "none"
    nights.run()
    nights.run()
    assert [message["Subject"] for message in nights.messages][2:] == ["[staging] Chatwoot and Publer recovered"]


def test_a_lasting_failure_is_notified_again_when_the_reminder_is_due(nights: Nights) -> None:
    nights.start(chatwoot="expired_token")
    nights.run()
    nights.run(remind_after_h=1e-9)
    subjects = [message["Subject"] for message in nights.messages]
    assert subjects == ["[staging] Chatwoot failing", "[staging] Chatwoot still failing"]


def test_a_rehearsal_changes_no_live_incident(nights: Nights) -> None:
    nights.start(chatwoot="expired_token")
    nights.run()
    nights.live = True
    nights.run()
    assert len(nights.messages) == 2


def test_a_message_that_may_not_be_sent_is_not_allowed_and_is_still_due_once_it_may(nights: Nights) -> None:
    nights.refusals = refused(Act.NOTIFY)
    nights.start(chatwoot="expired_token", at=("profile",))
    line = nights.run()["health.notification_delivered"]
    assert (line.result, line.skipped_because) == (Outcome.SKIP, SkipReason.NOT_ALLOWED)
    assert "nobody was notified" in line.detail
    assert nights.messages == []
    nights.refusals = {}
    nights.run()
    assert [message["Subject"] for message in nights.messages] == ["[staging] Chatwoot failing"]


def test_a_message_says_what_fails_since_when_where_to_look_and_what_to_do(nights: Nights) -> None:
    nights.start(chatwoot="expired_token", at=("profile",))
    nights.run(evidence_url="https://ci.example.com/run/7", notify_to=["one@example.com", "two@example.com"])
    [message] = nights.messages
    text = text_of(message)
    assert message["To"] == "one@example.com, two@example.com"
    assert message["Delivered-To"] == "one@example.com, two@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Chatwoot fails since " in text
    assert "(run 20261123T050001Z-test)" in text
    assert "health.chatwoot_token_accepted: GET /api/v1/profile: token not accepted" in text
    assert "Fix: Make a new token" in text
    assert "Evidence: https://ci.example.com/run/7" in text
    kept = nights.run_folder / "artifacts" / "health" / "notification.eml"
    assert kept.read_bytes() == next((nights.folder / "mail").glob("message-*.eml")).read_bytes()


def webhooks(nights: Nights) -> int:
    return len(list((nights.folder / "mail").glob("webhook-*.json")))


@pytest.mark.parametrize(("fault", "result"), [("refused", "error"), ("hang_up", "error"), ("rejects_login", "fail")])
def test_a_mail_server_that_fails_is_itself_a_result_and_notified_the_second_way(nights: Nights, fault: str, result: str) -> None:
    nights.start(mail=fault)
    lines = nights.run()
    assert not_passed(lines) == {"health.mail_server_accepts_us": result}
    notified = lines["health.notification_delivered"]
    assert (notified.result, notified.see, notified.observed) == (
        Outcome.SKIP,
        "health.mail_server_accepts_us",
        "1 way of 2 took it",
    )
    assert "taken by webhook" in notified.detail
    assert (len(nights.messages), webhooks(nights)) == (0, 1)
    nights.run()
    assert webhooks(nights) == 1


@pytest.mark.parametrize("fault", ["rejects_recipient", "full"])
def test_a_message_that_is_not_taken_fails_the_delivery(nights: Nights, fault: str) -> None:
    nights.start(chatwoot="no_inboxes", mail=fault)
    lines = nights.run()
    assert not_passed(lines) == {CHATWOOT[4]: "fail", "health.notification_delivered": "fail"}
    assert "Taken by webhook all the same" in lines["health.notification_delivered"].detail


def test_a_webhook_that_fails_is_reported_while_mail_goes_out(nights: Nights) -> None:
    nights.start(chatwoot="no_inboxes", mail="webhook_down")
    lines = nights.run()
    assert "The webhook: server error (HTTP 503)" in lines["health.notification_delivered"].detail
    assert (len(nights.messages), webhooks(nights)) == (1, 0)


def test_what_nobody_heard_of_is_notified_the_next_night(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.start(chatwoot="no_inboxes", mail="refused")
    monkeypatch.setattr(MailSink, "parts", property(lambda sink: {"url": f"smtp://u:{sink.password}@127.0.0.1:9", "webhook": ""}))
    lines = nights.run()
    assert "Nobody was notified" in lines["health.notification_delivered"].detail
    monkeypatch.undo()
    nights.monkeypatch.delenv("HISTORY_URL", raising=False)
    nights.start(chatwoot="no_inboxes")
    nights.run()
    assert [message["Subject"] for message in nights.messages] == ["[staging] Chatwoot failing"]


def test_samples_cost_no_more_than_the_stand_ins_latency_allows(nights: Nights) -> None:
    nights.start(latency_ms=100)
    lines = nights.run(samples=200, concurrency=10, p95_limit_ms=60_000)
    assert not_passed(lines) == {}
    # All ten places are used and never an eleventh, so time is latency times samples by ten, and what Python needs.
    assert nights.chatwoot.busiest == nights.publer.busiest == 10
    assert sum(nights.chatwoot.asked[name] for name in health.CHATWOOT) == 200 + len(CHATWOOT)
