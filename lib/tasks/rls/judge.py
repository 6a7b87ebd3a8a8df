"""What an RLS look saw, judged: pure, rows in and results out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.postgres.rls.catalogue import Access, ProbedTable, resolve_tables
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.trial import VERBS
from lib.core.results import Json, Outcome, Result, judge, passed, skipped, unseen
from lib.core.wording import join_words, show_count
from lib.tasks.rls.pgtap import FOLDER, TapFile
from lib.tasks.rls.show import name_cell

MOST_NAMED = 6
"""Objects one detail names; the table below it has them all."""


def judge_enabled(tables: Sequence[ProbedTable], schemas: Sequence[str]) -> Result:
    """Judge that every table has row level security on."""
    check = "rls.every_table_enabled"
    if not tables:
        return unseen(check, f"There is no table in {join_words(schemas)}. Next: run 01_migrations, or correct `schemas`.")
    off = [
        f"{one.shown} ({show_count(one.policies, 'policy', 'policies')} idle)" if one.policies else one.shown
        for one in tables
        if not one.rls_enabled
    ]
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


def judge_objects(check: str, rows: Sequence[Mapping[str, Any]], *, none: str, wrong: str, move: str) -> Result:
    """Judge that every object found is safe.

    none: why there is nothing to judge, when there is nothing. wrong: what is so of those that are not safe.
    """
    if not rows:
        return skipped(check, none)
    bad = [f"{row['kind']} {row['shown']}" for row in rows if not row["is_safe"]]
    detail = f"{wrong} {name_some(bad)}. Next: {move}." if bad else ""
    return judge(check, holds=not bad, observed=len(rows) - len(bad), expected=len(rows), unit="objects", detail=detail)


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
    return [f"{name} {role} {verb}" for role in roles for verb in VERBS if verb not in rls.matrix[name].get(role, {})]


def judge_probes(cells: Sequence[Cell], *, unwritten: str | None) -> Result:
    """Judge that every cell could be told: a write that can't be made is an error, never a deny.

    unwritten: the environment, when it may not be written to.
    """
    check = "rls.probes_could_be_made"
    tried = [cell for cell in cells if cell.outcome is not Outcome.SKIP]
    if not tried:
        return unseen(
            check, "No cell could be tried: no declared table with row level security is there. Next: see the checks above."
        )
    untold = [f"{name_cell(cell)} ({cell.detail})" for cell in tried if cell.outcome is Outcome.ERROR]
    if untold:
        move = "add rows to the fixtures that tell these apart, one in each scope and one outside"
        return unseen(
            check,
            f"{show_count(len(untold), 'cell')} could not be told: {name_some(untold)}. Next: {move}.",
            observed=len(tried) - len(untold),
            expected=len(tried),
            unit="cells",
        )
    if unwritten is not None:
        return skipped(
            check,
            f"Only SELECT was tried: writing to {unwritten} is not allowed, not even to roll it back. "
            f"Next: run with ALLOW_WRITES={unwritten} to try the rest.",
        )
    return passed(check, observed=len(tried), expected=len(tried), unit="cells")


def judge_matrix(cells: Sequence[Cell]) -> Result:
    """Judge what was observed against what is declared, over the cells that could be told."""
    check = "rls.matrix_matches_declared"
    told = [cell for cell in cells if cell.outcome in (Outcome.PASS, Outcome.FAIL)]
    if not told:
        return unseen(check, "No cell of the matrix could be told. Next: see rls.probes_could_be_made.")
    wrong = [
        f"{name_cell(cell)} is {cell.observed}, declared {cell.declared} ({cell.detail})"
        for cell in told
        if cell.outcome is Outcome.FAIL
    ]
    detail = f"{name_some(wrong)}. Next: correct the policy, or the matrix if it is meant." if wrong else ""
    return judge(check, holds=not wrong, observed=len(told) - len(wrong), expected=len(told), unit="cells", detail=detail)


def grants_row(table: str, role: str, declared: Mapping[str, str], access: Access) -> dict[str, Json]:
    """Return one role's grants on one table: held, needed but missing, held but not needed."""
    needed: list[str] = [verb for verb in VERBS if declared.get(verb, "deny") != "deny"]
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
    lacking = (
        f"{name_some(missing)}. Next: grant it in a migration; new tables are no longer granted by default." if missing else ""
    )
    wide = f"{name_some(spare)}. Next: revoke it in a migration, so that a policy is not the only guard." if spare else ""
    facts = {"expected": len(rows), "unit": "rows of the matrix"}
    return [
        judge("rls.grants_match_declared", holds=not missing, observed=len(rows) - len(missing), detail=lacking, **facts),
        judge("rls.no_spare_grants", holds=not spare, observed=len(rows) - len(spare), detail=wide, **facts),
    ]


def judge_pgtap(files: Sequence[TapFile]) -> Result:
    """Judge the pack's own tests: every file ran as many as it planned, and all of them passed."""
    check = "rls.pgtap_tests_pass"
    if not files:
        return unseen(check, f"There is no test file in {FOLDER.as_posix()}. Next: write pgTAP tests of the policies there.")
    bad = [f"{one.path}: {one.problem or name_some(one.failed)}" for one in files if not one.is_good]
    ran, good = sum(one.ran for one in files), sum(one.ran - len(one.failed) for one in files)
    detail = f"{name_some(bad)}. Next: read the file's kept output." if bad else ""
    command = next((one.command for one in files if not one.is_good and one.command), files[0].command)
    return judge(
        check,
        holds=not bad,
        observed=good,
        expected=max(ran, sum(one.planned or 0 for one in files)),
        unit="tests",
        detail=detail,
        command=command,
    )


def name_some(names: Sequence[str]) -> str:
    """Return the names as one phrase, the rest counted when there are many."""
    rest = [f"{len(names) - MOST_NAMED:,} more"] if len(names) > MOST_NAMED else []
    return join_words([*names[:MOST_NAMED], *rest])
