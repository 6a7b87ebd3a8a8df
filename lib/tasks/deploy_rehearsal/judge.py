"""What a rehearsed deploy comes to: every judgement of the task, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.fly.flyctl import AppState, said_by
from lib.core.busyness import RUN_AGAIN, Standing, judge_timed, too_busy_for, weigh, weigh_timeout
from lib.core.left_out import LeftOut, judge_all
from lib.core.results import Result
from lib.core.wording import format_count, plain_text
from lib.tasks.deploy_rehearsal.judge_answers import judge_answers
from lib.tasks.deploy_rehearsal.rehearsal import POLL_S, Rehearsal, RehearsalPlan
from lib.tasks.deploy_rehearsal.rollback import ComponentChange
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls
from lib.tasks.deploy_rehearsal.task import (
    CANDIDATE_GETS_HEALTHY,
    CANDIDATE_IS_IN_THE_REGISTRY,
    CANDIDATE_STAYS_HEALTHY,
    CONFIG_IS_VALID,
    EVERYTHING_CAME_BACK,
    NEIGHBOURS_WORK_TOGETHER,
    OLD_VERSION_ANSWERS,
    ROLLBACK_IS_QUICK,
    RUNNING_RELEASE_IS_HEALTHY,
    WAY_BACK_IS_KNOWN,
)
from lib.transport.process import CommandRun

RELEASE_COMMAND_FAILED = "release command failed"
"""How flyctl's sentence begins when the app's release_command did not end with 0."""
CHECK_TIMEOUT_S = 2.0
"""Seconds that a health check is given as fly.toml usually has it; a machine that is held up for longer looks sick."""


def judge_config(run: CommandRun, name: str, version: str) -> Result:
    """Judge that flyctl accepts the config."""
    expected, check = "valid", CONFIG_IS_VALID
    if run.exit_code == 0:
        return check.passed(observed=f"valid, says flyctl {version}", expected=expected, command=run.command, exit_code=0)
    return check.failed(
        observed=said_by(run),
        expected=expected,
        detail=f"{name}: {said_by(run)}.",
        fix=f"Correct {name}; `flyctl config validate --config {name}` says when it is valid.",
        command=run.command,
        exit_code=run.exit_code,
    )


def judge_running(state: AppState) -> Result:
    """Judge that one finished release is on every machine, and that all are healthy by the meaning of their own config."""
    check, expected = RUNNING_RELEASE_IS_HEALTHY, "one image, every machine healthy by its config"
    if not state.machines or state.running is None:
        return check.errored(
            "No machine runs a finished release, so there is nothing to roll back to.", fix="Deploy a first release."
        )
    sick = [one.id for one in state.machines if not one.is_healthy]
    healthy = len(state.machines) - len(sick)
    observed = f"{format_count(len(state.images), 'image')}, {healthy} of {len(state.machines)} machines healthy"
    if len(state.images) > 1:
        return check.failed(
            observed=observed,
            expected=expected,
            detail=f"Machines run {len(state.images)} images: a deploy ended half way.",
            fix=f"Deploy v{state.running.version} again.",
        )
    detail = f"Not healthy: {plain_text(describe_faults(state), limit=300)}." if state.fault else ""
    return check.judge(holds=not state.fault, observed=observed, expected=expected, detail=detail)


def describe_faults(state: AppState) -> str:
    """Return every fault of the machines alone, else the one of them together."""
    return "; ".join(one.fault for one in state.machines if one.fault) or state.fault


def judge_candidate(run: CommandRun, image: str, before: AppState) -> Result:
    """Judge that the candidate can be deployed, and is another image than the one that runs."""
    check, expected = CANDIDATE_IS_IN_THE_REGISTRY, "found, and new"
    if run.exit_code != 0:
        return check.failed(
            observed="not found",
            expected=expected,
            detail=f"{image}: {said_by(run)}.",
            fix=f"Build and push {image}, or correct deploy_rehearsal.image in params.",
            command=run.command,
            exit_code=run.exit_code,
        )
    same = image in {machine.image for machine in before.machines}
    return check.judge(
        holds=not same,
        observed="runs already" if same else "found, and new",
        expected=expected,
        detail=f"{image} runs already, so deploying it would prove nothing." if same else "",
        fix="Set deploy_rehearsal.image to the image of the new release.",
        command=run.command,
        exit_code=0,
    )


def judge_rollback_plan(run: CommandRun, command: str) -> Result:
    """Judge that the dry run of the rollback script found no obstacle."""
    said = (run.stderr or run.stdout).strip().splitlines()
    why = plain_text(said[-1], limit=300) if said else "it said nothing"
    works = run.exit_code == 0
    return WAY_BACK_IS_KNOWN.judge(
        holds=works,
        observed=f"dry run ended with {run.exit_code}",
        expected="dry run ends with 0",
        detail="" if works else f"The rollback script stopped: {why}. Nothing is deployed without a rollback.",
        command=command,
        exit_code=run.exit_code,
    )


def judge_rehearsal(plan: RehearsalPlan, seen: Rehearsal) -> list[Result]:
    """Judge deploy, watch and rollback."""
    return [judge_deploy(plan, seen), judge_watch(plan, seen), judge_rollback(plan, seen), judge_return(plan, seen)]


def judge_deploy(plan: RehearsalPlan, seen: Rehearsal) -> Result:
    """Judge that every machine got healthy on the candidate; a flyctl that was interrupted says nothing about it."""
    check = CANDIDATE_GETS_HEALTHY
    command, code = (seen.deploy.command, seen.deploy.exit_code) if seen.deploy else (None, None)
    facts: dict[str, Any] = {"expected": plan.health_timeout_s, "unit": "s", "command": command, "exit_code": code}
    if seen.deploy_failure:
        return check.errored(
            f"{seen.deploy_failure} The running release was restored.", **facts, fix="Read deploy.txt to see why flyctl ended."
        )
    if seen.healthy_after_s is not None:
        return check.passed(observed=round(seen.healthy_after_s, 2), **facts)
    control = seen.control_of("deploy")
    by_the_clock = ran_out(seen, "deploy", plan.health_timeout_s) and not has_crashed(plan, seen)
    if by_the_clock and weigh_timeout(plan.health_timeout_s, control) is Standing.UNCLEAR:
        reason = f"{too_busy_for(control, plan.health_timeout_s)} The running release was restored."
        return check.errored(reason, observed="not in time", fix=RUN_AGAIN, **facts)
    on_it = sum(machine.image == plan.image for machine in seen.machines)
    healthy = sum(machine.is_healthy and machine.image == plan.image for machine in seen.machines)
    said = f" flyctl: {said_by(seen.deploy)}." if seen.deploy and seen.deploy.exit_code else ""
    detail = (
        f"{on_it} of {len(seen.machines)} machines ran the candidate, "
        f"{healthy} of them healthy within {plan.health_timeout_s:g} s."
        f"{said} The running release was restored."
    )
    if seen.deploy and seen.deploy.exit_code and RELEASE_COMMAND_FAILED in said:
        fix = "Read what release_command said, in deploy.txt: it failed, so no machine ran the candidate."
        return check.failed(observed="never", detail=detail, fix=fix, **facts)
    return check.failed(observed="never", detail=detail, **facts)


def ran_out(seen: Rehearsal, phase: str, limit_s: float) -> bool:
    """Return whether a phase took all the time there was, so that a clock ended it and nothing else."""
    taken = seen.phase(phase)
    return taken.end_s - taken.begin_s >= limit_s


def has_crashed(plan: RehearsalPlan, seen: Rehearsal) -> bool:
    """Return whether the program of a machine has ended by itself since the deploy began: no busy machine does that."""
    known = {(machine.id, exit_ms) for machine in plan.before.machines for exit_ms in machine.exits}
    return any((machine.id, exit_ms) not in known for machine in seen.machines for exit_ms in machine.exits)


def judge_watch(plan: RehearsalPlan, seen: Rehearsal) -> Result:
    """Judge that the candidate was healthy for as long as it was watched."""
    check = CANDIDATE_STAYS_HEALTHY
    if seen.healthy_after_s is None:
        return check.errored(
            "The candidate never got healthy, so there was nothing to watch.", fix=f"Fix {CANDIDATE_GETS_HEALTHY.id} first."
        )
    facts: dict[str, Any] = {"observed": round(seen.watched_s, 1), "expected": plan.watch_s, "unit": "s"}
    if seen.watch_failure:
        failure = seen.watch_failure
        reason = f"While the candidate was watched, the machines could not be read: {failure.message}"
        return check.errored(reason, fix=failure.fix, **facts)
    control = seen.control.within(seen.phase("rollback").begin_s - 2 * CHECK_TIMEOUT_S, seen.phase("rollback").begin_s)
    if seen.fell_over and not seen.ended_itself and weigh_timeout(CHECK_TIMEOUT_S, control) is Standing.UNCLEAR:
        reason = f"{too_busy_for(control, CHECK_TIMEOUT_S)} While the candidate was watched, {seen.fell_over}."
        return check.errored(reason, fix=RUN_AGAIN, **facts)
    if not seen.fell_over and seen.watched_s < plan.watch_s - POLL_S:
        short = f"It was watched for {seen.watched_s:.1f} s of {plan.watch_s:g} s."
        return check.errored(short, fix=RUN_AGAIN, **facts)
    if seen.fell_over:
        fix = f"Run `flyctl logs --app {plan.fly.app}` to see why it ended."
        return check.failed(detail=f"The candidate failed: {seen.fell_over}.", fix=fix, **facts)
    return judge_answers(seen, facts)


def judge_rollback(plan: RehearsalPlan, seen: Rehearsal) -> Result:
    """Judge that the script restored the old release in time."""
    check, limit_s, control = ROLLBACK_IS_QUICK, plan.rollback_limit_s, seen.control_of("rollback")
    facts: dict[str, Any] = {"expected": limit_s, "unit": "s", "command": plan.rollback.display_name}
    run = seen.rollback
    if run is None or run.exit_code != 0:
        detail = describe_failed_rollback(seen)
        facts |= {"observed": "never", "exit_code": run.exit_code if run else None, "fix": restore_by_hand(plan)}
        if ran_out(seen, "rollback", limit_s) and weigh_timeout(limit_s, control) is Standing.UNCLEAR:
            return check.errored(f"{too_busy_for(control, limit_s)} {detail}", **facts)
        return check.failed(detail=detail, **facts)
    took = round(run.duration_s, 2)
    standing = weigh(took, limit_s, control)
    detail = "" if standing is Standing.WITHIN else "The rollback took longer than agreed."
    return judge_timed(
        check, standing, control_s=control.held_up_s(took), limit_s=limit_s, observed=took, detail=detail, exit_code=0, **facts
    )


def describe_failed_rollback(seen: Rehearsal) -> str:
    """Return why the old release was not restored, as a sentence."""
    if seen.rollback is None:
        return f"The rollback script did not end: {seen.rollback_failure}"
    last = seen.rollback.lines[-1][1] if seen.rollback.lines else "it said nothing"
    return f"The rollback script ended with {seen.rollback.exit_code}: {last}."


def restore_by_hand(plan: RehearsalPlan) -> list[str]:
    """Return what to do at once about a release that was not restored."""
    return ["Restore the release by hand, now, in the pack's folder:", f"{plan.rollback.display_name} --take-over"]


def judge_return(plan: RehearsalPlan, seen: Rehearsal) -> Result:
    """Judge that every machine runs the old image again, and that the old version is what answers."""
    check = OLD_VERSION_ANSWERS
    if seen.after is None or seen.smoke_after is None or seen.smoke_before is None:
        return check.errored(
            "The app could not be read after the rollback.", fix=f"Check it now: flyctl status --app {plan.fly.app}"
        )
    faults = [one.fault or f"machine {one.id} is not on the old image" for one in seen.after.machines
              if one.fault or one.digest not in plan.before.images]  # fmt: skip
    faults = faults or ([seen.after.fault] if seen.after.fault else [])
    old, now = seen.smoke_before.version, seen.smoke_after.version
    failures = [plain_text("; ".join(faults), limit=300)] if faults else []
    failures += [f"version {now} answers instead of {old}"] if now != old else []
    failures += list(seen.smoke_after.failures)
    unnamed = "The app does not say its version: the images of the machines were compared." if now == "unknown" else ""
    detail = f"After the rollback: {'; '.join(failures)}." if failures else unnamed
    control = seen.control_of("after")
    is_mixed = now not in (old, "unknown") or any(one.digest not in plan.before.images for one in seen.after.machines)
    if failures and not is_mixed and weigh_timeout(CHECK_TIMEOUT_S, control) is Standing.UNCLEAR:
        reason = f"{too_busy_for(control, CHECK_TIMEOUT_S)} {detail}"
        return check.errored(reason, observed=now, expected=old, fix=restore_by_hand(plan))
    return check.judge(holds=not failures, observed=now, expected=old, detail=detail, fix=restore_by_hand(plan))


def judge_restored_release(
    changes: Sequence[ComponentChange], components: int, *, unread: Sequence[str] = (), is_back: bool = True
) -> Result:
    """Judge that before = after; each component that differs is named.

    unread: parts that could not be read on either side. is_back: whether the rollback script came to its end.
    """
    left_out = []
    if not is_back:
        left_out.append(LeftOut(reason="The rollback did not come to its end.", cause=ROLLBACK_IS_QUICK.id))
    if unread:
        fix = "Let the user of the run read these tables, or compare them by hand."
        left_out.append(LeftOut(reason=f"Could not be read: {', '.join(unread[:5])}.", fix=fix))
    named = "; ".join(f"{one.component} ({', '.join(one.parts[:5])})" for one in changes)
    return judge_all(
        EVERYTHING_CAME_BACK,
        holds=not changes,
        left_out=left_out,
        observed=[one.component for one in changes] or f"all {components} components as before",
        expected=f"all {components} components as before",
        detail=f"Not restored: {named}." if changes else "",
    )


def judge_version_skew(cells: Mapping[tuple[str, str], SmokeCalls | None]) -> Result:
    """Judge that each app works on each schema; (app, schema) -> its smoke calls, None where it was not tried."""
    check = NEIGHBOURS_WORK_TOGETHER
    broken = [
        f"{app} app on {schema} schema: {'; '.join(seen.failures)}"
        for (app, schema), seen in cells.items()
        if seen and not seen.works
    ]
    untried = [f"{app} app on {schema} schema" for (app, schema), seen in cells.items() if seen is None]
    works = sum(seen is not None and seen.works for seen in cells.values())
    return judge_all(
        check,
        holds=not broken,
        left_out=[LeftOut(reason=f"Not tried: {', '.join(untried)}.", cause=CANDIDATE_GETS_HEALTHY.id)] if untried else [],
        detail=f"{'. '.join(broken)}." if broken else "",
        observed=f"{works} of {len(cells)} work",
        expected=f"{len(cells)} of {len(cells)} work",
    )
