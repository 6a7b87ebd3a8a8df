"""Row level security: on everywhere, declared for everything, and as declared when really tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.database import Database, read_query
from lib.errors import TargetError
from lib.results import Check, Findings, Json, Outcome, Result, failed, judge, looks_at, passed, skipped, unseen
from lib.sections import Rls
from lib.targets.pgtap import FOLDER, TapFile, run_test_files
from lib.targets.rls_classes import Cell
from lib.targets.rls_facts import Access, ProbedTable, read_access, read_tables, resolve_tables
from lib.targets.rls_probe import VERBS, observe_matrix
from lib.targets.rls_shown import cell_json, heat_map_cells, matrix_rows, name_cell
from lib.wording import join_words, show_count
from lib.world import World

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

MOST_NAMED = 6
"""Objects one detail names; the table below it has them all."""


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
    return Findings(results=[judge_enabled(tables, rls.schemas), judge_idle(policies, rls.schemas), judge_declared(rls, tables)], rows=rows)


def read_objects(database: Database, query: str, **binds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of one catalogue question: schema, shown, kind, is_safe, fact."""
    return database.rows(read_query("rls", query), **{name: list(values) for name, values in binds.items()})


def judge_enabled(tables: Sequence[ProbedTable], schemas: Sequence[str]) -> Result:
    """Judge that every table has row level security on."""
    check = "rls.every_table_enabled"
    if not tables:
        return unseen(check, f"There is no table in {join_words(schemas)}. Next: run 01_migrations, or correct `schemas`.")
    off = [f"{one.shown} ({show_count(one.policies, 'policy', 'policies')} idle)" if one.policies else one.shown for one in tables if not one.rls_enabled]
    detail = f"Row level security is off on {name_some(off)}. Next: alter table ... enable row level security." if off else ""
    return judge(check, holds=not off, observed=len(tables) - len(off), expected=len(tables), unit="tables", detail=detail)


def judge_idle(rows: Sequence[Mapping[str, Any]], schemas: Sequence[str]) -> Result:
    """Judge the tables that have policies; exposed ones with RLS off are every_table_enabled's to judge."""
    check = "rls.no_policy_without_rls"
    if not rows:
        return skipped(check, "No table has a policy.")
    off = [row for row in rows if not row["is_safe"]]
    idle = [f"{row['shown']} ({row['fact']})" for row in off if row["schema"] not in schemas]
    left_out = [row["shown"] for row in off if row["schema"] in schemas]
    detail = f"Policies do nothing on {name_some(idle)}. Next: enable row level security there, or drop them." if idle else ""
    if left_out and not idle:
        detail = f"Left out: {name_some(left_out)}, which rls.every_table_enabled judges."
    seen = len(rows) - len(left_out)
    return judge(check, holds=not idle, observed=seen - len(idle), expected=seen, unit="tables", detail=detail)


def judge_declared(rls: Rls, tables: Sequence[ProbedTable]) -> Result:
    """Judge that matrix and tables cover each other: no table, role or verb is left to chance."""
    check = "rls.every_table_is_declared"
    if not rls.matrix or not tables:
        why = "There is no table to declare." if rls.matrix else "params declare no `rls.matrix`, so nothing is expected."
        return unseen(check, f"{why} Next: declare table, role and verb in params.")
    found = resolve_tables(rls.matrix, tables)
    known = {table.shown for table in found.values()}
    undeclared = [table.shown for table in tables if table.shown not in known and table.needs_row]
    missing = [name for name in rls.matrix if name not in found]
    gaps = [gap for name in found for gap in find_gaps(rls, name)]
    parts = [
        f"not in the matrix: {name_some(undeclared)}" if undeclared else "",
        f"in the matrix but no table of {join_words(rls.schemas)}: {name_some(missing)}" if missing else "",
        f"nothing said about {name_some(gaps)}" if gaps else "",
    ]
    detail = "; ".join(part for part in parts if part)
    return judge(
        check,
        holds=not detail,
        observed={"undeclared": undeclared, "missing": missing, "gaps": gaps} if detail else len(known),
        expected=None if detail else len(known),
        unit=None if detail else "tables",
        detail=f"{detail[:1].upper()}{detail[1:]}. Next: declare each in `rls.matrix` of params." if detail else "",
    )


