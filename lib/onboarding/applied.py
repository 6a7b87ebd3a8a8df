"""A project's migrations and seed, applied to a throw-away database of the embedded server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from lib.clients.postgres.dumps import LEFT_OUT_SCHEMAS, PLATFORM_SCHEMAS
from lib.clients.postgres.twin import Twin, make_twin
from lib.clients.supabase.migration_files import MigrationFile, MigrationSet, find_migrations
from lib.clients.supabase.project_config import CONFIG, read_declared_major, read_exposes_tables
from lib.clients.supabase.seed_files import find_seed_files, lacks_seed, load_seed
from lib.core.errors import TargetError, WorkbookError
from lib.core.paths import ROOT
from lib.core.run_mark import marked
from lib.core.wording import format_count, plain_text
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.postgres.versions import choose_major
from lib.embedded.state_folders import state_base
from lib.embedded.strays import end_strays
from lib.run.stack import TOOLS, new_run_id
from lib.tasks.migrations.apply import ApplyFailure, apply_file
from lib.transport.database import Database, read_query

FILE_TIMEOUT_S = 60.0
"""Seconds for one statement of a migration, or for the seed; what public projects have takes a few."""

AGAIN_WITHIN_S = 12.0
"""Seconds that the first time may take for the project to be applied a second time; else its files say what lasts."""

NOT_AVAILABLE = "0A000"
"""SQLSTATE of `create extension` for one that the server does not have."""

UNDEFINED = frozenset({"42P01", "42883", "42704", "3F000"})
"""SQLSTATEs of a table, function, type or schema that does not exist."""

PLATFORM_THING = re.compile(r'\b(?:relation|function|type|schema) "?([a-z_]+(?:\.\w+)?)"?.* does not exist')
"""What the server says of one, with its name."""

NO_MIGRATIONS = MigrationSet(files=(), unfit=(), rollbacks={})

Emit = Callable[[str], None]


@dataclass(kw_only=True)
class AppliedProject:
    """The database with what could be applied; problems says what could not.

    again: the project applied a second time, to a database of its own: what differs there differs in every run. The same
    database where the first time left no rows, or took too long. has_seed: whether a seed ran that is not blank.
    said: the project's SQL, where it had rows and was applied once: a key that it spells is the same in every run.
    """

    twin: Twin
    again: Twin
    migrations: MigrationSet
    problems: list[str] = field(default_factory=list)
    has_seed: bool = False
    seed_problem: str = ""
    said: str | None = None

    @property
    def is_once(self) -> bool:
        """Whether the project was applied to one database alone."""
        return self.again is self.twin

    def lasts(self, key: str) -> bool:
        """Return whether a key that both databases have is the same in every run: counted, or spelled in the project's SQL."""
        return self.said is None or key.isdigit() or key in self.said

    @property
    def database(self) -> Database:
        """The database as the role that owns a hosted project."""
        return self.twin.launcher


@contextmanager
def open_project(pack: Path, *, emit: Emit) -> Iterator[AppliedProject]:
    """Yield the project's database on an embedded server of its major version; both are gone afterwards.

    Raises WorkbookError when the embedded server can't be started.
    """
    run_id = f"init-{new_run_id(datetime.now(UTC))}"
    problems: list[str] = []
    with ExitStack() as standing:
        state = state_base(ROOT) / run_id
        standing.enter_context(marked(run_id))
        standing.callback(end_strays, run_id)
        major = choose_version(pack, problems)
        emit(f"starting PostgreSQL {major}")
        exposes = read_exposes_tables(pack)
        server = start_postgres(state, tools=TOOLS, major=major, auto_expose_new_tables=exposes, in_memory=True)
        standing.callback(server.stop)
        work = state / "work"
        work.mkdir(mode=0o700)
        applied = standing.enter_context(open_on(server, server.database(), pack, work=work, emit=emit))
        applied.problems[:0] = problems
        yield applied


@contextmanager
def open_on(
    server: EmbeddedPostgres, like: Database, pack: Path, *, work: Path, emit: Emit, twice: bool = True
) -> Iterator[AppliedProject]:
    """Yield the project's database on a server that runs already; it is dropped afterwards.

    like: a hosted database of the server, whose default privileges it gets. work: a folder of its own.
    twice: whether the project is applied a second time, beside the first, where it may differ there.
    """
    problems: list[str] = []
    with ExitStack() as standing:
        migrations = read_migrations(pack, problems)
        began_s = time.monotonic()
        twin = standing.enter_context(open_empty(server, like, work))
        applied = apply_project(AppliedProject(twin=twin, again=twin, migrations=migrations, problems=problems), pack, emit)
        took_s = time.monotonic() - began_s
        if twice and holds_rows(applied.database):
            if took_s < AGAIN_WITHIN_S:
                second = standing.enter_context(open_empty(server, like, work))
                other = apply_project(AppliedProject(twin=second, again=second, migrations=migrations), pack, silent)
                # Roles are the server's, not the database's: a file that makes one may fail the second time.
                if set(other.problems) <= set(problems) and other.seed_problem == applied.seed_problem:
                    applied.again = second
            applied.said = read_said(migrations, pack) if applied.is_once else None
        yield applied


def apply_project(applied: AppliedProject, pack: Path, emit: Emit) -> AppliedProject:
    """Apply the project's migrations, then its seed, and return what came of it."""
    apply_all(applied, emit=emit)
    seed(applied, pack, emit=emit)
    return applied


