"""Tables of a task's checks: what they came to, and, for what is stored in a notebook, which there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lib.core.results import Check, Outcome
from lib.core.wording import gate_word, outcome_word
from lib.display.tables import Table, make_table
from lib.evidence.log import EvidenceLine
from lib.tasks.base import Task

NOT_LOOKED_AT = "not looked at"
GOOD = (Outcome.PASS, Outcome.SKIP)


def verdict_table(task: Task, found: Mapping[str, EvidenceLine]) -> Table:
    """Return one row a check, in the task's own order, whether it was looked at or not. found: check -> its line."""
    rows = [
        {
            "check": check.id,
            "result": found[check.id].result.value if check.id in found else Outcome.ERROR.value,
            "counts as": gate_word(check.gate),
        }
        for check in task.checks
    ]
    return make_table(rows, f"Every check of {task.name}", limit=len(rows))


def standing_out(checks: Iterable[Check], found: Mapping[str, EvidenceLine]) -> dict[str, str]:
    """Return what is wrong with the result of each check that failed, could not be determined or was not looked at."""
    words = {check.id: outcome_word(found[check.id].result) if check.id in found else NOT_LOOKED_AT for check in checks}
    good = {outcome_word(one) for one in GOOD}
    return {name: word for name, word in words.items() if word not in good}
