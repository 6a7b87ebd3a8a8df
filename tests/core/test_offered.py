"""Completion shows what is ours, whoever completes; a wrong name is one sentence; all else of a module works as ever."""

from __future__ import annotations

from importlib import import_module

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from lib.core.errors import WorkbookError
from lib.core.offered import NoSuchName, no_such_name
from lib.core.paths import ROOT
from lib.core.results import Look
from lib.notebook.session import OFFERED, TaskSession
from lib.tasks.index import TASKS
from lib.tasks.rls import figures, looks
from tests.support.faults import make_run

SUBMODULES = {"guardrails": {"describe_branch"}, "backup_restore": {"stages_of"}, "credentials": {"sync_plan"}}
"""What else than looks a notebook calls of its looks."""


def completions(name: str, value: object, *, jedi: bool) -> set[str]:
    """Return what a person sees after `name.` and Tab."""
    shell = InteractiveShell()
    shell.user_ns[name] = value
    shell.Completer.use_jedi = jedi
    with provisionalcompleter():
        found = shell.Completer.completions(f"{name}.", len(name) + 1)
        return {one.text.lstrip(".") for one in found}


@pytest.mark.parametrize("jedi", [False, True])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_of_the_looks_only_looks_are_completed(task: object, jedi: bool) -> None:
    name = task.name  # type: ignore[attr-defined]
    module = import_module(f"lib.tasks.{name}.looks")
    expected = {key for key, one in vars(module).items() if isinstance(one, Look)} | SUBMODULES.get(name, set())
    assert len(expected) >= 5
    assert completions("looks", module, jedi=jedi) == expected


@pytest.mark.parametrize("jedi", [False, True])
def test_of_the_figures_only_figures_are_completed(jedi: bool) -> None:
    assert completions("figures", figures, jedi=jedi) == {"matrix_heat_map"}


@pytest.mark.parametrize("jedi", [False, True])
def test_of_a_session_only_its_own_words_are_completed(tmp_path: object, jedi: bool) -> None:
    task = next(task for task in TASKS if task.name == "rls")
    session = TaskSession(task, make_run(tmp_path), None)  # type: ignore[arg-type]
    assert completions("task", session, jedi=jedi) == set(OFFERED)


def test_every_figures_module_offers_what_its_notebook_calls() -> None:
    for path in (ROOT / "lib/tasks").glob("*/figures.py"):
        offered = dir(import_module(f"lib.tasks.{path.parent.name}.figures"))
        task = next(task for task in TASKS if task.name == path.parent.name)
        assert offered
        assert all(name in task.path.read_text(encoding="utf-8") for name in offered)


def test_a_wrong_name_says_the_right_one_in_one_sentence() -> None:
    with pytest.raises(NoSuchName) as raised:
        looks.look_at_tabels  # noqa: B018
    assert isinstance(raised.value, AttributeError) and isinstance(raised.value, WorkbookError)
    assert raised.value._render_traceback_() == ["tasks.rls.looks has no look_at_tabels.", "Fix: Did you mean look_at_tables?"]


def test_a_name_like_no_other_says_all_there_are() -> None:
    assert no_such_name("figures", "zzz", ["b", "a"]).fix == ("Choose one of a, b.",)


def test_what_is_not_offered_is_there_all_the_same() -> None:
    assert looks.look is not None and not hasattr(looks, "__wrapped__")
    with pytest.raises(ImportError):
        exec("from lib.tasks.rls.looks import nothing_of_the_kind")
