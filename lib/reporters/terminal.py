"""The last lines of a run on the terminal: a row a task, what needs a person, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from lib.core.paths import ROOT
from lib.core.results import Verdict, count_outcomes
from lib.core.wording import gate_word, outcome_symbol, outcome_word, show_counts, show_duration, split_detail, verdict_sentence
from lib.evidence.log import EvidenceLine
from lib.reporters.launch_list import count_items, judge_items, load_launch_list
from lib.reporters.summary import standing_out, summarize_task
from lib.run.graph import Ending
from lib.run.run_file import RunFile
from lib.tasks.base import Task

MOST_LISTED = 12
"""Causes listed below the table; the page has every check."""


def say_verdict(run: RunFile, tasks: Sequence[Task], lines: Sequence[EvidenceLine], verdict: Verdict, ending: Ending) -> str:
    """Return the verdict as the terminal and CI show it, ending with where to read on."""
    gates = count_outcomes(line.result for line in lines if line.gate)
    page = run.run_folder / "index.html"
    shown = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
    unfinished = "" if ending.finished else "The run was stopped: what it found so far is kept, and marked unfinished.\n"
    return (
        f"\n{task_table(tasks, lines)}\n\n{person_list(lines)}"
        f"{verdict.word}  {verdict_sentence(verdict, gates, partial=ending.partial, rehearsed=run.rehearsal)}\n"
        f"Launch list: {count_items(judge_items(load_launch_list(), lines))}\n"
        f"{unfinished}Read it: {shown}   ({show_duration(ending.duration_s)})"
    )


def task_table(tasks: Sequence[Task], lines: Sequence[EvidenceLine]) -> str:
    """Return one aligned line a task."""
    rows = [(one.task.title, one) for one in (summarize_task(task, lines) for task in tasks)]
    width = max(len(title) for title, _ in rows)
    return "\n".join(
        f"{outcome_symbol(one.outcome)} {title.ljust(width)}  {outcome_word(one.outcome).ljust(14)}  "
        f"{show_duration(one.duration_s).rjust(7)}  {show_counts(one.counts)}"
        for title, one in rows
    )


def person_list(lines: Sequence[EvidenceLine]) -> str:
    """Return what did not pass, each cause once with the checks it stands behind; '' when all passed."""
    found = standing_out(lines)
    causes: dict[tuple[str, str], list[EvidenceLine]] = {}
    for line in found:
        causes.setdefault((line.result.value, line.detail), []).append(line)
    said = [say_cause(behind) for behind in list(causes.values())[:MOST_LISTED]]
    if len(causes) > MOST_LISTED:
        said.append(f"and {len(causes) - MOST_LISTED} more on the page")
    return "\n".join(said) + "\n\n" if said else ""


def say_cause(lines: Sequence[EvidenceLine]) -> str:
    """Return the checks that one cause stands behind, what was seen, and the next move."""
    first = lines[0]
    seen, move = split_detail(first.detail)
    heads = [f"{outcome_symbol(line.result)} {line.check} ({gate_word(line.gate)}) {outcome_word(line.result)}" for line in lines]
    return "\n".join([*heads, *(f"    {text}" for text in (seen, f"Next: {move}" if move else "") if text)])
