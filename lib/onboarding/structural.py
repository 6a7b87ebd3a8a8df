"""Scopes that tables themselves suggest, where a policy could not be read: whose a row is, who belongs to its parent, what
is public. Pure. Each is only a candidate: the probe decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lib.onboarding.expressions import Node, join, leaf
from lib.onboarding.policies import quote_where_needed
from lib.onboarding.row_catalogue import USERS, MadeTable, Reference

FLAG = re.compile(
    r"publi|active|visible|approved|enabled|shared|listed|open|draft|archived|hidden|private|deleted", re.IGNORECASE
)
"""Names of boolean columns that may say who sees a row."""

INVERSE = re.compile(r"draft|archived|hidden|private|deleted", re.IGNORECASE)
"""Names of those that say so when they are false."""

MOST = 12
"""Candidates of one table."""


def suggest(
    name: str, catalogue: Mapping[str, MadeTable], user_columns: Mapping[str, Sequence[str]], *, has_user: bool
) -> list[Node]:
    """Return the conditions that a table's columns and foreign keys suggest, the plainest first.

    user_columns: table -> columns that policies compare with the caller. has_user: whether the caller is one.
    """
    table = catalogue.get(name)
    if table is None:
        return []
    flags = [flag_of(column) for column, one in table.columns.items() if one.category == "B" and FLAG.search(column)]
    if not has_user:
        return flags[:MOST]
    owners = [leaf(f"{spell(column)} = auth.uid()") for column in users_of(table, user_columns)]
    above = [leaf(text) for one in table.parents if len(one.columns) == 1 for text in ask_above(one, catalogue, user_columns)]
    above += [leaf(text) for text in ask_members(name, table, catalogue, user_columns)]
    plain = [*owners, *above, *flags]
    return [*plain, *(join("or", [flag, one]) for flag in flags for one in (*owners, *above))][:MOST]


def users_of(table: MadeTable, user_columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns of a table that hold a user."""
    return [name for name in dict.fromkeys((*table.own_users, *user_columns.get(table.name, ()))) if name in table.columns]


def flag_of(column: str) -> Node:
    """Return the condition that a flag lets everybody see a row."""
    return leaf(f"NOT {spell(column)}" if INVERSE.search(column) else spell(column))


def ask_above(
    reference: Reference, catalogue: Mapping[str, MadeTable], user_columns: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield the conditions that the user owns, or belongs to, the row that a foreign key names."""
    parent = catalogue.get(reference.parent)
    if parent is None or parent.name == USERS:
        return
    own, key = spell(reference.columns[0]), spell(reference.keys[0])
    for column in users_of(parent, user_columns):
        yield f"{own} IN ( SELECT p.{key} FROM {parent.name} p WHERE p.{spell(column)} = auth.uid())"
    for member, to_parent in members_of(parent.name, catalogue):
        for column in users_of(member, user_columns):
            yield f"{own} IN ( SELECT m.{spell(to_parent)} FROM {member.name} m WHERE m.{spell(column)} = auth.uid())"


def ask_members(
    name: str, table: MadeTable, catalogue: Mapping[str, MadeTable], user_columns: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield the conditions that the user is among the members of a row."""
    key = [*table.key]
    for member, to_row in members_of(name, catalogue) if len(key) == 1 else ():
        for column in users_of(member, user_columns):
            yield f"{spell(key[0])} IN ( SELECT m.{spell(to_row)} FROM {member.name} m WHERE m.{spell(column)} = auth.uid())"


def members_of(parent: str, catalogue: Mapping[str, MadeTable]) -> Iterator[tuple[MadeTable, str]]:
    """Yield the tables that tie users to the rows of a table: a key to it and to a user, both unique together; and that key."""
    for table in catalogue.values():
        ties = [one.columns[0] for one in table.parents if one.parent == parent and len(one.columns) == 1]
        is_tied = [name for name in ties if table.columns[name].is_unique]
        if is_tied and any(table.columns[name].is_unique for name in table.own_users):
            yield table, is_tied[0]


def spell(name: str) -> str:
    return quote_where_needed(name)
