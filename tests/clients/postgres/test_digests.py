"""The digest's laws on a real server: what it must see, what it must not be moved by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.clients.postgres.digests import (
    PINNED_SETTINGS,
    TableDigest,
    check_snapshot,
    compare_tables,
    digest_tables,
    export_snapshot,
    open_reading,
)
from lib.clients.postgres.row_differences import RowDifference, find_row_differences
from lib.core.errors import DatabaseError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

TIMEOUT_S = 30


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


def digests(database: Database, *schemas: str, snapshot: str | None = None) -> dict[str, TableDigest]:
    with open_reading(database, snapshot=snapshot, timeout_s=TIMEOUT_S) as connection:
        return {table.label: table for table in digest_tables(connection, schemas or ("public",))}


def differences(source: Database, copy: Database, *, limit: int = 10) -> list[RowDifference]:
    with (
        open_reading(source, timeout_s=TIMEOUT_S) as ours,
        open_reading(copy, timeout_s=TIMEOUT_S) as theirs,
    ):
        found = compare_tables(digest_tables(ours, ["public"]), digest_tables(theirs, ["public"]))
        return [row for one in found for row in find_row_differences(ours, theirs, one.source, limit=limit)]


@pytest.fixture
def copy_database(postgres_server: EmbeddedPostgres, hosted_database: Database) -> Iterator[Database]:
    name = f"{hosted_database.name}_copy"
    yield postgres_server.create_hosted_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def bag_database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    database = postgres_server.create_hosted_database("test_digest_laws")
    run(database, "create table public.bag (a text, b bigint)")
    yield database
    postgres_server.drop_database("test_digest_laws")


@pytest.fixture(scope="module")
def bag_connection(bag_database: Database) -> Iterator[psycopg.Connection]:
    with bag_database.connect() as connection:
        yield connection


def digest_bag(connection: psycopg.Connection, rows: list[tuple[str | None, int | None]]) -> tuple[int, str]:
    """Return rows and digest of the table holding exactly these rows, in one transaction that is undone."""
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.executemany("insert into public.bag values (%s, %s)", rows)
    [table] = digest_tables(connection, ["public"])
    connection.rollback()
    return table.rows or 0, table.digest


CELLS = st.tuples(
    st.none() | st.sampled_from(["", "a", "(", ",", '"', "\\", "null", " a", "ä"]) | st.text('ab(),"', max_size=4),
    st.none() | st.integers(-3, 3),
)
LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LAW
@given(rows=st.lists(CELLS, max_size=12), order=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_count(bag_connection, rows, order):
    shuffled = rows.copy()
    order.shuffle(shuffled)
    assert digest_bag(bag_connection, rows) == digest_bag(bag_connection, shuffled)


@LAW
@given(first=st.lists(CELLS, max_size=6), second=st.lists(CELLS, max_size=6))
def test_digests_are_equal_exactly_when_the_bags_of_rows_are(bag_connection, first, second):
    same = digest_bag(bag_connection, first) == digest_bag(bag_connection, second)
    assert same == (Counter(first) == Counter(second))


@LAW
@given(rows=st.lists(CELLS, min_size=1, max_size=8), data=st.data())
def test_one_changed_lost_or_repeated_row_always_shows(bag_connection, rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(CELLS.filter(lambda cell: cell != rows[place]))
    before = digest_bag(bag_connection, rows)
    changed = [*rows[:place], other, *rows[place + 1 :]]
    assert digest_bag(bag_connection, changed)[1] != before[1]
    assert digest_bag(bag_connection, rows[:place] + rows[place + 1 :]) != before
    assert digest_bag(bag_connection, [*rows, rows[place]])[1] != before[1]


def test_a_row_repeated_twice_more_shows_as_an_xor_would_not(bag_connection):
    assert digest_bag(bag_connection, [("a", 1)])[1] != digest_bag(bag_connection, [("a", 1)] * 3)[1]


TYPES = {
    "boolean": ("true", "false"),
    "smallint": ("1", "2"),
    "integer": ("1", "2"),
    "bigint": ("1", "2"),
    "numeric": ("1.10", "1.1"),
    "real": ("0.1", "0.10000001"),
    "double precision": ("0.1", "0.10000000000000002"),
    "money": ("1.01", "1.02"),
    "text": ("'a'", "'a '"),
    "varchar(9)": ("'a'", "'b'"),
    "char(3)": ("'a'", "'b'"),
    "name": ("'a'", "'b'"),
    "bytea": ("'\\x00'", "'\\x0000'"),
    "date": ("'2025-01-02'", "'2025-02-01'"),
    "time": ("'10:00'", "'10:00:00.000001'"),
    "timetz": ("'10:00+00'", "'10:00+01'"),
    "timestamp": ("'2025-01-02'", "'2025-02-01'"),
    "timestamptz": ("'2025-01-02 00:00+00'", "'2025-01-02 00:00+01'"),
    "interval": ("'1 day'", "'24 hours'"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "json": ("'{\"a\": 1}'", "'{\"a\":  1}'"),
    "jsonb": ("'{\"a\": 1}'", "'{\"a\": 1.0}'"),
    "inet": ("'10.0.0.1'", "'10.0.0.1/8'"),
    "cidr": ("'10.0.0.0/8'", "'10.0.0.0/9'"),
    "macaddr": ("'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    "bit(2)": ("B'10'", "B'01'"),
    "varbit": ("B'1'", "B'10'"),
    "tsvector": ("'a'", "'a:1'"),
    "point": ("'(0.1,0)'", "'(0.2,0)'"),
    "int4range": ("'[1,2)'", "'[1,3)'"),
    "datemultirange": ("'{[2025-01-01,2025-01-02)}'", "'{}'"),
    "text[]": ("'{a,b}'", "'{\"a,b\"}'"),
    "integer[]": ("'{1}'", "'{{1}}'"),
    "public.mood": ("'calm'", "'keen'"),
    "public.pair": ("'(1,)'", "'(1,\"\")'"),
    "public.positive": ("1", "2"),
    "extensions.citext": ("'a'", "'A'"),
    "extensions.hstore": ("'a=>1'", "'a=>2'"),
    "extensions.cube": ("'(0.1)'", "'(0.2)'"),
    "xml": ("'<a/>'", "'<b/>'"),
    "regclass": ("'pg_class'", "'pg_type'"),
}


@pytest.fixture(scope="module")
def typed_database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    database = postgres_server.create_hosted_database("test_digest_types")
    run(
        database,
        """create extension citext schema extensions; create extension hstore schema extensions;
        create extension cube schema extensions;
        create type public.mood as enum ('calm', 'keen'); create type public.pair as (n int, word text);
        create domain public.positive as int check (value > 0)""",
    )
    yield database
    postgres_server.drop_database("test_digest_types")


@pytest.mark.parametrize("type_name", TYPES)
def test_a_change_in_a_column_of_any_type_shows(typed_database, type_name):
    before, after = TYPES[type_name]
    with typed_database.connect() as connection:
        connection.execute(f"create table public.typed (id int, v {type_name}); insert into public.typed values (1, {before})")
        [first] = digest_tables(connection, ["public"])
        connection.execute(f"update public.typed set v = {after}")
        [second] = digest_tables(connection, ["public"])
        connection.execute("update public.typed set v = null")
        [third] = digest_tables(connection, ["public"])
        connection.rollback()
    assert len({first.digest, second.digest, third.digest}) == 3
    assert [table.rows for table in (first, second, third)] == [1, 1, 1]


OTHER_SETTINGS = {
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "xmlbinary": "hex",
    "xmloption": "document",
    "quote_all_identifiers": "on",
    "search_path": "extensions, public",
    "row_security": "on",
}


def test_settings_of_role_and_database_do_not_move_a_digest(postgres_server, typed_database):
    values = ", ".join(f'({first})::{name} as "{name}"' for name, (first, _) in TYPES.items())
    run(typed_database, f"create table public.all_types as select {values}")
    before = digests(typed_database)
    admin = postgres_server.database(typed_database.name, role="supabase_admin")
    with admin.connect() as connection:
        for name, value in OTHER_SETTINGS.items():
            path = value if name == "search_path" else f"'{value}'"
            connection.execute(f"alter database {typed_database.name} set {name} = {path}")
    assert digests(typed_database) == before
    run(typed_database, "drop table public.all_types")


def test_every_setting_that_writes_values_is_pinned():
    assert set(OTHER_SETTINGS) | {"lc_monetary", "lc_numeric", "lc_time"} == set(PINNED_SETTINGS)


def test_a_column_named_as_the_alias_hides_no_other_column(hosted_database):
    names = ("t", "s", "line", "key", "rows", "oid")
    for name in names:
        run(hosted_database, f'create table public."of_{name}" ("{name}" int, other int)')
        run(hosted_database, f'insert into public."of_{name}" values (1, 1)')
    before = digests(hosted_database)
    for name in names:
        run(hosted_database, f'update public."of_{name}" set other = 2')
    after = digests(hosted_database)
    assert [label for label in before if before[label].digest == after[label].digest] == []


HOSTILE = ['a"b', "a'b", "a%b", "a%(keys)s", "{mask}", "{key}", "select", "A b", "a.b", "näme", "a:b", "a\\b", "x" * 63]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_counted_and_narrowed(hosted_database, copy_database, name):
    quoted = '"' + name.replace('"', '""') + '"'
    for database, last in ((hosted_database, "three"), (copy_database, "3")):
        run(database, f"create table public.{quoted} ({quoted} int primary key, t text)")
        run(database, f"insert into public.{quoted} values (1, 'one'), (2, 'two'), (3, '{last}')")
    assert differences(hosted_database, copy_database) == [
        RowDifference(table=f"public.{name}", kind="changed", key="(3)", columns=("t",))
    ]


def test_a_table_without_columns_is_counted(hosted_database):
    run(hosted_database, "create table public.bare (); insert into public.bare default values")
    one = digests(hosted_database)["public.bare"]
    run(hosted_database, "insert into public.bare default values")
    two = digests(hosted_database)["public.bare"]
    assert (one.rows, two.rows) == (1, 2) and one.digest != two.digest


def test_an_empty_table_has_no_rows_and_a_digest_of_zeros(hosted_database):
    run(hosted_database, "create table public.empty (id int)")
    table = digests(hosted_database)["public.empty"]
    assert (table.rows, table.digest) == (0, "0" * 32)


def test_partitions_add_up_to_their_parents_and_no_row_counts_twice(hosted_database):
    run(
        hosted_database,
        """create table public.facts (day date, n int) partition by range (day);
        create table public.facts_2025 partition of public.facts for values from ('2025-01-01') to ('2026-01-01')
          partition by list (n);
        create table public.facts_2025_rest partition of public.facts_2025 default;
        create table public.facts_rest partition of public.facts default;
        insert into public.facts values ('2025-02-01', 1), ('2025-02-01', 1), ('2024-02-01', 1)""",
    )
    seen = digests(hosted_database)
    rows = {label.removeprefix("public."): table.rows for label, table in seen.items()}
    assert rows == {"facts": 3, "facts_2025": 2, "facts_2025_rest": 2, "facts_rest": 1}
    assert seen["public.facts_2025"].digest == seen["public.facts_2025_rest"].digest != seen["public.facts"].digest


def test_inherited_rows_count_in_their_own_table_only(hosted_database):
    run(
        hosted_database,
        """create table public.base (id int); create table public.heir () inherits (public.base);
        insert into public.heir values (1)""",
    )
    assert {label: table.rows for label, table in digests(hosted_database).items()} == {
        "public.base": 0,
        "public.heir": 1,
    }


def test_generated_columns_are_part_of_the_row(hosted_database_18):
    run(
        hosted_database_18,
        """create table public.made (n int, kept int generated always as (n * 2) stored,
          seen int generated always as (n * 3) virtual);
        insert into public.made values (1)""",
    )
    first = digests(hosted_database_18)["public.made"]
    run(hosted_database_18, "alter table public.made alter column seen set expression as (n * 4)")
    assert digests(hosted_database_18)["public.made"].digest != first.digest


def test_views_and_materialized_views_are_left_out(hosted_database):
    run(
        hosted_database,
        "create view public.v as select 1 as n; create materialized view public.m as select 1 as n",
    )
    assert digests(hosted_database) == {}


def test_a_dropped_column_leaves_the_digest_of_a_table_made_without_it(hosted_database, copy_database):
    run(hosted_database, "create table public.t (id int, gone int, word text); insert into public.t values (1, 2, 'a')")
    run(hosted_database, "alter table public.t drop column gone")
    run(copy_database, "create table public.t (id int, word text); insert into public.t values (1, 'a')")
    assert digests(hosted_database) == digests(copy_database)


def test_rls_never_hides_rows_from_a_digest_in_silence(hosted_database, postgres_server):
    run(hosted_database, "create table public.closed (id int); insert into public.closed values (1)")
    run(
        hosted_database,
        "alter table public.closed enable row level security; grant select on public.closed to authenticated",
    )
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        open_reading(hosted_database, timeout_s=TIMEOUT_S) as connection,
    ):
        connection.execute("set local role authenticated")
        digest_tables(connection, ["public"])


def test_a_table_that_may_not_be_read_is_unknown_and_not_empty(hosted_database):
    run(hosted_database, "create table public.private (id int); create table public.open (id int)")
    run(hosted_database, "grant select on public.open to authenticated")
    with open_reading(hosted_database, timeout_s=TIMEOUT_S) as connection:
        connection.execute("set local role authenticated")
        seen = {table.name: table.rows for table in digest_tables(connection, ["public"])}
    assert seen == {"private": None, "open": 0}


def test_a_digest_under_a_snapshot_does_not_see_later_writes(hosted_database):
    run(hosted_database, "create table public.t (id int); insert into public.t values (1)")
    with open_reading(hosted_database, timeout_s=TIMEOUT_S) as holder:
        snapshot = export_snapshot(holder)
        run(hosted_database, "insert into public.t values (2)")
        assert digests(hosted_database, snapshot=snapshot)["public.t"].rows == 1
        assert digests(hosted_database)["public.t"].rows == 2


def test_a_snapshot_that_is_none_is_refused_before_it_reaches_sql():
    with pytest.raises(DatabaseError, match="not an exported snapshot"):
        check_snapshot("'; drop table public.t; --")


def test_a_reading_can_write_nothing(hosted_database):
    with (
        pytest.raises(DatabaseError, match="read-only transaction"),
        open_reading(hosted_database, timeout_s=TIMEOUT_S) as connection,
    ):
        connection.execute("create table public.t (id int)")


def test_rows_that_differ_are_narrowed_down_in_a_large_table(hosted_database, copy_database):
    for database in (hosted_database, copy_database):
        run(database, "create table public.big (id int primary key, a text, b text)")
        run(database, "insert into public.big select n, 'a' || n, 'b' from generate_series(1, 20000) n")
    run(copy_database, "delete from public.big where id = 17; insert into public.big values (0, 'new', 'b')")
    run(copy_database, "update public.big set a = 'x', b = null where id = 9000")
    assert differences(hosted_database, copy_database) == [
        RowDifference(table="public.big", kind="extra", key="(0)"),
        RowDifference(table="public.big", kind="missing", key="(17)"),
        RowDifference(table="public.big", kind="changed", key="(9000)", columns=("a", "b")),
    ]


def test_a_table_that_differs_everywhere_is_shown_by_a_few_rows(hosted_database, copy_database):
    for database, word in ((hosted_database, "a"), (copy_database, "b")):
        run(database, "create table public.big (id int primary key, a text)")
        run(database, f"insert into public.big select n, '{word}' from generate_series(1, 20000) n")
    found = differences(hosted_database, copy_database, limit=3)
    assert [(row.kind, row.columns) for row in found] == [("changed", ("a",))] * 3


def test_rows_without_a_primary_key_are_named_by_their_hash(hosted_database, copy_database):
    for database, times in ((hosted_database, 2), (copy_database, 3)):
        run(database, "create table public.heap (a text)")
        run(database, "insert into public.heap values ('other')")
        run(database, f"insert into public.heap select 'same' from generate_series(1, {times})")
    [row] = differences(hosted_database, copy_database)
    assert (row.kind, len(row.key) > 8) == ("extra", True)


def test_equal_tables_have_no_differences(hosted_database, copy_database):
    for database in (hosted_database, copy_database):
        run(database, "create table public.t (id int primary key); insert into public.t values (1), (2)")
    assert differences(hosted_database, copy_database) == []


def test_a_table_with_other_columns_is_not_compared_by_rows(hosted_database, copy_database):
    run(hosted_database, "create table public.t (id int); insert into public.t values (1)")
    run(copy_database, "create table public.t (id bigint); insert into public.t values (2)")
    assert differences(hosted_database, copy_database) == []


def test_a_change_in_a_vector_shows(hosted_database_18: Database) -> None:
    run(hosted_database_18, "create extension vector schema extensions; create table public.t (v extensions.vector)")
    run(hosted_database_18, "insert into public.t values ('[0.1]')")
    before = digests(hosted_database_18)
    run(hosted_database_18, "update public.t set v = '[0.2]'")
    assert digests(hosted_database_18) != before
