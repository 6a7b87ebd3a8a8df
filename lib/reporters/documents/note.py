"""The paper trail: what a run leaves to be pasted into a ticket or a channel, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lib.core.results import Outcome
from lib.core.verdict import State
from lib.core.wording import (
    STATE_SYMBOLS,
    format_count,
    format_counts,
    format_duration,
    format_time,
    format_value,
    join_words,
    outcome_symbol,
    outcome_word,
    provenance_words,
    rehearsal_sentence,
)
from lib.display.markdown import link_to, plain
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import EvidenceLine
from lib.reporters.documents.attached import attached_part
from lib.reporters.documents.real_words import find_real_words, words_table
from lib.reporters.html.model import LaunchRow
from lib.reporters.report import RunReport
from lib.reporters.sealing import format_standing
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, every_check
from lib.tasks.readiness_summary.attachments import FEEDBACK, run_ids

SUMMARY_FILE = "docs/devops_execution_summary.md"


def page_of(task: Task) -> str:
    """Return the page of a task in its run's folder; the summary's is the front page."""
    return "index.html" if task.name == SUMMARY.name else f"{task.name}.html"


def feedback_file(ended_at: datetime) -> str:
    """Return where in the pack the entry of a run belongs that ended then (UTC)."""
    return f"{FEEDBACK}/{ended_at:%Y-%m-%d}.md"


def execution_summary(report: RunReport) -> str:
    """Return the readiness note on migration status and all the rest, ready to paste; links are seen from the run's docs."""
    run, here = report.run, report.run.run_folder / "docs"
    parts = [
        f"# Launch readiness of {plain(run.pack.name)} for {run.environment}: {report.verdict.word}",
        report.sentence,
        *([f"**REHEARSAL.** {rehearsal_sentence(run.environment)}"] if run.rehearsal else []),
        *([f"**REUSED.** {plain(report.reused)}. Nothing of it was looked at in this run."] if report.reused else []),
        *([f"**NOT VOUCHED FOR.** {plain(said)}"] if (said := format_standing(report)) else []),
        f"Run `{run.run_id}`, ended {format_time(report.ended_at)}. Evidence: {evidence_links(run, here)}.",
        "## Migration status",
        migration_status(report.lines),
        "## Commands as asked, and as run",
        words_table(run.run_folder, find_real_words(run.run_folder, report.lines), here),
        "## Launch list",
        f"{report.tally}.",
        item_table(report.items, run, here),
        "## Tasks",
        task_table(report, here),
        "## What needs a person",
        person_list(report.standing_out),
    ]
    return "\n\n".join(parts) + "\n"


def feedback_entry(report: RunReport) -> str:
    """Return the run's entry: what was run, what came of it, where the evidence is, what is left.

    Its links are seen from the folder of the day's file in the run's docs.
    """
    run, here = report.run, report.run.run_folder / "docs" / FEEDBACK
    parts = [
        entry_mark(run.run_id),
        f"## {report.ended_at.astimezone(UTC):%H:%M} UTC, {run.environment}: {report.verdict.word}",
        report.sentence + (" A rehearsal: stand-ins took the place of the live services." if run.rehearsal else ""),
        "### What was run",
        f"Run `{run.run_id}` of {plain(run.pack.name)}, {format_count(len(report.tasks), 'task')}."
        + (f" Reused: {plain(report.reused)}." if report.reused else ""),
        task_table(report, here),
        "### Evidence",
        f"{evidence_links(run, here)}.",
        "### Attached",
        attached_part(run, report.lines, here),
        "### What is left",
        what_is_left(report.items, report.standing_out),
    ]
    return "\n\n".join(parts) + "\n"


def entry_mark(run_id: str) -> str:
    """Return the line by which a run's entry is known, so that it is never appended twice."""
    return f"<!-- run {run_id} -->"


def day_heading(ended_at: datetime) -> str:
    """Return how a day's file begins."""
    return f"# DevOps feedback of {format_time(ended_at).partition(',')[0]}\n\n"


def append_entry(day: str | None, entry: str, *, head: str, run_id: str) -> str:
    """Return the day's file with the entry after all that is there, which stays as it is; unchanged when the entry is there.

    day: the file as it is, None for none. head: how a new one begins.
    """
    if not (day or "").strip():
        return f"{day or ''}{head}{entry}"
    assert day is not None
    if run_id in run_ids(day):
        return day
    return day + ("" if day.endswith("\n") else "\n") + "\n" + entry


