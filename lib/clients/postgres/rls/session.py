"""The transaction that an RLS probe tries everything in, and what runs there: bounded, and always rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lib.clients.postgres.advisory_lock import TRY_TRIAL_LOCK, wait_for_trials
from lib.clients.postgres.rls.attempt import NEWER_THAN, Attempt, claims_of
from lib.clients.postgres.rls.catalogue import (
    Access,
    ProbedTable,
    access_by_table,
    ask_access,
    ask_tables,
    resolve_tables,
    tables_of,
)
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.clients.postgres.rls.statements import Subject
from lib.clients.postgres.rls.trial import Answer, Trial
from lib.core.errors import DatabaseError, TargetError
from lib.transport.database import Database, read_query

LOCK_TIMEOUT_S = 2
"""Seconds a probe waits for a row that somebody else holds; then its cell is undetermined."""

BATCH = 100
"""Attempts in one statement: the server tries them while the next ones are thought of, and no statement timeout ends them."""

CALLER = """
select current_user::text as name, rolsuper or rolbypassrls as sees_all from pg_catalog.pg_roles where rolname = current_user
"""

Key = tuple[str, ...]

Prepare = Callable[[psycopg.Connection[DictRow]], None]
"""Adds rows to the tables inside the transaction of the probe, before anything is tried."""


@contextmanager
def rolled_back(
    database: Database, *, statement_timeout_s: float, prepare: Prepare | None = None
) -> Iterator[psycopg.Connection[DictRow]]:
    """Yield a new connection that `rolled_back_on` holds.

    prepare: adds rows in the transaction first; what is tried afterwards is told apart from them.
    """
    with database.connect() as connection, rolled_back_on(connection, statement_timeout_s=statement_timeout_s):
        if prepare is not None:
            prepare_rows(connection, prepare, statement_timeout_s=statement_timeout_s)
        yield connection


@contextmanager
def rolled_back_on(
    connection: psycopg.Connection[DictRow], *, statement_timeout_s: float, rls: Rls | None = None
) -> Iterator[Asked | None]:
    """Hold a connection inside one bounded REPEATABLE READ transaction that is rolled back whatever happens.

    One trial of a database waits for another that is under way there: see `advisory_lock.TRIAL_KEY`.
    rls: yields what was asked of its tables and identities, in the round trip in which the transaction began.
    """
    # We begin it ourselves: psycopg would wait for the answer. And what it prepares it would have to forget at the end.
    connection.autocommit, connection.prepare_threshold = True, None
    asked: list[Asked] = []
    tries = 0

    def begin() -> bool:
        """Begin the transaction anew, so that it sees what the trial before it left; return whether it is the only trial."""
        nonlocal tries
        connection.rollback()
        tries += 1
        with connection.pipeline():
            connection.execute("begin isolation level repeatable read")
            lock = connection.execute(TRY_TRIAL_LOCK)
            if tries == 1:
                ask()
        row = lock.fetchone()
        return row is not None and row["taken"] == "true"

    def ask() -> None:
        """Ask what is to be known, and set the limits: after the catalogue, which may take longer of thousands of tables."""
        catalogue = ask_catalogue(connection, rls) if rls is not None else None
        limit_session(connection, statement_timeout_s)
        connection.execute(read_query(__package__, "install_attempts"))
        if rls is not None and catalogue is not None:
            asked[:] = [Asked(catalogue=catalogue, roles=ask_roles(connection, rls.identities))]

    try:
        wait_for_trials(begin)
        if tries > 1:  # once for all tries: who waits asks the server for its lock alone
            with connection.pipeline():
                ask()
        yield asked[0] if asked else None
    finally:
        if not connection.closed:
            connection.rollback()


def prepare_rows(connection: psycopg.Connection[DictRow], prepare: Prepare, *, statement_timeout_s: float) -> None:
    """Add rows in the open transaction of a trial, so that what is tried afterwards is told apart from them."""
    prepare(connection)
    limit_session(connection, statement_timeout_s)
    mark_rows(connection)
    connection.execute(read_query(__package__, "install_attempts"))


def limit_session(connection: psycopg.Connection[DictRow], statement_timeout_s: float) -> None:
    """Bound what the open transaction may wait for, and give it its id: new rows are those that are not older than it."""
    limits = {
        "statement_timeout": f"{round(statement_timeout_s * 1000)}",
        "lock_timeout": f"{LOCK_TIMEOUT_S * 1000}",
        "row_security": "on",
        "standard_conforming_strings": "on",
        # The storage server says so before it deletes; its tables refuse everybody else.
        "storage.allow_delete_query": "true",
    }
    connection.execute(
        "select pg_catalog.pg_current_xact_id(), set_config(name, value, true) from jsonb_each_text(%s) as limits (name, value)",
        [Jsonb(limits)],
    )


def mark_rows(connection: psycopg.Connection[DictRow]) -> None:
    """Note the id of a subtransaction of now: rows of the transaction with a later one are what an attempt wrote."""
    with connection.transaction():
        connection.execute("create temporary table launch_mark () on commit drop")
        connection.execute(
            f"select set_config('{NEWER_THAN}', xmin::text, true) from pg_catalog.pg_class "
            "where oid = 'pg_temp.launch_mark'::regclass"
        )


def run_attempts(
    connection: psycopg.Connection[DictRow], attempts: Iterable[tuple[Key, Attempt | None]], *, ends: bool = False
) -> Iterator[tuple[Key, Answer]]:
    """Yield each attempt's answer, equal ones run once, in one round trip and few statements; None has none.

    The server works on what was asked first while the next attempts are still being thought of.
    ends: rolls the transaction back in the same round trip, after the attempts; where one is stopped, the caller does so.
    """
    keys: list[tuple[Key, int]] = []
    numbers: dict[Attempt, int] = {}
    waiting: list[tuple[int, Attempt]] = []
    asked: list[tuple[Sequence[int], psycopg.Cursor[DictRow]]] = []

    def ask() -> None:
        batch = sorted(waiting, key=lambda one: one[1].quiet)  # the quiet ones together: see install_attempts.sql
        asked.append(([number for number, _ in batch], ask_attempts(connection, [attempt for _, attempt in batch])))
        waiting.clear()

    with ExitStack() as pipelined:
        for key, attempt in attempts:
            if attempt is None:
                continue
            known = len(numbers)
            number = numbers.setdefault(attempt, known)
            keys.append((key, number))
            if number < known:
                continue
            waiting.append((number, attempt))
            if len(waiting) == BATCH:
                if not asked:
                    pipelined.enter_context(connection.pipeline())
                ask()
        if ends and waiting and not asked:
            pipelined.enter_context(connection.pipeline())
        if waiting:
            ask()
        if ends and asked:
            connection.execute("rollback")
    answers = {number: row for batch, cursor in asked for number, row in zip(batch, cursor.fetchall(), strict=True)}
    yield from ((key, answers[number]) for key, number in keys)


def ask_attempts(connection: psycopg.Connection[DictRow], attempts: Sequence[Attempt]) -> psycopg.Cursor[DictRow]:
    """Return the cursor with an answer for each attempt, in their order."""
    return connection.execute(
        "select * from pg_temp.launch_attempts(%s) order by number", [Jsonb([attempt.as_json() for attempt in attempts])]
    )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked of the server as the transaction began."""

    catalogue: tuple[psycopg.Cursor[DictRow], psycopg.Cursor[DictRow]]
    roles: AskedRoles

    def read_catalogue(self, rls: Rls) -> tuple[dict[str, ProbedTable], dict[tuple[str, str], Access]]:
        """Return the declared tables that exist, and the rights on them."""
        tables, access = self.catalogue
        return resolve_tables(rls.matrix, tables_of(tables.fetchall())), access_by_table(access.fetchall())


