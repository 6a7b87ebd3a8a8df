"""What users met of a rehearsed deploy, beside the control of this machine: pure."""

from __future__ import annotations

from typing import Any

from lib.core.busyness import RUN_AGAIN, Standing, judge_timed, too_busy
from lib.core.results import Check, Result
from lib.core.wording import format_count
from lib.tasks.deploy_rehearsal.outages import error_ratio, find_outages, longest_gap_s, weigh_downtime, weigh_errors
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal
from lib.tasks.deploy_rehearsal.task import DOWNTIME_WITHIN_LIMIT, ERRORS_WITHIN_LIMIT
from lib.transport.traffic import Sample

LOOSEST_RATIO, LOOSEST_S = 0.5, 60.0
"""Limits beyond which there is none: a deploy that loses every other request, or a minute, is an outage by any measure."""
NO_LIMIT = "{name} is {limit:g}, and a limit that an outage keeps to is none."


def judge_users(seen: Rehearsal, *, max_downtime_s: float, max_error_ratio: float) -> list[Result]:
    """Judge what users met from the trigger of the deploy to the end. A deploy is not repeated for a busy machine."""
    began_s = next((phase.begin_s for phase in seen.phases if phase.name == "deploy"), 0.0)
    counted = [sample for sample in seen.samples if sample.sent_at >= began_s]
    good_before = [sample for sample in seen.samples if sample.sent_at < began_s and sample.is_good]
    if not counted or not good_before:
        reason = "No request was answered before the deploy, so its effect could not be determined."
        fix = "Check whether the app answers at all."
        return [check.errored(reason, fix=fix) for check in (DOWNTIME_WITHIN_LIMIT, ERRORS_WITHIN_LIMIT)]
    return [judge_downtime(seen, counted, max_downtime_s), judge_errors(seen, counted, max_error_ratio)]


def judge_downtime(seen: Rehearsal, counted: list[Sample], limit_s: float) -> Result:
    """Judge the longest stretch without a good answer."""
    standing, control_s = weigh_downtime(find_outages(counted), seen.control, limit_s)
    facts: dict[str, Any] = {"observed": round(longest_gap_s(counted), 2), "expected": limit_s, "unit": "s"}
    said = format_losses(counted)
    if standing is Standing.WITHIN and limit_s > LOOSEST_S:
        return refuse_limit(DOWNTIME_WITHIN_LIMIT, "max_downtime_s", limit_s, said, facts)
    return judge_timed(DOWNTIME_WITHIN_LIMIT, standing, control_s=control_s, limit_s=limit_s, detail=said, **facts)


def judge_errors(seen: Rehearsal, counted: list[Sample], limit: float) -> Result:
    """Judge the part of the requests that was lost."""
    check = ERRORS_WITHIN_LIMIT
    standing, explained = weigh_errors(counted, seen.control, limit)
    facts = {"observed": round(error_ratio(counted), 4), "expected": limit}
    if standing is Standing.UNCLEAR:
        said = too_busy(f"{explained:.0%} of the losses", f"{limit:.2%} of the requests")
        return check.errored(f"{said} {format_losses(counted)}", fix=RUN_AGAIN, **facts)
    if standing is Standing.WITHIN and limit > LOOSEST_RATIO:
        return refuse_limit(check, "max_error_ratio", limit, format_losses(counted), facts)
    aside = f" The control explains {explained:.0%} of them." if explained else ""
    return check.judge(holds=standing is Standing.WITHIN, detail=f"{format_losses(counted)}{aside}", **facts)


def refuse_limit(check: Check, name: str, limit: float, said: str, facts: dict[str, Any]) -> Result:
    """Return the error for a limit that cannot be missed. name: of its setting."""
    return check.errored(
        f"{NO_LIMIT.format(name=name, limit=limit)} {said}", fix=f"Lower deploy_rehearsal.{name} in launch/project.yaml.", **facts
    )


def format_losses(counted: list[Sample]) -> str:
    """Return how many requests were lost, and in how many stretches."""
    lost = sum(not sample.is_good for sample in counted)
    outages = len(find_outages(counted))
    return f"{lost} of {format_count(len(counted), 'request')} lost, in {format_count(outages, 'stretch', 'stretches')}."
