"""A run as GitHub Actions shows it: a summary in Markdown, and annotations on the files and lines that findings are about.

Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands,
https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts (how commands are escaped).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lib.core.files import write_whole
from lib.core.make_commands import make_command
from lib.core.results import Provenance
from lib.core.visible import plain_line
from lib.core.wording import (
    STATE_SYMBOLS,
    format_count,
    format_counts,
    format_duration,
    gate_word,
    join_words,
    outcome_symbol,
    outcome_word,
    plain_text,
    provenance_words,
)
from lib.display.markdown import plain
from lib.evidence.log import EvidenceLine
from lib.reporters.acting import Cause, find_causes, owner_of
from lib.reporters.faults import add_up, describe_faults
from lib.reporters.places import Place, ProjectFiles, find_places, list_places
from lib.reporters.report import RunReport
from lib.reporters.sealing import format_standing
from lib.run.waivers import CameTo
from lib.tasks.index import every_check

FILE = "summary.md"
"""The summary's file in the run's folder; GitHub's own gets the same text."""
MOST_CAUSES = 10
"""Causes told; GitHub shows ten annotations of a kind, and no more. The page has all."""
LONGEST = 600
"""Characters of what was seen, and of each fix; a comment on GitHub may have 65,536 in all."""
MOST_FIXES = 3
MOST_WAITING = 8


def write_summary(report: RunReport) -> None:
    """Write the summary into the run's folder."""
    write_whole(report.run.run_folder / FILE, format_summary(report))


