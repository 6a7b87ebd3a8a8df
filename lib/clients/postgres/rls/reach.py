"""What the matrix gives one identity on each table, as SQL by which the calls of functions are judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.arguments import SampleRow
from lib.clients.postgres.rls.attempt import bind_uid, is_new, quote_text
from lib.clients.postgres.rls.catalogue import ProbedTable, read_tables
from lib.clients.postgres.rls.declared import Identity, Rls, split_scope
from lib.transport.database import Database, quote_name

USERS = "auth.users"
"""The platform's table of users: no API role reaches it, so a function that shows or changes others' rows goes beyond."""

USERS_WORDS = {"select": "own", "insert": "deny", "update": "own", "delete": "own"}

MOST_NAMED = 50
"""Changed rows of one table that are looked at one by one."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """One table as one identity has it by the matrix.

    within: select, insert, update, kept (where an update must leave rows) and delete, each as a condition over the table.
    parts: the oids of the table and its partitions.
    """

    name: str
    table: ProbedTable
    parts: tuple[int, ...]
    within: Mapping[str, str]
    sub: str | None

    @property
    def alias(self) -> str:
        return quote_name(self.table.name)

    @property
    def place(self) -> str:
        return f"({self.alias}.tableoid::oid::text || {self.alias}.ctid::text)"

    @property
    def key(self) -> str:
        """A row's primary key as text, else the whole row."""
        primary = [f"{self.alias}.{quote_name(one.name)}" for one in self.table.columns if one.primary]
        return f"row({', '.join(primary)})::text" if primary else f"({self.alias}.*)::text"

    @property
    def row_name(self) -> str:
        """A readable name of a row, which holds its key alone."""
        primary = [one for one in self.table.columns if one.primary]
        keys = [f"{quote_text(one.name + ' ')} || {self.alias}.{quote_name(one.name)}::text" for one in primary]
        return f"left(concat_ws(', ', {', '.join(keys)}), 120)" if keys else "'a row without a key'"

    @property
    def shows_all(self) -> bool:
        return self.within["select"] == "true"

    def place_json(self) -> dict[str, object]:
        """Return the table as install_calls.sql takes it."""
        new = f"""select coalesce(jsonb_agg(one), '[]') from (
            select {self.key} as key, {self.row_name} as name, {self.within["insert"]} as insert, {self.within["kept"]} as kept
            from {self.table.sql} where {is_new(self.alias)} order by 1 limit {MOST_NAMED}) as one"""
        gone = f"""select coalesce(jsonb_agg(one), '[]') from (
            select {self.key} as key, {self.row_name} as name, {self.within["update"]} as update,
              {self.within["delete"]} as delete
            from {self.table.sql} where not ({self.place} = any ($1)) order by 1 limit {MOST_NAMED}) as one"""
        spots = f"select coalesce(array_agg({self.place}), '{{}}') from {self.table.sql}"
        return {"name": self.name, "oids": list(self.parts), "after": f"select ({spots}), ({new})", "before": gone}

    def removal(self) -> str:
        """Return what removes the rows that the identity may not read and that do not speak of it."""
        of_others = f" and position({quote_text(self.sub)} in to_jsonb({self.alias})::text) = 0" if self.sub else ""
        return f"delete from {self.table.sql} where not {self.within['select']}{of_others}"

    def sample(self) -> str:
        """Return a query for a few rows: those that the identity may not read first. Columns: kept, whole, is_inside."""
        shown = f"select to_jsonb({self.alias}) as kept, ({self.alias}.*)::text as whole, {self.within['select']} as is_inside"
        parts = [
            f"({shown} from {self.table.sql} where {side} order by {self.alias}.tableoid, {self.alias}.ctid {order} limit {most})"
            for side, order, most in (
                (f"not {self.within['select']}", "asc", 2),
                (f"not {self.within['select']}", "desc", 1),
                (self.within["select"], "asc", 1),
            )
        ]
        return " union all ".join(parts)

    def search(self) -> str:
        """Return a query for what texts of $1 its rows hold. Columns: token, is_seen, is_hidden, example (of a hidden row)."""
        return (
            f"select pair.value as token, bool_or({self.within['select']}) as is_seen, bool_or(not {self.within['select']}) as "
            f"is_hidden, min({self.row_name}) filter (where not {self.within['select']}) as example from {self.table.sql} "
            f"cross join lateral jsonb_each_text(to_jsonb({self.alias})) as pair where pair.value = any (%s) group by 1"
        )


def find_reaches(
    database: Database, rls: Rls, found: Mapping[str, ProbedTable], identity: Identity, parts: Mapping[str, tuple[int, ...]]
) -> list[Reach]:
    """Return what the matrix gives one identity on each declared table, and what the platform gives it on the users."""
    reaches = []
    for name, table in found.items():
        words: Mapping[str, str] = {str(verb): word for verb, word in rls.matrix[name].get(identity.role, {}).items()}
        reaches.append(reach_of(name, table, words, rls.scopes.get(name, {}), identity, parts))
    if USERS not in found:
        users = [one for one in read_tables(database, ["auth"]) if one.display_name == USERS and USERS in parts]
        reaches += [reach_of(USERS, one, USERS_WORDS, {"own": "id = :uid"}, identity, parts) for one in users]
    return reaches


def reach_of(
    name: str,
    table: ProbedTable,
    words: Mapping[str, str],
    scopes: Mapping[str, str],
    identity: Identity,
    parts: Mapping[str, tuple[int, ...]],
) -> Reach:
    """Return one table as one identity has it; of a verb that nobody declared, everything."""

    def condition(word: str) -> str:
        if word in ("allow", "deny"):
            return "true" if word == "allow" else "false"
        return f"coalesce(({bind_uid(scopes[word], identity)}\n), false)"

    reached, kept = split_scope(words.get("update", "allow"))
    within = {verb: condition(words.get(verb, "allow")) for verb in ("select", "insert", "delete")}
    return Reach(
        name=name,
        table=table,
        parts=parts.get(table.display_name, ()),
        within={**within, "update": condition(reached), "kept": condition(kept)},
        sub=identity.sub,
    )


def read_parts(connection: psycopg.Connection[DictRow], names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the oids of each table that exists and of its partitions, by the name as SQL spells it."""
    rows = connection.execute(
        "select one.name, array_agg(coalesce(part.relid::oid, to_regclass(one.name)::oid)::bigint) as parts "
        "from unnest(%s::text[]) as one (name) left join lateral pg_partition_tree(to_regclass(one.name)) as part on true "
        "where to_regclass(one.name) is not null group by one.name",
        [list(names)],
    ).fetchall()
    return {row["name"]: tuple(row["parts"]) for row in rows}


def read_samples(connection: psycopg.Connection[DictRow], reaches: Iterable[Reach]) -> Iterator[tuple[SampleRow, bool]]:
    """Yield rows to take arguments from, and whether the identity may read each; those that it may not read come first."""
    found = []
    for reach in reaches:
        key = tuple(one.name for one in reach.table.columns if one.primary)
        for row in connection.execute(reach.sample().encode()).fetchall():
            sample = SampleRow(
                table=reach.table.display_name, name=reach.table.name, key=key, values=row["kept"], whole=row["whole"]
            )
            found.append((sample, bool(row["is_inside"])))
    yield from sorted(found, key=lambda pair: pair[1])