def ask_catalogue(connection: psycopg.Connection[DictRow], rls: Rls) -> tuple[psycopg.Cursor[DictRow], psycopg.Cursor[DictRow]]:
    """Ask for the declared tables, and for the rights on them."""
    roles = [identity.role for identity in rls.identities.values()]
    return ask_tables(connection, rls.schemas, rls.matrix), ask_access(connection, rls.schemas, roles, rls.matrix)


@dataclass(frozen=True, kw_only=True)
class AskedRoles:
    """What was asked of the server about the connected user and the identities that it is to act as."""

    identities: Mapping[str, Identity]
    caller: psycopg.Cursor[DictRow]
    tried: psycopg.Cursor[DictRow]

    def check(self, database: Database) -> bool:
        """Return whether triggers can be switched off here, after checking that a probe can work at all.

        Raises TargetError when policies apply to the connected user, or a role can't be set.
        """
        row = self.caller.fetchone()
        *answers, quiet = self.tried.fetchall()
        if row is None or not row["sees_all"]:
            raise DatabaseError(
                f"Row level security applies to the user of {database.display_name}, so hidden rows can't be distinguished "
                "from missing ones.",
                fix="Connect as postgres, or as another role with BYPASSRLS.",
            )
        stopped = [
            f"{name} ({one['message']})" for name, one in zip(self.identities, answers, strict=True) if one["phase"] != "done"
        ]
        if stopped:
            raise TargetError(
                f"{row['name']} can't act as {', '.join(stopped)} on {database.display_name}.",
                fix=f"Grant {row['name']} these roles, or correct rls.identities in the params file.",
            )
        return bool(quiet["phase"] == "done")


def ask_roles(connection: psycopg.Connection[DictRow], identities: Mapping[str, Identity]) -> AskedRoles:
    """Ask who is connected, and try to act as each identity, and without triggers."""
    attempts = [
        Attempt(act="select", role=identity.role, claims=claims_of(identity), path="public") for identity in identities.values()
    ]
    caller = connection.execute(CALLER)
    tried = ask_attempts(connection, [*attempts, Attempt(act="select", claims="{}", path="public", quiet=True)])
    return AskedRoles(identities=identities, caller=caller, tried=tried)


def check_connection(connection: psycopg.Connection[DictRow], database: Database, identities: Mapping[str, Identity]) -> bool:
    """Return and raise what `AskedRoles.check` does, asked now."""
    with connection.pipeline():
        asked = ask_roles(connection, identities)
    return asked.check(database)


def open_trials(
    rls: Rls,
    found: Mapping[str, ProbedTable],
    access: Mapping[tuple[str, str], Access],
    verbs: Sequence[str],
    *,
    may_quieten: bool,
) -> Iterator[Trial]:
    """Yield one Trial a declared table and identity; tables without row level security have none."""
    for name, table in found.items():
        for who, identity in rls.identities.items():
            declared = rls.matrix[name].get(identity.role)
            if table.rls_enabled and declared is not None:
                subject = Subject(
                    identity=identity,
                    table=table,
                    access=access[identity.role, table.display_name],
                    scopes=rls.scopes.get(name, {}),
                    may_quieten=may_quieten,
                )
                tried: dict[str, str] = {verb: scope for verb, scope in declared.items() if verb in verbs}
                yield Trial(table=name, who=who, subject=subject, declared=tried)
