"""The deploy and its way back, practised: what each took, what users felt, and whether everything came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from lib.clients.fly.flyctl import (
    AppState,
    Fly,
    deploy,
    deploy_argv,
    find_image,
    read_app,
    read_operator,
    read_version,
    validate_config,
)
from lib.core.recovery_notes import leave_note, remove_note
from lib.core.results import Findings, looks_at, skipped, unseen
from lib.tasks.deploy_rehearsal import judge as judgement
from lib.tasks.deploy_rehearsal.outages import find_outages, sum_up_phases
from lib.tasks.deploy_rehearsal.rehearsal import Plan, Rehearsal, rehearse, say_machines, transcripts_of
from lib.tasks.deploy_rehearsal.rollback import Whole, compare_wholes, member_rows, plan_way_back, read_whole, try_way_back
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls, show_cell, try_on, wait_for_image
from lib.transport.context import World
from lib.transport.process import show_argv

GUARD = "ALLOW_WRITES"
NOTHING_DEPLOYED = (
    "Nothing was deployed: there is no candidate, or no way back. Next: see candidate_is_in_the_registry and way_back_is_known."
)
TASK = "deploy_rehearsal"


@dataclass(frozen=True, kw_only=True)
class Readied:
    """What is known before anything is changed, for the looks that follow."""

    plan: Plan
    whole: Whole
    works: bool  # whether there is a way back, and a candidate to deploy


def open_fly(world: World, app: str | None = None) -> Fly:
    """Return flyctl for the app of this environment, or for another."""
    return Fly(
        program=world.programs.flyctl,
        app=app or world.settings.app,
        timeout_s=world.settings.command_timeout_s,
        folder=world.pack,
        token=world.service("fly").parts["token"] or None,
    )


def guard(world: World, app: str) -> str:
    """Return why this app may not be deployed to, '' when it may."""
    if app in world.settings.production_apps and not world.production_writes_allowed:
        return f"{app} is production's: nothing was deployed. Next: to rehearse there, set {GUARD}=production."
    if not world.writes_allowed:
        return f"Nothing was deployed to {app}: writes are not allowed. Next: set {GUARD}={world.environment}."
    return ""


@looks_at("deploy_rehearsal.config_is_valid", "deploy_rehearsal.running_release_is_healthy")
def look_at_what_runs(world: World) -> Findings:
    """What runs now: machine by machine, its image and its health checks."""
    fly = open_fly(world)
    version = read_version(fly)
    read_operator(fly)
    state = read_app(fly)
    if state.running is not None and not state.is_healthy:
        wait_for_image(fly, state.running.image, timeout_s=world.settings.health_timeout_s)
        state = read_app(fly)
    config = validate_config(fly, world.settings.config)
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
        results=[judgement.judge_config(config, world.settings.config, version), judgement.judge_running(state)],
        rows=rows,
        artifacts={"before.json": {"flyctl": version, "machines": [asdict(one) for one in state.machines], "releases": releases}},
        facts=state,
    )


@looks_at("deploy_rehearsal.candidate_is_in_the_registry", "deploy_rehearsal.way_back_is_known")
def look_at_way_back(world: World, *, before: AppState | None) -> Findings:
    """What runs, and what is to come: the commands for both are kept before anything is changed."""
    ids = look_at_way_back.check_ids  # type: ignore[attr-defined]
    if before is None or before.running is None:
        return unseen_all(ids, "What runs now is not known. Next: see running_release_is_healthy.")
    fly, settings = open_fly(world), world.settings
    config = settings.config
    way_back = plan_way_back(
        fly,
        before,
        config=settings.config,
        pack=world.pack,
        kept=world.kept,
        strategy=settings.strategy,
        limit_s=settings.rollback_limit_s,
    )
    plan = Plan(
        fly=fly, config=config, image=settings.image, strategy=settings.strategy, endpoints=settings.endpoints,
        per_second=settings.requests_per_s, baseline_s=settings.baseline_s, watch_s=settings.watch_s,
        health_timeout_s=settings.health_timeout_s, rollback_limit_s=settings.rollback_limit_s, way_back=way_back, before=before,
    )  # fmt: skip
    candidate, dry = find_image(fly, config, settings.image), try_way_back(fly, way_back)
    results = [judgement.judge_candidate(candidate, settings.image, before), judgement.judge_way_back(dry, way_back.shown)]
    whole = read_whole(before, world.target, world.sections["migrations"].schemas)
    running = before.running
    rows: list[dict[str, str | None]] = [
        {"what": f"what runs, release v{running.version}", "image": running.image, "digest": before.images[0][:19]},
        {"what": "the candidate", "image": plan.image, "digest": None},
    ]
    return Findings(
        results=results,
        rows=rows,
        artifacts={"way_back.txt": f"{way_back.shown}\n", "way_back_dry_run.txt": dry.transcript},
        facts=Readied(plan=plan, whole=whole, works=all(one.outcome == "pass" for one in results)),
    )


def say_commands(readied: Readied | None) -> str:
    """Return the two commands in full, as a person pastes them in the pack's folder."""
    if readied is None:
        return "No command: what runs now is not known."
    plan = readied.plan
    words = deploy_argv(plan.fly, plan.config, image=plan.image, strategy=plan.strategy, wait_s=plan.health_timeout_s)
    return f"Deploy:\n  {break_options(show_argv(words))}\nWay back:\n  {break_options(plan.way_back.shown)}"


