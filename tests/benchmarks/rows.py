"""The rows that the benchmarks of digests and backups work on: wide, narrow, of text and of documents."""

from __future__ import annotations

from lib.transport.database import Database

TABLES = {
    "events": (
        "(id bigint primary key, happened_at timestamptz not null, body jsonb not null)",
        "select n, timestamptz '2026-01-01' + n * interval '1 second', jsonb_build_object('user', mod(n, 1000), 'kind', "
        "'opened', 'path', '/boards/'||n, 'agent', repeat(md5(n::text), 3)) from generate_series(%s, %s) n",
        280,
    ),
    "documents": (
        "(id uuid primary key, title text, content text)",
        "select md5(n::text)::uuid, 'title '||n, repeat(md5(n::text)||' ', 20) from generate_series(%s, %s) n",
        760,
    ),
    "accounts": (
        "(id bigint primary key, branch int not null, balance numeric not null, filler text not null)",
        "select n, mod(n, 97), n * 1.25, repeat('x', 80) from generate_series(%s, %s) n",
        130,
    ),
}
"""Table -> its columns, the query that fills it from one number to another, and about how many bytes a row takes."""
PER_STATEMENT = 200_000


def make_rows(database: Database, megabytes: float) -> None:
    """Make the tables, each with a third of so many megabytes, an index beside its primary key, and its statistics."""
    with database.connect(autocommit=True) as connection:
        for name, (columns, query, width) in TABLES.items():
            connection.execute(f"create table public.{name} {columns}")
            wanted = max(1, round(megabytes * 1e6 / len(TABLES) / width))
            for first in range(1, wanted + 1, PER_STATEMENT):
                last = min(wanted, first + PER_STATEMENT - 1)
                connection.execute(f"insert into public.{name} {query}", [first, last])
        connection.execute("create index on public.accounts (branch)")
        connection.execute("create index on public.events (happened_at)")
        connection.execute("vacuum analyze")
