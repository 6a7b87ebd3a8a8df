"""Dumps a database with pg_dump, under the snapshot that everything else is read under.

Included: every schema of the pack, the migration history, and the platform's schemas auth and storage, without
their own migration records. `supabase db dump` leaves out the history, so that every migration is pending again
after a restore, and also what a pack adds to platform tables; a backup must include both.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import DictRow

from lib.core.errors import CommandError
from lib.transport.database import Database, quote_name, read_query
from lib.transport.process import CommandRun, run_command

HISTORY_SCHEMA = "supabase_migrations"

SYSTEM = "pg_catalog"
"""Postgres's own schema: a hosted project has rights on its functions that a fresh one has, too."""

PLATFORM_SCHEMAS = ("auth", "storage")
"""The platform's own schemas that hold a project's rows: a fresh project has their definitions already."""

LEFT_OUT_SCHEMAS = frozenset(
    {
        "_analytics", "_realtime", "_supavisor", "cron", "dbdev", "etl", "extensions", "graphql", "graphql_public", "net",
        "pgbouncer", "pgmq", "pgsodium", "pgsodium_masks", "pgtle", "realtime", "repack", "supabase_functions",
        "tiger", "tiger_data", "timescaledb_information", "topology", "vault",
    }
)  # fmt: skip
"""The platform's internal schemas, in which a project keeps nothing of its own.

Source: what `supabase db dump` leaves out (supabase/cli), less auth, storage and the history.
"""

PLATFORM_RECORDS = ("auth.schema_migrations", "storage.migrations", "supabase_functions.migrations")
"""Tables in which the platform records its own migrations: a fresh project has its own, so their rows are left out.

Source: the script of `supabase db dump --data-only` (supabase/cli).
"""

COMPRESSION = "1"
"""gzip level: the fastest of 0, 1 and 6 when measured, with nearly the size of 6."""

VERSION_TIMEOUT_S = 30

SLOWEST_BYTES_PER_S = 10e6
"""Bytes of rows that a slow server dumps or restores in a second: a tenth of what was measured with two processors."""

SMALL_BYTES = 16e6
"""Bytes of rows that one worker dumps or restores sooner than several are connected."""


@dataclass(frozen=True, kw_only=True)
class SequenceState:
    """The state of a sequence; `next` is the next value it gives."""

    next: int
    increment: int


def time_for(timeout_s: float, size_bytes: float) -> float:
    """Return how long a program may take with so many bytes of rows: what it may take anyhow, and more for a large database."""
    return timeout_s + size_bytes / SLOWEST_BYTES_PER_S


def workers_for(jobs: int, size_bytes: float) -> int:
    """Return how many workers so many bytes of rows are worth, each with a session of its own. 0 bytes: nobody counted them."""
    return 1 if 0 < size_bytes < SMALL_BYTES else jobs