def break_options(command: str) -> str:
    """Return a command with each option on a line of its own, still one command when pasted."""
    return command.replace(" --", " \\\n      --")


@looks_at(
    "deploy_rehearsal.candidate_gets_healthy",
    "deploy_rehearsal.candidate_stays_healthy",
    "deploy_rehearsal.rollback_is_quick",
    "deploy_rehearsal.old_version_answers",
)
def look_at_rehearsal(world: World, *, readied: Readied | None) -> Findings:
    """The rehearsal, stage by stage, with users' requests all the while."""
    ids = look_at_rehearsal.check_ids  # type: ignore[attr-defined]
    if readied is None or not readied.works:
        return unseen_all(ids, NOTHING_DEPLOYED)
    plan = readied.plan
    if refused := guard(world, plan.fly.app):
        rows = [
            {"stage": "deploy", "took, s": None, "came to": "planned only"},
            {"stage": "rollback", "took, s": None, "came to": "planned only"},
        ]
        return Findings(results=[skipped(check, refused) for check in ids], rows=rows)
    try:
        seen = rehearse(plan, at_stage=lambda stage: leave_note(world.work, TASK, say_way_back(plan, stage)))
    except KeyboardInterrupt:
        note = f"{say_machines(plan.fly)}\n{say_way_back(plan, 'stopped by the operator')}"
        leave_note(world.work, TASK, note)
        print(note)
        raise
    results = judgement.judge_rehearsal(plan, seen)
    if all(one.outcome == "pass" for one in results[2:]):
        remove_note(world.work, TASK)
    return Findings(results=results, rows=judgement.stage_rows(seen), artifacts=transcripts_of(seen), facts=seen)


