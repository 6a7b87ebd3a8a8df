"""Large databases: tables read in pieces by several connections, and thousands of tables in as many round trips as ten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from lib.clients.postgres import digests
from lib.clients.postgres.digests import TableDigest, digest_tables, open_reading, plan_statements, read_tables
from lib.clients.postgres.dumps import read_scope, read_sequences
from lib.clients.postgres.piecewise import digest_piecewise
from lib.clients.postgres.rls.catalogue import read_access
from lib.clients.postgres.rls.catalogue import read_tables as read_probed_tables
from lib.clients.postgres.schema import read_schema_on
from lib.core.errors import DatabaseError
from lib.core.under_way import listening
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

TIMEOUT_S = 60
ROWS = 20_000
TABLES = f"""
create table public.long (id bigint, body text);
insert into public.long select n, repeat('x', n % 90) from generate_series(1, {ROWS}) n;
create table public.holed (id bigint primary key, body text);
insert into public.holed select n, 'row ' || n from generate_series(1, {ROWS}) n;
delete from public.holed where id % 3 = 0 or id between 5000 and 9000;
create table public.empty (id int);
create table public.stored_apart (id int, body text);
alter table public.stored_apart alter body set storage external;
insert into public.stored_apart select n, repeat(n::text, 9000) from generate_series(1, 30) n;
create table public.parts (id int, body text) partition by range (id);
create table public.parts_low partition of public.parts for values from (0) to (100);
create table public.parts_high partition of public.parts for values from (100) to (100000);
insert into public.parts select n, 'part' from generate_series(1, {ROWS // 2}) n;
"""


@pytest.fixture(scope="module")
def large(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    database = postgres_server.create_hosted_database("test_piecewise")
    with database.connect() as connection:
        connection.execute(TABLES)
    yield database
    postgres_server.drop_database("test_piecewise")


def whole(database: Database) -> list[TableDigest]:
    with open_reading(database, timeout_s=TIMEOUT_S) as connection:
        return digest_tables(connection, ["public"])


def pieces(database: Database, jobs: int) -> list[TableDigest]:
    with open_reading(database, timeout_s=TIMEOUT_S) as connection:
        return digest_piecewise(database, connection, ["public"], jobs=jobs, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("piece_bytes", [1, 10_000, 300_000])
def test_a_table_in_pieces_has_the_digest_of_the_whole(large, monkeypatch, jobs, piece_bytes):
    expected = whole(large)
    monkeypatch.setattr(digests, "PIECE_BYTES", piece_bytes)
    assert pieces(large, jobs) == expected
    assert whole(large) == expected
    by_name = {table.name: table.rows for table in expected}
    assert (by_name["long"], by_name["empty"], by_name["parts"]) == (ROWS, 0, ROWS // 2)


def test_every_piece_is_of_its_size_and_every_large_table_has_several(large, monkeypatch):
    monkeypatch.setattr(digests, "PIECE_BYTES", 100_000)
    with open_reading(large, timeout_s=TIMEOUT_S) as connection:
        found = read_tables(connection, ["public"])
    _, statements = plan_statements(found)
    assert len(statements) > 10
    # One row of a table may be larger than a piece: it has as many pieces as blocks, and no more.
    assert max(size for statement, size in statements if "stored_apart" not in statement) <= 100_000
    assert sum(size for _, size in statements) > 0.99 * sum(table["bytes"] for table in found)


def test_rows_written_meanwhile_are_seen_by_no_piece(large, monkeypatch):
    monkeypatch.setattr(digests, "PIECE_BYTES", 10_000)
    expected = whole(large)
    with open_reading(large, timeout_s=TIMEOUT_S) as connection:
        connection.execute("select 1")  # its snapshot is taken here
        with large.connect() as other:
            other.execute("insert into public.long select n, 'late' from generate_series(1, 5000) n")
        try:
            seen = digest_piecewise(large, connection, ["public"], jobs=3, timeout_s=TIMEOUT_S)
        finally:
            with large.connect() as other:
                other.execute("delete from public.long where body = 'late'")
    assert seen == expected


def test_a_small_database_opens_no_further_connection(hosted_database, monkeypatch):
    with open_reading(hosted_database, timeout_s=TIMEOUT_S) as connection, monkeypatch.context() as patch:
        patch.setattr(Database, "open", lambda _: pytest.fail("a second connection"))
        digest_piecewise(hosted_database, connection, ["public"], jobs=4, timeout_s=TIMEOUT_S)


def test_a_piece_that_fails_fails_the_whole(large, monkeypatch):
    monkeypatch.setattr(digests, "PIECE_BYTES", 10_000)
    monkeypatch.setattr(digests, "row_text", lambda: "(1 / (t.ctid::text = '(3,1)')::int - 1)::text || (t.*)::text")
    with pytest.raises(DatabaseError, match="division by zero"):
        pieces(large, 3)


def test_whoever_listens_hears_how_far_it_is_and_what_is_left(large, monkeypatch):
    monkeypatch.setattr(digests, "PIECE_BYTES", 10_000)
    monkeypatch.setattr("lib.core.under_way.EVERY_S", 0.0)
    said: list[str] = []
    with listening(said.append):
        pieces(large, 2)
    assert len(said) > 10
    assert said[0].startswith("reading rows, ")
    assert "left" in said[0]
    assert said[-1].startswith("reading rows, 100%")


def make_tables(database: Database, count: int) -> None:
    with database.connect(autocommit=True) as connection:
        for first in range(0, count, 200):
            connection.execute(
                "".join(
                    f"create table public.t{number} (id bigint generated by default as identity primary key, body text);"
                    for number in range(first, min(count, first + 200))
                )
            )


def read_catalogue(database: Database) -> int:
    """Read all that the catalogue says of the tables and sequences of a database, and return of how many tables it spoke."""
    with open_reading(database, timeout_s=TIMEOUT_S) as connection:
        scope = read_scope(connection)
        tables, sequences = read_tables(connection, scope.pack), read_sequences(connection, scope.pack)
        schema = read_schema_on(connection, scope.pack)
    assert len(sequences) == len(tables)
    assert len(schema) > len(tables)
    probed = read_probed_tables(database, ["public"])
    assert len(read_access(database, ["public"], ["anon"])) == len(probed) == len(tables)
    return len(tables)


def count_statements(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> int:
    """Return how many statements psycopg sent."""
    sent = 0
    execute = psycopg.Cursor.execute

    def count(*args: Any, **options: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", count)
        work()
    return sent


def test_the_catalogue_of_a_thousand_tables_takes_as_many_round_trips_as_that_of_ten(hosted_database, monkeypatch):
    make_tables(hosted_database, 10)
    read_catalogue(hosted_database)  # the first time SQLAlchemy asks the server what it is
    few = count_statements(monkeypatch, lambda: read_catalogue(hosted_database))
    with hosted_database.connect() as connection:
        connection.execute("drop schema public cascade; create schema public")
    make_tables(hosted_database, 1200)
    seen: list[int] = []
    many = count_statements(monkeypatch, lambda: seen.append(read_catalogue(hosted_database)))
    assert seen == [1200]
    assert many == few
    assert few > 5


def test_the_state_of_thousands_of_sequences_is_read_at_once(hosted_database):
    make_tables(hosted_database, 1000)
    with hosted_database.connect(autocommit=True) as connection:
        connection.execute(
            "do $$ begin for n in 1..5000 loop execute 'create sequence public.s' || n || ' start 7'; end loop; end $$"
        )
        connection.execute("select nextval('public.s3'), nextval('public.s3'); select setval('public.s4', 90, false)")
    with open_reading(hosted_database, timeout_s=TIMEOUT_S) as connection:
        places = {name: place.next for name, place in read_sequences(connection, ["public"]).items()}
    assert len(places) == 6000
    assert [places[f"public.{name}"] for name in ("s3", "s4", "s5", "t1_id_seq")] == [9, 90, 7, 1]
