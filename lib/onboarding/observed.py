"""What was observed of an unknown project, as the pieces of `make init` hand it to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a person should look at.

    danger: True for what looks dangerous, which is told first; False for something to decide.
    place: "public.accounts", "supabase/seed.sql:12", "storage bucket avatars".
    question: one plain sentence: what was seen, and what is asked.
    """

    danger: bool
    place: str
    question: str


@dataclass(frozen=True, kw_only=True)
class ObservedDatabase:
    """A project's database as it was observed on the embedded server.

    exposed_schemas: the schemas that the matrix covers: those of `[api] schemas`, without the platform's own, and the
        project's schemas that an API role may use.
    owned_schemas: the schemas whose objects the project's migrations made.
    seed_counts: "schema.table" -> rows, of the tables that hold rows once the seed ran; {} without a seed.
    seed_problem: '' or why the seed could not be applied.
    identities, scopes, matrix: as the section rls of params has them; the matrix as observed.
    columns: table -> role -> verb -> the columns that it is granted on, where that is not all.
    functions: as the section rls has them, as observed. function_notes: what was seen of those that go beyond the matrix.
    unrecognised: (table, role, verb) of the cells that an explicit set of rows tells.
    rehearsal_rows: SQL text with rows that the seed lacks; '' when none were needed.
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
    columns: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = field(default_factory=dict)
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    function_notes: Mapping[str, str] = field(default_factory=dict)
    unrecognised: frozenset[tuple[str, str, str]] = frozenset()
    rehearsal_rows: str = ""
    rollbacks_from: str = ""
    problems: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
