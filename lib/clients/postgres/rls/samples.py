"""Rows of a table for questions over HTTP: of each way of being in its scopes how many there are, and one as an example.

Read by who sees every row; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.clients.postgres.rls.attempt import bind_uid
from lib.clients.postgres.rls.catalogue import ProbedTable
from lib.clients.postgres.rls.classify import is_member
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.transport.database import Database


@dataclass(frozen=True, kw_only=True)
class Region:
    """The rows of a table that are in the same of its scopes. letters: t or f a scope; example: one of them as JSON."""

    letters: str
    rows: int
    example: Mapping[str, Any]


Regions = Sequence[Region]


def read_regions(database: Database, rls: Rls, tables: Mapping[str, ProbedTable]) -> dict[tuple[str, str], Regions]:
    """Return (table as declared, identity) -> its regions, all in one query a table.

    Raises DatabaseError when a scope can't be counted.
    """
    found: dict[tuple[str, str], Regions] = {}
    for name, table in tables.items():
        scopes = rls.scopes.get(name, {})
        texts = {who: letters_of(scopes, identity) for who, identity in rls.identities.items()}
        by_text: dict[str, list[str]] = {}
        for who, text in texts.items():
            by_text.setdefault(text, []).append(who)
        parts = [regions_sql(table, text, number) for number, text in enumerate(by_text)]
        rows = database.rows(" union all ".join(parts).replace(":", "\\:")) if parts else []
        for number, identities in enumerate(by_text.values()):
            own = [region_of(row) for row in rows if row["number"] == number]
            found.update({(name, who): sorted(own, key=lambda one: one.letters) for who in identities})
    return found


def region_of(row: Mapping[str, Any]) -> Region:
    """Return one row of the query as a region."""
    return Region(letters=row["letters"], rows=row["rows"], example=row["example"])


def letters_of(scopes: Mapping[str, str], identity: Identity) -> str:
    """Return the SQL of a row's letters: for each scope whether the row is in it."""
    spelled = [f"case when ({bind_uid(predicate, identity)}) then 't' else 'f' end" for predicate in scopes.values()]
    return " || ".join(spelled) or "''"


def regions_sql(table: ProbedTable, letters: str, number: int) -> str:
    """Return the query of one identity's regions of a table."""
    # The example is fetched by its place, so that no whole row is sorted or gathered.
    return (
        f"select {number} as number, each.letters, each.rows, "
        f"(select to_jsonb(one) from {table.sql} as one where one.ctid = each.place and one.tableoid = each.part) as example "
        f"from (select marked.letters, count(*) as rows, (array_agg(marked.ctid))[1] as place, "
        f"(array_agg(marked.tableoid))[1] as part from (select {letters} as letters, ctid, tableoid from {table.sql}) as marked "
        "group by marked.letters) as each"
    )


def count_in(regions: Regions, name: str, scopes: Sequence[str]) -> int:
    """Return how many rows a class reaches: `allow`, `deny` or a scope's name."""
    return sum(one.rows for one in regions if is_member(one.letters, name, scopes))
