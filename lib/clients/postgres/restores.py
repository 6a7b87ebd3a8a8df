"""Restores a dump into a fresh scratch database that looks like a new hosted project.

The pack's schemas and the migration history are restored completely. The fresh project already has the
definitions of auth and storage: it gets their rows, and what the pack added to them (triggers, policies).
Everything here may be changed freely: it is never the target.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.chosen_entries import choose_entries, is_reowned, missing_extensions, without_owner
from lib.clients.postgres.copy_progress import telling_copies
from lib.clients.postgres.digests import TableDigest, describe_table, read_tables
from lib.clients.postgres.dumps import (
    LEFT_OUT_SCHEMAS,
    PLATFORM_SCHEMAS,
    Scope,
    TocEntry,
    dump_definitions,
    list_entries,
    time_for,
    timed,
    workers_for,
)
from lib.clients.postgres.launch_role import (
    OWNER,
    RESTORER,
    WORKER,
    let_log_in,
    let_restore,
    log_in_as,
    read_superusers,
    with_own_path,
)
from lib.clients.postgres.set_apart import EXTENSION, is_set_apart, make_set_apart, read_statements
from lib.core.errors import DatabaseError
from lib.transport.database import Database, quote_name, read_query
from lib.transport.process import CommandRun, run_command

TEMPLATE = "hosted_template"
COPY_PREFIX = "restored_copy_"

SECTIONS = ("pre-data", "data", "post-data")

RESTORE_ERROR = re.compile(r"^pg_restore: error: ", re.MULTILINE)
REFUSED_OWNER = re.compile(
    r'^pg_restore: error: could not execute query: ERROR:  must be (?:able to SET ROLE|member of role) "(?P<role>[^"\n]+)"\n'
    r"Command was: ALTER [A-Z ]+ \S.* OWNER TO \S+;$",
    re.MULTILINE,
)
"""How pg_restore says that an object was not given to a role. Source: ERRCODE_INSUFFICIENT_PRIVILEGE of check_can_set_role."""

WITHOUT_TRIGGERS = "-c session_replication_role=replica"
"""For rows only: tables of the fresh project already have their triggers and foreign keys."""


@dataclass(frozen=True, kw_only=True)
class Restore:
    """The outcome of one restore.

    runs: pg_restore's runs, one a section; the last one failed unless all three exist and succeeded.
    reowned: objects that a superuser owns in the source; here none of a project's objects is a superuser's.
    stages: seconds by stage, in order. left_out: entries that can't be created in a fresh project.
    replaced: platform tables that were created as in the source, because their columns differ here.
    """

    runs: tuple[CommandRun, ...]
    stages: dict[str, float]
    left_out: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    roles_made: tuple[str, ...] = field(default=())
    reowned: tuple[str, ...] = ()
    superusers: frozenset[str] = frozenset()

    @property
    def succeeded(self) -> bool:
        return len(self.runs) == len(SECTIONS) and all(is_done(run, self.superusers) for run in self.runs)

    @property
    def duration_s(self) -> float:
        return sum(self.stages.values())


def make_copy(scratch: Database) -> Database:
    """Return a new database that looks like a fresh hosted project, for a restore."""
    name = f"{COPY_PREFIX}{secrets.token_hex(6)}"
    let_log_in(scratch, OWNER)
    with scratch.connect(autocommit=True) as connection:
        connection.execute(
            f"create database {quote_name(name)} template {quote_name(TEMPLATE)} owner postgres strategy file_copy"
        )
    return with_own_path(scratch.named(name))


def as_reader(copy: Database) -> Database:
    """Return a copy as a role that may read and write every row and is no superuser, whatever reading a row may call."""
    return log_in_as(copy, WORKER)


def as_restorer(copy: Database) -> Database:
    """Return a copy as the role that makes its objects, which is no superuser: an archive may carry any SQL."""
    return log_in_as(copy, RESTORER)


def as_owner(copy: Database) -> Database:
    """Return a copy as the role that owns a hosted project."""
    return log_in_as(copy, OWNER)


def drop_copy(scratch: Database, copy: Database) -> None:
    """Remove a copy and end its sessions. Raises DatabaseError for a database that is not a copy."""
    if not copy.name.startswith(COPY_PREFIX):
        raise DatabaseError(f"Database {copy.name} is not a restored copy, so it is not dropped.")
    with scratch.connect(autocommit=True) as connection:
        connection.execute(f"drop database if exists {quote_name(copy.name)} with (force)")


def list_copies(server: Database) -> list[str]:
    """Return the names of all restored copies on a server."""
    rows = server.rows("select datname as name from pg_database where starts_with(datname, :prefix)", prefix=COPY_PREFIX)
    return sorted(row["name"] for row in rows)


def restore_dump(
    dump: Path,
    copy: Database,
    *,
    scope: Scope,
    tables: Sequence[TableDigest],
    roles: Collection[str],
    work: Path,
    programs: Path,
    jobs: int,
    timeout_s: float,
) -> Restore:
    """Restore a dump into a fresh copy; stops after the first section that fails.

    scope, tables, roles: those of the source when it was dumped. jobs: workers of pg_restore, one for small tables.
    timeout_s: the longest one program may take; the larger the tables, the more it is given.
    work: a private folder for the files this needs.
    Raises TargetError when a program can't be started, the dump can't be read, or the copy refuses.
    """
    stages: dict[str, float] = {}
    with timed(stages, "prepare"), copy.connect() as connection:
        roles_made = make_missing_roles(connection, roles)
        replaced = drop_different_tables(connection, tables)
        revoke_grants(connection, scope.own)
        available = {row["name"] for row in connection.execute(read_query(__package__, "dumps/extensions"))}
    with timed(stages, "prepare"):
        let_restore(copy.named("postgres"))
        superusers = read_superusers(copy)
        fresh = list_fresh_entries(copy, work, scope, programs=programs, timeout_s=timeout_s)
        entries = list_entries(dump, (*scope.taken, *LEFT_OUT_SCHEMAS), programs=programs, timeout_s=timeout_s)
        chosen = choose_entries(entries, fresh, available)
        listing = work / f"{copy.name}.list"
        apart = [entry for entry in chosen if is_set_apart(entry, superusers)]
        statements = read_statements(dump, apart, listing, programs=programs, timeout_s=timeout_s)
        first = [one for one in statements if EXTENSION.fullmatch(one)]
        make_set_apart(copy, first)
        made = {unquote(match["schema"]) for one in first if (match := EXTENSION.fullmatch(one))}
        left = [one for one in chosen if one not in apart and not (one.kind == "SCHEMA" and without_owner(one) in made)]
        listing.write_text("\n".join(entry.line for entry in left) + "\n", encoding="utf-8")
    runs: list[CommandRun] = []
    size_bytes = sum(table.size_bytes for table in tables)
    jobs, longest_s = workers_for(jobs, size_bytes), time_for(timeout_s, size_bytes)
    for section in SECTIONS:
        told = telling_copies(as_reader(copy), "restoring rows", tables) if section == "data" else nullcontext()
        with timed(stages, section), told:
            runs.append(restore_section(dump, copy, section, listing, programs=programs, jobs=jobs, timeout_s=longest_s))
        if not is_done(runs[-1], superusers):
            break
    else:
        with timed(stages, "post-data"):
            give_to_owner(copy)
            make_set_apart(copy, [one for one in statements if one not in first])
    return Restore(
        runs=tuple(runs),
        stages=stages,
        left_out=tuple(f"{entry.kind} {entry.name}".strip() for entry in missing_extensions(entries, available)),
        replaced=tuple(replaced),
        roles_made=tuple(roles_made),
        reowned=tuple(f"{one.kind} {one.name}" for one in left if is_reowned(one, superusers)),
        superusers=superusers,
    )


def restore_section(
    dump: Path, copy: Database, section: str, listing: Path, *, programs: Path, jobs: int, timeout_s: float
) -> CommandRun:
    """Run pg_restore for one section of the chosen entries; the exit code says how it ended."""
    argv: list[str | Path] = [programs / "pg_restore", f"--section={section}", f"--jobs={jobs}", "--no-password"]
    argv += [f"--use-list={listing}", f"--dbname={copy.name}", dump]
    environment = as_restorer(copy).libpq_environment
    if section == "data":
        # Rows may call a project's functions: in check constraints, and in triggers that fire always.
        environment = {**as_reader(copy).libpq_environment, "PGOPTIONS": WITHOUT_TRIGGERS}
    return run_command(argv, timeout_s=timeout_s, env=environment)


def make_missing_roles(connection: psycopg.Connection[DictRow], roles: Collection[str]) -> list[str]:
    """Create the source's roles that this server lacks, unable to log in, and return their names."""
    there = {row["name"] for row in connection.execute(read_query(__package__, "dumps/roles"))}
    missing = sorted(set(roles) - there)
    for role in missing:
        connection.execute(f"create role {quote_name(role)} nologin")
    return missing


