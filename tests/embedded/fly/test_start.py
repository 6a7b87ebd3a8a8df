"""The stand-in for Fly.io keeps flyctl's shapes, its exit codes and its traps, and really runs the app."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from lib.core.paths import ROOT
from lib.embedded.fly.one_deploy import count_crashes
from lib.embedded.fly.start import EmbeddedFly
from lib.embedded.leftovers import clean_leftovers, process_start
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.embedded.state_folders import state_base
from lib.transport.database import Database
from tests.support.fly_worlds import (
    APP,
    BEHIND,
    copy_pack,
    deploy,
    fill,
    flyctl,
    flyctl_json,
    reference,
    standing_fly,
    wait_passing,
)


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("fly_tests"))
    postgres_server.drop_database("fly_tests")


@pytest.fixture
def fly(database: Database) -> Iterator[EmbeddedFly]:
    with standing_fly(database) as standing:
        yield standing


def get(fly: EmbeddedFly, path: str, app: str = APP) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(fly.urls[app].rstrip("/") + path) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


def digests(fly: EmbeddedFly) -> set[str]:
    return {one["Digest"] for one in flyctl_json(fly, "image", "show", "--app", APP)}


def test_the_app_answers_from_the_database(fly: EmbeddedFly) -> None:
    wait_passing(fly)
    status, body = get(fly, "/tiles/review-states")
    assert (status, sum(row["ideas"] for row in json.loads(body)["rows"])) == (200, 2000)
    assert len(json.loads(get(fly, "/tiles/idea-pool")[1])["rows"]) == 10
    metrics = get(fly, "/metrics")[1]
    assert (
        'tile_request_duration_seconds_bucket{tile="idea-pool",le="+Inf"}' in metrics
        or "tile_request_duration_seconds" in metrics
    )
    assert "ingestion_failures_total" in metrics
    assert get(fly, "/tiles/nothing")[0] == 404


def test_shapes_are_flyctls(fly: EmbeddedFly) -> None:
    machines = wait_passing(fly)
    assert {"id", "name", "state", "region", "image_ref", "instance_id", "config", "events", "checks", "host_status"} <= machines[
        0
    ].keys()
    assert machines[0]["config"]["metadata"]["fly_release_version"] == "1"
    release = flyctl_json(fly, "releases", "--app", APP)[0]
    assert {"ID", "Version", "Status", "ImageRef", "User", "CreatedAt"} <= release.keys()
    assert (release["Version"], release["Status"], release["ImageRef"]) == (1, "complete", reference("current"))
    checks = flyctl_json(fly, "checks", "list", "--app", APP)
    assert {one["status"] for seen in checks.values() for one in seen} == {"passing"}
    assert set(checks) == {one["id"] for one in machines}
    assert {one["name"] for one in flyctl_json(fly, "secrets", "list", "--app", APP)} == {"DATABASE_URL"}
    status = flyctl_json(fly, "status", "--app", APP)
    assert status["AppURL"] == fly.urls[APP]


@pytest.mark.parametrize("strategy", ["immediate", "rolling", "canary", "bluegreen"])
def test_each_strategy_brings_the_release_to_every_machine(fly: EmbeddedFly, strategy: str) -> None:
    wait_passing(fly)
    before = digests(fly)
    done = deploy(fly, "candidate", strategy=strategy)
    assert done.returncode == 0, done.stderr
    machines = wait_passing(fly)
    assert len(machines) == 2
    assert len(digests(fly)) == 1
    assert not digests(fly) & before
    assert json.loads(get(fly, "/health")[1])["version"] == "2025.11.0"


def test_immediate_waits_for_no_health_check(fly: EmbeddedFly) -> None:
    wait_passing(fly)
    assert deploy(fly, "unhealthy", strategy="immediate").returncode == 0
    assert get(fly, "/health")[0] == 503


def test_bluegreen_alone_takes_its_machines_back(fly: EmbeddedFly) -> None:
    before = wait_passing(fly)
    done = deploy(fly, "unhealthy", "--wait-timeout", "500ms", strategy="bluegreen")
    assert done.returncode == 1
    assert "timeout reached waiting for health checks" in done.stderr
    assert [one["id"] for one in wait_passing(fly)] == [one["id"] for one in before]


def test_rolling_that_fails_leaves_machines_on_two_images(fly: EmbeddedFly) -> None:
    wait_passing(fly)
    assert deploy(fly, "unhealthy", "--wait-timeout", "500ms").returncode == 1
    assert len(digests(fly)) == 2
    assert flyctl_json(fly, "releases", "--app", APP)[0]["Status"] == "failed"
    assert get(fly, "/health")[0] == 200


@pytest.mark.parametrize(("kill_timeout", "status"), [("10s", 200), ("200ms", 502)])
def test_a_machine_that_stops_answers_what_it_took_within_kill_timeout(
    database: Database, tmp_path: Path, kill_timeout: str, status: int
) -> None:
    pack = copy_pack(tmp_path)
    toml = pack / "fly.previous-schema.toml"  # an app with one machine
    toml.write_text(toml.read_text().replace('kill_timeout = "10s"', f'kill_timeout = "{kill_timeout}"'))
    (pack / "app/images/current/queries/review_states.sql").write_text("select pg_sleep(2)::text")
    with standing_fly(database, pack=pack) as fly:
        machine = wait_passing(fly, BEHIND)[0]["id"]
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(get, fly, "/tiles/review-states", BEHIND)
            while not database.rows("select from pg_stat_activity where query = 'select pg_sleep(2)::text' and state = 'active'"):
                pass
            flyctl(fly, "machine", "stop", machine, "--app", BEHIND)
            assert answer.result()[0] == status
        assert get(fly, "/health", BEHIND)[0] == 503


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deploy", "--env", "production", "--app", APP), "'production': must be in the format NAME=VALUE"),
        (("deploy", "--region", "ams", "--app", APP), "unknown flag: --region"),
        (("deploy", "--app", APP, "--image", "registry.fly.io/idea-board-staging:gone"), "Could not find image"),
        (("status", "--app", "someone-elses"), 'Could not find App "someone-elses"'),
        (("deploy", "--app", APP, "--config", "nowhere.toml", "--image", reference("candidate")), "failed loading app config"),
        (("rollback", "--app", APP), "unknown command"),
    ],
)
def test_errors_are_flyctls(fly: EmbeddedFly, words: tuple[str, ...], said: str) -> None:
    done = flyctl(fly, *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_build_only_finds_an_image_and_changes_nothing(fly: EmbeddedFly) -> None:
    words = ("deploy", "--app", APP, "--config", "fly.toml", "--build-only", "--image")
    assert flyctl(fly, *words, reference("candidate")).returncode == 0
    assert flyctl(fly, *words, reference("gone")).returncode == 1
    assert len(flyctl_json(fly, "releases", "--app", APP)) == 1


def test_releases_show_only_the_newest_25(fly: EmbeddedFly) -> None:
    for _ in range(26):
        assert flyctl(fly, "secrets", "deploy", "--app", "idea-board-previous-schema").returncode == 0
    shown = flyctl_json(fly, "releases", "--app", "idea-board-previous-schema")
    assert [one["Version"] for one in shown] == list(range(27, 2, -1))


def test_a_group_that_is_new_gets_its_first_machines_and_one_that_is_gone_loses_them(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    toml, worker = pack / "fly.toml", 'worker = "sleep 60"'
    with standing_fly(database, pack=pack) as fly:
        kept = {one["id"] for one in wait_passing(fly)}
        toml.write_text(
            toml.read_text().replace("[http_service]", f'[processes]\napp = ""\n{worker}\n[http_service]\nprocesses = ["app"]')
        )
        done = flyctl(fly, "deploy", "--app", APP, "--image", reference("candidate"), pack=pack)
        assert done.returncode == 0, done.stderr
        assert '* create 1 "worker" machine and 1 standby machine for it' in done.stdout
        made = [one for one in machines_of(fly) if one["id"] not in kept]
        first, standby = sorted(made, key=lambda one: "standbys" in one["config"])
        assert (first["state"], first["checks"], first["config"]["init"]["cmd"]) == ("started", [], ["sleep", "60"])
        assert (standby["state"], standby["config"]["standbys"]) == ("stopped", [first["id"]])
        toml.write_text(toml.read_text().replace(worker, ""))
        done = flyctl(fly, "deploy", "--app", APP, "--image", reference("candidate"), pack=pack)
        assert '* destroy 2 "worker" machines' in done.stdout
        assert {one["id"] for one in machines_of(fly)} == kept


def machines_of(fly: EmbeddedFly, app: str = APP) -> list[dict[str, Any]]:
    return list(flyctl_json(fly, "machine", "list", "--app", app))


def test_a_machine_that_sleeps_is_updated_asleep_and_woken_by_a_user(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    for name in ("fly.toml", "fly.staging.toml"):
        text = (pack / name).read_text().replace('auto_stop_machines = "off"', 'auto_stop_machines = "stop"')
        (pack / name).write_text(text.replace("min_machines_running = 2", "min_machines_running = 0"))
    with standing_fly(database, pack=pack) as fly:
        machine = wait_passing(fly)[0]["id"]
        flyctl(fly, "machine", "stop", machine, "--app", APP)
        assert deploy(fly, "candidate", pack=pack).returncode == 0
        (asleep,) = machines_of(fly)
        assert (asleep["state"], asleep["config"]["image"]) == ("stopped", reference("candidate"))
        assert get(fly, "/health")[0] == 200
        assert machines_of(fly)[0]["state"] == "started"


def test_bluegreen_needs_one_image_and_a_check(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    toml = pack / "fly.toml"
    with standing_fly(database, pack=pack) as fly:
        wait_passing(fly)
        assert deploy(fly, "unhealthy", "--wait-timeout", "500ms", pack=pack).returncode == 1
        assert "found multiple image versions" in deploy(fly, "candidate", strategy="bluegreen", pack=pack).stderr
        assert deploy(fly, "current", strategy="immediate", pack=pack).returncode == 0
        toml.write_text(re.sub(r"\n  \[\[http_service.checks\]\](\n    .*)+", "", toml.read_text()))
        done = deploy(fly, "candidate", strategy="bluegreen", pack=pack)
        assert "app not in valid state for bluegreen deployments" in done.stderr


def test_a_config_that_flyctl_refuses_is_refused_in_its_words(fly: EmbeddedFly, tmp_path: Path) -> None:
    path = tmp_path / "fly.toml"
    path.write_text('app = "x"\n[http_service]\ninternal_port = 1\nprocesses = ["web"]\n')
    for words in (("config", "validate"), ("deploy", "--image", reference("candidate"))):
        done = flyctl(fly, *words, "--app", APP, "--config", str(path))
        assert (done.returncode, done.stderr) == (1, "Error: App configuration is not valid\n")
        assert "Service specifies 'web' as one of its processes, but no processes are defined" in done.stdout


def test_a_staged_secret_is_deployed_with_the_next_release(fly: EmbeddedFly) -> None:
    wait_passing(fly)
    assert (
        flyctl(fly, "secrets", "import", "--stage", "--app", APP, stdin='PLAIN=a#b\nQUOTED="a#b"\nLONG="""x\ny"""\n').returncode
        == 0
    )
    listed = {one["name"]: one for one in flyctl_json(fly, "secrets", "list", "--app", APP)}
    assert {listed[name]["status"] for name in ("PLAIN", "QUOTED", "LONG")} == {"Staged"}
    assert "value" not in listed["PLAIN"]
    deploy(fly, "candidate")
    assert {one["status"] for one in flyctl_json(fly, "secrets", "list", "--app", APP)} == {"Deployed"}


def test_a_secret_line_without_equals_is_echoed_whole(fly: EmbeddedFly) -> None:
    done = flyctl(fly, "secrets", "import", "--app", APP, stdin="no equals sign\n")
    assert done.returncode == 1
    assert "no equals sign" in done.stderr


def test_release_command_runs_at_every_deploy_unless_skipped(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    toml = pack / "fly.toml"
    toml.write_text(toml.read_text().replace("[deploy]\n", '[deploy]\n  release_command = "exit 3"\n'))
    words = ("deploy", "--app", APP, "--config", "fly.toml", "--image", reference("candidate"))
    with standing_fly(database, pack=pack) as fly:
        failed = flyctl(fly, *words, pack=pack)
        assert failed.returncode == 1
        assert "release command failed - aborting deployment. machine " in failed.stderr
        assert "exited with non-zero status of 3" in failed.stderr
        assert flyctl(fly, *words, "--skip-release-command", pack=pack).returncode == 0


def test_canary_is_refused_with_volumes(database: Database, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / "fly.toml").write_text((pack / "fly.toml").read_text() + '\n[mounts]\n  source = "data"\n  destination = "/data"\n')
    with standing_fly(database, pack=pack) as fly:
        done = flyctl(fly, "deploy", "--app", APP, "--image", reference("candidate"), "--strategy", "canary", pack=pack)
        # Source: deploy.go: the config is judged before --strategy counts.
        assert "New machine in group 'app' needs an unattached volume named 'data' in region 'ams'" in done.stderr
        toml = pack / "fly.toml"
        toml.write_text(toml.read_text().replace('strategy = "rolling"', 'strategy = "canary"'))
        done = flyctl(fly, "deploy", "--app", APP, "--image", reference("candidate"), pack=pack)
        assert "canary deployment strategy is not supported when using mounted volumes" in done.stdout


def test_an_interrupted_deploy_ends_with_127_and_says_so(database: Database) -> None:
    with standing_fly(database, fault="deploy_hangs") as fly:
        wait_passing(fly)
        argv = [fly.flyctl, "deploy", "--app", APP, "--image", reference("candidate"), "--strategy", "rolling"]
        with subprocess.Popen(argv, cwd=ROOT / "pack", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "Updating" in line and "existing" not in line:
                    break
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        assert process.returncode == 127
        assert flyctl_json(fly, "releases", "--app", APP)[0]["Status"] == "interrupted"


@pytest.mark.parametrize(("fault", "code"), [("deploy_deadline", 126), ("deploy_dies", -signal.SIGKILL)])
def test_a_deploy_cut_off_leaves_machines_mixed(database: Database, fault: str, code: int) -> None:
    with standing_fly(database, fault=fault) as fly:
        wait_passing(fly)
        assert deploy(fly, "candidate").returncode == code
        assert len(digests(fly)) == 2


def test_half_a_json_and_not_logged_in(database: Database) -> None:
    with standing_fly(database, fault="half_a_json") as fly:
        done = flyctl(fly, "releases", "--app", APP, "--json")
        assert done.returncode != 0
        with pytest.raises(ValueError, match=r"\w"):
            json.loads(done.stdout)
    with standing_fly(database, fault="not_logged_in") as fly:
        done = flyctl(fly, "auth", "whoami")
        assert (done.returncode, "flyctl auth login" in done.stderr) == (1, True)
        assert flyctl(fly, "version").returncode == 0


def test_a_crash_is_an_event_and_the_machine_starts_again(database: Database) -> None:
    with standing_fly(database, crash_after_s=0.3) as fly:
        wait_passing(fly)
        deploy(fly, "crashing", strategy="immediate")
        for _ in range(200):
            events = [event for one in flyctl_json(fly, "machine", "list", "--app", APP) for event in one["events"]]
            crashes = [
                event for event in events if event["type"] == "exit" and not event["request"]["exit_event"]["requested_stop"]
            ]
            if crashes:
                break
        assert crashes[0]["request"]["exit_event"]["exit_code"] == 70


def test_a_killed_platform_takes_its_machines_along(database: Database) -> None:
    with standing_fly(database) as fly:
        wait_passing(fly)
        assert fly._process is not None
        platform = psutil.Process(fly._process.pid)
        machines = platform.children(recursive=True)
        started_here = 2 if sys.platform == "linux" else 0
        assert len(machines) == 2 + started_here, "two machines, who does the commands, and who forks machines"
        platform.kill()
        _, alive = psutil.wait_procs(machines, timeout=10)
        assert alive == []


def test_what_a_killed_owner_left_is_cleaned() -> None:
    code = (
        "import sys, secrets; from tests.support.fly_worlds import ROOT, state_base\n"
        "from lib.embedded.fly.start import Switches, start_fly\n"
        "fly = start_fly(state_base(ROOT) / f'tests-fly-{secrets.token_hex(4)}', "
        "pack=ROOT / 'pack', secrets={}, switches=Switches())\n"
        "print(fly.state_dir, fly._process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        folder, pid = owner.stdout.readline().split()
        owner.kill()
        owner.wait()
    clean_leftovers(state_base(ROOT))
    assert not Path(folder).exists()
    assert process_start(int(pid)) is None


@pytest.mark.parametrize("module", ["service", "command"])
def test_the_stand_in_needs_pythons_own_library_alone(module: str) -> None:
    """It starts without installed packages, in a fraction of the time; one import too many and it starts no more."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import lib.embedded.fly.{module}"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def ended(code: int, *, asked: bool = False) -> dict[str, Any]:
    return {"type": "exit", "request": {"exit_event": {"exit_code": code, "requested_stop": asked}}}


@pytest.mark.parametrize(
    ("events", "crashes"),
    [
        ([ended(70), {"type": "start"}, ended(70), {"type": "start"}, {"type": "launch"}], 2),
        ([{"type": "start"}, {"type": "launch"}, ended(70), ended(70)], 0),  # of the image before
        ([ended(-15, asked=True), ended(0), ended(70), {"type": "launch"}], 1),
        ([], 0),
    ],
)
def test_crashes_are_counted_since_the_launch_and_when_nobody_asked(events: list[dict[str, Any]], crashes: int) -> None:
    assert count_crashes(events) == crashes
