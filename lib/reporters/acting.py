"""Who must do what after a run: each cause once, worst first, with all that waits for it, its owner and the next command."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lib.core.make_commands import make_command, pack_word
from lib.core.results import Outcome
from lib.evidence.log import EvidenceLine
from lib.reporters.report import RunReport
from lib.reporters.summary import standing_out

CHECK_ID = re.compile(r"\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b")
TELLING = 30
"""Characters of a finding that no other says by chance."""
AT_RISK = (
    {"rls", "credentials"},  # who may read or change what is not theirs
    {"migrations", "backup_restore", "seed"},  # the data
    {"deploy_rehearsal", "alerts", "health"},  # the service, and that somebody notices
)
"""What a failure of these tasks puts at risk, the gravest first; that of any other comes after."""


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

    @property
    def tasks(self) -> list[str]:
        """The tasks to look at again once it is fixed, in the order met."""
        return list(dict.fromkeys([*(line.task for line in self.lines), *(one.partition(".")[0] for one in self.waiting)]))


def find_causes(report: RunReport) -> tuple[Cause, ...]:
    """Return what keeps a run from being ready, worst first; what the project waives comes last."""
    waived = {*report.waived.covered, *report.waived.hidden}
    return tuple(
        Cause(
            lines=lines,
            waiting=waiting,
            owner=owner_of(report, lines[0].task),
            command=next_command(report, list(dict.fromkeys(line.task for line in lines))),
        )
        for lines, waiting in group_causes(report.lines, waived)
    )


def group_causes(
    lines: Iterable[EvidenceLine], waived: Collection[str] = ()
) -> list[tuple[tuple[EvidenceLine, ...], tuple[str, ...]]]:
    """Return the lines of each cause with the ids of what waits for it, worst first. Pure.

    Gates come before advisories, failures before what is unknown, then what puts more at risk, then what more waits for.
    An undetermined check that names another one, which did not pass either, waits for that; those of one reason are one cause.
    """
    every = list(lines)
    standing = {line.check: line for line in standing_out(every)}
    waits = {line.check: cause for line in every if (cause := waits_for(line, standing))}
    roots: dict[tuple[object, ...], list[EvidenceLine]] = {}
    for check, line in standing.items():
        if root_of(check, waits) == check:
            apart = check if line.result is Outcome.FAIL and not line.sentence else ""
            task = line.task if line.result is Outcome.FAIL else ""
            roots.setdefault((task, apart, line.gate, line.result, line.sentence), []).append(line)
    found = []
    for own in roots.values():
        checks = {line.check for line in own}
        found.append((tuple(own), tuple(one for one in waits if one not in checks and root_of(one, waits) in checks)))

    def place(one: tuple[tuple[EvidenceLine, ...], tuple[str, ...]]) -> tuple[bool, bool, bool, int, int]:
        (first, *_), waiting = one
        return first.check in waived, not first.gate, first.result is not Outcome.FAIL, gravity_of(first.task), -len(waiting)

    return sorted(found, key=place)


def gravity_of(task: str) -> int:
    """Return how grave a failure of a task is: 0 is the gravest."""
    return next((place for place, tasks in enumerate(AT_RISK) if task in tasks), len(AT_RISK))


def owner_of(report: RunReport, task: str) -> str:
    """Return who acts on a task's findings, as the project says; '' where it names nobody."""
    owners = report.run.owners
    return owners.get(task) or owners.get("default", "")


def waits_for(line: EvidenceLine, standing: Mapping[str, EvidenceLine]) -> str:
    """Return the check whose finding keeps this one from being judged; '' for none. standing: the findings, by check."""
    said = {Outcome.ERROR: [line.see or "", line.detail, *line.fix], Outcome.SKIP: [line.see or ""]}.get(line.result, [])
    named = CHECK_ID.findall(" ".join(said))
    found = next((one for one in named if one in standing and one != line.check), "")
    if found or line.result is not Outcome.ERROR:
        return found
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


def next_command(report: RunReport, tasks: Sequence[str]) -> str:
    """Return what to run once the cause of these tasks is fixed: they again, or the rest of a run that was cut off."""
    run = report.run
    if not report.outcome.finished:
        return make_command("resume", RUN=run.run_id)
    return make_command("readiness", ENV=run.environment, ONLY=",".join(tasks), PACK=pack_words(report))


def pack_words(report: RunReport) -> str:
    """Return the project as PACK= names it from the checkout; '' for the sample, which needs no name."""
    return pack_word(report.run.pack)
