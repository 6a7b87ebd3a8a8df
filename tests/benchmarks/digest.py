"""The digest of every table, against the least that reads every value: writing each row as text and counting its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lib.clients.postgres.digests import digest_tables, open_reading
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database
from tests.benchmarks.rounds import Benchmark, Variant, timed
from tests.benchmarks.rows import TABLES, make_rows
from tests.benchmarks.server import cpu_with

MEGABYTES = 300
TIMEOUT_S = 3600
ONE_PROCESS = "set max_parallel_workers_per_gather = 0"


@contextmanager
def open_benchmark(server: EmbeddedPostgres) -> Iterator[list[Benchmark]]:
    """Yield the digest in one process of the server."""
    database = server.create_hosted_database("bench_digest")
    make_rows(database, MEGABYTES)

    def ours() -> None:
        assert all(table.rows for table in digest(database) if table.schema == "public")

    def scan() -> None:
        with open_reading(database, timeout_s=TIMEOUT_S) as connection:
            connection.execute(ONE_PROCESS)
            for name in TABLES:
                connection.execute(f"select count(*), sum(octet_length((t.*)::text)) from public.{name} t").fetchone()

    ways = {"ours": ours, "text scan": scan}
    yield [
        Benchmark(
            name="digest",
            title=f"Digest of {MEGABYTES} MB, one process of the server",
            what="Both write every row as text; the digest also hashes it twice and adds the hashes up.",
            variants=[
                Variant(name=name, once=lambda work=work: timed(work, lambda: cpu_with(server))) for name, work in ways.items()
            ],
            pairs=[("ours", "text scan", "<= 2.2 (0.45 of its speed)")],
        )
    ]
    server.drop_database("bench_digest")


def digest(database: Database) -> list:
    """Return the digests of every table, each read by one process of the server."""
    with open_reading(database, timeout_s=TIMEOUT_S) as connection:
        connection.execute(ONE_PROCESS)
        return digest_tables(connection, ["public"])
