"""Whether the candidate that stayed healthy also answers as it should, beside what ran before: facts in, one result out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.core.busyness import RUN_AGAIN, Standing
from lib.core.results import Result
from lib.tasks.deploy_rehearsal.answers import describe_version, find_slower, format_changed_forms
from lib.tasks.deploy_rehearsal.outages import within
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal
from lib.tasks.deploy_rehearsal.task import CANDIDATE_STAYS_HEALTHY

FIX_ANSWERS = "Compare what the candidate answers with what runs: see requests.json, and ask the image itself."
NO_VERSION = "Its answers name no version, so which one answers was seen by the machines' images alone."


def judge_answers(seen: Rehearsal, facts: Mapping[str, Any]) -> Result:
    """Judge what a healthy candidate answered: its version, the form of its bodies and its times. facts: of its health."""
    check = CANDIDATE_STAYS_HEALTHY
    before, now, again = seen.smoke_before, seen.smoke_candidate, seen.smoke_after
    if before is None or now is None:
        return check.errored("What the candidate answers was not compared with what ran.", fix=RUN_AGAIN, **facts)
    watched = within(seen.samples, seen.phase("watch"))
    version = describe_version(before.version, now.version, watched)
    forms = format_changed_forms(before.forms, again.forms if again else {}, now.forms)
    running = [one for name in ("before", "after") for one in within(seen.samples, seen.phase(name))]
    slower = find_slower(running, watched, seen.control_of("watch"))
    slow = [str(one) for one in slower if one.standing is Standing.BEYOND]
    problems = [*([version] if version else []), *forms, *slow]
    if problems:
        return check.failed(detail=f"The candidate is healthy, but: {'; '.join(problems)}.", fix=FIX_ANSWERS, **facts)
    if slower:
        said = "; ".join(map(str, slower))
        return check.errored(
            f"This machine was too busy to tell whether the candidate is slower: {said}.", fix=RUN_AGAIN, **facts
        )
    return check.passed(detail=NO_VERSION if now.version == "unknown" else "", **facts)
