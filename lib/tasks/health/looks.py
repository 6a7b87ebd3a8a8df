"""Chatwoot and Publer, requested with the credentials that are really used, and the mail that notifies a person.

A bad HTTP answer is a `fail`; where none came, nothing is known: `error`. The looks are made in order: the later
ones leave out what an earlier one has judged already, and then they are skipped and name it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from lib.clients.chatwoot import chatwoot_probes, chatwoot_site, clock_problems, hide_from_agents, try_workers
from lib.clients.notifier import deliver, judge_delivery
from lib.clients.probe import Probe, Reading, kept_answer, read_answer
from lib.clients.publer import publer_probes, publer_site
from lib.core.busyness import QUIET, Control, best_look
from lib.core.errors import MailError, TargetError
from lib.core.incidents import Plan
from lib.core.offered import offer_looks
from lib.core.permissions import Act, Refusal
from lib.core.results import Check, Findings, look
from lib.tasks.health.figures import Sample
from lib.tasks.health.judge import judge_effect, judge_reading, judge_samples, kept_result, kept_samples, reading_row, sample_rows
from lib.tasks.health.pace import ask_beside_control, retry_policy_of, time_for_samples_s
from lib.tasks.health.task import (
    CHATWOOT_ACCOUNT_ACTIVE,
    CHATWOOT_AVAILABLE,
    CHATWOOT_INBOXES_CONNECTED,
    CHATWOOT_IS_ALIVE,
    CHATWOOT_P95_WITHIN_LIMIT,
    CHATWOOT_SERVICES_OK,
    CHATWOOT_TOKEN_ACCEPTED,
    CHATWOOT_WORKERS_WORK,
    MAIL_SERVER_ACCEPTS_US,
    NOTIFICATION_DELIVERED,
    PUBLER_ACCOUNTS_CONNECTED,
    PUBLER_AVAILABLE,
    PUBLER_P95_WITHIN_LIMIT,
    PUBLER_TOKEN_ACCEPTED,
    PUBLER_WORKSPACE_FOUND,
    Health,
)
from lib.tasks.health.timing import FEWEST_SAMPLES, SampleLimits, slowness_ms, weigh_samples
from lib.transport.context import Context
from lib.transport.control import ControlClock
from lib.transport.retry import Limit
from lib.transport.smtp import open_mail_server, read_mail_url
from lib.transport.web_types import Answer, Failure, Site

CHATWOOT = {
    "alive": CHATWOOT_IS_ALIVE,
    "services": CHATWOOT_SERVICES_OK,
    "profile": CHATWOOT_TOKEN_ACCEPTED,
    "account": CHATWOOT_ACCOUNT_ACTIVE,
    "inboxes": CHATWOOT_INBOXES_CONNECTED,
}
PUBLER = {
    "user": PUBLER_TOKEN_ACCEPTED,
    "workspaces": PUBLER_WORKSPACE_FOUND,
    "accounts": PUBLER_ACCOUNTS_CONNECTED,
}
"""Endpoint -> the check that judges its answer."""


@dataclass(frozen=True, kw_only=True)
class FirstAnswers:
    """What later looks need of a service's first answers.

    well: the endpoints that answered well. sent: when requests were sent that count towards the service's limit.
    """

    well: tuple[str, ...] = ()
    sent: tuple[float, ...] = field(default=(), repr=False)


@look(*CHATWOOT.values())
def look_at_chatwoot(context: Context[Health]) -> Findings[FirstAnswers]:
    """What Chatwoot answered, first without and then with our token."""
    settings = context.settings
    service = context.service("chatwoot")
    site, probes = chatwoot_site(service, retry_policy_of(settings)), chatwoot_probes(service, settings.chatwoot)
    readings, control = read_answers(site, probes, settings)
    for place, one in enumerate(readings):
        if one.probe.name == "services":
            late = clock_problems(one.answer, one.body, max_skew_s=settings.chatwoot.max_clock_skew_s)
            readings[place] = read_answer(one.probe, one.answer, late)
    readings = hide_from_agents(readings, service.parts["account"])
    return findings_of("chatwoot", CHATWOOT, readings, control=control, timeout_s=settings.timeout_s)


@look(*PUBLER.values())
def look_at_publer(context: Context[Health]) -> Findings[FirstAnswers]:
    """What Publer answered to our key, for our workspace."""
    settings = context.settings
    service = context.service("publer")
    limit = Limit(requests=settings.publer.requests, window_s=settings.publer.window_s)
    site, probes = publer_site(service, retry_policy_of(settings), limit), publer_probes(service, settings.publer)
    readings, control = read_answers(site, probes, settings)
    return findings_of("publer", PUBLER, readings, control=control, timeout_s=settings.timeout_s, sent=tuple(limit.sent))


def read_answers(site: Site, probes: Sequence[Probe], settings: Health) -> tuple[list[Reading], Control]:
    """Return what each endpoint answers to one request, all of them sent at once, and what the control met meanwhile."""
    answers, control = ask_beside_control(site, [probe.question for probe in probes], concurrency=settings.concurrency)
    return [read_answer(probe, answer) for probe, answer in zip(probes, answers, strict=True)], control


def findings_of(
    service: str,
    checks: Mapping[str, Check],
    readings: Sequence[Reading],
    *,
    control: Control,
    timeout_s: float,
    sent: tuple[float, ...] = (),
) -> Findings[FirstAnswers]:
    """Return the findings of one answer an endpoint. sent: when requests were sent. control: what this machine met meanwhile."""
    results = [judge_reading(checks[one.probe.name], one, control, timeout_s=timeout_s) for one in readings]
    kept = [kept_result(one) for one in results]
    well = tuple(one.probe.name for one in readings if one.answer.is_whole and one.body is not None)
    return Findings(
        results=results,
        rows=[reading_row(one) for one in readings],
        artifacts={f"{service}.json": {"service": service, "results": kept, "answers": [kept_answer(one) for one in readings]}},
        facts=FirstAnswers(well=well, sent=sent),
    )


@look(CHATWOOT_WORKERS_WORK)
def look_at_workers(context: Context[Health], *, first: FirstAnswers | None) -> Findings[None]:
    """What a background worker of Chatwoot left behind after the canary conversation was resolved.

    first: the facts of look_at_chatwoot.
    """
    settings = context.settings
    service = context.service("chatwoot")
    if refusal := context.refusals.get(Act.CANARY):
        reason = f"Resolving the canary conversation changes it. {refusal.reason}"
        return look_at_workers.not_allowed(Refusal(reason=reason, fix=refusal.fix))
    if settings.chatwoot.canary_conversation is None:
        return look_at_workers.errors("No canary conversation is named.", fix="Name one in health.chatwoot.canary_conversation.")
    if first is None or "profile" not in first.well:
        return look_at_workers.hidden_by(CHATWOOT["profile"].id, "Without our token nothing can be resolved.")
    with ControlClock() as clock:
        began_s = time.monotonic()
        effect = try_workers(chatwoot_site(service, retry_policy_of(settings)), service, settings.chatwoot)
        control = clock.since(began_s)
    result = judge_effect(CHATWOOT_WORKERS_WORK, effect, control, deadline_s=settings.chatwoot.effect_deadline_s)
    return Findings(results=[result])


@look(CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT)
def look_at_chatwoot_times(context: Context[Health], *, first: FirstAnswers | None) -> Findings[list[Sample]]:
    """How often and how fast Chatwoot answered well."""
    settings = context.settings
    service = context.service("chatwoot")
    site = chatwoot_site(service, retry_policy_of(settings, attempts=1))
    probes = chatwoot_probes(service, settings.chatwoot)
    return take_samples(settings, site, probes, CHATWOOT, (CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT), first)


@look(PUBLER_AVAILABLE, PUBLER_P95_WITHIN_LIMIT)
def look_at_publer_times(context: Context[Health], *, first: FirstAnswers | None) -> Findings[list[Sample]]:
    """How often and how fast Publer answered well, within its limit of requests."""
    settings = context.settings
    service = context.service("publer")
    limit = Limit(requests=settings.publer.requests, window_s=settings.publer.window_s)
    limit.sent.extend(first.sent if first else ())
    site = publer_site(service, retry_policy_of(settings, attempts=1), limit)
    probes = publer_probes(service, settings.publer)
    return take_samples(settings, site, probes, PUBLER, (PUBLER_AVAILABLE, PUBLER_P95_WITHIN_LIMIT), first)


def take_samples(
    settings: Health,
    site: Site,
    probes: Sequence[Probe],
    judged: Mapping[str, Check],
    checks: tuple[Check, Check],
    first: FirstAnswers | None,
) -> Findings[list[Sample]]:
    """Request each endpoint that answered well at first in turn, each request tried once, and judge the times.

    Samples that stay unclear beside the control are taken again, as far as the service's limit of requests allows.
    judged: endpoint -> the check that has judged its first answer. checks: of availability and of the times.
    """
    name = site.name.lower()
    well = [probe for probe in probes if first is not None and probe.name in first.well]
    left_out = {probe.name: judged[probe.name] for probe in probes if probe not in well}
    limits = SampleLimits(p95_ms=settings.p95_limit_ms, min_availability=settings.min_availability, timeout_s=settings.timeout_s)

    def left() -> int:
        return settings.samples if site.limit is None else min(settings.samples, site.limit.left_now())

    def take() -> tuple[list[Probe], list[Answer], Control]:
        turns: list[Probe] = list(islice(cycle(well), left())) if well else []
        if not turns:
            return turns, [], QUIET
        questions = [probe.question for probe in turns]
        answers, control = ask_beside_control(
            site, questions, concurrency=settings.concurrency, within_s=time_for_samples_s(settings)
        )
        sent = [place for place, one in enumerate(answers) if one.failure is not Failure.NOT_SENT]
        return [turns[place] for place in sent], [answers[place] for place in sent], control

    turns, answers, control = best_look(
        take,
        standing=lambda one: weigh_samples(one[1], limits, one[2]),
        figure=lambda one: slowness_ms(one[1]),
        may_repeat=lambda: left() >= FEWEST_SAMPLES,
    )
    # One at a time: all of them read together would take many times the memory of their bodies.
    readings = (read_answer(probe, answer) for probe, answer in zip(turns, answers, strict=True))
    results = judge_samples(checks, answers, left_out, limits=limits, control=control)
    times = [
        Sample(service=site.name, endpoint=one.question.name, ms=round(one.elapsed_ms, 2), good=one.is_whole) for one in answers
    ]
    return Findings(
        results=results,
        rows=sample_rows(answers, control),
        artifacts={f"{name}_samples.json": kept_samples(readings)},
        facts=times,
    )


@look(MAIL_SERVER_ACCEPTS_US)
def look_at_mail_server(context: Context[Health]) -> Findings[bool]:
    """Whether the mail server lets us in; nothing is sent."""
    check = MAIL_SERVER_ACCEPTS_US
    server = read_mail_url(context.service("mail").url)
    expected = "a session, encrypted off this machine, with our login"
    try:
        with open_mail_server(server, timeout_s=context.settings.timeout_s, deadline_s=context.settings.deadline_s) as session:
            session.noop()
    except MailError as exc:
        bad = check.not_passed(
            answered=exc.answered, detail=exc.message, fix=exc.fix or check.fix, observed="not let in", expected=expected
        )
        return Findings(results=[bad], facts=False)
    return Findings(results=[check.passed(observed="let in", expected=expected)], facts=True)


@look(NOTIFICATION_DELIVERED)
def look_at_notification(context: Context[Health], *, plan: Plan, evidence: str, mail_works: bool) -> Findings[bool]:
    """Which message was due, and who took it.

    plan: whom to notify of what, from the incidents before this run. evidence: the address of this run's page.
    mail_works: whether the mail server let us in just now.
    facts: whether the message was delivered by any way; None when none was due.
    """
    check, settings = NOTIFICATION_DELIVERED, context.settings
    if not plan.is_due:
        return look_at_notification.not_due(f"No message was due: {plan.why_not}.")
    if refusal := context.refusals.get(Act.NOTIFY):
        reason = f"A message is due, and nobody was notified. {refusal.reason}"
        return look_at_notification.not_allowed(Refusal(reason=reason, fix=refusal.fix))
    try:
        delivery = deliver(
            context.service("mail").parts,
            plan,
            environment=context.environment,
            evidence=evidence,
            sender=settings.notify_from,
            recipients=settings.notify_to,
            timeout_s=settings.timeout_s,
            deadline_s=settings.deadline_s,
            mail_works=mail_works,
            webhook_format=settings.notify_format,
        )
    except TargetError as exc:
        return Findings(results=[check.errored_by(exc)], facts=False)
    return Findings(
        results=[judge_delivery(check, delivery, mail_check=MAIL_SERVER_ACCEPTS_US.id)],
        rows=delivery.rows,
        artifacts=delivery.artifacts,
        facts=delivery.was_notified,
    )


offer_looks(__name__)
