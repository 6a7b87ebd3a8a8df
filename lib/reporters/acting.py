"""Who must do what after a run: each cause once, worst first, with all that waits for it, its owner and the next command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.core.paths import ROOT
from lib.core.results import Outcome
from lib.evidence.log import EvidenceLine
from lib.reporters.report import RunReport

NEEDS = re.compile(r"\bneeds ([a-z0-9_]+\.[a-z0-9_]+), which did not pass")
"""How a check says that an earlier one keeps it from being looked at."""
TELLING = 30
"""Characters of a finding that no other says by chance."""
SEE = re.compile(r"^(?:See|Fix) ([a-z0-9_]+\.[a-z0-9_]+)(?: first)?\.$")
"""How a fix says that another check's finding is the cause."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One reason that a run is not ready.

    lines: the checks that it stands behind, the worst first; they say the same. waiting: ids of the checks that can't be judged
    before it is fixed. owner: who acts, '' where the project names nobody. command: what to run once it is fixed.
    """

    lines: tuple[EvidenceLine, ...]
    waiting: tuple[str, ...]
    owner: str
    command: str

    @property
    def first(self) -> EvidenceLine:
        return self.lines[0]


def find_causes(report: RunReport) -> tuple[Cause, ...]:
    """Return what keeps a run from being ready, worst first; what the project waives comes last."""
    standing = {line.check: line for line in report.standing_out}
    waits = {line.check: cause for line in report.lines if (cause := waits_for(line, standing)) and cause in standing}
    roots: dict[tuple[object, ...], list[EvidenceLine]] = {}
    for check, line in standing.items():
        if check not in waits or root_of(check, waits) == check:
            roots.setdefault((line.task, line.result, line.sentence), []).append(line)
    waived = {*report.waived.covered, *report.waived.hidden}
    found = sorted(roots.values(), key=lambda lines: lines[0].check in waived)
    return tuple(as_cause(report, lines, waits) for lines in found)


def as_cause(report: RunReport, lines: Sequence[EvidenceLine], waits: Mapping[str, str]) -> Cause:
    """Return the cause that these lines say together."""
    checks = {line.check for line in lines}
    return Cause(
        lines=tuple(lines),
        waiting=tuple(check for check in waits if check not in checks and root_of(check, waits) in checks),
        owner=owner_of(report, lines[0].task),
        command=next_command(report, lines[0].task),
    )


def owner_of(report: RunReport, task: str) -> str:
    """Return who acts on a task's findings, as the project says; '' where it names nobody."""
    owners = report.run.owners
    return owners.get(task) or owners.get("default", "")


def waits_for(line: EvidenceLine, standing: Mapping[str, EvidenceLine]) -> str:
    """Return the check whose finding keeps this one from being judged; '' for none. standing: the findings, by check."""
    if line.see:
        return line.see
    if line.result is not Outcome.ERROR:
        return ""
    found = NEEDS.search(line.detail) or next((match for one in line.fix if (match := SEE.match(one))), None)
    if found:
        return found[1]
    failed = (one for one in standing.values() if one.result is Outcome.FAIL and len(one.detail) >= TELLING)
    return next((one.check for one in failed if one.detail in line.detail), "")  # it repeats what the other one found


def root_of(check: str, waits: Mapping[str, str]) -> str:
    """Return the first of a row of causes; of a circle, one that is the same from everywhere in it."""
    way = [check]
    while way[-1] in waits:
        following = waits[way[-1]]
        if following in way:
            return min(way[way.index(following) :])
        way.append(following)
    return way[-1]


def next_command(report: RunReport, task: str) -> str:
    """Return what to run once a task's cause is fixed: the task again, or the rest of a run that did not come to its end."""
    run = report.run
    if not report.outcome.finished:
        return f"make resume RUN={run.run_id}"
    pack = "" if run.pack == ROOT / "pack" else f" PACK={shlex.quote(str(run.pack))}"
    return f"make readiness ENV={run.environment} ONLY={task}{pack}"
