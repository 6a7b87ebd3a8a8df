"""What differs between two runs, of one environment or of two, and whether the second one is worse. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lib.core.results import Json, Outcome, Provenance
from lib.core.wording import as_sentence, format_count, format_value, join_words, outcome_word
from lib.evidence.log import EvidenceLine
from lib.tasks.index import every_check

RANK = {Outcome.FAIL: 0, Outcome.ERROR: 1, Outcome.SKIP: 2, Outcome.PASS: 3}
"""How good a result is. What was not looked at at all is as good as a skip."""
REALNESS = {where: place for place, where in enumerate(reversed(Provenance))}


class Turn(StrEnum):
    """What became of one check from the first run to the second."""

    WORSE = "worse"
    BETTER = "better"
    LESS_REAL = "less real"
    OTHER = "another value"
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One check in both runs; None where a run has no line of it."""

    check: str
    before: EvidenceLine | None
    after: EvidenceLine | None

    @property
    def gate(self) -> bool:
        return any(line.gate for line in (self.before, self.after) if line)

    @property
    def turn(self) -> Turn:
        """What became of it: first by its result, then by where it was performed, then by what was observed."""
        ranks = [RANK[line.result] if line else RANK[Outcome.SKIP] for line in (self.before, self.after)]
        if ranks[0] != ranks[1]:
            return Turn.WORSE if ranks[1] < ranks[0] else Turn.BETTER
        if not self.before or not self.after:
            return Turn.SAME
        if self.before.result is Outcome.PASS and REALNESS[self.after.provenance] < REALNESS[self.before.provenance]:
            return Turn.LESS_REAL
        return Turn.OTHER if self.before.observed != self.after.observed else Turn.SAME


ORDER = tuple(Turn)


def compare(before: Iterable[EvidenceLine], after: Iterable[EvidenceLine]) -> list[Difference]:
    """Return every check of either run, what became worse first, gates before advisories."""
    first, second = ({line.check: line for line in lines} for lines in (before, after))
    found = [Difference(check=check, before=first.get(check), after=second.get(check)) for check in {*first, *second}]
    return sorted(found, key=lambda one: (ORDER.index(one.turn), not one.gate, one.check))


def count_turns(found: Iterable[Difference]) -> dict[Turn, int]:
    """Return how many checks became what."""
    turns = [one.turn for one in found]
    return {turn: turns.count(turn) for turn in Turn}


def describe(found: Iterable[Difference], before: str, after: str) -> str:
    """Return what a comparison means, in a sentence or two. before, after: the runs as a person names them."""
    counts = count_turns(found)
    parts = [
        f"{format_count(counts[turn], 'check')} {'is' if counts[turn] == 1 else 'are'} {turn.value}"
        for turn in (Turn.WORSE, Turn.BETTER, Turn.LESS_REAL)
        if counts[turn]
    ]
    if not parts:
        values = f" {format_count(counts[Turn.OTHER], 'check')} observed another value." if counts[Turn.OTHER] else ""
        return as_sentence(f"{after} came to the same as {before}.{values}")
    same = counts[Turn.OTHER] + counts[Turn.SAME]
    return f"In {after}, compared with {before}, {join_words(parts)}; {format_count(same, 'check')} came to the same."


def say_result(line: EvidenceLine | None) -> str:
    """Return one result in a few words: what it came to, what was observed, how real it was."""
    if line is None:
        return "not looked at"
    seen = f": {format_value(line.observed, line.unit, limit=80)}" if line.observed is not None else ""
    where = f" ({line.provenance.value})" if line.result is not Outcome.SKIP else ""
    return f"{outcome_word(line.result)}{seen}{where}"


def title_of(check: str) -> str:
    """Return a check's title, or its id where this workbook does not know it."""
    known = every_check()
    return known[check].title if check in known else check


def as_json(found: Iterable[Difference], about: Mapping[str, Json]) -> dict[str, Json]:
    """Return a comparison for programs: about, counts by turn, and each check that is not the same."""
    every = list(found)
    return {
        **about,
        "counts": {turn.value: many for turn, many in count_turns(every).items()},
        "checks": [
            {
                "check": one.check,
                "gate": one.gate,
                "turn": one.turn.value,
                "before": as_side(one.before),
                "after": as_side(one.after),
            }
            for one in every
            if one.turn is not Turn.SAME
        ],
    }


def as_side(line: EvidenceLine | None) -> dict[str, Json] | None:
    """Return one run's side of a check for programs; None where it has no line of it."""
    if line is None:
        return None
    return {
        "result": line.result.value,
        "skipped_because": line.skipped_because.value if line.skipped_because else None,
        "provenance": line.provenance.value,
        "observed": line.observed,
        "expected": line.expected,
        "detail": line.detail,
    }
