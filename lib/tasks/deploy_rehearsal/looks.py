"""The rehearsal of a deploy and its rollback: what each took, what users noticed, and whether everything was restored."""

from __future__ import annotations

import shutil
from dataclasses import asdict

from lib.clients.fly.flyctl import (
    AppState,
    find_image,
    read_app,
    read_operator,
    read_version,
    validate_config,
)
from lib.core.offered import offer_looks
from lib.core.recovery_notes import remove_recovery_note, write_recovery_note
from lib.core.results import Findings, Outcome, look
from lib.core.visible import say
from lib.tasks.deploy_rehearsal import judge as judgement
from lib.tasks.deploy_rehearsal.allowed import find_drill_refusal, find_refusal, open_fly
from lib.tasks.deploy_rehearsal.drill import Drill, find_start, plan_drill, plan_drill_rollback, run_drill
from lib.tasks.deploy_rehearsal.judge_drill import judge_drill
from lib.tasks.deploy_rehearsal.judge_users import judge_users
from lib.tasks.deploy_rehearsal.judge_window import judge_window
from lib.tasks.deploy_rehearsal.outages import find_outages, sum_up_phases
from lib.tasks.deploy_rehearsal.rehearsal import DeployPlan, Rehearsal, RehearsalPlan, format_machines, rehearse, transcripts_of
from lib.tasks.deploy_rehearsal.rollback import (
    component_rows,
    diff_snapshots,
    dry_run_rollback,
    keep_config,
    plan_rollback,
    snapshot_release,
)
from lib.tasks.deploy_rehearsal.skew import Cells, try_versions
from lib.tasks.deploy_rehearsal.smoke import format_cell, wait_clearly
from lib.tasks.deploy_rehearsal.stages import drill_artifacts, drill_rows, format_drill_recovery, format_recovery, stage_rows
from lib.tasks.deploy_rehearsal.task import (
    CANDIDATE_GETS_HEALTHY,
    CANDIDATE_IS_IN_THE_REGISTRY,
    CANDIDATE_STAYS_HEALTHY,
    CONFIG_IS_VALID,
    DOWNTIME_WITHIN_LIMIT,
    DRILL_BRINGS_EVERYTHING_BACK,
    ERRORS_WITHIN_LIMIT,
    EVERYTHING_CAME_BACK,
    NEIGHBOURS_WORK_TOGETHER,
    OLD_VERSION_ANSWERS,
    ROLLBACK_IS_QUICK,
    RUNNING_RELEASE_IS_HEALTHY,
    SCHEMAS,
    TELEMETRY_WAS_READ,
    WAY_BACK_IS_KNOWN,
    WITHIN_DEPLOYMENT_WINDOW,
    DeployRehearsal,
)
from lib.tasks.deploy_rehearsal.telemetry import judge_telemetry, read_telemetry, telemetry_artifact, telemetry_rows
from lib.tasks.deploy_rehearsal.window import read_clock
from lib.transport.context import Context

NOTHING_DEPLOYED = "Nothing was deployed: there is no candidate, or no rollback."
FIX_PLAN = f"Fix {CANDIDATE_IS_IN_THE_REGISTRY.id} and {WAY_BACK_IS_KNOWN.id} first."
TASK = "deploy_rehearsal"


@look(WITHIN_DEPLOYMENT_WINDOW)
def look_at_window(context: Context[DeployRehearsal]) -> Findings[None]:
    """Whether a deploy may begin at this moment, by the window that the project declares."""
    result = judge_window(context.settings.window, read_clock(), is_live="fly" not in context.embedded)
    return Findings(results=[result])


@look(CONFIG_IS_VALID, RUNNING_RELEASE_IS_HEALTHY)
def look_at_what_runs(context: Context[DeployRehearsal]) -> Findings[AppState]:
    """What runs now: machine by machine, its image and its health checks."""
    fly = open_fly(context)
    version = read_version(fly)
    read_operator(fly)
    state = read_app(fly)
    if state.running is not None and not state.is_healthy:
        wait_clearly(fly, state.running.image, timeout_s=context.settings.health_timeout_s)
        state = read_app(fly)
    config = validate_config(fly, context.settings.config)
    rows = [
        {
            "machine": one.id,
            "state": one.state,
            "image": one.image,
            "digest": one.digest[:19],
            "checks": ", ".join(one.checks.values()),
        }
        for one in state.machines
    ]
    releases = [asdict(one) for one in state.releases]
    return Findings(
        results=[judgement.judge_config(config, context.settings.config, version), judgement.judge_running(state)],
        rows=rows,
        artifacts={"before.json": {"flyctl": version, "machines": [asdict(one) for one in state.machines], "releases": releases}},
        facts=state,
    )


