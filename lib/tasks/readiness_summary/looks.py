"""The run itself, judged: every check has a result, no credential was kept, and the paper trail is whole.

The looks get what the run left behind as plain data; what the results mean is `results.decide`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.clients.notifier import deliver, judge_delivery
from lib.clients.notifier_example import example_plan
from lib.clients.vault.declared import open_world_vault, read_copy
from lib.clients.vault.folder import telling_parts
from lib.core.errors import TargetError
from lib.core.redact import find_secrets, known_spellings, spellings
from lib.core.results import Findings, Result, failed, judge, looks_at, skipped, unseen
from lib.tasks.readiness_summary import judge as paper
from lib.tasks.readiness_summary.links import broken_links
from lib.transport.context import World

OF_THE_NIGHT = ("readiness_summary.chatwoot_is_asked_nightly", "readiness_summary.publer_is_asked_nightly")
OF_THE_DOCUMENTS = (
    "readiness_summary.note_tells_migration_status",
    "readiness_summary.feedback_entry_is_whole",
    "readiness_summary.qa_links_are_fresh",
    "readiness_summary.document_links_resolve",
)


@looks_at("readiness_summary.every_check_has_a_result")
def look_at_results(world: World, *, expected: Mapping[str, Sequence[str]], found: Iterable[str]) -> Findings:
    """Each task's checks, and how many of them have a result.

    expected: task -> ids of its checks, for the tasks of this run; found: ids with a result.
    """
    return judge_results(expected, set(found))


def judge_results(expected: Mapping[str, Sequence[str]], found: set[str]) -> Findings:
    """Judge that no expected check is without a result."""
    check = "readiness_summary.every_check_has_a_result"
    rows = [
        {"task": task, "checks": len(ids), "with a result": sum(one in found for one in ids)} for task, ids in expected.items()
    ]
    missing = [one for ids in expected.values() for one in ids if one not in found]
    total = sum(len(ids) for ids in expected.values())
    if not total:
        return Findings(results=[unseen(check, "No task was selected. Next: run without ONLY, or name tasks in it.")])
    detail = f"Without a result: {', '.join(missing)}. Next: open these tasks' pages and run again." if missing else ""
    result = judge(check, holds=not missing, observed=total - len(missing), expected=total, unit="checks", detail=detail)
    return Findings(results=[result], rows=rows)


@looks_at("readiness_summary.no_credential_was_kept")
def look_for_credentials(world: World, *, folder: Path, beside: Path) -> Findings:
    """The files of the run that were read through for credentials.

    folder: the run's own folder; beside: where the executed notebooks wait to be published.
    """
    known = known_spellings()  # before the vault is read: its placeholders are none
    of_vault, note = find_vault_spellings(world)
    # By the whole path: two tasks may keep files of the same name, and each is read. What else lies beside the
    # notebooks is the run's private folder, gone when the run ends.
    kept = {path.relative_to(folder.parent): path for path in sorted(folder.rglob("*")) if path.is_file()}
    kept |= {path.relative_to(beside.parent): path for path in sorted(beside.glob("*.ipynb"))}
    contents = {shown.as_posix(): path.read_bytes() for shown, path in kept.items()}
    return judge_files(contents, known=known | of_vault, note=note)


def find_vault_spellings(world: World) -> tuple[frozenset[str], str]:
    """Return the spellings of every real value in the vault that this run looked at, and what could not be read of it.

    A placeholder is no credential: it may stand on a page that lists placeholders.
    """
    if "vault" not in world.services:
        return frozenset(), ""
    settings = world.sections["credentials"]
    parts: list[str] = []
    note = ""
    for path in (settings.vault_path, *settings.apart_from):
        try:
            copy = read_copy(open_world_vault(world, path), settings)
        except TargetError:
            note = "; not all of the vault could be read, see the credentials task"
            continue
        parts += [part for one in copy.real(settings.placeholders).values() for part in telling_parts(one)]
    return frozenset(form for part in parts for form in spellings(part)), note


def judge_files(contents: Mapping[str, bytes], *, known: frozenset[str] | None = None, note: str = "") -> Findings:
    """Judge that no file holds a known credential in any of its spellings, nor anything shaped like one."""
    check = "readiness_summary.no_credential_was_kept"
    if not contents:
        return Findings(results=[unseen(check, "There was no file to read. Next: run the tasks first.")])
    leaks = sorted(name for name, content in contents.items() if find_secrets(content, known))
    return Findings(results=[leak_result(check, leaks, len(contents), note)], facts=leaks)


def leak_result(check: str, leaks: Sequence[str], files: int, note: str) -> Result:
    """Return the result for the files that leak."""
    expected = "no credential in any file"
    if leaks:
        return failed(
            check,
            observed=list(leaks),
            expected=expected,
            detail=f"A credential is in {', '.join(leaks)}. "
            "Next: remove the run's folder, change that credential, and report the leak.",
        )
    return judge(check, holds=True, observed=f"none in {files} files{note}", expected=expected)


@looks_at(*OF_THE_NIGHT)
def look_at_nights(world: World, *, tasks: Collection[str]) -> Findings:
    """Each job of the pack's workflows that asks Chatwoot or Publer, and when.

    tasks: names of the run's tasks.
    """
    if "health" not in tasks:
        return Findings(results=[paper.left_out(check, "health") for check in OF_THE_NIGHT])
    files = sorted((world.pack / ".github" / "workflows").glob("*.y*ml"))
    documents = {path.name: paper.read_workflow(path.read_text(encoding="utf-8", errors="replace")) for path in files}
    rows = {service: paper.nightly_jobs(documents, service) for service in ("chatwoot", "publer")}
    results = [paper.judge_nightly(service, found) for service, found in rows.items()]
    return Findings(results=results, rows=[row for found in rows.values() for row in found])


@looks_at("readiness_summary.notify_dry_run_recorded")
def look_at_dry_run(
    world: World, *, tasks: Collection[str], mail_works: bool, recorded: Sequence[Mapping[str, Any]], run_id: str
) -> Findings:
    """Which way took a notification that was sent as a dry run.

    Where all mail stays on this machine it is sent now; anywhere else a person would get it at every run, so there one
    that was sent with `make notify-dry-run` is looked for.
    mail_works: whether the mail server let us in. recorded: the dry runs there were, as `judge_recorded` takes them.
    """
    check = "readiness_summary.notify_dry_run_recorded"
    if "health" not in tasks:
        return Findings(results=[paper.left_out(check, "health")])
    if not mail_works:
        return Findings(results=[skipped(check, "No mail can be handed in: judged by health.mail_server_accepts_us.")])
    if "mail" in world.services and "mailbox" in world.services["mail"].parts:
        delivery = deliver(world, example_plan(run_id), evidence="the run that this is a dry run of", mail_works=True)
        return Findings(results=[judge_delivery(check, delivery)], rows=delivery.rows, artifacts=delivery.artifacts)
    is_live = "mail" in world.services
    result = paper.judge_recorded(recorded, environment=world.environment, live_only=is_live, now=datetime.now(UTC))
    return Findings(results=[result])


@looks_at(*OF_THE_DOCUMENTS)
def look_at_documents(
    world: World,
    *,
    drafts: Mapping[str, str],
    folder: Path,
    to_come: Collection[Path],
    expected: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
    bad: Sequence[str],
    run_id: str,
) -> Findings:
    """Each document that the run leaves, as it would be written now, and its links.

    drafts: path in the run's folder -> text. to_come: files that are written when the run is published.
    expected: task -> ids of its checks, for the tasks of this run. titles: of tasks and checks, as Markdown shows them.
    bad: ids of the checks that failed or could not be looked at.
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
        else paper.left_out("readiness_summary.note_tells_migration_status", "migrations"),
        paper.judge_entry(entry, [titles[task] for task in expected], bad),
        paper.judge_qa(data, folder / "docs", health, run_id)
        if health
        else paper.left_out("readiness_summary.qa_links_are_fresh", "health"),
        paper.judge_links(broken),
    ]
    rows = [
        {"document": name, "lines": len(text.splitlines()), "broken links": len(broken[name])} for name, text in markdown.items()
    ]
    return Findings(results=results, rows=rows)


@looks_at("readiness_summary.runbook_tells_the_flow")
def look_at_runbook(world: World, *, tasks: Collection[str], path: str) -> Findings:
    """What the pack's runbook of a production deployment tells of the flow.

    path: in the pack.
    """
    if "deploy_rehearsal" not in tasks:
        return Findings(results=[paper.left_out("readiness_summary.runbook_tells_the_flow", "deploy_rehearsal")])
    file = world.pack / path
    if not file.is_file():
        return Findings(results=[paper.judge_runbook(None, path, (), ())])
    text = file.read_text(encoding="utf-8", errors="replace")
    named = sorted(set(paper.IN_PACK.findall(text)))
    absent = [name for name in named if not (world.pack / name).exists()]
    rows = [{"part of the flow": part, "told": bool(pattern.search(text))} for part, pattern in paper.RUNBOOK_MUST.items()]
    return Findings(results=[paper.judge_runbook(text, path, broken_links(text, file.parent), absent)], rows=rows)
