"""Takes one backup: a dump and the state of the source at the same instant, kept with a sealed manifest.

Nothing here can change the source: our transaction is read-only and never gets a transaction id, and pg_dump
runs with `default_transaction_read_only`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.copy_progress import telling_copies
from lib.clients.postgres.digests import TableDigest, digest_tables, export_snapshot, open_reading
from lib.clients.postgres.dumps import (
    HISTORY_SCHEMA,
    PLATFORM_RECORDS,
    Scope,
    SequenceState,
    check_major,
    dump_database,
    list_entries,
    read_scope,
    read_sequences,
    timed,
)
from lib.clients.postgres.large_objects import read_large_objects
from lib.clients.postgres.outside_dump import name_beside
from lib.clients.postgres.piecewise import digest_piecewise
from lib.clients.postgres.schema import fingerprint, read_schema_on
from lib.core.errors import CommandError
from lib.tasks.backup_restore.store import (
    DUMP,
    find_damage,
    make_backup_folder,
    new_backup_id,
    read_manifest,
    store_error,
    write_manifest,
)
from lib.transport.database import Database, read_query
from lib.transport.process import CommandRun


class DumpFailure(CommandError):
    """pg_dump ended with an error; nothing of the backup is left. `run` is the finished program."""

    def __init__(self, message: str, *, run: CommandRun, fix: str | Sequence[str] = ()) -> None:
        self.run = run
        super().__init__(message, fix=fix)


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """The state of a database at one instant, as definitions and sums; no row's values.

    tables: every table a backup takes. own, platform: definitions of the pack's schemas and the platform's.
    history: (version, name) of every migration recorded as applied, in order.
    large_objects: by name, each with its owner, rights, length and digest. beside: what no dump holds, a clause each.
    """

    scope: Scope
    tables: tuple[TableDigest, ...]
    own: Mapping[str, str]
    platform: Mapping[str, str]
    history: tuple[tuple[str, str | None], ...]
    large_objects: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def definitions(self) -> dict[str, str]:
        """Every object by name, the platform's among them."""
        return {**self.platform, **self.own, **self.large_objects}

    @property
    def unreadable(self) -> list[str]:
        """Tables that this user may not read, so that its backups do not hold them."""
        return [table.label for table in self.tables if table.rows is None]


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A finished backup in the store, and the state that its restore must equal.

    sequences_before, sequences_after: around the dump, because sequences are outside of snapshots.
    assigned_id: whether our transaction on the source was ever assigned an id, so that it could write.
    reading: that transaction, open under the dump's snapshot until `close`, so that a difference can be
        narrowed down to rows while others continue to write.
    """

    id: str
    folder: Path
    taken_at: datetime
    source: SourceState
    sequences_before: Mapping[str, SequenceState]
    sequences_after: Mapping[str, SequenceState]
    roles: tuple[str, ...]
    assigned_id: bool
    run: CommandRun
    stages: Mapping[str, float]
    manifest: Mapping[str, Any]
    reading: psycopg.Connection[DictRow]
    opened: ExitStack

    @property
    def dump(self) -> Path:
        return self.folder / DUMP

    def close(self) -> None:
        """End the transaction on the source; calling it again does nothing."""
        self.opened.close()


def read_state(
    connection: psycopg.Connection[DictRow], scope: Scope, digested: Sequence[TableDigest] | None = None
) -> SourceState:
    """Return what the database is, as one open transaction sees it. digested: its tables, where they were read already."""
    tables = digest_tables(connection, scope.taken) if digested is None else digested
    return SourceState(
        scope=scope,
        tables=tuple(table for table in tables if table.label not in PLATFORM_RECORDS),
        history=read_history(connection, tables),
        own=read_schema_on(connection, scope.pack),
        platform=read_schema_on(connection, scope.platform),
        large_objects=read_large_objects(connection),
        beside=tuple(name_beside(connection)),
    )


def read_history(connection: psycopg.Connection[DictRow], tables: Sequence[TableDigest]) -> tuple[tuple[str, str | None], ...]:
    """Return version and name of every applied migration; none when the database has no history."""
    if not any(table.label == f"{HISTORY_SCHEMA}.schema_migrations" for table in tables):
        return ()
    return tuple((row["version"], row["name"]) for row in connection.execute(read_query(__package__, "history")))


def take_backup(source: Database, store: Path, *, environment: str, programs: Path, jobs: int, timeout_s: float) -> Backup:
    """Take a backup of the source into the store, and return it with what the source was at that instant.

    store: held with `backup_store.hold_store`. Others may write to the source meanwhile.
    Raises DumpFailure when pg_dump fails, TargetError when the source or the store can't be used;
    then the store holds nothing new.
    """
    stages: dict[str, float] = {}
    backup_id = new_backup_id(datetime.now(UTC))
    try:
        with ExitStack() as opened:
            holder = opened.enter_context(open_reading(source, timeout_s=timeout_s))
            check_major(programs / "pg_dump", holder.info.server_version // 10000)
            with make_backup_folder(store, backup_id) as folder:
                snapshot, taken_at = export_snapshot(holder), datetime.now(UTC)
                scope = read_scope(holder)
                before = read_sequences(holder, scope.taken)
                with timed(stages, "digest"):
                    tables = digest_piecewise(source, holder, scope.taken, jobs=jobs, timeout_s=timeout_s)
                    state = read_state(holder, scope, tables)
                with timed(stages, "dump"):
                    run = run_dump(source, folder, state, programs=programs, snapshot=snapshot, jobs=jobs, timeout_s=timeout_s)
                after = read_sequences(holder, scope.taken)
                with timed(stages, "checksum"):
                    manifest = write_manifest(folder, describe_backup(backup_id, environment, taken_at, holder, state))
            return Backup(
                id=backup_id,
                folder=store / backup_id,
                taken_at=taken_at,
                source=state,
                sequences_before=before,
                sequences_after=after,
                roles=tuple(row["name"] for row in holder.execute(read_query("lib.clients.postgres", "dumps/roles"))),
                assigned_id=has_assigned_id(holder),
                run=run,
                stages=stages,
                manifest=manifest,
                reading=holder,
                opened=opened.pop_all(),
            )
    except OSError as exc:
        raise store_error(store, exc) from exc


def has_assigned_id(connection: psycopg.Connection[DictRow]) -> bool:
    """Return whether the open transaction has an id: only one that writes gets one."""
    row = connection.execute("select pg_current_xact_id_if_assigned() is not null as given").fetchone()
    return bool(row and row["given"])


def run_dump(
    source: Database, folder: Path, state: SourceState, *, programs: Path, snapshot: str, jobs: int, timeout_s: float
) -> CommandRun:
    """Dump the source into the backup's folder, private. Raises DumpFailure when pg_dump fails."""
    with telling_copies(source, "dumping rows", state.tables):
        run = dump_database(
            source,
            folder / DUMP,
            programs=programs,
            snapshot=snapshot,
            left_out=state.scope.left_out,
            unreadable=[(table.schema, table.name) for table in state.tables if table.rows is None],
            jobs=jobs,
            timeout_s=timeout_s,
            size_bytes=sum(table.size_bytes for table in state.tables),
        )
    if run.exit_code != 0:
        raise DumpFailure(f"pg_dump of {source.display_name} ended with code {run.exit_code}: {first_error(run.stderr)}", run=run)
    (folder / DUMP).chmod(0o700)
    return run