@look(CANDIDATE_IS_IN_THE_REGISTRY, WAY_BACK_IS_KNOWN)
def look_at_rollback(context: Context[DeployRehearsal], *, before: AppState | None) -> Findings[DeployPlan]:
    """What runs, and the candidate: the commands for both are kept before anything is changed."""
    if before is None or before.running is None:
        return look_at_rollback.errors(
            "What runs now could not be determined.", fix=f"Fix {RUNNING_RELEASE_IS_HEALTHY.id} first."
        )
    fly, settings, config = open_fly(context), context.settings, context.settings.config
    rollback = plan_rollback(
        fly,
        before,
        config=str(keep_config(fly, context.kept)),
        pack=context.pack,
        kept=context.kept,
        strategy=settings.strategy,
        limit_s=settings.rollback_limit_s,
    )
    plan = RehearsalPlan(
        fly=fly, config=config, image=settings.image, strategy=settings.strategy, endpoints=settings.endpoints,
        per_second=settings.requests_per_s, baseline_s=settings.baseline_s, watch_s=settings.watch_s,
        health_timeout_s=settings.health_timeout_s, rollback_limit_s=settings.rollback_limit_s, rollback=rollback, before=before,
    )  # fmt: skip
    candidate, dry_run = find_image(fly, config, settings.image), dry_run_rollback(fly, rollback)
    results = [
        judgement.judge_candidate(candidate, settings.image, before),
        judgement.judge_rollback_plan(dry_run, rollback.display_name),
    ]
    snapshot = snapshot_release(before, context.target, context.borrow(SCHEMAS))
    running = before.running
    rows: list[dict[str, str | None]] = [
        {"what": f"what runs, release v{running.version}", "image": running.image, "digest": before.images[0][:19]},
        {"what": "the candidate", "image": plan.image, "digest": None},
    ]
    return Findings(
        results=results,
        rows=rows,
        artifacts={"way_back.txt": f"{rollback.display_name}\n", "way_back_dry_run.txt": dry_run.transcript},
        facts=DeployPlan(
            plan=plan,
            snapshot=snapshot,
            works=all(one.outcome is Outcome.PASS for one in results),
            telemetry=read_telemetry(context),
        ),
    )


@look(
    CANDIDATE_GETS_HEALTHY,
    CANDIDATE_STAYS_HEALTHY,
    ROLLBACK_IS_QUICK,
    OLD_VERSION_ANSWERS,
)
def look_at_rehearsal(
    context: Context[DeployRehearsal], *, deploy_plan: DeployPlan | None, recorded: Rehearsal | None = None
) -> Findings[Rehearsal]:
    """The rehearsal, stage by stage, with users' requests all the while. recorded: one that was made; None to make it."""
    if deploy_plan is None or not deploy_plan.works:
        return look_at_rehearsal.errors(NOTHING_DEPLOYED, fix=FIX_PLAN)
    plan = deploy_plan.plan
    if refusal := find_refusal(context, plan.fly.app):
        rows = [
            {"stage": "deploy", "took, s": None, "came to": "planned only"},
            {"stage": "rollback", "took, s": None, "came to": "planned only"},
        ]
        return look_at_rehearsal.not_allowed(refusal, rows=rows)
    if recorded is not None:
        return Findings(results=judgement.judge_rehearsal(plan, recorded), rows=stage_rows(recorded), facts=recorded)
    try:
        seen = rehearse(plan, at_stage=lambda stage: write_recovery_note(context.work, TASK, format_recovery(plan, stage)))
    except KeyboardInterrupt:
        note = f"{format_machines(plan.fly)}\n{format_recovery(plan, 'stopped by the operator')}"
        write_recovery_note(context.work, TASK, note)
        say(note)
        raise
    results = judgement.judge_rehearsal(plan, seen)
    if all(one.outcome is Outcome.PASS for one in results[2:]):
        remove_recovery_note(context.work, TASK)
    return Findings(results=results, rows=stage_rows(seen), artifacts=transcripts_of(seen), facts=seen)


@look(DOWNTIME_WITHIN_LIMIT, ERRORS_WITHIN_LIMIT)
def look_at_users(context: Context[DeployRehearsal], *, rehearsal: Rehearsal | None) -> Findings[None]:
    """What users noticed, phase by phase."""
    if rehearsal is None:
        if refusal := find_refusal(context, context.settings.app):
            return look_at_users.not_allowed(refusal)
        return look_at_users.errors(NOTHING_DEPLOYED, fix=FIX_PLAN)
    results = judge_users(
        rehearsal, max_downtime_s=context.settings.max_downtime_s, max_error_ratio=context.settings.max_error_ratio
    )
    outages = [asdict(one) for one in find_outages(rehearsal.samples)]
    rows = sum_up_phases(rehearsal.samples, rehearsal.phases, rehearsal.control)
    return Findings(results=results, rows=rows, artifacts={"outages.json": outages})


