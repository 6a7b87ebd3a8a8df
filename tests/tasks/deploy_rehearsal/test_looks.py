"""The deploy rehearsal, driven from outside: params and the platform's switches, nothing else."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

import pytest

from lib.clients.fly.flyctl import Fly
from lib.core.errors import CommandError
from lib.core.permissions import Act
from lib.core.recovery_notes import read_notes
from lib.core.results import Findings, Look, Outcome
from lib.embedded.fly.start import EmbeddedFly
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.deploy_rehearsal import looks as deploy_rehearsal
from lib.tasks.deploy_rehearsal import rehearsal
from lib.tasks.deploy_rehearsal.task import (
    CHECKS,
    DRILL_BRINGS_EVERYTHING_BACK,
    TELEMETRY_WAS_READ,
    WITHIN_DEPLOYMENT_WINDOW,
    DeployRehearsal,
)
from lib.transport.context import Context
from lib.transport.database import Database
from tests.support.busy import busy_machine, needs_runnable
from tests.support.fly_worlds import (
    APP,
    BEHIND,
    PRODUCTION,
    context_of,
    copy_pack,
    fill,
    flyctl,
    flyctl_json,
    reference,
    standing_fly,
    wait_passing,
)
from tests.support.permissions import refused

LIMITS = {"max_downtime_s": 2, "max_error_ratio": 0.01}
"""The defaults that users are judged by; `settings` of the tests is without limits otherwise."""
PASS, FAIL, SKIP, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.ERROR


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("rehearsal_tests"))
    postgres_server.drop_database("rehearsal_tests")


@pytest.fixture(scope="module")
def behind(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("rehearsal_behind"), newest="20251105080000")
    postgres_server.drop_database("rehearsal_behind")


@pytest.fixture
def fly(database: Database, behind: Database) -> Iterator[EmbeddedFly]:
    with standing_fly(database, behind=behind) as standing:
        yield standing


class Seen:
    """Every look of the notebook, in its order."""

    def __init__(self, context: Context[DeployRehearsal], *, version_skew: bool = False) -> None:
        self.found: dict[str, Any] = {}
        self.fixes: dict[str, tuple[str, ...]] = {}
        self.findings: dict[str, Findings[Any]] = {}
        before = self.look(context, deploy_rehearsal.look_at_what_runs)
        plan = self.look(context, deploy_rehearsal.look_at_rollback, before=before)
        self.rehearsal = seen = self.look(context, deploy_rehearsal.look_at_rehearsal, deploy_plan=plan)
        self.look(context, deploy_rehearsal.look_at_users, rehearsal=seen)
        self.look(context, deploy_rehearsal.look_at_restored_release, deploy_plan=plan, rehearsal=seen)
        if version_skew:
            self.look(context, deploy_rehearsal.look_at_version_skew, deploy_plan=plan, rehearsal=seen)

    def look(self, context: Context[DeployRehearsal], look: Look[..., Any], **arguments: Any) -> Any:
        findings = look.attempt(context, **arguments)
        assert sorted(result.check for result in findings.results) == sorted(check.id for check in look.checks)
        self.findings[look.name] = findings
        for result in findings.results:
            self.found[result.check.partition(".")[2]] = (result.outcome, result.detail, result.observed)
            self.fixes[result.check.partition(".")[2]] = result.fix
        return findings.facts

    def outcomes(self, outcome: Outcome) -> set[str]:
        return {check for check, (found, _, _) in self.found.items() if found is outcome}

    def detail(self, check: str) -> str:
        return str(self.found[check][1])

    def fix(self, check: str) -> str:
        return " ".join(self.fixes[check])


def images(fly: EmbeddedFly, app: str = APP) -> set[str]:
    return {one["config"]["image"] for one in flyctl_json(fly, "machine", "list", "--app", app)}


def test_a_healthy_candidate_passes_every_check(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    seen = Seen(context_of(database, fly, tmp_path), version_skew=True)
    elsewhere = (WITHIN_DEPLOYMENT_WINDOW, DRILL_BRINGS_EVERYTHING_BACK, TELEMETRY_WAS_READ)  # test_window, _drill, _telemetry
    looked_at_here = [check for check in CHECKS if check not in elsewhere]
    assert seen.outcomes(PASS) == {check.id.partition(".")[2] for check in looked_at_here}, seen.found
    assert images(fly) == {reference("current")}
    assert images(fly, BEHIND) == {reference("current")}
    phases = {row["phase"]: row for row in seen.findings["look_at_users"].rows}
    assert list(phases) == ["before", "deploy", "watch", "rollback", "after"]
    assert (phases["before"]["answered by"], phases["watch"]["answered by"]) == ("2025.10.2", "2025.11.0")
    assert phases["after"]["answered by"] == "2025.10.2"
    assert read_notes(tmp_path / "work") == {}


def test_a_restart_of_every_machine_at_once_is_beyond_both_limits(database: Database, tmp_path: Path) -> None:
    with standing_fly(database, boot_s=2.5) as fly:
        wait_passing(fly)
        seen = Seen(context_of(database, fly, tmp_path, strategy="immediate", **LIMITS))
    assert seen.outcomes(FAIL) == {"downtime_within_limit", "errors_within_limit"}, seen.found


def test_one_machine_alone_cannot_be_replaced_unnoticed(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    toml = pack / "fly.staging.toml"
    toml.write_text(toml.read_text().replace("min_machines_running = 2", "min_machines_running = 1"))
    with standing_fly(database, pack=pack, boot_s=2.5) as fly:
        wait_passing(fly)
        seen = Seen(context_of(database, fly, tmp_path, pack=pack, strategy="rolling", **LIMITS))
    assert seen.outcomes(FAIL) == {"downtime_within_limit", "errors_within_limit"}, seen.found


@needs_runnable
def test_a_busy_machine_is_no_fail(fly: EmbeddedFly, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with busy_machine(monkeypatch):
        seen = Seen(context_of(database, fly, tmp_path, health_timeout_s=5, **LIMITS), version_skew=True)
    assert seen.outcomes(FAIL) == set(), seen.found


@pytest.mark.parametrize("strategy", ["rolling", "bluegreen"])
def test_users_lose_nothing_when_machines_take_turns(fly: EmbeddedFly, database: Database, tmp_path: Path, strategy: str) -> None:
    seen = Seen(context_of(database, fly, tmp_path, strategy=strategy, max_downtime_s=0, max_error_ratio=0))
    assert seen.outcomes(PASS) >= {"downtime_within_limit", "errors_within_limit", "everything_came_back"}, seen.found


def test_the_rollback_is_written_before_anything_is_changed(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    context = context_of(database, fly, tmp_path)
    before = deploy_rehearsal.look_at_what_runs(context).facts
    findings = deploy_rehearsal.look_at_rollback(context, before=before)
    command = findings.artifacts["way_back.txt"]
    config = context.kept / "rollback" / f"{APP}.before.toml"
    assert f"--app {APP} --config {config} --to v1 --digest sha256:" in command
    assert 'path = "/health"' in config.read_text()
    assert "\napp =" not in config.read_text()
    assert len(flyctl_json(fly, "releases", "--app", APP)) == 1


@pytest.mark.parametrize("strategy", ["rolling", "bluegreen"])
def test_a_candidate_that_never_gets_healthy_is_rolled_back(
    fly: EmbeddedFly, database: Database, tmp_path: Path, strategy: str
) -> None:
    wait_passing(fly)  # the short limit is for the candidate, not for the platform's own start
    context = context_of(database, fly, tmp_path, image=reference("unhealthy"), strategy=strategy, health_timeout_s=0.6, **LIMITS)
    seen = Seen(context)
    assert seen.outcomes(FAIL) == {"candidate_gets_healthy"}, seen.found
    assert seen.outcomes(ERROR) == {"candidate_stays_healthy"}
    assert "The running release was restored" in seen.detail("candidate_gets_healthy")
    assert images(fly) == {reference("current")}


def test_immediate_takes_every_machine_down_and_the_downtime_shows(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    wait_passing(fly)
    limits = {"health_timeout_s": 1, "max_downtime_s": 0.5}
    context = context_of(database, fly, tmp_path, image=reference("unhealthy"), strategy="immediate", **limits)
    seen = Seen(context)
    assert seen.outcomes(FAIL) >= {"candidate_gets_healthy", "downtime_within_limit"}
    assert seen.found["old_version_answers"][0] is PASS


def test_an_app_that_falls_over_later_is_caught_by_the_watch(database: Database, tmp_path: Path) -> None:
    with standing_fly(database, crash_after_s=4.0) as fly:
        seen = Seen(context_of(database, fly, tmp_path, image=reference("crashing"), watch_s=60))
    assert seen.outcomes(FAIL) == {"candidate_stays_healthy"}, seen.found
    assert "The candidate failed: machine" in seen.detail("candidate_stays_healthy")
    assert seen.fix("candidate_stays_healthy") == f"Run `flyctl logs --app {APP}` to see why it ended."
    assert seen.rehearsal.watched_s < 60


@pytest.mark.parametrize(
    ("fault", "said", "timeout_s"),
    [
        ("not_logged_in", "flyctl auth login", 60),
        ("half_a_json", "its answer is not JSON", 60),
        ("reads_hang", "did not end within 4 s", 4),
    ],
)
def test_a_flyctl_that_does_not_answer_is_an_error_and_nothing_is_changed(
    database: Database, tmp_path: Path, fault: str, said: str, timeout_s: float
) -> None:
    with standing_fly(database, fault=fault) as fly:
        seen = Seen(context_of(database, fly, tmp_path, command_timeout_s=timeout_s), version_skew=True)
    assert seen.outcomes(ERROR) == set(seen.found)
    assert said in seen.detail("config_is_valid") + seen.fix("config_is_valid")


def test_a_missing_flyctl_is_an_error(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    seen = Seen(context_of(database, fly, tmp_path, flyctl=tmp_path / "flyctl"), version_skew=True)
    assert seen.outcomes(ERROR) == set(seen.found)
    assert "flyctl could not be started" in seen.detail("config_is_valid")


def test_an_app_that_is_not_there_is_an_error(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    seen = Seen(context_of(database, fly, tmp_path, app="someone-elses"), version_skew=True)
    assert seen.outcomes(ERROR) == set(seen.found)
    assert 'Could not find App "someone-elses"' in seen.detail("config_is_valid")


@pytest.mark.parametrize(("fault", "timeout_s"), [("deploy_hangs", 6), ("deploy_dies", 60), ("deploy_deadline", 60)])
def test_a_deploy_that_is_cut_off_says_nothing_and_is_rolled_back(
    database: Database, tmp_path: Path, fault: str, timeout_s: float
) -> None:
    with standing_fly(database, fault=fault) as fly:
        seen = Seen(context_of(database, fly, tmp_path, strategy="rolling", command_timeout_s=timeout_s))
        assert images(fly) == {reference("current")}
    assert seen.outcomes(ERROR) == {"candidate_gets_healthy", "candidate_stays_healthy"}, seen.found
    assert seen.outcomes(FAIL) == set()
    assert seen.found["old_version_answers"][0] is PASS


def test_a_previous_image_that_is_gone_stops_the_deploy(database: Database, tmp_path: Path) -> None:
    with standing_fly(database, fault="previous_image_gone") as fly:
        seen = Seen(context_of(database, fly, tmp_path))
        assert len(flyctl_json(fly, "releases", "--app", APP)) == 1
    assert seen.outcomes(FAIL) == {"way_back_is_known"}
    assert "no longer has" in seen.detail("way_back_is_known")
    assert seen.found["candidate_gets_healthy"][0] is ERROR


def test_an_image_that_is_pruned_by_the_deploy_is_no_go(database: Database, tmp_path: Path) -> None:
    with standing_fly(database, fault="previous_image_pruned") as fly:
        seen = Seen(context_of(database, fly, tmp_path))
    assert seen.outcomes(FAIL) >= {"rollback_is_quick", "old_version_answers", "everything_came_back"}
    assert "ended with 8" in seen.detail("rollback_is_quick")
    assert "rollback-production.sh" in seen.fix("rollback_is_quick") and "--take-over" in seen.fix("rollback_is_quick")
    notes = read_notes(tmp_path / "work")["deploy_rehearsal"]
    assert "rollback-production.sh" in notes


def test_a_candidate_that_is_not_there_or_runs_already_fails(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    for image, said in ((reference("gone"), "Could not find image"), (reference("current"), "runs already")):
        seen = Seen(context_of(database, fly, tmp_path, image=image))
        assert seen.outcomes(FAIL) == {"candidate_is_in_the_registry"}
        assert said in seen.detail("candidate_is_in_the_registry")


def test_a_config_that_flyctl_refuses_fails(fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / "fly.toml").write_text((pack / "fly.toml").read_text() + '\n[[restart]]\npolicy = "sometimes"\n')
    seen = Seen(context_of(database, fly, tmp_path, pack=pack))
    assert "config_is_valid" in seen.outcomes(FAIL)
    assert "fly.toml: App configuration is not valid" in seen.detail("config_is_valid")


class TestGuard:
    """A deploy to an app of production's name needs ALLOW_WRITES=production."""

    def test_production_is_planned_for_and_nothing_deployed(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        context = context_of(database, fly, tmp_path, app=PRODUCTION, image=reference("candidate", PRODUCTION))
        seen = Seen(context, version_skew=True)
        assert seen.outcomes(SKIP) == {
            "candidate_gets_healthy", "candidate_stays_healthy", "rollback_is_quick", "old_version_answers",
            "downtime_within_limit", "errors_within_limit", "everything_came_back", "neighbours_work_together",
        }  # fmt: skip
        assert "ALLOW_WRITES=production" in seen.fix("candidate_gets_healthy")
        assert f"--app {PRODUCTION}" in seen.findings["look_at_rollback"].artifacts["way_back.txt"]
        assert len(flyctl_json(fly, "releases", "--app", PRODUCTION)) == 1

    def test_it_is_rehearsed_once_allowed(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        context = context_of(
            database, fly, tmp_path, app=PRODUCTION, image=reference("candidate", PRODUCTION), production_writes_allowed=True
        )
        seen = Seen(context)
        assert seen.outcomes(PASS) == set(seen.found), seen.found
        assert images(fly, PRODUCTION) == {reference("current", PRODUCTION)}

    def test_staging_without_leave_is_planned_for_too(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        seen = Seen(context_of(database, fly, tmp_path, refusals=refused(Act.DEPLOY, environment="local")))
        assert "ALLOW_WRITES=local" in seen.fix("candidate_gets_healthy")
        assert len(flyctl_json(fly, "releases", "--app", APP)) == 1

    def test_the_app_on_the_previous_schema_is_guarded_alike(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        seen = Seen(context_of(database, fly, tmp_path, production_apps=[BEHIND]), version_skew=True)
        assert seen.outcomes(SKIP) == {"neighbours_work_together"}


class TestRestoredRelease:
    """The release is the same before and after: the component that was not restored is named."""

    def test_an_environment_that_fly_toml_changed_comes_back(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        pack = copy_pack(tmp_path)
        toml = pack / "fly.toml"
        toml.write_text(toml.read_text().replace('LOG_LEVEL = "info"', 'LOG_LEVEL = "debug"\n  NEW_FLAG = "1"'))
        seen = Seen(context_of(database, fly, tmp_path, pack=pack))
        assert seen.outcomes(FAIL) == set(), seen.found  # the config of the release before was kept, and deployed with its image
        assert seen.found["everything_came_back"][0] == PASS

    def test_a_config_that_fly_toml_changed_comes_back(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        pack = copy_pack(tmp_path)
        toml = pack / "fly.toml"
        toml.write_text(toml.read_text().replace('kill_timeout = "10s"', 'kill_timeout = "9s"'))
        seen = Seen(context_of(database, fly, tmp_path, pack=pack))
        assert seen.found["everything_came_back"][0] == PASS, seen.found

    def test_a_staged_secret_that_the_deploy_took_along_is_named(
        self, fly: EmbeddedFly, database: Database, tmp_path: Path
    ) -> None:
        wait_passing(fly)
        flyctl(fly, "secrets", "import", "--stage", "--app", APP, stdin="PUBLER_API_KEY=fresh-value\n")
        seen = Seen(context_of(database, fly, tmp_path))
        assert "secrets (PUBLER_API_KEY)" in seen.detail("everything_came_back")
        assert "fresh-value" not in str(seen.found) + str({name: one.artifacts for name, one in seen.findings.items()})

    @pytest.mark.parametrize(
        ("statement", "components"),
        [
            ("delete from public.votes where ctid in (select ctid from public.votes limit 1)", ["data"]),
            ("create table public.left_over (id bigint)", ["schema", "data"]),
        ],
    )
    def test_what_a_release_command_left_in_the_database_is_named(
        self, postgres_server: EmbeddedPostgres, tmp_path: Path, statement: str, components: list[str]
    ) -> None:
        database = fill(postgres_server.create_hosted_database(f"rehearsal_{components[0]}"))
        pack = copy_pack(tmp_path)
        toml, script = pack / "fly.toml", tmp_path / "release.py"
        script.write_text(
            f"import os, psycopg\nwith psycopg.connect(os.environ['DATABASE_URL']) as db: db.execute({statement!r})\n"
        )
        command = f"{quote(sys.executable)} {quote(str(script))}"
        toml.write_text(toml.read_text().replace("[deploy]\n", f'[deploy]\n  release_command = "{command}"\n'))
        with standing_fly(database, pack=pack) as fly:
            seen = Seen(context_of(database, fly, tmp_path, pack=pack))
        postgres_server.drop_database(f"rehearsal_{components[0]}")
        assert seen.outcomes(FAIL) == {"everything_came_back"}, seen.found
        assert seen.found["everything_came_back"][2] == components


class TestVersionSkew:
    """N-1: each app on each schema."""

    def test_a_candidate_that_is_healthy_nowhere_is_not_tried_again(
        self, fly: EmbeddedFly, database: Database, tmp_path: Path
    ) -> None:
        wait_passing(fly)
        wait_passing(fly, BEHIND)
        context = context_of(database, fly, tmp_path, image=reference("unhealthy"), strategy="bluegreen", health_timeout_s=2)
        seen = Seen(context, version_skew=True)
        assert seen.outcomes(FAIL) == {"candidate_gets_healthy"}, seen.found
        assert seen.outcomes(ERROR) == {"candidate_stays_healthy"}
        assert seen.outcomes(Outcome.SKIP) == {"neighbours_work_together"}
        assert "Not tried: new app on new schema, new app on old schema" in seen.detail("neighbours_work_together")
        assert images(fly, BEHIND) == {reference("current")}

    def test_a_candidate_that_needs_the_new_schema_fails(self, database: Database, behind: Database, tmp_path: Path) -> None:
        pack = copy_pack(tmp_path)
        release = pack / "app/images/candidate/release.json"
        release.write_text(release.read_text().replace(', "idea_pool_before_board.sql"', ""))
        with standing_fly(database, pack=pack, behind=behind) as fly:
            seen = Seen(context_of(database, fly, tmp_path, pack=pack), version_skew=True)
        assert seen.outcomes(FAIL) == {"neighbours_work_together"}, seen.found
        assert "new app on old schema: /tiles/idea-pool: status 503" in seen.detail("neighbours_work_together")

    def test_no_app_on_the_previous_schema_is_an_error(self, fly: EmbeddedFly, database: Database, tmp_path: Path) -> None:
        seen = Seen(context_of(database, fly, tmp_path, previous_schema_app=""), version_skew=True)
        assert seen.outcomes(ERROR) == {"neighbours_work_together"}


def test_ctrl_c_during_the_deploy_prints_state_and_rollback(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interrupt comes while flyctl runs and one machine has the candidate already."""
    with standing_fly(database, fault="deploy_hangs") as fly:
        context = context_of(database, fly, tmp_path, strategy="rolling")
        plan = deploy_rehearsal.look_at_rollback(context, before=deploy_rehearsal.look_at_what_runs(context).facts).facts
        interrupt_when(lambda: len(images(fly)) == 2)
        with pytest.raises(KeyboardInterrupt):
            deploy_rehearsal.look_at_rehearsal(context, deploy_plan=plan)
        said = capsys.readouterr().out
        assert flyctl_json(fly, "releases", "--app", APP)[0]["Status"] == "interrupted"
    assert reference("candidate") in said
    assert reference("current") in said
    assert "rollback-production.sh --app idea-board-staging" in said
    assert "--execute --take-over" in said
    assert read_notes(context.work)["deploy_rehearsal"] == said.strip()


def interrupt_when(ready: Any) -> None:
    """Interrupt the main thread, as Ctrl-C does, once something is so: also while it waits in the system."""

    def wait() -> None:
        while not ready():
            time.sleep(0.005)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


def test_the_downtime_is_what_another_sampler_sees(database: Database, tmp_path: Path) -> None:
    with standing_fly(database, boot_s=2.5) as fly:
        wait_passing(fly)
        with IndependentSampler(fly.urls[APP]) as other:
            seen = Seen(context_of(database, fly, tmp_path, watch_s=0.3, strategy="immediate"))
    assert seen.found["downtime_within_limit"][0] is PASS, seen.found
    downtime_s = float(seen.found["downtime_within_limit"][2])
    assert downtime_s > 2.5
    assert downtime_s == pytest.approx(other.longest_outage_s(), rel=0.10)


class IndependentSampler:
    """Asks for /health again and again in a way of its own, and notes when it was answered well."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = (str(parts.hostname), parts.port)
        self.answers: list[tuple[float, bool]] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.ask_on)

    def __enter__(self) -> IndependentSampler:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def ask_on(self) -> None:
        while not self.ended.wait(0.008):
            asked = time.monotonic()
            try:
                connection = http.client.HTTPConnection(*self.address, timeout=5)
                connection.request("GET", "/health")
                good = connection.getresponse().status == 200
                connection.close()
            except OSError:
                good = False
            self.answers.append((asked, good))

    def longest_outage_s(self) -> float:
        longest, since = 0.0, None
        for asked, good in self.answers:
            if not good:
                since = asked if since is None else since
            elif since is not None:
                longest, since = max(longest, asked - since), None
        return longest


def test_a_token_never_gets_into_argv(tmp_path: Path) -> None:
    fly = Fly(program=tmp_path / "flyctl", app="x", timeout_s=1, folder=tmp_path, token="fo1_a-very-secret-token")
    assert "very-secret" not in repr(fly)
    assert fly.environment["FLY_API_TOKEN"] == "fo1_a-very-secret-token"
    (tmp_path / "flyctl").write_text('#!/bin/sh\necho "$@" >&2; exit 1\n')
    (tmp_path / "flyctl").chmod(0o755)
    with pytest.raises(CommandError) as raised:
        rehearsal.read_app(fly)
    assert "very-secret" not in str(raised.value)
    assert subprocess.run([fly.program, "status"], capture_output=True).returncode == 1
