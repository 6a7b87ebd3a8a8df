"""Chatwoot and Publer, asked with the credentials that are really used, and the mail that tells a person.

An HTTP answer that is bad is a `fail`; where none came, nothing is known: `error`. The looks are made in
order: the later ones leave out what an earlier one has judged already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

from lib.clients.chatwoot import chatwoot_probes, chatwoot_site, clock_problems, try_workers
from lib.clients.notifier import deliver, judge_delivery
from lib.clients.probe import Probe, Reading, kept_answer, read_answer
from lib.clients.publer import publer_probes, publer_site
from lib.core.errors import MailError, TargetError
from lib.core.incidents import Plan
from lib.core.results import Findings, looks_at, not_passed, passed, skipped, unseen
from lib.tasks.health.judge import judge_effect, judge_reading, judge_samples, kept_result, kept_samples, reading_row, sample_rows
from lib.tasks.health.task import Health
from lib.transport.context import World
from lib.transport.retry import Limit, Patience
from lib.transport.smtp import open_mail_server, read_mail_url
from lib.transport.web import ask
from lib.transport.web_types import Question, Site

CHATWOOT = {
    "alive": "health.chatwoot_is_alive",
    "services": "health.chatwoot_services_ok",
    "profile": "health.chatwoot_token_accepted",
    "account": "health.chatwoot_account_active",
    "inboxes": "health.chatwoot_inboxes_connected",
}
PUBLER = {
    "user": "health.publer_token_accepted",
    "workspaces": "health.publer_workspace_found",
    "accounts": "health.publer_accounts_connected",
}
"""Endpoint -> the check that judges its answer."""


@looks_at(*CHATWOOT.values())
def look_at_chatwoot(world: World) -> Findings:
    """What Chatwoot answered, first without and then with our token."""
    settings: Health = world.settings
    service = world.service("chatwoot")
    site, probes = chatwoot_site(service, patience_of(settings)), chatwoot_probes(service, settings.chatwoot)
    readings = read_answers(site, probes, settings)
    for place, one in enumerate(readings):
        if one.probe.name == "services":
            late = clock_problems(one.answer, one.body, max_skew_s=settings.chatwoot.max_clock_skew_s)
            readings[place] = read_answer(one.probe, one.answer, late)
    return tell_readings("chatwoot", CHATWOOT, readings)


@looks_at(*PUBLER.values())
def look_at_publer(world: World) -> Findings:
    """What Publer answered to our key, for our workspace."""
    settings: Health = world.settings
    service = world.service("publer")
    limit = Limit(requests=settings.publer.requests, window_s=settings.publer.window_s)
    site, probes = publer_site(service, patience_of(settings), limit), publer_probes(service, settings.publer)
    return tell_readings("publer", PUBLER, read_answers(site, probes, settings), sent=tuple(limit.sent))


def read_answers(site: Site, probes: Sequence[Probe], settings: Health) -> list[Reading]:
    """Return what each endpoint answers to one question, all of them asked at once."""
    answers = ask(site, [probe.question for probe in probes], concurrency=settings.concurrency)
    return [read_answer(probe, answer) for probe, answer in zip(probes, answers, strict=True)]


def tell_readings(
    service: str, checks: Mapping[str, str], readings: Sequence[Reading], *, sent: Sequence[float] = ()
) -> Findings:
    """Return the findings of one answer an endpoint. facts: the endpoints that answered well, and when we asked."""
    results = [judge_reading(checks[one.probe.name], one) for one in readings]
    kept = [kept_result(one) for one in results]
    return Findings(
        results=results,
        rows=[reading_row(one) for one in readings],
        artifacts={f"{service}.json": {"service": service, "results": kept, "answers": [kept_answer(one) for one in readings]}},
        facts={"well": [one.probe.name for one in readings if one.answer.is_whole and one.body is not None], "sent": list(sent)},
    )


@looks_at("health.chatwoot_workers_work")
def look_at_workers(world: World, *, first: Mapping[str, Any] | None) -> Findings:
    """What a background worker of Chatwoot left behind after the canary conversation was resolved.

    first: the facts of look_at_chatwoot.
    """
    check = "health.chatwoot_workers_work"
    settings: Health = world.settings
    service = world.service("chatwoot")
    if not world.writes_allowed:
        here = world.environment
        reason = (
            f"Resolving the canary conversation changes it, and changes to {here} are not allowed. "
            f"Next: run with ALLOW_WRITES={here}."
        )
        return Findings(results=[skipped(check, reason)])
    if settings.chatwoot.canary_conversation is None:
        reason = "No canary conversation is named. Next: name one in health.chatwoot.canary_conversation."
        return Findings(results=[unseen(check, reason)])
    if "profile" not in (first or {}).get("well", ()):
        reason = f"Without our token nothing can be resolved: judged by {CHATWOOT['profile']}."
        return Findings(results=[skipped(check, reason)])
    effect = try_workers(chatwoot_site(service, patience_of(settings)), service, settings.chatwoot)
    return Findings(results=[judge_effect(check, effect, deadline_s=settings.chatwoot.effect_deadline_s)])


@looks_at("health.chatwoot_available", "health.chatwoot_p95_within_limit")
def look_at_chatwoot_times(world: World, *, first: Mapping[str, Any] | None) -> Findings:
    """How often and how fast Chatwoot answered well."""
    settings: Health = world.settings
    service = world.service("chatwoot")
    site = chatwoot_site(service, patience_of(settings, attempts=1))
    return take_samples(settings, site, chatwoot_probes(service, settings.chatwoot), CHATWOOT, first)


@looks_at("health.publer_available", "health.publer_p95_within_limit")
def look_at_publer_times(world: World, *, first: Mapping[str, Any] | None) -> Findings:
    """How often and how fast Publer answered well, within its limit of requests."""
    settings: Health = world.settings
    service = world.service("publer")
    limit = Limit(requests=settings.publer.requests, window_s=settings.publer.window_s)
    limit.sent.extend((first or {}).get("sent", ()))
    site = publer_site(service, patience_of(settings, attempts=1), limit)
    return take_samples(settings, site, publer_probes(service, settings.publer), PUBLER, first)


def take_samples(
    settings: Health, site: Site, probes: Sequence[Probe], checks: Mapping[str, str], first: Mapping[str, Any] | None
) -> Findings:
    """Ask each endpoint that answered well at first in turn, each question tried once, and judge the times."""
    name = site.name.lower()
    well = [probe for probe in probes if probe.name in (first or {}).get("well", ())]
    left_out = {probe.name: checks[probe.name] for probe in probes if probe not in well}
    wanted = settings.samples if site.limit is None else min(settings.samples, site.limit.left_now())
    turns: list[Probe] = list(islice(cycle(well), wanted)) if well else []
    questions: list[Question] = [probe.question for probe in turns]
    answers = ask(site, questions, concurrency=settings.concurrency) if questions else []
    readings = [read_answer(probe, answer) for probe, answer in zip(turns, answers, strict=True)]
    results = judge_samples(
        f"health.{name}", answers, left_out, p95_limit_ms=settings.p95_limit_ms, min_availability=settings.min_availability
    )
    times = [
        {"service": site.name, "endpoint": one.probe.name, "ms": round(one.answer.elapsed_ms, 2), "good": one.answer.is_whole}
        for one in readings
    ]
    return Findings(
        results=results, rows=sample_rows(answers), artifacts={f"{name}_samples.json": kept_samples(readings)}, facts=times
    )


def patience_of(settings: Health, *, attempts: int | None = None) -> Patience:
    """Return how long params let us pursue one question."""
    return Patience(
        attempts=attempts or settings.attempts,
        timeout_s=settings.timeout_s,
        deadline_s=settings.deadline_s,
        max_body_bytes=settings.max_body_bytes,
        max_retry_after_s=settings.max_retry_after_s,
    )


@looks_at("health.mail_server_accepts_us")
def look_at_mail_server(world: World) -> Findings:
    """Whether the mail server lets us in; nothing is sent."""
    check = "health.mail_server_accepts_us"
    server = read_mail_url(world.service("mail").url)
    expected = "a session, encrypted off this machine, with our login"
    try:
        with open_mail_server(server, timeout_s=world.settings.timeout_s) as session:
            session.noop()
    except MailError as exc:
        bad = not_passed(check, answered=exc.answered, detail=str(exc), observed="not let in", expected=expected)
        return Findings(results=[bad])
    return Findings(results=[passed(check, observed="let in", expected=expected)], facts={"accepted": True})


@looks_at("health.notification_delivered")
def look_at_notification(world: World, *, plan: Plan, evidence: str, mail_works: bool) -> Findings:
    """Which message was due, and who took it.

    plan: what is to be told, from the episodes before this run. evidence: the address of this run's page.
    mail_works: whether the mail server let us in just now.
    facts: whether the message was delivered by any way; None when none was due.
    """
    check = "health.notification_delivered"
    if not plan.is_due:
        return Findings(results=[skipped(check, f"No message was due: {plan.why_not}.")], facts=None)
    try:
        delivery = deliver(world, plan, evidence=evidence, mail_works=mail_works)
    except TargetError as exc:
        return Findings(results=[unseen(check, str(exc))], facts=False)
    return Findings(
        results=[judge_delivery(check, delivery)], rows=delivery.rows, artifacts=delivery.artifacts, facts=delivery.was_told
    )
