"""Tries the functions that API roles may call: each as each identity, with several arguments, all of it rolled back.

Three things are seen of a call. What it answers is searched for values of rows that the identity may not read. What it changes
is compared with what the matrix gives the identity. And its answer is compared with that of the same call where rows that the
identity may not read are gone: a count, or a single letter, reveals as much as a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lib.clients.postgres.rls.answers import Answer, Seen, hidden_tokens, is_dependent, tokens_of, wrong_changes
from lib.clients.postgres.rls.arguments import Arguments, SampleRow, make_arguments
from lib.clients.postgres.rls.attempt import claims_of
from lib.clients.postgres.rls.catalogue import read_tables, resolve_tables
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.clients.postgres.rls.functions import ExposedFunction, read_functions, read_held_roles, resolve_functions
from lib.clients.postgres.rls.platform_rows import MADE_TABLES
from lib.clients.postgres.rls.probe import Prepare, check_connection, rolled_back, with_platform_rows
from lib.clients.postgres.rls.reach import USERS, Reach, find_reaches, read_parts, read_samples
from lib.transport.database import Database, quote_name, read_query

CALLS_AT_ONCE = 60
"""Calls in one statement: they share the statement's timeout."""

ANSWER_LIMIT = 20_000
"""Characters of one row of an answer that are looked at."""

ROWS_LIMIT = 300
"""Rows of one answer that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call. claims: of the request, as text. quiet: with triggers and foreign keys off."""

    function: ExposedFunction
    arguments: Arguments
    role: str
    claims: str
    quiet: bool = False

    def as_json(self) -> dict[str, object]:
        given = f"{self.function.sql}({', '.join(self.arguments)})"
        if self.function.kind == "procedure":
            act = f"call {given}"
        elif self.function.is_silent:
            act = f"select {given}"
        else:
            act = (
                "select coalesce(array_agg(coalesce(one.said, 'null')), '{}') from "
                f"(select left(to_jsonb({given})::text, {ANSWER_LIMIT}) as said limit {ROWS_LIMIT}) as one"
            )
        return {
            "act": act,
            "reads": not self.function.is_silent,
            "role": self.role,
            "claims": self.claims,
            "path": f"{quote_name(self.function.schema)}, public, extensions",
            "quiet": self.quiet,
        }


@dataclass(kw_only=True)
class Caller:
    """One identity that calls functions. reaches: its tables; samples: rows to take arguments from."""

    name: str
    identity: Identity
    reaches: Sequence[Reach]
    samples: Sequence[SampleRow]
    others: Sequence[str]
    may_quieten: bool
    seen: dict[str, Seen] = field(default_factory=dict)


def observe_functions(database: Database, rls: Rls, *, prepare: Prepare | None = None) -> dict[tuple[str, str], Seen]:
    """Return what each identity under policies can do by calling each exposed function that it may execute.

    By the function's name as the catalogue spells it, and the identity's. Identities that bypass policies are left out.
    prepare: adds rows inside the transaction that is rolled back. Never call it on a live database: functions are really run.
    Raises TargetError when policies apply to the connected user, or it can't act as the roles.
    """
    held = read_held_roles(database, [one.role for one in rls.identities.values()])
    functions = [one for one in read_functions(database, rls.schemas, held) if one.roles]
    if not functions:
        return {}
    given = {
        one.display_name: rls.function_arguments.get(name, [])
        for name, one in resolve_functions(rls.functions, functions).items()
    }
    found = resolve_tables(rls.matrix, read_tables(database, rls.schemas, rls.matrix))
    seen: dict[tuple[str, str], Seen] = {}
    platform = [table.display_name for table in found.values() if table.display_name in MADE_TABLES]
    adds = with_platform_rows(database, rls, platform, prepare) if platform else prepare
    with rolled_back(database, statement_timeout_s=rls.statement_timeout_s, prepare=adds) as connection:
        may_quieten = check_connection(connection, database, rls.identities)
        connection.execute(read_query(__package__, "install_calls"))
        parts = read_parts(connection, [*(table.display_name for table in found.values()), USERS])
        for who, identity in rls.identities.items():
            mine = [one for one in functions if identity.role in one.roles]
            if identity.role not in held or not mine:
                continue
            reaches = find_reaches(database, rls, found, identity, parts)
            samples = list(read_samples(connection, reaches))
            hidden = {sample.table for sample, is_inside in samples if not is_inside}
            others = [one.sub for one in rls.identities.values() if one.sub is not None and one.sub != identity.sub]
            caller = Caller(
                name=who,
                identity=identity,
                reaches=reaches,
                samples=[sample for sample, _ in samples],
                others=others,
                may_quieten=may_quieten,
            )
            for name, one in call_all(connection, caller, mine, given).items():
                blind = blind_tables(functions, name, reaches, hidden)
                seen[name, who] = replace(one, blind=blind)
    return seen


