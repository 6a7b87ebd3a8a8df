"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from lib.clients.postgres.rls.declared import Rls as Rls
from lib.core.results import Check
from lib.tasks.base import Task

CHECKS: tuple[Check, ...] = (
    Check(id="rls.every_table_enabled", title="Every exposed table has row level security on"),
    Check(id="rls.no_policy_without_rls", title="No policy lies idle on a table without row level security"),
    Check(id="rls.every_table_is_declared", title="The declared matrix covers every exposed table, role and verb"),
    Check(id="rls.views_are_security_invoker", title="Every exposed view obeys the policies of whoever reads it"),
    Check(id="rls.definer_functions_fix_search_path", title="Every security-definer function fixes its search path"),
    Check(id="rls.probes_could_be_made", title="Every cell of the matrix could really be tried"),
    Check(id="rls.matrix_matches_declared", title="Every role can do what is declared, and nothing else"),
    Check(id="rls.grants_match_declared", title="Every role holds the grants that the matrix needs"),
    Check(id="rls.no_spare_grants", title="No role holds a grant that the matrix does not need", gate=False),
    Check(id="rls.pgtap_tests_pass", title="The project's own pgTAP tests pass"),
)

TASK = Task(
    name="rls",
    title="Row level security",
    notebook="02_rls.ipynb",
    checks=CHECKS,
    needs=("migrations.nothing_left_to_push",),
    waits_for=("seed",),
)
