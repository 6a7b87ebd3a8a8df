"""The message that tells a person, and the ways it goes: by mail, and to a webhook when there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.clients.probe import name_finding
from lib.core.errors import MailError, WebError
from lib.core.incidents import Episode, Failure, Plan
from lib.core.redact import strike
from lib.core.results import Result, not_passed, passed
from lib.core.wording import join_words, plain_text, show_count, show_time, split_detail
from lib.transport.context import World
from lib.transport.retry import Patience
from lib.transport.smtp import open_mail_server, read_mail_url, send_mail
from lib.transport.web import ask
from lib.transport.web_types import Question, Site

NAMES = {"chatwoot": "Chatwoot", "publer": "Publer", "mail": "Mail server"}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Which way took the message. rows: one a way. was_told: whether any did. problems: why others did not."""

    rows: Sequence[Mapping[str, Any]]
    was_told: bool
    was_answered: bool
    problems: Sequence[str]
    artifacts: Mapping[str, Any] = field(default_factory=dict)


def subject_line(plan: Plan, environment: str) -> str:
    """Return the subject: the environment first, then what changed."""
    bad = [NAMES.get(one.subject, one.subject) for one in (*plan.opened, *plan.reminded)]
    well = [NAMES.get(one.subject, one.subject) for one in plan.recovered]
    still = "still " if plan.reminded and not plan.opened else ""
    parts = [f"{join_words(bad)} {still}failing"] if bad else []
    parts += [f"{join_words(well)} recovered"] if well else []
    return f"[{environment}] {'Dry run: ' if plan.is_dry_run else ''}{'; '.join(parts)}"


def body_text(plan: Plan, environment: str, evidence: str) -> str:
    """Return the message: what failed, since when, where the evidence is, what to do next."""
    parts = [f"Launch health of {environment}, {show_time(datetime.now(UTC))}."]
    if plan.is_dry_run:
        parts.append("This is a dry run: what follows is an example, and nothing needs to be done.")
    for episode in (*plan.opened, *plan.reminded):
        parts.append(episode_text(episode, [one for one in plan.failures if one.subject == episode.subject]))
    for episode in plan.recovered:
        name = NAMES.get(episode.subject, episode.subject)
        parts.append(f"{name} recovered. It had failed since {show_time(episode.opened_at)} (run {episode.run_id}).")
    quiet = [NAMES.get(one.subject, one.subject) for one in plan.quiet]
    if quiet:
        parts.append(f"Told before and still failing: {join_words(quiet)}.")
    parts.append(f"Evidence: {evidence}")
    return strike("\n\n".join(parts)) + "\n"


def episode_text(episode: Episode, failures: Sequence[Failure]) -> str:
    """Return what is to be said of one failing service."""
    lines = [f"{NAMES.get(episode.subject, episode.subject)} fails since {show_time(episode.opened_at)} (run {episode.run_id}):"]
    for one in failures:
        seen, move = split_detail(plain_text(one.detail, limit=600))
        lines += [f"- {one.title}: {one.word}", f"  {one.check}: {seen}", *([f"  Next move: {move}"] if move else [])]
    return "\n".join(lines)


