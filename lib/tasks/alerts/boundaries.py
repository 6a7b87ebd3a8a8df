"""Where an alert really begins to fire, found by running promtool on series between its own unit tests.

The series are mixed from the alert's quiet test (share 0) and its firing test (share 1). Each round puts a few
shares of every alert into one run of promtool; the next looks between the last quiet and the first firing one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.clients.prometheus.mixed_series import between, write_series
from lib.clients.prometheus.promql import find_comparison
from lib.clients.prometheus.promtool import Promtool, Query, run_queries
from lib.clients.prometheus.rule_file import AlertRule, RuleFile, duration_s, mappings, read_document
from lib.clients.prometheus.test_file import AlertTest, AlertTestFile, Samples

INSIDE = 3
"""Shares tried between the two sides in each round. A run of promtool costs 65 ms, a test in it 18 ms: 2 or 3 are cheapest."""
ROUNDS = 7
"""Rounds; together they part the way from quiet to firing into 4 ** 7, about 16,000, steps."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a boundary: series, whether they fire, and what the expression's left side came to at its worst.

    value: None where the expression has no left side.
    """

    share: float
    fires: bool
    series: Mapping[str, Samples]
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """The series of an alert on both sides of where it begins to fire: one quiet, one firing.

    sides: when the quiet test's series fire too, or the firing test's do not, both sides are alike.
    is_pending_only: the firing test's series reach the threshold, but not for long enough to fire.
    problem: why no boundary could be searched for, or ''. lacks_test: it is that the alert has no firing or no quiet test.
    """

    alert: str
    is_pending_only: bool = False
    sides: tuple[Side, ...] = ()
    problem: str = ""
    lacks_test: bool = False

    @property
    def is_found(self) -> bool:
        return [side.fires for side in self.sides] == [False, True]


@dataclass(frozen=True, kw_only=True)
class Search:
    """The search for one alert, between two shares; fires: whether it does at the low and at the high one."""

    rule: AlertRule
    quiet: AlertTest
    firing: AlertTest
    low: float = 0.0
    high: float = 1.0
    fires: tuple[bool, bool] = (False, True)
    is_pending_only: bool = False

    @property
    def length_s(self) -> int:
        return min(self.quiet.length_s, self.firing.length_s)

    def test(self, share: float) -> dict[str, Any]:
        """Return the share's series as promtool takes them."""
        series = write_series(between(self.quiet, self.firing, share))
        return {"interval": f"{self.firing.interval_s}s", "input_series": series}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every run of promtool in a search needs."""

    promtool: Promtool
    rules: RuleFile
    tests: AlertTestFile
    folder: Path
    timeout_s: float

    @property
    def step_s(self) -> int:
        """How often promtool evaluates the rules, in seconds, 1 at least."""
        return max(int(duration_s(self.tests.evaluation_interval) or 60), 1)

    @property
    def companions(self) -> list[Path]:
        """The other rule files of the tests: what they record may be behind an alert."""
        return [path for path in self.tests.named_files() if path.resolve() != self.rules.path.resolve()]

    @property
    def group_order(self) -> list[str]:
        """The order in which promtool evaluates the groups: as the tests say, else those that record before the others.

        Without an order it takes a different one each time, and an alert may see what was recorded a step before.
        """
        said = self.tests.document.get("group_eval_order")
        if isinstance(said, list):
            return [str(one) for one in said]
        documents = [self.rules.document, *(read_document(path) for path in self.companions)]
        groups = [group for document in documents for group in mappings(document.get("groups"))]
        last = {str(group.get("name")): not any("record" in rule for rule in mappings(group.get("rules"))) for group in groups}
        return sorted(last, key=last.__getitem__)

    def query(self, tests: Sequence[Mapping[str, Any]], queries: Sequence[Query]) -> list[list[tuple[str, float]]]:
        """Return the answer to each query, in order."""
        return run_queries(
            self.promtool,
            [self.rules.path, *self.companions],
            tests,
            queries,
            evaluation_interval=self.tests.evaluation_interval,
            group_order=self.group_order,
            folder=self.folder,
            timeout_s=self.timeout_s,
        )


def find_boundaries(bench: Bench) -> list[Boundary]:
    """Return the boundary of every alert, in the rules' order; all alerts share each run of promtool."""
    opened = [open_search(rule, bench) for rule in bench.rules.alerts]
    searches = [one for one in opened if isinstance(one, Search)]
    searches = [
        replace(one, fires=(quiet_fires, firing_fires), is_pending_only=waits and not firing_fires)
        for one, (quiet_fires, firing_fires, waits) in zip(searches, read_ends(bench, searches), strict=True)
    ]
    for _ in range(ROUNDS):
        tried = [(one, inside(one) if one.fires == (False, True) else ()) for one in searches]
        searches = [narrow(one, fired) for one, fired in zip(searches, read_firing(bench, tried), strict=True)]
    found = {one.rule.name: boundary_of(one, pair) for one, pair in zip(searches, read_values(bench, searches), strict=True)}
    return [one if isinstance(one, Boundary) else found[one.rule.name] for one in opened]


