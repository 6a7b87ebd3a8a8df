"""The paper trail: what a run leaves to be pasted into a ticket or a channel, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from lib.core.results import Outcome, Verdict, count_outcomes
from lib.core.wording import (
    item_word,
    join_words,
    outcome_symbol,
    outcome_word,
    provenance_words,
    rehearsal_sentence,
    show_count,
    show_counts,
    show_duration,
    show_time,
    show_value,
    split_detail,
    verdict_sentence,
)
from lib.display.markdown import link_to, plain
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import EvidenceLine
from lib.reporters.html.model import LaunchRow
from lib.reporters.launch_list import count_items
from lib.reporters.summary import standing_out, summarize_task
from lib.run.run_file import RunFile
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, every_check

SUMMARY_FILE = "docs/devops_execution_summary.md"
FEEDBACK = "feedback/devops"
"""In the pack, and in a run's docs: a file a day, an entry a run."""


def page_of(task: Task) -> str:
    """Return the page of a task in its run's folder; the summary's is the front page."""
    return "index.html" if task == SUMMARY else f"{task.name}.html"


def feedback_file(ended_at: datetime) -> str:
    """Return where in the pack the entry of a run belongs that ended then (UTC)."""
    return f"{FEEDBACK}/{ended_at:%Y-%m-%d}.md"


def execution_summary(
    run: RunFile,
    tasks: Sequence[Task],
    lines: Sequence[EvidenceLine],
    items: Sequence[LaunchRow],
    verdict: Verdict,
    *,
    partial: bool,
    ended_at: datetime,
) -> str:
    """Return the readiness note on migration status and all the rest, ready to paste; links are seen from the run's docs."""
    here = run.run_folder / "docs"
    parts = [
        f"# Launch readiness of {plain(run.pack.name)} for {run.environment}: {verdict.word}",
        say_verdict(run, lines, verdict, partial=partial),
        *([f"**REHEARSAL.** {rehearsal_sentence(run.environment)}"] if run.rehearsal else []),
        f"Run `{run.run_id}`, ended {show_time(ended_at)}. Evidence: {evidence_links(run, here)}.",
        "## Migration status",
        migration_status(lines),
        "## Launch list",
        f"{count_items(items)}.",
        item_table(items, run, here),
        "## Tasks",
        task_table(tasks, lines, run, here),
        "## What needs a person",
        person_list(lines),
    ]
    return "\n\n".join(parts) + "\n"


def feedback_entry(
    run: RunFile,
    tasks: Sequence[Task],
    lines: Sequence[EvidenceLine],
    items: Sequence[LaunchRow],
    verdict: Verdict,
    *,
    partial: bool,
    ended_at: datetime,
) -> str:
    """Return the run's entry: what was run, what came of it, where the evidence is, what is left.

    Its links are seen from the folder of the day's file in the run's docs.
    """
    here = run.run_folder / "docs" / FEEDBACK
    parts = [
        entry_mark(run.run_id),
        f"## {ended_at:%H:%M} UTC, {run.environment}: {verdict.word}",
        say_verdict(run, lines, verdict, partial=partial) + (" A rehearsal: stand-ins were looked at." if run.rehearsal else ""),
        "### What was run",
        f"Run `{run.run_id}` of {plain(run.pack.name)}, {show_count(len(tasks), 'task')}.",
        task_table(tasks, lines, run, here),
        "### Evidence",
        f"{evidence_links(run, here)}.",
        "### What is left",
        what_is_left(items, lines),
    ]
    return "\n\n".join(parts) + "\n"


def entry_mark(run_id: str) -> str:
    """Return the line by which a run's entry is known, so that it is never appended twice."""
    return f"<!-- run {run_id} -->"


def day_heading(ended_at: datetime) -> str:
    """Return how a day's file begins."""
    return f"# DevOps feedback of {show_time(ended_at).partition(',')[0]}\n\n"


def append_entry(day: str | None, entry: str, *, head: str, run_id: str) -> str:
    """Return the day's file with the entry after all that is there, which stays as it is; unchanged when the entry is there.

    day: the file as it is, None for none. head: how a new one begins.
    """
    if not (day or "").strip():
        return f"{day or ''}{head}{entry}"
    assert day is not None
    if entry_mark(run_id) in day:
        return day
    return day + ("" if day.endswith("\n") else "\n") + "\n" + entry


