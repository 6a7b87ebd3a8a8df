"""What a drill comes to: whether app and database are what they were, and how long that took. Pure."""

from __future__ import annotations

from typing import Any

from lib.core.busyness import Standing, judge_timed, too_busy_for, weigh, weigh_timeout
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import plain_text
from lib.tasks.deploy_rehearsal.drill import Drill
from lib.tasks.deploy_rehearsal.rollback import ReleaseSnapshot, diff_snapshots
from lib.tasks.deploy_rehearsal.task import DRILL_BRINGS_EVERYTHING_BACK

CHECK = DRILL_BRINGS_EVERYTHING_BACK
MUST_HARM = ("image", "data")
"""Components that the damage must have changed: otherwise nothing had to be brought back."""


def judge_drill(drill: Drill, *, limit_s: float) -> Result:
    """Judge that the script brought app and database back, whole and in time."""
    facts: dict[str, Any] = {"observed": round(drill.took_s, 2), "expected": limit_s, "unit": "s", "command": drill.command}
    unharmed = [name for name in MUST_HARM if name not in drill.harmed]
    if unharmed:
        reason = f"The damage did not show in: {', '.join(unharmed)}. So it was not seen whether that comes back."
        return CHECK.errored(reason, fix="Name a candidate that is not what runs, and seed the drill's database.", **facts)
    if drill.rollback is None or drill.rollback.exit_code != 0:
        return judge_unfinished(drill, limit_s, facts)
    if drill.after is None or drill.smoke_after is None:
        return CHECK.errored("App or database could not be read after the drill.", fix="Check both by hand, now.", **facts)
    faults = find_faults(drill, drill.after)
    unread = sorted({*drill.before.unread, *drill.after.unread})
    if faults or unread:
        left_out = [LeftOut(reason=f"Could not be read: {', '.join(unread[:5])}.", fix="Let the drill's user read it.")]
        said = f"Damaged: {drill.damage}. Afterwards: {'; '.join(faults)}." if faults else ""
        return judge_all(CHECK, holds=not faults, left_out=left_out if unread else [], detail=said, exit_code=0, **facts)
    standing = weigh(drill.took_s, limit_s, drill.control)
    slow = "" if standing is Standing.WITHIN else "Both came back, but it took longer than agreed. "
    return judge_timed(
        CHECK, standing, control_s=drill.control.held_up_s(drill.took_s), limit_s=limit_s, exit_code=0,
        detail=f"{slow}{describe_return(drill, drill.after)}", fix=["Read drill.txt to see where the time went."], **facts,
    )  # fmt: skip


def judge_unfinished(drill: Drill, limit_s: float, facts: dict[str, Any]) -> Result:
    """Judge a script that failed, or did not end: an error only where this machine explains it."""
    run = drill.rollback
    if run is None:
        said, code = f"The rollback script did not end: {drill.rollback_failure}", None
    else:
        last = plain_text(run.lines[-1][1], limit=300) if run.lines else "it said nothing"
        said, code = f"The rollback script ended with {run.exit_code}: {last}.", run.exit_code
    if drill.took_s >= limit_s and weigh_timeout(limit_s, drill.control) is Standing.UNCLEAR:
        return CHECK.errored(f"{too_busy_for(drill.control, limit_s)} {said}", exit_code=code, **facts)
    return CHECK.failed(detail=f"Damaged: {drill.damage}. {said}", exit_code=code, **facts)


def find_faults(drill: Drill, after: ReleaseSnapshot) -> list[str]:
    """Return what is not as it was, a clause each."""
    changes = [f"{one.component} is another ({', '.join(one.parts[:5])})" for one in diff_snapshots(drill.before, after)]
    assert drill.smoke_after is not None
    was, now = drill.smoke_before, drill.smoke_after
    changes += [f"version {now.version} answers instead of {was.version}"] if now.version != was.version else []
    return changes + [one for one in now.failures if one not in was.failures]


def describe_return(drill: Drill, after: ReleaseSnapshot) -> str:
    """Return what the drill has shown, in sentences."""
    parts = sum(len(component) for component in after.components.values())
    noticed = "" if drill.smoke_damaged.failures else " The app's answers did not show the damage to the database."
    return f"Damaged: {drill.damage}, and another release. All {parts} parts are what they were.{noticed}"
