"""Whether a deploy may begin: the window as declared, and a moment. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from lib.core.results import Result
from lib.tasks.deploy_rehearsal.task import WITHIN_DEPLOYMENT_WINDOW
from lib.tasks.deploy_rehearsal.window import Window, describe_next, find_opening, format_moment

CHECK = WITHIN_DEPLOYMENT_WINDOW


def judge_window(window: Window | None, now: datetime, *, is_live: bool) -> Result:
    """Judge that a deploy may begin now. is_live: whether it would meet users."""
    if window is None:
        return CHECK.not_applicable("No deployment window is declared (deploy_rehearsal.window).")
    seen, opening = format_moment(now.astimezone(ZoneInfo(window.time_zone))), find_opening(window, now)
    facts = {"observed": seen, "expected": window.words}
    stands = f"It is open until {format_moment(opening.closes)}." if opening else f"It is closed. {describe_next(window, now)}"
    if not is_live:
        return CHECK.not_due(f"This rehearsal deploys to no live app, so the window does not bind it. {stands}", **facts)
    if opening is None:
        return CHECK.failed(detail=f"{stands} Nothing is deployed to a live app until then.", **facts)
    return CHECK.passed(detail=stands, **facts)