@contextmanager
def timed(stages: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds spent inside to a stage."""
    started = time.monotonic()
    try:
        yield
    finally:
        stages[name] = stages.get(name, 0.0) + time.monotonic() - started


def read_major(program: Path) -> int:
    """Return the major version of a Postgres program. Raises CommandError when it is not known."""
    run = run_command([program, "--version"], timeout_s=VERSION_TIMEOUT_S)
    match = re.search(r"\(PostgreSQL\) (\d+)", run.stdout)
    if not match:
        raise CommandError(f"{program.name} does not print its version.", fix=["make setup", f"Or check the path: {program}"])
    return int(match[1])


def read_server_major(database: Database) -> int:
    """Return the major version of a database's server."""
    return int(database.value("select current_setting('server_version_num')::int / 10000"))


def check_major(program: Path, server_major: int) -> None:
    """Raise CommandError when the program is older than the server, which it then can't dump."""
    major = read_major(program)
    if major < server_major:
        raise CommandError(
            f"{program.name} is version {major} and the server {server_major}: an older one can't dump a newer server.",
            fix=f"Install the programs of PostgreSQL {server_major}.",
        )


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which schemas of a database a backup takes; all other schemas, except Postgres's own, are left out."""

    own: tuple[str, ...]  # the pack's and the migration history: restored whole
    platform: tuple[str, ...]  # restored into what a fresh project already has
    left_out: tuple[str, ...]

    @property
    def pack(self) -> tuple[str, ...]:
        return tuple(name for name in self.own if name != HISTORY_SCHEMA)

    @property
    def taken(self) -> tuple[str, ...]:
        return (*self.own, *self.platform)


def read_scope(connection: psycopg.Connection[DictRow]) -> Scope:
    """Return what a backup of this database takes: every schema that is not the platform's is the pack's."""
    names = [row["name"] for row in connection.execute(read_query(__package__, "dumps/schemas"))]
    return Scope(
        own=tuple(name for name in names if name not in PLATFORM_SCHEMAS and name not in LEFT_OUT_SCHEMAS),
        platform=tuple(name for name in names if name in PLATFORM_SCHEMAS),
        left_out=tuple(name for name in names if name in LEFT_OUT_SCHEMAS),
    )


def read_sequences(connection: psycopg.Connection[DictRow], schemas: Sequence[str]) -> dict[str, SequenceState]:
    """Return the current state of each sequence of the schemas, which no snapshot holds. One round trip, however many."""
    return {
        f"{row['schema']}.{row['name']}": SequenceState(
            next=row["last_value"] + (row["increment"] if row["is_called"] else 0),
            increment=row["increment"],
        )
        for row in connection.execute(read_query(__package__, "dumps/sequences"), {"schemas": list(schemas)})
    }


def dump_database(
    source: Database,
    folder: Path,
    *,
    programs: Path,
    snapshot: str,
    left_out: Sequence[str],
    unreadable: Sequence[tuple[str, str]] = (),
    jobs: int,
    timeout_s: float,
    size_bytes: int = 0,
) -> CommandRun:
    """Run pg_dump into a new folder, read-only and under the snapshot; the exit code says how it ended.

    left_out: schemas that are not dumped. unreadable: (schema, table) that this user may not read.
    timeout_s: the longest it may take, and may wait for a lock. size_bytes: of the rows: see `time_for` and `workers_for`.
    Raises CommandError when it can't be started or takes too long.
    """
    argv: list[str | Path] = [programs / "pg_dump", "--format=directory", f"--compress={COMPRESSION}"]
    argv += [f"--jobs={workers_for(jobs, size_bytes)}", f"--snapshot={snapshot}", f"--file={folder}"]
    argv += ["--no-password", f"--lock-wait-timeout={round(timeout_s)}s"]
    argv += [f"--exclude-schema={quote_name(schema)}" for schema in left_out]
    argv += [f"--exclude-table-data={quote_name(*name.split('.'))}" for name in PLATFORM_RECORDS]
    argv += [f"--exclude-table={quote_name(*name)}" for name in unreadable]
    return run_command(argv, timeout_s=time_for(timeout_s, size_bytes), env=read_only_environment(source))


def dump_definitions(database: Database, file: Path, *, programs: Path, timeout_s: float) -> CommandRun:
    """Run pg_dump for definitions only, into one file in the custom format."""
    argv: list[str | Path] = [
        programs / "pg_dump",
        "--format=custom",
        "--schema-only",
        f"--file={file}",
        "--no-password",
    ]
    return run_command(argv, timeout_s=timeout_s, env=read_only_environment(database))


def read_only_environment(database: Database) -> dict[str, str]:
    """Return the variables by which a program connects to a database that it can't change."""
    return {**database.libpq_environment, "PGOPTIONS": "-c default_transaction_read_only=on"}


@dataclass(frozen=True, kw_only=True)
class TocEntry:
    """One line of a dump's table of contents; `name` is the rest of the line after the type and schema."""

    line: str
    kind: str
    schema: str
    name: str


ENTRY_KINDS = (
    "ACCESS METHOD", "ACL", "AGGREGATE", "ATTRDEF", "BLOB DATA", "BLOB METADATA", "BLOB", "BLOBS", "CAST",
    "CHECK CONSTRAINT", "COLLATION", "COMMENT", "CONSTRAINT", "CONVERSION", "DATABASE PROPERTIES", "DATABASE",
    "DEFAULT ACL", "DEFAULT", "DOMAIN", "ENCODING", "EVENT TRIGGER", "EXTENSION", "FK CONSTRAINT",
    "FOREIGN DATA WRAPPER", "FOREIGN SERVER", "FOREIGN TABLE", "FUNCTION", "INDEX ATTACH", "INDEX",
    "MATERIALIZED VIEW DATA", "MATERIALIZED VIEW", "OPERATOR CLASS", "OPERATOR FAMILY", "OPERATOR", "POLICY",
    "PROCEDURAL LANGUAGE", "PROCEDURE", "PUBLICATION TABLES IN SCHEMA", "PUBLICATION TABLE", "PUBLICATION",
    "ROW SECURITY", "RULE", "SCHEMA", "SEARCHPATH", "SECURITY LABEL", "SEQUENCE OWNED BY", "SEQUENCE SET",
    "SEQUENCE", "SERVER", "SHELL TYPE", "STATISTICS DATA", "STATISTICS", "STDSTRINGS", "SUBSCRIPTION TABLE",
    "SUBSCRIPTION", "TABLE ATTACH", "TABLE DATA", "TABLE", "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "TRANSFORM", "TRIGGER", "TYPE",
    "USER MAPPING", "VIEW",
)  # fmt: skip
"""pg_dump's names for the kinds of its entries (bin/pg_dump/pg_dump.c, version 18); they may hold spaces."""

KIND_PATTERN = "|".join(sorted(map(re.escape, ENTRY_KINDS), key=len, reverse=True))


def list_entries(archive: Path, schemas: Sequence[str], *, programs: Path, timeout_s: float) -> list[TocEntry]:
    """Return a dump's table of contents. Raises CommandError when pg_restore can't read it.

    schemas: those that may occur; a name may hold spaces, so it is found by knowing it.
    """
    run = run_command([programs / "pg_restore", "--list", archive], timeout_s=timeout_s)
    if run.exit_code != 0:
        said = run.stderr.strip().splitlines()
        raise CommandError(
            f"pg_restore can't read the dump: {said[-1] if said else f'exit code {run.exit_code}'}.",
            fix="Take the backup again: this one can't be restored.",
        )
    names = "|".join(sorted((re.escape(name) for name in (*schemas, SYSTEM, "-")), key=len, reverse=True))
    shape = re.compile(rf"^\d+; \d+ \d+ ({KIND_PATTERN}) ({names}) (.*)$")
    found = ((line, shape.match(line)) for line in run.whole_stdout.splitlines() if not line.startswith(";"))
    return [
        TocEntry(line=line, kind=match[1], schema=match[2], name=match[3]) if match else
        TocEntry(line=line, kind="", schema="", name=line)
        for line, match in found
        if line
    ]  # fmt: skip
