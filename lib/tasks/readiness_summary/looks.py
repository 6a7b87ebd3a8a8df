"""The run itself, judged: every check has a result, no credential was kept, and the paper trail is complete.

The looks get what the run wrote as plain data; what the results mean is `results.decide`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.clients.notifier import deliver, judge_delivery
from lib.clients.notifier_example import example_plan
from lib.clients.vault.vault_copy import open_vault, read_copy
from lib.core.errors import TargetError
from lib.core.last_look import UNREAD, Leak, find_files, look_once_more
from lib.core.make_commands import make_command, pack_word
from lib.core.offered import offer_looks
from lib.core.pack_files import read_text_file
from lib.core.permissions import Act, Refusal
from lib.core.redact import known_secrets, telling_parts
from lib.core.results import Findings, Outcome, look
from lib.core.wording import join_words
from lib.tasks.readiness_summary import judge as paper
from lib.tasks.readiness_summary import nights
from lib.tasks.readiness_summary.attachments import judge_attachments
from lib.tasks.readiness_summary.links import broken_links
from lib.tasks.readiness_summary.nights import NIGHTLY
from lib.tasks.readiness_summary.runbook_words import find_word_problems
from lib.tasks.readiness_summary.task import (
    CREDENTIALS,
    DEPLOY,
    DOCUMENT_LINKS_RESOLVE,
    EVERY_CHECK_HAS_A_RESULT,
    FEEDBACK_ARTIFACTS_AGREE,
    FEEDBACK_ENTRY_IS_WHOLE,
    MAIL_TIMEOUT_S,
    NIGHTLY_ANSWERS_OUTLIVE_CI,
    NIGHTLY_FAILURE_NOTIFIES,
    NO_CREDENTIAL_WAS_KEPT,
    NOTE_TELLS_MIGRATION_STATUS,
    NOTIFIED_PEOPLE,
    NOTIFY_DRY_RUN_RECORDED,
    NOTIFY_SENDER,
    QA_LINKS_ARE_FRESH,
    RUNBOOK_TELLS_THE_FLOW,
    ReadinessSummary,
)
from lib.transport.context import Context

LONGEST_RUNBOOK_BYTES = 1024 * 1024


@look(EVERY_CHECK_HAS_A_RESULT)
def look_at_results(
    context: Context[ReadinessSummary], *, expected: Mapping[str, Sequence[str]], found: Iterable[str]
) -> Findings[None]:
    """Each task's checks, and how many of them have a result.

    expected: task -> ids of its checks, for the tasks of this run; found: ids with a result.
    """
    return judge_results(expected, set(found))


def judge_results(expected: Mapping[str, Sequence[str]], found: set[str]) -> Findings[None]:
    """Judge that no expected check is without a result."""
    check = EVERY_CHECK_HAS_A_RESULT
    rows = [
        {"task": task, "checks": len(ids), "with a result": sum(one in found for one in ids)} for task, ids in expected.items()
    ]
    missing = [one for ids in expected.values() for one in ids if one not in found]
    total = sum(len(ids) for ids in expected.values())
    if not total:
        return Findings(results=[check.errored("No task was selected.", fix="Run without ONLY, or name tasks in it.")])
    detail = f"Without a result: {', '.join(missing)}." if missing else ""
    result = check.judge(holds=not missing, observed=total - len(missing), expected=total, unit="checks", detail=detail)
    return Findings(results=[result], rows=rows)


@look(NO_CREDENTIAL_WAS_KEPT)
def look_for_credentials(
    context: Context[ReadinessSummary], *, folder: Path, beside: Path, unread: str = ""
) -> Findings[list[str]]:
    """The files of the run that were read through for credentials.

    folder: the run's own folder; beside: where the executed notebooks wait to be published.
    unread: what of the vault could not be read before the run, as a sentence.
    """
    known = known_secrets()  # before the vault is read: its placeholders are not credentials
    of_vault, note = find_vault_secrets(context)
    # What else lies beside the notebooks is the run's private folder, gone when the run ends.
    files = [*find_files(folder), *beside.glob("*.ipynb")]
    return judge_leaks(look_once_more(folder.parent, known=known | of_vault, files=files), files=len(files), note=note or unread)


def find_vault_secrets(context: Context[ReadinessSummary]) -> tuple[frozenset[str], str]:
    """Return what gives away every real value in the vault that this run looked at, and what could not be read of it.

    A placeholder is not a credential: it may be on a page that lists placeholders.
    """
    if "vault" not in context.services:
        return frozenset(), ""
    settings, service = context.borrow(CREDENTIALS), context.service("vault")
    parts: list[str] = []
    note = ""
    for path in (settings.vault_path, *settings.apart_from):
        try:
            copy = read_copy(open_vault(service.parts, settings, pack=context.pack, path=path), settings)
        except TargetError:
            note = f"Not all of the vault could be read: {path}."
            continue
        parts += [part for one in copy.real(settings.placeholders).values() for part in telling_parts(one.value)]
    return frozenset(parts), note


def judge_leaks(leaks: Sequence[Leak], *, files: int, note: str = "") -> Findings[list[str]]:
    """Judge that no file holds a known credential in any of its spellings, nor anything shaped like one."""
    check = NO_CREDENTIAL_WAS_KEPT
    expected, read = "no credential in any file", f"none in {files} files"
    holding, unread = [leak for leak in leaks if leak.count], [leak.file for leak in leaks if UNREAD in leak.kinds]
    if not files:
        result = check.errored("There was no file to read.", fix="Run the tasks first.")
    elif holding:
        named = ", ".join(map(str, holding))
        result = check.failed(observed=[leak.file for leak in holding], expected=expected, detail=f"A credential is in {named}.")
    elif unread:
        said = f"{join_words(unread)} could not be read whole. Nobody knows whether a credential is in there."
        result = check.errored(said, observed=read, expected=expected, fix="See what these files are; run again.")
    elif note:
        fix = "Let this run read the vault: the credentials task says what stands in the way."
        said = f"{note} Nobody knows whether its values were kept."
        result = check.errored(said, observed=read, expected=expected, fix=fix)
    else:
        result = check.passed(observed=read, expected=expected)
    return Findings(results=[result], facts=[leak.file for leak in holding])


@look(*NIGHTLY.values(), NIGHTLY_ANSWERS_OUTLIVE_CI, NIGHTLY_FAILURE_NOTIFIES)
def look_at_nights(context: Context[ReadinessSummary], *, is_whole: bool) -> Findings[None]:
    """Each job of the pack's workflows that checks Chatwoot or Publer, and when.

    is_whole: whether every task is part of the run; one of some tasks is judged by these alone.
    """
    if not is_whole:
        return look_at_nights.not_due(paper.ONLY_WHOLE)
    documents = nights.read_workflows(context.pack)
    people = context.borrow(NOTIFIED_PEOPLE)
    rows = {service: nights.nightly_jobs(documents, service, people) for service in NIGHTLY}
    results = [nights.judge_nightly(NIGHTLY[service], service, found) for service, found in rows.items()]
    every = [row for found in rows.values() for row in found]
    results += [nights.judge_kept(every), nights.judge_failure_path(every, people)]
    return Findings(results=results, rows=every)


@look(NOTIFY_DRY_RUN_RECORDED)
def look_at_dry_run(
    context: Context[ReadinessSummary], *, is_whole: bool, mail_problem: str, recorded: Sequence[Mapping[str, Any]], run_id: str
) -> Findings[None]:
    """Which way took a notification that was sent as a dry run.

    Where all mail stays on this machine it is sent now. Anywhere else a person would get it in every run, so a recorded
    one of `make notify-dry-run` is looked for.
    is_whole: whether every task is part of the run. mail_problem: the check by which no mail can be sent, or ''.
    recorded: earlier dry runs, as `judge_recorded` takes them.
    """
    check = NOTIFY_DRY_RUN_RECORDED
    if not is_whole:
        return look_at_dry_run.not_due(paper.ONLY_WHOLE)
    if mail_problem:
        return look_at_dry_run.hidden_by(mail_problem, "No mail can be sent.")
    if "mail" in context.services and "mailbox" in context.services["mail"].parts:
        delivery = deliver(
            context.services["mail"].parts,
            example_plan(run_id),
            environment=context.environment,
            evidence="the run that this is a dry run of",
            sender=context.borrow(NOTIFY_SENDER),
            recipients=context.borrow(NOTIFIED_PEOPLE),
            timeout_s=context.borrow(MAIL_TIMEOUT_S),
            mail_works=True,
        )
        return Findings(results=[judge_delivery(check, delivery)], rows=delivery.rows, artifacts=delivery.artifacts)
    like = context.provenance_of("mail") if "mail" in context.services else None
    command = make_command("notify-dry-run", ENV=context.environment, PACK=pack_word(context.pack))
    result = paper.judge_recorded(recorded, environment=context.environment, like=like, now=datetime.now(UTC), fix=command)
    refusal = context.refusals.get(Act.NOTIFY)
    if result.outcome is Outcome.ERROR and refusal:
        reason = f"{result.detail} Sending one notifies a person. {refusal.reason}"
        return look_at_dry_run.not_allowed(Refusal(reason=reason, fix=command))
    return Findings(results=[result])


@look(NOTE_TELLS_MIGRATION_STATUS, FEEDBACK_ENTRY_IS_WHOLE, FEEDBACK_ARTIFACTS_AGREE, QA_LINKS_ARE_FRESH, DOCUMENT_LINKS_RESOLVE)
def look_at_documents(
    context: Context[ReadinessSummary],
    *,
    drafts: Mapping[str, str],
    folder: Path,
    to_come: Collection[Path],
    expected: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
    bad: Sequence[str],
    attached: Mapping[str, str],
    run_id: str,
) -> Findings[None]:
    """Each document that the run writes, as it would be written now, and its links.

    drafts: path in the run's folder -> text. to_come: files that are written when the run is published.
    expected: task -> ids of its checks, for the tasks of this run. titles: of tasks and checks, as Markdown shows them.
    bad: ids of the checks that failed or could not be determined. attached: artifact to be attached -> its sha256.
    """
    markdown = {name: text for name, text in drafts.items() if name.endswith(".md")}
    broken = {name: broken_links(text, (folder / name).parent, to_come=to_come) for name, text in markdown.items()}
    note = next((text for name, text in markdown.items() if name.endswith("summary.md")), "")
    entry = next((text for name, text in markdown.items() if "/feedback/" in name), "")
    data = next((text for name, text in drafts.items() if name.endswith(".json")), '{"links": []}')
    migrations, health = expected.get("migrations"), expected.get("health")
    results = [
        paper.judge_note(note, [titles[check] for check in migrations])
        if migrations
        else NOTE_TELLS_MIGRATION_STATUS.not_due(paper.format_left_out("migrations")),
        paper.judge_entry(entry, [titles[task] for task in expected], bad),
        judge_attachments(entry, folder, attached, run_id, context.pack),
        paper.judge_qa(data, folder / "docs", health, run_id)
        if health
        else QA_LINKS_ARE_FRESH.not_due(paper.format_left_out("health")),
        paper.judge_links(broken),
    ]
    rows = [
        {"document": name, "lines": len(text.splitlines()), "broken links": len(broken[name])} for name, text in markdown.items()
    ]
    return Findings(results=results, rows=rows)


@look(RUNBOOK_TELLS_THE_FLOW)
def look_at_runbook(context: Context[ReadinessSummary], *, tasks: Collection[str], path: str) -> Findings[None]:
    """Which parts of the flow the pack's runbook of a production deployment covers.

    path: in the pack.
    """
    if "deploy_rehearsal" not in tasks:
        return look_at_runbook.not_due(paper.format_left_out("deploy_rehearsal"))
    file = context.pack / path
    if not os.path.lexists(file):
        return Findings(results=[paper.judge_runbook(None, path, (), ())])
    text = read_text_file(file, root=context.pack, limit_bytes=LONGEST_RUNBOOK_BYTES)
    named = sorted(set(paper.IN_PACK.findall(text)))
    absent = [name for name in named if not os.path.exists(context.pack / name)]  # noqa: PTH110
    rows = [{"part of the flow": part, "covered": bool(pattern.search(text))} for part, pattern in paper.RUNBOOK_MUST.items()]
    said = find_word_problems(
        text,
        file.parent,
        context.pack,
        document=context.settings.documents.guardrails,
        window=context.borrow(DEPLOY).model_dump(mode="json", by_alias=True).get("window"),
    )
    rows += [{"part of the flow": one.partition("It does not say ")[2].rstrip(".") or one, "covered": False} for one in said]
    return Findings(results=[paper.judge_runbook(text, path, broken_links(text, file.parent), absent, said)], rows=rows)


offer_looks(__name__)
