"""One made row, really inserted: repaired by what the server says of it, until it is in or nothing more can be changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import quote_text
from lib.core.wording import plain_text
from lib.onboarding.row_catalogue import USERS, CheckRule, MadeColumn, MadeTable
from lib.onboarding.row_values import make_value, pool_of
from lib.transport.database import quote_name

REPAIRS = 8
"""Refusals of one row that are repaired, each by another value."""

PLAIN, AS_USER, QUIET = "plain", "as the user", "without triggers"
WAYS = (PLAIN, AS_USER, QUIET)
"""How a row is inserted, the first that works: as it is, with the user's claims, with triggers and foreign keys off."""

Row = dict[str, str]
"""Column -> its value as an SQL literal."""


class NoRow(Exception):
    """No valid row could be made; the text says what stands in the way."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One way in which a row went in. is_new: it was not there before. is_kept: with the values that were planned."""

    row: Row
    statements: list[str]
    is_new: bool
    is_kept: bool


def insert_row(
    connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, *, user: str, number: int, planned: Sequence[str]
) -> Tried:
    """Insert a row in the first way in which it goes in with the planned columns' values, else in the first at all.

    number: of the row in its table. Raises NoRow with what the server said first.
    """
    said, spare = "", None
    for way in WAYS:
        try:
            tried = try_way(connection, table, dict(row), way, user=user, number=number, planned=planned)
        except NoRow as exc:
            said = said or str(exc)
            continue
        if tried.is_kept or not tried.is_new:
            return tried
        spare = spare or tried
    if spare is None:
        raise NoRow(said)
    run(connection, spare.statements)
    return spare


def try_way(
    connection: psycopg.Connection[DictRow],
    table: MadeTable,
    row: Row,
    way: str,
    *,
    user: str,
    number: int,
    planned: Sequence[str],
) -> Tried:
    """Insert a row in one way, repaired as often as needed; undone where a trigger changed what was planned. Raises NoRow."""
    said = ""
    for _ in range(REPAIRS):
        statements = wrap(insert_statement(table, row), way, user)
        try:
            is_new, is_kept = run(connection, statements, kept=[name for name in planned if name in row], row=row)
        except psycopg.Error as exc:
            said = said or describe(exc)
            if not repair(connection, table, row, exc, number):
                break
            continue
        return Tried(row=row, statements=statements, is_new=is_new, is_kept=is_kept)
    raise NoRow(said)


def run(
    connection: psycopg.Connection[DictRow], statements: Sequence[str], *, kept: Sequence[str] = (), row: Mapping[str, str] = {}
) -> tuple[bool, bool]:
    """Run statements in a savepoint; return whether the insert among them made a row, and one with its values in `kept`.

    A row with other values is undone. Raises psycopg.Error.
    """
    is_new, is_kept = False, True
    with connection.transaction():
        for statement in statements:
            if not statement.startswith("insert"):
                connection.execute(statement.encode())
                continue
            same = " and ".join(f"{quote_name(name)} is not distinct from {row[name]}" for name in kept) or "true"
            found = connection.execute(f"{statement.removesuffix(';')} returning ({same}) as is_kept".encode()).fetchone()
            is_new, is_kept = found is not None, found is None or bool(found["is_kept"])
        if not is_kept:
            raise psycopg.Rollback
    return is_new, is_kept


def repair(connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, exc: psycopg.Error, number: int) -> bool:
    """Change a row by what the server said of it; return whether anything was changed."""
    name = exc.diag.column_name or ""
    if exc.sqlstate == "23502" and name in table.columns and row.get(name, "null") == "null":
        row[name] = make_value(table.columns[name], table.name, number)
        return True
    rule = table.checks.get(exc.diag.constraint_name or "")
    if exc.sqlstate == "23514" and rule is not None and exc.diag.table_name == unquoted(table.name):
        return satisfy(connection, table, row, rule, number)
    return False


def fit_domains(connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, number: int) -> None:
    """Give columns of a domain with a check a value that the domain takes."""
    for name, column in table.columns.items():
        if name in row and column.domain_check:
            condition = column.domain_check.partition("(")[2].rpartition(")")[0].replace("VALUE", quote_name(name))
            rule = CheckRule(name=f"the domain {column.type}", condition=condition, columns=(name,))
            satisfy(connection, table, row, rule, number, below=True)


