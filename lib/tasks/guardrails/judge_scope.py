"""What a branch comes to beside the scope card of its direction: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from posixpath import dirname

from lib.core.results import Result
from lib.core.wording import format_count, name_some, plain_text
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.judge import MARKDOWN
from lib.tasks.guardrails.scope import ScopeCard, find_commands, find_tokens, is_touched, strange_tools
from lib.tasks.guardrails.task import SCOPE_CARD_KEPT

LONGEST_REASON = 300


class Kept(StrEnum):
    """What a branch comes to beside one bound."""

    KEPT = "kept"
    BROKEN = "broken"
    UNKNOWN = "not known"
    EXCEPTION = "exception"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One bound. name: as an exception names it. why: what breaks it, why it is not known, or the reason of the exception."""

    name: str
    limit: str
    seen: str
    kept: Kept
    why: str = ""


def weigh_bounds(
    card: ScopeCard, guarded: GuardedBranch, times: Sequence[datetime], *, path: str, template: str = ""
) -> list[Bound]:
    """Return what a branch comes to beside each bound that its direction declares.

    times: of its commits, oldest first. path: of the direction; template: what it is written by, which is no direction.
    """
    changes = sorted(guarded.branch.changes)
    found = []
    if card.directories is not None:
        strange = [one for one in changes if not is_touched(one, card.directories)]
        found.append(
            weigh("directories", name_some(card.directories), f"{len(strange)} files elsewhere", broken=name_some(strange))
        )
    if card.files is not None:
        is_more = len(changes) > card.files
        found.append(count_bound("files", len(changes), card.files, is_more=is_more))
    if card.minutes is not None:
        found.append(weigh_minutes(times, card.minutes))
    if card.tokens is not None:
        tokens = find_tokens(guarded.branch.messages, guarded.branch.added)
        unknown = "No commit and no transcript of the branch says 'Tokens: <number>'" if tokens is None else ""
        found.append(count_bound("tokens", tokens or 0, card.tokens, is_more=(tokens or 0) > card.tokens, unknown=unknown))
    if card.tools is not None:
        found.append(weigh_tools(guarded, card.tools))
    if card.is_alone:
        others = [one for one in changes if is_other_direction(one, path, template)]
        found.append(weigh("directions", "no other direction", f"{len(others)} changed", broken=name_some(others)))
    found += [unread_bound(one.label, one.value) for one in card.unread]
    return [excepted(one, guarded) for one in found]


def weigh(name: str, limit: str, seen: str, *, broken: str = "", unknown: str = "") -> Bound:
    """Return one bound: not known, broken, or kept."""
    if unknown:
        return Bound(name=name, limit=limit, seen="", kept=Kept.UNKNOWN, why=unknown)
    return Bound(name=name, limit=limit, seen=seen, kept=Kept.BROKEN if broken else Kept.KEPT, why=broken)


def count_bound(name: str, number: int, most: int, *, is_more: bool, unknown: str = "") -> Bound:
    """Return the bound of an amount."""
    broken = f"{number:,} {name}, at most {most:,}" if is_more else ""
    return weigh(name, f"at most {most:,}", f"{number:,}", broken=broken, unknown=unknown)


def weigh_minutes(times: Sequence[datetime], most: int) -> Bound:
    """Return the bound of time: from the first to the last commit."""
    if not times:
        return weigh("minutes", f"at most {most:,}", "", unknown="The branch has no commit yet")
    took = (times[-1] - times[0]).total_seconds() / 60
    bound = count_bound("minutes", round(took), most, is_more=took > most)
    return replace(bound, seen=f"{bound.seen} over {format_count(len(times), 'commit')}")


def weigh_tools(guarded: GuardedBranch, tools: Sequence[str]) -> Bound:
    """Return the bound of tools: by the commands in the transcripts that the branch brings."""
    commands = find_commands(guarded.branch.added)
    unknown = "The branch brings no transcript with a command ('$ ...') below artifacts/ or feedback/" if commands is None else ""
    strange = list(dict.fromkeys(tool for one in commands or () for tool in strange_tools(one, tools)))
    seen = format_count(len(commands or ()), "command")
    return weigh("tools", name_some(list(tools)), seen, broken=name_some(strange), unknown=unknown)


