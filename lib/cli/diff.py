"""What differs between two finished runs."""

from __future__ import annotations

from lib.cli.verify import find_run
from lib.core.visible import say
from lib.core.wording import format_value
from lib.display.tables import make_table
from lib.evidence.log import EvidenceLine, read_evidence


def diff(a: str, b: str) -> int:
    """Print each check whose result or observed value differs between two runs; return the exit code 0."""
    before, after = ({line.check: line for line in read_evidence(find_run(run))} for run in (a, b))
    rows = [
        {"check": check, "before": describe(before.get(check)), "after": describe(after.get(check))}
        for check in sorted({*before, *after})
        if describe(before.get(check)) != describe(after.get(check))
    ]
    say(make_table(rows, f"What differs between {find_run(a).name} and {find_run(b).name}", limit=len(rows)))
    return 0


def describe(line: EvidenceLine | None) -> str:
    """Return one result in a few words."""
    return "not there" if line is None else f"{line.result.value}: {format_value(line.observed, line.unit)}"