def blind_tables(functions: Sequence[ExposedFunction], name: str, reaches: Sequence[Reach], hidden: set[str]) -> tuple[str, ...]:
    """Return the tables that a function names and that have no row which its caller may not read, so that none can be shown."""
    function = next(one for one in functions if one.display_name == name)
    return tuple(
        one.table.display_name
        for one in reaches
        if not one.shows_all and one.name != USERS and one.table.display_name not in hidden and function.mentions(one.table.name)
    )


def call_all(
    connection: psycopg.Connection[DictRow],
    caller: Caller,
    functions: Sequence[ExposedFunction],
    given: Mapping[str, Sequence[Sequence[str]]],
) -> dict[str, Seen]:
    """Call every function as one identity and return what was seen of each, by name."""
    calls = [
        Call(function=one, arguments=arguments, role=caller.identity.role, claims=claims_of(caller.identity))
        for one in functions
        for arguments in dict.fromkeys([
            *(tuple(said) for said in given.get(one.display_name, ())),
            *make_arguments(one, caller.samples, me=caller.identity.sub, others=caller.others),
        ])
    ]  # fmt: skip
    answers = run_calls(connection, calls, caller.reaches)
    shown = find_shown(connection, caller, answers)
    leaning = find_leaning(connection, caller, answers) if caller.may_quieten else {}
    changed = find_changes(connection, caller, answers)
    return {
        one.display_name: Seen.of(
            [answer for call, answer in answers.items() if call.function is one],
            shown=[said for call, said in shown.items() if call.function is one],
            leaning=[name for call, names in leaning.items() if call.function is one for name in names],
            changed=[said for call, found in changed.items() if call.function is one for said in found],
        )
        for one in functions
    }


def run_calls(connection: psycopg.Connection[DictRow], calls: Sequence[Call], reaches: Sequence[Reach]) -> dict[Call, Answer]:
    """Run calls and return each one's answer; one that takes longer than a statement may is an answer, too."""
    places = Jsonb([one.place_json() for one in reaches])
    answers: dict[Call, Answer] = {}
    for begin in range(0, len(calls), CALLS_AT_ONCE):
        answers |= run_batch(connection, calls[begin : begin + CALLS_AT_ONCE], places)
    return answers


def run_batch(connection: psycopg.Connection[DictRow], calls: Sequence[Call], places: Jsonb) -> dict[Call, Answer]:
    """Run a batch in one statement; when it takes too long, function by function; one whose first call does so is given up."""
    try:
        with connection.transaction():
            rows = connection.execute(
                "select * from pg_temp.launch_calls(%s, %s) order by number", [Jsonb([one.as_json() for one in calls]), places]
            ).fetchall()
    except psycopg.errors.QueryCanceled as exc:
        names = dict.fromkeys(one.function.display_name for one in calls)
        if len(calls) == 1:
            return {calls[0]: Answer(phase="act", code=exc.sqlstate, message=str(exc.diag.message_primary or exc))}
        if len(names) == 1:
            first = run_batch(connection, calls[:1], places)
            is_slow = first[calls[0]].code == exc.sqlstate
            return dict.fromkeys(calls, first[calls[0]]) if is_slow else first | run_batch(connection, calls[1:], places)
        answers: dict[Call, Answer] = {}
        for name in names:
            answers |= run_batch(connection, [one for one in calls if one.function.display_name == name], places)
        return answers
    return {call: answer_of(row) for call, row in zip(calls, rows, strict=True)}


