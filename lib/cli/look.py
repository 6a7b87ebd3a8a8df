"""Look again: `python -m lib look CHECK --run RUN` performs what a kept run looked at, and says whether the same comes out.

Nothing of the run is believed but which inputs it names: the facts are found anew, in a throw-away folder, and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.cli.look_again import look_anew
from lib.cli.named_run import find_run
from lib.core.errors import ParamsError
from lib.core.faults import PROVES_LITTLE
from lib.core.paths import ROOT
from lib.core.results import Check, Outcome, SkipReason
from lib.core.visible import plain_line, say
from lib.core.wording import as_sentence, format_count, join_words
from lib.evidence.fact import is_same_fact, state_fact
from lib.evidence.log import EvidenceLine, read_log
from lib.reporters.remembered import read_commit
from lib.run.params import Params, load_params, reading_variables
from lib.run.recorded_inputs import RecordedInputs, compare_inputs, gather_inputs, read_inputs
from lib.run.reuse_inputs import tasks_before
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks, every_check, in_order

SAME, DIFFERS, NOT_COMPARED = 0, 1, 2
"""Exit codes."""
GO_BACK = "Fix: Go back to the run's inputs, or add --anyway."
ALL = "all"
"""Asks for every result of the run."""
NOT_LOOKED = "Not determined: "
"""How the detail begins of a check whose notebook did not get to it, so that nothing was found now."""
BESIDE: Mapping[str, str] = {
    "credentials": "It also rests on today's date and on the vault, which are no recorded inputs",
    "backup_restore": "It also rests on today's date, which decides which backups are kept",
    "readiness_summary": "It adds up the whole run",
}
"""Task -> what its facts rest on besides the inputs that a run records."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One check looked at again: the exit code, and what to say."""

    code: int
    said: str


def look(asked: str, *, run: str, pack: str | None, anyway: bool) -> int:
    """Perform what gave a run's results again, say of each whether it comes out the same, and return the exit code.

    asked: a check's id, a task's name, or `all`. anyway: also where an input is another now.
    Raises ParamsError when there is no such run or result, or the run does not say what it was made on.
    """
    folder = find_run(run)
    then = read_inputs(folder)
    params = load_again(folder, then, pack)
    kept = choose_lines(folder, asked)
    tasks = tasks_needed({lines[0].task for lines in kept.values()}, params)
    now = gather_inputs(params, tasks, commits=commits_of(params), kept=folder.parent / "kept")
    differences = compare_inputs(then, now, tasks)
    for one in differences:
        say(plain_line(as_sentence(one)))
    if differences and not anyway:
        say(f"{plain_line(asked)} is not looked at again: on other inputs it may come out otherwise. {GO_BACK}")
        return NOT_COMPARED
    spends = any(line.detail.startswith(PROVES_LITTLE) for lines in kept.values() for line in lines)
    backups = [folder.parent / "kept" / "backups" / name for name in then.backups]
    found = look_anew(params, tasks, backups=[one for one in backups if one.is_dir()], makes_faults=spends)
    return conclude([compare(every_check()[check], lines, found.get(check, [])) for check, lines in kept.items()], differences)


def load_again(folder: Path, then: RecordedInputs, pack: str | None) -> Params:
    """Return the settings of the run's environment for its project, without what would let it write."""
    place = pack or (str(ROOT / then.pack) if then.pack else None)
    if place and not Path(place).is_dir():
        raise ParamsError(f"The project of {folder.name} is not at {place}. Fix: Name its checkout: --pack <folder>.")
    return load_params(then.environment, pack=place, variables=reading_variables())


def choose_lines(folder: Path, asked: str) -> dict[str, list[EvidenceLine]]:
    """Return check -> its lines in the run, of the check or the task that is asked for.

    Raises ParamsError when the run has none, or a line of it can't be read.
    """
    log = read_log(folder)
    if log.torn:
        raise ParamsError(f"{log.torn[0]}, of {folder.name} can't be read. Fix: Fetch the run again from where it was kept.")
    known = every_check()
    chosen: dict[str, list[EvidenceLine]] = {}
    for line in log.lines:
        if asked in (ALL, line.check, line.task):
            chosen.setdefault(line.check, []).append(line)
    if not chosen:
        raise ParamsError(f"{asked}: run {folder.name} has no result of it. Fix: Name a check's id, a task, or {ALL}.")
    unknown = [check for check in chosen if check not in known]
    if unknown:
        raise ParamsError(f"{unknown[0]}: this workbook has no such check. Fix: Look again with the version that made the run.")
    return chosen


