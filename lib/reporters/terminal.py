"""The last lines of a run on the terminal: a row a task, what needs a person, the verdict."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from lib.core.folding import columns_of, width_of
from lib.core.make_commands import make_command
from lib.core.paths import ROOT
from lib.core.visible import plain_line
from lib.core.wording import (
    STATE_SYMBOLS,
    format_count,
    format_counts,
    format_duration,
    gate_word,
    name_some,
    outcome_symbol,
    outcome_word,
)
from lib.evidence.findings import name_keys
from lib.evidence.log import FILE, EvidenceLine
from lib.reporters.acting import Cause, find_causes
from lib.reporters.faults import add_up, describe_faults
from lib.reporters.html.model import LaunchRow
from lib.reporters.nearness import describe_flips
from lib.reporters.report import RunReport
from lib.reporters.sealing import format_standing
from lib.reporters.summary import TaskSummary
from lib.run.waivers import FILE as WAIVERS
from lib.run.waivers import AppliedWaivers, CameTo
from lib.tasks.index import all_tasks

MOST_LISTED = 12
"""Causes listed below the table; the page has every check."""


def format_verdict(report: RunReport, *, exit_code: int, unpublished: Sequence[str] = ()) -> str:
    """Return the verdict as the terminal and CI show it, ending with where to read on and the exit code.

    unpublished: one sentence for each part of the run that could not be written or read.
    """
    page = report.run.run_folder / "index.html"
    width = width_of(sys.stdout)
    place = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page
    read = f"Read it: {place}" if page.exists() else f"There is no page. The evidence: {page.with_name(FILE)}"
    read = plain_line(read)
    unfinished = (
        "" if report.outcome.finished else "The run did not come to its end: what it found is kept, and marked unfinished.\n"
    )
    beside = "".join(f"Not published as it should be. {one}\n" for one in unpublished)
    return (
        f"\n{task_table(report.tasks, width)}\n\n{person_list(find_causes(report))}{untried_list(report.untried)}"
        f"{report.verdict.word}  {report.sentence}\n"
        f"Launch list: {report.tally}\n"
        f"{nearness_lines(report)}"
        f"{apart_items(report.items)}"
        f"{worth_line(report)}"
        f"{apart_line(report)}"
        f"{signer_line(report)}"
        f"{beside}{unfinished}{read}   ({format_duration(report.outcome.duration_s)})\n"
        f"exit code {exit_code}: {report.verdict.word}"
    )


def nearness_lines(report: RunReport) -> str:
    """Return which results keep the verdict from being better, a line for each better one; '' of a GO."""
    return "".join(f"{plain_line(one)}\n" for one in describe_flips(report.flips, report.verdict))


def apart_items(items: Sequence[LaunchRow]) -> str:
    """Return a line for each item of the launch list that no check proves; '' without any."""
    return "".join(plain_line(f"  {item.number}. {item.title}: {item.came_to}") + "\n" for item in items if item.by)


def worth_line(report: RunReport) -> str:
    """Return how many faults made on purpose the run's checks found; '' when none were made."""
    said = describe_faults(add_up(report.lines))
    return f"Faults made on purpose: {plain_line(said)}\n" if said else ""


def signer_line(report: RunReport) -> str:
    """Return that the project does not trust the key that signs the run, and the fix; '' where it does."""
    said = format_standing(report)
    return f"{plain_line(said)}\n" if said else ""


def apart_line(report: RunReport) -> str:
    """Return what the project says does not apply, what it waives, and how to confirm what nobody has; '' without any."""
    apart = report.run.not_applicable
    tasks = [name for name in apart if name in {task.name for task in all_tasks()}]
    rest = len(apart) - len(tasks)
    named = [*tasks, *([f"{rest} more on the page" if tasks else f"{rest} on the page"] if rest else [])]
    said = f"Does not apply, as the project says: {plain_line(', '.join(named))}\n" if apart else ""
    said += "".join(plain_line(one) + "\n" for one in waiver_lines(report.waived))
    if report.run.unconfirmed:
        said += f"To confirm what was inferred: {plain_line(make_command('confirm', PACK=str(report.run.pack)))}\n"
    return said