def write_message(plan: Plan, *, environment: str, evidence: str, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Return the message as it is handed in."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = strike(subject_line(plan, environment))
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Nobody's holiday answer comes back. Source: RFC 3834, 5.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body_text(plan, environment, evidence))
    return message


def deliver(world: World, plan: Plan, *, evidence: str, mail_works: bool) -> Delivery:
    """Hand the message in by every way there is, and return which took it.

    mail_works: False leaves mail out, since why is judged already.
    Raises TargetError when the target itself is not set.
    """
    parts = world.service("mail").parts
    settings = world.sections["health"]
    message = write_message(
        plan, environment=world.environment, evidence=evidence, sender=settings.notify_from, recipients=settings.notify_to
    )
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    artifacts = {"notification.eml": message.as_bytes()}
    answered = False
    if mail_works:
        problem = try_mail(parts["url"], message, settings.notify_to, timeout_s=settings.timeout_s)
        answered = answered or (problem is not None and problem.answered)
        rows.append({"way": "mail", "to": ", ".join(settings.notify_to), "result": "fail" if problem else "pass"})
        problems += [str(problem)] if problem else []
    else:
        rows.append({"way": "mail", "to": ", ".join(settings.notify_to), "result": "skip"})
    if parts.get("webhook"):
        said = try_webhook(parts["webhook"], plan, world.environment, evidence, timeout_s=settings.timeout_s)
        rows.append({"way": "webhook", "to": urlsplit(parts["webhook"]).hostname, "result": "fail" if said else "pass"})
        problems += [f"The webhook: {said}."] if said else []
        answered = answered or "HTTP" in (said or "")
    received = read_received(parts.get("mailbox"), message["Message-ID"])
    if received:
        artifacts["notification.eml"] = received
    was_told = any(row["result"] == "pass" for row in rows)
    return Delivery(rows=rows, was_told=was_told, was_answered=answered, problems=problems, artifacts=artifacts)


def try_mail(url: str, message: EmailMessage, recipients: Sequence[str], *, timeout_s: float) -> MailError | None:
    """Hand the message to the mail server; return what went wrong, or None."""
    try:
        with open_mail_server(read_mail_url(url), timeout_s=timeout_s) as session:
            send_mail(session, message, list(recipients))
    except MailError as exc:
        return exc
    return None


def try_webhook(url: str, plan: Plan, environment: str, evidence: str, *, timeout_s: float) -> str | None:
    """Post the message as JSON, once; return what went wrong, or None. `text` is what chat services show."""
    body = {
        "text": f"{subject_line(plan, environment)}\n\n{body_text(plan, environment, evidence)}",
        "environment": environment,
        "failing": sorted(one.subject for one in (*plan.opened, *plan.reminded)),
        "recovered": sorted(one.subject for one in plan.recovered),
        "dry_run": plan.is_dry_run,
        "evidence": strike(evidence),
    }
    patience = Patience(attempts=1, timeout_s=timeout_s, deadline_s=2 * timeout_s, max_body_bytes=100_000, max_retry_after_s=0)
    parts = urlsplit(url)
    try:
        site = Site(name="the webhook", base_url=f"{parts.scheme}://{parts.netloc}", patience=patience)
    except WebError as exc:
        return str(exc)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    [answer] = ask(site, [Question(name="webhook", path=path, method="POST", json=body)], concurrency=1)
    # Chat services answer with a word or with nothing: only the status counts.
    return None if answer.is_whole else f"{name_finding(answer)[0]}{f' (HTTP {answer.status})' if answer.status else ''}"


def read_received(mailbox: str | None, message_id: str) -> bytes | None:
    """Return the message as it arrived, where the target's mailbox can be read; else None."""
    if mailbox is None:
        return None
    arrived = (path.read_bytes() for path in sorted(Path(mailbox).glob("*.eml")))
    return next((content for content in arrived if message_id.encode() in content), None)


def judge_delivery(check: str, delivery: Delivery) -> Result:
    """Judge that every way that was tried took the message, and that there was one."""
    ways = [str(row["way"]) for row in delivery.rows if row["result"] == "pass"]
    expected = "taken by every way there is"
    if delivery.was_told and not delivery.problems:
        return passed(check, observed=f"taken by {join_words(ways)}", expected=expected)
    why = " ".join(problem.partition(" Next: ")[0] for problem in delivery.problems)
    alone = "Mail was left out (judged by health.mail_server_accepts_us), and there is no other way. "
    left_out = "" if delivery.problems else alone
    told = f"Taken by {join_words(ways)} all the same. " if ways else "Nobody was told. "
    answered = delivery.was_answered or not delivery.problems
    observed = f"{show_count(len(ways), 'way')} of {len(delivery.rows)} took it"
    detail = f"{left_out}{why} {told}Next: mend that way, then run again.".strip()
    return not_passed(check, answered=answered, detail=detail, observed=observed, expected=expected)
