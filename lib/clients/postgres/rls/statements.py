"""The statements an RLS probe tries, as SQL text. Pure, so that each can be read and tested alone.

A *region* is the rows of a table that lie in the same scopes; it is written as one letter a scope, in the
order they are declared: `tf` is in the first and not in the second. Rows are identified by their place
(tableoid and ctid), which needs no primary key and does not change within one snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lib.clients.postgres.rls.attempt import Attempt, bind_uid, claims_of, is_new, quote_text
from lib.clients.postgres.rls.catalogue import Access, Column, ProbedTable
from lib.clients.postgres.rls.declared import Identity
from lib.clients.postgres.rls.region_sql import count_plain_regions, count_regions, count_touched
from lib.transport.database import quote_name

MOST_SINGLE = 40
"""Rows of one region that are deleted one by one, where one statement did not reach all of them."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One identity and one table: builds the statements that are tried.

    scopes: scope name -> predicate, in declared order.
    may_quieten: whether the connected user may switch triggers and foreign keys off.
    """

    identity: Identity
    table: ProbedTable
    access: Access
    scopes: Mapping[str, str]
    may_quieten: bool = False

    @cached_property
    def alias(self) -> str:
        return quote_name(self.table.name)

    @cached_property
    def claims(self) -> str:
        return claims_of(self.identity)

    @cached_property
    def path(self) -> str:
        """Where names are looked up meanwhile."""
        return f"{quote_name(self.table.schema)}, public, extensions"

    @cached_property
    def place(self) -> str:
        """The place of a row as one text, which identifies it as long as the snapshot lasts."""
        return f"({self.alias}.tableoid::oid::text || {self.alias}.ctid::text)"

    @cached_property
    def region(self) -> str:
        """The region a row is in, as an expression over the table's columns."""
        bound = [bind_uid(predicate, self.identity) for predicate in self.scopes.values()]
        letters = [f"case when ({predicate}\n) then 't' else 'f' end" for predicate in bound]
        return f"concat({', '.join(letters)})" if letters else "''::text"

    @cached_property
    def row_name(self) -> str:
        """A readable name of a row: its primary key, else its place."""
        primary = [column for column in self.table.columns if column.primary]
        keys = [f"{quote_text(column.name + ' ')} || {self.column(column)}::text" for column in primary]
        return f"left(concat_ws(', ', {', '.join(keys)}), 120)" if keys else f"'row at ' || {self.place}"

    @cached_property
    def mentioned(self) -> list[Column]:
        """The columns that the scopes name: only they can move a row from one region to another."""
        words = {word.lower() for predicate in self.scopes.values() for word in re.findall(r"\w+", predicate)}
        quoted = [predicate for predicate in self.scopes.values() if '"' in predicate]
        return [
            column
            for column in self.table.columns
            if column.name.lower() in words or any(quote_name(column.name) in predicate for predicate in quoted)
        ]

    @cached_property
    def reads_other_rows(self) -> bool:
        """Whether a scope reads other rows, so that a row's region may depend on the row itself."""
        return any(re.search(r"\bselect\b|\(", predicate, re.IGNORECASE) for predicate in self.scopes.values())

    def modes(self, verb: str) -> list[bool]:
        """Return the ways to try a write, best first: with triggers (False), with them off (True).

        Foreign keys are not policies, so they are switched off wherever that switches off no trigger of the
        pack.
        """
        if not self.may_quieten:
            return [False]
        return [False, True] if verb in self.table.triggers else [True]

    def regions(self) -> Attempt:
        """Count the rows of each region.

        measured: region -> [rows, first place, last place, what the first row has in each mentioned column, as a digest, and
        its name].
        """
        kept = [*(f"md5({self.column(column)}::text)" for column in self.mentioned), self.row_name]
        count = count_regions if self.table.has_parts else count_plain_regions
        return self.ask(count(self.table.sql, self.alias, self.region, kept))

    def select(self, *, rows: int | None = None) -> Attempt:
        """Read every row's key as the identity. measured: region -> [rows, seen, an example]. rows: as for `write`."""
        key = self._readable_key()
        if key == self.place and not self.table.has_parts:
            act = f"select coalesce(array_agg({self.alias}.ctid), '{{}}') from {self.table.sql}"
            return self.attempt(act=act, reads="places", total=rows, measure=self._counted(f"{self.alias}.ctid = any ($2)"))
        act = f"select coalesce(array_agg({key}), '{{}}') from {self.table.sql}"
        return self.attempt(act=act, reads="texts", inner=True, measure=self._counted(f"({key} = any ($1))"))

    def update(self, *, quiet: bool, rows: int | None = None) -> Attempt | None:
        """Assign a column to itself in every row; None when the table has no column that can be. rows: how many there are."""
        column = self._updated_column()
        if column is None:
            return None
        name = quote_name(column.name)
        return self.write(f"update {self.table.sql} set {name} = {self.column(column)} where true", quiet=quiet, rows=rows)

    def update_unread(self, *, quiet: bool, rows: int | None = None) -> Attempt | None:
        """Assign one present value to every row, which needs no right to read; None when no column is free.

        Policies for SELECT narrow an UPDATE only when it reads: this one shows what they hide.
        """
        named = {column.name for column in self.mentioned}
        rights = self.access.columns
        free = [c for c in self.table.columns if c.free and c.updatable and c.name not in named and rights[c.name][2]]
        if not free:
            return None
        name = quote_name(free[-1].name)
        capture = f"select ({self.alias}.*)::text from {self.table.sql} limit 1"
        act = f"update {self.table.sql} set {name} = ($1::{self.table.sql}).{name} where true"
        return self.write(act, quiet=quiet, capture=capture, rows=rows)

    def delete(self, *, quiet: bool, rows: int | None = None) -> Attempt:
        """Delete every row. rows: how many there are."""
        return self.write(f"delete from {self.table.sql} where true", quiet=quiet, rows=rows)

    def update_row(self, place: str, *, quiet: bool) -> Attempt | None:
        """Assign a column to itself in one row."""
        column = self._updated_column()
        if column is None:
            return None
        act = f"update {self.table.sql} set {quote_name(column.name)} = {self.column(column)} where {self.this_row(place)}"
        return self.attempt(act=act, quiet=quiet, capture=self.captured(place))

    def update_alone(self, place: str) -> Attempt | None:
        """Delete every other row, then assign the remaining one its own value without reading it.

        For tables where no present value suits every row, so that `update_unread` has nothing to assign.
        """
        column = self._updated_column()
        if column is None:
            return None
        name = quote_name(column.name)
        act = f"update {self.table.sql} set {name} = ($1::{self.table.sql}).{name} where true"
        others = f"delete from {self.table.sql} where not ({self.this_row(place, by_place=True)})"
        return self.attempt(act=act, quiet=True, capture=self.captured(place), remove=others)

    def delete_row(self, place: str, *, quiet: bool) -> Attempt:
        """Delete one row."""
        act = f"delete from {self.table.sql} where {self.this_row(place)}"
        return self.attempt(act=act, quiet=quiet, capture=self.captured(place))

    def places_in(self, spot: str) -> Attempt:
        """Find the places of up to MOST_SINGLE rows of one region, and one more where there are more. witnessed: the places."""
        places = f"select {self.place} as place from {self.table.sql} where {self.region} = {quote_text(spot)}"
        act = f"select coalesce(array_agg(place), '{{}}') from ({places} limit {MOST_SINGLE + 1}) as placed"
        return self.attempt(act=act, as_role=False, reads="texts")

    def region_without(self, place: str, *, quiet: bool) -> Attempt:
        """Find the region a row would be in if it did not exist yet. witnessed: [region].

        A membership row counts in the scopes that judge it, so the answer may differ from its region now.
        """
        row = f"(select (kept).* from (select $1::{self.table.sql} as kept) as one) as {self.alias}"
        act = f"select array[{self.region}] from {row}"
        return self.attempt(act=act, as_role=False, reads="texts", quiet=quiet, **self._taken(place))

    def insert_proof(self, place: str, *, quiet: bool) -> Attempt:
        """Delete one row and insert it again as the connected user: a valid row to try as others."""
        # Without triggers the claims mean nothing, and the proofs of all identities are one and the same.
        return Attempt(
            act=self._put_back([column for column in self.table.columns if column.written]),
            quiet=quiet,
            claims="{}" if quiet else self.claims,
            path=self.path,
            **self._taken(place),
        )

    def insert_again(self, place: str, *, quiet: bool) -> Attempt:
        """Delete one row and insert it again as the identity.

        witnessed: [whether the scopes' columns arrived as sent, the row]; measured: the region it is then in, if they did not.
        Nothing is witnessed where they must have.
        """
        written = [column for column in self.table.columns if column.written]
        allowed = [column for column in written if self.access.columns[column.name][1]]
        again = self.attempt(act=self._put_back(allowed or written), quiet=quiet, **self._taken(place))
        if self.table.is_plain and allowed == written:
            return again  # nothing there is could change what was sent
        same = [f"({self.column(c)} is not distinct from ($1::{self.table.sql}).{quote_name(c.name)})" for c in self.mentioned]
        witness = (
            f"select array[({' and '.join(same) or 'true'})::text, ({self.alias}.*)::text] "
            f"from {self.table.sql} where {is_new(self.alias)} limit 1"
        )
        measure = (
            f"select to_jsonb({self.region}) from "
            f"(select (kept).* from (select ($1::text[])[2]::{self.table.sql} as kept) as one) as {self.alias}"
        )
        return replace(again, witness=witness, measure=measure, unless="true")

    def insert_blank(self) -> Attempt:
        """Insert a row of defaults only: policies are checked before constraints."""
        return self.attempt(act=f"insert into {self.table.sql} default values")

    def ask(self, measure: str) -> Attempt:
        """Ask as the connected user, without claims where no scope calls what could read them: then many ask the same."""
        asked = self.attempt(act="select", as_role=False, measure=measure)
        return asked if self.reads_other_rows else replace(asked, claims="{}")

    def attempt(self, *, act: str, as_role: bool = True, **rest: object) -> Attempt:
        role = self.identity.role if as_role else None
        return Attempt(act=act, role=role, claims=self.claims, path=self.path, **rest)  # type: ignore[arg-type]

    def write(self, act: str, *, quiet: bool, capture: str | None = None, rows: int | None = None) -> Attempt:
        """Try a write on every row; a row that is no longer at its place was touched.

        rows: how many there are; what all of them or none suffered is then known by their number.
        """
        if not self.table.has_parts:
            places = f"select coalesce(array_agg({self.alias}.ctid), '{{}}') from {self.table.sql}"
            measure = self._counted(f"not ({self.alias}.ctid = any ($2))")
            total = rows if quiet and self.table.is_plain else None
            return self.attempt(act=act, quiet=quiet, capture=capture, places=places, total=total, measure=measure)
        witness = f"select coalesce(array_agg({self.place}), '{{}}') from {self.table.sql}"
        measure = self._counted(f"not ({self.place} = any ($1))")
        return self.attempt(act=act, quiet=quiet, capture=capture, witness=witness, measure=measure, inner=True)

    def _counted(self, is_hit: str) -> str:
        return count_touched(self.table.sql, self.region, is_hit, self.row_name)

    def _readable_key(self) -> str:
        """A key of the rows that the role may read; with column grants alone it may not read a row's place."""
        readable = [column for column in self.table.columns if self.access.columns[column.name][0]]
        if self.access.reads_all or not readable:
            return self.place
        primary = [column for column in self.table.columns if column.primary]
        chosen = primary if primary and all(column in readable for column in primary) else readable
        return f"row({', '.join(self.column(column) for column in chosen)})::text"

    def _updated_column(self) -> Column | None:
        """The column to assign to itself: one the role may read and write, and nothing else depends on, if any."""
        rights = self.access.columns
        updatable = [column for column in self.table.columns if column.updatable]
        allowed = [column for column in updatable if rights[column.name][0] and rights[column.name][2]]
        ranked = sorted(allowed or updatable, key=lambda column: (not column.free, column.primary))
        return ranked[0] if ranked else None

    def this_row(self, place: str, *, by_place: bool = False) -> str:
        """The condition for one row, by its place, else by the captured row's primary key."""
        primary = [column for column in self.table.columns if column.primary]
        if by_place or self.access.reads_all or not primary:
            table, bracket, within = place.partition("(")
            return f"{self.alias}.tableoid = {int(table)} and {self.alias}.ctid = {quote_text(bracket + within)}::tid"
        same = [f"{self.column(c)} = ($1::{self.table.sql}).{quote_name(c.name)}" for c in primary]
        return " and ".join(same)

    def captured(self, place: str) -> str:
        return f"select ({self.alias}.*)::text from {self.table.sql} where {self.this_row(place, by_place=True)}"

    def _taken(self, place: str) -> dict[str, Any]:
        """The fields of an attempt that begins with this row kept and gone."""
        remove = f"delete from {self.table.sql} where {self.this_row(place, by_place=True)} returning ({self.alias}.*)::text"
        return {"capture": self.captured(place), "remove": remove, "takes": True}

    def _put_back(self, columns: Sequence[Column]) -> str:
        """The insert of the captured row's columns."""
        names = ", ".join(quote_name(column.name) for column in columns)
        values = ", ".join(f"(kept).{quote_name(column.name)}" for column in columns)
        return (
            f"insert into {self.table.sql} ({names}) overriding system value "
            f"select {values} from (select $1::{self.table.sql} as kept) as one"
        )

    def column(self, column: Column) -> str:
        return f"{self.alias}.{quote_name(column.name)}"
