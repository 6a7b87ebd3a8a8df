"""Series between those of two unit tests, written as promtool reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lib.clients.prometheus.test_file import AlertTest, Samples


def between(quiet: AlertTest, firing: AlertTest, share: float) -> dict[str, Samples]:
    """Return series that lie between two tests' series: those of the quiet one at 0, of the firing one at 1.

    Both must name the same series, of plain numbers; raises ValueError when they do not.
    """
    if quiet.histograms | firing.histograms:
        raise ValueError("its tests feed native histograms, and nothing is tried between two of these")
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
    """Return samples in the series notation, runs of equal steps as one word where promtool's own sum comes to the same.

    promtool adds a run up step by step: what rounding adds to a counter would look like a restart at the sample after it.
    """
    words, place = [], 0
    while place < len(samples):
        times = run_length(samples, place)
        start = samples[place]
        times = times if start is not None and adds_up(samples[place : place + times + 1]) else 0
        if start is None:
            words.append("_")
        elif times < 2:
            words.append(f"{start:.12g}")
        else:
            step = (samples[place + times] - start) / times  # type: ignore[operator]
            words.append(f"{start:.12g}{step:+.12g}x{times}")
        place += times + 1 if start is not None and times >= 2 else 1
    return " ".join(words)


def adds_up(run: Sequence[float | None]) -> bool:
    """Return whether a run comes to its last sample when its step, as it is written, is added to its first again and again."""
    first, last, times = run[0], run[-1], len(run) - 1
    if first is None or last is None or times < 1:
        return False
    step, value = float(f"{(last - first) / times:.12g}"), float(f"{first:.12g}")
    for _ in range(times):
        value += step
    return value == float(f"{last:.12g}")


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
