"""Cells whose rows no predicate was recognised for, told as an explicit set of rows by their primary keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lib.clients.postgres.rls.attempt import quote_text
from lib.clients.postgres.rls.catalogue import ProbedTable, read_access
from lib.clients.postgres.rls.classify import Observation
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import Prepare, check_connection, observe_trials, open_trials, rolled_back
from lib.clients.postgres.rls.trial import VERBS
from lib.core.errors import DatabaseError
from lib.onboarding.draft import Draft, Key
from lib.onboarding.policies import quote_where_needed
from lib.onboarding.scope_names import free_name
from lib.onboarding.trying import ALONE_TIMEOUT_S
from lib.transport.database import Database

MOST_KEYS = 50
"""Rows that an explicit set may name: more could not be read by a person."""

MOST_ROWS = 200
"""Rows of a table that are told apart one by one."""


def list_rows(draft: Draft, database: Database, prepare: Prepare | None, keys: Sequence[Key]) -> Iterator[tuple[Key, str]]:
    """Yield each cell that was told as an explicit set of rows, and '' or why it could not be.

    The words and scopes of the draft are changed for those that were.
    """
    tables = dict.fromkeys(table for table, *_ in keys)
    for name in tables:
        wanted = [key for key in keys if key[0] == name]
        try:
            found = observe_rows(draft, database, prepare, name)
        except DatabaseError as exc:
            yield from ((key, exc.message) for key in wanted)
            continue
        if isinstance(found, str):
            yield from ((key, found) for key in wanted)
            continue
        for key in wanted:
            yield key, tell(draft, key, *found)


def observe_rows(
    draft: Draft, database: Database, prepare: Prepare | None, name: str
) -> tuple[list[str], Mapping[tuple[str, ...], Observation]] | str:
    """Return the conditions of a table's rows, and what was observed with each row a region of its own; else why not."""
    table = draft.tables[name]
    primary = [column.name for column in table.columns if column.primary]
    if not primary:
        return "it has no primary key to name rows by"
    with rolled_back(database, statement_timeout_s=ALONE_TIMEOUT_S, prepare=prepare) as connection:
        shown = ", ".join(f"quote_literal({quote_where_needed(column)}::text) as key_{n}" for n, column in enumerate(primary))
        rows = connection.execute(f"select {shown} from {table.sql} order by 1 limit {MOST_ROWS + 1}".encode()).fetchall()
        if len(rows) > MOST_ROWS:
            return f"it has more than {MOST_ROWS} rows"
        conditions = [key_condition(primary, row) for row in rows]
        section = section_of(draft, name, conditions)
        may_quieten = check_connection(connection, database, section.identities)
        access = read_access(database, draft.schemas, draft.roles)
        trials = list(open_trials(section, {name: table}, access, VERBS, may_quieten=may_quieten))
        return conditions, observe_trials(connection, trials)


def key_condition(primary: Sequence[str], row: Mapping[str, Any]) -> str:
    """Return the key of one row as SQL: a literal, or a row of them."""
    values = [str(row[f"key_{n}"]) for n in range(len(primary))]
    return values[0] if len(values) == 1 else f"({', '.join(values)})"


def section_of(draft: Draft, name: str, conditions: Sequence[str]) -> Rls:
    """Return a section whose scopes number a table's rows in binary, so that each row is a region."""
    table = draft.tables[name]
    bits = max(len(conditions) - 1, 1).bit_length()
    scopes = {
        f"bit_{bit}": member_of(table, [one for place, one in enumerate(conditions) if place >> bit & 1]) for bit in range(bits)
    }
    return Rls.model_validate(
        {
            "schemas": list(draft.schemas),
            "statement_timeout_s": ALONE_TIMEOUT_S,
            "identities": {one: dict(said) for one, said in draft.identities.items()},
            "scopes": {name: scopes},
            "matrix": {name: {role: dict.fromkeys(VERBS, "allow") for role in draft.roles}},
        }
    )


def member_of(table: ProbedTable, keys: Sequence[str]) -> str:
    """Return the condition that a row has one of these keys."""
    primary = [quote_where_needed(column.name) for column in table.columns if column.primary]
    left = primary[0] if len(primary) == 1 else f"({', '.join(primary)})"
    return f"{left} in ({', '.join(keys)})" if keys else "false"


def tell(draft: Draft, key: Key, conditions: Sequence[str], observed: Mapping[tuple[str, ...], Observation]) -> str:
    """Give one cell an explicit set of rows; return why that is not possible, or ''."""
    table, role, verb = key
    who = {name: one for name, one in draft.identities.items() if one["role"] == role}
    reached: dict[str, list[str]] = {}
    for name in who:
        seen = observed[table, name, verb]
        if seen.problem is not None:
            return seen.problem
        reached[name] = [
            conditions[n] for n in sorted(number(region) for region, (_, touched) in seen.regions.items() if touched)
        ]
    if any(len(rows) > MOST_KEYS for rows in reached.values()):
        return f"it reaches more than {MOST_KEYS} rows"
    predicate = predicate_for(draft, key, who, reached)
    known = draft.scopes.setdefault(table, {})
    name = free_name(f"observed_rows_to_{verb}", predicate, known)
    known[name] = predicate
    draft.words[key] = name
    # The rows must stay these rows, unless the probe shows that they need not.
    draft.waiting[key] = [f"{name} -> allow"] if verb == "update" else []
    return ""


def predicate_for(draft: Draft, key: Key, who: Mapping[str, Mapping[str, object]], reached: Mapping[str, Sequence[str]]) -> str:
    """Return the rows that each identity reached, as one condition."""
    table = draft.tables[key[0]]
    sets = {tuple(rows) for rows in reached.values()}
    if len(sets) == 1:
        return member_of(table, next(iter(sets)))
    parts = [
        f"(:uid = {quote_text(str(who[name]['sub']))} and {member_of(table, rows)})" for name, rows in reached.items() if rows
    ]
    return " or ".join(parts)


def number(region: str) -> int:
    """Return the number that a region spells in binary, its first letter the smallest place."""
    return sum(1 << bit for bit, letter in enumerate(region) if letter == "t")
