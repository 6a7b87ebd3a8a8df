"""An unknown project's database, observed on the embedded server: what `make init` writes its expectations from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lib.clients.postgres.rls.catalogue import read_access
from lib.clients.postgres.rls.platform_rows import MADE_TABLES
from lib.clients.postgres.rls.probe import Prepare
from lib.clients.supabase.migration_files import MigrationSet
from lib.clients.supabase.rehearsal_rows import add_rows, rows_of_text
from lib.core.errors import TargetError
from lib.core.wording import format_count
from lib.onboarding.applied import FILE_TIMEOUT_S, AppliedProject, open_project
from lib.onboarding.calling import find_calls
from lib.onboarding.draft import Draft, Key
from lib.onboarding.explicit import list_rows
from lib.onboarding.exposed import find_findings, problem_sentences
from lib.onboarding.identities import identities_of
from lib.onboarding.made_rows import RowMaker
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.scenery import open_maker, read_scenery
from lib.onboarding.structural import suggest
from lib.onboarding.trying import forget_invalid, judge, observe, skip_empty, start_draft, try_draft
from lib.transport.database import Database, read_query

ROWS_FILE = "launch/rows.sql"
"""What the made rows are called in messages: where they will be kept in the project."""

ROW_ROUNDS = 2
"""Times that rows are made: the first may show that other tables lack some, too."""

CONFIRMATIONS = 6
"""Times that the matrix is tried again, with other words for the cells that did not pass, or without them."""

RUN_TIMEOUT_S = 10.0
"""Seconds that the section rls allows one statement, as the defaults of params do."""

Emit = Callable[[str], None]


def observe_database(pack: Path, *, emit: Emit) -> ObservedDatabase:
    """Return what a project's database is and does, tried on an embedded server that is gone afterwards.

    pack: the project's checkout, which is only read. emit: told what is being done, a short line each.
    What can't be applied or tried is a sentence in `problems`, beside all that could be.
    Raises WorkbookError when the embedded server can't be started or does not answer.
    """
    with open_project(pack, emit=emit) as applied:
        return observe_applied(applied, pack, emit=emit)


def observe_applied(applied: AppliedProject, pack: Path, *, emit: Emit) -> ObservedDatabase:
    """Return what is observed of a database to which the project was applied."""
    database = applied.database
    scenery = read_scenery(applied, pack)
    identities = identities_of(scenery.people, scenery.roles)
    access = read_access(database, scenery.exposed, [str(one["role"]) for one in identities.values()])
    draft = start_draft(
        scenery.book,
        schemas=scenery.exposed,
        identities=identities,
        tables=scenery.tables,
        access=access,
        suggest=lambda name, has_user: suggest(name, scenery.catalogue, scenery.user_columns, has_user=has_user),
    )
    forget_invalid(draft, database)
    maker = open_maker(scenery, applied)
    unrecognised, left_out = find_matrix(draft, maker, applied, emit=emit)
    draft.shorten_names()
    section = draft.section([name for name in draft.tables if name not in draft.lost], timeout_s=RUN_TIMEOUT_S)
    unmade = {name: why for name, why in maker.problems.items() if name in draft.tables and not maker.made.get(name)}
    called = find_calls(applied.again.launcher, section, prepare_on(applied.again.launcher, maker), emit=emit)
    roles = [
        f"The policies name the role {role}, which can't be acted as here, so it was not tried." for role in scenery.untried_roles
    ]
    return ObservedDatabase(
        exposed_schemas=scenery.exposed,
        owned_schemas=scenery.owned,
        seed_counts=count_rows(database, scenery.owned) if applied.has_seed else {},
        seed_problem=applied.seed_problem,
        identities=identities,
        scopes=section.scopes,
        matrix={
            table: {role: {str(verb): word for verb, word in verbs.items()} for role, verbs in rows.items()}
            for table, rows in section.matrix.items()
        },
        columns=draft.partial_columns(),
        functions=called.words,
        function_notes=called.notes,
        unrecognised=frozenset(unrecognised),
        rehearsal_rows=maker.text,
        rollbacks_from=find_rollbacks_from(applied.migrations),
        problems=tuple(dict.fromkeys([*applied.problems, *roles, *called.problems, *problem_sentences(draft, left_out, unmade)])),
        findings=find_findings(applied, pack, scenery, draft, unrecognised=unrecognised, called=called),
    )


def find_matrix(draft: Draft, maker: RowMaker, applied: AppliedProject, *, emit: Emit) -> tuple[list[Key], list[tuple[Key, str]]]:
    """Find every cell of the matrix; return the cells told as explicit rows, and those left out, with the reason.

    The draft's words are then what was observed, and the maker has the rows that it took.
    """
    database, again = applied.database, applied.again.launcher
    skip_empty(draft, database)
    try_draft(draft, database, None, emit=emit)
    if applied.is_once:
        draft.proved = {name for name in draft.tables if draft.is_settled(name)}
    for _ in range(ROW_ROUNDS):
        lacking = [name for name in dict.fromkeys(table for table, *_ in draft.unclear) if name not in maker.made]
        before = len(maker.steps)
        if lacking:
            emit(f"making rows for {format_count(len(lacking), 'table')}")
            add_rows_to(applied, maker, lacking)
        if len(maker.steps) == before:
            break
        draft.reopen()
        draft.unclear.clear()
        forget_invalid(draft, again, prepare_on(again, maker))
        try_draft(draft, again, prepare_on(again, maker), emit=emit)
        draft.proved = {name for name in draft.tables if draft.is_settled(name)}
    # The rows of the platform's tables are made for each trial, so none of them could be named.
    nameless = [key for key in draft.refuted if key[0] in MADE_TABLES]
    named = [key for key in draft.refuted if key not in nameless]
    listed = list(list_rows(draft, database, prepare_on(database, maker), named))
    unrecognised = [key for key, why in listed if not why]
    left_out = [(key, f"no rule explains it, and {why}") for key, why in listed if why]
    left_out += [(key, f"no rule explains it: {draft.refuted[key]}") for key in nameless]
    return confirm(draft, again, prepare_on(again, maker), unrecognised, left_out)


def add_rows_to(applied: AppliedProject, maker: RowMaker, lacking: Sequence[str]) -> None:
    """Make rows for the tables that lack them, and undo them; the maker keeps what goes in again on both databases."""
    with applied.database.connect() as connection:
        maker.make(connection, lacking)
        connection.rollback()
    for place in [applied.twin] if applied.is_once else [applied.twin, applied.again]:
        with place.launcher.connect() as connection:
            maker.make(connection, [])
            connection.rollback()


def prepare_on(database: Database, maker: RowMaker) -> Prepare | None:
    """Return what adds the made rows inside a trial on a database, None where none were made."""
    if not maker.steps:
        return None
    return partial(add_rows, file=rows_of_text(maker.text, path=ROWS_FILE), database=database, timeout_s=FILE_TIMEOUT_S)


def confirm(
    draft: Draft, database: Database, prepare: Prepare | None, unrecognised: list[Key], left_out: list[tuple[Key, str]]
) -> tuple[list[Key], list[tuple[Key, str]]]:
    """Try what is not proved yet once more as the task rls will, and leave out the cells that do not pass.

    database: the project applied a second time, so that what is other in every run is not taken for an expectation.
    """
    for key, _ in left_out:
        draft.words.pop(key, None)
    names = [name for name in draft.tables if name not in draft.lost and name not in draft.proved]
    for _ in range(CONFIRMATIONS):
        draft.unclear.clear()
        draft.refuted.clear()
        is_changed = [judge(draft, cell) for cell in observe(draft, database, prepare, names)]
        failed = [*draft.unclear.items(), *draft.refuted.items()]
        names = list(dict.fromkeys(key[0] for key, _ in failed))
        if not failed:
            break
        if not any(is_changed):
            # What was refuted goes first: without its scopes the rest of a table may be told apart.
            unclear = [(key, why) for key, why in failed if draft.words[key] not in ("allow", "deny")]
            worst = list(draft.refuted.items()) or unclear or failed
            for key, _ in worst:
                draft.words.pop(key, None)
            left_out = [*left_out, *worst]
    return [key for key in unrecognised if key in draft.words], left_out


def count_rows(database: Database, schemas: Sequence[str]) -> dict[str, int]:
    """Return how many rows each table of the project, and of auth, holds, of those that hold any."""
    names = [row["name"] for row in database.rows(read_query(__package__, "counted_tables"), schemas=sorted({*schemas, "auth"}))]
    asked = " union all ".join(f"select {number} as number, count(*) as rows from {name}" for number, name in enumerate(names))
    try:
        counted = database.rows(asked.replace(":", "\\:")) if asked else []
    except TargetError:
        return {}
    return {names[row["number"]]: row["rows"] for row in counted if row["rows"]}


def find_rollbacks_from(migrations: MigrationSet) -> str:
    """Return the first version from which on each migration has a rollback; '' when each has one.

    That is one more than the newest version without: no older migration needs a rollback then.
    """
    lacking = [file.version for file in migrations.files if file.name not in migrations.rollbacks]
    if not lacking:
        return ""
    newest = max(lacking, key=int)
    return str(int(newest) + 1).zfill(len(newest))
