"""Judges row level security: rows in, one Result out for each check of rls. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.postgres.rls.catalogue import ProbedTable, resolve_tables
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import NOT_GUARDED
from lib.clients.postgres.rls.trial import VERBS
from lib.clients.postgres.schema import name_differences
from lib.core.results import Check, Outcome, Result
from lib.core.wording import format_count, join_words, name_some
from lib.tasks.rls.place import Place
from lib.tasks.rls.show import name_cell, say_reach
from lib.tasks.rls.task import (
    EVERY_TABLE_ENABLED,
    EVERY_TABLE_IS_DECLARED,
    GRANTS_MATCH_DECLARED,
    MATRIX_MATCHES_DECLARED,
    NO_POLICY_WITHOUT_RLS,
    PROBES_COULD_BE_MADE,
    TWIN_GRANTS_THE_SAME,
)

MOST_NAMED = 6
"""Objects named in a detail; the table below it lists all."""


def judge_enabled(tables: Sequence[ProbedTable], schemas: Sequence[str]) -> Result:
    """Judge that every table has row level security on."""
    check = EVERY_TABLE_ENABLED
    if not tables:
        return check.errored(
            f"There is no table in {join_words(schemas)}.", fix="Run 01_migrations, or correct rls.schemas in the params file."
        )
    off = [one for one in tables if not one.rls_enabled]
    named = [
        f"{one.display_name} ({format_count(one.policies, 'policy', 'policies')} not enforced)"
        if one.policies
        else one.display_name
        for one in off
    ]
    return check.judge(
        holds=not off,
        observed=len(tables) - len(off),
        expected=len(tables),
        unit="tables",
        detail=f"Row level security is off on {name_some(named)}." if off else "",
        fix=[f"alter table {one.display_name} enable row level security;" for one in off[:MOST_NAMED]],
        objects=[one.display_name for one in off],
    )


def judge_unenforced(rows: Sequence[Mapping[str, Any]], schemas: Sequence[str]) -> Result:
    """Judge the tables that have policies; exposed ones with RLS off are judged by every_table_enabled."""
    check = NO_POLICY_WITHOUT_RLS
    if not rows:
        return check.not_applicable("No table has a policy.")
    off = [row for row in rows if not row["is_safe"]]
    unenforced = [row for row in off if row["schema"] not in schemas]
    named = [f"{row['display_name']} ({row['fact']})" for row in unenforced]
    left_out = [row["display_name"] for row in off if row["schema"] in schemas]
    detail = f"Policies are not enforced on {name_some(named)}." if unenforced else ""
    if left_out and not unenforced:
        return check.hidden_by(
            EVERY_TABLE_ENABLED.id,
            f"Not judged here: {name_some(left_out)}.",
            observed=len(rows) - len(left_out),
            expected=len(rows),
            unit="tables",
        )
    fixes = [f"alter table {row['display_name']} enable row level security;" for row in unenforced[:MOST_NAMED]]
    return check.judge(
        holds=not unenforced,
        observed=len(rows) - len(off),
        expected=len(rows),
        unit="tables",
        detail=detail,
        fix=[*fixes, "Or drop the policies."],
        objects=[row["display_name"] for row in unenforced],
    )


def judge_objects(check: Check, rows: Sequence[Mapping[str, Any]], *, none: str, wrong: str, fix: Mapping[str, str]) -> Result:
    """Judge that every object found is safe.

    none: the reason of the skip when there is no object. wrong: what is wrong with the unsafe ones, the start of
        a sentence. fix: kind -> what to do, with {display_name} and other columns of the row.
    """
    if not rows:
        return check.not_applicable(none)
    bad = [row for row in rows if not row["is_safe"]]
    named = [f"{row['kind']} {row['display_name']}" for row in bad]
    return check.judge(
        holds=not bad,
        observed=len(rows) - len(bad),
        expected=len(rows),
        unit="objects",
        detail=f"{wrong} {name_some(named)}." if bad else "",
        fix=[fix[row["kind"]].format(**row) for row in bad[:MOST_NAMED]],
        objects=named,
    )


def judge_declared(rls: Rls, tables: Sequence[ProbedTable]) -> Result:
    """Judge that matrix and tables cover each other: no table, role or verb is left undeclared."""
    check = EVERY_TABLE_IS_DECLARED
    if not rls.matrix or not tables:
        why = (
            "There is no table to declare." if rls.matrix else "The params file declares no `rls.matrix`, so nothing is expected."
        )
        return check.errored(why, fix="Declare table, role and verb in rls.matrix of the params file.")
    found = resolve_tables(rls.matrix, tables)
    known = {table.display_name for table in found.values()}
    undeclared = [table.display_name for table in tables if table.display_name not in known and table.needs_row]
    missing = [name for name in rls.matrix if name not in found]
    gaps = [gap for name in found for gap in find_gaps(rls, name)]
    parts = [
        f"not in the matrix: {name_some(undeclared)}" if undeclared else "",
        f"in the matrix but not a table of {join_words(rls.schemas)}: {name_some(missing)}" if missing else "",
        f"not declared: {name_some(gaps)}" if gaps else "",
    ]
    detail = "; ".join(part for part in parts if part)
    return check.judge(
        holds=not detail,
        observed={"undeclared": undeclared, "missing": missing, "gaps": gaps} if detail else len(known),
        expected=None if detail else len(known),
        unit=None if detail else "tables",
        detail=f"{detail[:1].upper()}{detail[1:]}." if detail else "",
        fix="Declare each in rls.matrix of the params file.",
        objects=[*undeclared, *missing, *gaps],
    )


def find_gaps(rls: Rls, name: str) -> list[str]:
    """Return the roles and verbs that the matrix does not declare for one table."""
    roles = dict.fromkeys(identity.role for identity in rls.identities.values())
    return [f"{name} {role} {verb}" for role in roles for verb in VERBS if verb not in rls.matrix[name].get(role, {})]


def judge_probes(cells: Sequence[Cell]) -> Result:
    """Judge that every cell could be determined: a write that can't be tried is an error, never a deny."""
    check = PROBES_COULD_BE_MADE
    tried = [cell for cell in cells if cell.outcome is not Outcome.SKIP]
    if not tried and cells:
        return hide_cells(check, cells, observed=0, expected=len(cells), unit="cells")
    if not tried:
        return check.errored(
            "No cell could be tried: there is no declared table with row level security.", fix="See the checks above."
        )
    facts: dict[str, Any] = {"expected": len(cells), "unit": "cells"}
    undetermined = [f"{name_cell(cell)} ({cell.detail})" for cell in tried if cell.outcome is Outcome.ERROR]
    if undetermined:
        verb = "is" if len(undetermined) == 1 else "are"
        return check.errored(
            f"{format_count(len(undetermined), 'cell')} {verb} inconclusive: {name_some(undetermined)}.",
            observed=len(tried) - len(undetermined),
            fix="Add rows to the fixtures that distinguish these scopes: one row in each scope and one outside.",
            **facts,
        )
    if len(tried) < len(cells):
        return hide_cells(check, cells, observed=len(tried), **facts)
    return check.passed(observed=len(tried), **facts)


