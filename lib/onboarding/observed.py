"""What was seen of a project's database: the data that its observer hands to who writes the expectations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a person should look at.

    danger: it looks dangerous, and is told first, as a question; else it is something to decide.
    place: where it was seen: "public.accounts", "supabase/seed.sql:12", "storage bucket avatars".
    question: one sentence: what was seen, and what is asked.
    """

    danger: bool
    place: str
    question: str


@dataclass(frozen=True, kw_only=True)
class ObservedDatabase:
    """A project's database as its migrations and seed make it, and what every identity could do there.

    exposed_schemas: schemas of `[api]` in config.toml that exist. owned_schemas: those whose objects the migrations made.
    seed_counts: "schema.table" -> rows, of tables that the seed filled; empty without a seed.
    seed_problem: why the seed could not be applied or would not hold; '' when it was.
    identities, scopes, matrix: as the section `rls` of params.
    unrecognised: (table, role, verb) of cells that are told by an explicit set of rows.
    rehearsal_rows: SQL for launch/rows.sql; '' when none was needed.
    rollbacks_from: what migrations.rollbacks_from should say; '' when each migration has a rollback.
    problems: what stopped the observation in part, one sentence each.
    """

    exposed_schemas: tuple[str, ...] = ()
    owned_schemas: tuple[str, ...] = ()
    seed_counts: Mapping[str, int] = field(default_factory=dict)
    seed_problem: str = ""
    identities: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    matrix: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    unrecognised: frozenset[tuple[str, str, str]] = frozenset()
    rehearsal_rows: str = ""
    rollbacks_from: str = ""
    problems: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
