"""Finds the rows that differ between two copies of one table, by buckets instead of by transferring the rows.

Both sides sum their rows by bucket of the key's hash; only buckets that differ are listed row by row, and
only rows that differ are compared column by column. Values never leave the servers: only keys and hashes do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.digests import TableDigest, row_text
from lib.transport.database import quote_name, read_query

ROWS_PER_BUCKET = 256
"""How many rows a bucket should hold: listing a bucket then carries about 16 KB."""

MOST_BUCKETS = 2**16
MOST_BUCKETS_LISTED = 16
"""Of a table that differs everywhere only the first buckets are listed; the rest adds nothing."""

LONGEST_KEY = 80
"""Characters of a key that are shown."""

Kind = Literal["missing", "extra", "changed"]


@dataclass(frozen=True, kw_only=True)
class RowDifference:
    """One row that differs in the copy.

    kind: missing from the copy, extra in it, or changed.
    key: the primary key as Postgres writes a row of it; without a primary key, the row's hash.
    columns: those that differ, when the row is changed.
    """

    table: str
    kind: Kind
    key: str
    columns: tuple[str, ...] = ()


def find_row_differences(
    source: psycopg.Connection[DictRow],
    copy: psycopg.Connection[DictRow],
    table: TableDigest,
    *,
    limit: int,
) -> list[RowDifference]:
    """Return up to `limit` rows of one table that differ, in at most three queries on either side.

    source, copy: from `digests.open_reading`, the source's under the snapshot that the copy was made from.
    """
    mask = bucket_mask(table.rows or 0)
    buckets = differing_buckets(*(read_buckets(side, table, mask) for side in (source, copy)))
    listed = sorted(buckets)[:MOST_BUCKETS_LISTED]
    ours, theirs = (read_bucket_rows(side, table, mask, listed) for side in (source, copy))
    found = compare_rows(table, ours, theirs)[:limit]
    keys = [row.key for row in found if row.kind == "changed"]
    if keys:
        columns = differing_columns(table, *(read_column_hashes(side, table, keys) for side in (source, copy)))
        found = [name_columns(row, columns) for row in found]
    return [shorten_key(row) for row in found]


def bucket_mask(rows: int) -> int:
    """Return the number of buckets, a power of two, less one."""
    wanted = max(1, min(rows // ROWS_PER_BUCKET, MOST_BUCKETS))
    return (1 << (wanted - 1).bit_length()) - 1


def key_text(table: TableDigest) -> str:
    """Return the expression for the text that names a row: its primary key, or else the whole row's hash."""
    if not table.key:
        return f"to_hex(hashtextextended({row_text()}, 3))"
    return f"row({', '.join('t.' + quote_name(column) for column in table.key)})::text"


def fill_query(name: str, table: TableDigest, **parts: Any) -> str:
    """Return one query of this module with the table's expressions inserted, in one pass.

    A name may itself look like a placeholder, or hold a "%", which a query with bound parameters interprets.
    """
    query = read_query(__package__, f"digests/{name}")
    texts = {"key": key_text(table), "line": row_text(), "table": quote_name(table.schema, table.name)}
    texts |= {part: str(value) for part, value in parts.items()}
    if "%(" in query:
        texts = {part: text.replace("%", "%%") for part, text in texts.items()}
    return re.sub(r"\{(\w+)\}", lambda place: texts[place[1]], query)


def read_buckets(side: psycopg.Connection[DictRow], table: TableDigest, mask: int) -> dict[int, tuple[Any, ...]]:
    """Return for each bucket: how many rows, and the two sums of their hashes."""
    rows = side.execute(fill_query("buckets", table, mask=mask)).fetchall()
    return {row["bucket"]: (row["rows"], row["sum0"], row["sum1"]) for row in rows}


def differing_buckets(ours: dict[int, tuple[Any, ...]], theirs: dict[int, tuple[Any, ...]]) -> set[int]:
    """Return the buckets that differ between the sides."""
    return {bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket)}


def read_bucket_rows(
    side: psycopg.Connection[DictRow], table: TableDigest, mask: int, buckets: Sequence[int]
) -> Counter[tuple[str, int, int]]:
    """Return how often each (key, hash, hash) occurs in the buckets."""
    query = fill_query("bucket_rows", table, mask=mask)
    rows = side.execute(query, {"buckets": list(buckets)}).fetchall()
    return Counter((row["key"], row["hash0"], row["hash1"]) for row in rows)


def compare_rows(
    table: TableDigest, ours: Counter[tuple[str, int, int]], theirs: Counter[tuple[str, int, int]]
) -> list[RowDifference]:
    """Return each row that differs, by key; a row that occurs several times too often is named once."""
    lost = {key for key, *_ in ours - theirs}
    gained = {key for key, *_ in theirs - ours}
    kinds: dict[str, Kind] = {key: "missing" for key in lost - gained}
    kinds |= {key: "extra" for key in gained - lost}
    kinds |= {key: "changed" for key in lost & gained}
    return [RowDifference(table=table.label, kind=kinds[key], key=key) for key in sorted(kinds)]


def read_column_hashes(side: psycopg.Connection[DictRow], table: TableDigest, keys: Sequence[str]) -> dict[str, list[int | None]]:
    """Return for each key the hash of each column, None for a null."""
    hashes = ", ".join(f"hashtextextended(t.{quote_name(name)}::text, 0)" for name, _ in table.columns)
    rows = side.execute(fill_query("columns", table, hashes=hashes), {"keys": list(keys)}).fetchall()
    return {row["key"]: row["hashes"] for row in rows}


def differing_columns(
    table: TableDigest, ours: dict[str, list[int | None]], theirs: dict[str, list[int | None]]
) -> dict[str, tuple[str, ...]]:
    """Return for each key that both sides have the names of the columns that differ."""
    names = [name for name, _ in table.columns]
    return {
        key: tuple(name for name, a, b in zip(names, ours[key], theirs[key], strict=True) if a != b)
        for key in ours.keys() & theirs.keys()
    }


def name_columns(row: RowDifference, columns: dict[str, tuple[str, ...]]) -> RowDifference:
    """Return the row with the columns that differ."""
    return RowDifference(table=row.table, kind=row.kind, key=row.key, columns=columns.get(row.key, ()))


def shorten_key(row: RowDifference) -> RowDifference:
    """Return the row with a key that fits a table cell."""
    if len(row.key) <= LONGEST_KEY:
        return row
    return RowDifference(table=row.table, kind=row.kind, key=row.key[: LONGEST_KEY - 1] + "…", columns=row.columns)
