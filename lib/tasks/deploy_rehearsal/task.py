"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Borrowed, Section, said_by_project
from lib.tasks.base import Task
from lib.tasks.deploy_rehearsal.window import Window


class DeployRehearsal(Section):
    """What 06_deploy_rehearsal deploys, watches and rolls back, and what users may notice of it."""

    app: str = said_by_project("", pattern="^[a-z0-9-]*$")  # the Fly app it is rehearsed on
    config: str = said_by_project("")  # the config that is deployed with, in the pack: production's own
    image: str = said_by_project("")  # the candidate
    strategy: Literal["immediate", "rolling", "canary", "bluegreen"]  # how machines are replaced
    production_apps: list[str] = said_by_project([])  # deploying to these needs ALLOW_WRITES=production
    previous_schema_app: str = ""  # an app on a database one release behind; empty: there is none
    previous_migration: str = ""  # the newest migration that database has
    endpoints: list[str] = said_by_project([])  # what users ask for: each must answer 200
    requests_per_s: float = Field(ge=5, le=500)  # requests a second, over all endpoints
    baseline_s: float = Field(gt=0)  # requests before and after, for comparison, s
    watch_s: float = Field(gt=0)  # how long the candidate is watched once it is healthy, s
    health_timeout_s: float = Field(gt=0)  # longest until every machine is healthy, s
    rollback_limit_s: float = Field(ge=1)  # longest from the trigger of the rollback to healthy, s
    max_downtime_s: float = Field(ge=0)  # longest stretch without a good answer, s
    max_error_ratio: float = Field(ge=0, le=1)  # lost requests from the deploy to the end, as a part of all
    command_timeout_s: float = Field(gt=0)  # longest one flyctl call may take, s
    drill_limit_s: float = Field(ge=1)  # longest until a damaged app and its database are both back, s
    window: Window | None = None  # when deploys to live apps may begin; null: at any time


SCHEMAS = Borrowed("migrations", "schemas", list[str])

