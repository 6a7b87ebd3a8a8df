"""Finish a run that was stopped or killed, without repeating what it has found to be good: `make resume RUN=<run id>`.

A task's results are kept when its notebook ran to its end, every check of it passed or had nothing to do, and nothing that
they rest on has changed since. Every other task is executed anew. What the run held before is kept beside.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lib.cli.choose_tasks import print_opening
from lib.cli.killed_runs import take_over_killed_runs
from lib.cli.named_run import find_run
from lib.cli.run import Plan, carry_out
from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.results import Outcome
from lib.core.verdict import Verdict
from lib.core.visible import say
from lib.core.wording import join_words, refusal_of_rehearsal
from lib.embedded.state_folders import state_base
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import EvidenceLine, read_evidence
from lib.evidence.manifest import ENVELOPE, MANIFEST
from lib.run.inputs import digest_inputs
from lib.run.notebook_parameters import check_parameters
from lib.run.older_layout import open_rendered
from lib.run.params import is_strict, load_params
from lib.run.preflight import look_ahead
from lib.run.record import RunRecord, read_record
from lib.run.signing_variable import take_key_from_environment
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY, all_tasks

BEFORE = "interrupted"
"""Folder of a resumed run with what it held each time it was cut off: evidence and seal."""
LONGEST_KEPT = timedelta(hours=24)
"""Results older than this are found anew: the live services may have changed since."""


def resume(named: str) -> int:
    """Finish the run, print the verdict, and return the exit code.

    Raises ParamsError when there is no such run, when it is finished or still going on, or of another project's state.
    """
    take_key_from_environment()
    folder = find_run(named)
    rendered = folder.parent.parent.parent
    take_over_killed_runs(rendered)
    record = open_unfinished(folder)
    environment, pack = record.run.environment, record.run.pack
    params = load_params(environment, pack=str(pack))
    tasks = tuple(task for task in all_tasks() if task.name in record.run.tasks)
    parameters = check_parameters(tasks, params)
    if params.rehearsal and params.rehearsed_for and is_strict():
        say(refusal_of_rehearsal(environment, params.rehearsed_for), to=sys.stderr)
        return Verdict.BLOCKED.exit_code
    look_ahead(rendered, state_base(ROOT), params.pack)
    if open_rendered(rendered, params.pack) != record.run.project:
        raise ParamsError(f"RUN={named}: it is of another project than the one in {pack} now. Fix: Start a new run.")
    inputs = digest_inputs(params, tasks)
    now = datetime.now(UTC)
    lines = read_evidence(folder)
    kept = {
        task.name for task in tasks if may_keep(task, lines, folder, now) and inputs[task.name] == record.inputs.get(task.name)
    }
    print_opening(params, tasks)
    say(f"Resuming {folder.name}. {format_kept(tasks, kept)}")
    set_aside(folder, [line for line in lines if line.task in kept], tasks, kept)
    return carry_out(
        Plan(
            params=params,
            tasks=tasks,
            parameters=parameters,
            rendered=rendered,
            strict=is_strict(),
            run_id=folder.name,
            started_at=record.started_at,
            inputs=inputs,
            kept=frozenset(kept),
            resumed_at=(*record.resumed_at, now),
        )
    )


def open_unfinished(folder: Path) -> RunRecord:
    """Return the record of an unfinished run that nobody executes now. Raises ParamsError when there is nothing to resume."""
    record = read_record(folder)
    if record is None:
        raise ParamsError(f"RUN={folder.name}: it is finished, or was made by an older workbook. Fix: Start a new run.")
    if not record.is_abandoned:
        raise ParamsError(f"RUN={folder.name}: it is still going on (process {record.owner_pid} on {record.host}).")
    return record


def may_keep(task: Task, lines: Iterable[EvidenceLine], folder: Path, now: datetime) -> bool:
    """Return whether a task was looked at to its end, in this very run, and nothing of it has to be looked at again."""
    own = {line.check: line for line in lines if line.task == task.name}
    is_whole = all(check.id in own for check in task.checks) and (folder / f"{task.name}.ipynb").exists()
    is_good = all(line.result in (Outcome.PASS, Outcome.SKIP) and line.see is None for line in own.values())
    is_new = all(now - line.started_at < LONGEST_KEPT and line.reused_from is None for line in own.values())
    return task.name != SUMMARY.name and is_whole and is_good and is_new


def format_kept(tasks: Iterable[Task], kept: Iterable[str]) -> str:
    """Return what is kept and what is executed, in one or two sentences."""
    anew = [task.name for task in tasks if task.name not in set(kept)]
    before = f"Kept: {join_words(sorted(kept))}. " if kept else "Nothing can be kept. "
    return f"{before}Executed now: {join_words(anew)}."


def set_aside(folder: Path, kept_lines: Iterable[EvidenceLine], tasks: Iterable[Task], kept: Iterable[str]) -> None:
    """Keep what the run held so far beside, and leave only what counts on: nothing is removed that is not kept there before."""
    place = folder / BEFORE / str(len(list((folder / BEFORE).glob("*"))) + 1)
    place.mkdir(parents=True)
    for name in (EVIDENCE, MANIFEST, ENVELOPE):
        if (folder / name).exists():
            shutil.copy2(folder / name, place / name)
    for name in (MANIFEST, ENVELOPE):
        (folder / name).unlink(missing_ok=True)
    write_whole(folder / EVIDENCE, "".join(line.model_dump_json() + "\n" for line in kept_lines))
    for task in tasks:
        if task.name not in set(kept):
            shutil.rmtree(folder / "artifacts" / task.name, ignore_errors=True)
            for suffix in ("ipynb", "html"):
                (folder / f"{task.name}.{suffix}").unlink(missing_ok=True)
    shutil.rmtree(folder / "artifacts" / "breakages", ignore_errors=True)
    (folder / "index.html").unlink(missing_ok=True)