def find_gaps(rls: Rls, name: str) -> list[str]:
    """Return the roles and verbs that the matrix says nothing about for one table."""
    roles = dict.fromkeys(identity.role for identity in rls.identities.values())
    return [
        f"{name} {role} {verb}" for role in roles for verb in VERBS if verb not in rls.matrix[name].get(role, {})
    ]


@looks_at("rls.views_are_security_invoker")
def look_at_views(world: World) -> Findings:
    """Every view of the exposed schemas, and whose policies apply to who reads it."""
    rls: Rls = world.settings
    check = "rls.views_are_security_invoker"
    roles = sorted({identity.role for identity in rls.identities.values()})
    views = read_objects(world.target, "views", schemas=rls.schemas, roles=roles)
    rows = [
        {"view": row["shown"], "kind": row["kind"], "obeys policies": "yes" if row["is_safe"] else "no", "read by": row["fact"] or "no role held by policies"}
        for row in views
    ]
    if not views:
        return Findings(results=[skipped(check, f"There is no view in {join_words(rls.schemas)}.")])
    bad = [f"{row['kind']} {row['shown']}" for row in views if not row["is_safe"]]
    move = "alter view ... set (security_invoker = true); a materialized view: revoke select from the API roles"
    detail = f"The policies of the tables below do not hold for {name_some(bad)}. Next: {move}." if bad else ""
    return Findings(results=[judge(check, holds=not bad, observed=len(views) - len(bad), expected=len(views), unit="views", detail=detail)], rows=rows)


@looks_at("rls.definer_functions_fix_search_path")
def look_at_functions(world: World) -> Findings:
    """Every security-definer function of the project, and the search path it runs with."""
    check = "rls.definer_functions_fix_search_path"
    functions = read_objects(world.target, "definer_functions", managed=MANAGED_SCHEMAS)
    rows = [{"function": row["shown"], "kind": row["kind"], "search path": row["fact"] or "the caller's"} for row in functions]
    if not functions:
        return Findings(results=[skipped(check, "The project has no security-definer function.")])
    bad = [row["shown"] for row in functions if not row["is_safe"]]
    detail = f"The caller chooses what names mean inside {name_some(bad)}. Next: alter function ... set search_path = ''." if bad else ""
    return Findings(
        results=[judge(check, holds=not bad, observed=len(functions) - len(bad), expected=len(functions), unit="functions", detail=detail)],
        rows=rows,
    )


@looks_at("rls.probes_could_be_made", "rls.matrix_matches_declared")
def look_at_matrix(world: World) -> Findings:
    """What each role could really do to each table, found by trying and rolling back."""
    rls: Rls = world.settings
    verbs = VERBS if world.writes_allowed else ("select",)
    cells = observe_matrix(world.target, rls, verbs=verbs) if rls.matrix else []
    return Findings(
        results=[judge_probes(cells, world), judge_matrix(cells)],
        rows=matrix_rows(cells),
        artifacts={"matrix.json": [cell_json(cell) for cell in cells]},
        facts=heat_map_cells(cells, rls),
    )


def judge_probes(cells: Sequence[Cell], world: World) -> Result:
    """Judge that every cell could be told: a write that can't be made is an error, never a deny."""
    check = "rls.probes_could_be_made"
    tried = [cell for cell in cells if cell.outcome is not Outcome.SKIP]
    if not tried:
        return unseen(check, "No cell could be tried: no declared table with row level security is there. Next: see the checks above.")
    untold = [f"{name_cell(cell)} ({cell.detail})" for cell in tried if cell.outcome is Outcome.ERROR]
    if untold:
        move = "add rows to the fixtures that tell these apart, one in each scope and one outside"
        return unseen(check, f"{show_count(len(untold), 'cell')} could not be told: {name_some(untold)}. Next: {move}.", observed=len(tried) - len(untold), expected=len(tried), unit="cells")
    if not world.writes_allowed:
        name = world.environment
        return skipped(check, f"Only SELECT was tried: writing to {name} is not allowed, not even to roll it back. Next: run with ALLOW_WRITES={name} to try the rest.")
    return passed(check, observed=len(tried), expected=len(tried), unit="cells")


