"""Why a launch is stopped: each cause once, with all that waits for it, who acts, and what to run next. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lib.core.results import Outcome
from lib.evidence.log import EvidenceLine
from lib.reporters.summary import standing_out

CHECK_ID = re.compile(r"\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b")
DEFAULT_OWNER = "default"
"""Who acts where a task names nobody of its own."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One thing to mend. line: what says it best; waiting: what else can't pass before it is mended; owner: who acts, or ''."""

    line: EvidenceLine
    waiting: tuple[EvidenceLine, ...] = ()
    owner: str = ""

    @property
    def tasks(self) -> list[str]:
        """The tasks to look at again once it is mended, in the order met."""
        return list(dict.fromkeys(line.task for line in (self.line, *self.waiting)))


def find_causes(lines: Iterable[EvidenceLine], owners: Mapping[str, str]) -> list[Cause]:
    """Return what stops the launch, worst first: what failed, then what could not be determined, the widest first.

    An undetermined check that names another one, which did not pass either, waits for that; so do those of one reason.
    """
    found = {line.check: line for line in standing_out(lines) if line.gate}
    groups: dict[str, list[EvidenceLine]] = {}
    alike: dict[tuple[str, ...], str] = {}
    for check, line in found.items():
        root = root_of(check, found)
        if found[root].result is Outcome.ERROR:
            root = alike.setdefault((found[root].detail, *found[root].fix), root)
        groups.setdefault(root, [])
        if root != check:
            groups[root].append(line)
    causes = [
        Cause(line=found[root], waiting=tuple(waiting), owner=owner_of(found[root].task, owners))
        for root, waiting in groups.items()
    ]
    return sorted(causes, key=lambda one: (one.line.result is not Outcome.FAIL, -len(one.waiting)))


def root_of(check: str, found: Mapping[str, EvidenceLine]) -> str:
    """Return the check that another one waits for in the end: itself, where it names none that did not pass.

    Of checks that wait for each other it is the first by name, whichever is asked for.
    """
    seen: list[str] = []
    onward: str | None = check
    while onward is not None and onward not in seen:
        seen.append(onward)
        onward = waits_for(found[onward], found)
    return seen[-1] if onward is None else min(seen[seen.index(onward) :])


def waits_for(line: EvidenceLine, found: Mapping[str, EvidenceLine]) -> str | None:
    """Return the first check that an undetermined one names and that did not pass either."""
    if line.result is not Outcome.ERROR:
        return None
    named = CHECK_ID.findall(" ".join([line.see or "", line.detail, *line.fix]))
    return next((one for one in named if one in found and one != line.check), None)


def owner_of(task: str, owners: Mapping[str, str]) -> str:
    """Return who acts on what a task finds; '' when the project names nobody."""
    return owners.get(task) or owners.get(DEFAULT_OWNER, "")


def tasks_of(causes: Sequence[Cause]) -> list[str]:
    """Return the tasks to look at again once every cause is mended."""
    return list(dict.fromkeys(task for cause in causes for task in cause.tasks))
