"""The paper trail: what a run leaves to be pasted into a ticket or a channel, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.evidence import EvidenceLine
from lib.results import Outcome, Verdict, count_outcomes
from lib.run_file import RunFile
from lib.summary import standing_out, summarize_task
from lib.tasks import Task, every_check
from lib.wording import (
    outcome_symbol,
    outcome_word,
    provenance_words,
    rehearsal_sentence,
    show_counts,
    show_duration,
    show_time,
    show_value,
    split_detail,
    verdict_sentence,
)

SUMMARY_FILE = "docs/devops_execution_summary.md"
MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def execution_summary(
    run: RunFile, tasks: Sequence[Task], lines: Sequence[EvidenceLine], verdict: Verdict, *, partial: bool, ended_at: object
) -> str:
    """Return the staging readiness note on migration status and all the rest, ready to paste."""
    counts = count_outcomes(line.result for line in lines if line.gate)
    parts = [
        f"# Launch readiness of {plain(run.pack.name)} for {run.environment}: {verdict.word}",
        verdict_sentence(verdict, counts, partial=partial, rehearsed=run.rehearsal),
        *([f"**REHEARSAL.** {rehearsal_sentence(run.environment)}"] if run.rehearsal else []),
        f"Run `{run.run_id}`, ended {show_time(str(ended_at))}. Evidence: [index.html](../index.html), "
        "[evidence.jsonl](../evidence.jsonl), [manifest.json](../manifest.json).",
        "## Migration status",
        migration_status(lines),
        "## Tasks",
        task_table(tasks, lines),
        "## What needs a person",
        person_list(lines),
    ]
    return "\n\n".join(parts) + "\n"


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


def task_table(tasks: Sequence[Task], lines: Sequence[EvidenceLine]) -> str:
    """Return the tasks as a Markdown table."""
    rows = ["| task | result | checks | took | provenance |", "| --- | --- | --- | --- | --- |"]
    for task in tasks:
        one = summarize_task(task, lines)
        page = "index" if task.name == "readiness_summary" else task.name
        how = provenance_words(one.provenance).partition(":")[0] if one.provenance else "—"
        rows.append(
            f"| [{task.title}](../{page}.html) | {outcome_symbol(one.outcome)} {outcome_word(one.outcome)} "
            f"| {show_counts(one.counts)} | {show_duration(one.duration_s)} | {how} |"
        )
    return "\n".join(rows)


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
