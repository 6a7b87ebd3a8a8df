"""The page that says what each green is worth: the faults made on purpose, and which of them were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lib.core.faults import End, KillRate, Trial
from lib.core.wording import format_count
from lib.evidence.log import EvidenceLine
from lib.reporters.html.model import FaultsPage, OperatorRow
from lib.tasks.index import every_check

PAGE = "faults.html"


def sum_up_faults(trials: Sequence[Trial], total: KillRate) -> FaultsPage:
    """Return what the page shows. trials: of the whole run. total: what they come to, as the run's evidence has it."""
    return FaultsPage(
        sentence=describe_faults(total),
        total=total,
        rows=tuple(operator_rows(trials)),
        missed=tuple(one for one in trials if one.end is End.MISSED),
        alarms=tuple(one for one in trials if one.end is End.FALSE_ALARM),
        elsewhere=tuple(one for one in trials if one.end is End.ELSEWHERE),
        equivalent=tuple(one for one in trials if one.end is End.EQUIVALENT),
        unmade=tuple(one for one in trials if one.end is End.NOT_MADE),
    )


def add_up(lines: Iterable[EvidenceLine]) -> KillRate:
    """Return what the faults of every check come to together."""
    rates = [line.faults for line in lines if line.faults is not None]
    return KillRate(
        tried=sum(one.tried for one in rates),
        found=sum(one.found for one in rates),
        elsewhere=sum(one.elsewhere for one in rates),
        missed=tuple(name for one in rates for name in one.missed),
        equivalent=sum(one.equivalent for one in rates),
        untried=sum(one.untried for one in rates),
        harmless=sum(one.harmless for one in rates),
        false_alarms=tuple(name for one in rates for name in one.false_alarms),
    )


def describe_faults(total: KillRate) -> str:
    """Return the rate of a run as a sentence; '' when no fault was made."""
    if not total.tried:
        return ""
    alarms = f", {format_count(len(total.false_alarms), 'false alarm')}" if total.false_alarms else ""
    more = (
        f" Time did not suffice for {format_count(total.untried, 'more fault')}: make faults spends more."
        if total.untried
        else ""
    )
    return f"{total.words}{alarms}.{more}"


def operator_rows(trials: Sequence[Trial]) -> Iterable[OperatorRow]:
    """Yield one row a check and kind of change, checks in the order tried."""
    titles = every_check()
    for check in dict.fromkeys(one.check for one in trials):
        for operator in dict.fromkeys(one.operator for one in trials if one.check == check):
            ends = [one.end for one in trials if (one.check, one.operator) == (check, operator)]
            quiet, alarms = ends.count(End.QUIET), ends.count(End.FALSE_ALARM)
            found, elsewhere, missed = (ends.count(end) for end in (End.FOUND, End.ELSEWHERE, End.MISSED))
            is_harmless = bool(quiet or alarms)
            made = quiet + alarms if is_harmless else found + elsewhere + missed
            told = (None, None, None) if is_harmless else (found, elsewhere, missed)
            aside = (ends.count(End.EQUIVALENT) or None, ends.count(End.NOT_MADE) or None)
            yield OperatorRow(
                check=check,
                title=titles[check].title if check in titles else check,
                operator=operator,
                is_harmless=is_harmless,
                counts=(made, *told, *aside, alarms if is_harmless else None),
            )
