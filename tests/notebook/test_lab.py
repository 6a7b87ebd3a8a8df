"""A notebook opened by hand starts from where its task expects, each time, whatever it or another notebook did before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.embedded.postgres.lent import Lent
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.notebook import lab
from lib.notebook.session import TaskSession, open_task
from lib.run.stack import prepare_target
from lib.transport.database import Database


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[list[bool]]:
    """Yield how often the project's migrations were really applied, in a lab whose server is the session's own."""
    done: list[bool] = []

    def note(*args: object, seeded: bool) -> None:
        done.append(seeded)
        prepare_target(*args, seeded=seeded)  # type: ignore[arg-type]

    lent = Lent.of(postgres_server)
    monkeypatch.setattr(lab, "EXPLORED", tmp_path / "explored")
    monkeypatch.setattr(lab, "server_to_share", lambda _: lambda tell: lent)
    monkeypatch.setattr(lab, "prepare_target", note)
    before = names(postgres_server)
    yield done
    lab.take_down()
    left = names(postgres_server) - before
    assert all(name.startswith("prepared_") for name in left)
    for name in left:
        postgres_server.drop_database(name)


def names(server: EmbeddedPostgres) -> set[str]:
    return {row["datname"] for row in server.database("template1").rows("select datname from pg_catalog.pg_database")}


def open_rls() -> TaskSession:
    return open_task("rls", environment="local")


def count_ideas(database: Database) -> int:
    return int(database.value("select count(*) from public.ideas"))


def test_a_second_opening_starts_where_the_first_did(applied: list[bool], postgres_server: EmbeddedPostgres) -> None:
    first = open_rls()
    seeded = count_ideas(first.context.target)
    assert seeded > 0
    with first.context.target.connect() as connection:
        connection.execute("truncate public.ideas cascade")
        connection.execute("create table public.left_behind (id int)")
    second = open_rls()
    assert count_ideas(second.context.target) == seeded
    assert second.context.target.value("select to_regclass('public.left_behind')") is None
    assert first.context.target.name not in names(postgres_server), "the first opening's database is still there"
    assert applied == [True], "the second opening copies what the first has applied"


def test_notebooks_open_at_once_do_not_see_each_other(applied: list[bool]) -> None:
    rls, migrations = open_rls(), open_task("migrations", environment="local")
    assert rls.context.target.name != migrations.context.target.name
    assert migrations.context.target.value("select to_regclass('public.ideas')") is None, "migrations start from nothing"
    assert count_ideas(rls.context.target) > 0
    assert rls.run.run_folder != migrations.run.run_folder


NOTEBOOK_KERNEL = """
import lib.core.paths, lib.notebook.session
print(lib.core.paths.ROOT, lib.__path__)
"""


@pytest.mark.parametrize("where", ["notebooks", "."])
def test_lib_is_found_without_pythonpath(where: str) -> None:
    """A kernel starts in its notebook's folder, which is the first that Python imports from."""
    code = f"import sys; sys.path.insert(0, ''){NOTEBOOK_KERNEL}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / where, env={}, capture_output=True, text=True)
    assert done.stdout.startswith(f"{ROOT} ") and done.stdout.rstrip().endswith(f"['{ROOT / 'lib'}']"), done.stderr


def test_a_kernel_without_the_packages_is_told_which_to_choose() -> None:
    code = "import sys, types; sys.modules['ipykernel'] = types.ModuleType('ipykernel'); sys.path.insert(0, '')\nimport lib"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT / "notebooks", env={}, capture_output=True, text=True)
    said = done.stderr.strip().splitlines()
    assert "not the workbook's." in said[-2] and "without pydantic" in said[-2]
    assert said[-1].startswith(f"Fix: Choose the kernel of {ROOT}/.venv/bin/python") and "make setup" in said[-1]