def judge_matrix(cells: Sequence[Cell], open_live: Sequence[Cell] = (), undeclared: Sequence[str] = ()) -> Result:
    """Judge what was observed against what is declared, over every cell that is declared.

    open_live: what a role reads on the live database although it is declared as denied. undeclared: tables and verbs that
    nobody declared, so that nobody knows whether a role may do nothing else.
    """
    check = MATRIX_MATCHES_DECLARED
    determined = [cell for cell in cells if cell.outcome in (Outcome.PASS, Outcome.FAIL)]
    if cells and all(cell.outcome is Outcome.SKIP for cell in cells):
        return hide_cells(check, cells, observed=0, expected=len(cells), unit="cells")
    if not determined:
        return check.errored("No cell of the matrix could be determined.", fix="See rls.probes_could_be_made.")
    failed = [cell for cell in determined if cell.outcome is Outcome.FAIL]
    wrong = [f"{name_cell(cell)} {say_reach(cell)}: {cell.detail}" for cell in failed]
    well = len(determined) - len(wrong)
    wrong += [f"{name_cell(cell)} {say_reach(cell)}, on the live database" for cell in open_live]
    facts: dict[str, Any] = {"observed": well, "expected": len(cells), "unit": "cells"}
    if not wrong and any(cell.outcome is Outcome.ERROR for cell in cells):
        return check.hidden_by(PROBES_COULD_BE_MADE.id, "Not every cell could be determined.", **facts)
    if not wrong and len(determined) < len(cells):
        return hide_cells(check, cells, **facts)
    if not wrong and undeclared:
        facts |= {"expected": f"{len(cells)} cells, and all that is not declared", "unit": None}
        return check.hidden_by(EVERY_TABLE_IS_DECLARED.id, f"Not declared, so not tried: {name_some(undeclared)}.", **facts)
    return check.judge(
        holds=not wrong,
        detail=f"{name_some(wrong)}." if wrong else "",
        fix="Correct the policy; or correct rls.matrix in the params file, if the behaviour is intended.",
        objects=[f"{name_cell(cell)} {say_reach(cell)}" for cell in [*failed, *open_live]],
        **facts,
    )


def hide_cells(check: Check, cells: Sequence[Cell], **facts: Any) -> Result:
    """Return the skip of a check that can't speak of every cell, since of some another check has found the cause."""
    left_out = [cell for cell in cells if cell.outcome is Outcome.SKIP]
    is_open = any(cell.observed == NOT_GUARDED for cell in left_out)
    cause = EVERY_TABLE_ENABLED if is_open else GRANTS_MATCH_DECLARED
    tables = list(dict.fromkeys(cell.table for cell in left_out))
    reason = f"{format_count(len(left_out), 'cell')} of {name_some(tables)} could not be judged."
    return check.hidden_by(cause.id, reason, **facts)


def judge_place(place: Place) -> Result:
    """Judge that what decides access on the live database is what decides it on the twin, where roles were tried."""
    check = TWIN_GRANTS_THE_SAME
    if not place.is_twin:
        return check.not_due("Roles were tried on the database itself.")
    if not place.compared:
        return check.errored("The live database has no object to compare.", fix="Correct rls.schemas in the params file.")
    apart = place.differences
    return check.judge(
        holds=not apart,
        observed=place.compared - len(apart),
        expected=place.compared,
        unit="objects",
        detail=f"Not the same: {name_differences(apart)}." if apart else "",
        objects=[f"{one.object} ({one.change})" for one in apart],
    )


def find_undeclared(rls: Rls, tables: Sequence[ProbedTable]) -> list[str]:
    """Return the tables, roles and verbs that the matrix does not declare, and those that it declares and that are not there."""
    found = resolve_tables(rls.matrix, tables)
    known = {table.display_name for table in found.values()}
    open_tables = [table.display_name for table in tables if table.display_name not in known and table.needs_row]
    missing = [name for name in rls.matrix if name not in found]
    return [*open_tables, *missing, *(gap for name in found for gap in find_gaps(rls, name))]
