"""The RLS matrix, 600 cells: ours, against what a script does that tries one statement after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import observe_matrix
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database
from tests.benchmarks.delay import delayed
from tests.benchmarks.rounds import Benchmark, Cost, Variant, timed
from tests.benchmarks.server import cpu_with

TABLES = 50
ROWS = 200
ROUND_TRIP_S = 0.010
MINE, OTHERS = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ROLES = {"anon": None, "authenticated": MINE, "service_role": None}
OBSERVED = {
    "anon": dict.fromkeys(("select", "insert", "update", "delete"), "deny"),
    "authenticated": dict.fromkeys(("select", "insert", "update", "delete"), "own"),
    "service_role": dict.fromkeys(("select", "insert", "update", "delete"), "allow"),
}
STATEMENTS = {
    "select": "select count(*) from public.{table}",
    "insert": f"insert into public.{{table}} (owner, note) values ('{MINE}', 'new')",
    "update": "update public.{table} set note = note",
    "delete": "delete from public.{table}",
}


@contextmanager
def open_benchmark(server: EmbeddedPostgres) -> Iterator[list[Benchmark]]:
    """Yield the matrix measured on this machine, and over a line with 10 ms a round trip."""
    database = server.create_hosted_database("bench_rls")
    make_tables(database)
    with delayed(database.port, round_trip_s=ROUND_TRIP_S) as port:
        far = Database(database.url.replace(f":{database.port}/", f":{port}/"))
        cells = TABLES * len(ROLES) * len(STATEMENTS)
        yield [
            describe(server, database, "rls", f"RLS matrix, {cells} cells, on this machine", "<= 0.30"),
            describe(server, far, "rls_far", f"RLS matrix, {cells} cells, 10 ms a round trip", "<= 0.02 (50 times as fast)"),
        ]
    server.drop_database("bench_rls")


def describe(server: EmbeddedPostgres, database: Database, name: str, title: str, goal: str) -> Benchmark:
    """Return one benchmark of the matrix on one database."""
    rls = declare()

    def ours() -> None:
        check_same(observe_matrix(database, rls))

    def theirs() -> None:
        check_counts(try_one_by_one(database))

    ways = {"ours": ours, "statement by statement": theirs}
    return Benchmark(
        name=name,
        title=title,
        what="Ours learns more of each cell than the script, which only counts the rows that each statement touched: "
        "which rows, by what they were refused, and whether a row can leave its scope. Both must find the same.",
        variants=[Variant(name=way, once=lambda work=work: once(work, server)) for way, work in ways.items()],
        pairs=[("ours", "statement by statement", goal)],
    )


def once(work: Any, server: EmbeddedPostgres) -> Cost:
    """Do one variant's work."""
    return timed(work, lambda: cpu_with(server))


def make_tables(database: Database) -> None:
    """Make tables with a policy for each verb, half of whose rows are one user's."""
    with database.connect() as connection:
        for number in range(TABLES):
            table = f"public.t{number:02}"
            connection.execute(
                f"create table {table} (id bigint generated always as identity primary key, owner uuid not null, note text);"
                f"insert into {table} (owner, note)"
                f" select case when n % 2 = 0 then '{MINE}' else '{OTHERS}' end::uuid, 'note '||n"
                f" from generate_series(1, {ROWS}) n;"
                f"alter table {table} enable row level security;"
                f"grant all on {table} to anon, authenticated, service_role;"
                f"create policy s on {table} for select to authenticated using (owner = auth.uid());"
                f"create policy i on {table} for insert to authenticated with check (owner = auth.uid());"
                f"create policy u on {table} for update to authenticated using (owner = auth.uid());"
                f"create policy d on {table} for delete to authenticated using (owner = auth.uid());"
            )


def declare() -> Rls:
    """Return the matrix as it is, with one identity a role."""
    names = [f"public.t{number:02}" for number in range(TABLES)]
    return Rls.model_validate(
        {
            "schemas": ["public"],
            "statement_timeout_s": 60,
            "identities": {role: {"role": role, "sub": sub} for role, sub in ROLES.items()},
            "scopes": {name: {"own": f"owner = '{MINE}'"} for name in names},
            "matrix": {name: OBSERVED for name in names},
        }
    )


def try_one_by_one(database: Database) -> dict[tuple[str, str, str], int | None]:
    """Return the rows that each statement touched, None where it was refused, each undone before the next."""
    found: dict[tuple[str, str, str], int | None] = {}
    with database.connect() as connection:
        for number in range(TABLES):
            for role, sub in ROLES.items():
                for verb, statement in STATEMENTS.items():
                    found[f"t{number:02}", role, verb] = try_one(
                        connection, role, sub, verb, statement.format(table=f"t{number:02}")
                    )
        connection.rollback()
    return found


def try_one(connection: psycopg.Connection[Any], role: str, sub: str | None, verb: str, statement: str) -> int | None:
    """Try one statement as one role, and undo it."""
    connection.execute("savepoint probe")
    connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps({"role": role, "sub": sub})])
    connection.execute(f"set local role {role}")
    try:
        answer = connection.execute(statement)
        touched = answer.fetchone()["count"] if verb == "select" else answer.rowcount
    except psycopg.errors.InsufficientPrivilege:
        touched = None
    connection.execute("rollback to savepoint probe")
    return touched


def check_same(cells: list[Cell]) -> None:
    """Raise AssertionError unless the matrix was seen as it is."""
    wrong = [cell for cell in cells if cell.observed != OBSERVED[cell.role][cell.verb]]
    assert len(cells) == TABLES * len(ROLES) * len(STATEMENTS)
    assert not wrong, [replace(cell) for cell in wrong[:3]]


def check_counts(found: dict[tuple[str, str, str], int | None]) -> None:
    """Raise AssertionError unless each statement touched what the policies let it."""
    rows = {"anon": 0, "authenticated": ROWS // 2, "service_role": ROWS}
    for (table, role, verb), touched in found.items():
        expected = (None if role == "anon" else 1) if verb == "insert" else rows[role]
        assert touched == expected, (table, role, verb, touched)
