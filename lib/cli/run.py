"""One run of one environment, from what the user asked to the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lib.cli.aftermath import keep_notes, keep_what_broke
from lib.cli.choose_tasks import choose_tasks, print_opening
from lib.cli.killed_runs import take_over_killed_runs
from lib.cli.publishing import import_publishing, publish_ended
from lib.cli.reuse import look_for_reusable, require_reuse_allowed, settled_inputs
from lib.cli.streams import forgiving_output
from lib.cli.tell_github import tell_github
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.core.redact import register_secrets
from lib.core.verdict import Verdict
from lib.core.visible import plain_line, say
from lib.core.wording import refusal_of_rehearsal
from lib.embedded.state_folders import state_base
from lib.embedded.strays import adopt_orphans, end_adopted
from lib.evidence.durations import durations_lately
from lib.evidence.history import open_history
from lib.reporters.remembered import read_commit
from lib.reporters.sealing import enter_run
from lib.run.endings import RunOutcome, TaskRun
from lib.run.graph import Graph
from lib.run.inputs import digest_inputs
from lib.run.notebook_parameters import check_parameters
from lib.run.older_layout import open_rendered
from lib.run.params import Params, history_url, is_reuse, is_strict, load_params
from lib.run.preflight import look_ahead
from lib.run.progress import Progress
from lib.run.record import write_record
from lib.run.recorded_inputs import gather_inputs, write_inputs
from lib.run.reuse import NOTHING_REUSED, Reuse, take_over
from lib.run.reuse_inputs import NO_INPUTS, ReuseInputs, digest_for_reuse
from lib.run.run_file import RunFile
from lib.run.signals import Interrupted, finish_first, handle_signals
from lib.run.signing_variable import take_key_from_environment
from lib.run.stack import RUN_FILE, new_run_id, start_stack
from lib.run.time_left import by_longest_way
from lib.run.warm_kernels import WarmKernels, start_warm_kernels
from lib.tasks.base import Task
from lib.tasks.index import is_whole, use_own_tasks

if TYPE_CHECKING:
    from lib.cli.publishing import Published


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run as it was asked for and understood; nothing of it was started yet.

    tasks: all that the run has; kept: those whose results an interrupted run already has. inputs: task -> digest of what its
    results rest on; reuse_inputs: the same as narrowly as reuse needs it. reuse: what is taken over from earlier runs.
    strict: everything but a GO is refused. resumed_at: when the run was taken up again, each time.
    """

    params: Params
    tasks: tuple[Task, ...]
    parameters: Mapping[str, Mapping[str, Any]]
    rendered: Path
    strict: bool
    run_id: str
    started_at: datetime
    inputs: Mapping[str, str]
    kept: frozenset[str] = frozenset()
    reuse: Reuse = NOTHING_REUSED
    reuse_inputs: ReuseInputs = NO_INPUTS
    resumed_at: tuple[datetime, ...] = field(default=())


def run_environment(
    environment: str,
    *,
    only: Sequence[str],
    pack: str | None,
    rendered: Path,
    is_watch: bool = False,
    kill_rate_s: float | None = None,
) -> int:
    """Run the tasks, publish the run, print the verdict, and return the exit code.

    is_watch: the tasks are asked for by themselves, night after night: STRICT refuses a rehearsal, and no more than that.
    kill_rate_s: seconds that each task spends on faults made on purpose, instead of those in params.
    Raises ParamsError before anything is started when what was asked can't be understood, or could not be published.
    """
    take_key_from_environment()
    params = load_params(environment, pack=pack)
    if kill_rate_s is not None:
        patient = params.run.notebook_timeout_s + 2 * kill_rate_s
        spent = {"kill_rate_s": kill_rate_s, "notebook_timeout_s": patient}
        params = replace(params, run=params.run.model_copy(update=spent))
    reuses = is_reuse() and not is_watch and kill_rate_s is None
    if reuses:
        require_reuse_allowed(params)
    tasks = choose_tasks(only)
    parameters = check_parameters(tasks, params)
    if params.rehearsal and params.rehearsed_for and is_strict():
        say(refusal_of_rehearsal(environment, params.rehearsed_for), to=sys.stderr)
        return Verdict.BLOCKED.exit_code
    take_over_killed_runs(rendered)
    look_ahead(rendered, state_base(ROOT), params.pack)
    print_opening(params, tasks)
    started_at = datetime.now(UTC)
    inputs = digest_for_reuse(params, tasks)
    reuse = look_for_reusable(params, tasks, inputs, rendered, now=started_at) if reuses else NOTHING_REUSED
    return carry_out(
        Plan(
            params=params,
            tasks=tasks,
            parameters=parameters,
            rendered=rendered,
            strict=is_strict() and not is_watch,
            run_id=new_run_id(started_at),
            started_at=started_at,
            inputs=digest_inputs(params, tasks),
            reuse=reuse,
            reuse_inputs=inputs,
        )
    )


def carry_out(plan: Plan) -> int:
    """Start what the run stands on, execute and publish it, and return the exit code."""
    adopt_orphans()
    known = {one.pid for one in psutil.Process().children()}
    project, run_folder = open_run_folder(plan)
    import_publishing()
    try:
        with (
            forgiving_output(),
            handle_signals(),
            warm_kernels(plan) as warm,  # they import while the embedded parts start
            start_stack(
                plan.params,
                run_id=plan.run_id,
                project=project,
                run_folder=run_folder,
                rendered=plan.rendered,
                tasks=tuple(task.name for task in plan.tasks),
                reused=plan.reuse.sources,
            ) as run,
        ):
            register_secrets(run.secrets)
            keep_record(plan, run)
            return execute(plan, run, warm)
    except Interrupted as stop:
        say("Interrupted before anything was looked at.", to=sys.stderr)
        return stop.exit_code
    finally:
        end_adopted(known)
        if run_folder.is_dir() and not any(run_folder.iterdir()):
            run_folder.rmdir()


