"""What a rehearsal that went otherwise comes to is found by the check that is about it, and nothing is deployed for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.faults import End, Trial
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.deploy_rehearsal import looks as deploy
from lib.tasks.deploy_rehearsal.faults import FAULTS
from lib.transport.database import Database
from tests.support.faults import try_faults, unfound
from tests.support.fly_worlds import APP, context_of, fill, flyctl_json, standing_fly, wait_passing


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("deploy_faults"))
    postgres_server.drop_database("deploy_faults")


def test_faults_are_found_without_a_deploy(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with standing_fly(database) as fly:
        wait_passing(fly)
        context = context_of(database, fly, tmp_path, watch_s=1, baseline_s=0.5, max_error_ratio=0.05, max_downtime_s=1)
        before = deploy.look_at_what_runs(context).facts
        plan = deploy.look_at_rollback(context, before=before).facts
        rehearsed = deploy.look_at_rehearsal(context, deploy_plan=plan)
        releases = flyctl_json(fly, "releases", "--app", APP)
        trials = try_faults(FAULTS, deploy.look_at_what_runs, context, tmp_path, most=3)
        trials += try_faults(FAULTS, deploy.look_at_rollback, context, tmp_path, most=3, before=before)
        monkeypatch.setattr(deploy, "rehearse", lambda *_, **__: pytest.fail("it was deployed again"))
        trials += try_faults(FAULTS, deploy.look_at_rehearsal, context, tmp_path, deploy_plan=plan, recorded=rehearsed.facts)
        trials += try_faults(FAULTS, deploy.look_at_users, context, tmp_path, rehearsal=rehearsed.facts)
        both = {"deploy_plan": plan, "rehearsal": rehearsed.facts}
        trials += try_faults(FAULTS, deploy.look_at_restored_release, context, tmp_path, most=6, **both)
        assert flyctl_json(fly, "releases", "--app", APP) == releases
    assert unfound(trials) == []
    others = ("neighbours_work_together", "drill_brings_everything_back", "within_deployment_window")  # test_drill, test_window
    elsewhere = {f"deploy_rehearsal.{name}" for name in others}
    assert checks_of(trials) == {one.check.id for one in FAULTS.operators} - elsewhere


def checks_of(trials: list[Trial]) -> set[str]:
    return {one.check for one in trials if one.end is End.FOUND}
