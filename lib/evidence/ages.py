"""Shelf life: how old a fact is, and when it is too old to say anything of now. Pure.

A fact is as old as the look that found it: in this run, in the run that it was taken over from, or in another environment's
run. Some speak of something older still, such as a backup or a dry run, and say of which moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from lib.core.results import Outcome
from lib.core.section import Section
from lib.core.wording import format_duration
from lib.evidence.log import EvidenceLine

Hours = Annotated[float, Field(gt=0, le=8760)]
LOOK_AGAIN = "Look at it again: run its task without REUSE."


class ShelfLife(Section):
    """How old a fact may be at the end of a run. What is older is not determined, whatever it was."""

    max_age_h: Hours = 24  # since it was looked at, h
    max_age_h_by_check: dict[str, Hours] = Field(default={})  # check -> instead of that; also for what its fact speaks of, h

    def limit_h(self, check: str) -> float:
        """Return how old a check's fact may be."""
        return self.max_age_h_by_check.get(check, self.max_age_h)

    @property
    def shortest_h(self) -> float:
        """The age up to which every fact holds."""
        return min(self.max_age_h, *self.max_age_h_by_check.values()) if self.max_age_h_by_check else self.max_age_h

    def why_stale(self, line: EvidenceLine, now: datetime) -> str:
        """Return why a fact is too old, as a sentence; '' when it is not.

        What it speaks of counts where the policy names the check; elsewhere the check itself judges that, as `within_rpo` does.
        """
        limit = self.limit_h(line.check)
        if line.as_of is not None and line.check in self.max_age_h_by_check and age_s(line.as_of, now) > limit * 3600:
            return f"It speaks of something {format_duration(age_s(line.as_of, now))} old, at most {limit:g} h."
        if age_s(looked_at(line), now) > limit * 3600:
            return f"Looked at {format_duration(age_s(looked_at(line), now))} ago, at most {limit:g} h."
        return ""

    def judge(self, line: EvidenceLine, now: datetime) -> EvidenceLine:
        """Return a line as it counts: a pass or a fail that is too old is an `error`, and says what it was."""
        why = self.why_stale(line, now) if line.result in (Outcome.PASS, Outcome.FAIL) else ""
        if not why:
            return line
        said = f"{why} It was `{line.result}` then. {line.detail}".strip()
        return line.model_copy(update={"result": Outcome.ERROR, "detail": said, "fix": (LOOK_AGAIN,), "objects": ()})


A_DAY = ShelfLife()
"""How long facts hold where nobody says anything else."""


def looked_at(line: EvidenceLine) -> datetime:
    """Return when the look began that found a fact, in whichever run that was."""
    return min(line.started_at, line.reused_from.looked_at) if line.reused_from else line.started_at


def oldest(line: EvidenceLine) -> datetime:
    """Return the moment that a fact speaks of."""
    return min(looked_at(line), line.as_of) if line.as_of else looked_at(line)


def age_s(moment: datetime, now: datetime) -> float:
    """Return the seconds since a moment; a moment of the future has none."""
    return max(0.0, (now - moment).total_seconds())