def open_search(rule: AlertRule, bench: Bench) -> Search | Boundary:
    """Return where to search, or a boundary that cannot be searched for, with the reason."""
    if rule.name in bench.rules.unparsed:
        return Boundary(alert=rule.name, problem=f"its expression cannot be parsed: {bench.rules.unparsed[rule.name]}")
    firing = next((test for test in bench.tests.tests if test.fires(rule.name)), None)
    quiet = next((test for test in bench.tests.tests if test.stays_quiet(rule.name)), None)
    if firing is None or quiet is None:
        kind = "firing" if firing is None else "quiet"
        return Boundary(alert=rule.name, problem=f"it has no {kind} test to start from", lacks_test=True)
    try:
        between(quiet, firing, 0.5)
    except ValueError as exc:
        return Boundary(alert=rule.name, problem=str(exc))
    return Search(rule=rule, quiet=quiet, firing=firing)


def inside(search: Search) -> tuple[float, ...]:
    """Return the shares of the next round."""
    step = (search.high - search.low) / (INSIDE + 1)
    return tuple(search.low + step * place for place in range(1, INSIDE + 1))


def narrow(search: Search, fired: Sequence[bool]) -> Search:
    """Return the search between the last quiet share before the first firing one, and that one."""
    if not fired:
        return search
    shares = (search.low, *inside(search), search.high)
    first = (False, *fired, True).index(True)
    return replace(search, low=shares[first - 1], high=shares[first])


def boundary_of(search: Search, values: Sequence[float | None]) -> Boundary:
    """Return what a finished search found."""
    ends = zip((search.low, search.high), search.fires, values, strict=True)
    sides = tuple(
        Side(share=share, fires=fires, series=between(search.quiet, search.firing, share), value=value)
        for share, fires, value in ends
    )
    return Boundary(alert=search.rule.name, sides=sides, is_pending_only=search.is_pending_only)


def was_ever(search: Search, state: str) -> str:
    """Return the query that has an answer when the alert is in a state at any moment of a test."""
    return f'count_over_time(ALERTS{{alertname="{search.rule.name}",alertstate="{state}"}}[{search.length_s + 1}s])'


def read_ends(bench: Bench, searches: Sequence[Search]) -> list[tuple[bool, bool, bool]]:
    """Return for each search whether the alert fires along its quiet and its firing test, and whether it is pending in that."""
    tests: list[dict[str, Any]] = []
    queries: list[Query] = []
    for one in searches:
        for share, state in ((0.0, "firing"), (1.0, "firing"), (1.0, "pending")):
            tests += [one.test(share)] if state == "firing" else []
            queries.append(Query(test=len(tests) - 1, expression=was_ever(one, state), at_s=one.length_s))
    answers = iter(bench.query(tests, queries) if queries else [])
    return [(bool(next(answers)), bool(next(answers)), bool(next(answers))) for _ in searches]


def read_firing(bench: Bench, tried: Sequence[tuple[Search, Sequence[float]]]) -> list[list[bool]]:
    """Return for each search and each of its shares whether the alert fires at any moment."""
    tests: list[dict[str, Any]] = []
    queries: list[Query] = []
    for search, shares in tried:
        for share in shares:
            queries.append(Query(test=len(tests), expression=was_ever(search, "firing"), at_s=search.length_s))
            tests.append(search.test(share))
    answers = iter(bench.query(tests, queries) if queries else [])
    return [[bool(next(answers)) for _ in shares] for _, shares in tried]


def read_values(bench: Bench, searches: Sequence[Search]) -> list[tuple[float | None, float | None]]:
    """Return for each search what its expression's left side comes to at both shares, at its worst; of the worst series."""
    tests: list[dict[str, Any]] = []
    queries: list[Query] = []
    worst = [worst_expression(search, step_s=bench.step_s) for search in searches]
    for search, expression in zip(searches, worst, strict=True):
        for share in (search.low, search.high) if expression else ():
            queries.append(Query(test=len(tests), expression=expression, at_s=search.length_s))
            tests.append(search.test(share))
    answers = iter(bench.query(tests, queries) if queries else [])
    found: list[tuple[float | None, float | None]] = []
    for search, expression in zip(searches, worst, strict=True):
        pick = min if is_low_bad(search) else max
        low, high = (next(answers), next(answers)) if expression else ([], [])
        ends = [[value for _, value in answer if value == value] for answer in (low, high)]
        found.append((pick(ends[0], default=None), pick(ends[1], default=None)))
    return found


def is_low_bad(search: Search) -> bool:
    """Return whether the alert fires when the left side of its comparison is too low."""
    comparison = find_comparison(search.rule.expression)
    return comparison is not None and comparison.operator in ("<", "<=")


def worst_expression(search: Search, *, step_s: int) -> str:
    """Return the query for the worst value of the left side of the comparison; '' when there is no such side.

    An alert fires by what lasts as long as its `for`, so of each such stretch the mildest value counts, and of these the
    worst: along a ramp the last value lies far beyond the threshold. step_s: how often the rules are evaluated.
    """
    comparison = find_comparison(search.rule.expression)
    if comparison is None:
        return ""
    mildest, worst = ("max_over_time", "min_over_time") if is_low_bad(search) else ("min_over_time", "max_over_time")
    steps = math.ceil((search.rule.hold_s or 0) / step_s)
    hold_s, left = steps * step_s, f"({comparison.left})"
    # One millisecond more than the stretch holds both of its ends, in Prometheus 2 and in 3.
    stretch = f"[{hold_s * 1000 + 1}ms:{step_s}s]"
    lasting = f"{mildest}({left}{stretch}) and count_over_time({left}{stretch}) >= {steps + 1}" if steps else left
    length_s = max(search.length_s - hold_s, 0)
    return f"{worst}(({lasting})[{length_s * 1000 + 1}ms:{step_s}s])"
