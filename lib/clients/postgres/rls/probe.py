"""Observes an RLS matrix by really trying: every verb, as every identity, on every declared table.

All of it happens in one REPEATABLE READ transaction that is always rolled back, hundreds of attempts in
one round trip. Inserts still draw sequence values, and triggers with effects
outside the database would fire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lib.clients.postgres.rls.attempt import NEWER_THAN, UID, Attempt, claims_of
from lib.clients.postgres.rls.catalogue import Access, ProbedTable, read_access, read_tables, resolve_tables
from lib.clients.postgres.rls.classify import Cell, Observation, judge_cell
from lib.clients.postgres.rls.declared import Identity, Rls, split_scope
from lib.clients.postgres.rls.interpret import read_observation
from lib.clients.postgres.rls.platform_rows import (
    MADE_TABLES,
    MESSAGES,
    add_platform_rows,
    in_each_topic,
    merge_regions,
)
from lib.clients.postgres.rls.statements import Subject
from lib.clients.postgres.rls.trial import VERBS as VERBS
from lib.clients.postgres.rls.trial import Answer, Trial
from lib.core.errors import DatabaseError, TargetError
from lib.core.results import Outcome
from lib.transport.database import Database, read_query

LOCK_TIMEOUT_S = 2
"""Seconds a probe waits for a row that somebody else holds; then its cell is undetermined."""

BATCH = 400
"""Attempts in one statement: what 300 tables take in one, no statement timeout would allow."""

Key = tuple[str, ...]

Prepare = Callable[[psycopg.Connection[DictRow]], None]
"""Adds rows to the tables inside the transaction of the probe, before anything is tried."""

NOT_GUARDED = "not guarded"
"""What is observed where row level security is off: a grant alone decides."""


def observe_matrix(
    database: Database, rls: Rls, *, verbs: Sequence[str] = VERBS, prepare: Prepare | None = None, makes_rows: bool = False
) -> list[Cell]:
    """Return one Cell a declared table, role and verb, as it is in this database, in declared order.

    Tables that do not exist are left out; tables without row level security are cells with outcome skip.
    Two databases behave alike when `(table, role, verb, observed, refused_by)` of their cells are equal.
    prepare: adds rows that the tables lack, inside the transaction that is rolled back. makes_rows: rows of the platform's own
    tables are made there, too. Neither is ever given for a live database.
    Raises TargetError when policies apply to the connected user, or it can't act as the roles.
    """
    tables = read_tables(database, rls.schemas, rls.matrix)
    found = resolve_tables(rls.matrix, tables)
    access = read_access(database, rls.schemas, [identity.role for identity in rls.identities.values()], rls.matrix)
    guarded = [table.display_name for table in found.values() if table.rls_enabled]
    platform = [name for name in guarded if name in MADE_TABLES] if makes_rows else []
    adds = with_platform_rows(database, rls, platform, prepare) if platform else prepare
    with rolled_back(database, statement_timeout_s=rls.statement_timeout_s, prepare=adds) as connection:
        may_quieten = check_connection(connection, database, rls.identities)
        by_topic = [name for name, table in found.items() if table.display_name == MESSAGES] if makes_rows else []
        plain = {name: table for name, table in found.items() if name not in by_topic}
        observed = observe_trials(connection, list(open_trials(rls, plain, access, verbs, may_quieten=may_quieten)))
        for name in by_topic:
            several = [
                observe_trials(connection, list(open_trials(rls, {name: found[name]}, access, verbs, may_quieten=may_quieten)))
                for _ in in_each_topic(connection)
            ]
            observed |= merge_observations(several)
    return [
        cell
        for name, table in found.items()
        for role, declared in rls.matrix[name].items()
        for cell in judge_row(rls, name, table, role, {verb: declared[verb] for verb in declared if verb in verbs}, observed)
    ]


def with_platform_rows(database: Database, rls: Rls, tables: Sequence[str], prepare: Prepare | None) -> Prepare:
    """Return what adds the project's rows, then those of these tables of the platform."""

    def add(connection: psycopg.Connection[DictRow]) -> None:
        if prepare is not None:
            prepare(connection)
        add_platform_rows(connection, database, rls, tables)

    return add


def merge_observations(several: Sequence[Mapping[Key, Observation]]) -> dict[Key, Observation]:
    """Return what was observed in several channels as one observation of each table, identity and verb."""
    merged = {}
    for key in several[0] if several else ():
        seen = [one[key] for one in several]
        accepted = [one for one in seen if one.refused_by is None]
        merged[key] = replace(
            accepted[0] if accepted else seen[0],
            regions=merge_regions(one.regions for one in seen),
            problem=next((one.problem for one in seen if one.problem), None),
            moved=tuple(dict.fromkeys(column for one in seen for column in one.moved)),
            example={spot: row for one in reversed(seen) for spot, row in one.example.items()},
        )
    return merged


