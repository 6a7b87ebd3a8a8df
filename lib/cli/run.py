"""One run of one environment, from what the user asked to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lib.core.breakages import read_breakages
from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.recovery_notes import read_notes
from lib.core.redact import redact, register_secrets
from lib.core.verdict import Verdict
from lib.core.visible import plain_line, say
from lib.core.wording import refusal_of_rehearsal, rehearsal_opening
from lib.reporters.launch_list import load_launch_list
from lib.reporters.publish import publish
from lib.run.graph import Graph, RunOutcome, TaskRun, selected_tasks
from lib.run.notebook_parameters import check_parameters
from lib.run.older_layout import open_rendered
from lib.run.params import Params, is_strict, load_params
from lib.run.progress import Progress
from lib.run.run_file import RunFile
from lib.run.signals import Interrupted, handle_signals
from lib.run.stack import RUN_FILE, clean_up_leftovers, new_run_id, prepare_target, start_stack
from lib.tasks.base import Task
from lib.tasks.index import TASKS


def run_environment(environment: str, *, only: Sequence[str], pack: str | None, rendered: Path, is_watch: bool = False) -> int:
    """Run the tasks, publish the run, print the verdict, and return the exit code.

    is_watch: the tasks are asked for by themselves, night after night: STRICT refuses a rehearsal, and no more than that.
    Raises ParamsError before anything is started when what was asked can't be understood.
    """
    tasks = choose_tasks(only)
    load_launch_list()  # it is read again when the run is published: too late to find it wrong
    params = load_params(environment, pack=pack)
    parameters = check_parameters(tasks, params)
    if params.rehearsal and params.rehearsed_for and is_strict():
        say(refusal_of_rehearsal(environment, params.rehearsed_for), to=sys.stderr)
        return Verdict.BLOCKED.exit_code
    print_opening(params, tasks)
    cleaned = clean_up_leftovers()
    if cleaned:
        say(f"Cleaned up what {cleaned} killed run(s) left behind.")
    started_at = datetime.now(UTC)
    run_id = new_run_id(started_at)
    project = open_rendered(rendered, params.pack)
    run_folder = rendered / project / environment / run_id
    run_folder.mkdir(parents=True)
    names = tuple(task.name for task in tasks)
    try:
        with (
            handle_signals(),
            start_stack(params, run_id=run_id, project=project, run_folder=run_folder, rendered=rendered, tasks=names) as run,
        ):
            register_secrets(run.secrets)
            return execute(params, run, tasks, parameters, started_at, strict=is_strict() and not is_watch)
    except Interrupted as stop:
        say("Interrupted before anything was looked at.", to=sys.stderr)
        return stop.exit_code
    finally:
        if not any(run_folder.iterdir()):
            run_folder.rmdir()


def execute(
    params: Params,
    run: RunFile,
    tasks: tuple[Task, ...],
    parameters: Mapping[str, Mapping[str, Any]],
    started_at: datetime,
    *,
    strict: bool,
) -> int:
    """Execute the graph in a standing stack, publish it however it ended, and return the exit code."""
    partial = set(tasks) != set(TASKS)
    prepare_for(params, run, tasks)
    exit_code = None
    with Progress(tasks, run.events) as progress, ThreadPoolExecutor(max_workers=params.run.jobs) as executor:
        graph = Graph(
            tasks=tasks,
            run=run,
            run_file=run.work / RUN_FILE,
            parameters=parameters,
            timeout_s=params.run.notebook_timeout_s,
            progress=progress,
            missing=params.missing,
        )
        try:
            graph.execute(executor, jobs=params.run.jobs)
        except Interrupted as stop:
            exit_code = stop.exit_code
    ending = RunOutcome(
        started_at=started_at,
        ended_at=datetime.now(UTC),
        finished=exit_code is None,
        partial=partial,
        rehearsed_for=params.rehearsed_for,
    )
    for task, note in read_notes(run.work).items():
        say(f"{task} left something behind.\n{note}", to=sys.stderr)
        write_whole(run.run_folder / "artifacts" / task / "left_behind.txt", note + "\n")
    keep_what_broke(run, graph.runs.values())
    published = publish(run, list(graph.runs.values()), ending, strict=strict, stopped_with=exit_code)
    say(published.words)
    return published.exit_code


def keep_what_broke(run: RunFile, task_runs: Iterable[TaskRun]) -> None:
    """Say which parts of ours broke, and keep with the run what helps whoever fixes them."""
    for broken in read_breakages(run.work):
        kept = f"artifacts/breakages/{broken.name}.txt"
        say(f"{plain_line(broken.sentence)} Fix: Report it with {run.run_folder.name}/{kept}.", to=sys.stderr)
        write_whole(run.run_folder / kept, redact(f"{broken.sentence}\n\n{broken.traceback}"))
    for one in task_runs:
        log = run.work / f"{one.task.name}.log"
        if one.ended == "broken" and log.exists() and (said := log.read_text(encoding="utf-8", errors="replace")):
            write_whole(run.run_folder / "artifacts" / one.task.name / "kernel.log", redact(said))


def choose_tasks(only: Sequence[str]) -> tuple[Task, ...]:
    """Return the selected tasks, the summary always among them. Raises ParamsError for an unknown task."""
    known = [task.name for task in TASKS]
    problems = []
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"tasks: {', '.join(known)}."
            problems.append(f"ONLY={name}: there is no such task; {hint}")
    if problems:
        raise ParamsError(problems)
    return selected_tasks(TASKS, only)


def prepare_for(params: Params, run: RunFile, tasks: Sequence[Task]) -> None:
    """Bring an embedded target to where the selected tasks start, when earlier tasks were left out."""
    names = {task.name for task in tasks}
    needed = {check.partition(".")[0] for task in tasks for check in task.needs}
    needed |= {name for task in tasks for name in task.prepares_with}
    waited = {name for task in tasks if task.needs for name in task.waits_for}
    if params.rehearsal and needed - names:
        prepare_target(run, seeded="seed" in waited - names)


def print_opening(params: Params, tasks: Sequence[Task]) -> None:
    """Say in the first lines what is about to happen and on what."""
    named = ", ".join(task.name for task in tasks)
    say(f"Launch readiness of {plain_line(params.pack.name)} for {params.environment}: {named}")
    if params.rehearsal:
        say(rehearsal_opening(params.environment, params.rehearsed_for))
