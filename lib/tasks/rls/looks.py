"""Row level security: on for every table, declared for everything, and as declared when really tried."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lib.clients.postgres.rls.catalogue import read_access, read_tables, resolve_tables
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Rls, Verb
from lib.clients.postgres.rls.probe import observe_matrix
from lib.clients.postgres.rls.trial import VERBS
from lib.clients.supabase.cli import SupabaseCli, open_cli, stage_project
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.errors import TargetError
from lib.core.offered import offer_looks
from lib.core.results import Findings, Outcome, look
from lib.core.wording import join_words
from lib.tasks.rls.cli_tests import FILE as CLI_FILE
from lib.tasks.rls.cli_tests import run_by_cli
from lib.tasks.rls.judge import (
    find_undeclared,
    judge_declared,
    judge_enabled,
    judge_matrix,
    judge_objects,
    judge_place,
    judge_probes,
    judge_unenforced,
)
from lib.tasks.rls.judge_grants import grants_row, judge_grants
from lib.tasks.rls.judge_pgtap import judge_pgtap
from lib.tasks.rls.look_api import look_at_api as look_at_api
from lib.tasks.rls.look_calls import look_at_calls as look_at_calls
from lib.tasks.rls.look_roles import look_at_defaults as look_at_defaults
from lib.tasks.rls.look_roles import look_at_roles as look_at_roles
from lib.tasks.rls.pgtap import run_test_files
from lib.tasks.rls.pgtap_junit import FILE as JUNIT
from lib.tasks.rls.pgtap_junit import format_pgtap
from lib.tasks.rls.place import open_place
from lib.tasks.rls.show import MatrixCell, cell_json, heat_map_cells, matrix_rows
from lib.tasks.rls.task import (
    DEFINER_FUNCTIONS_FIX_SEARCH_PATH,
    EVERY_TABLE_ENABLED,
    EVERY_TABLE_IS_DECLARED,
    GRANTS_MATCH_DECLARED,
    MATRIX_MATCHES_DECLARED,
    MIGRATION_TIMEOUT_S,
    NO_POLICY_WITHOUT_RLS,
    NO_SPARE_GRANTS,
    PGTAP_TESTS_PASS,
    PROBES_COULD_BE_MADE,
    TWIN_GRANTS_THE_SAME,
    VIEWS_ARE_SECURITY_INVOKER,
)
from lib.transport.context import Context
from lib.transport.control import ControlClock
from lib.transport.database import Database, read_query

Word = TypeVar("Word")

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
"""Schemas whose objects the vendor creates: a pack can't change them.
Source: https://supabase.com/docs/guides/platform/migrating-within-supabase/backup-restore"""


@look(EVERY_TABLE_ENABLED, NO_POLICY_WITHOUT_RLS, EVERY_TABLE_IS_DECLARED)
def look_at_tables(context: Context[Rls]) -> Findings[None]:
    """Every table of the exposed schemas: whether row level security is on, and whether it is declared."""
    if refusal := refuse_unpushed(context):
        return look_at_tables.not_allowed(refusal)
    rls = context.settings
    tables = read_tables(context.target, rls.schemas, rls.matrix)
    policies = read_objects(context.target, "policies", managed=MANAGED_SCHEMAS)
    declared = {table.display_name for table in resolve_tables(rls.matrix, tables).values()}
    rows = [
        {
            "table": table.display_name,
            "row level security": "on" if table.rls_enabled else "off",
            "policies": table.policies,
            "declared": "yes" if table.display_name in declared else "no" if table.needs_row else "as its parent",
        }
        for table in tables
    ]
    return Findings(
        results=[judge_enabled(tables, rls.schemas), judge_unenforced(policies, rls.schemas), judge_declared(rls, tables)],
        rows=rows,
    )


