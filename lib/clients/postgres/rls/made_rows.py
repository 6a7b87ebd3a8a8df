"""Rows that the fixtures lack, made inside a probe's transaction: in each scope but for one clause, and without a value.

A clause that no row can tell from its absence is not proved by any trial. So a row is mixed from two that are there: one
column of the one gets the value of the other. Every key and check of the table holds for it, and it is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import Attempt, quote_text
from lib.clients.postgres.rls.catalogue import Access, Column, ProbedTable
from lib.clients.postgres.rls.clauses import stronger_of, with_weaker
from lib.clients.postgres.rls.declared import Rls, split_scope
from lib.clients.postgres.rls.mixing import make_row, mixed_regions
from lib.clients.postgres.rls.session import Key, Prepare, limit_session, open_trials, run_attempts
from lib.clients.postgres.rls.statements import Subject
from lib.clients.postgres.rls.trial import VERBS, Trial
from lib.transport.database import quote_name, read_query

MOST_BASES = 8
"""Rows of one table, one a region, that a row is mixed from: for every two of them, each column is tried."""

MOST_TRIES = 6
"""Mixed rows that are tried for one clause: the first ones may break a key of the table."""

Counted = Mapping[str, Sequence[Any]]
"""Region -> [rows, first place, last place, digests], as `Subject.regions` measures."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """One row that can be made: the row at `base` with one column as at `donor`; without a donor, as `given` in SQL."""

    base: str
    donor: str | None
    column: Column
    region: str = ""
    given: str = "null"


def wanted_rows(counted: Sequence[Counted], scopes: Sequence[str], used: Sequence[str]) -> list[tuple[int, int]]:
    """Return the letters of each declared scope and of one weaker than it that no row of any identity tells apart.

    counted: of each identity of one role. used: the scopes that are declared for the role.
    """
    pairs = [(scopes.index(stronger), n) for n, name in enumerate(scopes) if (stronger := stronger_of(name) or "") in used]
    return [(one, other) for one, other in pairs if not any(spot[one] != spot[other] for regions in counted for spot in regions)]


def plan_mixes(subject: Subject, counted: Counted) -> Attempt | None:
    """Return what finds the region of every row that could be mixed; None where no column decides.

    measured: a list of [base, donor, column, region].
    """
    columns = [column.name for column in subject.mentioned if column.written]
    places = list(dict.fromkeys(first for _, (_, first, *_) in sorted(counted.items())))[:MOST_BASES]
    if not columns or len(places) < 2:
        return None
    return mixed_regions(subject, places, columns)


def add_missing(connection: psycopg.Connection[DictRow], subject: Subject, mixes: Sequence[Mix], counted: Counted) -> bool:
    """Make the first of these rows that the table's keys and checks allow; return whether one was made."""
    several = {first for rows, first, *_ in counted.values() if rows > 1}
    for mix in mixes[:MOST_TRIES]:
        for statement in make_row(subject, mix.base, mix.donor, mix.column, may_change=mix.base in several, given=mix.given):
            try:
                with connection.transaction():
                    if connection.execute(statement.encode()).rowcount == 1:
                        return True
            except psycopg.Error:
                continue
    return False


def choose_mixes(found: Sequence[Sequence[Any]], columns: Mapping[str, Column], pair: tuple[int, int]) -> list[Mix]:
    """Return the mixed rows that are in exactly one of two scopes, a different base and column each time while there is one."""
    fitting = [
        Mix(base=base, donor=donor, column=columns[name], region=region)
        for base, donor, name, region in found
        if region[pair[0]] != region[pair[1]]
    ]
    first = {(mix.base, mix.column.name): mix for mix in reversed(fitting)}
    return [*first.values(), *(mix for mix in fitting if mix not in first.values())]


def without_value(subject: Subject, counted: Counted) -> Iterator[Mix]:
    """Yield one row for each deciding column that has no value in it."""
    first = next((places[1] for _, places in sorted(counted.items())), None)
    for column in subject.mentioned:
        if first is not None and column.written and not column.primary:
            yield Mix(base=first, donor=None, column=column)


