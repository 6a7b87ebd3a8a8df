"""Which results keep a verdict from being better: the smallest sets of gates that would flip it if they passed. Pure.

It asks the rules themselves (`lib.core.verdict.decide`) and knows none of them but one: a gate that passes on the real thing
never makes a verdict worse. So a gate without which even all others together reach nothing is in every set; what is left to
be chosen is searched, the smallest sets first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from lib.core.results import Outcome, Provenance
from lib.core.verdict import GateInput, Verdict

BEST_FIRST = tuple(Verdict)
NOBODY: Mapping[str, str] = {}
"""Which check hides which, when none does."""

Rules = Callable[[Sequence[GateInput]], Verdict]
"""The verdict of results, all else of the run being as it is."""
Checks = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Flip:
    """What would make a verdict better. sets: the smallest sets of gates, all of one size, each of which leads to `verdict`."""

    verdict: Verdict
    sets: tuple[Checks, ...]

    @property
    def size(self) -> int:
        return len(self.sets[0])


def find_flips(
    judged: Sequence[GateInput], rules: Rules, *, gates: Collection[str] = (), hidden_by: Mapping[str, str] = NOBODY
) -> tuple[Flip, ...]:
    """Return what would make the verdict better, the nearest first; none where no result can.

    gates: ids of the gates that the run asked for. hidden_by: check -> the check whose finding hides it, and whose pass lets it
    be looked at. The last one leads to the best verdict that results alone can lead to.
    """
    known = sorted({one.check for one in judged if one.gate} | set(gates))
    follows = followers(judged, hidden_by)

    def reach(changed: Collection[str]) -> Verdict:
        every = {*changed, *(one for cause in changed for one in follows.get(cause, ()))}
        return rules([*(one for one in judged if one.check not in every), *map(passing, sorted(every))])

    def reaches(target: int, changed: Collection[str]) -> bool:
        return BEST_FIRST.index(reach(changed)) <= target

    now, best = BEST_FIRST.index(rules(judged)), BEST_FIRST.index(reach(known))
    flips: list[Flip] = []
    for target in range(now - 1, best - 1, -1):
        sets = smallest_sets(known, partial(reaches, target))
        if flips and flips[-1].sets == sets:
            flips.pop()
        flips.append(Flip(verdict=BEST_FIRST[target], sets=sets))
    return tuple(flips)


def passing(check: str) -> GateInput:
    """Return a gate as it counts once it has been looked at on the real thing, and is as it should be."""
    return GateInput(check=check, outcome=Outcome.PASS, gate=True, provenance=Provenance.LIVE)


def followers(judged: Sequence[GateInput], hidden_by: Mapping[str, str]) -> dict[str, list[str]]:
    """Return each gate that failed or is not determined -> the gates that can't be looked at before it passes."""
    standing = {one.check for one in judged if one.gate and not one.is_waived and one.outcome in (Outcome.FAIL, Outcome.ERROR)}
    found: dict[str, list[str]] = {}
    for one in (one.check for one in judged if one.gate and one.is_hidden):
        cause, way = hidden_by.get(one, ""), {one}
        while cause in hidden_by and cause not in standing and cause not in way:
            way.add(cause)
            cause = hidden_by[cause]
        if cause in standing:
            found.setdefault(cause, []).append(one)
    return found


def smallest_sets(known: Sequence[str], reaches: Callable[[Collection[str]], bool]) -> tuple[Checks, ...]:
    """Return every smallest set that reaches what is wanted, in order.

    reaches: true of a set, and of every larger one that holds it; true of all that are known.
    """
    needed = [one for one in known if not reaches([other for other in known if other != one])]
    if reaches(needed):
        return (frozenset(needed),)
    rest = [one for one in known if one not in needed]
    return next(found for found in each_size(needed, rest, reaches) if found)


def each_size(
    needed: Sequence[str], rest: Sequence[str], reaches: Callable[[Collection[str]], bool]
) -> Iterator[tuple[Checks, ...]]:
    """Yield, for one more gate each time, the sets of that size that reach what is wanted."""
    for size in range(1, len(rest) + 1):
        some = (frozenset([*needed, *more]) for more in combinations(rest, size))
        yield tuple(one for one in some if reaches(one))
