"""Each mistake of a person at a notebook is one sentence with its fix, before anything is started or looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import ParamsError, WorkbookError
from lib.core.results import Check, Findings, look
from lib.notebook import lab
from lib.notebook.asked import check_look
from lib.notebook.session import open_task
from lib.run.stack import start_stack
from lib.tasks.index import TASKS
from lib.tasks.rls import looks as rls
from lib.tasks.seed import looks as seed

RLS = next(task for task in TASKS if task.name == "rls")
OWN = Check("rls.matrix_matches_declared", "It matches", subject="database")


@look(OWN)
def look_at_words(context: object, *, words: str, other: int = 1) -> Findings[None]:
    """Words."""
    raise AssertionError("it is not reached")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"name": "rls"}, r'was not told the environment; say one, such as environment="local"\.'),
    ({"name": "rls", "enviroment": "local"}, r"not told the environment; did you mean environment by enviroment\?"),
    ({"name": "rls", "environment": 7}, r"environment must be text; saw 7 \(int\)"),
    ({"name": None, "environment": "local"}, r"the task's name must be text"),
    ({"name": "rls", "environment": "nowhere"}, r"there is no params/nowhere\.yaml"),
    ({"name": "rsl", "environment": "local"}, r"There is no task rsl here\. Fix: Open one of migrations, seed, rls"),
    ({"name": "rls", "environment": "local", "schemata": ["a"]}, r"unknown key 'schemata'; did you mean 'schemas'\?"),
    (
        {"name": "rls", "environment": "local", "statement_timeout_s": "ten"},
        r"timeout_s: input should be a valid number",
    ),
    ({"name": "rls", "environment": "local", "schemas": "public"}, r"schemas: input should be a valid list"),
    ({"name": "readiness_summary", "environment": "local", "x": 1}, r"unknown key 'x'; known keys: documents"),
]


@pytest.mark.parametrize(("asked", "said"), MISTAKES, ids=[said[:40] for _, said in MISTAKES])
def test_a_mistake_in_opening_is_said_before_anything_starts(
    asked: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("something was started")

    monkeypatch.setattr(lab, "start_stack", start)
    monkeypatch.setattr(lab, "clean_up_leftovers", start)
    with pytest.raises(ParamsError, match=said) as raised:
        open_task(**asked)
    shown = raised.value._render_traceback_()
    assert "Traceback" not in "\n".join(shown) and shown[0] == raised.value.message


def test_what_the_parameters_cells_give_is_understood() -> None:
    assert start_stack is not None
    for task in TASKS:
        assert lab.understand(task.name, "local", {})[0] == task


def test_a_look_is_asked_for_by_its_name() -> None:
    with pytest.raises(WorkbookError, match=r"task\.look takes a look; it was given 'look_at_tables' \(str\)"):
        check_look(RLS, "look_at_tables", {})
    check_look(RLS, rls.look_at_tables, {})


def test_a_look_of_another_task_is_refused() -> None:
    with pytest.raises(WorkbookError, match=r"look_at_rows looks at seed\.\w+, which is no check of rls"):
        check_look(RLS, seed.look_at_rows, {})


@pytest.mark.parametrize(
    ("given", "said"), [({}, "missing a required"), ({"words": "a", "wrods": "b"}, "unexpected keyword argument 'wrods'")]
)
def test_a_wrong_argument_of_a_look_says_what_it_takes(given: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkbookError, match=said) as raised:
        check_look(RLS, look_at_words, given)
    assert raised.value.fix == ("It takes words, other.",)
    check_look(RLS, look_at_words, {"words": "a"})


def test_a_projects_own_parameter_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no folder"):
        lab.understand("rls", "local", {}, pack=tmp_path / "none")


def test_a_look_that_is_called_says_how_it_is_passed() -> None:
    with pytest.raises(WorkbookError, match=r"^look_at_words looks at nothing by itself\. Fix: Pass it by its name"):
        look_at_words()  # type: ignore[call-arg]
