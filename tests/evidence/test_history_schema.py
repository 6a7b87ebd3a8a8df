"""A history that an older version wrote is brought up and keeps what it held; a newer one's is refused by one sentence.

The databases in `older/` were written by those versions themselves, and are kept to the byte.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from lib.core.errors import WorkbookError
from lib.evidence.decisions import list_decisions
from lib.evidence.durations import durations_lately
from lib.evidence.history import HISTORY, last_run, open_history, remember_run
from lib.evidence.history_schema import METADATA, SCHEMA, VERSION, read_version
from lib.evidence.incident_store import open_incidents, take_over_older
from lib.evidence.past_runs import list_runs
from lib.transport.database import Database
from tests.evidence.test_decisions import entry

OLDER = Path(__file__).with_name("older")
HISTORIES = ["v1", "v1-episodes", *(f"v{number}" for number in range(2, VERSION))]


@pytest.fixture
def older(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with the history that an older version wrote."""
    database = sqlite3.connect(tmp_path / HISTORY)
    database.executescript((OLDER / f"{request.param}.sql").read_text())
    database.close()
    yield tmp_path


@pytest.mark.parametrize("older", HISTORIES, indirect=True)
def test_a_history_of_an_older_version_is_brought_up_and_keeps_what_it_held(older: Path) -> None:
    engine = open_history(older)
    assert read_version(engine) == VERSION
    project = list_runs(engine)[0].project
    take_over_older(engine, {}, project)
    assert [(run.run_id, run.verdict, run.duration_s, run.unconfirmed) for run in list_runs(engine)] == [
        ("20261124T120000Z-runs", "NO-GO", 61.5, None),
        ("20261123T120000Z-runs", "REHEARSED", 61.5, None),
    ]
    past = last_run(engine, project, "staging")
    assert past is not None
    assert past.results == {"rls.every_table_enabled": "fail", "seed.row_counts_match": "pass"}
    for column in (one for table in METADATA.sorted_tables for one in table.columns):
        assert column.name in {one["name"] for one in sa.inspect(engine).get_columns(column.table.name)}
    remember_run(engine, entry("20261125T120000Z-news", project=project, environment="staging"))
    found, unknown = list_decisions(engine, older / "none", project, "staging")
    assert [one.run_id for one in found] == ["20261125T120000Z-news"]
    assert unknown == ["20261123T120000Z-runs", "20261124T120000Z-runs"]
    engine.dispose()


@pytest.mark.parametrize(
    ("older", "incidents", "durations"),
    [("v1", 0, {}), ("v1-episodes", 1, {}), ("v2", 1, {}), ("v3", 1, {"rls": 17.5})],
    indirect=["older"],
)
def test_what_stands_beside_the_runs_comes_along(older: Path, incidents: int, durations: dict[str, float]) -> None:
    engine = open_history(older)
    project = list_runs(engine)[0].project or "shop"
    take_over_older(engine, {}, project)
    assert len(open_incidents(engine, project, "staging", live=True)) == incidents
    assert durations_lately(engine, project, "staging") == durations
    engine.dispose()


@pytest.mark.parametrize("older", ["v2"], indirect=True)
def test_a_migration_that_was_cut_off_is_finished_at_the_next_start(older: Path) -> None:
    """As a kill leaves it: some columns are there, the version is not."""
    with sqlite3.connect(older / HISTORY) as database:
        database.execute("alter table results add column found varchar(8)")
        database.execute("create table history_schema (version integer primary key)")
    engine = open_history(older)
    assert read_version(engine) == VERSION
    remember_run(engine, entry("20261125T120000Z-news"))
    engine.dispose()
    assert read_version(open_history(older)) == VERSION


def test_postgres_is_brought_up_too(hosted_database: Database, tmp_path: Path) -> None:
    """The statements of the first version, as Postgres spells them."""
    text = (OLDER / "v1.sql").read_text().replace("DATETIME", "TIMESTAMPTZ")
    made = [one for one in text.split(";\n") if one.startswith("CREATE")]
    url = hosted_database.url.replace("postgresql://", "postgresql+psycopg://")
    plain = sa.create_engine(url)
    with plain.begin() as connection:
        for one in sorted(made, key=lambda one: "results" in one or "INDEX" in one):
            connection.execute(sa.text(one))
    plain.dispose()
    engine = open_history(tmp_path, url)
    assert read_version(engine) == VERSION
    remember_run(engine, entry("20261125T120000Z-news"))
    [one], unknown = list_decisions(engine, tmp_path / "none", "p", "local")
    engine.dispose()
    assert unknown == []
    assert [tuple(kept) for kept in one.results] == [tuple(kept) for kept in entry("x").kept]


@pytest.mark.parametrize("older", ["v1-episodes"], indirect=True)
def test_several_runs_may_bring_a_history_up_at_once(older: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(lambda _: open_history(older), range(8)))
    for engine in engines:
        assert read_version(engine) == VERSION
        engine.dispose()


def test_a_history_of_a_newer_version_is_refused_by_one_sentence(tmp_path: Path) -> None:
    engine = open_history(tmp_path)
    with engine.begin() as connection:
        connection.execute(sa.insert(SCHEMA).values(version=VERSION + 1))
    with pytest.raises(WorkbookError) as caught:
        open_history(tmp_path)
    said = f"The history of runs has form {VERSION + 1}, of a newer workbook; this one knows forms up to {VERSION}."
    assert str(caught.value).startswith(said)
