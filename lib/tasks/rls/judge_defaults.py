"""Judges what default privileges will open on the tables, sequences and functions to come. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.core.results import Json, Result
from lib.core.wording import name_some
from lib.tasks.rls.task import NEW_TABLES_START_CLOSED

HOSTED_MAKERS = ("postgres", "supabase_admin")
"""The roles whose default privileges a hosted project starts with."""

PLATFORM = ("graphql", "graphql_public", "realtime", "storage")

HOSTED_HOLDERS = ("anon", "authenticated")


KEPT_WHEN_CLOSED = {
    "tables": frozenset({"truncate", "references", "trigger", "maintain"}),
    "sequences": frozenset({"update"}),
}
"""What is left of postgres's default privileges in public where new tables are closed: the platform revokes the rest, and leaves
those of supabase_admin, which makes no tables of a project."""


def is_hosted(row: Mapping[str, Any], *, exposes_tables: bool) -> bool:
    """Whether a hosted project starts with it: in public, where new tables are exposed, and in the platform's own schemas."""
    if row["schema"] in PLATFORM:
        return row["maker"] in HOSTED_MAKERS
    if row["schema"] != "public" or row["maker"] not in HOSTED_MAKERS or row["holder"] not in HOSTED_HOLDERS:
        return False
    left = KEPT_WHEN_CLOSED.get(row["kind"], frozenset())
    return exposes_tables or row["maker"] != "postgres" or set(row["privileges"].split(", ")) <= left


def describe(row: Mapping[str, Any]) -> str:
    """Return one row as a phrase."""
    place = f"in {row['schema']}" if row["schema"] else "in every schema"
    return f"{row['holder']} gets {row['privileges']} on new {row['kind']} of {row['maker']} {place}"


def revoke(row: Mapping[str, Any]) -> str:
    """Return the statement that takes a default privilege back."""
    place = f" in schema {row['schema']}" if row["schema"] else ""
    return f"alter default privileges for role {row['maker']}{place} revoke all on {row['kind']} from {row['holder']};"


def judge_defaults(rows: Sequence[Mapping[str, Any]], *, exposes_tables: bool) -> Result:
    """Judge that the project opens no more of what is to come than a hosted project starts with.

    exposes_tables: whether new tables of public are open to the API's roles, as in projects from before 2026.
    """
    open_ones = [row for row in rows if not is_hosted(row, exposes_tables=exposes_tables)]
    return NEW_TABLES_START_CLOSED.judge(
        holds=not open_ones,
        observed=len(open_ones),
        expected=0,
        unit="default privileges beyond the platform's",
        detail=f"{name_some([describe(row) for row in open_ones])}." if open_ones else "",
        fix=[revoke(row) for row in open_ones[:6]],
        objects=[describe(row) for row in open_ones],
    )


def default_rows(rows: Sequence[Mapping[str, Any]], *, exposes_tables: bool) -> list[dict[str, Json]]:
    """Return one row a default privilege, as the notebook shows it."""
    return [
        {
            "schema": row["schema"] or "every schema",
            "new": row["kind"],
            "made by": row["maker"],
            "open to": row["holder"],
            "rights": row["privileges"],
            "as hosted": "yes" if is_hosted(row, exposes_tables=exposes_tables) else "no",
        }
        for row in rows
    ]
