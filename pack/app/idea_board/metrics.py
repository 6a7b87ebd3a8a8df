"""What the app tells Prometheus: how long tiles took, what was answered, what ingestion refused."""

from __future__ import annotations

import threading
from collections import Counter

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latency histogram, in seconds: Prometheus's customary ones from 5 ms up."""


class Metrics:
    """Counters of one process; safe to use from many threads."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.lock = threading.Lock()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.buckets: Counter[tuple[str, float]] = Counter()
        self.sums: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def answered(self, path: str, status: int) -> None:
        """Count one answer."""
        with self.lock:
            self.answers[path, status] += 1

    def tile_took(self, tile: str, seconds: float) -> None:
        """Take one tile's time into its histogram."""
        with self.lock:
            self.counts[tile] += 1
            self.sums[tile] += seconds  # type: ignore[assignment]
            for bound in BUCKETS_S:
                if seconds <= bound:
                    self.buckets[tile, bound] += 1

    def text(self, *, ingestion_failures: int | None) -> str:
        """Return everything in Prometheus's text format.

        ingestion_failures: payloads refused so far, as the database has them; None leaves the series out,
        so that a database that does not answer looks absent, not fine.
        """
        with self.lock:
            lines = [*self.build_lines(), *self.answer_lines(), *self.tile_lines()]
        if ingestion_failures is not None:
            lines += [
                "# HELP ingestion_failures_total Payloads that the ingestion job had to refuse.",
                "# TYPE ingestion_failures_total counter",
                f"ingestion_failures_total {ingestion_failures}",
            ]
        return "\n".join(lines) + "\n"

    def build_lines(self) -> list[str]:
        return [
            "# HELP idea_board_build_info The version that runs.",
            "# TYPE idea_board_build_info gauge",
            f'idea_board_build_info{{version="{self.version}"}} 1',
        ]

    def answer_lines(self) -> list[str]:
        lines = ["# HELP http_requests_total Requests answered.", "# TYPE http_requests_total counter"]
        return lines + [
            f'http_requests_total{{path="{path}",code="{status}"}} {count}'
            for (path, status), count in sorted(self.answers.items())
        ]

    def tile_lines(self) -> list[str]:
        name = "tile_request_duration_seconds"
        lines = [f"# HELP {name} Time to answer for a dashboard tile.", f"# TYPE {name} histogram"]
        for tile in sorted(self.counts):
            for bound in BUCKETS_S:
                lines.append(f'{name}_bucket{{tile="{tile}",le="{bound:g}"}} {self.buckets[tile, bound]}')
            lines.append(f'{name}_bucket{{tile="{tile}",le="+Inf"}} {self.counts[tile]}')
            lines.append(f'{name}_sum{{tile="{tile}"}} {self.sums[tile]:.6f}')
            lines.append(f'{name}_count{{tile="{tile}"}} {self.counts[tile]}')
        return lines