def say_way_back(plan: Plan, stage: str) -> str:
    """Return the note for who finds the rehearsal cut off at this stage."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {plan.fly.app}: {stage}.\n"
        f"To bring back what ran before, in the pack's folder:\n  {plan.way_back.shown} --take-over"
    )


@looks_at("deploy_rehearsal.downtime_within_limit", "deploy_rehearsal.errors_within_limit")
def look_at_users(world: World, *, rehearsal: Rehearsal | None) -> Findings:
    """What users met, phase by phase."""
    ids = look_at_users.check_ids  # type: ignore[attr-defined]
    if rehearsal is None:
        return not_rehearsed(world, ids)
    results = judgement.judge_users(
        rehearsal, max_downtime_s=world.settings.max_downtime_s, max_error_ratio=world.settings.max_error_ratio
    )
    outages = [asdict(one) for one in find_outages(rehearsal.samples)]
    return Findings(results=results, rows=sum_up_phases(rehearsal.samples, rehearsal.phases), artifacts={"outages.json": outages})


@looks_at("deploy_rehearsal.everything_came_back")
def look_at_equation(world: World, *, readied: Readied | None, rehearsal: Rehearsal | None) -> Findings:
    """Each member of the running release, before the deploy and after the rollback."""
    ids = look_at_equation.check_ids  # type: ignore[attr-defined]
    if readied is None or rehearsal is None or rehearsal.after is None:
        return not_rehearsed(world, ids)
    after = read_whole(rehearsal.after, world.target, world.sections["migrations"].schemas)
    changes = compare_wholes(readied.whole, after)
    both = {"before": readied.whole.members, "after": after.members}
    return Findings(
        results=[judgement.judge_equation(changes, len(after.members))],
        rows=member_rows(readied.whole, after),
        artifacts={"equation.json": both},
    )


@looks_at("deploy_rehearsal.neighbours_work_together")
def look_at_neighbours(world: World, *, readied: Readied | None, rehearsal: Rehearsal | None) -> Findings:
    """Old and new app, each on the old and on the new schema."""
    ids = look_at_neighbours.check_ids  # type: ignore[attr-defined]
    app = world.settings.previous_schema_app
    if readied is None or rehearsal is None:
        return not_rehearsed(world, ids)
    if not app:
        reason = "No app stands on the previous schema (previous_schema_app). Next: make one, with a database one release behind."
        return unseen_all(ids, reason)
    if refused := guard(world, app):
        return skip_all(ids, refused)
    plan, cells = readied.plan, {("old", "new"): rehearsal.smoke_before, ("new", "new"): rehearsal.smoke_candidate}
    old = plan.before.running
    assert old is not None
    cells["old", "old"], cells["new", "old"] = try_neighbour(world, app, old.image), None
    # A candidate that is healthy nowhere would only be found so again: judged by candidate_gets_healthy.
    if rehearsal.healthy_after_s is not None:
        cells["new", "old"] = try_neighbour(world, app, plan.image)
        leave_neighbour(world, app, old.image)
    rows = [
        show_cell(f"{name} app", f"{schema} schema", cells[name, schema]) for name in ("old", "new") for schema in ("old", "new")
    ]
    return Findings(results=[judgement.judge_grid(cells)], rows=rows)


def try_neighbour(world: World, app: str, image: str) -> SmokeCalls:
    """Return the smoke calls of one image on the previous schema."""
    return try_on(
        open_fly(world, app),
        world.settings.config,
        image,
        world.settings.endpoints,
        health_timeout_s=world.settings.health_timeout_s,
    )


def leave_neighbour(world: World, app: str, image: str) -> None:
    """Leave the app on the previous schema with the image that it was found with; nobody waits for it."""
    settings = world.settings
    deploy(
        open_fly(world, app), settings.config, image=image, strategy="immediate",
        wait_s=settings.health_timeout_s, timeout_s=settings.command_timeout_s,
    )  # fmt: skip


def not_rehearsed(world: World, ids: Sequence[str]) -> Findings:
    """Return why there is nothing to judge: refused on purpose, or broken before."""
    if refused := guard(world, world.settings.app):
        return skip_all(ids, refused)
    return unseen_all(ids, NOTHING_DEPLOYED)


def unseen_all(ids: Sequence[str], reason: str) -> Findings:
    return Findings(results=[unseen(check, reason) for check in ids])


def skip_all(ids: Sequence[str], reason: str) -> Findings:
    return Findings(results=[skipped(check, reason) for check in ids])