def format_summary(report: RunReport) -> str:
    """Return the run in Markdown: verdict, causes worst first, tasks, launch list, what was rehearsed."""
    files = list_places(report.run.pack)
    parts = [
        f"## {report.verdict.word}: {plain(report.run.pack.name)}, {plain(report.run.environment)}",
        plain(report.sentence),
        *told_first(report),
        *what_to_do(report, files),
        "### Tasks",
        task_table(report),
        "### Launch list",
        f"{plain(report.tally)}.",
        "### Where it was looked at",
        provenance_table(report),
        *to_go_live(report),
        *beside(report),
        f"Run `{report.run.run_id}`{at_commit(report)}, {format_duration(report.outcome.duration_s)}. In its folder: "
        "`index.html` to read, `junit.xml`, `results.sarif`, `metrics.prom`, and the signed `manifest.json`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def told_first(report: RunReport) -> Iterator[str]:
    """Yield what must not be overlooked of how the run came about."""
    if not report.outcome.finished:
        yield "**UNFINISHED.** The run did not come to its end: what it found is kept, and proves nothing more."
    if report.outcome.leaks:
        yield "**A credential, or what looks like one, is in the run's files.** They are its owner's alone."
    if report.run.rehearsal:
        yield "**REHEARSAL.** Embedded parts stood in for live services; this can't be a GO."
    if report.reused:
        yield f"**REUSED.** {plain(report.reused)}. Nothing of it was looked at in this run."
    if report.outcome.partial:
        yield "**PARTIAL.** Only some of the tasks ran."


def what_to_do(report: RunReport, files: ProjectFiles) -> Iterator[str]:
    """Yield the causes, worst first, with who acts and what to run then."""
    causes = find_causes(report)
    if not causes:
        return
    yield "### What to do, worst first"
    yield "\n".join(format_cause(number, one, files) for number, one in enumerate(causes[:MOST_CAUSES], start=1))
    if len(causes) > MOST_CAUSES:
        yield f"And {format_count(len(causes) - MOST_CAUSES, 'more cause')} on the page."


def format_cause(number: int, cause: Cause, files: ProjectFiles) -> str:
    """Return one cause as an item of a list."""
    first, more = cause.first, cause.lines[1:]
    places = find_places(first, files)
    at = f", {code(format_place(places[0]))}" if places else ""
    rows = [f"{number}. {outcome_symbol(first.result)} **{plain(title_of(first))}** ({about(first)}{at})"]
    rows += [f"The same for {join_words([code(line.check) for line in more[:MOST_WAITING]])}."] if more else []
    rows += [short(first.detail)] if first.detail else []
    rows += [f"**Fix:** {short(one)}" for one in first.fix[:MOST_FIXES]]
    rows += (
        [f"{format_count(len(cause.waiting), 'check')} can't be judged before: {name_checks(cause.waiting)}."]
        if cause.waiting
        else []
    )
    who = f"**Who:** {plain(cause.owner)}. " if cause.owner else ""
    rows.append(f"{who}**Then:** {code(cause.command)}")
    return "\n   <br>".join(rows)


def about(line: EvidenceLine) -> str:
    """Return a check's id, whether it stops the launch, and what it came to."""
    return f"{code(line.check)}, {gate_word(line.gate)}, {outcome_word(line.result)}"


def title_of(line: EvidenceLine) -> str:
    """Return the sentence of a check."""
    checks = every_check()
    return checks[line.check].title if line.check in checks else line.check


def short(text: str) -> str:
    """Return a text as Markdown shows it, cut to what one reads at a glance."""
    return plain(plain_text(text, limit=LONGEST))


def name_checks(checks: Sequence[str]) -> str:
    """Return the first ids, and how many more there are."""
    more = [f"{len(checks) - MOST_WAITING} more"] if len(checks) > MOST_WAITING else []
    return join_words([*map(code, checks[:MOST_WAITING]), *more])


def code(text: str) -> str:
    """Return a text as code, whatever backticks it holds; a bar would end a table's cell."""
    text = plain_line(text).replace("|", "\\|")
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"{ticks}{text}{ticks}"


def format_place(place: Place) -> str:
    """Return a place as `path:line`."""
    return place.path if place.line is None else f"{place.path}:{place.line}"


def task_table(report: RunReport) -> str:
    """Return one row a task."""
    rows = ["| | Task | Result | Checks | Took | Who |", "| --- | --- | --- | --- | --- | --- |"]
    for one in report.tasks:
        owner = plain(owner_of(report, one.task.name))
        came_to = one.state.value + (f" (reused: {plain(one.reused)})" if one.reused else "")
        cells = [plain(one.task.title), came_to, format_counts(one.counts), format_duration(one.duration_s), owner]
        rows.append(f"| {STATE_SYMBOLS[one.state]} | {' | '.join(cells)} |")
    return "\n".join(rows)


def provenance_table(report: RunReport) -> str:
    """Return how many checks were performed on what."""
    counted = Counter(line.provenance for line in report.lines if line.result.value != "skip")
    rows = ["| Looked at | Checks |", "| --- | --- |"]
    return "\n".join([*rows, *(f"| {provenance_words(one)} | {counted[one]} |" for one in Provenance if counted[one])])


def to_go_live(report: RunReport) -> Iterator[str]:
    """Yield what to set so that the live services are looked at."""
    names = report.outcome.rehearsed_for
    if report.run.rehearsal and names:
        yield f"To look at the live services, set {join_words([code(name) for name in names])}."


def beside(report: RunReport) -> Iterator[str]:
    """Yield what the faults made on purpose came to, what is waived, what nobody has confirmed, and an untrusted signer."""
    faults = describe_faults(add_up(report.lines))
    if faults:
        yield f"Faults made on purpose: {plain(faults)}"
    if report.waived.covered:
        covering = report.waived.that(CameTo.COVERS)
        said = [f"{code(one.check)} ({plain(one.object)}) until {plain(one.until)} by {plain(one.who)}" for one in covering]
        yield f"Waived: {join_words(said)}."
    if report.run.unconfirmed:
        number = format_count(len(report.run.unconfirmed), "expectation")
        yield f"{number} nobody has confirmed: {code(make_command('confirm', PACK=str(report.run.pack)))}"
    if standing := format_standing(report):
        yield plain(standing)


def at_commit(report: RunReport) -> str:
    """Return the project's commit, as a part of a sentence; '' outside version control."""
    return f" at commit `{report.commit}`" if report.commit else ""


def list_annotations(report: RunReport) -> list[str]:
    """Return the commands by which Actions shows each cause at the file and line that it is about, worst first."""
    files = list_places(report.run.pack)
    causes = find_causes(report)
    waived = {*report.waived.covered, *report.waived.hidden}
    errors = [one for one in causes if one.first.gate and one.first.check not in waived]
    warnings = [one for one in causes if one not in errors]
    told = [*((one, "error") for one in errors[:MOST_CAUSES]), *((one, "warning") for one in warnings[:MOST_CAUSES])]
    return [format_annotation(one, kind, files) for one, kind in told]


def format_annotation(cause: Cause, kind: str, files: ProjectFiles) -> str:
    """Return one command. kind: error or warning."""
    first = cause.first
    places = find_places(first, files)
    about = {"file": places[0].path, "line": str(places[0].line or "")} if places else {}
    about["title"] = f"{first.check} {outcome_word(first.result)}"
    fixes = [f"Fix: {one}" for one in first.fix[:MOST_FIXES]]
    said = "\n".join(plain_text(text, limit=LONGEST) for text in (title_of(first), first.detail, *fixes) if text)
    named = ",".join(f"{name}={escape_property(value)}" for name, value in about.items() if value)
    return f"::{kind} {named}::{escape_data(said)}"


def escape_data(text: str) -> str:
    """Return a command's message as GitHub demands it: on one line, so that nothing in it is a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return a command's property as GitHub demands it."""
    return escape_data(plain_line(text)).replace(":", "%3A").replace(",", "%2C")
