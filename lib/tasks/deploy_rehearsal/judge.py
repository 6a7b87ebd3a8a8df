"""What a rehearsed deploy comes to: every judgement of the task, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.fly.flyctl import AppState, said_by
from lib.core.results import Result, failed, judge, passed, unseen
from lib.core.wording import show_count
from lib.tasks.deploy_rehearsal.outages import error_ratio, find_outages, longest_gap_s
from lib.tasks.deploy_rehearsal.rehearsal import Plan, Rehearsal
from lib.tasks.deploy_rehearsal.rollback import MemberChange
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls
from lib.transport.process import CommandRun


def judge_config(run: CommandRun, name: str, version: str) -> Result:
    """Judge that flyctl takes the config."""
    expected, check = "valid", "deploy_rehearsal.config_is_valid"
    if run.exit_code == 0:
        return passed(check, observed=f"valid, says flyctl {version}", expected=expected, command=run.command, exit_code=0)
    detail = f"{name}: {said_by(run)}. Next: mend it, `flyctl config validate --config {name}` says when it is."
    return failed(check, observed=said_by(run), expected=expected, detail=detail, command=run.command, exit_code=run.exit_code)


def judge_running(state: AppState) -> Result:
    """Judge that one finished release runs on every machine, and that each has a health check and passes it."""
    check, expected = "deploy_rehearsal.running_release_is_healthy", "one image, every check passing"
    if not state.machines or state.running is None:
        return unseen(
            check, "No machine runs a finished release, so there is nothing to come back to. Next: deploy a first release."
        )
    sick = [one.id for one in state.machines if not one.is_healthy]
    healthy = len(state.machines) - len(sick)
    observed = f"{show_count(len(state.images), 'image')}, {healthy} of {len(state.machines)} machines healthy"
    if len(state.images) > 1:
        detail = f"Machines run {len(state.images)} images: a deploy ended half way. Next: deploy v{state.running.version} again."
        return failed(check, observed=observed, expected=expected, detail=detail)
    detail = f"Not healthy, or without a health check: {', '.join(sick)}. Next: mend the running release first." if sick else ""
    return judge(check, holds=not sick, observed=observed, expected=expected, detail=detail)


def judge_candidate(run: CommandRun, image: str, before: AppState) -> Result:
    """Judge that the candidate can be deployed, and is another image than the one that runs."""
    check, expected = "deploy_rehearsal.candidate_is_in_the_registry", "found, and new"
    if run.exit_code != 0:
        detail = f"{image}: {said_by(run)}. Next: build and push it, or mend deploy_rehearsal.image in params."
        return failed(check, observed="not found", expected=expected, detail=detail, command=run.command, exit_code=run.exit_code)
    same = image in {machine.image for machine in before.machines}
    detail = (
        f"{image} runs already, so deploying it would prove nothing. Next: name the image of the new release." if same else ""
    )
    observed = "runs already" if same else "found, and new"
    return judge(check, holds=not same, observed=observed, expected=expected, detail=detail, command=run.command, exit_code=0)


def judge_way_back(run: CommandRun, command: str) -> Result:
    """Judge that the rollback script, run dry, found nothing in its way."""
    said = (run.stderr or run.stdout).strip().splitlines()
    why = said[-1] if said else "it said nothing"
    detail = f"The rollback script stopped: {why}. Nothing is deployed without a way back. Next: mend that first."
    return judge(
        "deploy_rehearsal.way_back_is_known", holds=run.exit_code == 0, observed=f"dry run ended with {run.exit_code}",
        expected="dry run ends with 0", detail="" if run.exit_code == 0 else detail, command=command, exit_code=run.exit_code,
    )  # fmt: skip


def judge_rehearsal(plan: Plan, seen: Rehearsal) -> list[Result]:
    """Judge deploy, watch and rollback."""
    return [judge_deploy(plan, seen), judge_watch(plan, seen), judge_rollback(plan, seen), judge_return(plan, seen)]


def judge_deploy(plan: Plan, seen: Rehearsal) -> Result:
    """Judge that every machine got healthy on the candidate; a flyctl that was cut off says nothing of it."""
    check = "deploy_rehearsal.candidate_gets_healthy"
    command, code = (seen.deploy.command, seen.deploy.exit_code) if seen.deploy else (None, None)
    facts: dict[str, Any] = {"expected": plan.health_timeout_s, "unit": "s", "command": command, "exit_code": code}
    if seen.deploy_trouble:
        return unseen(
            check, f"{seen.deploy_trouble} The running release was brought back. Next: see why flyctl ended so.", **facts
        )
    if seen.healthy_after_s is not None:
        return passed(check, observed=round(seen.healthy_after_s, 2), **facts)
    on_it = sum(machine.image == plan.image for machine in seen.machines)
    healthy = sum(machine.is_healthy and machine.image == plan.image for machine in seen.machines)
    said = f" flyctl: {said_by(seen.deploy)}." if seen.deploy and seen.deploy.exit_code else ""
    detail = (
        f"{on_it} of {len(seen.machines)} machines ran the candidate, "
        f"{healthy} of them healthy within {plan.health_timeout_s:g} s."
        f"{said} The running release was brought back. Next: run the candidate's health check on its own, and see its log."
    )
    return failed(check, observed="never", detail=detail, **facts)


def judge_watch(plan: Plan, seen: Rehearsal) -> Result:
    """Judge that the candidate was healthy for as long as it was watched."""
    check = "deploy_rehearsal.candidate_stays_healthy"
    if seen.healthy_after_s is None:
        return unseen(check, "The candidate never got healthy, so there was nothing to watch. Next: see candidate_gets_healthy.")
    facts: dict[str, Any] = {"observed": round(seen.watched_s, 1), "expected": plan.watch_s, "unit": "s"}
    if seen.fell_over.startswith("the machines could not be seen"):
        return unseen(check, f"While the candidate was watched, {seen.fell_over}", **facts)
    detail = f"The candidate fell over: {seen.fell_over}. Next: `flyctl logs` says why it ended." if seen.fell_over else ""
    return judge(check, holds=not seen.fell_over, detail=detail, **facts)


def judge_rollback(plan: Plan, seen: Rehearsal) -> Result:
    """Judge that the script brought the old release back in time."""
    check = "deploy_rehearsal.rollback_is_quick"
    facts: dict[str, Any] = {"expected": plan.rollback_limit_s, "unit": "s", "command": plan.way_back.shown}
    if seen.rollback is None:
        detail = f"The rollback script gave no end: {seen.rollback_trouble} Next: bring the release back by hand, now."
        return failed(check, observed="never", detail=detail, **facts)
    if seen.rollback.exit_code != 0:
        last = seen.rollback.lines[-1][1] if seen.rollback.lines else "it said nothing"
        detail = f"The rollback script ended with {seen.rollback.exit_code}: {last}. Next: bring the release back by hand, now."
        return failed(check, observed="never", detail=detail, exit_code=seen.rollback.exit_code, **facts)
    took = round(seen.rollback.duration_s, 2)
    holds = took <= plan.rollback_limit_s
    detail = "" if holds else "The rollback took longer than agreed. Next: see where the time went, in rollback.txt."
    return judge(check, holds=holds, observed=took, detail=detail, exit_code=0, **facts)


def judge_return(plan: Plan, seen: Rehearsal) -> Result:
    """Judge that every machine runs the old image again, and that the old version is what answers."""
    check = "deploy_rehearsal.old_version_answers"
    if seen.after is None or seen.smoke_after is None or seen.smoke_before is None:
        return unseen(check, "The app was not seen after the rollback. Next: look at it by hand, now.")
    wrong = [one.id for one in seen.after.machines if one.digest not in plan.before.images or not one.is_healthy]
    old, now = seen.smoke_before.version, seen.smoke_after.version
    trouble = [f"not on the old image, or not healthy: {', '.join(wrong)}"] if wrong else []
    trouble += [f"version {now} answers instead of {old}"] if now != old else []
    trouble += list(seen.smoke_after.trouble)
    detail = f"After the rollback: {'; '.join(trouble)}. Next: bring the release back by hand, now." if trouble else ""
    return judge(check, holds=not trouble, observed=now, expected=old, detail=detail)


def judge_users(seen: Rehearsal, *, max_downtime_s: float, max_error_ratio: float) -> list[Result]:
    """Judge what users met from the trigger of the deploy to the end."""
    downtime, errors = "deploy_rehearsal.downtime_within_limit", "deploy_rehearsal.errors_within_limit"
    began_s = next((phase.begin_s for phase in seen.phases if phase.name == "deploy"), 0.0)
    counted = [sample for sample in seen.samples if sample.sent_at >= began_s]
    good_before = [sample for sample in seen.samples if sample.sent_at < began_s and sample.is_good]
    if not counted or not good_before:
        reason = (
            "No request was answered before the deploy, so its effect can't be told. Next: see whether the app answers at all."
        )
        return [unseen(downtime, reason), unseen(errors, reason)]
    gap, ratio = longest_gap_s(counted), error_ratio(counted)
    lost = sum(not sample.is_good for sample in counted)
    outages = len(find_outages(counted))
    how = f"{lost} of {show_count(len(counted), 'request')} lost, in {show_count(outages, 'stretch', 'stretches')}."
    calmer = "Next: deploy with rolling or bluegreen, or see why the app takes long to start."
    return [
        judge(
            downtime, holds=gap <= max_downtime_s, observed=round(gap, 2), expected=max_downtime_s, unit="s",
            detail=how if gap <= max_downtime_s else f"{how} {calmer}",
        ),
        judge(
            errors, holds=ratio <= max_error_ratio, observed=round(ratio, 4), expected=max_error_ratio,
            detail=how if ratio <= max_error_ratio else f"{how} {calmer}",
        ),
    ]  # fmt: skip


def judge_equation(changes: Sequence[MemberChange], members: int) -> Result:
    """Judge that before = after; each member that differs is named."""
    named = "; ".join(f"{one.member} ({', '.join(one.parts[:5])})" for one in changes)
    detail = f"Not brought back: {named}. Next: bring it back by hand, or make it part of the rollback." if changes else ""
    return judge(
        "deploy_rehearsal.everything_came_back",
        holds=not changes,
        observed=[one.member for one in changes] or f"all {members} members as before",
        expected=f"all {members} members as before",
        detail=detail,
    )


def judge_grid(cells: Mapping[tuple[str, str], SmokeCalls | None]) -> Result:
    """Judge that each app works on each schema; (app, schema) -> its smoke calls, None where it was not tried."""
    check = "deploy_rehearsal.neighbours_work_together"
    broken = [
        f"{app} app on {schema} schema: {'; '.join(seen.trouble)}"
        for (app, schema), seen in cells.items()
        if seen and not seen.works
    ]
    untried = [f"{app} app on {schema} schema" for (app, schema), seen in cells.items() if seen is None]
    works = sum(seen is not None and seen.works for seen in cells.values())
    facts: dict[str, Any] = {"observed": f"{works} of {len(cells)} work", "expected": f"{len(cells)} of {len(cells)} work"}
    if broken:
        next_move = "Next: make a deploy or rollback that stops half way safe: let each version take both schemas."
        return failed(check, detail=f"{'. '.join(broken)}. {next_move}", **facts)
    if untried:
        return unseen(check, f"Not tried: {', '.join(untried)}. Next: see candidate_gets_healthy.", **facts)
    return passed(check, **facts)


def stage_rows(seen: Rehearsal) -> list[dict[str, Any]]:
    """Return one row a stage: how long it took, and what it came to."""
    took = {phase.name: round(phase.end_s - phase.begin_s, 2) for phase in seen.phases}
    deploy = (
        "flyctl was cut off"
        if seen.deploy_trouble
        else "every machine healthy"
        if seen.healthy_after_s is not None
        else "never healthy"
    )
    watch = "not watched" if seen.healthy_after_s is None else seen.fell_over or "healthy all the while"
    back = (
        "no end"
        if seen.rollback is None
        else "healthy again"
        if seen.rollback.exit_code == 0
        else f"ended with {seen.rollback.exit_code}"
    )
    came_to = {
        "before": "users' requests for comparison",
        "deploy": deploy,
        "watch": watch,
        "rollback": back,
        "after": "users' requests for comparison",
    }
    return [{"stage": stage, "took, s": took.get(stage), "came to": said} for stage, said in came_to.items()]
