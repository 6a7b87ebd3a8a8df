"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class Seed(Section):
    """What 03_seed expects the database to hold after the fixtures were applied."""

    schemas: list[str] = Field(min_length=1)  # schemas whose tables are counted and digested
    reserved_email_domains: list[str] = Field(min_length=1)  # domains a fixture's e-mail may be under
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s
    expected_counts: dict[str, int]  # table -> rows


CHECKS: tuple[Check, ...] = (
    Check(id="seed.applied_with_cli", title="The Supabase CLI applies the seed files"),
    Check(id="seed.history_records_file", title="The database notes each seed file by its present content"),
    Check(id="seed.applied_twice_changes_nothing", title="Applying the seed a second time changes no row"),
    Check(id="seed.row_counts_match", title="Every table holds as many rows as declared"),
    Check(id="seed.foreign_keys_hold", title="Every foreign key holds for every row"),
    Check(id="seed.checks_hold", title="Every check constraint holds for every row"),
    Check(id="seed.not_nulls_hold", title="No column that must be filled is empty in any row"),
    Check(id="seed.emails_are_reserved", title="Every e-mail address lies under a domain reserved for examples"),
)

TASK = Task(
    name="seed",
    title="Seed fixtures",
    notebook="03_seed.ipynb",
    checks=CHECKS,
    needs=("migrations.nothing_left_to_push",),
)
