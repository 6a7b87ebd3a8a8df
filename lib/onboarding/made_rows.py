"""Rows made up for tables where the matrix can't be told: really inserted, one by one, in a transaction that is rolled back.

The statements that worked are the text of `launch/rows.sql`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import quote_text
from lib.onboarding.memberships import Memberships
from lib.onboarding.row_catalogue import USERS, MadeTable, Reference
from lib.onboarding.row_plan import PARENTS, STATES, RowPlan, plan_rows
from lib.onboarding.row_trial import (
    PLAIN,
    QUIET,
    NoRow,
    Row,
    describe,
    fit_domains,
    insert_row,
    refer_to_itself,
    run,
    spell,
    update_statement,
    user_insert,
    wrap,
)
from lib.onboarding.row_values import make_key, make_value
from lib.onboarding.token_claims import Places
from lib.transport.database import Database, quote_name

STATEMENT_TIMEOUT_MS = 3_000
"""Milliseconds for one made row: a trigger that takes longer is switched off for it."""

IS_OLD = 'pg_catalog.age(t.xmin) > 0 as "is old"'
"""Whether a row was there before this transaction."""

MOST_PARENTS = 60
"""Rows of a parent that are looked at for the users' own."""


@dataclass(kw_only=True)
class RowMaker:
    """Makes rows for one project; keeps the statements that worked, in order.

    again: the project applied a second time. lasts: whether a key that is there, too, is the same in every run.
    claimed: what rows of each user have in columns that policies compare with the user's token.
    users: the ids that rows are made for: both identities and an outsider.
    newcomers: id and address of those of them that the seed does not have.
    values: table -> column -> literals that policies compare it with.
    user_columns: table -> columns that policies compare with the caller.
    made: table -> the rows, each with the user it was planned for. problems: table -> why it has no row.
    lacking: the tables that rows are being made for.
    """

    tables: Mapping[str, MadeTable]
    again: Database
    lasts: Callable[[str], bool]
    claimed: Places
    users: Sequence[str]
    newcomers: Sequence[tuple[str, str]]
    values: Mapping[str, Mapping[str, Sequence[str]]]
    user_columns: Mapping[str, Sequence[str]]
    steps: list[list[str]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    made: dict[str, list[tuple[str, Row]]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    lacking: frozenset[str] = frozenset()

    @cached_property
    def memberships(self) -> Memberships:
        return Memberships(tables=self.tables, values=self.values, user_columns=self.user_columns)

    @property
    def text(self) -> str:
        """What the rows are as a file of SQL; '' without any."""
        return "".join(f"{statement}\n" for step in self.steps for statement in step)

    def make(self, connection: psycopg.Connection[DictRow], lacking: Sequence[str]) -> None:
        """Make rows for these tables in the open transaction, after those that were made before."""
        connection.execute(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS}")
        connection.execute("set constraints all immediate")
        self.replay(connection)
        if not self.steps:
            self.add_newcomers(connection)
        self.lacking = frozenset(lacking)
        for name in lacking:
            self.fill(connection, name)

    def replay(self, connection: psycopg.Connection[DictRow]) -> None:
        """Insert again what was made before; what does not go in a second time is forgotten."""
        kept = []
        for step in self.steps:
            with suppress(psycopg.Error):
                run(connection, step)
                kept.append(step)
        self.steps = kept

    def add_newcomers(self, connection: psycopg.Connection[DictRow]) -> None:
        """Make the users that the seed does not have; what a project's triggers make for them is made, too."""
        for user, email in self.newcomers:
            for way in (PLAIN, QUIET):
                statements = wrap(user_insert(user, email), way, user)
                try:
                    run(connection, statements)
                except psycopg.Error as exc:
                    self.problems.setdefault(USERS, f"a sign-up fails: {describe(exc)}")
                    continue
                self.steps.append(statements)
                break

    def fill(self, connection: psycopg.Connection[DictRow], name: str) -> None:
        """Make the rows that a table lacks, its parents' first; notes a problem when none can be made."""
        table = self.tables.get(name)
        if table is None or name in self.open or name in self.made:
            return
        self.open.add(name)
        for one in table.parents:
            is_asked = one.parent in self.lacking or self.memberships.are_above(one.parent)
            if is_asked or (one.parent in self.tables and not self.anchors(connection, one.parent)):
                self.fill(connection, one.parent)
        for profile in table.profiles:
            if any(quote_text(user) not in str(self.anchors(connection, profile).get(user)) for user in self.users):
                self.fill(connection, profile)
        rows: list[tuple[str, Row]] = []
        claimed = self.claimed.get(name, {})
        asked = {column: said for column, said in self.values.get(name, {}).items() if column not in claimed}
        spare = self.memberships.count_spare(name)
        turns = PARENTS + (STATES if self.memberships.are_above(name) else 0)
        for plan in plan_rows(table, self.users, asked, self.user_columns.get(name, ()), spare=spare, turns=turns):
            given = {column: of[plan.parents] for column, of in claimed.items() if plan.parents in of}
            self.add(connection, table, replace(plan, values={**plan.values, **given}), rows)
        self.made[name] = rows
        self.open.discard(name)
        for member in self.memberships.of(name):
            self.fill(connection, member)

    def add(self, connection: psycopg.Connection[DictRow], table: MadeTable, plan: RowPlan, rows: list[tuple[str, Row]]) -> None:
        """Make one row of a plan, unless it is there already; the first that can't be made is the table's problem."""
        try:
            row = self.build(connection, table, plan)
            if row is None:
                return
            number, planned = self.numbers[table.name], [*plan.values, *plan.users]
            tried = insert_row(connection, table, row, user=plan.user, number=number, planned=planned)
        except NoRow as exc:
            if not rows:
                self.problems.setdefault(table.name, str(exc))
            return
        self.problems.pop(table.name, None)
        if tried.is_new:
            self.steps.append(tried.statements)
            rows.append((plan.user, tried.row))
        elif plan.values and not table.parents and set(plan.users) >= table.key:
            self.change(connection, table, plan, tried.row)

    def change(self, connection: psycopg.Connection[DictRow], table: MadeTable, plan: RowPlan, row: Row) -> None:
        """Give the row that a sign-up made for a user the values that are planned, where the server takes them."""
        statement = update_statement(table, row, list(plan.values))
        for way in (PLAIN, QUIET):
            with suppress(psycopg.Error):
                run(connection, wrap(statement, way, plan.user))
                self.steps.append(wrap(statement, way, plan.user))
                return

    def build(self, connection: psycopg.Connection[DictRow], table: MadeTable, plan: RowPlan) -> Row | None:
        """Return the values of a planned row, None where the user has no further parents to put it under.

        Raises NoRow when a parent that it must have has no row.
        """
        row: Row = {name: spell(table.columns[name], value) for name, value in plan.values.items()}
        row.update({name: quote_text(user) for name, user in plan.users.items()})
        turns = [self.refer(connection, table, one, plan, row) for one in table.parents if not set(one.columns) <= row.keys()]
        if plan.turn and not any(turns):
            return None
        self.numbers[table.name] = number = self.numbers.get(table.name, -1) + 1
        for name, column in table.columns.items():
            if name in row or column.is_generated:
                continue
            key = make_key(column, table.name, number) if column.is_primary or column.is_numbered else None
            if key is not None:
                row[name] = key
            elif column.is_required and not column.default:
                row[name] = refer_to_itself(table, name, row) or make_value(column, table.name, number)
        fit_domains(connection, table, row, number)
        return row

    def refer(
        self, connection: psycopg.Connection[DictRow], table: MadeTable, reference: Reference, plan: RowPlan, row: Row
    ) -> bool:
        """Put a parent into a row; return whether the user has one for this turn. Raises NoRow without any, where it must."""
        anchors = self.anchors(connection, reference.parent)
        several = anchors.get(plan.parents) or next(iter(anchors.values()), [])
        if several:
            chosen = several[plan.turn % len(several)]
            pairs = zip(reference.columns, reference.keys, strict=True)
            row.update({column: chosen[key] for column, key in pairs if column not in row})
        elif any(table.columns[name].is_required and not table.columns[name].default for name in reference.columns):
            why = self.problems.get(reference.parent, "it has no row, and none could be made first")
            raise NoRow(f"its foreign key to {reference.parent}: {why}")
        return plan.turn < len(several)

    def anchors(self, connection: psycopg.Connection[DictRow], parent: str) -> dict[str, list[Row]]:
        """Return rows of a table for each user: their own where it has a user, else any; {} for an empty table."""
        table = self.tables.get(parent)
        if table is None:
            return self.outside_anchors(connection, parent)
        names = [name for name, column in table.columns.items() if not column.is_generated or column.is_primary]
        users = [name for name in dict.fromkeys((*table.own_users, *self.user_columns.get(parent, ()))) if name in names]
        keys = [name for name in names if table.columns[name].is_primary]
        shown = ", ".join(f"quote_nullable({quote_name(name)}::text) as {quote_name(name)}" for name in names)
        owner = [f"coalesce({quote_name(name)}::text = any (%s), false)" for name in users]
        order = f"({' or '.join(owner)}) desc, " if owner else ""
        asked = f"select {shown}, {IS_OLD} from {parent} t order by {order}t.tableoid, t.ctid limit {MOST_PARENTS}"
        rows = connection.execute(asked.encode(), [list(self.users)] * len(owner)).fetchall()
        lasting = self.find_lasting(parent, keys, [row for row in rows if row["is old"]])
        found = [
            row for row in rows if key_of(keys, row) in lasting or (not row["is old"] and self.is_certain(parent, keys, row))
        ]
        chosen: dict[str, list[Row]] = {}
        for place, user in enumerate(self.users):
            own = [row for row in found if quote_text(user) in (row[name] for name in users)]
            planned = self.planned_for(table, found, user)
            unlike = self.unlike(parent, own)
            picked = [*unlike, *(row for row in planned if row not in unlike)] or ([found[place % len(found)]] if found else [])
            if picked:
                chosen[user] = [{name: str(row[name]) for name in names} for row in picked]
        return chosen

    def find_lasting(self, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, ...]]:
        """Return the keys of rows that have the same key where the project was applied a second time."""
        if not rows or not keys:
            return set()
        shown = ", ".join(f"quote_nullable({quote_name(name)}::text) as {quote_name(name)}" for name in keys)
        wanted = " or ".join(
            " and ".join(f"quote_nullable({quote_name(name)}::text) = {quote_text(str(row[name]))}" for name in keys)
            for row in rows
        )
        with self.again.connect() as connection:
            found = [key_of(keys, row) for row in connection.execute(f"select {shown} from {table} where {wanted}".encode())]
        return {key for key in found if all(self.lasts(as_text(value)) for value in key)}

    def is_certain(self, table: str, keys: Sequence[str], row: Mapping[str, Any]) -> bool:
        """Return whether a row of this transaction has the same key next time: one of ours, or of a user."""
        key = [as_text(str(row[name])) for name in keys]
        ours = ([as_text(made.get(name, "")) for name in keys] for _, made in self.made.get(table, []))
        return key in ours or bool(key and all(value in self.users for value in key))

    def unlike(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the first row in each state that policies ask for."""
        asked = [name for name in self.values.get(table, {}) if rows and name in rows[0]]
        return list({tuple(row[name] for name in asked): row for row in reversed(rows)}.values())[::-1]

    def planned_for(self, table: MadeTable, found: Sequence[Mapping[str, Any]], user: str) -> list[Mapping[str, Any]]:
        """Return the made rows that were planned for a user, among those that are there."""
        keys = [name for name, column in table.columns.items() if column.is_primary]
        wanted = [
            {key: as_text(row.get(key, "")) for key in keys} for owner, row in self.made.get(table.name, []) if owner == user
        ]
        return [row for row in found if keys and {key: as_text(row[key]) for key in keys} in wanted]

    def outside_anchors(self, connection: psycopg.Connection[DictRow], parent: str) -> dict[str, list[Row]]:
        """Return rows of a table that is not the project's, such as one of storage."""
        row = connection.execute(f"select to_jsonb(t) as kept from {parent} t limit 1".encode()).fetchone()
        if row is None:
            return {}
        kept = {name: quote_text(str(value)) for name, value in row["kept"].items() if value is not None}
        return {user: [kept] for user in self.users}


def key_of(keys: Sequence[str], row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of a row's key."""
    return tuple(str(row[name]) for name in keys)


def as_text(literal: str) -> str:
    """Return a literal as a text literal, so that a number and its text compare equal."""
    return literal.strip("'")


def made_users(number: int) -> Iterator[tuple[str, str]]:
    """Yield the id and e-mail address of users that are made up."""
    for place, name in enumerate(("ann", "ben", "cat", "dan")[:number]):
        yield f"5eed0000-0000-4000-8000-{place + 1:012d}", f"rehearsal-{name}@example.com"
