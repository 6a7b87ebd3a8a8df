"""The house's walls: imports go down one list of rooms, doors are few, and no module hides a standard one."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lib.core.paths import ROOT

FLOORS = (
    {"core"},
    {"transport", "display", "evidence"},
    {"clients"},
    {"tasks", "embedded"},
    {"run"},
    {"reporters", "onboarding"},
    {"notebook", "cli"},
    {"__main__"},
)
"""Folders of lib/. Each may import from itself and from the floors above it in this list, never from a neighbour."""

DOORS = {
    "sqlalchemy": {
        "transport/database.py",
        "evidence/durations.py",
        "evidence/decisions.py",
        "evidence/history.py",
        "evidence/history_schema.py",
        "evidence/incident_store.py",
        "evidence/past_runs.py",
    },
    "httpx": {"transport/web.py", "transport/traffic.py", "transport/replay.py"},
    "smtplib": {"transport/smtp.py", "transport/smtp_session.py"},
    "starlette": {"embedded/"},
    "nacl": {"clients/github.py", "embedded/vendors/github.py"},
    "aiosmtpd": {"embedded/vendors/mail.py"},
    "promql_parser": {"clients/prometheus/promql.py", "clients/prometheus/result_labels.py"},
    "prometheus_client": {"clients/prometheus/exposition.py"},
    "papermill": {"run/engine.py", "run/kernels.py"},
    "distributed": {"run/cluster.py"},
    "dask": {"run/cluster.py"},
    "fsspec": {"transport/storage.py"},
    "nbconvert": {"reporters/html/render.py", "reporters/html/notebook.py"},
    "psycopg": {
        "transport/database.py",
        "clients/postgres/",
        "clients/supabase/rehearsal_rows.py",
        "clients/supabase/seed_files.py",
        "tasks/migrations/",
        "tasks/rls/pgtap.py",
        "tasks/seed/constraints.py",
        "tasks/backup_restore/backup.py",
        "embedded/postgres/hosted.py",
        "embedded/vendors/postgrest.py",
        "onboarding/inlining.py",
        "onboarding/made_rows.py",
        "onboarding/policies.py",
        "onboarding/row_catalogue.py",
        "onboarding/row_trial.py",
    },
}
"""Library -> the files or folders that may import it, so that it can be replaced in one place."""

SHARED = ("lib.tasks.base", "lib.tasks.faults")
"""What every task may import of its room: what a task is, and what its faults are made of."""

MODULES = sorted((ROOT / "lib").rglob("*.py"))


def place(path: Path) -> str:
    """Return where a module is below lib/: tasks/rls/judge.py."""
    return path.relative_to(ROOT / "lib").as_posix()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {module_name(path) for path in MODULES}


@cache
def imported(path: Path) -> frozenset[str]:
    """Return every module that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{place(path)} imports by a relative name"
            wholes = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update(wholes & NAMES or {node.module})
    return frozenset(names)


def room(name: str) -> str:
    """Return the folder of lib/ that a module is in: lib.tasks.rls.judge is in tasks."""
    return [*name.split("."), ""][1]


def task_of(name: str) -> str:
    """Return the task package that a module is in, '' for none: tasks.base, tasks.faults and tasks.index are of none."""
    parts = name.split(".")
    return parts[2] if parts[1:2] == ["tasks"] and len(parts) > 3 else ""


def floor(folder: str) -> int:
    """Return the place of a folder in the list. Raises StopIteration for one that is not in it."""
    return next(number for number, folders in enumerate(FLOORS) if folder in folders)


def why_not(here: str, there: str) -> str:
    """Return why one module may not import another, '' when it may."""
    if task_of(here) and room(there) == "tasks" and there not in SHARED and task_of(there) != task_of(here):
        return "a task imports nothing of another task, nor their list"
    is_below = floor(room(there)) < floor(room(here))
    return "" if is_below or room(there) == room(here) else "imports go down the list of rooms"


