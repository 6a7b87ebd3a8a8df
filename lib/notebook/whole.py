"""What is too long for a page is kept whole beside it: rows beyond those of a table, and a result that names hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lib.core.redact import redact
from lib.core.results import Findings, Result
from lib.display.tables import MOST_ROWS

LONGEST_DETAIL = 2_000
"""Characters of a result's detail, and of one thing to do: half a page, and more than a person reads of it."""
MOST_FIXES = 12
"""Things to do that one result names."""


def keep_whole(findings: Findings[object]) -> Findings[object]:
    """Return the findings as a page can show them, what was cut of them added to the artifacts."""
    artifacts: dict[str, Any] = dict(findings.artifacts)
    if len(findings.rows) > MOST_ROWS and findings.results and not any(name.endswith(".json") for name in artifacts):
        artifacts[f"{short_name(findings.results[0])}_rows.json"] = list(findings.rows)
    results = []
    for result in findings.results:
        bounded = bound(result)
        if bounded is not result:
            artifacts[name_whole(result)] = "\n".join([result.detail, *(f"Fix: {one}" for one in result.fix)]) + "\n"
        results.append(bounded)
    return replace(findings, results=results, artifacts=artifacts)


def short_name(result: Result) -> str:
    """Return a check's name without its task's."""
    return result.check.rpartition(".")[2]


def name_whole(result: Result) -> str:
    """Return the name of the artifact that holds all that a result says."""
    return f"{short_name(result)}.txt"


def bound(result: Result) -> Result:
    """Return the result itself, or one that says less and names the artifact with all of it."""
    is_long = any(len(text) > LONGEST_DETAIL for text in (result.detail, *result.fix))
    if not is_long and len(result.fix) <= MOST_FIXES:
        return result
    where = f"the whole is in {name_whole(result)}"
    return replace(result, detail=cut(result.detail, where), fix=tuple(cut_fixes(result.fix, where)))


def cut_fixes(fixes: Sequence[str], where: str) -> list[str]:
    """Return the first things to do, and how many more there are."""
    more = [f"And {len(fixes) - MOST_FIXES:,} more: {where}."] if len(fixes) > MOST_FIXES else []
    return [*(cut(one, where) for one in fixes[:MOST_FIXES]), *more]


def cut(text: str, where: str) -> str:
    """Return a text up to the last word that fits; credentials are removed before anything may halve one."""
    if len(text) <= LONGEST_DETAIL:
        return text
    head = redact(text)[:LONGEST_DETAIL].rpartition(" ")[0] or redact(text)[:LONGEST_DETAIL]
    return f"{head.rstrip(' ,;')} … ({len(text):,} characters; {where})"