def holds_rows(database: Database) -> bool:
    """Return whether the project left any row: without one, nothing differs the next time."""
    schemas = sorted({*PLATFORM_SCHEMAS, *LEFT_OUT_SCHEMAS, "supabase_migrations", "pg_catalog", "information_schema"})
    return bool(database.rows(read_query(__package__, "filled_tables"), platform=schemas))


def read_said(migrations: MigrationSet, pack: Path) -> str:
    """Return the text of the project's migrations and seeds."""
    try:
        seeds = [file.text for file in find_seed_files(pack)]
    except TargetError:
        seeds = []
    return "\n".join([*(file.text for file in migrations.files), *seeds])


def silent(_: str) -> None:
    """Tell nobody what is being done a second time."""


def choose_version(pack: Path, problems: list[str]) -> int:
    """Return the major version to start; one that can't be started is a problem, and the nearest is taken."""
    declared, config = read_declared_major(pack), Path(CONFIG)
    try:
        return choose_major(live=None, declared=declared, is_live=False, config=config).major
    except WorkbookError as exc:
        problems.append(exc.message)
        return choose_major(live=None, declared=declared, is_live=True, config=config).major


@contextmanager
def open_empty(server: EmbeddedPostgres, like: Database, work: Path) -> Iterator[Twin]:
    """Yield a fresh hosted database of the server, on which a project's SQL runs as the launch, never as a superuser."""
    scratch = server.database(role="supabase_admin")
    with make_twin(
        like, scratch, schemas=[], postgres_bin=server.bin_dir, work=work, timeout_s=FILE_TIMEOUT_S, empty=True
    ) as twin:
        yield twin


def read_migrations(pack: Path, problems: list[str]) -> MigrationSet:
    """Return the project's migrations; none, with a problem, when they can't be read."""
    try:
        found = find_migrations(pack)
    except TargetError as exc:
        problems.append(exc.message)
        return NO_MIGRATIONS
    if not found.files:
        problems.append("supabase/migrations holds no migration, so there is nothing to observe.")
    problems += [f"supabase/migrations/{name}: the CLI skips a file of this name." for name in found.unfit]
    return found


def apply_all(applied: AppliedProject, *, emit: Emit) -> None:
    """Apply every migration in order, as the CLI would, until one fails; an extension that is missing here is left out."""
    emit(f"applying {format_count(len(applied.migrations.files), 'migration')}")
    for number, file in enumerate(applied.migrations.files):
        failure = apply_one(applied, file)
        if failure:
            left = len(applied.migrations.files) - number - 1
            after = f" {format_count(left, 'later migration was', 'later migrations were')} not applied." if left else ""
            applied.problems.append(f"{failure}.{after}")
            return


def apply_one(applied: AppliedProject, file: MigrationFile) -> str:
    """Apply one file, without what needs an extension or object of the platform that is missing here; return why it failed."""
    missing: set[str] = set()
    while True:
        try:
            failure = apply_file(applied.twin, file)
        except TargetError as exc:
            return plain_text(exc.message).rstrip(".")
        if failure is None:
            return ""
        extension = missing_extension(failure, file)
        thing = extension or missing_thing(failure)
        left = file.statements[failure.index].text if failure.index < len(file.statements) else ""
        if not thing or extension in missing or not left.strip():
            return f"{failure.file}, line {failure.line}: {plain_text(failure.said).rstrip('.')}"
        lacked = f"has no extension {extension}" if extension else f"lacks {thing}"
        if not any(f"platform {lacked}, so" in said for said in applied.problems):
            applied.problems.append(
                f"{file.name}, line {failure.line}: the embedded platform {lacked}, so what is made with it was not observed."
            )
        missing |= {extension} - {""}
        file = replace(file, text=without_statement(file, failure.index))


def missing_thing(failure: ApplyFailure) -> str:
    """Return the table, function or type of the platform that a file failed for, because it is not here; '' otherwise."""
    named = PLATFORM_THING.search(failure.said) if failure.sqlstate in UNDEFINED else None
    return named[1] if named and named[1].partition(".")[0] in {*PLATFORM_SCHEMAS, *LEFT_OUT_SCHEMAS} else ""


def missing_extension(failure: ApplyFailure, file: MigrationFile) -> str:
    """Return the extension that a file failed for, because this server does not have it; '' when it failed otherwise."""
    words = file.statements[failure.index].words if failure.index < len(file.statements) else ()
    named = re.search(r'extension "?([\w-]+)"? is not available', failure.said)
    return named.group(1) if failure.sqlstate == NOT_AVAILABLE and words[:2] == ("create", "extension") and named else ""


def without_statement(file: MigrationFile, index: int) -> str:
    """Return a file's text with one statement blanked, every other one at its line."""
    statement = file.statements[index]
    at = 0
    for one in file.statements[: index + 1]:
        at = file.text.index(one.text, at)
        at += len(one.text) if one.index < index else 0
    blank = re.sub(r"[^\n]", " ", statement.text)
    return file.text[:at] + blank + file.text[at + len(statement.text) :]


def seed(applied: AppliedProject, pack: Path, *, emit: Emit) -> None:
    """Apply the project's seed, if it has one that is not blank."""
    try:
        if lacks_seed(pack) or not any(file.text.strip() for file in find_seed_files(pack)):
            return
    except TargetError as exc:
        applied.seed_problem = exc.message.rstrip(".")
        return
    emit("applying the seed")
    applied.seed_problem = load_seed(applied.twin, pack, timeout_s=FILE_TIMEOUT_S)
    applied.has_seed = not applied.seed_problem
