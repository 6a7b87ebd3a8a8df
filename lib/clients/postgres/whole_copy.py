"""A copy of a database with its rows, made while others use it: a dump under one snapshot, restored beside it.

A template clone takes a tenth of the time, but Postgres makes none of a database that somebody is connected to.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.clients.postgres.digests import digest_tables, export_snapshot, open_reading
from lib.clients.postgres.dumps import dump_database, read_scope
from lib.clients.postgres.launch_role import OWNER, let_log_in, with_own_path
from lib.clients.postgres.likeness import copy_settings
from lib.clients.postgres.restores import TEMPLATE, as_owner, restore_dump
from lib.clients.postgres.twin import scratch_database
from lib.core.errors import TargetError
from lib.core.redact import redact
from lib.transport.database import Database, read_query

JOBS = 2
IN_USE = "select count(*) as others from pg_catalog.pg_stat_activity where datname = :name and pid <> pg_catalog.pg_backend_pid()"


@contextmanager
def copy_whole(source: Database, scratch: Database, *, work: Path, programs: Path, timeout_s: float) -> Iterator[Database]:
    """Yield a database that has what a source on the scratch server has, as the source's user; it is dropped at the end.

    source: of the scratch server. work: a private folder. Raises TargetError when it can't be read or restored.
    """
    if not scratch.value(IN_USE, name=source.name):
        with scratch_database(scratch, source.name, owner=source.user) as clone:
            copy_settings(source, clone)
            yield source.named(clone.name)
        return
    let_log_in(scratch, OWNER)
    folder = work / f"whole-{secrets.token_hex(6)}"
    with scratch_database(scratch, TEMPLATE, owner=OWNER) as fresh:
        copy = with_own_path(fresh)
        try:
            folder.mkdir(mode=0o700)
            restore_into(source, copy, folder, programs=programs, timeout_s=timeout_s)
            copy_settings(source, copy)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        yield as_owner(copy)


def restore_into(source: Database, copy: Database, folder: Path, *, programs: Path, timeout_s: float) -> None:
    """Fill a fresh copy with all that the source has. Raises TargetError with the first line of what went wrong."""
    dump = folder / "dump"
    with open_reading(source, timeout_s=timeout_s) as reading:
        scope = read_scope(reading)
        tables = digest_tables(reading, scope.taken)
        roles = [row["name"] for row in reading.execute(read_query(__package__, "dumps/roles"))]
        run = dump_database(
            source,
            dump,
            programs=programs,
            snapshot=export_snapshot(reading),
            left_out=scope.left_out,
            unreadable=[(one.schema, one.name) for one in tables if one.rows is None],
            jobs=JOBS,
            timeout_s=timeout_s,
        )
    if run.exit_code == 0:
        restored = restore_dump(
            dump, copy, scope=scope, tables=tables, roles=roles, work=folder, programs=programs, jobs=JOBS, timeout_s=timeout_s
        )
        if restored.succeeded:
            return
        run = restored.runs[-1]
    said = redact(run.stderr.strip()).splitlines()
    raise TargetError(f"The database could not be copied: {said[0] if said else 'no reason was given'}.")