@look(EVERYTHING_CAME_BACK)
def look_at_restored_release(
    context: Context[DeployRehearsal], *, deploy_plan: DeployPlan | None, rehearsal: Rehearsal | None
) -> Findings[None]:
    """Each component of the running release, before the deploy and after the rollback."""
    if deploy_plan is None or rehearsal is None or rehearsal.after is None:
        if refusal := find_refusal(context, context.settings.app):
            return look_at_restored_release.not_allowed(refusal)
        return look_at_restored_release.errors(NOTHING_DEPLOYED, fix=FIX_PLAN)
    before = deploy_plan.snapshot
    after = snapshot_release(rehearsal.after, context.target, context.borrow(SCHEMAS))
    both = {"before": before.components, "after": after.components}
    return Findings(
        results=[
            judgement.judge_restored_release(
                diff_snapshots(before, after),
                len(after.components),
                unread=sorted({*before.unread, *after.unread}),
                is_back=rehearsal.rollback is not None and rehearsal.rollback.exit_code == 0,
            )
        ],
        rows=component_rows(before, after),
        artifacts={"equation.json": both},
    )


@look(NEIGHBOURS_WORK_TOGETHER)
def look_at_version_skew(
    context: Context[DeployRehearsal], *, deploy_plan: DeployPlan | None, rehearsal: Rehearsal | None, tried: Cells | None = None
) -> Findings[Cells]:
    """Old and new app, each on the old and on the new schema.

    tried: what came of these four; None to try them. facts: what came of them.
    """
    app = context.settings.previous_schema_app
    if deploy_plan is None or rehearsal is None:
        if refusal := find_refusal(context, context.settings.app):
            return look_at_version_skew.not_allowed(refusal)
        return look_at_version_skew.errors(NOTHING_DEPLOYED, fix=FIX_PLAN)
    if not app:
        return look_at_version_skew.errors(
            "No app runs on the previous schema.",
            fix="Create one with a database one release behind, and name it in deploy_rehearsal.previous_schema_app.",
        )
    if refusal := find_refusal(context, app):
        return look_at_version_skew.not_allowed(refusal)
    cells = tried or try_versions(open_fly(context, app), context.settings, deploy_plan.plan, rehearsal)
    rows = [
        format_cell(f"{name} app", f"{schema} schema", cells[name, schema])
        for name in ("old", "new")
        for schema in ("old", "new")
    ]
    return Findings(results=[judgement.judge_version_skew(cells)], rows=rows, facts=cells)


@look(DRILL_BRINGS_EVERYTHING_BACK)
def look_at_drill(
    context: Context[DeployRehearsal],
    *,
    deploy_plan: DeployPlan | None,
    rehearsal: Rehearsal | None = None,
    drilled: Drill | None = None,
) -> Findings[Drill]:
    """App and database, both damaged and both brought back: part by part.

    rehearsal: with a script that failed there nothing more is damaged. drilled: a drill that was made; None to make it.
    """
    settings = context.settings
    if drilled is not None:
        return Findings(results=[judge_drill(drilled, limit_s=settings.drill_limit_s)], rows=drill_rows(drilled), facts=drilled)
    if refusal := find_drill_refusal(context):
        return look_at_drill.not_allowed(refusal)
    if deploy_plan is None or not deploy_plan.works:
        return look_at_drill.errors(NOTHING_DEPLOYED, fix=FIX_PLAN)
    if rehearsal is not None and (rehearsal.rollback is None or rehearsal.rollback.exit_code != 0):
        return look_at_drill.hidden_by(ROLLBACK_IS_QUICK.id, "The script failed in the rehearsal, so nothing more was damaged.")
    plan = plan_drill(context)
    state = find_start(plan)
    rollback = plan_drill_rollback(plan, state)
    write_recovery_note(context.work, TASK, format_drill_recovery(plan, rollback))
    drill = run_drill(plan, state, rollback)
    result = judge_drill(drill, limit_s=settings.drill_limit_s)
    if result.outcome is Outcome.PASS:
        remove_recovery_note(context.work, TASK)
        shutil.rmtree(plan.folder, ignore_errors=True)
    return Findings(results=[result], rows=drill_rows(drill), artifacts=drill_artifacts(drill), facts=drill)


@look(TELEMETRY_WAS_READ)
def look_at_telemetry(context: Context[DeployRehearsal], *, deploy_plan: DeployPlan | None) -> Findings[None]:
    """What the platforms measured themselves, before the deploy and after the rollback."""
    before = deploy_plan.telemetry if deploy_plan else None
    after = read_telemetry(context) if before else None
    kept = {"telemetry.json": telemetry_artifact(before, after)} if before else {}
    return Findings(results=[judge_telemetry(before, after)], rows=telemetry_rows(before, after), artifacts=kept)


offer_looks(__name__)
