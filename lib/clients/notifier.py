"""The message that notifies a person, and the ways it goes: by mail, and to a webhook when there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.clients.chat import ChatMessage, Format, choose_format, format_message
from lib.clients.probe import find_fault
from lib.core.errors import MailError, WebError
from lib.core.incidents import FailedCheck, Incident, Plan
from lib.core.results import Check, Result
from lib.core.visible import plain_line, whole_text
from lib.core.wording import format_count, format_time, join_words, plain_text
from lib.transport.retry import RetryPolicy
from lib.transport.smtp import open_mail_server, read_mail_url, send_mail
from lib.transport.web import ask
from lib.transport.web_types import Question, Site

NAMES = {"chatwoot": "Chatwoot", "publer": "Publer", "mail": "Mail server"}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Which way took the message.

    rows: one a way. was_notified: whether any way took it. was_answered: whether one that did not take it said so itself.
    problems: why others did not. fixes: what to do about these.
    """

    rows: Sequence[Mapping[str, Any]]
    was_notified: bool
    was_answered: bool
    problems: Sequence[str]
    fixes: Sequence[str] = ()
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
    """Return the message: what failed, since when, how to fix it, and where the evidence is."""
    return whole_text("\n\n".join([*body_parts(plan, environment), f"Evidence: {plain_line(evidence)}"])) + "\n"


def body_parts(plan: Plan, environment: str) -> list[str]:
    """Return the message's paragraphs, but for where the evidence is."""
    parts = [f"Launch health of {environment}, {format_time(datetime.now(UTC))}."]
    if plan.is_dry_run:
        parts.append("This is a dry run: what follows is an example, and nothing needs to be done.")
    for incident in (*plan.opened, *plan.reminded):
        parts.append(incident_text(incident, [one for one in plan.failures if one.subject == incident.subject]))
    for incident in plan.recovered:
        name = NAMES.get(incident.subject, incident.subject)
        parts.append(f"{name} recovered. It had failed since {format_time(incident.opened_at)} (run {incident.run_id}).")
    quiet = [NAMES.get(one.subject, one.subject) for one in plan.quiet]
    if quiet:
        parts.append(f"Notified before and still failing: {join_words(quiet)}.")
    return parts


def incident_text(incident: Incident, failures: Sequence[FailedCheck]) -> str:
    """Return the paragraph about one failing service."""
    lines = [
        f"{NAMES.get(incident.subject, incident.subject)} fails since {format_time(incident.opened_at)} (run {incident.run_id}):"
    ]
    for one in failures:
        lines += [f"- {plain_line(one.title)}: {one.word}", f"  {one.check}: {plain_line(plain_text(one.detail, limit=600))}"]
        lines += [f"  Fix: {plain_line(plain_text(fix, limit=600))}" for fix in one.fix]
    return "\n".join(lines)


