"""Rows made up for tables where the matrix can't be told: really inserted, one by one, in a transaction that is rolled back.

What the server refuses is repaired by what it says: a check constraint by values that satisfy it, a trigger that wants a user
by that user's claims. The statements that worked are the text of `launch/rows.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import quote_text
from lib.core.wording import plain_text
from lib.onboarding.row_catalogue import USERS, CheckRule, MadeColumn, MadeTable
from lib.onboarding.row_plan import RowPlan, plan_rows
from lib.onboarding.row_values import make_key, make_value, pool_of
from lib.transport.database import quote_name

STATEMENT_TIMEOUT_MS = 3_000
"""Milliseconds for one made row: a trigger that takes longer is switched off for it."""

REPAIRS = 8
"""Refusals of one row that are repaired, each by another value."""

PLAIN, AS_USER, QUIET = "plain", "as the user", "without triggers"
WAYS = (PLAIN, AS_USER, QUIET)
"""How a row is inserted, the first that works: as it is, with the user's claims, with triggers and foreign keys off."""

Row = dict[str, str]
"""Column -> its value as an SQL literal."""


class NoRow(Exception):
    """No valid row could be made; the text says what stands in the way."""


@dataclass(kw_only=True)
class RowMaker:
    """Makes rows for one project; keeps the statements that worked, in order.

    users: the ids that rows are made for: both identities and an outsider. values: column name -> literals that policies
    compare it with. user_columns: table -> columns that policies compare with the caller. problems: table -> why it has no row.
    """

    tables: Mapping[str, MadeTable]
    users: Sequence[str]
    values: Mapping[str, Sequence[str]]
    user_columns: Mapping[str, Sequence[str]]
    statements: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    made: dict[str, list[Row]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """What the rows are as a file of SQL; '' without any."""
        return "\n".join(self.statements) + "\n" if self.statements else ""

    def count(self) -> int:
        return sum(len(rows) for rows in self.made.values())

    def fill(self, connection: psycopg.Connection[DictRow], name: str) -> None:
        """Make the rows that a table lacks, its parents' first; notes a problem when none can be made."""
        table = self.tables.get(name)
        if table is None or name in self.open or name in self.made:
            return
        self.open.add(name)
        try:
            for one in table.parents:
                if one.parent in self.tables and not self.anchors(connection, one.parent):
                    self.fill(connection, one.parent)
            rows = self.made.setdefault(name, [])
            for plan in plan_rows(table, self.users, self.values, self.user_columns.get(name, ())):
                self.add(connection, table, plan, rows)
        finally:
            self.open.discard(name)

    def add(self, connection: psycopg.Connection[DictRow], table: MadeTable, plan: RowPlan, rows: list[Row]) -> None:
        """Make one row of a plan, unless it is there already; the first that can't be made is the table's problem."""
        try:
            row = self.build(connection, table, plan)
            if self.insert(connection, table, row, plan.user):
                rows.append(row)
        except NoRow as exc:
            if not rows:
                self.problems.setdefault(table.name, str(exc))
            return
        self.problems.pop(table.name, None)

    def next_number(self, table: str) -> int:
        self.numbers[table] = self.numbers.get(table, -1) + 1
        return self.numbers[table]

    def build(self, connection: psycopg.Connection[DictRow], table: MadeTable, plan: RowPlan) -> Row:
        """Return the values of a planned row. Raises NoRow when a parent that it must have has no row."""
        number = self.next_number(table.name)
        row: Row = {name: spell(table.columns[name], value) for name, value in plan.values.items()}
        row.update({name: quote_text(user) for name, user in plan.users.items()})
        for reference in table.parents:
            if set(reference.columns) <= row.keys():
                continue
            anchors = self.anchors(connection, reference.parent)
            chosen = anchors.get(plan.parents) or next(iter(anchors.values()), None)
            if chosen is not None:
                row.update({c: chosen[k] for c, k in zip(reference.columns, reference.keys, strict=True) if c not in row})
            elif any(table.columns[name].is_required and not table.columns[name].default for name in reference.columns):
                why = self.problems.get(reference.parent, "it has no row, and none could be made first")
                raise NoRow(f"its foreign key to {reference.parent}: {why}")
        for name, column in table.columns.items():
            if name in row or column.is_generated:
                continue
            key = make_key(column, table.name, number) if column.is_primary or column.is_numbered else None
            if key is not None:
                row[name] = key
            elif column.is_required and not column.default:
                row[name] = self.own_reference(table, name, row) or make_value(column, table.name, number)
        self.fit_domains(connection, table, row)
        return row

    def own_reference(self, table: MadeTable, name: str, row: Row) -> str | None:
        """Return the value by which a row refers to itself, where a required key of the same table asks for one."""
        for reference in table.references:
            if reference.parent == table.name and name in reference.columns:
                return row.get(reference.keys[reference.columns.index(name)])
        return None

    def fit_domains(self, connection: psycopg.Connection[DictRow], table: MadeTable, row: Row) -> None:
        """Give columns of a domain with a check a value that the domain takes."""
        for name, column in table.columns.items():
            if name in row and column.domain_check:
                condition = column.domain_check.partition("(")[2].rpartition(")")[0].replace("VALUE", quote_name(name))
                rule = CheckRule(name=f"the domain {column.type}", condition=condition, columns=(name,))
                self.satisfy(connection, table, row, rule, base=True)

    def anchors(self, connection: psycopg.Connection[DictRow], parent: str) -> dict[str, Row]:
        """Return a row of a table for each user: their own where it has a user, else any; {} for an empty table."""
        table = self.tables.get(parent)
        if table is None:
            return self.outside_anchors(connection, parent)
        names = [name for name, column in table.columns.items() if not column.is_generated or column.is_primary]
        users = [*table.own_users, *self.user_columns.get(parent, ())]
        shown = ", ".join(f"quote_nullable({quote_name(name)}::text) as {quote_name(name)}" for name in names)
        owner = [f"{quote_name(name)}::text = any (%s)" for name in users if name in table.columns]
        order = f"({' or '.join(owner)}) desc nulls last, " if owner else ""
        found = connection.execute(
            f"select {shown} from {parent} t order by {order}t.ctid limit 60".encode(), [list(self.users)] * len(owner)
        ).fetchall()
        chosen: dict[str, Row] = {}
        for place, user in enumerate(self.users):
            own = [row for row in found if quote_text(user) in (row[name] for name in users if name in table.columns)]
            spare = [self.by_parent(table, found, user), *([found[place % len(found)]] if found else [])]
            picked = next((row for row in (*own, *spare) if row is not None), None)
            if picked is not None:
                chosen[user] = {name: str(value) for name, value in picked.items()}
        return chosen

    def by_parent(self, table: MadeTable, found: Sequence[Mapping[str, Any]], user: str) -> Mapping[str, Any] | None:
        """Return a made row that was planned for a user, among those that are there."""
        place = list(self.users).index(user)
        made = self.made.get(table.name, [])
        if not made:
            return None
        keys = [name for name, column in table.columns.items() if column.is_primary]
        wanted = made[place % len(made)]
        return next((row for row in found if keys and all(row[key] == wanted.get(key) for key in keys)), None)

    def outside_anchors(self, connection: psycopg.Connection[DictRow], parent: str) -> dict[str, Row]:
        """Return rows of a table that is not the project's, such as one of storage."""
        row = connection.execute(f"select to_jsonb(t) as kept from {parent} t limit 1".encode()).fetchone()
        if row is None:
            return {}
        kept = {name: quote_text(str(value)) for name, value in row["kept"].items() if value is not None}
        return dict.fromkeys(self.users, kept)

    def insert(self, connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, user: str) -> bool:
        """Insert a row, repaired as often as needed; return whether it was not there before. Raises NoRow."""
        said = ""
        for way in WAYS:
            trial = dict(row)
            for _ in range(REPAIRS):
                try:
                    count = self.run(connection, insert_statements(table, trial, way, user))
                except psycopg.Error as exc:
                    said = describe(exc)
                    if not self.repair(connection, table, trial, exc):
                        break
                    continue
                row.clear()
                row.update(trial)
                if count:
                    self.statements += insert_statements(table, trial, way, user)
                return bool(count)
        raise NoRow(said)

    def run(self, connection: psycopg.Connection[DictRow], statements: Sequence[str]) -> int:
        """Run statements in a savepoint and return how many rows the insert among them made."""
        count = 0
        with connection.transaction():
            for statement in statements:
                cursor = connection.execute(statement.encode())
                count = cursor.rowcount if statement.startswith("insert") else count
        return count

    def repair(self, connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, exc: psycopg.Error) -> bool:
        """Change a row by what the server said of it; return whether anything was changed."""
        name = exc.diag.column_name or ""
        if exc.sqlstate == "23502" and name in table.columns and row.get(name, "null") == "null":
            row[name] = make_value(table.columns[name], table.name, self.numbers[table.name])
            return True
        rule = table.checks.get(exc.diag.constraint_name or "")
        if exc.sqlstate == "23514" and rule is not None and exc.diag.table_name == unquoted(table.name):
            return self.satisfy(connection, table, row, rule)
        return False

    def satisfy(
        self, connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, rule: CheckRule, *, base: bool = False
    ) -> bool:
        """Give the columns of a check values that satisfy it; return whether there are any. base: read them below a domain."""
        fixed = {*table.own_users, *(name for one in table.references for name in one.columns)}
        sources = []
        for name in rule.columns:
            column = table.columns[name]
            pool = [row.get(name, column.default or "null")]
            pool += [] if name in fixed else pool_of(column, rule)
            shown = column.base_type if base else column.type
            values = ", ".join(f"({place}, ({value})::{shown})" for place, value in enumerate(pool))
            alias = quote_name(f"of {name}")
            sources.append((name, pool, f"(values {values}) as {alias} ({quote_name(f'place {name}')}, {quote_name(name)})"))
        if not sources:
            return False
        places = ", ".join(quote_name(f"place {name}") for name, _, _ in sources)
        asked = (
            f"select {places} from {' cross join '.join(text for *_, text in sources)} where ({rule.condition}) order by {places}"
        )
        try:
            with connection.transaction():
                found = connection.execute(f"{asked} limit 40".encode()).fetchall()
        except psycopg.Error:
            return False
        if not found:
            return False
        is_spent = any(table.columns[name].is_unique for name in rule.columns)
        picked = found[self.numbers[table.name] % len(found) if is_spent else 0]
        changed = {name: pool[picked[f"place {name}"]] for name, pool, _ in sources}
        is_new = any(row.get(name) != value for name, value in changed.items())
        row.update(changed)
        return is_new or base


def spell(column: MadeColumn, value: str) -> str:
    """Return a planned value as a literal of its column."""
    return value if column.category == "B" and value in ("true", "false") else quote_text(value)


def unquoted(name: str) -> str:
    """Return the bare name of a table without quotes."""
    bare = name.rpartition('."')[2] if name.endswith('"') else name.rpartition(".")[2]
    return bare.strip('"').replace('""', '"')


def insert_statements(table: MadeTable, row: Row, way: str, user: str) -> list[str]:
    """Return what inserts one row in a way."""
    names = ", ".join(quote_where_needed(name) for name in row)
    is_counted = any(column.identity == "a" and name in row for name, column in table.columns.items())
    overriding = " overriding system value" if is_counted else ""
    values = f"({names}){overriding} values ({', '.join(row.values())})" if row else "default values"
    insert = f"insert into {table.name} {values} on conflict do nothing;"
    if way == AS_USER:
        claims = quote_text(json.dumps({"role": "authenticated", "sub": user}))
        return [f"set local request.jwt.claims = {claims};", insert, "set local request.jwt.claims = '';"]
    if way == QUIET:
        return ["set local session_replication_role = replica;", insert, "set local session_replication_role = origin;"]
    return [insert]


def quote_where_needed(name: str) -> str:
    """Return a column's name, always quoted: a reserved word would need it."""
    return quote_name(name)


def describe(exc: psycopg.Error) -> str:
    """Return what the server said of a row, with the constraint that it names."""
    said = plain_text(exc.diag.message_primary or str(exc).partition("\n")[0], limit=200)
    named = exc.diag.constraint_name
    return f"{said} (constraint {named})" if named and named not in said else said


def make_rows(connection: psycopg.Connection[DictRow], maker: RowMaker, lacking: Sequence[str]) -> None:
    """Make rows for the tables that lack them, in the open transaction, after those that were made before."""
    connection.execute(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS}")
    connection.execute("set constraints all immediate")
    for statement in maker.statements:
        connection.execute(statement.encode())
    for name in lacking:
        maker.fill(connection, name)


def made_users(number: int) -> Iterator[tuple[str, str]]:
    """Yield the id and e-mail address of users that are made up."""
    for place, name in enumerate(("ann", "ben", "cat", "dan")[:number]):
        yield f"5eed0000-0000-4000-8000-{place + 1:012d}", f"rehearsal-{name}@example.com"


def user_insert(user: str, email: str) -> str:
    """Return the statement that makes one user, confirmed and with the metadata that a sign-up has."""
    meta = quote_text(json.dumps({"full_name": email.partition("@")[0], "name": email.partition("@")[0]}))
    app = quote_text(json.dumps({"provider": "email", "providers": ["email"]}))
    return (
        "insert into auth.users (instance_id, id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, "
        "created_at, updated_at) values ('00000000-0000-0000-0000-000000000000', "
        f"{quote_text(user)}, 'authenticated', 'authenticated', {quote_text(email)}, '2026-01-01', {app}, {meta}, "
        "'2026-01-01', '2026-01-01') on conflict do nothing;"
    )