def test_every_module_is_in_a_room() -> None:
    rooms = set().union(*FLOORS)
    assert [place(path) for path in MODULES if path.parent == ROOT / "lib"] == ["__init__.py", "__main__.py"]
    assert {room(name) for name in NAMES} - {""} <= rooms


@pytest.mark.parametrize("path", [path for path in MODULES if place(path) != "__init__.py"], ids=place)
def test_imports_go_down(path: Path) -> None:
    here = module_name(path)
    wrong = {name: why_not(here, name) for name in imported(path) if name.startswith("lib.")}
    assert not any(wrong.values()), f"{here}: {wrong}"


@pytest.mark.parametrize(
    ("here", "there", "is_allowed"),
    [
        ("lib.core.results", "lib.transport.web", False),
        ("lib.transport.web", "lib.core.errors", True),
        ("lib.display.tables", "lib.evidence.log", False),
        ("lib.clients.github", "lib.tasks.rls.judge", False),
        ("lib.tasks.rls.looks", "lib.tasks.rls.judge", True),
        ("lib.tasks.rls.looks", "lib.tasks.seed.judge", False),
        ("lib.tasks.rls.looks", "lib.tasks.index", False),
        ("lib.tasks.rls.task", "lib.tasks.base", True),
        ("lib.tasks.rls.faults", "lib.tasks.faults", True),
        ("lib.tasks.rls.faults", "lib.tasks.fault_operators", False),
        ("lib.tasks.rls.faults", "lib.tasks.seed.faults", False),
        ("lib.tasks.index", "lib.tasks.rls.task", True),
        ("lib.tasks.rls.looks", "lib.embedded.leftovers", False),
        ("lib.embedded.leftovers", "lib.tasks.index", False),
        ("lib.cli.run", "lib.notebook.session", False),
        ("lib.__main__", "lib.cli.run", True),
    ],
)
def test_the_rule_tells_right_from_wrong(here: str, there: str, is_allowed: bool) -> None:
    assert (why_not(here, there) == "") is is_allowed


def test_a_package_holds_nothing_but_its_docstring() -> None:
    for path in MODULES:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{place(path)} holds more than a docstring"


def test_install_needs_nothing_that_it_installs() -> None:
    """`make setup` starts it with a bare Python, so all that it imports is the standard library's or as bare itself."""
    seen: set[str] = set()
    pending = ["lib.cli.install"]
    while pending:
        name = pending.pop()
        seen.add(name)
        names = imported(ROOT / f"{name.replace('.', '/')}.py")
        assert {one.partition(".")[0] for one in names} <= sys.stdlib_module_names | {"lib"}
        pending += sorted((names & NAMES) - seen)


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_its_door(library: str) -> None:
    users = {place(path) for path in MODULES if any(name.partition(".")[0] == library for name in imported(path))}
    assert users
    assert not {
        user
        for user in users
        if not any(user == door or (door.endswith("/") and user.startswith(door)) for door in DOORS[library])
    }


def test_only_params_reads_environment_variables() -> None:
    # The runner of commands hands on PATH and the like; install runs before params exist.
    allowed = {"run/params.py", "transport/process.py", "core/environment.py", "core/run_mark.py"}
    allowed |= {"embedded/fly/machine_server.py"}  # it gives each machine its own, and reads none
    allowed |= {"run/warm_server.py"}  # a kernel that it forks gets variables of its own in the place of the server's
    allowed |= {"cli/install.py", "cli/package_index.py", "cli/set_up_steps.py", "cli/check_machines.py"}
    users = {place(path) for path in MODULES if "os.environ" in path.read_text()}
    assert users <= allowed


def test_no_module_hides_a_standard_one() -> None:
    assert not {path.stem for path in MODULES} & (sys.stdlib_module_names - {"__main__", "__init__"})


def test_lib_is_not_ignored() -> None:
    done = subprocess.run(["git", "check-ignore", "lib/core/paths.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == ""


def test_every_query_file_is_read() -> None:
    code = "\n".join(path.read_text() for path in MODULES)
    unread = [path for path in (ROOT / "lib").rglob("*.sql") if not re.search(rf'["/]{path.stem}"', code)]
    assert unread == []