def read_objects(database: Database, query: str, **binds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of one catalogue query: schema, display_name, kind, is_safe, fact."""
    return database.rows(read_query(__package__, query), **{name: list(values) for name, values in binds.items()})


@look(VIEWS_ARE_SECURITY_INVOKER)
def look_at_views(context: Context[Rls]) -> Findings[None]:
    """Every view of the exposed schemas, and whether the reader's policies apply to it."""
    if refusal := refuse_unpushed(context):
        return look_at_views.not_allowed(refusal)
    rls = context.settings
    roles = sorted({identity.role for identity in rls.identities.values()})
    views = read_objects(context.target, "views", schemas=rls.schemas, roles=roles)
    rows = [
        {
            "view": row["display_name"],
            "kind": row["kind"],
            "obeys policies": "yes" if row["is_safe"] else "no",
            "read by": row["fact"] or "no role under policies",
        }
        for row in views
    ]
    result = judge_objects(
        VIEWS_ARE_SECURITY_INVOKER,
        views,
        none="There is no view in the exposed schemas.",
        wrong="The policies of the underlying tables are not applied to readers of",
        fix={
            "view": "alter view {display_name} set (security_invoker = true);",
            "materialized view": "revoke select on {display_name} from {fact};",
            "foreign table": "revoke select on {display_name} from {fact};",
            "outer view": "alter view {fact} set (security_invoker = true); or revoke select on it.",
            "view with a rule": "Drop the rules of {display_name}: or revoke writing from {fact}.",
        },
    )
    return Findings(results=[result], rows=rows)


@look(DEFINER_FUNCTIONS_FIX_SEARCH_PATH)
def look_at_functions(context: Context[Rls]) -> Findings[None]:
    """Every security-definer function of the project, and the search path it runs with."""
    if refusal := refuse_unpushed(context):
        return look_at_functions.not_allowed(refusal)
    functions = read_objects(context.target, "definer_functions", managed=MANAGED_SCHEMAS)
    rows = [
        {"function": row["display_name"], "kind": row["kind"], "search path": row["fact"] or "the caller's"} for row in functions
    ]
    result = judge_objects(
        DEFINER_FUNCTIONS_FIX_SEARCH_PATH,
        functions,
        none="The project has no security-definer function.",
        wrong="The caller's search path decides what names mean inside",
        fix=dict.fromkeys(("function", "procedure"), "alter {kind} {display_name} set search_path = '';"),
    )
    return Findings(results=[result], rows=rows)


@look(PROBES_COULD_BE_MADE, MATRIX_MATCHES_DECLARED, TWIN_GRANTS_THE_SAME)
def look_at_matrix(context: Context[Rls]) -> Findings[list[MatrixCell]]:
    """What each role can really do to each table, found by trying and rolling back."""
    if refusal := refuse_unpushed(context):
        return look_at_matrix.not_allowed(refusal)
    rls = context.settings
    with open_place(context) as place:
        cells = (
            observe_matrix(place.database, rls, verbs=VERBS, prepare=place.prepare, makes_rows=True, by_clause=True)
            if rls.matrix
            else []
        )
    open_live = find_open_live(context) if place.is_twin else []
    undeclared = find_undeclared(rls, read_tables(context.target, rls.schemas, rls.matrix)) if rls.matrix else []
    judged = (judge_probes(cells), judge_matrix(cells, open_live, undeclared))
    tried = [replace(one, provenance=place.provenance) for one in judged]
    return Findings(
        results=[*tried, judge_place(place)],
        rows=matrix_rows(cells),
        artifacts={"matrix.json": [cell_json(cell) for cell in cells]},
        facts=heat_map_cells(cells, rls),
    )


def find_open_live(context: Context[Rls]) -> list[Cell]:
    """Return what a role reads on the live database although it is declared as denied; nothing is written there."""
    cells = observe_matrix(context.target, context.settings, verbs=("select",)) if context.settings.matrix else []
    return [cell for cell in cells if cell.declared == "deny" and cell.outcome is Outcome.FAIL]


@look(GRANTS_MATCH_DECLARED, NO_SPARE_GRANTS)
def look_at_grants(context: Context[Rls]) -> Findings[None]:
    """What each role is granted, whatever the policies: what the matrix needs, and what it does not need."""
    if refusal := refuse_unpushed(context):
        return look_at_grants.not_allowed(refusal)
    rls = context.settings
    tables = read_tables(context.target, rls.schemas, rls.matrix)
    found = resolve_tables(rls.matrix, tables)
    roles = sorted({identity.role for identity in rls.identities.values()})
    access = read_access(context.target, rls.schemas, roles, rls.matrix)
    absent = [role for role in roles if found and not any(key[0] == role for key in access)]
    if absent:
        raise TargetError(
            f"{context.target.display_name} has no role {join_words(absent)}.", fix="Correct rls.identities in the params file."
        )
    if not found:
        return look_at_grants.errors("No declared table exists.", fix="See rls.every_table_is_declared.")
    rows = [
        grants_row(
            table, role, words_of(verbs), access[role, table.display_name], words_of(rls.columns.get(name, {}).get(role, {}))
        )
        for name, table in found.items()
        for role, verbs in rls.matrix[name].items()
    ]
    return Findings(results=judge_grants(rows, find_undeclared(rls, tables)), rows=rows)


def words_of(said: Mapping[Verb, Word]) -> dict[str, Word]:
    """Return what is said of each verb."""
    return {str(verb): word for verb, word in said.items()}


@look(PGTAP_TESTS_PASS)
def look_at_pgtap(context: Context[Rls]) -> Findings[None]:
    """Every pgTAP file of the project, run in its own transaction that was rolled back."""
    if refusal := refuse_unpushed(context):
        return look_at_pgtap.not_allowed(refusal)
    timeout_s = context.settings.statement_timeout_s
    with open_place(context) as place, ControlClock() as clock:
        began_s = time.monotonic()
        files = list(run_test_files(place.database, context.pack, statement_timeout_s=timeout_s))
        control = clock.since(began_s)
        by_cli = run_by_cli(lambda: stage_cli(context), place.database, context.pack) if files else None
    rows = [
        {
            "file": one.path,
            "planned": one.planned,
            "ran": one.ran,
            "failed": len(one.failed),
            "note": "; ".join(filter(None, (one.problem, *one.failed, *(f"still to do: {name}" for name in one.unfinished)))),
        }
        for one in files
    ]
    transcripts = {f"tap-{number:02d}-{name_file(one.path)}.txt": one.transcript for number, one in enumerate(files, start=1)}
    kept = {name: transcript for name, transcript in transcripts.items() if transcript}
    kept |= {JUNIT: format_pgtap(files)} if files else {}
    kept |= {CLI_FILE: by_cli.transcript} if by_cli is not None and by_cli.transcript else {}
    result = judge_pgtap(files, control, timeout_s=timeout_s, by_cli=by_cli)
    return Findings(results=[replace(result, provenance=place.provenance)], rows=rows, artifacts=kept)


def stage_cli(context: Context[Rls]) -> SupabaseCli:
    """Return the CLI in a copy of what it reads of the project."""
    workdir = stage_project(context.pack, context.work / "pgtap_project")
    programs, timeout_s = context.programs, context.borrow(MIGRATION_TIMEOUT_S)
    return open_cli(programs.supabase, workdir, timeout_s=timeout_s, older=programs.supabase_before)


def name_file(path: str) -> str:
    """Return a test file's name as part of an artifact's."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", path.rpartition("/")[2])


offer_looks(__name__)