def waiver_lines(waived: AppliedWaivers) -> Iterator[str]:
    """Yield what each waiver came to that was judged in the run."""
    for one in waived.that(CameTo.COVERS):
        yield f"Waived until {one.until} by {one.who}: {one.check} ({one.object}): {one.reason}"
    for check, keys in waived.partly.items():
        yield f"Waived in part: {check}. No waiver covers {name_keys(keys)}."
    for one in waived.that(CameTo.EXPIRED):
        yield f"A waiver of {one.check} for {one.object} ended on {one.until}: it covers nothing. Fix: Remove it."
    for one in waived.that(CameTo.UNUSED):
        yield f"A waiver of {one.check} for {one.object} covers nothing that failed. Fix: Remove it from {WAIVERS}."


def task_table(tasks: Sequence[TaskSummary], width: int | None = None) -> str:
    """Return one aligned line a task; where the terminal is too narrow for it, the counts of each on a line of their own.

    width: the terminal's columns, None for lines of any length.
    """
    title = max(columns_of(plain_line(one.task.title)) for one in tasks)
    state = max(len(one.state.value) for one in tasks)
    took = max(len(format_duration(one.duration_s)) for one in tasks)
    rows = [
        (
            f"{STATE_SYMBOLS[one.state]} {pad(plain_line(one.task.title), title)}  {one.state.value.ljust(state)}  "
            f"{format_duration(one.duration_s).rjust(took)}",
            format_counts(one.counts) + (f"  reused: {plain_line(one.reused)}" if one.reused else ""),
        )
        for one in tasks
    ]
    fits = width is None or all(columns_of(f"{head}  {counts}") <= width for head, counts in rows)
    return "\n".join(f"{head}  {counts}" if fits else f"{head}\n    {counts}" for head, counts in rows)


def pad(text: str, width: int) -> str:
    """Return a text with spaces up to a width in columns."""
    return text + " " * (width - columns_of(text))


def untried_list(found: Sequence[EvidenceLine]) -> str:
    """Return the gates that would have to write, each reason once with the checks it stands behind; '' when there is none."""
    causes: dict[str, list[EvidenceLine]] = {}
    for line in found:
        causes.setdefault(line.sentence, []).append(line)
    said = [format_untried(behind) for behind in list(causes.values())[:MOST_LISTED]]
    return "\n".join(said) + "\n\n" if said else ""


def format_untried(lines: Sequence[EvidenceLine]) -> str:
    """Return the gates that one reason keeps from being tried, why, and what would allow it."""
    first = lines[0]
    heads = [f"{outcome_symbol(line.result)} {line.check} (gate) not tried" for line in lines]
    return "\n".join([*heads, *format_reason(first)])


def person_list(causes: Sequence[Cause]) -> str:
    """Return what did not pass, each cause once with the checks it stands behind and that wait for it; '' when all passed."""
    said = [format_cause(one) for one in causes[:MOST_LISTED]]
    if len(causes) > MOST_LISTED:
        said.append(f"and {len(causes) - MOST_LISTED} more on the page")
    return "\n".join(said) + "\n\n" if said else ""


def format_cause(cause: Cause) -> str:
    """Return the checks that one cause stands behind, what was seen, the fix, and how many wait for it."""
    heads = [
        f"{outcome_symbol(line.result)} {line.check} ({gate_word(line.gate)}) {outcome_word(line.result)}" for line in cause.lines
    ]
    waiting = [f"    {format_count(len(cause.waiting), 'check')} can't be judged before: {name_some(cause.waiting)}"]
    return "\n".join([*heads, *format_reason(cause.first), *(waiting if cause.waiting else [])])


def format_reason(line: EvidenceLine) -> list[str]:
    """Return what was seen and each fix, one line each: a line end in a name starts no line of its own."""
    return [f"    {plain_line(text)}" for text in (line.detail, *(f"Fix: {one}" for one in line.fix)) if text]