def with_user(subject: Subject, counted: Counted) -> Iterator[Mix]:
    """Yield a row in as few scopes as there is, with the user's id in each column that a policy reads and no scope names."""
    spots = sorted(counted, key=lambda spot: (spot.count("t"), spot))
    for column in subject.table.columns:
        if spots and subject.identity.sub is not None and column.holds_id and column not in subject.mentioned:
            yield Mix(base=counted[spots[0]][1], donor=None, column=column, given=f"{quote_text(subject.identity.sub)}::uuid")


def is_named(table: str, scopes: Mapping[str, Mapping[str, str]]) -> bool:
    """Return whether a scope may read other rows of the table, so that a new row could change what is in a scope."""
    name = quote_name(table).strip('"').lower()
    return any(name in word_after_from(text) for said in scopes.values() for text in said.values())


def word_after_from(predicate: str) -> set[str]:
    """Return the last part of each name that follows FROM or JOIN."""
    words = predicate.lower().replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    return {after.rpartition(".")[2].strip('"') for before, after in pairwise(words) if before in ("from", "join")}


def add_weaker(rls: Rls, tables: Sequence[str]) -> Rls:
    """Return the declaration with every scope that these tables' matrix uses, without each of its clauses."""
    used = {
        name: [word for verbs in rls.matrix[name].values() for said in verbs.values() for word in split_scope(said)]
        for name in tables
    }
    scopes = {name: with_weaker(said, used.get(name, ())) for name, said in rls.scopes.items()}
    return rls.model_copy(update={"scopes": scopes})


def with_missing_rows(
    rls: Rls, found: Mapping[str, ProbedTable], access: Mapping[tuple[str, str], Access], prepare: Prepare | None
) -> Prepare:
    """Return what adds the project's rows, then those that tell each scope from the weaker ones."""

    def add(connection: psycopg.Connection[DictRow]) -> None:
        if prepare is not None:
            prepare(connection)
        limit_session(connection, rls.statement_timeout_s)
        connection.execute(read_query(__package__, "install_attempts"))
        trials = list(open_trials(rls, found, access, VERBS, may_quieten=False))
        make_missing(connection, rls, [one for one in trials if not one.subject.table.is_platform])

    return add


def make_missing(connection: psycopg.Connection[DictRow], rls: Rls, trials: Sequence[Trial]) -> None:
    """Make the rows that the fixtures lack, in tables that no scope reads others from."""
    ours = [one for one in trials if one.subject.scopes and not is_named(one.subject.table.name, rls.scopes)]
    counted = ask_all(connection, {(one.table, one.who): one.subject.regions() for one in ours})
    mixed = ask_all(
        connection, {(one.table, one.who): plan_mixes(one.subject, counted.get((one.table, one.who)) or {}) for one in ours}
    )
    for table, role in dict.fromkeys((one.table, one.subject.identity.role) for one in ours):
        same = [one for one in ours if (one.table, one.subject.identity.role) == (table, role)]
        seen = [counted.get((table, one.who)) or {} for one in same]
        used = {word for said in rls.matrix[table][role].values() for word in split_scope(said)}
        for pair in wanted_rows(seen, list(rls.scopes.get(table, {})), sorted(used)):
            for one, regions in zip(same, seen, strict=True):
                columns = {column.name: column for column in one.subject.table.columns}
                add_missing(connection, one.subject, choose_mixes(mixed.get((table, one.who)) or [], columns, pair), regions)
    for one in ours:
        for mix in with_user(one.subject, counted.get((one.table, one.who)) or {}):
            add_missing(connection, one.subject, [mix], counted.get((one.table, one.who)) or {})
    for one in {trial.table: trial for trial in ours}.values():
        regions = counted.get((one.table, one.who)) or {}
        for mix in without_value(one.subject, regions):
            add_missing(connection, one.subject, [mix], regions)


def ask_all(connection: psycopg.Connection[DictRow], asked: Mapping[Key, Attempt | None]) -> dict[Key, Any]:
    """Return what each attempt measured; none of those that could not be made."""
    return {key: answer["measured"] for key, answer in run_attempts(connection, asked.items()) if answer["phase"] == "done"}