def tasks_needed(names: Iterable[str], params: Params) -> tuple[Task, ...]:
    """Return the tasks that give the results of these; for the summary every task there is.

    An embedded target is brought to where a task starts without the tasks before it; of a live one they are looked at, too.
    """
    known = {task.name: task for task in all_tasks()}
    asked = set(names)
    before = set() if params.rehearsal else asked.union(*(tasks_before(known[name], known) for name in asked & known.keys()))
    needed = set(known) if SUMMARY.name in asked else asked | before
    return in_order(task for name, task in known.items() if name in needed)


def commits_of(params: Params) -> dict[str, str | None]:
    """Return which commits the project and the workbook are at now."""
    return {"project": read_commit(params.pack), "workbook": read_commit(ROOT)}


def compare(check: Check, then: Sequence[EvidenceLine], now: Sequence[EvidenceLine]) -> Compared:
    """Return whether a check comes out as the run says, and what to say of it."""
    if is_same_fact(then, now, measured=check.measured):
        return Compared(code=SAME, said=f"{check.id} comes out the same: {format_same(check, now[-1])}.")
    why = why_not_compared(check, now)
    if why:
        return Compared(code=NOT_COMPARED, said=f"{check.id} could not be looked at again: {why}")
    return Compared(code=DIFFERS, said=format_difference(check, then, now))


def why_not_compared(check: Check, now: Sequence[EvidenceLine]) -> str:
    """Return why nothing was found now that could be compared, as the end of a sentence; '' when something was."""
    if not now:
        return "it gave no result."
    if any(line.skipped_because is SkipReason.NOT_ALLOWED for line in now):
        return "that would have to write where a look may not."
    undetermined = [line for line in now if line.result is Outcome.ERROR]
    if undetermined and (check.measured or undetermined[0].detail.startswith(NOT_LOOKED)):
        return undetermined[0].detail
    return ""


def format_same(check: Check, line: EvidenceLine) -> str:
    """Return what comes out, in a few words."""
    if not check.measured or line.observed is None:
        return line.result.value
    figure = f"{line.observed} {line.unit or ''}".rstrip()
    return f"{line.result.value} (its figure is a measurement, which need not be the same: now {figure})"


def format_difference(check: Check, then: Sequence[EvidenceLine], now: Sequence[EvidenceLine]) -> str:
    """Return what differs, the run's word first."""
    if len(then) != len(now):
        return f"{check.id} differs: the run has {format_count(len(then), 'result')} of it, now it has {len(now)}."
    parts = []
    for before, after in zip(then, now, strict=True):
        old, new = (state_fact(line, measured=check.measured) for line in (before, after))
        parts += [
            f"the run says {key} {shorten(old.get(key))}, now {shorten(new.get(key))}"
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ]
    beside = f" {BESIDE[check.task]}." if check.task in BESIDE else ""
    return f"{check.id} differs: {'; '.join(parts)}.{beside}"


def shorten(value: object) -> str:
    """Return a value in few characters."""
    text = plain_line(str(value))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


LONGEST_SHOWN = 160
"""Characters of a value that are shown."""


def conclude(compared: Sequence[Compared], differences: Sequence[str]) -> int:
    """Say what each came to and all together, and return the exit code: one that differs counts most."""
    for one in compared:
        say(plain_line(one.said))
    counts = {code: sum(one.code == code for one in compared) for code in (DIFFERS, NOT_COMPARED, SAME)}
    words = {SAME: "the same", DIFFERS: "different", NOT_COMPARED: "not compared"}
    if len(compared) > 1:
        say(f"{join_words([f'{count} {words[code]}' for code, count in counts.items() if count])}.")
    if differences and counts[DIFFERS]:
        say("The inputs named above are others than the run's, which may be why.")
    return next(code for code, count in counts.items() if count)