def is_other_direction(changed: str, path: str, template: str) -> bool:
    """Return whether a changed file is another direction: Markdown in the folder of this one."""
    return changed not in (path, template) and dirname(changed) == dirname(path) and MARKDOWN.search(changed) is not None


def unread_bound(label: str, value: str) -> Bound:
    """Return a line that speaks of a bound which could not be found in it."""
    return Bound(
        name=label, limit=plain_text(value, limit=120), seen="", kept=Kept.UNKNOWN, why="No bound was found in this line"
    )


def excepted(bound: Bound, guarded: GuardedBranch) -> Bound:
    """Return a bound that is not kept as an exception, where the policy or the branch gives a reason."""
    if bound.kept is Kept.KEPT:
        return bound
    reason = find_exception(bound.name, guarded)
    return replace(bound, kept=Kept.EXCEPTION, why=plain_text(reason, limit=LONGEST_REASON)) if reason else bound


def find_exception(name: str, guarded: GuardedBranch) -> str:
    """Return why a branch need not keep a bound, by its policy, its commits or its labelled pull request; '' for nothing.

    A reason that is shorter than one of a wide change must be is none.
    """
    rules, wide = guarded.policy.scope, guarded.policy.change.wide_change
    line = re.compile(
        rf"^{re.escape(rules.trailer)}:[ \t]*{re.escape(name)}[ \t]*:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE
    )
    texts = [*guarded.branch.messages, *([guarded.proposal.text] if wide.label in guarded.proposal.labels else [])]
    said = [match[1] for text in texts for match in line.finditer(text)]
    said += [reason for known, reason in rules.exceptions.items() if known == name]
    return max((one for one in said if len(one) >= wide.min_reason_characters), key=len, default="")


def bound_rows(bounds: Sequence[Bound]) -> list[dict[str, object]]:
    """Return one row a bound, as the page shows it."""
    return [
        {
            "bound": one.name,
            "the direction says": one.limit,
            "the branch": one.seen or "not known",
            "result": one.kept.value,
            "why": one.why,
        }
        for one in bounds
    ]


def judge_scope(path: str, bounds: Sequence[Bound], trailer: str) -> Result:
    """Judge that a branch keeps every bound of its direction, or says why not; one that is not known is never a pass."""
    check = SCOPE_CARD_KEPT
    if not bounds:
        return check.not_applicable(f"{path} declares no constraint that a branch could be compared with.")
    broken = [one for one in bounds if one.kept is Kept.BROKEN]
    unknown = [one for one in bounds if one.kept is Kept.UNKNOWN]
    apart = [f"{one.name}: {one.why}" for one in bounds if one.kept is Kept.EXCEPTION]
    by_reason = f" By exception: {'; '.join(apart)}." if apart else ""
    facts = {"observed": len(bounds) - len(broken) - len(unknown), "expected": len(bounds), "unit": "bounds"}
    missing = f" Not known: {name_some([f'{one.name} ({one.why})' for one in unknown])}." if unknown else ""
    if broken:
        said = name_some([f"{one.name} ({one.why})" for one in broken])
        fix = f"Split the branch, or add a line '{trailer}: {broken[0].name}: <why>' to a commit."
        return check.failed(detail=f"Beyond the bounds of {path}: {said}.{missing}{by_reason}", fix=fix, **facts)
    if unknown:
        fix = f"Let the branch say it, or add a line '{trailer}: {unknown[0].name}: <why>' to a commit."
        return check.errored(f"{missing.strip()}{by_reason}", fix=fix, **facts)
    return check.passed(detail=f"Every bound of {path} is kept.{by_reason}" if not apart else by_reason.strip(), **facts)
