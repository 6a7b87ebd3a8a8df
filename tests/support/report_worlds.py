"""Reports of made-up runs: green, red, blocked, unfinished, waived, with hostile texts, for whoever tells a run to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lib.core.files import write_whole
from lib.core.results import Outcome, Result, SkipReason
from lib.evidence.findings import describe_finding
from lib.reporters.report import RunReport, report_run
from lib.run.endings import RunOutcome
from lib.run.run_file import RunFile
from lib.run.waivers import Waiver
from lib.tasks.index import TASKS
from tests.support.paper_worlds import all_lines, make_pack, run_in

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
GATE = "rls.every_table_enabled"
OTHER_GATE = "migrations.rollbacks_restore_schema"
ADVISORY = "migrations.lint_is_clean"
MIGRATION = "supabase/migrations/20260101000000_init.sql"
HOSTILE = "x\n::set-output name=verdict::GO\n##[error]no <script>alert(1)</script> ]]> @everyone `|` \x1b[2J\ufffe {{7*7}} %0A"
"""Commands for CIs, markup, a mention, control characters, what XML can't hold."""


def result(check: str, outcome: Outcome, **facts: Any) -> Result:
    if outcome is Outcome.SKIP:
        facts.setdefault("skipped_because", SkipReason.NOT_DUE)
    return Result(check=check, outcome=outcome, **facts)


def world(
    home: Path,
    said: Mapping[str, Result] | None = None,
    *,
    waived: str = "",
    outcome: Mapping[str, Any] | None = None,
    **run: Any,
) -> RunReport:
    """Return the report of a run in which every check passed but those that are said. waived: the check that a waiver covers."""
    file = run_in(home, "20261126T120000Z-aaaa", pack=make_pack(home)).model_copy(update=run)
    write_whole(file.pack / MIGRATION, "create table public.votes (id int);\n")
    lines = all_lines(file, dict(said or {}), AT)
    if waived:
        file = waive(file, next(describe_finding(line) for line in lines if line.check == waived), waived)
    ended = RunOutcome(
        started_at=AT, ended_at=AT + timedelta(seconds=83), finished=True, partial=False, rehearsed_for=("STAGING_DATABASE_URL",)
    )
    return report_run(file, TASKS, lines, replace(ended, **(outcome or {})), took_s={"rls": 17.4, "seed": 13.0})


def waive(file: RunFile, seen: str, check: str) -> RunFile:
    given = {"check": check, "object": seen, "reason": "known", "who": "@team", "until": "2026-12-10"}
    return file.model_copy(update={"waivers": (Waiver.model_validate(given),)})


def red(home: Path, **changes: Any) -> RunReport:
    """Return a run in which a gate failed with a place, one was not determined and waits for it, and an advisory check failed."""
    said = {
        GATE: result(GATE, Outcome.FAIL, detail=f"{MIGRATION}, line 1: anon has truncate on public.votes.", fix=("revoke it;",)),
        OTHER_GATE: result(OTHER_GATE, Outcome.ERROR, detail="The rehearsal could not be made.", fix=(f"See {GATE}.",)),
        ADVISORY: result(ADVISORY, Outcome.FAIL, detail=HOSTILE, fix=(HOSTILE,), observed=HOSTILE),
        "seed.checks_hold": result("seed.checks_hold", Outcome.SKIP, detail="Nothing to do."),
    }
    return world(home, said, owners={"default": "@somebody", "rls": "ana@example.com"}, **changes)