def describe_backup(
    backup_id: str, environment: str, taken_at: datetime, source: psycopg.Connection[Any], state: SourceState
) -> dict[str, Any]:
    """Return what the manifest says about the backup, besides its files; no row's values."""
    return {
        "id": backup_id,
        "environment": environment,
        "taken_at": taken_at.isoformat(),
        "database": source.info.dbname,
        "server_version": source.info.parameter_status("server_version"),
        "schema_sha256": fingerprint(state.own),
        "migrations": [version for version, _ in state.history],
        "tables": {table.label: {"rows": table.rows, "digest": table.digest} for table in state.tables if table.rows is not None},
        "unreadable": state.unreadable,
    }


def first_error(stderr: str) -> str:
    """Return the first error line of a Postgres program's output."""
    lines = stderr.strip().splitlines()
    return next((line for line in lines if "error:" in line), lines[-1] if lines else "it printed nothing")


def read_damage(backup: Backup, *, programs: Path, timeout_s: float) -> list[str]:
    """Return what is wrong with the backup in the store, right before it is restored."""
    try:
        damage = find_damage(backup.folder, read_manifest(backup.folder))
        if damage:
            return damage
        entries = list_entries(backup.dump, backup.source.scope.taken, programs=programs, timeout_s=timeout_s)
    except CommandError as exc:
        return [exc.message]
    except (ValueError, OSError) as exc:
        return [str(exc)]
    dumped = {f"{entry.schema}.{entry.name.rpartition(' ')[0]}" for entry in entries if entry.kind == "TABLE DATA"}
    held = [table for table in backup.source.tables if table.kind == "r" and table.rows is not None]
    return [f"the rows of {table.label} are not in it" for table in held if table.label not in dumped]
