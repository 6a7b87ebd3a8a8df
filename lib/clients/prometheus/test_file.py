"""Unit tests of alerts, as promtool reads them: their series, and which kind of test each alert has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.clients.prometheus.rule_file import duration_s, read_yaml

RUN = re.compile(r"^(?P<start>[^x_]+?)(?:(?P<step>[+-][^+-]+?))?x(?P<times>\d+)$")
HEX = re.compile(r"^0[xX][0-9a-fA-F]+$")
MISSING_RUN = re.compile(r"^_(?:x(?P<times>\d+))?$")
DEFAULT_INTERVAL = "1m"
Samples = tuple[float | None, ...]
"""One value an interval; None where the notation says that none was scraped."""


@dataclass(frozen=True, kw_only=True)
class AlertTest:
    """One test of a file: its series, and for each alert whether it must fire at each moment looked at.

    series: name with labels -> samples, one every interval_s seconds.
    expected: alert -> (seconds after the first sample, whether it must fire), in order of time.
    """

    name: str
    place: int
    interval_s: int
    series: Mapping[str, Samples]
    expected: Mapping[str, tuple[tuple[int, bool], ...]]

    @property
    def length_s(self) -> int:
        """Seconds from the first sample to the last."""
        return (max((len(samples) for samples in self.series.values()), default=1) - 1) * self.interval_s

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


def read_test_file(path: Path) -> AlertTestFile:
    """Return a file of unit tests. Raises TargetError when it cannot be read."""
    document = read_yaml(path)
    return AlertTestFile(
        path=path,
        document=document,
        tests=tuple(read_test(test, place) for place, test in enumerate(document.get("tests") or [])),
        rule_files=tuple(str(one) for one in document.get("rule_files") or []),
        evaluation_interval=str(document.get("evaluation_interval") or DEFAULT_INTERVAL),
    )


def read_test(test: Mapping[str, Any], place: int) -> AlertTest:
    expected: dict[str, list[tuple[int, bool]]] = {}
    for one in test.get("alert_rule_test") or []:
        moment = (int(duration_s(one.get("eval_time") or "0s") or 0), bool(one.get("exp_alerts")))
        expected.setdefault(str(one["alertname"]), []).append(moment)
    return AlertTest(
        name=str(test.get("name") or f"test {place + 1}"),
        place=place,
        interval_s=int(duration_s(test.get("interval") or DEFAULT_INTERVAL) or 60),
        series={str(one["series"]): expand(str(one["values"])) for one in test.get("input_series") or []},
        expected={alert: tuple(sorted(moments)) for alert, moments in expected.items()},
    )


def expand(values: str) -> Samples:
    """Return the samples that a series notation stands for: `1+2x3` is 1 3 5 7, `_` is a missing one."""
    samples: list[float | None] = []
    for word in values.split():
        missing, run = MISSING_RUN.match(word), RUN.match(word)
        if HEX.match(word):  # the lexer takes 0x10 for a number, not for eleven zeros
            samples.append(float(int(word, 16)))
        elif missing:
            samples += [None] * int(missing["times"] or 1)
        elif word == "stale":
            samples.append(None)
        elif run:
            start, step = float(run["start"]), float(run["step"] or 0)
            samples += [start + step * place for place in range(int(run["times"]) + 1)]
        else:
            samples.append(float(word))
    return tuple(samples)


def between(quiet: AlertTest, firing: AlertTest, share: float) -> dict[str, Samples]:
    """Return series that lie between two tests' series: those of the quiet one at 0, of the firing one at 1.

    Both must name the same series; raises ValueError when they do not.
    """
    ours, theirs = ({series_key(name): samples for name, samples in test.series.items()} for test in (quiet, firing))
    if set(ours) != set(theirs):
        raise ValueError(f"its firing and its quiet test feed different series: {', '.join(sorted(set(ours) ^ set(theirs)))}")
    names = {series_key(name): name for name in firing.series}
    return {names[key]: mix(ours[key], theirs[key], share) for key in theirs}


def mix(quiet: Samples, firing: Samples, share: float) -> Samples:
    """Return samples between two rows of samples, as long as the shorter; none where either has none."""
    pairs = zip(quiet, firing, strict=False)
    return tuple(None if low is None or high is None else low + share * (high - low) for low, high in pairs)


def series_key(series: str) -> str:
    """Return one spelling for a series, whatever the order and spacing of its labels."""
    name, brace, labels = series.partition("{")
    words = sorted(part.strip() for part in re.findall(r'[^,{}]+?="(?:[^"\\]|\\.)*"', labels))
    return f"{name.strip()}{{{','.join(words)}}}" if brace else name.strip()


def write_series(series: Mapping[str, Samples]) -> list[dict[str, str]]:
    """Return series as promtool reads them."""
    return [{"series": name, "values": format_samples(samples)} for name, samples in series.items()]


def format_samples(samples: Sequence[float | None]) -> str:
    """Return samples in the series notation, runs of equal steps as one word."""
    words, place = [], 0
    while place < len(samples):
        times = run_length(samples, place)
        start = samples[place]
        if start is None:
            words.append("_")
        elif times < 2:
            words.append(f"{start:.12g}")
        else:
            step = (samples[place + times] - start) / times  # type: ignore[operator]
            words.append(f"{start:.12g}{step:+.12g}x{times}")
        place += times + 1 if start is not None and times >= 2 else 1
    return " ".join(words)


def run_length(samples: Sequence[float | None], place: int) -> int:
    """Return how many samples after this one go on in equal steps; 0 at a missing one."""
    start = samples[place]
    following = samples[place + 1] if place + 1 < len(samples) else None
    if start is None or following is None:
        return 0
    step, times = following - start, 1
    while place + times + 1 < len(samples):
        value = samples[place + times + 1]
        if value is None or abs(value - (start + step * (times + 1))) > 1e-9 * max(1.0, abs(value)):
            break
        times += 1
    return times