def satisfy(
    connection: psycopg.Connection[DictRow], table: MadeTable, row: Row, rule: CheckRule, number: int, *, below: bool = False
) -> bool:
    """Give the columns of a check values that satisfy it; return whether anything changed.

    below: read the values as of the type below a domain. References stay as they are.
    """
    fixed = {name for one in table.references for name in one.columns}
    pools: dict[str, list[str]] = {}
    sources = []
    for name in rule.columns:
        column = table.columns[name]
        pools[name] = [row.get(name, column.default or "null"), *([] if name in fixed else pool_of(column, rule))]
        values = ", ".join(
            f"({at}, ({value})::{column.base_type if below else column.type})" for at, value in enumerate(pools[name])
        )
        sources.append(f"(values {values}) as {quote_name(f'of {name}')} ({quote_name(place_of(name))}, {quote_name(name)})")
    if not sources:
        return False
    places = ", ".join(quote_name(place_of(name)) for name in pools)
    asked = f"select {places} from {' cross join '.join(sources)} where ({rule.condition}) order by {places} limit 40"
    try:
        with connection.transaction():
            found = connection.execute(asked.encode()).fetchall()
    except psycopg.Error:
        return False
    if not found:
        return False
    is_spent = any(table.columns[name].is_unique for name in rule.columns)
    picked = found[number % len(found) if is_spent else 0]
    changed = {name: pool[picked[place_of(name)]] for name, pool in pools.items()}
    is_new = any(row.get(name) != value for name, value in changed.items())
    row.update(changed)
    return is_new


def place_of(column: str) -> str:
    """Return the name of the column that says which value of a pool was taken."""
    return f"place {column}"[:60]


def unquoted(name: str) -> str:
    """Return the bare name of a table without quotes."""
    bare = name.rpartition('."')[2] if name.endswith('"') else name.rpartition(".")[2]
    return bare.strip('"').replace('""', '"')


def insert_statement(table: MadeTable, row: Row) -> str:
    """Return what inserts one row, and nothing where it is there already."""
    names = ", ".join(quote_name(name) for name in row)
    is_counted = any(column.identity == "a" and name in row for name, column in table.columns.items())
    overriding = " overriding system value" if is_counted else ""
    values = f"({names}){overriding} values ({', '.join(row.values())})" if row else "default values"
    return f"insert into {table.name} {values} on conflict do nothing;"


def update_statement(table: MadeTable, row: Row, names: Sequence[str]) -> str:
    """Return what gives a row that is there already some of its planned values."""
    changed = ", ".join(f"{quote_name(name)} = {row[name]}" for name in names)
    same = " and ".join(f"{quote_name(name)} = {row[name]}" for name in sorted(table.key))
    return f"update {table.name} set {changed} where {same};"


def user_insert(user: str, email: str) -> str:
    """Return the statement that makes one user, confirmed and with the metadata that a sign-up has."""
    name = email.partition("@")[0]
    meta, app = json.dumps({"full_name": name, "name": name}), json.dumps({"provider": "email", "providers": ["email"]})
    return (
        f"insert into {USERS} (instance_id, id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, "
        "created_at, updated_at) values ('00000000-0000-0000-0000-000000000000', "
        f"{quote_text(user)}, 'authenticated', 'authenticated', {quote_text(email)}, '2026-01-01', {quote_text(app)}, "
        f"{quote_text(meta)}, '2026-01-01', '2026-01-01') on conflict do nothing;"
    )


def wrap(insert: str, way: str, user: str) -> list[str]:
    """Return what runs an insert in a way."""
    if way == AS_USER:
        claims = quote_text(json.dumps({"role": "authenticated", "sub": user}))
        return [f"set local request.jwt.claims = {claims};", insert, "set local request.jwt.claims = '';"]
    if way == QUIET:
        return ["set local session_replication_role = replica;", insert, "set local session_replication_role = origin;"]
    return [insert]


def describe(exc: psycopg.Error) -> str:
    """Return what the server said of a row, with the constraint that it names."""
    said = plain_text(exc.diag.message_primary or str(exc).partition("\n")[0], limit=200)
    named = exc.diag.constraint_name
    return f"{said} (constraint {named})" if named and named not in said else said


def refer_to_itself(table: MadeTable, name: str, row: Row) -> str | None:
    """Return the value by which a row refers to itself, where a required key of the same table asks for one."""
    for reference in table.references:
        if reference.parent == table.name and name in reference.columns:
            return row.get(reference.keys[reference.columns.index(name)])
    return None


def spell(column: MadeColumn, value: str) -> str:
    """Return a planned value as a literal of its column."""
    return value if column.category == "B" and value in ("true", "false") else quote_text(value)
