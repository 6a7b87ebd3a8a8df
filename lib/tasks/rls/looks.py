"""Row level security: on everywhere, declared for everything, and as declared when really tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lib.clients.postgres.rls.catalogue import read_access, read_tables, resolve_tables
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import observe_matrix
from lib.clients.postgres.rls.trial import VERBS
from lib.core.errors import TargetError
from lib.core.results import Findings, looks_at, skipped, unseen
from lib.core.wording import join_words
from lib.tasks.rls.judge import (
    grants_row,
    judge_declared,
    judge_enabled,
    judge_grants,
    judge_idle,
    judge_matrix,
    judge_objects,
    judge_pgtap,
    judge_probes,
)
from lib.tasks.rls.pgtap import run_test_files
from lib.tasks.rls.show import cell_json, heat_map_cells, matrix_rows
from lib.transport.context import World
from lib.transport.database import Database, read_query

MANAGED_SCHEMAS = (
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "information_schema",
    "net",
    "pg_catalog",
    "pg_toast",
    "pgbouncer",
    "pgmq",
    "pgsodium",
    "pgsodium_masks",
    "realtime",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "vault",
)
"""Schemas whose objects the vendor makes: a pack can't change them.
Source: https://supabase.com/docs/guides/platform/migrating-within-supabase/backup-restore"""


@looks_at("rls.every_table_enabled", "rls.no_policy_without_rls", "rls.every_table_is_declared")
def look_at_tables(world: World) -> Findings:
    """Every table of the exposed schemas: whether its rows are guarded, and whether it is declared."""
    rls: Rls = world.settings
    tables = read_tables(world.target, rls.schemas)
    policies = read_objects(world.target, "policies", managed=MANAGED_SCHEMAS)
    declared = {table.shown for table in resolve_tables(rls.matrix, tables).values()}
    rows = [
        {
            "table": table.shown,
            "row level security": "on" if table.rls_enabled else "off",
            "policies": table.policies,
            "declared": "yes" if table.shown in declared else "no" if table.needs_row else "as its parent",
        }
        for table in tables
    ]
    return Findings(
        results=[judge_enabled(tables, rls.schemas), judge_idle(policies, rls.schemas), judge_declared(rls, tables)], rows=rows
    )


def read_objects(database: Database, query: str, **binds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of one catalogue question: schema, shown, kind, is_safe, fact."""
    return database.rows(read_query(__package__, query), **{name: list(values) for name, values in binds.items()})


@looks_at("rls.views_are_security_invoker")
def look_at_views(world: World) -> Findings:
    """Every view of the exposed schemas, and whether it obeys the policies of who reads it."""
    rls: Rls = world.settings
    roles = sorted({identity.role for identity in rls.identities.values()})
    views = read_objects(world.target, "views", schemas=rls.schemas, roles=roles)
    rows = [
        {
            "view": row["shown"],
            "kind": row["kind"],
            "obeys policies": "yes" if row["is_safe"] else "no",
            "read by": row["fact"] or "no role held by policies",
        }
        for row in views
    ]
    result = judge_objects(
        "rls.views_are_security_invoker",
        views,
        none="There is no view in the exposed schemas.",
        wrong="The policies of the tables below do not hold for",
        move="alter view ... set (security_invoker = true), or revoke a materialized view from the API roles",
    )
    return Findings(results=[result], rows=rows)


@looks_at("rls.definer_functions_fix_search_path")
def look_at_functions(world: World) -> Findings:
    """Every security-definer function of the project, and the search path it runs with."""
    functions = read_objects(world.target, "definer_functions", managed=MANAGED_SCHEMAS)
    rows = [{"function": row["shown"], "kind": row["kind"], "search path": row["fact"] or "the caller's"} for row in functions]
    result = judge_objects(
        "rls.definer_functions_fix_search_path",
        functions,
        none="The project has no security-definer function.",
        wrong="The caller chooses what names mean inside",
        move="alter function ... set search_path = ''",
    )
    return Findings(results=[result], rows=rows)


@looks_at("rls.probes_could_be_made", "rls.matrix_matches_declared")
def look_at_matrix(world: World) -> Findings:
    """What each role could really do to each table, found by trying and rolling back."""
    rls: Rls = world.settings
    verbs = VERBS if world.writes_allowed else ("select",)
    cells = observe_matrix(world.target, rls, verbs=verbs) if rls.matrix else []
    return Findings(
        results=[judge_probes(cells, unwritten=None if world.writes_allowed else world.environment), judge_matrix(cells)],
        rows=matrix_rows(cells),
        artifacts={"matrix.json": [cell_json(cell) for cell in cells]},
        facts=heat_map_cells(cells, rls),
    )


@looks_at("rls.grants_match_declared", "rls.no_spare_grants")
def look_at_grants(world: World) -> Findings:
    """What each role is granted, apart from any policy: what the matrix needs, and what it does not."""
    rls: Rls = world.settings
    found = resolve_tables(rls.matrix, read_tables(world.target, rls.schemas))
    roles = sorted({identity.role for identity in rls.identities.values()})
    access = read_access(world.target, rls.schemas, roles)
    absent = [role for role in roles if found and not any(key[0] == role for key in access)]
    if absent:
        raise TargetError(f"{world.target.shown} has no role {join_words(absent)}. Next: correct the identities in params.")
    if not found:
        reason = "No declared table is there. Next: see rls.every_table_is_declared."
        return Findings(results=[unseen(check, reason) for check in look_at_grants.check_ids])  # type: ignore[attr-defined]
    rows = [
        grants_row(table.shown, role, {str(verb): said for verb, said in verbs.items()}, access[role, table.shown])
        for name, table in found.items()
        for role, verbs in rls.matrix[name].items()
    ]
    return Findings(results=judge_grants(rows), rows=rows)


@looks_at("rls.pgtap_tests_pass")
def look_at_pgtap(world: World) -> Findings:
    """Every pgTAP file of the project, run in a transaction of its own that was rolled back."""
    psql = world.programs.postgres_bin / "psql"
    timeout_s = world.settings.statement_timeout_s
    if not world.writes_allowed:
        name = world.environment
        reason = f"Tests write before they roll back, and writing to {name} is not allowed. Next: run with ALLOW_WRITES={name}."
        return Findings(results=[skipped("rls.pgtap_tests_pass", reason)])
    files = list(run_test_files(world.target, world.pack, psql=psql, statement_timeout_s=timeout_s))
    rows = [
        {
            "file": one.path,
            "planned": one.planned,
            "ran": one.ran,
            "failed": len(one.failed),
            "note": "; ".join(filter(None, (one.problem, *one.failed))),
        }
        for one in files
    ]
    transcripts = {f"tap-{number:02d}-{name_file(one.path)}.txt": one.transcript for number, one in enumerate(files, start=1)}
    kept = {name: transcript for name, transcript in transcripts.items() if transcript}
    return Findings(results=[judge_pgtap(files)], rows=rows, artifacts=kept)


def name_file(path: str) -> str:
    """Return a test file's name as part of an artifact's."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", path.rpartition("/")[2])