def answer_of(row: Mapping[str, Any]) -> Answer:
    return Answer(
        phase=row["phase"], code=row["code"], message=row["message"] or "", output=tuple(row["output"]), changes=row["changes"]
    )


def find_shown(connection: psycopg.Connection[DictRow], caller: Caller, answers: Mapping[Call, Answer]) -> dict[Call, str]:
    """Return, of each call whose answer holds values of rows that the identity may not read, one such row, as a phrase."""
    known = tokens_of([claims_of(caller.identity)])
    found = {
        call: tokens_of(answer.output) - known - tokens_of(call.arguments, within=True)
        for call, answer in answers.items()
        if answer.is_done
    }
    wanted = sorted(set().union(*found.values())) if found else []
    rows = [
        {"table": one.table.display_name, **row}
        for one in caller.reaches
        for row in (connection.execute(one.search().encode(), [wanted]).fetchall() if wanted else [])
    ]
    hidden = hidden_tokens(rows)
    shown = {call: sorted(hidden[token] for token in tokens if token in hidden) for call, tokens in found.items()}
    return {call: said[0] for call, said in shown.items() if said}


def find_leaning(
    connection: psycopg.Connection[DictRow], caller: Caller, answers: Mapping[Call, Answer]
) -> dict[Call, tuple[str, ...]]:
    """Return, of each definer call whose answer is another without the rows that the identity may not read, the tables of these.

    A call that gives another answer each time says nothing, so each that differs is made once more as it was.
    """
    asked = [
        call for call, answer in answers.items() if call.function.is_definer and not call.function.is_silent and answer.is_done
    ]
    closed = [one for one in caller.reaches if not one.shows_all]
    if not asked or not closed:
        return {}
    without = run_without(connection, asked, closed)
    differing = [call for call in asked if is_dependent(answers[call], without[call])]
    again = run_calls(connection, differing, ()) if differing else {}
    steady = [call for call in differing if again[call].output == answers[call].output]
    names: dict[Call, list[str]] = {call: [] for call in steady}
    for one in closed if steady else ():
        alone = run_without(connection, steady, [one])
        for call in steady:
            if is_dependent(answers[call], alone[call]):
                names[call].append(one.table.display_name)
    return {call: tuple(found) or ("several tables",) for call, found in names.items()}


def run_without(connection: psycopg.Connection[DictRow], calls: Sequence[Call], reaches: Sequence[Reach]) -> dict[Call, Answer]:
    """Run calls where the rows that the identity may not read are gone; they are back afterwards."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local session_replication_role = replica")
        for one in reaches:
            connection.execute(one.removal().encode())
        connection.execute("set local session_replication_role = origin")
        return run_calls(connection, calls, ())


def find_changes(
    connection: psycopg.Connection[DictRow], caller: Caller, answers: Mapping[Call, Answer]
) -> dict[Call, tuple[str, ...]]:
    """Return what each call changed beyond the matrix, as phrases; what a table's own triggers do is not the function's doing."""
    found = {call: wrong_changes(answer.changes) for call, answer in answers.items() if answer.is_done}
    wrong = {call: changes for call, changes in found.items() if changes}
    if not caller.may_quieten or not wrong:
        return {call: tuple(changes.values()) for call, changes in wrong.items()}
    quiet = run_calls(connection, [replace(call, quiet=True) for call in wrong], caller.reaches)
    kept = {}
    for call, changes in wrong.items():
        answer = quiet[replace(call, quiet=True)]
        own = wrong_changes(answer.changes) if answer.is_done else changes
        kept[call] = tuple(said for key, said in changes.items() if key in own)
    return {call: said for call, said in kept.items() if said}
