"""Unit tests of alerts, as promtool reads them: their series, and which kind of test each alert has."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lib.clients.prometheus.rule_file import duration_s, is_text, read_document
from lib.core.errors import TargetError
from lib.core.pack_files import read_file
from lib.core.wording import plain_text

NUMBER = r"(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN]"
"""Never hexadecimal: 0x10 is eleven zeros. Source: promql/parser/lex.go, scanNumber."""
RUN = re.compile(rf"^(?P<start>[+-]?(?:{NUMBER}))(?P<step>[+-](?:{NUMBER}))?x(?P<times>\d+)$")
ONE = re.compile(rf"^[+-]?(?:{NUMBER})$")
HISTOGRAM = re.compile(r"\{\{[^{}]*\}\}(?:[+-]\{\{[^{}]*\}\})?(?:x(?P<times>\d+))?")
WORD = re.compile(rf"{HISTOGRAM.pattern.replace('?P<times>', '')}|\S+")
"""A sample or a run of them; a native histogram has spaces in it."""
MISSING_RUN = re.compile(r"^_(?:x(?P<times>\d+))?$")
DEFAULT_INTERVAL = "1m"
MOST_SAMPLES = 200_000
"""Of all series of a file; a week at one a minute has 10,000."""
MOST_STEPS = 50_000
"""Moments at which promtool evaluates the rules in one test; a month at one a minute has 43,200."""
MOST_RULE_FILES = 1_000
Samples = tuple[float | None, ...]
"""One value an interval; None where the notation says that none was scraped."""


@dataclass(frozen=True, kw_only=True)
class AlertTest:
    """One test of a file: its series, and for each alert whether it must fire at each moment looked at.

    series: name with labels -> samples, one every interval_s seconds; of a native histogram as None.
    histograms: the series that have native histograms.
    expected: alert -> (seconds after the first sample, whether it must fire), in order of time.
    """

    name: str
    place: int
    interval_s: int
    series: Mapping[str, Samples]
    expected: Mapping[str, tuple[tuple[int, bool], ...]]
    histograms: frozenset[str] = frozenset()

    @property
    def length_s(self) -> int:
        """Seconds from the first sample to the last, or to the last moment that an alert is looked at."""
        last_s = max((at_s for moments in self.expected.values() for at_s, _ in moments), default=0)
        return max(last_s, (max((len(samples) for samples in self.series.values()), default=1) - 1) * self.interval_s)

    def fires(self, alert: str) -> bool:
        return any(must for _, must in self.expected.get(alert, ()))

    def stays_quiet(self, alert: str) -> bool:
        return alert in self.expected and not self.fires(alert)

    def resolves(self, alert: str) -> bool:
        """Return whether it must have stopped firing at a moment after one at which it must fire."""
        moments = self.expected.get(alert, ())
        return any(must and any(not later for _, later in moments[place:]) for place, (_, must) in enumerate(moments))


@dataclass(frozen=True, kw_only=True)
class AlertTestFile:
    """A file of unit tests, and which rule files it names."""

    path: Path
    document: Mapping[str, Any]
    tests: tuple[AlertTest, ...]
    rule_files: tuple[str, ...]
    evaluation_interval: str

    @property
    def alerts(self) -> tuple[str, ...]:
        """Every alert that a test names."""
        return tuple(dict.fromkeys(alert for test in self.tests for alert in test.expected))

    def named_files(self) -> list[Path]:
        """Return every rule file that the tests name and that is there."""
        return list(dict.fromkeys(path for pattern in self.rule_files for path in find_named(self.path.parent, pattern)))


def read_test_file(path: Path, *, root: Path | None = None) -> AlertTestFile:
    """Return a file of unit tests. root: the project's folder; None for the file's own.

    Raises TargetError with the place of what is no test, or would keep promtool busy without end.
    """
    document = read_document(path, root=root)
    try:
        interval = as_text(document.get("evaluation_interval") or DEFAULT_INTERVAL, "evaluation_interval")
        found = listed(document.get("tests"), "tests")
        tests = tuple(read_test(test, place, interval) for place, test in enumerate(found))
        rule_files = tuple(as_text(one, "rule_files") for one in list_of(document.get("rule_files"), "rule_files"))
        require_short(tests, interval)
    except ShapeError as exc:
        raise TargetError(f"{path.name}: {exc}.", fix=f"Correct {path.name} at that place.") from exc
    require_readable(path, rule_files, root=root or path.parent)
    return AlertTestFile(path=path, document=document, tests=tests, rule_files=rule_files, evaluation_interval=interval)


class ShapeError(ValueError):
    """Something in a file of unit tests is not what it must be; says where."""


def list_of(value: object, place: str) -> list[Any]:
    """Return a list, empty for nothing. Raises ShapeError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ShapeError(f"{place} is not a list")
    return value


