"""Which rows a table needs so that its scopes can be told apart: for each user one, in each state a policy asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from lib.onboarding.row_catalogue import MadeColumn, MadeTable
from lib.onboarding.row_values import LITERAL

STATES = 6
"""States of one table that are made for each user: enough for two flags, or a role with its first values."""

PARENTS = 3
"""Parents of one user under which rows are made: a personal account and a team may differ."""

LABELS = 4
"""Values of one column that are tried."""


RIGHTS = re.compile(r"role|permission|admin|staff|plan|tier|level|privilege", re.IGNORECASE)
"""Names of columns and tables that say what a user may do."""


@dataclass(frozen=True, kw_only=True)
class RowPlan:
    """One row to make. user: whose it is. users, values: column -> user, value.

    parents: the user whose parents it has. turn: which of that user's, where there are several.
    """

    user: str
    parents: str
    turn: int
    users: Mapping[str, str]
    values: Mapping[str, str]


def plan_rows(
    table: MadeTable,
    users: Sequence[str],
    values: Mapping[str, Sequence[str]],
    compared: Sequence[str],
    *,
    spare: int = 0,
    turns: int = PARENTS,
) -> Iterator[RowPlan]:
    """Yield the rows: for each user in each state; then in the last state with the next one's parents, and in the first
    with those of the one after.

    values: column name -> the literals that policies compare it with. compared: columns that policies compare with the user.
    turns: of the outsider's parents, those under which rows are made.
    spare: more rows of the outsider, in which the users can be members in one state each.
    """
    columns = [name for name in dict.fromkeys((*table.own_users, *compared)) if name in table.columns]
    keyed = {name for one in table.references for name in one.columns} | set(columns)
    states: list[Mapping[str, str]] = list(states_of(table, values, keyed))
    if columns and not table.parents and is_rights(table, states):
        yield from plan_rights(users, columns, states)
        return
    for turn in range(turns if table.parents else 1):
        for state in states if turn == 0 else states[:1]:
            for user in users if turn < PARENTS else users[-1:]:
                yield RowPlan(user=user, parents=user, turn=turn, users=dict.fromkeys(columns, user), values=state)
    for _ in range(spare):
        outsider = users[-1]
        yield RowPlan(user=outsider, parents=outsider, turn=0, users=dict.fromkeys(columns, outsider), values=states[0])
    if is_membership(table, columns, states):
        yield from plan_members(users, columns, states)
    if not table.parents or not columns:
        return
    for place, user in enumerate(users):
        for step, state in ((1, states[-1]), (2, states[0])):
            if place + step < len(users):
                yield RowPlan(user=user, parents=users[place + step], turn=0, users=dict.fromkeys(columns, user), values=state)


def is_membership(table: MadeTable, columns: Sequence[str], states: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a table has one row a user and parent, which says what the user is there: a role, a status."""
    keyed = [name for one in table.parents for name in one.columns]
    is_one = any(table.columns[name].is_unique for name in columns) and any(table.columns[name].is_unique for name in keyed)
    return is_one and len(states) > 1


def plan_members(users: Sequence[str], columns: Sequence[str], states: Sequence[Mapping[str, str]]) -> Iterator[RowPlan]:
    """Yield rows by which each user but the outsider is a member of the outsider's parents, in each state of one of them."""
    for turn in range(1, len(states) + 1):
        for place, user in enumerate(users[:-1]):
            state = states[(turn + place) % len(states)]
            yield RowPlan(user=user, parents=users[-1], turn=turn, users=dict.fromkeys(columns, user), values=state)


def count_states(table: MadeTable, values: Mapping[str, Sequence[str]], compared: Sequence[str]) -> int:
    """Return in how many states a user may be a member in a table; 0 for a table that is no membership."""
    columns = [name for name in dict.fromkeys((*table.own_users, *compared)) if name in table.columns]
    keyed = {name for one in table.references for name in one.columns} | set(columns)
    states = list(states_of(table, values, keyed))
    return len(states) if table.parents and is_membership(table, columns, states) else 0


def is_rights(table: MadeTable, states: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a table says what its users may do everywhere: a role, a plan, a flag such as is_admin."""
    return any(RIGHTS.search(name) for state in states for name in state) or bool(RIGHTS.search(table.name.rpartition(".")[2]))


def plan_rights(users: Sequence[str], columns: Sequence[str], states: Sequence[Mapping[str, str]]) -> Iterator[RowPlan]:
    """Yield rows that give the first user each right and the outsider the last one, so that the second stays without."""
    for user, given in ((users[0], states), (users[-1], states[-1:])):
        for state in given:
            yield RowPlan(user=user, parents=user, turn=0, users=dict.fromkeys(columns, user), values=state)


def states_of(table: MadeTable, values: Mapping[str, Sequence[str]], keyed: set[str]) -> Iterator[dict[str, str]]:
    """Yield the combinations of values that policies ask a row's columns for."""
    asked: dict[str, list[str]] = {}
    for name, column in table.columns.items():
        if name not in keyed and name in values and not column.is_generated:
            labels = labels_of(column, values[name], allowed_in(table, name))[:LABELS]
            if labels:
                asked[name] = labels
    for chosen in islice(product(*asked.values()), STATES):
        yield dict(zip(asked, chosen, strict=True))


def allowed_in(table: MadeTable, column: str) -> list[str]:
    """Return the texts that a check constraint lists for a column alone; none where no check does."""
    listed = [one.condition for one in table.checks.values() if one.columns == (column,) and re.search(r"ANY|=", one.condition)]
    return [text for condition in listed for text in LITERAL.findall(condition)]


def labels_of(column: MadeColumn, said: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the values of a column that policies ask for, and one that they don't. allowed: by a check; empty for any."""
    if column.category == "B":
        return ["true", "false"]
    if column.category == "D" and column.base_type != "interval":
        return ["2099-01-01", "2000-01-01"]
    if column.labels:
        return list(dict.fromkeys([*(one for one in said if one in column.labels), *column.labels]))
    if column.category == "S" and allowed:
        return list(dict.fromkeys([*(one for one in said if one in allowed), *allowed]))
    if column.category == "S" and said:
        return [*dict.fromkeys([*said[: LABELS - 1], "other"])]
    return []
