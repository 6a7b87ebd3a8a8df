"""How far a run is from a better verdict, in words: "2 results from GO: `a` and `b`". Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lib.core.flips import Flip
from lib.core.verdict import Verdict
from lib.core.wording import format_count, join_words, name_some

MOST_NAMED = 6
"""Results named of one set; the page has a row for each."""


def describe_flips(flips: Sequence[Flip], verdict: Verdict) -> list[str]:
    """Return one sentence for each better verdict that results alone lead to, and one when none leads to a GO."""
    if verdict is Verdict.GO:
        return []
    said = [f"{format_count(one.size, 'result')} from {one.verdict.word}: {name_sets(one)}." for one in flips]
    if not flips or flips[-1].verdict is not Verdict.GO:
        said.append("No result alone leads to GO: the verdict also rests on how the run was asked for, and how it ended.")
    return said


def name_sets(flip: Flip) -> str:
    """Return which results would have to pass: all of one set, or those of any one of several."""
    if len(flip.sets) == 1:
        return name_some(sorted(flip.sets[0]), most=MOST_NAMED)
    every = sorted(frozenset.intersection(*flip.sets))
    rest = sorted(frozenset().union(*flip.sets) - set(every))
    return join_words([*every, f"any {flip.size - len(every)} of {name_some(rest, most=MOST_NAMED)}"])
