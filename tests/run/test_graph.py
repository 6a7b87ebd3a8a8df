"""However a notebook ends, its task ends clearly, the others go on, and every check has a line."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from rich.console import Console

from lib.core.environment import KERNELS_INHERIT, OURS
from lib.core.results import Check, Provenance
from lib.evidence.log import read_evidence
from lib.run.graph import Graph, selected_tasks
from lib.run.params import kernel_variables
from lib.run.progress import Progress
from lib.run.run_file import RunFile
from lib.run.signals import Interrupted
from lib.tasks.base import Task
from lib.tasks.index import SECTIONS, TASKS
from tests.support.credential_variables import set_fifty_credentials

READY = "x = 1"
BROKEN = "raise ValueError('the cell broke')"
DIES = "import os; os._exit(9)"
HANGS = "import time\nwhile True: time.sleep(0.05)"


@pytest.fixture
def run(tmp_path: Path) -> RunFile:
    for name in ("run", "work"):
        (tmp_path / name).mkdir()
    return RunFile(
        run_id="20261123T114500Z-abcd",
        environment="local",
        rehearsal=True,
        project="pack",
        provenances={"database": Provenance.EMBEDDED},
        embedded=("database",),
        tasks=(),
        pack=tmp_path,
        run_folder=tmp_path / "run",
        rendered=tmp_path,
        work=tmp_path / "work",
        kept=tmp_path,
        events=tmp_path / "work" / "events.jsonl",
        spare=tmp_path / "work" / "unkept.jsonl",
        target_url="postgresql://postgres@127.0.0.1:1/postgres",
        scratch_url="postgresql://postgres@127.0.0.1:1/postgres",
        supabase=tmp_path,
        squawk=tmp_path,
        postgres_bin=tmp_path,
        sections={section: {} for section in SECTIONS},
    )


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Task]:
    def make(name: str, source: str, **facts: object) -> Task:
        path = tmp_path / f"01_{name}.ipynb"
        cells = [new_code_cell('environment = "local"', metadata={"tags": ["parameters"]}), new_code_cell(source)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
        checks = (Check(id=f"{name}.it_holds", title="It holds", subject="run"),)
        return Task(name=name, title=name, notebook=str(path), checks=checks, **facts)  # type: ignore[arg-type]

    return make


def graph_of(run: RunFile, *tasks: Task, timeout_s: float = 60, **facts: object) -> Graph:
    progress = Progress(tasks, run.events, console=Console(quiet=True))
    return Graph(
        tasks=tasks,
        run=run,
        run_file=run.work / "run.json",
        parameters={task.name: {"environment": "local"} for task in tasks},
        timeout_s=timeout_s,
        progress=progress,
        **facts,  # type: ignore[arg-type]
    )


def execute(graph: Graph, *, jobs: int = 2) -> dict[str, str]:
    with ThreadPoolExecutor(jobs) as executor:
        graph.execute(executor, jobs=jobs)
    return {name: one.ended for name, one in graph.runs.items()}


def details(run: RunFile) -> dict[str, str]:
    return {line.check: line.detail for line in read_evidence(run.run_folder) if line.result.value == "error"}


def test_a_broken_notebook_stops_nobody_else(run: RunFile, make_task: Callable[..., Task]) -> None:
    graph = graph_of(run, make_task("bad", BROKEN), make_task("good", READY))
    assert execute(graph) == {"bad": "broken", "good": "ready"}
    assert "ValueError: the cell broke" in details(run)["bad.it_holds"]
    assert "bad.notebook_ran_to_its_end" in details(run)


def test_a_kernel_that_dies_is_an_error_of_its_task(run: RunFile, make_task: Callable[..., Task]) -> None:
    assert execute(graph_of(run, make_task("dies", DIES))) == {"dies": "broken"}
    assert "Kernel died" in details(run)["dies.it_holds"]


def test_a_notebook_over_its_time_is_ended(run: RunFile, make_task: Callable[..., Task]) -> None:
    assert execute(graph_of(run, make_task("slow", HANGS), timeout_s=4)) == {"slow": "broken"}
    assert "longer than 4 s" in details(run)["slow.it_holds"]


def test_who_needs_what_was_not_proved_is_an_error_naming_it(run: RunFile, make_task: Callable[..., Task]) -> None:
    first = make_task("first", READY)  # it gives no result, so nothing is proved
    second = make_task("second", READY, needs=("first.it_holds",))
    assert execute(graph_of(run, first, second)) == {"first": "ready", "second": "blocked"}
    assert "needs first.it_holds" in details(run)["second.it_holds"]


def test_a_task_of_a_missing_target_is_blocked_naming_the_variable(run: RunFile, make_task: Callable[..., Task]) -> None:
    graph = graph_of(run, make_task("one", READY), missing={"database": ("STAGING_DATABASE_URL",)})
    assert execute(graph) == {"one": "blocked"}
    assert "STAGING_DATABASE_URL is not set" in details(run)["one.it_holds"]


def test_a_task_with_some_of_its_targets_looks_at_those(run: RunFile, make_task: Callable[..., Task]) -> None:
    task = make_task("two", READY, targets=("database", "publer"))
    assert execute(graph_of(run, task, missing={"publer": ("STAGING_PUBLER_API_KEY",)})) == {"two": "ready"}
    gone = make_task("none", READY, targets=("chatwoot", "publer"))
    missing = {"chatwoot": ("STAGING_CHATWOOT_URL",), "publer": ("STAGING_PUBLER_API_KEY",)}
    assert execute(graph_of(run, gone, missing=missing)) == {"none": "blocked"}
    assert "STAGING_CHATWOOT_URL and STAGING_PUBLER_API_KEY are not set" in details(run)["none.it_holds"]


def test_a_task_waits_for_those_before_it_however_they_end(run: RunFile, make_task: Callable[..., Task]) -> None:
    before = make_task("before", BROKEN)
    after = make_task("after", READY, waits_for=("before",))
    graph = graph_of(run, after, before)
    execute(graph)
    ended, began = graph.runs["before"].ended_at, graph.runs["after"].started_at
    assert ended is not None and began is not None
    assert ended <= began


def test_stopping_ends_the_kernels_and_marks_every_check(
    run: RunFile, make_task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(run, make_task("running", HANGS), make_task("waiting", READY, waits_for=("running",)))
    started = threading.Event()
    follow = graph.progress.follow

    def stop_when_running() -> None:
        follow()
        slot = graph.slots.get("running")
        if slot and slot.pid and not started.is_set():
            started.set()
            raise Interrupted(130)

    monkeypatch.setattr(graph.progress, "follow", stop_when_running)
    with pytest.raises(Interrupted):
        execute(graph)
    pid = graph.slots["running"].pid
    assert pid is not None
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert {name: one.ended for name, one in graph.runs.items()} == {"running": "stopped", "waiting": "stopped"}
    assert {"running.it_holds", "waiting.it_holds"} <= set(details(run))


def test_selecting_tasks_keeps_the_order_and_the_summary() -> None:
    assert [task.name for task in selected_tasks(TASKS, ["rls", "migrations"])] == ["migrations", "rls", "readiness_summary"]


def test_a_kernel_sees_none_of_fifty_credentials_of_its_parent(
    run: RunFile, make_task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = set_fifty_credentials(monkeypatch)
    seen = run.work / "seen.txt"
    task = make_task("curious", f"import os, pathlib\npathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))")
    assert execute(graph_of(run, task)) == {"curious": "ready"}
    text = seen.read_text()
    assert "LAUNCH_RUN_FILE" in text and "PATH" in text
    assert [value for value in values if value in text] == []
    assert set(kernel_variables()) <= {*KERNELS_INHERIT, *OURS, *(name for name in os.environ if name.startswith("LC_"))}
