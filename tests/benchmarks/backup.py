"""A database dumped and restored: ours, against `pg_dump | psql`."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.clients.postgres.digests import describe_table, export_snapshot, open_reading, read_tables
from lib.clients.postgres.dumps import dump_database, read_scope
from lib.clients.postgres.restores import drop_copy, make_copy, restore_dump
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.backup_restore.backup import take_backup
from lib.tasks.backup_restore.compare import RestoredCopy, compare_rows
from lib.tasks.backup_restore.store import hold_store
from lib.transport.database import Database, quote_name, read_query
from tests.benchmarks.rounds import Benchmark, Cost, Variant, timed
from tests.benchmarks.rows import make_rows
from tests.benchmarks.server import cpu_with

MEGABYTES = 300
JOBS = 3
"""As in params/defaults.yaml."""
TIMEOUT_S = 3600


@contextmanager
def open_benchmark(server: EmbeddedPostgres) -> Iterator[list[Benchmark]]:
    """Yield the dump and restore of one database into another of the same server."""
    source = server.create_hosted_database("bench_backup")
    make_rows(source, MEGABYTES)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)

        def once(work_done: object) -> Cost:
            return timed(lambda: work_done(server, source, work), lambda: cpu_with(server))  # type: ignore[operator]

        ways = {"ours": dump_and_restore, "ours with its proof": prove, "pg_dump | psql": pipe}
        yield [
            Benchmark(
                name="backup",
                title=f"{MEGABYTES} MB dumped and restored on one server",
                what="The proof adds two digests of every table, the checksums of the files and the comparison.",
                variants=[Variant(name=name, once=lambda way=way: once(way)) for name, way in ways.items()],
                pairs=[
                    ("ours", "pg_dump | psql", "<= 0.85"),
                    ("ours with its proof", "pg_dump | psql", "none: the pipe proves nothing"),
                ],
            )
        ]
    server.drop_database("bench_backup")


def dump_and_restore(server: EmbeddedPostgres, source: Database, work: Path) -> None:
    """Dump as the product does, and restore into a fresh hosted database."""
    folder = work / secrets.token_hex(4)
    folder.mkdir(mode=0o700)
    scratch = server.database(role="supabase_admin")
    with open_reading(source, timeout_s=TIMEOUT_S) as reading:
        scope = read_scope(reading)
        roles = [row["name"] for row in reading.execute(read_query("lib.clients.postgres", "dumps/roles"))]
        tables = [describe_table(row) for row in read_tables(reading, scope.taken)]
        run = dump_database(
            source, folder / "dump", programs=server.bin_dir, snapshot=export_snapshot(reading), left_out=scope.left_out,
            jobs=JOBS, timeout_s=TIMEOUT_S, size_bytes=sum(table.size_bytes for table in tables),
        )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    copy = make_copy(scratch)
    restored = restore_dump(
        folder / "dump", copy, scope=scope, tables=tables, roles=roles, work=folder, programs=server.bin_dir, jobs=JOBS,
        timeout_s=TIMEOUT_S,
    )  # fmt: skip
    assert restored.succeeded, restored.runs[-1].stderr
    drop_copy(scratch, copy)
    shutil.rmtree(folder)


def prove(server: EmbeddedPostgres, source: Database, work: Path) -> None:
    """Take a backup as 08_backup_restore does, restore it and compare every row."""
    scratch, store = server.database(role="supabase_admin"), work / "store"
    with hold_store(store):
        backup = take_backup(source, store, environment="bench", programs=server.bin_dir, jobs=JOBS, timeout_s=TIMEOUT_S)
    copy = make_copy(scratch)
    restored = restore_dump(
        backup.dump, copy, scope=backup.source.scope, tables=backup.source.tables, roles=backup.roles, work=work,
        programs=server.bin_dir, jobs=JOBS, timeout_s=TIMEOUT_S,
    )  # fmt: skip
    found = compare_rows(RestoredCopy(backup=backup, database=copy, restore=restored), timeout_s=TIMEOUT_S)
    backup.close()
    assert found.source
    assert not found.differing
    drop_copy(scratch, copy)
    shutil.rmtree(store)


def pipe(server: EmbeddedPostgres, source: Database, _: Path) -> None:
    """Pipe a dump into a new database, as the manual shows it."""
    scratch = server.database(role="supabase_admin")
    name = f"bench_piped_{secrets.token_hex(4)}"
    with scratch.connect(autocommit=True) as connection:
        connection.execute(f"create database {quote_name(name)} template template0")
    admin = server.database(source.name, role="supabase_admin")
    environment = {**os.environ, **admin.libpq_environment}
    with subprocess.Popen([server.bin_dir / "pg_dump"], env=environment, stdout=subprocess.PIPE) as dump:
        argv = [server.bin_dir / "psql", "--quiet", "--no-psqlrc", f"--dbname={name}"]
        subprocess.run(argv, env=environment, stdin=dump.stdout, capture_output=True, check=True)
    assert dump.returncode == 0
    copied = server.database(name, role="supabase_admin")
    assert copied.value("select count(*) from public.events") == source.value("select count(*) from public.events")
    with scratch.connect(autocommit=True) as connection:
        connection.execute(f"drop database {quote_name(name)}")