WITHIN_DEPLOYMENT_WINDOW = Check(
    "deploy_rehearsal.within_deployment_window",
    "A deploy may begin now, by the project's deployment window",
    subject="fly",
    fix="Wait until the window opens, or agree on another (deploy_rehearsal.window).",
    doc="Compares this run's clock with deploy_rehearsal.window: days, hours, time zone, days on which it stays closed. "
    "Outside of it nothing is deployed to a live app. A deploy at night or before a holiday meets nobody who can roll it back. "
    "Only the beginning counts: a deploy that begins just before the end goes on. A rehearsal on embedded parts meets no users, "
    "so it is skipped there; without a window it does not apply.",
)
CONFIG_IS_VALID = Check(
    "deploy_rehearsal.config_is_valid",
    "flyctl takes the config that will be deployed with",
    subject="fly",
    fix="Correct the config; `flyctl config validate --config fly.toml` says when it is valid.",
    doc="Runs `flyctl config validate` on the config of the pack that the deploy will use. "
    "An invalid config stops the deploy on the day. "
    "A valid config can still name a wrong size or region; only its form is looked at.",
)
RUNNING_RELEASE_IS_HEALTHY = Check(
    "deploy_rehearsal.running_release_is_healthy",
    "One release runs on every machine, and is healthy",
    subject="fly",
    fix="Fix the running release first.",
    doc="Reads every machine: its image, and whether it is healthy by its own config. Each check of it must pass; it may sleep "
    "where auto_stop_machines lets it, stand by, or be done, and min_machines_running of a group must run. "
    "A rollback to a sick or mixed release would restore the trouble. "
    "A machine without a health check counts as healthy when it runs; what no health check tests is not seen.",
)
CANDIDATE_IS_IN_THE_REGISTRY = Check(
    "deploy_rehearsal.candidate_is_in_the_registry",
    "The candidate is in the registry, and not what runs already",
    subject="fly",
    fix="Build and push the candidate, or correct deploy_rehearsal.image.",
    doc="Asks flyctl to find the image of the candidate without deploying it, and compares it with what runs. "
    "Deploying the running image again would prove nothing. "
    "Images are compared by name, so one that was pushed again under the same name counts as running already.",
)
WAY_BACK_IS_KNOWN = Check(
    "deploy_rehearsal.way_back_is_known",
    "The command back is written down, and would work",
    subject="fly",
    fix="Read way_back_dry_run.txt, and fix what stopped the rollback script.",
    doc="Writes down the rollback command before anything is changed, and runs the pack's script dry: "
    "flyctl is logged in, the release exists, its image is still in the registry. "
    "Nothing is deployed without it. A dry run changes nothing, so it cannot show how long the rollback takes.",
)
CANDIDATE_GETS_HEALTHY = Check(
    "deploy_rehearsal.candidate_gets_healthy",
    "Every machine gets healthy on the candidate",
    measured=True,
    subject="fly",
    fix="Run the candidate's health check on its own, and read its log.",
    doc="Deploys the candidate with the real command, and waits until every machine runs it and is healthy. "
    "A candidate that does not start must not meet users. "
    "A flyctl that was interrupted is an error: it says nothing about the candidate. "
    "So is time that ran out while a control on this machine was held up.",
)
CANDIDATE_STAYS_HEALTHY = Check(
    "deploy_rehearsal.candidate_stays_healthy",
    "The candidate stays healthy while it is watched",
    measured=True,
    subject="fly",
    fix="Run `flyctl logs` to see why it ended.",
    doc="Watches the machines for watch_s: all there, on the candidate and healthy, none ended by itself. "
    "Its answers are compared with those of the running release: another version, no field of a body lost, none much slower. "
    "Some versions start well, and fail minutes later or answer wrongly. "
    "A fault that needs longer than watch_s, or more load, is not seen. "
    "A failed health check is an error where a control on this machine was held up; a program that ended is always a fail.",
)
ROLLBACK_IS_QUICK = Check(
    "deploy_rehearsal.rollback_is_quick",
    "Going back takes no longer than agreed, until healthy",
    measured=True,
    subject="fly",
    fix="Read rollback.txt to see where the time went.",
    doc="Runs the pack's rollback script, and compares the time from its trigger to healthy with rollback_limit_s. "
    "During an incident this is how long users wait. "
    "A rehearsal has the image in its cache and no tired operator, so the real one may take longer. "
    "A time that a control on this machine explains is an error.",
)
OLD_VERSION_ANSWERS = Check(
    "deploy_rehearsal.old_version_answers",
    "After the rollback the old version answers, on every machine",
    subject="fly",
    fix="Restore the release by hand, now: the command is in way_back.txt.",
    doc="Reads every machine and requests the endpoints after the rollback: the old image, healthy, and the old version. "
    "A rollback that ends well and leaves the new version is worse than none. "
    "The version is what the app says of itself; where it says none, the machines' images alone are compared, as is said.",
)
DOWNTIME_WITHIN_LIMIT = Check(
    "deploy_rehearsal.downtime_within_limit",
    "Users were never without an answer for longer than agreed",
    measured=True,
    subject="fly",
    fix="Deploy with rolling or bluegreen, or find out why the app takes long to start.",
    doc="Sends requests by the clock during the whole rehearsal, and compares the longest stretch without a good answer "
    "with max_downtime_s. It is what users notice of a release. "
    "The stretch is measured between requests, so it is exact to their distance. "
    "One that a control on this machine explains is an error; a deploy is not repeated for it.",
)
ERRORS_WITHIN_LIMIT = Check(
    "deploy_rehearsal.errors_within_limit",
    "Users lost no more requests than agreed",
    measured=True,
    subject="fly",
    fix="Deploy with rolling or bluegreen, or find out why the app takes long to start.",
    doc="Counts the requests without a good answer from the trigger of the deploy to the end, as a part of all, "
    "and compares them with max_error_ratio. "
    "Real traffic has other endpoints and peaks than this steady stream. "
    "Where a control on this machine explains the losses it is an error, but never where the app itself answered one.",
)
EVERYTHING_CAME_BACK = Check(
    "deploy_rehearsal.everything_came_back",
    "After the rollback the whole release is what it was before",
    subject="fly",
    fix="Restore what differs by hand, or make it part of the rollback.",
    doc="Compares digests of image, machines, config, environment, secrets, and the schema and data of the project's schemas, "
    "before and after. Where the rollback did not come to its end it is skipped, and a table that can't be read is an error. "
    "Redeploying an old image restores only the image. "
    "Data that users change meanwhile differs too, so it is rehearsed on an app without users.",
)
NEIGHBOURS_WORK_TOGETHER = Check(
    "deploy_rehearsal.neighbours_work_together",
    "Old and new app each work on the old and the new schema",
    subject="fly",
    fix="Make a deploy or rollback that stops half way safe: let each version work with both schemas.",
    doc="Makes smoke calls to the old and the new app, each on the old and the new schema; the old one is a second app's. "
    "During a deploy, and again during a rollback, they meet. "
    "Only the endpoints of params are requested, so an incompatible write can be missed. It is skipped where the candidate "
    "never got healthy.",
)
DRILL_BRINGS_EVERYTHING_BACK = Check(
    "deploy_rehearsal.drill_brings_everything_back",
    "A damaged app and its damaged database are both brought back, in time",
    subject="fly",
    measured=True,
    fix="Read drill.txt and drill.json: restore what differs by hand, then fix the rollback script.",
    doc="Deploys another release to previous_schema_app, empties and drops tables of its database, and runs the pack's rollback "
    "script once for both. Image, machines, config, environment, secrets, schema and rows must be what they were, and the time "
    "from the trigger within drill_limit_s. Two halves that each work may not work together. "
    "Production is never damaged; a live database must have the schema launch_drill to say that it may be. "
    "The restore point is minutes old and local: finding one, and what was written since, are not part of the drill.",
)
TELEMETRY_WAS_READ = Check(
    "deploy_rehearsal.telemetry_was_read",
    "The platforms' own figures were read before and after the deploy",
    gate=False,
    subject="fly",
    fix="Check the address of the metrics and its credential.",
    doc="Reads a few figures of Fly.io's Prometheus (targets.fly.metrics) and of Supabase's page of metrics "
    "(targets.fly.database_metrics) before the deploy and after the rollback, and keeps them as telemetry.json. "
    "Somebody who asks later what the platforms saw finds it beside the deploy. No limit is put on a figure. "
    "Platforms gather a figure once in fifteen seconds or a minute, so a short rehearsal may not show. "
    "Where no address is named it does not apply.",
)
CHECKS: tuple[Check, ...] = (
    WITHIN_DEPLOYMENT_WINDOW,
    CONFIG_IS_VALID,
    RUNNING_RELEASE_IS_HEALTHY,
    CANDIDATE_IS_IN_THE_REGISTRY,
    WAY_BACK_IS_KNOWN,
    CANDIDATE_GETS_HEALTHY,
    CANDIDATE_STAYS_HEALTHY,
    ROLLBACK_IS_QUICK,
    OLD_VERSION_ANSWERS,
    DOWNTIME_WITHIN_LIMIT,
    ERRORS_WITHIN_LIMIT,
    EVERYTHING_CAME_BACK,
    NEIGHBOURS_WORK_TOGETHER,
    DRILL_BRINGS_EVERYTHING_BACK,
    TELEMETRY_WAS_READ,
)

TASK = Task(
    name="deploy_rehearsal",
    title="Deploy rehearsal",
    notebook="06_deploy_rehearsal.ipynb",
    checks=CHECKS,
    settings=DeployRehearsal,
    targets=("database", "fly"),
    waits_for=("seed",),
    borrows=(SCHEMAS,),
    stop_grace_s=20,
)
