"""Judges what roles are granted against what the matrix needs, column by column. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.trial import VERBS
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Json, Result
from lib.core.wording import name_some
from lib.tasks.rls.judge import MOST_NAMED
from lib.tasks.rls.task import EVERY_TABLE_IS_DECLARED, GRANTS_MATCH_DECLARED, NO_SPARE_GRANTS

COLUMN_VERBS = ("select", "insert", "update")
"""Verbs that can be granted on some columns, in the order that Access has them."""


def grants_row(
    table: ProbedTable,
    role: str,
    declared: Mapping[str, str],
    access: Access,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Json]:
    """Return one role's grants on one table: held, needed but missing, held but not needed, held on other columns than declared.

    columns: verb -> the columns that are declared for it; a verb without any is declared for all of them.
    What the platform grants on its own tables is not the project's to revoke.
    """
    needed: list[str] = [verb for verb in VERBS if declared.get(verb, "deny") != "deny"]
    missing = [verb for verb in needed if not access.may(verb)]
    if needed and not access.uses_schema:
        missing = ["usage of its schema"]
    elif "insert" in needed:
        missing += [f"usage of {name}" for name in access.closed_sequences]
    is_ours = access.uses_schema and not table.is_platform
    spare = sorted((access.granted | access.past_policies) - set(needed)) if is_ours else []
    apart = [said for verb in needed if access.may(verb) for said in compare_columns(verb, access, (columns or {}).get(verb))]
    return {
        "table": table.display_name,
        "role": role,
        "granted": ", ".join(name_verb(verb, access) for verb in (*VERBS, "truncate") if verb in access.granted) or "nothing",
        "missing": ", ".join(missing),
        "columns": "; ".join(apart),
        "spare": ", ".join(name_verb(verb, access) for verb in spare),
        "to everybody": ", ".join(sorted(access.by_everybody)) if is_ours else "",
    }


def columns_of(verb: str, access: Access) -> list[str] | None:
    """Return the columns that a verb is granted on; None when it is granted on all, or can't be granted on some."""
    if verb not in COLUMN_VERBS:
        return None
    at = COLUMN_VERBS.index(verb)
    held = [name for name, rights in access.columns.items() if rights[at]]
    return None if len(held) == len(access.columns) else held


def name_verb(verb: str, access: Access) -> str:
    """Return a verb as a grant spells it, with its columns when it is not granted on all."""
    held = columns_of(verb, access)
    return verb if held is None else f"{verb} ({', '.join(held)})"


def compare_columns(verb: str, access: Access, declared: Sequence[str] | None) -> list[str]:
    """Return how the columns that a verb is granted on differ from those declared, as phrases. declared: None for all."""
    held = columns_of(verb, access)
    if held is None:
        return [] if declared is None else [f"may {verb} every column, declared {', '.join(declared)}"]
    if declared is None:
        return [f"may {verb} only {', '.join(held)}, which rls.columns does not declare"]
    beyond = [name for name in held if name not in declared]
    short = [name for name in declared if name not in held]
    return [
        *([f"may {verb} {', '.join(beyond)}, which is not declared"] if beyond else []),
        *([f"may not {verb} {', '.join(short)}, which is declared"] if short else []),
    ]


def judge_grants(rows: Sequence[Mapping[str, Json]], undeclared: Sequence[str] = ()) -> list[Result]:
    """Judge the grants both ways; what no policy restricts, such as TRUNCATE, is always spare.

    undeclared: what nobody declared, or declared of a table that is not there: no row speaks of it.
    """
    missing = [f"{row['role']} lacks {row['missing']} on {row['table']}" for row in rows if row["missing"]]
    missing += [f"{row['role']} {row['columns']} ({row['table']})" for row in rows if row["columns"]]
    well = sum(not row["missing"] and not row["columns"] for row in rows)
    spare = [row for row in rows if row["spare"]]
    # First what only a grant by name gives: everybody has it, or no policy restricts it.
    shared = {str(row["table"]): row["to everybody"] for row in rows if row["to everybody"]}
    named = [f"everybody has {rights} on {table}" for table, rights in shared.items()]
    named += [f"{row['role']} has {row['spare']} on {row['table']}" for row in spare]
    revokes = [f"revoke {rights} on {table} from public;" for table, rights in shared.items()]
    revokes += [f"revoke {row['spare']} on {row['table']} from {row['role']};" for row in spare]
    facts: dict[str, Json] = {"expected": len(rows), "unit": "rows of the matrix"}
    reason = f"Not to be compared with the matrix: {name_some(undeclared)}."
    left_out = [LeftOut(reason=reason, cause=EVERY_TABLE_IS_DECLARED.id)] if undeclared else []
    return [
        judge_all(
            GRANTS_MATCH_DECLARED,
            holds=not missing,
            left_out=left_out,
            observed=well,
            detail=f"{name_some(missing)}." if missing else "",
            fix="Grant what is missing in a migration; declare a grant on some columns in rls.columns, or revoke it.",
            objects=missing,
            **facts,
        ),
        judge_all(
            NO_SPARE_GRANTS,
            holds=not named,
            left_out=left_out,
            observed=len(rows) - len(spare),
            detail=f"{name_some(named)}." if named else "",
            fix=["Revoke it in a migration, so that a policy is not the only protection:", *revokes[:MOST_NAMED]],
            objects=named,
            **facts,
        ),
    ]
