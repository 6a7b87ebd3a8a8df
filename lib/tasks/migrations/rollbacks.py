"""One migration rolled back on a twin: what its rollback restores, what it loses, and whether rows stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from lib.clients.postgres.bounded import Limit, StatementTimeout, run_statement
from lib.clients.postgres.schema import Difference, Schema, compare_schemas, kind_of, read_schema, read_schema_on
from lib.clients.postgres.statements import Statement
from lib.clients.postgres.twin import Twin, clone_twin
from lib.clients.supabase.migration_files import MigrationFile
from lib.tasks.migrations.apply import ApplyFailure, apply_file, read_failure, refuse_file, too_slow
from lib.transport.database import KeptSession


@dataclass(frozen=True, kw_only=True)
class TriedRollback:
    """One migration rolled back: found is False without a rollback file; differences from the schema before.

    timed_out: whether it was not rolled back, because the time for that was over. loses: tables and columns, with what is in
    them, that go with it. with_rows: where it stopped on tables that hold rows, when it does not on empty ones.
    """

    migration: str
    found: bool
    failure: ApplyFailure | None = None
    differences: tuple[Difference, ...] = ()
    timed_out: bool = False
    loses: tuple[str, ...] = ()
    with_rows: ApplyFailure | None = None


def try_rollback(
    twin: Twin,
    file: MigrationFile,
    rollback: MigrationFile | None,
    before: Schema,
    now: Schema,
    schemas: Sequence[str],
    *,
    observer: KeptSession | None = None,
) -> TriedRollback:
    """Roll the newest migration back, compare with the schema before it, and leave the twin as it was.

    now: the twin's schema. observer: a session of it, which ends where the twin has to be copied.
    """
    if rollback is None:
        return TriedRollback(migration=file.name, found=False)
    if refusal := refuse_file(rollback):
        return TriedRollback(migration=file.name, found=True, failure=refusal)
    statements = unwrap(rollback.statements)
    if any(one.is_concurrent or one.is_transaction_control for one in statements):
        if observer is not None:
            observer.close()
        with clone_twin(twin) as copy:
            failure = apply_file(copy, rollback)
            after: Schema = read_schema(copy.database, schemas)
    else:
        failure, after = roll_back_and_undo(twin, rollback, statements, schemas)
    differences = () if failure else tuple(compare_schemas(before, after, ordered=False))
    loses = () if failure else tuple(find_lost(now, after))
    return TriedRollback(migration=file.name, found=True, failure=failure, differences=differences, loses=loses)


def find_lost(before: Schema, after: Schema) -> list[str]:
    """Return the tables, and the columns of tables that stay, that are not there any more, with what was in them."""
    gone = [key for key in before if key not in after]
    tables = [key for key in gone if kind_of(key) == "table"]
    names = [key.partition(" ")[2] for key in tables]
    columns = [key for key in gone if kind_of(key) == "column" and not any(key.startswith(f"column {name}.") for name in names)]
    return [*tables, *columns]


def try_on_rows(twin: Twin, rollback: MigrationFile) -> ApplyFailure | None:
    """Roll the newest migration back on tables with rows, and undo that; return where it stopped.

    One that can't be undone, because it holds its own transaction, is not tried.
    """
    statements = unwrap(rollback.statements)
    if refuse_file(rollback) or any(one.is_concurrent or one.is_transaction_control for one in statements):
        return None
    failure, _ = roll_back_and_undo(twin, rollback, statements, ())
    return failure


def unwrap(statements: list[Statement]) -> list[Statement]:
    """Return the statements without a `begin` and `commit` that hold all of them."""
    if len(statements) > 1 and statements[0].is_transaction_control and statements[-1].is_transaction_control:
        return statements[1:-1]
    return statements


def roll_back_and_undo(
    twin: Twin, rollback: MigrationFile, statements: Sequence[Statement], schemas: Sequence[str]
) -> tuple[ApplyFailure | None, Schema]:
    """Run a rollback in a transaction that is undone; return where it failed, and the schema inside."""
    with twin.connect_as_launcher() as connection:
        connection.execute("begin")
        for statement in statements:
            try:
                run_statement(connection, statement.text, limit=Limit.after(twin.launcher, twin.timeout_s))
            except psycopg.Error as exc:
                return read_failure(rollback, statement, exc), {}
            except StatementTimeout as exc:
                raise too_slow(rollback, statement, exc) from exc
        # Back to the launch, whatever it has become, with what the transaction sees.
        connection.execute("reset role")
        seen = read_schema_on(connection, schemas)
        connection.execute("rollback")
    return None, seen
