"""The platforms' own figures before and after the rehearsal, as facts beside it: no limit is put on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.clients.telemetry import read_database_figures, read_fly_figures
from lib.core.errors import WebError
from lib.core.results import Result
from lib.tasks.deploy_rehearsal.task import TELEMETRY_WAS_READ, DeployRehearsal
from lib.tasks.deploy_rehearsal.window import read_clock
from lib.transport.context import Context

FLY, DATABASE = "Fly.io", "Supabase"
PARTS: Mapping[str, str] = {FLY: "metrics", DATABASE: "database_metrics"}
"""Platform -> the part of the target fly with the address of its metrics."""


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """What the platforms said at one moment: platform -> figure -> value; of those that did not answer why."""

    at: datetime
    figures: Mapping[str, Mapping[str, float]]
    problems: Mapping[str, str]


def read_telemetry(context: Context[DeployRehearsal]) -> Telemetry | None:
    """Return what the platforms say now; None where no address of metrics is named. A platform that is silent is a problem."""
    parts, app = context.service("fly").parts, context.settings.app
    named = {platform: parts[part] for platform, part in PARTS.items() if parts.get(part)}
    if not named:
        return None
    readers: Mapping[str, Callable[[str], dict[str, float]]] = {
        FLY: lambda url: read_fly_figures(url, token=parts["token"], app=app),
        DATABASE: read_database_figures,
    }
    figures, problems = {}, {}
    for platform, url in named.items():
        try:
            figures[platform] = readers[platform](url)
        except WebError as exc:
            problems[platform] = exc.message
        else:
            if not figures[platform]:
                problems[platform] = f"{platform} shows none of the figures that are asked for."
    return Telemetry(at=read_clock(), figures=figures, problems=problems)


def judge_telemetry(before: Telemetry | None, after: Telemetry | None) -> Result:
    """Judge that each platform that is named was read on both sides of the deploy."""
    check = TELEMETRY_WAS_READ
    if before is None or after is None:
        return check.not_applicable("No address of metrics is named (targets.fly.metrics, targets.fly.database_metrics).")
    problems = dict.fromkeys([*before.problems.values(), *after.problems.values()])
    both = {platform: len(before.figures[platform]) for platform in before.figures if platform in after.figures}
    facts = {"observed": ", ".join(f"{name}: {count}" for name, count in both.items()) or "none", "expected": "before and after"}
    if problems:
        return check.errored(" ".join(problems), fix="Check the address and its credential.", **facts)
    return check.passed(detail="Figures of the platforms stand beside the deploy; no limit is put on them.", **facts)


def telemetry_rows(before: Telemetry | None, after: Telemetry | None) -> list[dict[str, Any]]:
    """Return one row a figure: what it was before, and after."""
    if before is None or after is None:
        return []
    rows = []
    for platform in PARTS:
        was, now = before.figures.get(platform, {}), after.figures.get(platform, {})
        for name in dict.fromkeys([*was, *now]):
            rows.append({"platform": platform, "figure": name, "before": shorten(was.get(name)), "after": shorten(now.get(name))})
    return rows


def shorten(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def telemetry_artifact(before: Telemetry | None, after: Telemetry | None) -> dict[str, Any]:
    """Return what is kept: both moments with every figure; no address and no credential."""
    moments = {"before": before, "after": after}
    return {
        name: {"at": one.at.isoformat(), "figures": one.figures, "problems": one.problems} if one else None
        for name, one in moments.items()
    }