def drop_different_tables(connection: psycopg.Connection[DictRow], tables: Sequence[TableDigest]) -> list[str]:
    """Drop the fresh project's platform tables whose columns differ from the source's; the dump creates them again."""
    ours = {(table.schema, table.name): table.columns for table in tables if table.schema in PLATFORM_SCHEMAS}
    dropped = []
    for found in map(describe_table, read_tables(connection, PLATFORM_SCHEMAS)):
        wanted = ours.get((found.schema, found.name))
        if wanted is not None and wanted != found.columns:
            connection.execute(f"drop table {quote_name(found.schema, found.name)} cascade")
            dropped.append(found.label)
    return dropped


def revoke_grants(connection: psycopg.Connection[DictRow], schemas: Sequence[str]) -> None:
    """Revoke every grant on the schemas except Postgres's own, so that only those of the dump remain."""
    for question in ("default_privileges", "schema_grants"):
        for row in connection.execute(read_query(__package__, f"dumps/{question}"), {"schemas": list(schemas)}).fetchall():
            connection.execute(row["statement"])


def list_fresh_entries(copy: Database, work: Path, scope: Scope, *, programs: Path, timeout_s: float) -> list[TocEntry]:
    """Return what the fresh copy holds, as a dump of it would list it."""
    file = work / f"{copy.name}.definitions"
    run = dump_definitions(copy, file, programs=programs, timeout_s=timeout_s)
    if run.exit_code != 0:
        raise DatabaseError(f"The fresh copy could not be listed: {last_line(run.stderr)}.", fix="Run again.")
    return list_entries(file, scope.taken, programs=programs, timeout_s=timeout_s)


def is_done(run: CommandRun, superusers: Collection[str]) -> bool:
    """Return whether a section was restored, but for objects that were not given to a superuser."""
    errors = RESTORE_ERROR.findall(run.stderr)
    refused = [match for match in REFUSED_OWNER.finditer(run.stderr) if match["role"] in superusers]
    return run.exit_code == 0 or (0 < len(errors) == len(refused))


def give_to_owner(copy: Database) -> None:
    """Give what nobody was made the owner of to the role that owns a hosted project. Nothing of the project runs."""
    with copy.connect(autocommit=True) as connection:
        connection.execute(f"reassign owned by {quote_name(RESTORER)} to {quote_name(OWNER)}")


def unquote(name: str) -> str:
    """Return a name as it is stored."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def last_line(text: str) -> str:
    """Return the last line that a program printed."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