def listed(value: object, place: str) -> list[Mapping[str, Any]]:
    """Return a list of mappings, empty for nothing. Raises ShapeError."""
    found = list_of(value, place)
    for number, one in enumerate(found):
        if not isinstance(one, dict):
            raise ShapeError(f"{place}[{number}] is not a mapping")
    return found


def as_text(value: object, place: str) -> str:
    """Return a text. Raises ShapeError for anything that YAML would not read one as."""
    if not is_text(value):
        raise ShapeError(f"{place} is not a text")
    return str(value)


def read_test(test: Mapping[str, Any], place: int, interval: str) -> AlertTest:
    """Return one test. interval: how often its series have a sample where it does not say. Raises ShapeError."""
    here = f"tests[{place}]"
    expected: dict[str, list[tuple[int, bool]]] = {}
    for one in listed(test.get("alert_rule_test"), f"{here}.alert_rule_test"):
        moment = (int(duration_s(one.get("eval_time") or "0s") or 0), bool(one.get("exp_alerts")))
        expected.setdefault(as_text(one.get("alertname"), f"{here}: an alertname"), []).append(moment)
    series = {}
    for one in listed(test.get("input_series"), f"{here}.input_series"):
        name = as_text(one.get("series"), f"{here}: the name of a series")
        series[name] = read_samples(as_text(one.get("values"), f"{here}: values of {name[:80]}"), f"{here}: {name[:80]}")
    return AlertTest(
        name=str(test.get("name") or f"test {place + 1}"),
        place=place,
        interval_s=int(duration_s(test.get("interval") or interval) or 60),
        series=series,
        histograms=frozenset(
            str(one["series"]) for one in listed(test.get("input_series"), here) if "{{" in str(one.get("values"))
        ),
        expected={alert: tuple(sorted(moments)) for alert, moments in expected.items()},
    )


def require_short(tests: Sequence[AlertTest], interval: str) -> None:
    """Raise ShapeError when the tests are longer than people write them: promtool computes every step of them."""
    step_s = max(duration_s(interval) or 60.0, 0.001)
    if sum(len(samples) for test in tests for samples in test.series.values()) > MOST_SAMPLES:
        raise ShapeError(f"its series have more than {MOST_SAMPLES:,} samples together")
    for test in tests:
        last_s = max((at_s for moments in test.expected.values() for at_s, _ in moments), default=0)
        if max(last_s, test.length_s) / step_s > MOST_STEPS:
            raise ShapeError(f"tests[{test.place}] has more than {MOST_STEPS:,} steps of {interval[:40]}")


def require_readable(path: Path, rule_files: Sequence[str], *, root: Path) -> None:
    """Raise TargetError unless every file that promtool would read for these tests is one of the project."""
    for pattern in rule_files:
        for found in find_named(path.parent, pattern):
            read_file(found, root=root)


def find_named(folder: Path, pattern: str) -> list[Path]:
    """Return the files that an entry of rule_files names, as promtool finds them: its last part may be a pattern."""
    whole = Path(os.path.normpath(folder / pattern)) if "\0" not in pattern else folder
    if not any(sign in pattern for sign in "*?["):
        return [whole] if os.path.lexists(whole) else []
    with contextlib.suppress(OSError, ValueError, re.error):
        return sorted(Path(one) for one in islice(glob.iglob(str(whole)), MOST_RULE_FILES))  # noqa: PTH207 - may be absolute
    return []


def read_samples(values: str, place: str) -> Samples:
    """Return the samples of a series. Raises ShapeError for what is no number, and for more than people write."""
    try:
        return expand(values)
    except (ValueError, OverflowError) as exc:
        raise ShapeError(f"{place}: {plain_text(str(exc), limit=120)}") from exc


def expand(values: str) -> Samples:
    """Return the samples that a series notation stands for: `1+2x3` is 1 3 5 7, `_` is a missing one. Raises ValueError."""
    samples: list[float | None] = []
    for word in (found[0] for found in WORD.finditer(values)):
        samples += expand_word(word)
        if len(samples) > MOST_SAMPLES:
            raise ValueError(f"more than {MOST_SAMPLES:,} samples")
    return tuple(samples)


def expand_word(word: str) -> Samples:
    """Return the samples of one word of the notation. Raises ValueError."""
    missing, run, histogram = MISSING_RUN.match(word), RUN.match(word), HISTOGRAM.fullmatch(word)
    if missing:
        return (None,) * count_times(missing["times"] or "1")
    if word == "stale":
        return (None,)
    if histogram:
        return (None,) * (count_times(histogram["times"] or "0") + 1)
    if run:
        start, step = float(run["start"]), float(run["step"] or 0)
        return tuple(start + step * place for place in range(count_times(run["times"]) + 1))
    if not ONE.match(word):
        raise ValueError(f"{word} is no sample")
    return (float(word),)


def count_times(text: str) -> int:
    """Return how often a word of the notation repeats. Raises ValueError when nobody means that."""
    if len(text) > 9 or int(text) > MOST_SAMPLES:
        raise ValueError(f"more than {MOST_SAMPLES:,} samples")
    return int(text)