def judge_row(
    rls: Rls, name: str, table: ProbedTable, role: str, declared: Mapping[str, str], observed: Mapping[Key, Observation]
) -> Iterator[Cell]:
    """Yield the cells of one table and role."""
    identities = {who: one for who, one in rls.identities.items() if one.role == role}
    users = {identity.sub for identity in identities.values() if identity.sub is not None}
    scopes = rls.scopes.get(name, {})
    for verb in VERBS:
        if verb not in declared:
            continue
        reached = split_scope(declared[verb])[0]
        if not table.rls_enabled:
            yield Cell(
                table=table.display_name,
                role=role,
                verb=verb,
                declared=declared[verb],
                observed=NOT_GUARDED,
                outcome=Outcome.SKIP,
                detail="RLS is off: see rls.every_table_enabled",
            )
            continue
        seen = [(observed[name, who, verb], one.sub is not None) for who, one in identities.items()]
        cell = judge_cell((table.display_name, role, verb), declared[verb], scopes, seen)
        if reached in scopes and UID.search(scopes[reached]) and len(users) < 2 and cell.outcome is Outcome.PASS:
            yield replace(cell, outcome=Outcome.ERROR, detail=f"{reached} was tried as fewer than two users")
        else:
            yield cell


@contextmanager
def rolled_back(
    database: Database, *, statement_timeout_s: float, prepare: Prepare | None = None
) -> Iterator[psycopg.Connection[DictRow]]:
    """Yield a connection inside one bounded REPEATABLE READ transaction that is rolled back whatever happens.

    prepare: adds rows in it first; what is tried afterwards is told apart from them.
    """
    with database.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            limit_session(connection, statement_timeout_s)
            if prepare is not None:
                prepare(connection)
                limit_session(connection, statement_timeout_s)
                mark_rows(connection)
            connection.execute(read_query(__package__, "install_attempts"))
            yield connection
        finally:
            if not connection.closed:
                connection.rollback()


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


def run_attempts(connection: psycopg.Connection[DictRow], attempts: Mapping[Key, Attempt | None]) -> dict[Key, Answer]:
    """Run the attempts in few round trips, equal ones once, and return each one's answer; None has none."""
    plan = list(dict.fromkeys(attempt for attempt in attempts.values() if attempt is not None))
    rows = [
        row
        for begin in range(0, len(plan), BATCH)
        for row in connection.execute(
            "select * from pg_temp.launch_attempts(%s) order by number",
            [Jsonb([attempt.as_json() for attempt in plan[begin : begin + BATCH]])],
        ).fetchall()
    ]
    answers = dict(zip(plan, rows, strict=True))
    return {key: answers[attempt] for key, attempt in attempts.items() if attempt is not None}


def check_connection(connection: psycopg.Connection[DictRow], database: Database, identities: Mapping[str, Identity]) -> bool:
    """Return whether triggers can be switched off here, after checking that a probe can work at all.

    Raises TargetError when policies apply to the connected user, or a role can't be set.
    """
    row = connection.execute(
        "select current_user::text as name, rolsuper or rolbypassrls as sees_all "
        "from pg_catalog.pg_roles where rolname = current_user"
    ).fetchone()
    if row is None or not row["sees_all"]:
        raise DatabaseError(
            f"Row level security applies to the user of {database.display_name}, so hidden rows can't be distinguished "
            "from missing ones.",
            fix="Connect as postgres, or as another role with BYPASSRLS.",
        )
    attempts: dict[Key, Attempt | None] = {
        (name,): Attempt(act="select", role=identity.role, claims=claims_of(identity), path="public")
        for name, identity in identities.items()
    }
    answers = run_attempts(connection, {**attempts, ("", "quiet"): Attempt(act="select", claims="{}", path="public", quiet=True)})
    stopped = [f"{name} ({answers[(name,)]['message']})" for name in identities if answers[(name,)]["phase"] != "done"]
    if stopped:
        raise TargetError(
            f"{row['name']} can't act as {', '.join(stopped)} on {database.display_name}.",
            fix=f"Grant {row['name']} these roles, or correct rls.identities in the params file.",
        )
    return bool(answers["", "quiet"]["phase"] == "done")


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


def observe_trials(connection: psycopg.Connection[DictRow], trials: Sequence[Trial]) -> dict[Key, Observation]:
    """Run every trial, one round trip a round, and return the observation of each table, identity and verb."""
    for plan in (Trial.plan_regions, Trial.plan_tables, Trial.plan_rows, Trial.plan_single_deletes):
        attempts = {(str(n), *step): attempt for n, trial in enumerate(trials) for step, attempt in plan(trial)}
        for (n, *step), answer in run_attempts(connection, attempts).items():
            trials[int(n)].answers[tuple(step)] = answer
    return {(trial.table, trial.who, verb): read_observation(trial, verb) for trial in trials for verb in trial.declared}
