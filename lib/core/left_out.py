"""What becomes of a check whose sentence speaks of more objects than were judged: never a pass.

A title claims something of every object. Where some were left out, a pass over the others would be a false sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lib.core.results import Check, Result


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Objects that the sentence speaks of and that were not judged.

    reason: which they are and why, as a sentence. cause: id of the check that has found the cause; '' when none has, so
    that nobody knows what is true of them. fix: what makes them known, where no check says so.
    """

    reason: str
    cause: str = ""
    fix: str = ""


def judge_all(
    check: Check,
    *,
    holds: bool,
    left_out: Iterable[LeftOut],
    detail: str = "",
    fix: str | Sequence[str] | None = None,
    **facts: Any,
) -> Result:
    """Judge a sentence about every object.

    holds: whether it is so for all that were judged. left_out: those that were not. detail, fix: as for any result; fix is
    of a fail, and without one the check's own. facts: expected is how many objects the sentence speaks of.
    Returns a fail when one that was judged is wrong; else an error when nobody knows about one that was left out; else a
    skip that names the check which found the cause; else a pass.
    """
    aside = list(left_out)
    said = " ".join(one.reason for one in aside)
    if not holds:
        own = {} if fix is None else {"fix": fix}
        return check.failed(detail=f"{detail} {said}".strip(), **own, **facts)
    unknown = [one for one in aside if not one.cause]
    if unknown:
        return check.errored(said, fix=list(dict.fromkeys(one.fix for one in unknown)), **facts)
    if aside:
        return check.hidden_by(aside[0].cause, said, **facts)
    return check.passed(detail=detail, **facts)


def name_causes(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return cause -> the objects that it hides, in order. names: each object with its cause."""
    found: dict[str, list[str]] = {}
    for name, cause in names:
        found.setdefault(cause, []).append(name)
    return found
