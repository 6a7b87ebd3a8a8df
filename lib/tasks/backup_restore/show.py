"""Rows of the page about a backup and its restore: one an object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lib.clients.postgres.digests import TableDigest
from lib.tasks.backup_restore.compare import CellPair
from lib.tasks.backup_restore.store import KeptBackup


def describe_table_pair(ours: TableDigest, theirs: TableDigest) -> dict[str, Any]:
    """Return one table as a row of the page."""
    same = (ours.rows, ours.digest) == (theirs.rows, theirs.digest)
    return {
        "table": ours.label,
        "rows in the source": ours.rows,
        "rows in the copy": theirs.rows,
        "digest": ours.digest if same else f"{ours.digest} is {theirs.digest} in the copy",
        "same": same,
    }


def describe_cell_pair(pair: CellPair) -> dict[str, Any]:
    """Return one cell of the RLS matrix on both sides."""
    return {
        "table": pair.source.table,
        "role": pair.source.role,
        "verb": pair.source.verb,
        "source": pair.source.observed,
        "copy": pair.copy.observed if pair.copy else None,
        "same": pair.same,
    }


def describe_kept(one: KeptBackup, now: datetime, chosen: Sequence[KeptBackup], good: Sequence[KeptBackup]) -> dict[str, Any]:
    """Return one backup as a row of the page."""
    return {
        "backup": one.id,
        "age in hours": round(one.age_s(now) / 3600, 1) if one.taken_at else None,
        "size in MB": round(one.size_bytes / 1e6, 2),
        "state": "; ".join(one.problems) or ("intact" if one in good else "not proved"),
        "then": "deleted" if one in chosen else "kept",
    }
