"""Which checks a task has is told without a result; what stands out is told beside it, and what was not looked at stands out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.core.errors import NotReadyError
from lib.core.paths import ROOT
from lib.core.results import Check, Findings, look
from lib.display.checks import checks_table
from lib.notebook.session import TaskSession
from lib.tasks.base import Task
from lib.tasks.index import TASKS
from tests.support.faults import make_run

GATE = Check("rls.gate", "The gate holds", subject="run")
ADVICE = Check("rls.advice", "The advice holds", subject="run", gate=False)
TASK = Task(name="rls", title="Row level security", notebook="02_rls.ipynb", checks=(GATE, ADVICE), targets=())


@look(GATE, ADVICE)
def look_at_both(context: object, *, gate: bool = True, advice: bool = True) -> Findings[None]:
    """Both."""
    return Findings(results=[GATE.judge(holds=gate), ADVICE.judge(holds=advice)])


@pytest.fixture
def session(tmp_path: Path) -> TaskSession:
    return TaskSession(TASK, make_run(tmp_path, kill_rate_s=0), SimpleNamespace(embedded=frozenset(), not_applicable={}))  # type: ignore[arg-type]


def test_a_gate_that_was_not_looked_at_is_not_ready(session: TaskSession) -> None:
    with pytest.raises(NotReadyError, match=r"^Row level security is not ready: rls\.gate not looked at\.$"):
        session.require_ready()


def test_a_gate_that_passed_is_ready_whatever_an_advisory_came_to(session: TaskSession) -> None:
    session.look(look_at_both, advice=False)
    session.require_ready()
    assert session.checks_table().rows == (
        {"check": "rls.gate", "counts as": "gate", "stands out": ""},
        {"check": "rls.advice", "counts as": "advisory", "stands out": "failed"},
    )


def test_who_looks_again_by_hand_is_told_how_it_is_now(session: TaskSession) -> None:
    session.look(look_at_both, gate=False)
    with pytest.raises(NotReadyError, match=r"rls\.gate failed"):
        session.require_ready()
    session.look(look_at_both)
    session.require_ready()


def test_in_a_run_the_worse_of_two_results_counts(session: TaskSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCH_RUN_FILE", "run.json")
    session.look(look_at_both, gate=False)
    session.look(look_at_both)
    with pytest.raises(NotReadyError, match=r"rls\.gate failed"):
        session.require_ready()


def test_the_table_that_is_stored_changes_with_a_check_a_gate_and_a_result(session: TaskSession) -> None:
    session.look(look_at_both)
    stored = session.checks_table()._repr_mimebundle_()
    assert stored == checks_table("rls", [GATE, ADVICE])._repr_mimebundle_()
    assert not any(word in stored["text/html"] + stored["text/plain"] for word in ("pass", "fail", "✓", "outcome"))
    more = checks_table("rls", [GATE, ADVICE, Check("rls.more", "More", subject="run")])
    other = checks_table("rls", [GATE, Check("rls.advice", "The advice holds", subject="run", gate=True)])
    assert stored != more._repr_mimebundle_() and stored != other._repr_mimebundle_()
    session.look(look_at_both, advice=False)
    assert stored != session.checks_table()._repr_mimebundle_()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_notebook_stores_the_checks_and_no_result(task: Task) -> None:
    cells = json.loads(task.path.read_text(encoding="utf-8"))["cells"]
    stored = [output for cell in cells for output in cell.get("outputs", [])]
    assert len(stored) == 1
    data = {kind: "".join(text) for kind, text in stored[0]["data"].items()}
    assert data == checks_table(task.name, task.checks)._repr_mimebundle_()


def test_nbval_compares_in_every_notebook_what_it_stores() -> None:
    marked = '# NBVAL_CHECK_OUTPUT\\n",\n    "task.checks_table()'
    assert [task.name for task in TASKS if marked not in (ROOT / "notebooks" / task.notebook).read_text(encoding="utf-8")] == []