def say_verdict(run: RunFile, lines: Sequence[EvidenceLine], verdict: Verdict, *, partial: bool) -> str:
    """Return what the verdict means, in the one formatter's words."""
    counts = count_outcomes(line.result for line in lines if line.gate)
    return verdict_sentence(verdict, counts, partial=partial, rehearsed=run.rehearsal)


def evidence_links(run: RunFile, here: Path) -> str:
    """Return links to what proves the run: its front page, its results, its manifest."""
    return ", ".join(f"[{name}]({link_to(run.run_folder / name, here)})" for name in ("index.html", EVIDENCE, "manifest.json"))


def migration_status(lines: Sequence[EvidenceLine]) -> str:
    """Return one line for each check of the migrations task, or that there is none."""
    own = [line for line in lines if line.task == "migrations"]
    titles = every_check()
    if not own:
        return "Not looked at in this run."
    return "\n".join(
        f"- {outcome_symbol(line.result)} **{plain(titles[line.check].title)}**: {outcome_word(line.result)}"
        + (f" (observed {plain(show_value(line.observed, line.unit))})" if line.observed is not None else "")
        for line in own
        if line.check in titles
    )


def task_table(tasks: Sequence[Task], lines: Sequence[EvidenceLine], run: RunFile, here: Path) -> str:
    """Return the tasks as a Markdown table."""
    rows = ["| task | result | checks | took | provenance |", "| --- | --- | --- | --- | --- |"]
    for task in tasks:
        one = summarize_task(task, lines)
        how = provenance_words(one.provenance).partition(":")[0] if one.provenance else "—"
        rows.append(
            f"| [{task.title}]({link_to(run.run_folder / page_of(task), here)}) "
            f"| {outcome_symbol(one.outcome)} {outcome_word(one.outcome)} "
            f"| {show_counts(one.counts)} | {show_duration(one.duration_s)} | {how} |"
        )
    return "\n".join(rows)


def item_table(items: Sequence[LaunchRow], run: RunFile, here: Path) -> str:
    """Return the launch list as a Markdown table, each item with links to where it is proved."""
    rows = ["| item | what the launch asks for | result | proof |", "| --- | --- | --- | --- |"]
    for item in items:
        symbol = outcome_symbol(item.outcome) if item.outcome else "–"
        rehearsed = ", only in rehearsal" if item.is_only_rehearsed else ""
        proofs = [f"[{one.title}]({link_to(run.run_folder / one.page.partition('#')[0], here)})" for one in item.proofs]
        came_to = f"{symbol} {item_word(item.outcome)}{rehearsed}"
        rows.append(f"| {item.number} | {plain(item.title)} | {came_to} | {', '.join(proofs) or '—'} |")
    return "\n".join(rows)


def what_is_left(items: Sequence[LaunchRow], lines: Sequence[EvidenceLine]) -> str:
    """Return the items of the launch list that have not passed live, and what needs a person."""
    open_items = [item for item in items if item.outcome is not Outcome.PASS]
    said = [f"- Item {item.number}, {plain(item.title)}: {item_word(item.outcome)}." for item in open_items]
    rehearsed = [str(item.number) for item in items if item.is_only_rehearsed]
    if rehearsed:
        named = "all of them" if len(rehearsed) == len(items) else join_words(rehearsed)
        said.append(f"- Items of the launch list that passed only in rehearsal, to be proved live: {named}.")
    well = "- No check failed, and none could not be looked at."
    return "\n".join([*said, person_list(lines) if standing_out(lines) else well])


def person_list(lines: Sequence[EvidenceLine]) -> str:
    """Return what did not pass, each with its next move."""
    found = standing_out(lines)
    if not found:
        return "Nothing: no check failed, and none could not be looked at."
    return "\n".join(say_line(line) for line in found)


def say_line(line: EvidenceLine) -> str:
    """Return one line that did not pass, in Markdown."""
    seen, move = split_detail(line.detail)
    counted = "gate" if line.gate else "advisory"
    word = "failed" if line.result is Outcome.FAIL else "could not be looked at"
    return f"- `{line.check}` ({counted}) {word}: {plain(seen)}" + (f" **Next:** {plain(move)}" if move else "")
