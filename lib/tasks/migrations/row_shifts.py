"""How copies of rows keep keys unique and references whole: which columns change from copy to copy, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Column = tuple[str, str]
"""(table as SQL spells it, column's bare name)"""

SHIFTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"uuid"}), "md5({value}::text || ':' || n)::uuid"),
    (frozenset({"int8", "int4", "numeric", "int2"}), "{value} + n * {step}"),
    # A prefix of a letter and a number leaves addresses and slugs in their shape. An empty text often stands for none, and
    # several rows may have it where a unique index leaves it out.
    (frozenset({"text", "varchar", "citext"}), "case when {value} = '' then {value} else 'c' || n || {value} end"),
    (frozenset({"date"}), "{value} + n * 3650"),
    (frozenset({"timestamptz", "timestamp"}), "{value} + n * interval '3650 days'"),
)
"""How a value of these types becomes that of copy n, preferred types first; step is one more than the largest."""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The catalog rows that decide how rows are copied, from sql/."""

    columns: Sequence[Mapping[str, Any]]
    uniques: Sequence[Mapping[str, Any]]
    references: Sequence[Mapping[str, Any]]


def plan_shifts(catalog: Catalog) -> dict[Column, tuple[str, Column]]:
    """Return how copy n differs in each column that must: one of SHIFTS, and the column it goes by.

    Every unique set gets at least one such column; columns linked by foreign keys change alike.
    """
    types = {(row["table"], row["column"]): row["type"] for row in catalog.columns if not row["generated"]}
    roots = find_roots(catalog.references)
    chosen: dict[Column, str] = {}
    refers = {(row["table"], row["column"]) for row in catalog.references}
    uniques = [[(row["table"], column) for column in row["columns"]] for row in catalog.uniques]
    # Keys of their own first, so that sets made of references find them chosen.
    for unique in sorted(uniques, key=lambda columns: sum(column in refers for column in columns)):
        if any(roots.get(column, column) in chosen for column in unique):
            continue
        best = min(unique, key=lambda column: rank_type(types.get(column)))
        if rank_type(types.get(best)) < len(SHIFTS):
            root = roots.get(best, best)
            chosen[root] = SHIFTS[rank_type(types.get(best))][1]
    return {
        column: (chosen[roots.get(column, column)], roots.get(column, column))
        for column in types
        if roots.get(column, column) in chosen
    }


def find_roots(references: Iterable[Mapping[str, Any]]) -> dict[Column, Column]:
    """Return for each referring column the one at the end of its chain of references."""
    parents: dict[Column, Column] = {}
    for row in references:
        child, parent = (row["table"], row["column"]), (row["parent_table"], row["parent_column"])
        first, second = follow(parents, child), follow(parents, parent)
        if first != second:
            parents[first] = second
    return {column: follow(parents, column) for column in parents}


def follow(parents: Mapping[Column, Column], column: Column) -> Column:
    """Return the last column of the chain that starts here."""
    while column in parents:
        column = parents[column]
    return column


def rank_type(type_name: str | None) -> int:
    """Return how suitable a type is for shifting: 0 is best, len(SHIFTS) is not at all."""
    return next((rank for rank, (names, _) in enumerate(SHIFTS) if type_name in names), len(SHIFTS))
