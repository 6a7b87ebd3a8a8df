"""What 07_alerts found, as the page shows it and as it is kept: one plain mapping an object."""

from __future__ import annotations

from typing import Any

from lib.clients.prometheus.exposition import MetricUse
from lib.clients.prometheus.mixed_series import write_series
from lib.clients.prometheus.rule_file import AlertRule
from lib.tasks.alerts.boundaries import Boundary
from lib.tasks.alerts.mutations import TestCoverage


def rule_row(alert: AlertRule, problem: str) -> dict[str, Any]:
    """Return one alert; problem: what is wrong with the address of its runbook, or ''."""
    return {
        "alert": alert.name,
        "severity": alert.labels.get("severity"),
        "fires when": alert.expression,
        "for s": alert.hold_s,
        "runbook": problem or alert.annotations["runbook_url"].rpartition("/")[2],
    }


def note_of(use: MetricUse) -> str | None:
    """Return what there is to say of one metric of an alert."""
    where = "by Prometheus itself" if use.is_own else "said to be exposed elsewhere" if use.is_elsewhere else ""
    return "; ".join(filter(None, (where, use.problem, use.unknown))) or None


def boundary_row(one: Boundary, limit: float | None) -> dict[str, Any]:
    """Return one alert's boundary as the page shows it."""
    low, high = (side.value for side in one.sides) if one.sides else (None, None)
    found = one.is_found and low is not None and high is not None
    note = one.problem or (None if one.is_found else "both sides fire" if one.sides[0].fires else "neither side fires")
    return {
        "alert": one.alert,
        "declared": limit,
        "quiet up to": f"{low:.8g}" if found else None,
        "fires from": f"{high:.8g}" if found else None,
        "margin": f"{abs(high - low):.2g}" if high is not None and low is not None and found else None,
        "note": note,
    }


def kept_boundary(one: Boundary) -> dict[str, Any]:
    """Return one alert's boundary pair as series that promtool takes."""
    return {
        "alert": one.alert,
        "sides": [
            {"fires": side.fires, "value": side.value, "share": side.share, "input_series": write_series(side.series)}
            for side in one.sides
        ],
    }


def coverage_row(one: TestCoverage) -> dict[str, Any]:
    """Return how one alert is tested."""
    return {
        "alert": one.alert,
        "firing tests": one.firing,
        "quiet tests": one.quiet,
        "resolving tests": one.resolving,
        "notice a lower threshold": one.notices_lower,
        "notice a higher one": one.notices_higher,
    }