def warm_kernels(plan: Plan) -> AbstractContextManager[WarmKernels | None]:
    """Return what the run's kernels are forked from, to be entered; it is importing already. None where there is none."""
    if plan.params.run.kernels != "warm":
        return nullcontext()
    notebooks = [task.path for task in plan.tasks if not task.is_own and task.name not in plan.kept]
    return start_warm_kernels(notebooks, mark=plan.run_id)


def open_run_folder(plan: Plan) -> tuple[str, Path]:
    """Return the project's name in rendered/, and the run's folder there, made. Raises WorkbookError when it can't be."""
    try:
        project = open_rendered(plan.rendered, plan.params.pack)
        run_folder = plan.rendered / project / plan.params.environment / plan.run_id
        run_folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise unwritable(plan.rendered, exc) from exc
    return project, run_folder


def keep_record(plan: Plan, run: RunFile) -> None:
    """Keep the run's record, and what it is made on. Raises WorkbookError when it can't be: nothing was looked at yet."""
    try:
        write_record(
            run,
            started_at=plan.started_at,
            rehearsed_for=plan.params.rehearsed_for,
            inputs=plan.inputs,
            resumed_at=plan.resumed_at,
        )
        commits = {"project": read_commit(plan.params.pack), "workbook": read_commit(ROOT)}
        write_inputs(run.run_folder, gather_inputs(plan.params, plan.tasks, commits=commits, kept=run.kept))
        for gap in enter_run(run, at=plan.started_at):
            say(plain_line(f"Of earlier runs: {gap}."))
    except OSError as exc:
        raise unwritable(run.run_folder, exc) from exc


def unwritable(place: Path, exc: OSError) -> WorkbookError:
    """Return the sentence for a folder of runs that takes nothing."""
    return WorkbookError(f"{place} can't be written to: {exc.strerror}.", fix="Free some room there, or correct its permissions.")


def execute(plan: Plan, run: RunFile, warm: WarmKernels | None) -> int:
    """Execute the graph in a standing stack, publish it however it ended, and return the exit code.

    warm: what kernels are forked from.
    """
    plan = with_staged_tasks(plan, run)
    bring_reused(plan, run)
    graph, stopped_with = execute_graph(plan, run, warm, expected=read_durations(run))
    if warm is not None:
        warm.close()  # publishing needs its memory more
    keep_notes(run)
    task_runs = [graph.runs[task.name] for task in plan.tasks]
    keep_what_broke(run, task_runs)
    published = publish_run(plan, run, task_runs, graph, stopped_with=stopped_with)
    tell_github(published.report, exit_code=published.exit_code)
    say(published.words)
    return published.exit_code


def with_staged_tasks(plan: Plan, run: RunFile) -> Plan:
    """Return the plan with a project's own tasks as the run has copied them."""
    staged = {one.name: one.task for one in run.own_tasks}
    use_own_tasks(staged.values())
    return replace(plan, tasks=tuple(staged.get(task.name, task) for task in plan.tasks))


def execute_graph(
    plan: Plan, run: RunFile, warm: WarmKernels | None, *, expected: Mapping[str, float]
) -> tuple[Graph, int | None]:
    """Execute the tasks to an end, and return how each ended, and the exit code where the run was stopped.

    expected: how long each task may take, s.
    """
    params, stopped_with = plan.params, None
    first_longest = by_longest_way(plan.tasks, expected)
    showing = Progress(first_longest, run.events, expected=expected, jobs=params.run.jobs)
    with showing as progress, ThreadPoolExecutor(max_workers=params.run.jobs) as executor:
        graph = Graph(
            tasks=first_longest,
            run=run,
            run_file=run.work / RUN_FILE,
            parameters=plan.parameters,
            timeout_s=params.run.notebook_timeout_s,
            progress=progress,
            missing=params.missing,
            prepares=params.rehearsal,
            warm=warm,
        )
        try:
            graph.keep(plan.kept | plan.reuse.sources.keys())
            graph.execute(executor, jobs=params.run.jobs)
            finish_first()
        except Interrupted as stop:
            stopped_with = stop.exit_code
    return graph, stopped_with


def bring_reused(plan: Plan, run: RunFile) -> None:
    """Bring what earlier runs found into this one. Raises WorkbookError when its folder can't take it."""
    try:
        for source in plan.reuse.sources.values():
            take_over(source, run)
    except OSError as exc:
        raise unwritable(run.run_folder, exc) from exc


def read_durations(run: RunFile) -> dict[str, float]:
    """Return how long each task took in the newest runs of this project and environment, s; nothing of what can't be read."""
    try:
        return durations_lately(open_history(run.rendered, history_url()), run.project, run.environment)
    except (WorkbookError, OSError):
        return {}  # look_ahead has said what is wrong with the history; how long a run takes is no reason to stop it


def publish_run(plan: Plan, run: RunFile, task_runs: Sequence[TaskRun], graph: Graph, *, stopped_with: int | None) -> Published:
    """Publish a run that has just ended. stopped_with: the exit code of one that was stopped."""
    ending = RunOutcome(
        started_at=plan.started_at,
        ended_at=datetime.now(UTC),
        finished=stopped_with is None,
        partial=not is_whole(plan.tasks),
        rehearsed_for=plan.params.rehearsed_for,
        resumed_at=plan.resumed_at,
        inputs=settled_inputs(plan.params, plan.tasks, plan.reuse_inputs, task_runs, plan.kept),
    )
    return publish_ended(run, task_runs, ending, strict=plan.strict, stopped_with=stopped_with, unkept=graph.unkept)
