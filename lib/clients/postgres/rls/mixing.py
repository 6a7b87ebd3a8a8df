"""Statements with rows that are mixed from two: one column, or those that decide, with the value of another row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lib.clients.postgres.rls.attempt import Attempt, is_new, quote_text
from lib.clients.postgres.rls.catalogue import Column
from lib.clients.postgres.rls.statements import Subject
from lib.transport.database import quote_name

MOST_SPREAD = 40
"""Rows of one table that inserts are tried with, beside two a region: one for each value of a column with few of them."""


def spread(subject: Subject) -> Attempt | None:
    """Find a row of each region for every value that a narrow column has there, and where a column has none.

    measured: a list of [region, place]. None where no column that the scopes name can differ so.
    """
    shown = [
        f"coalesce({subject.column(c)}::text, '')" if c.narrow else f"({subject.column(c)} is null)::text"
        for c in subject.mentioned
        if c.narrow or c.nullable
    ]
    if not shown:
        return None
    key = f"concat_ws(',', {', '.join(shown)})"
    order = f"from {subject.table.sql} order by 1, 2, 3"
    chosen = f"select distinct on (1, 2) {subject.region} as region, {key} as key, {subject.place} as place {order}"
    measure = f"select coalesce(jsonb_agg(jsonb_build_array(region, place)), '[]') from ({chosen} limit {MOST_SPREAD}) as chosen"
    return subject.ask(measure)


def mixed_regions(subject: Subject, places: Sequence[str], columns: Sequence[str]) -> Attempt:
    """Find the regions of rows mixed from two of these, one column from the other. measured: [base, donor, column, region]s."""
    rows = " union all ".join(
        f"select {quote_text(place)} as place, ({subject.alias}.*)::text::{subject.table.sql} as whole from {subject.table.sql} "
        f"where {subject.this_row(place, by_place=True)}"
        for place in places
    )
    names = ", ".join(quote_text(name) for name in columns)
    measure = f"""
        with rows as ({rows})
        select coalesce(jsonb_agg(
          jsonb_build_array(launch_base, launch_donor, launch_column, {subject.region}) 
              order by launch_base, launch_donor, launch_column
        ), '[]')
        from (
          select base.place as launch_base, donor.place as launch_donor, launch_column, jsonb_populate_record(
             base.whole, jsonb_build_object(launch_column, to_jsonb(donor.whole) -> launch_column)) as launch_mixed
          from rows as base cross join rows as donor cross join unnest(array[{names}]) as launch_column
          where base.place <> donor.place
        ) as pairs
        cross join lateral (select (launch_mixed).*) as {subject.alias}"""
    return subject.attempt(act="select", as_role=False, measure=measure)


def make_row(
    subject: Subject, base: str, donor: str | None, column: Column, *, may_change: bool, given: str = "null"
) -> Iterator[str]:
    """Yield what makes a row as the one at `base` but for one column, which is as at `donor`, or null: a new row with a key of
    its own, then the row itself changed."""
    name = quote_name(column.name)
    value = f"(select donor.{name} from {subject.table.sql} as donor where {is_at(donor, 'donor')})" if donor else given
    keys = [one for one in subject.table.columns if one.primary]
    kept = [one for one in subject.table.columns if one.written and (not one.primary or column in keys)]
    names = ", ".join(quote_name(one.name) for one in kept)
    values = ", ".join(value if one == column else f"base.{quote_name(one.name)}" for one in kept)
    yield (
        f"insert into {subject.table.sql} ({names}) overriding system value "
        f"select {values} from {subject.table.sql} as base where {is_at(base, 'base')}"
    )
    if may_change and column.updatable:
        yield f"update {subject.table.sql} as base set {name} = {value} where {is_at(base, 'base')}"


def is_at(place: str, alias: str) -> str:
    """The condition for the row at a place, by another name of its table."""
    table, bracket, within = place.partition("(")
    return f"{alias}.tableoid = {int(table)} and {alias}.ctid = {quote_text(bracket + within)}::tid"


def hand_over(subject: Subject, place: str | None, donor: str, column: Column, *, quiet: bool) -> Attempt:
    """Give one row, or every row it may, the donor's value in one column.

    measured: the regions that the changed rows are in afterwards.
    """
    name = quote_name(column.name)
    where = subject.this_row(place, by_place=True) if place is not None else "true"
    act = f"update {subject.table.sql} set {name} = ($1::{subject.table.sql}).{name} where {where}"
    witness = f"select array_agg(({subject.alias}.*)::text) from {subject.table.sql} where {is_new(subject.alias)}"
    measure = (
        f"select coalesce(jsonb_agg(distinct {subject.region}), '[]') from "
        f"(select (kept).* from (select unnest($1::text[])::{subject.table.sql} as kept) as one) as {subject.alias}"
    )
    return subject.attempt(act=act, quiet=quiet, capture=subject.captured(donor), witness=witness, measure=measure, inner=True)


def pull(subject: Subject, place: str | None, donor: str, scope: str, *, quiet: bool, rows: int | None = None) -> Attempt | None:
    """Give one row outside, or every row there is (so many rows), what a row inside has in the columns that decide.

    A policy that lets a row be changed and only refuses what it would become lets it be taken over.
    """
    rights = subject.access.columns
    said = replace(subject, scopes={scope: subject.scopes[scope]})
    deciding = [c for c in said.mentioned if c.updatable and rights[c.name][2]]
    if not deciding:
        return None
    given = ", ".join(f"{quote_name(c.name)} = ($1::{subject.table.sql}).{quote_name(c.name)}" for c in deciding)
    act = f"update {subject.table.sql} set {given} where "
    if place is None:
        return subject.write(f"{act}true", quiet=quiet, capture=subject.captured(donor), rows=rows)
    return subject.attempt(act=act + subject.this_row(place, by_place=True), quiet=quiet, capture=subject.captured(donor))
