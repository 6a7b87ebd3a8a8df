"""Observes an RLS matrix by really trying: every verb, as every identity, on every declared table.

All of it happens in one REPEATABLE READ transaction that is always rolled back, hundreds of attempts in
one round trip. Inserts still draw sequence values, and triggers with effects
outside the database would fire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import UID
from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.classify import Cell, Observation, judge_cell
from lib.clients.postgres.rls.declared import Rls, split_scope
from lib.clients.postgres.rls.interpret import read_observation
from lib.clients.postgres.rls.made_rows import add_weaker, with_missing_rows
from lib.clients.postgres.rls.platform_rows import (
    MADE_TABLES,
    MESSAGES,
    add_platform_rows,
    in_each_topic,
    merge_regions,
)
from lib.clients.postgres.rls.session import Key as Key
from lib.clients.postgres.rls.session import Prepare as Prepare
from lib.clients.postgres.rls.session import check_connection as check_connection
from lib.clients.postgres.rls.session import open_trials as open_trials
from lib.clients.postgres.rls.session import prepare_rows, rolled_back_on
from lib.clients.postgres.rls.session import rolled_back as rolled_back
from lib.clients.postgres.rls.session import run_attempts as run_attempts
from lib.clients.postgres.rls.trial import VERBS as VERBS
from lib.clients.postgres.rls.trial import Trial
from lib.core.results import Outcome
from lib.transport.database import Database

NOT_GUARDED = "not guarded"
"""What is observed where row level security is off: a grant alone decides."""


def observe_matrix(
    database: Database,
    rls: Rls,
    *,
    verbs: Sequence[str] = VERBS,
    prepare: Prepare | None = None,
    makes_rows: bool = False,
    by_clause: bool = False,
) -> list[Cell]:
    """Return one Cell a declared table, role and verb, as it is in this database, in declared order.

    Tables that do not exist are left out; tables without row level security are cells with outcome skip.
    Two databases behave alike when `(table, role, verb, observed, refused_by)` of their cells are equal.
    prepare: adds rows that the tables lack, inside the transaction that is rolled back. makes_rows: rows of the platform's own
    tables are made there, too. Neither is ever given for a live database. by_clause: each clause of a declared scope must be
    told apart from its absence, by rows that are made where the fixtures have none; a cell where it can't be is undetermined.
    Raises TargetError when policies apply to the connected user, or it can't act as the roles.
    """
    with database.connect() as connection:
        return observe_on(connection, database, rls, verbs=verbs, prepare=prepare, makes_rows=makes_rows, by_clause=by_clause)


def observe_on(
    connection: psycopg.Connection[DictRow],
    database: Database,
    rls: Rls,
    *,
    verbs: Sequence[str],
    prepare: Prepare | None,
    makes_rows: bool,
    by_clause: bool,
) -> list[Cell]:
    """Return the same over one connection: with 10 ms a round trip, the second one would cost as much as a round of trials."""
    with rolled_back_on(connection, statement_timeout_s=rls.statement_timeout_s, rls=rls) as asked:
        if asked is None:
            raise AssertionError("nothing was asked as the transaction began")
        found, access = asked.read_catalogue(rls)
        may_quieten = asked.roles.check(database)
        rls, adds = plan_rows(database, rls, found, access, prepare=prepare, makes_rows=makes_rows, by_clause=by_clause)
        if adds is not None:
            prepare_rows(connection, adds, statement_timeout_s=rls.statement_timeout_s)
        by_topic = [name for name, table in found.items() if table.display_name == MESSAGES] if makes_rows else []
        plain = {name: table for name, table in found.items() if name not in by_topic}
        trials = list(open_trials(rls, plain, access, verbs, may_quieten=may_quieten))
        observed = observe_trials(connection, trials, ends=not by_topic)
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


def plan_rows(
    database: Database,
    rls: Rls,
    found: Mapping[str, ProbedTable],
    access: Mapping[tuple[str, str], Access],
    *,
    prepare: Prepare | None,
    makes_rows: bool,
    by_clause: bool,
) -> tuple[Rls, Prepare | None]:
    """Return what is to be tried, with its weaker scopes where each clause counts, and what adds the rows that it takes."""
    guarded = [table.display_name for table in found.values() if table.rls_enabled]
    platform = [name for name in guarded if name in MADE_TABLES] if makes_rows else []
    adds = with_platform_rows(database, rls, platform, prepare) if platform else prepare
    if not by_clause:
        return rls, adds
    rls = add_weaker(rls, [name for name, table in found.items() if table.rls_enabled and not table.is_platform])
    return rls, with_missing_rows(rls, found, access, adds)


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


def observe_trials(
    connection: psycopg.Connection[DictRow], trials: Sequence[Trial], *, ends: bool = False
) -> dict[Key, Observation]:
    """Run every trial, one round trip a round, and return the observation of each table, identity and verb.

    ends: whether the transaction may be rolled back together with the last round.
    """
    for plan in (Trial.plan_regions, Trial.plan_tables, Trial.plan_rows, Trial.plan_single_deletes):
        is_last = ends and plan is Trial.plan_rows and not any(trial.cut_short for trial in trials)
        attempts = (((str(n), *step), attempt) for n, trial in enumerate(trials) for step, attempt in plan(trial))
        for (n, *step), answer in run_attempts(connection, attempts, ends=is_last):
            trials[int(n)].note(tuple(step), answer)
    return {(trial.table, trial.who, verb): read_observation(trial, verb) for trial in trials for verb in trial.declared}
