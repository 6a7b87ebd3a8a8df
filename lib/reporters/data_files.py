"""What other programs read of a run: test cases, findings, metrics, and a summary in Markdown; always in its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lib.reporters.ctrf import write_ctrf
from lib.reporters.github import write_summary
from lib.reporters.junit import write_junit
from lib.reporters.metrics import write_metrics
from lib.reporters.oscal import write_oscal
from lib.reporters.report import RunReport
from lib.reporters.sarif import write_sarif

WRITERS: Mapping[str, Callable[[RunReport], None]] = MappingProxyType(
    {
        "junit.xml": write_junit,
        "results.sarif": write_sarif,
        "ctrf.json": write_ctrf,
        "oscal.json": write_oscal,
        "metrics.prom": write_metrics,
        "summary.md": write_summary,
    }
)
"""File in the run's folder -> what writes it."""
