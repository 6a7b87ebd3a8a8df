"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Section
from lib.tasks.base import Task


class DeployRehearsal(Section):
    """What 06_deploy_rehearsal deploys, watches and brings back, and what users may feel of it."""

    app: str = Field(pattern="^[a-z0-9-]+$")  # the Fly app it is rehearsed on
    config: str  # the config that is deployed with, in the pack: production's own
    image: str  # the candidate
    strategy: Literal["immediate", "rolling", "canary", "bluegreen"]  # how machines are replaced
    production_apps: list[str] = Field(min_length=1)  # deploying to these needs ALLOW_WRITES=production
    previous_schema_app: str  # an app on a database one release behind; empty: there is none
    previous_migration: str  # the newest migration that database has
    endpoints: list[str] = Field(min_length=1)  # what users ask for: each must answer 200
    requests_per_s: float = Field(ge=5, le=500)  # requests a second, over all endpoints
    baseline_s: float = Field(gt=0)  # requests before and after, for comparison, s
    watch_s: float = Field(gt=0)  # how long the candidate is watched once it is healthy, s
    health_timeout_s: float = Field(gt=0)  # longest until every machine is healthy, s
    rollback_limit_s: float = Field(ge=1)  # longest from the trigger of the rollback to healthy, s
    max_downtime_s: float = Field(ge=0)  # longest stretch without a good answer, s
    max_error_ratio: float = Field(ge=0, le=1)  # lost requests from the deploy to the end, as a part of all
    command_timeout_s: float = Field(gt=0)  # longest one flyctl call may take, s


TITLES = {
    "deploy_rehearsal.config_is_valid": "flyctl takes the config that will be deployed with",
    "deploy_rehearsal.running_release_is_healthy": "One release runs on every machine, and is healthy",
    "deploy_rehearsal.candidate_is_in_the_registry": "The candidate is in the registry, and not what runs already",
    "deploy_rehearsal.way_back_is_known": "The command back is written down, and would work",
    "deploy_rehearsal.candidate_gets_healthy": "Every machine gets healthy on the candidate",
    "deploy_rehearsal.candidate_stays_healthy": "The candidate stays healthy while it is watched",
    "deploy_rehearsal.rollback_is_quick": "Going back takes no longer than agreed, until healthy",
    "deploy_rehearsal.old_version_answers": "After the rollback the old version answers, on every machine",
    "deploy_rehearsal.downtime_within_limit": "Users were never without an answer for longer than agreed",
    "deploy_rehearsal.errors_within_limit": "Users lost no more requests than agreed",
    "deploy_rehearsal.everything_came_back": "After the rollback the whole release is what it was before",
    "deploy_rehearsal.neighbours_work_together": "Old and new app each work on the old and the new schema",
}
CHECKS: tuple[Check, ...] = tuple(Check(id=check, title=title, target="fly") for check, title in TITLES.items())

TASK = Task(
    name="deploy_rehearsal",
    title="Deploy rehearsal",
    notebook="06_deploy_rehearsal.ipynb",
    checks=CHECKS,
    targets=("database", "fly"),
    needs=("migrations.nothing_left_to_push",),
    waits_for=("seed",),
    stop_grace_s=20,
)
