"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class Migrations(Section):
    """What 01_migrations holds the pack's migrations to."""

    max_exclusive_lock_ms: float = Field(gt=0)  # longest ACCESS EXCLUSIVE on a table with rows, ms
    max_blocked_ms: float = Field(gt=0)  # longest a background statement may wait, ms
    scales: list[int] = Field(min_length=1)  # rehearse at these multiples of the seed's rows
    schemas: list[str] = Field(min_length=1)  # schemas the pack owns
    lock_wait_s: float = Field(gt=0)  # how long to wait for another run on the same target, s
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s


CHECKS: tuple[Check, ...] = (
    Check(id="migrations.found", title="The pack has migrations"),
    Check(id="migrations.names_are_valid", title="Every migration file has a name the CLI does not skip"),
    Check(id="migrations.versions_are_unique", title="No two migration files carry one version"),
    Check(id="migrations.files_are_atomic", title="Every migration file is applied whole or not at all"),
    Check(id="migrations.lint_is_clean", title="The linter has nothing to advise", gate=False),
    Check(id="migrations.history_has_no_drift", title="What was applied before is what the files say"),
    Check(id="migrations.dry_run_lists_pending", title="A dry run lists exactly the pending migrations"),
    Check(id="migrations.applies_on_twin", title="Every pending migration applies to a twin of the target"),
    Check(id="migrations.applies_with_rows", title="Every migration applies to tables that hold rows", gate=False),
    Check(id="migrations.no_long_exclusive_lock", title="No migration shuts a table with rows for long"),
    Check(id="migrations.background_work_not_blocked", title="Readers and writers go on while migrations run"),
    Check(id="migrations.rollbacks_restore_schema", title="Every rollback brings the schema before it back"),
    Check(id="migrations.one_run_at_a_time", title="No other run changes the target meanwhile"),
    Check(id="migrations.pushed_to_target", title="The pending migrations are pushed to the target"),
    Check(id="migrations.nothing_left_to_push", title="Nothing is left to push"),
    Check(id="migrations.target_matches_twin", title="The target has become what the twin became"),
    Check(id="migrations.advisors_report_no_errors", title="The database advisors report no error"),
    Check(id="migrations.advisors_report_no_warnings", title="The database advisors report no warning", gate=False),
)

TASK = Task(
    name="migrations",
    title="Migrations",
    notebook="01_migrations.ipynb",
    checks=CHECKS,
)