def evidence_links(run: RunFile, here: Path) -> str:
    """Return links to what proves the run: its front page, its results, its manifest."""
    return ", ".join(f"[{name}]({link_to(run.run_folder / name, here)})" for name in ("index.html", EVIDENCE, "manifest.json"))


def migration_status(lines: Sequence[EvidenceLine]) -> str:
    """Return one line for each check of the migrations task, or that there is none."""
    own = [line for line in lines if line.task == "migrations"]
    titles = every_check()
    if not own:
        return "Not looked at in this run."
    found = own[0].reused_from
    head = f"Reused: looked at in run `{plain(found.run_id)}`, {format_time(found.looked_at)}.\n\n" if found else ""
    return head + "\n".join(
        f"- {outcome_symbol(line.result)} **{plain(titles[line.check].title)}**: {outcome_word(line.result)}"
        + (f" (observed {plain(format_value(line.observed, line.unit))})" if line.observed is not None else "")
        for line in own
        if line.check in titles
    )


def task_table(report: RunReport, here: Path) -> str:
    """Return the tasks as a Markdown table."""
    rows = ["| task | result | checks | took | provenance |", "| --- | --- | --- | --- | --- |"]
    for one in report.tasks:
        how = provenance_words(one.provenance).partition(":")[0] if one.provenance else "—"
        rows.append(
            f"| [{one.task.title}]({link_to(report.run.run_folder / page_of(one.task), here)}) "
            f"| {STATE_SYMBOLS[one.state]} {one.state.value}{f' (reused: {plain(one.reused)})' if one.reused else ''} "
            f"| {format_counts(one.counts)} | {format_duration(one.duration_s)} | {how} |"
        )
    return "\n".join(rows)


def item_table(items: Sequence[LaunchRow], run: RunFile, here: Path) -> str:
    """Return the launch list as a Markdown table, each item with links to where it is proved."""
    rows = ["| item | what the launch asks for | result | proof |", "| --- | --- | --- | --- |"]
    for item in items:
        rehearsed = ", only in rehearsal" if item.is_only_rehearsed else ""
        proofs = [f"[{one.title}]({link_to(run.run_folder / one.page.partition('#')[0], here)})" for one in item.proofs]
        came_to = f"{STATE_SYMBOLS[item.state]} {plain(item.came_to)}{rehearsed}"
        rows.append(f"| {item.number or '—'} | {plain(item.title)} | {came_to} | {', '.join(proofs) or '—'} |")
    return "\n".join(rows)


def what_is_left(items: Sequence[LaunchRow], found: Sequence[EvidenceLine]) -> str:
    """Return the items of the launch list that have not passed live, and what needs a person."""
    open_items = [item for item in items if item.state not in (State.PASSED, State.NOT_APPLICABLE)]
    said = [f"- {format_item(item)}, {plain(item.title)}: {plain(item.came_to)}." for item in open_items]
    rehearsed = [str(item.number) if item.number else "the other gates" for item in items if item.is_only_rehearsed]
    if rehearsed:
        named = "all of them" if len(rehearsed) == len(items) else join_words(rehearsed)
        said.append(f"- Items of the launch list that passed only in rehearsal, to be proved live: {named}.")
    well = "- No check failed, and every result could be determined."
    return "\n".join([*said, person_list(found) if found else well])


def format_item(item: LaunchRow) -> str:
    """Return what an item is called: its number, or that it is the line of the other gates."""
    return f"Item {item.number}" if item.number else "No item"


def person_list(found: Sequence[EvidenceLine]) -> str:
    """Return what did not pass, each with its fix."""
    if not found:
        return "Nothing: no check failed, and every result could be determined."
    return "\n".join(format_line(line) for line in found)


def format_line(line: EvidenceLine) -> str:
    """Return one line that did not pass, in Markdown."""
    counted = "gate" if line.gate else "advisory"
    word = "failed" if line.result is Outcome.FAIL else "could not be determined"
    return f"- `{line.check}` ({counted}) {word}: {plain(line.detail)}" + "".join(f" **Fix:** {plain(one)}" for one in line.fix)
