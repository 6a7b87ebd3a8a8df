"""How a benchmark is measured: its variants in turn, round after round, and each round's costs as ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one variant took once. cpu_s: user and system seconds of all that worked for it, None when not known."""

    wall_s: float
    cpu_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to do the work. once: does it, and returns what it took. note: what else a reader must know."""

    name: str
    once: Callable[[], Cost]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One piece of work and the ways to do it.

    pairs: (ours, peer, goal): names of variants whose costs are divided, and what the ratio of wall times is to be, in words.
    skipped: variant -> why it was not measured.
    """

    name: str
    title: str
    what: str
    variants: Sequence[Variant]
    pairs: Sequence[tuple[str, str, str]]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A benchmark with what its variants took, a cost a round."""

    benchmark: Benchmark
    costs: Mapping[str, Sequence[Cost]]


def measure(benchmark: Benchmark, rounds: int, say: Callable[[str], None] = lambda _: None) -> Measured:
    """Run the variants in turn, A B C A B C, so that what else the machine does meets all of them alike."""
    costs: dict[str, list[Cost]] = {variant.name: [] for variant in benchmark.variants}
    for number in range(rounds):
        for variant in benchmark.variants:
            cost = variant.once()
            costs[variant.name].append(cost)
            say(f"{benchmark.name}, round {number + 1} of {rounds}, {variant.name}: {cost.wall_s:.2f} s")
    return Measured(benchmark=benchmark, costs=costs)


def paired_ratios(ours: Sequence[Cost], peer: Sequence[Cost], what: str) -> list[float]:
    """Return ours divided by the peer's, round by round. what: `wall_s` or `cpu_s`; empty where one is not known."""
    pairs = [(getattr(a, what), getattr(b, what)) for a, b in zip(ours, peer, strict=True)]
    return [a / b for a, b in pairs if a is not None and b]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return minimum, median and maximum; nothing of no values."""
    if not values:
        return {}
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def timed(work: Callable[[], object], cpu_s: Callable[[], float]) -> Cost:
    """Do the work once. cpu_s: returns the seconds used so far by all that works for it."""
    before, started = cpu_s(), time.perf_counter()
    work()
    wall_s = time.perf_counter() - started
    return Cost(wall_s=wall_s, cpu_s=cpu_s() - before)
