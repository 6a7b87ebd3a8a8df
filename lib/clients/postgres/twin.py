"""A twin: a scratch database with the target's schema, where migrations are tried before they reach the target.

The target is only read. A twin is always dropped when its `with` ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from lib.clients.postgres.launch_role import OWNER, WORKER, let_log_in, log_in_as, with_own_path
from lib.clients.postgres.likeness import (
    copy_default_privileges,
    copy_extension_state,
    copy_extensions,
    copy_publications,
    copy_roles,
    copy_settings,
    read_session,
    run_tolerantly,
    spell_setting,
)
from lib.core.errors import CommandError, DatabaseError
from lib.core.redact import redact
from lib.transport.database import Database, quote_name, read_query
from lib.transport.process import run_command

STATEMENT_TIMEOUT_S = 120.0
"""Seconds for one statement on a twin, where nobody says otherwise; the longest of the sample takes 0.1."""

TEMPLATES = {False: "hosted_template", True: "hosted_template_classic"}
"""The scratch server's databases that look like a fresh hosted project: is what is made in public open to the API roles?"""


@dataclass(frozen=True, kw_only=True)
class Twin:
    """One scratch database created like the target.

    database: as the scratch server's superuser; nothing of a project is run, fired or called in its sessions.
    role, search_path: the role that migrations run as, and the initial search path, as on the target; `postgres` where
    that is a superuser there.
    settings: what else a session of that role starts with there.
    missing: objects of the target that could not be created here, one line each.
    timeout_s: the longest that one statement of a project may take.
    superuser: as whom the launch runs on the target when that is a superuser there; '' otherwise.
    reowned: objects of the target that a superuser owned here, as `function public.f()`; they are the launch's now.
    """

    database: Database
    role: str
    search_path: str
    settings: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    timeout_s: float = STATEMENT_TIMEOUT_S
    superuser: str = ""
    reowned: tuple[str, ...] = ()

    @property
    def launcher(self) -> Database:
        """The database as the role of the launch, which logs in itself and is no superuser."""
        return log_in_as(self.database, self.role)

    @property
    def worker(self) -> Database:
        """The database as the role that fills and uses its tables, which is no superuser either."""
        return log_in_as(self.database, WORKER)

    @contextmanager
    def connect_as_launcher(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection with the launch's rights on the target; commits nothing by itself."""
        with self.launcher.connect(autocommit=True) as connection:
            set_unless_so(connection, {**self.settings, "search_path": self.search_path})
            yield connection


def set_unless_so(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    """Give a session the settings that it does not start with."""
    asked = "select name, pg_catalog.current_setting(name, true) as value from pg_catalog.unnest(%s::text[]) as name"
    found = {row["name"]: row["value"] for row in connection.execute(asked, [list(settings)])}
    lacking = [spell_setting(name, value) for name, value in settings.items() if found[name] != value]
    if lacking:
        connection.execute("; ".join(f"set {one}" for one in lacking))


@contextmanager
def make_twin(
    target: Database,
    scratch: Database,
    *,
    schemas: Sequence[str],
    postgres_bin: Path,
    work: Path,
    timeout_s: float,
    empty: bool = False,
) -> Iterator[Twin]:
    """Yield a database with the target's schema in these schemas, without rows.

    empty: leave it a fresh hosted project, to apply all files from the first one.
    Raises TargetError when the target can't be read or the twin can't be created.
    """
    session, settings = target.rows(read_query(__package__, "twin/session"))[0], read_session(target)
    role, search_path, scratch = session["role"], settings.pop("search_path"), with_own_path(scratch)
    copy_roles(target, scratch)
    superuser = role if session["superuser"] else ""
    role = OWNER if superuser else role
    let_log_in(scratch, role)
    with scratch_database(scratch, TEMPLATES[session["exposes_tables"]], owner=role) as database:
        missing = () if empty else restore_schema(target, database, role, schemas, postgres_bin, work, timeout_s)
        reowned = () if empty else give_away(database, schemas, role)
        state = [] if empty else copy_extension_state(target, log_in_as(database, role))
        copy_settings(target, database)
        copy_default_privileges(target, database)
        yield Twin(
            database=database, role=role, search_path=search_path, settings=settings,
            missing=(*missing, *state), timeout_s=timeout_s, superuser=superuser,
            reowned=reowned,
        )  # fmt: skip


@contextmanager
def clone_twin(twin: Twin) -> Iterator[Twin]:
    """Yield a copy of a twin as it is now; nobody may be connected to the original meanwhile."""
    with scratch_database(twin.database, twin.database.name, owner=twin.role) as database:
        yield replace(twin, database=database)


@contextmanager
def scratch_database(scratch: Database, template: str, *, owner: str) -> Iterator[Database]:
    """Yield a new database copied from the template, and drop it at the end, its sessions ended."""
    name = f"twin_{secrets.token_hex(6)}"
    server = scratch.named("template1")
    make = f"create database {quote_name(name)} template {quote_name(template)} owner {quote_name(owner)}"
    with server.connect(autocommit=True) as connection:
        connection.execute(f"{make} strategy file_copy")
    try:
        yield scratch.named(name)
    finally:
        with server.connect(autocommit=True) as connection:
            connection.execute(f"drop database if exists {quote_name(name)} with (force)")


def restore_schema(
    target: Database, twin: Database, role: str, schemas: Sequence[str], postgres_bin: Path, work: Path, timeout_s: float
) -> list[str]:
    """Create the target's objects of these schemas in the twin; return what could not be created, a line each."""
    present = target.rows(read_query(__package__, "twin/schemas"), schemas=list(schemas))
    if not present:
        return []
    dump, listing = work / f"{twin.name}.dump", work / f"{twin.name}.list"
    names = [word for row in present for word in ("-n", quote_name(row["name"]))]
    run_postgres(postgres_bin / "pg_dump", target, ["-Fc", "--schema-only", *names, "-f", dump], timeout_s)
    contents = run_command([postgres_bin / "pg_restore", "-l", dump], timeout_s=timeout_s).whole_stdout
    # The schemas themselves are created first, because extensions may be in them.
    listing.write_text("".join(line for line in contents.splitlines(True) if " SCHEMA - " not in line), encoding="utf-8")
    lacking = prepare_schemas(target, twin, role, present)
    said = run_command(
        [postgres_bin / "pg_restore", "-d", twin.name, "-L", listing, dump],
        env=twin.libpq_environment,
        timeout_s=timeout_s,
    ).stderr
    dump.unlink()
    listing.unlink()
    failed = [redact(line.partition("ERROR: ")[2].strip()) for line in said.splitlines() if "ERROR: " in line]
    copy_publications(target, twin)
    return [*lacking, *failed, *create_outside_objects(target, twin, schemas)]


def give_away(database: Database, schemas: Sequence[str], role: str) -> tuple[str, ...]:
    """Give what a superuser owns in these schemas to the launch's role, and return its names.

    A function with its owner's rights would run as the superuser for whoever calls it; so would what an index computes.
    """
    rows = database.rows(read_query(__package__, "twin/superuser_objects"), schemas=list(schemas))
    refused = run_tolerantly(database, [f"{row['statement']}{quote_name(role)}" for row in rows])
    if refused:
        raise DatabaseError(f"An object of a superuser could not be given away: {refused[0]}.", fix="Change its owner.")
    return tuple(row["name"] for row in rows)


def run_postgres(program: Path, database: Database, flags: Sequence[str | Path], timeout_s: float) -> None:
    """Run one of Postgres's programs on a database. Raises CommandError with its first line when it fails."""
    run = run_command([program, *flags], env=database.libpq_environment, timeout_s=timeout_s)
    if run.exit_code != 0:
        said = redact(run.stderr.strip()).splitlines()
        raise CommandError(
            f"{program.name} could not read {database.display_name}: {said[0] if said else 'it gave no reason'}.",
            fix="Check that the user may read every object, and that the server is not newer than the program.",
        )


def prepare_schemas(target: Database, twin: Database, role: str, present: Sequence[dict[str, Any]]) -> list[str]:
    """Create the target's schemas, empty, and its extensions; return the extensions that can't be created here."""
    statements = []
    for row in present:
        name = quote_name(row["name"])
        statements.append(f"drop schema if exists {name} cascade")
        statements.append(f"create schema {name} authorization {quote_name(row['owner'])}")
        if row["name"] == "public":
            # A dump only has how public differs from a new database, where everybody may use it.
            statements.append("grant usage on schema public to public")
    with twin.connect() as connection:
        for statement in statements:
            connection.execute(statement)
    return copy_extensions(target, twin, log_in_as(twin, role))


def create_outside_objects(target: Database, twin: Database, schemas: Sequence[str]) -> list[str]:
    """Create what the pack keeps outside its schemas; return what could not be created."""
    return run_tolerantly(twin, sorted(read_outside(target, schemas).keys() - read_outside(twin, schemas).keys()))


def read_outside(database: Database, schemas: Sequence[str]) -> dict[str, str]:
    """Return what the pack keeps outside its schemas: the statement that makes it again -> the schema it is in."""
    with database.connect() as connection:
        # An empty path makes the server qualify every name, whoever asks.
        connection.execute("select pg_catalog.set_config('search_path', '', true)")
        rows = connection.execute(read_query(__package__, "twin/outside_objects"), {"schemas": list(schemas)}).fetchall()
    return {row["statement"]: row["place"] for row in rows}