def judge_matrix(cells: Sequence[Cell]) -> Result:
    """Judge what was observed against what is declared, over the cells that could be told."""
    check = "rls.matrix_matches_declared"
    told = [cell for cell in cells if cell.outcome in (Outcome.PASS, Outcome.FAIL)]
    if not told:
        return unseen(check, "No cell of the matrix could be told. Next: see rls.probes_could_be_made.")
    wrong = [f"{name_cell(cell)} is {cell.observed}, declared {cell.declared} ({cell.detail})" for cell in told if cell.outcome is Outcome.FAIL]
    detail = f"{name_some(wrong)}. Next: correct the policy, or the matrix if it is meant." if wrong else ""
    return judge(check, holds=not wrong, observed=len(told) - len(wrong), expected=len(told), unit="cells", detail=detail)


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
        grants_row(table.shown, role, rls.matrix[name][role], access[role, table.shown])
        for name, table in found.items()
        for role in rls.matrix[name]
    ]
    return Findings(results=judge_grants(rows), rows=rows)


def grants_row(table: str, role: str, declared: Mapping[str, str], access: Access) -> dict[str, Json]:
    """Return one role's grants on one table: held, needed but missing, held but not needed."""
    needed = [verb for verb in VERBS if declared.get(verb, "deny") != "deny"]
    missing = [verb for verb in needed if not access.may(verb)]
    if needed and not access.uses_schema:
        missing = ["usage of its schema"]
    elif "insert" in needed:
        missing += [f"usage of {name}" for name in access.closed_sequences]
    spare = sorted(access.granted - set(needed)) if access.uses_schema else []
    return {
        "table": table,
        "role": role,
        "granted": ", ".join(verb for verb in (*VERBS, "truncate") if verb in access.granted) or "nothing",
        "missing": ", ".join(missing),
        "spare": ", ".join(spare),
    }


def judge_grants(rows: Sequence[Mapping[str, Json]]) -> list[Result]:
    """Judge the grants both ways; TRUNCATE is always spare, for no policy holds it."""
    missing = [f"{row['role']} lacks {row['missing']} on {row['table']}" for row in rows if row["missing"]]
    spare = [f"{row['role']} has {row['spare']} on {row['table']}" for row in rows if row["spare"]]
    lacking = f"{name_some(missing)}. Next: grant it in a migration; new tables are no longer granted by default." if missing else ""
    wide = f"{name_some(spare)}. Next: revoke it in a migration, so that a policy is not the only guard." if spare else ""
    facts = {"expected": len(rows), "unit": "rows of the matrix"}
    return [
        judge("rls.grants_match_declared", holds=not missing, observed=len(rows) - len(missing), detail=lacking, **facts),
        judge("rls.no_spare_grants", holds=not spare, observed=len(rows) - len(spare), detail=wide, **facts),
    ]


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
        {"file": one.path, "planned": one.planned, "ran": one.ran, "failed": len(one.failed), "note": "; ".join(filter(None, (one.problem, *one.failed)))}
        for one in files
    ]
    tap = {f"tap/{one.path.removeprefix(FOLDER.as_posix() + '/').replace('/', '__')}.txt": one.transcript for one in files if one.transcript}
    return Findings(results=[judge_pgtap(files)], rows=rows, artifacts=tap)


def judge_pgtap(files: Sequence[TapFile]) -> Result:
    """Judge the pack's own tests: every file ran as many as it planned, and all of them passed."""
    check = "rls.pgtap_tests_pass"
    if not files:
        return unseen(check, f"There is no test file in {FOLDER.as_posix()}. Next: write pgTAP tests of the policies there.")
    bad = [f"{one.path}: {one.problem or name_some(one.failed)}" for one in files if not one.is_good]
    ran, good = sum(one.ran for one in files), sum(one.ran - len(one.failed) for one in files)
    detail = f"{name_some(bad)}. Next: read the file's kept output." if bad else ""
    command = next((one.command for one in files if not one.is_good and one.command), files[0].command)
    return judge(check, holds=not bad, observed=good, expected=max(ran, sum(one.planned or 0 for one in files)), unit="tests", detail=detail, command=command)


def name_some(names: Sequence[str]) -> str:
    """Return the names as one phrase, the rest counted when there are many."""
    rest = [f"{len(names) - MOST_NAMED:,} more"] if len(names) > MOST_NAMED else []
    return join_words([*names[:MOST_NAMED], *rest])
