"""Which entries of a dump are restored into a fresh hosted project: the pack's, and what the platform does not have already."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lib.clients.postgres.dumps import LEFT_OUT_SCHEMAS, PLATFORM_SCHEMAS, SYSTEM, TocEntry
from lib.transport.database import quote_name

ALWAYS_RESTORED = frozenset({"TABLE DATA", "SEQUENCE SET", "ACL", "DEFAULT ACL"})
"""Kinds of entries with rows or grants: they replace a fresh project's own on purpose."""
OWNED = frozenset({"AGGREGATE", "FUNCTION", "MATERIALIZED VIEW", "PROCEDURE", "SCHEMA", "SEQUENCE", "TABLE", "TYPE", "VIEW"})
"""Kinds of entries that have an owner of their own."""


def choose_entries(entries: Sequence[TocEntry], fresh: Sequence[TocEntry], available: Collection[str]) -> list[TocEntry]:
    """Return the entries to restore: the pack's, and those of the platform that a fresh project lacks.

    What is in the platform's internal schemas, or in Postgres's own, a fresh project has already.

    available: extensions that can be created here; others exist only on the hosted platform.
    """
    # A dump of named schemas creates `public` too; a dump of the whole database leaves it out, as Postgres's own.
    there = {("SCHEMA", "-", "public"), *((entry.kind, entry.schema, without_owner(entry)) for entry in fresh)}
    absent = missing_extensions(entries, available)
    return [
        entry
        for entry in entries
        if entry not in absent
        and entry.schema not in (SYSTEM, *LEFT_OUT_SCHEMAS)
        and not (entry.schema == "-" and named_schema(entry) in LEFT_OUT_SCHEMAS)
        and (
            entry.schema not in (*PLATFORM_SCHEMAS, "-")
            or entry.kind in ALWAYS_RESTORED
            or (entry.kind, entry.schema, without_owner(entry)) not in there
        )
    ]


def missing_extensions(entries: Sequence[TocEntry], available: Collection[str]) -> list[TocEntry]:
    """Return the entries of extensions that can't be created here, their comments too."""
    absent = {without_owner(entry) for entry in entries if entry.kind == "EXTENSION" and without_owner(entry) not in available}
    spelled = {f"EXTENSION {spelling}" for name in absent for spelling in (name, quote_name(name))}
    return [
        entry
        for entry in entries
        if (entry.kind == "EXTENSION" and without_owner(entry) in absent)
        or (entry.kind == "COMMENT" and without_owner(entry) in spelled)
    ]


def named_schema(entry: TocEntry) -> str:
    """Return the schema that an entry makes, or gives rights on; '' for any other entry."""
    name = without_owner(entry)
    return name if entry.kind == "SCHEMA" else name.removeprefix("SCHEMA ") if name.startswith("SCHEMA ") else ""


def without_owner(entry: TocEntry) -> str:
    """Return the entry's name without the owner, which is its last word."""
    return entry.name.rpartition(" ")[0]


def is_reowned(entry: TocEntry, superusers: Collection[str]) -> bool:
    """Return whether an entry is an object of the project that a superuser owns in the source."""
    is_own = entry.kind in OWNED and entry.schema not in PLATFORM_SCHEMAS
    return is_own and entry.name.rpartition(" ")[2] in superusers