def write_message(plan: Plan, *, environment: str, evidence: str, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Return the message as it is handed in."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = plain_line(subject_line(plan, environment))
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Nobody's holiday answer comes back. Source: RFC 3834, 5.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body_text(plan, environment, evidence))
    return message


def deliver(
    mail: Mapping[str, str],
    plan: Plan,
    *,
    environment: str,
    evidence: str,
    sender: str,
    recipients: Sequence[str],
    timeout_s: float,
    mail_works: bool,
    deadline_s: float | None = None,
    webhook_format: Format = "auto",
) -> Delivery:
    """Hand the message in by every way there is, and return which took it.

    mail: the parts of the target: its url, a webhook's when there is one, and a mailbox where one can be read.
    mail_works: False leaves mail out, since why is judged already. deadline_s: of each way; twice timeout_s when None.
    webhook_format: how the webhook is spoken to; `auto` knows Slack's and Teams' hosts.
    """
    deadline_s = deadline_s or 2 * timeout_s
    message = write_message(plan, environment=environment, evidence=evidence, sender=sender, recipients=recipients)
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    fixes: list[str] = []
    artifacts = {"notification.eml": message.as_bytes()}
    answered = False
    if mail_works:
        problem = try_mail(mail["url"], message, recipients, timeout_s=timeout_s, deadline_s=deadline_s)
        rows.append({"way": "mail", "to": ", ".join(recipients), "result": "fail" if problem else "pass"})
        if problem:
            answered = problem.answered
            problems.append(problem.message)
            fixes += problem.fix
    else:
        rows.append({"way": "mail", "to": ", ".join(recipients), "result": "skip"})
    if mail.get("webhook"):
        body = format_message(chat_message(plan, environment, evidence), choose_format(webhook_format, mail["webhook"]))
        said = try_webhook(mail["webhook"], body, timeout_s=timeout_s, deadline_s=deadline_s)
        rows.append({"way": "webhook", "to": host_of(mail["webhook"]), "result": "fail" if said else "pass"})
        if said:
            answered = answered or "HTTP" in said
            problems.append(f"The webhook: {said}.")
            fixes.append("Check the webhook's address in the environment's variables.")
    received = read_received(mail.get("mailbox"), message["Message-ID"])
    if received:
        artifacts["notification.eml"] = received
    was_notified = any(row["result"] == "pass" for row in rows)
    return Delivery(
        rows=rows, was_notified=was_notified, was_answered=answered, problems=problems, fixes=fixes, artifacts=artifacts
    )


def try_mail(
    url: str, message: EmailMessage, recipients: Sequence[str], *, timeout_s: float, deadline_s: float | None = None
) -> MailError | None:
    """Hand the message to the mail server; return what went wrong, or None."""
    try:
        with open_mail_server(read_mail_url(url), timeout_s=timeout_s, deadline_s=deadline_s) as session:
            send_mail(session, message, list(recipients))
    except MailError as exc:
        return exc
    return None


def chat_message(plan: Plan, environment: str, evidence: str) -> ChatMessage:
    """Return the message for a chat service, and its facts for a program."""
    subject, shown = plain_line(subject_line(plan, environment)), plain_line(evidence)
    return ChatMessage(
        subject=subject,
        parts=[whole_text(part) for part in body_parts(plan, environment)],
        evidence=shown,
        facts={
            "text": f"{subject}\n\n{body_text(plan, environment, evidence)}",
            "environment": environment,
            "failing": sorted(one.subject for one in (*plan.opened, *plan.reminded)),
            "recovered": sorted(one.subject for one in plan.recovered),
            "dry_run": plan.is_dry_run,
            "evidence": shown,
        },
    )


def try_webhook(url: str, body: Mapping[str, Any], *, timeout_s: float, deadline_s: float) -> str | None:
    """Post the message as JSON, once; return what went wrong, or None."""
    retry = RetryPolicy(attempts=1, timeout_s=timeout_s, deadline_s=deadline_s, max_body_bytes=100_000, max_retry_after_s=0)
    try:
        parts = urlsplit(url)
        site = Site(name="the webhook", base_url=f"{parts.scheme}://{parts.netloc}", retry=retry)
    except WebError as exc:
        return exc.message.rstrip(".")
    except ValueError:
        return "its address is not a valid URL"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    [answer] = ask(site, [Question(name="webhook", path=path, method="POST", json=dict(body))], concurrency=1)
    # Chat services answer with a word or with nothing: only the status counts.
    was_taken = answer.status is not None and 200 <= answer.status < 300
    return None if was_taken else f"{find_fault(answer)}{f' (HTTP {answer.status})' if answer.status else ''}"


def host_of(url: str) -> str | None:
    """Return the host of an address, None when it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def read_received(mailbox: str | None, message_id: str) -> bytes | None:
    """Return the message as it arrived, where the target's mailbox can be read; else None."""
    if mailbox is None:
        return None
    arrived = (path.read_bytes() for path in sorted(Path(mailbox).glob("*.eml")))
    return next((content for content in arrived if message_id.encode() in content), None)


def judge_delivery(check: Check, delivery: Delivery, *, mail_check: str = "") -> Result:
    """Judge that every way there is took the message.

    mail_check: the check that says why mail was not tried, where it may be left out.
    """
    ways = [str(row["way"]) for row in delivery.rows if row["result"] == "pass"]
    expected = "taken by every way there is"
    if mail_check and delivery.was_notified and not delivery.problems and len(ways) < len(delivery.rows):
        said = f"Mail was not tried; taken by {join_words(ways)}."
        observed = f"{format_count(len(ways), 'way')} of {len(delivery.rows)} took it"
        return check.hidden_by(mail_check, said, observed=observed, expected=expected)
    if delivery.was_notified and not delivery.problems:
        return check.passed(observed=f"taken by {join_words(ways)}", expected=expected)
    alone = "Mail was left out (see health.mail_server_accepts_us), and there is no other way."
    why = " ".join(delivery.problems) or alone
    notified = f"Taken by {join_words(ways)} all the same." if ways else "Nobody was notified."
    return check.not_passed(
        answered=delivery.was_answered or not delivery.problems,
        detail=f"{why} {notified}",
        fix=delivery.fixes or check.fix,
        observed=f"{format_count(len(ways), 'way')} of {len(delivery.rows)} took it",
        expected=expected,
    )
