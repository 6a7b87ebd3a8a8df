"""How far a dump or a restore is, by what the server says of each COPY."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lib.clients.postgres import copy_progress
from lib.clients.postgres.copy_progress import CopyProgress, telling_copies
from lib.clients.postgres.digests import TableDigest
from lib.clients.postgres.dumps import SMALL_BYTES, time_for, workers_for
from lib.core.under_way import listening
from lib.transport.database import Database

ROWS = 60_000


def table(name: str, rows: int | None, size_bytes: int, kind: str = "r") -> TableDigest:
    return TableDigest(
        schema="public", name=name, kind=kind, columns=(), key=(), is_partition=False, rows=rows, size_bytes=size_bytes
    )


@pytest.fixture
def many(hosted_database: Database) -> Database:
    with hosted_database.connect() as connection:
        connection.execute("create table public.many (body text)")
        connection.execute("insert into public.many select repeat('x', 500) from generate_series(1, %s)", [ROWS])
    return hosted_database


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("lib.core.under_way.EVERY_S", 0.0)
    monkeypatch.setattr(copy_progress, "LOOK_EVERY_S", 0.01)
    yield


def test_a_table_counts_by_its_rows_and_whole_once_its_copy_is_over() -> None:
    progress = CopyProgress(tables={"public.a": (100, 1000), "public.b": (10, 50)})
    assert progress.take({"public.a": 25}) == 250
    assert progress.take({"public.a": 50, "public.b": 10, "auth.other": 7}) == 250 + 50
    assert progress.take({"public.b": 10}) == 500
    assert progress.take({"public.a": 1}) == 0, "never less than before"
    assert progress.copied == 1050


def test_a_copy_that_is_under_way_is_told(many: Database) -> None:
    said: list[str] = []
    tables = [table("many", ROWS, 70_000_000), table("parent", ROWS, 0, kind="p"), table("hidden", None, 9)]
    with (
        listening(said.append),
        telling_copies(many, "dumping rows", tables),
        many.connect() as connection,
        connection.cursor().copy("copy public.many to stdout") as copy,
    ):
        for number, _ in enumerate(copy):
            if number == ROWS // 2:
                wait_until(lambda: any("left" in line for line in said))
    assert said[0].startswith("dumping rows, ")
    shares = [int(line.split(", ")[1].rstrip("%")) for line in said]
    assert shares == sorted(shares)
    assert any(0 < share < 100 for share in shares), said


def wait_until(is_true) -> None:
    deadline = time.monotonic() + 60
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_of_a_small_database_nothing_is_asked(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Database, "open", lambda _: pytest.fail("it connected"))
        with telling_copies(many, "dumping rows", [table("many", ROWS, 30_000_000)]):
            time.sleep(0.1)  # ten times as long as it would wait before it asks


def test_a_server_that_cant_be_asked_fails_no_dump() -> None:
    nowhere = Database("postgresql://nobody:secret@127.0.0.1:1/none")
    with telling_copies(nowhere, "dumping rows", [table("many", 10, 10**9)]):
        done = True
    assert done


def test_a_large_database_is_given_more_time() -> None:
    assert time_for(120, 0) == 120
    assert 120 + 300 < time_for(120, 10e9) < 7200


def test_a_small_database_needs_one_worker_and_one_that_nobody_counted_gets_all() -> None:
    assert workers_for(3, SMALL_BYTES - 1) == 1
    assert workers_for(3, SMALL_BYTES) == 3
    assert workers_for(3, 0) == 3
