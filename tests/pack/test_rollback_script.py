"""The rollback script, run alone on a machine that has bash, coreutils, curl and flyctl, and no Python."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from lib.clients.postgres.schema import compare_schemas, read_schema
from lib.core.paths import ROOT
from lib.embedded.fly.start import EmbeddedFly
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.backup_restore.backup import take_backup
from lib.tasks.backup_restore.store import hold_store
from lib.transport.database import Database
from tests.support.fly_worlds import (
    APP,
    PRODUCTION,
    copy_pack,
    deploy,
    fill,
    flyctl,
    flyctl_json,
    reference,
    standing_fly,
    wait_passing,
)

SCRIPT = ROOT / "pack/scripts/ops/rollback-production.sh"
COREUTILS = ["bash", "cat", "dirname", "mkdir", "mktemp", "rm", "sha256sum", "sleep"]


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("rollback_tests"))
    postgres_server.drop_database("rollback_tests")


@pytest.fixture
def fly(database: Database) -> Iterator[EmbeddedFly]:
    with standing_fly(database) as standing:
        wait_passing(standing)
        yield standing


@pytest.fixture(scope="module")
def untouched(database: Database) -> Iterator[EmbeddedFly]:
    """Yield a platform that several tests are refused on, and that none of them changes."""
    with standing_fly(database) as standing:
        wait_passing(standing)
        before = (flyctl_json(standing, "releases", "--app", APP), images(standing))
        yield standing
        assert (flyctl_json(standing, "releases", "--app", APP), images(standing)) == before


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Yield the PATH of a machine with nothing but what the script may need: no Python, awk, sed, grep or jq."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in (*COREUTILS, "curl"):
        found = shutil.which(name)
        assert found, f"{name} is needed for this test"
        (folder / name).symlink_to(found)
    return folder


def environment(machine: Path, fly: EmbeddedFly, folder: Path, **more: str) -> Mapping[str, str]:
    (machine / "flyctl").unlink(missing_ok=True)
    (machine / "flyctl").symlink_to(fly.flyctl)
    return {"PATH": str(machine), "HOME": str(folder), "ROLLBACK_STATE_DIR": str(folder / "state"), **more}


class Operator:
    """Who runs the script, on one machine."""

    def __init__(self, machine: Path, fly: EmbeddedFly, folder: Path) -> None:
        self.machine, self.fly, self.folder = machine, fly, folder

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @contextmanager
    def start(self, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Yield the script at work; whatever the test comes to, nothing of it goes on afterwards."""
        process = subprocess.Popen(
            [self.machine / "bash", SCRIPT, *words],
            cwd=ROOT / "pack", env=environment(self.machine, self.fly, self.folder, **more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def run(self, *words: str, **more: str) -> tuple[int, str]:
        with self.start(*words, **more) as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said


@pytest.fixture
def operator(machine: Path, fly: EmbeddedFly, tmp_path: Path) -> Operator:
    return Operator(machine, fly, tmp_path)


def hold_curl(machine: Path, held: Path) -> None:
    """Let curl find nothing healthy while `held` is there, so that a rollback waits for as long as a test likes."""
    curl = machine / "curl"
    real = curl.resolve()
    curl.unlink()
    curl.write_text(f'#!/bin/bash\n[[ ! -e "{held}" ]] || exit 7\nexec "{real}" "$@"\n')
    curl.chmod(0o755)


def images(fly: EmbeddedFly, app: str = APP) -> set[str]:
    return {one["config"]["image"] for one in flyctl_json(fly, "machine", "list", "--app", app)}


def test_without_execute_nothing_is_changed(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    code, said = operator.run("--app", APP)
    assert (code, images(operator.fly)) == (0, {reference("candidate")})
    assert f"from {reference('candidate')} to {reference('current')}" in said
    assert "dry run: nothing was changed" in said


def test_the_previous_good_release_comes_back(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    deploy(operator.fly, "unhealthy", "--wait-timeout", "300ms")
    code, said = operator.run("--app", APP, "--to", "v1", "--execute")
    assert code == 0, said
    assert images(operator.fly) == {reference("current")}
    assert "done in" in said
    assert list(operator.state.glob("*.state")) == []
    assert list(operator.state.glob("*.lock")) == []
    log = next(operator.state.glob("*.log")).read_text()
    assert "deploying registry.fly.io" in log


def test_previous_leaves_out_releases_that_failed(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    deploy(operator.fly, "unhealthy", "--wait-timeout", "300ms")
    _, said = operator.run("--app", APP)
    assert f"from {reference('unhealthy')} to {reference('candidate')}" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--to", "v77"), 5, "there is no release 'v77'"),
        (("--to", reference("gone")), 8, "no longer has"),
        (("--app", "someone-elses"), 4, "Could not find App"),
        (("--strategy", "sudden"), 2, "there is no sudden"),
        (("--limit", "soon"), 2, "whole number"),
        (("--frobnicate",), 2, "unknown option"),
        (("--to",), 2, "needs a value"),
        (("--config", "nowhere.toml"), 2, "there is no nowhere.toml"),
        (("--yes-overwrite",), 2, "goes with --database"),
    ],
)
def test_each_refusal_has_its_own_code(
    machine: Path, untouched: EmbeddedFly, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    given = Operator(machine, untouched, tmp_path).run("--app", APP, *words)
    assert given[0] == code, given[1]
    assert said in given[1]


def test_a_missing_program_is_told(machine: Path, untouched: EmbeddedFly, tmp_path: Path) -> None:
    (machine / "curl").unlink()
    code, said = Operator(machine, untouched, tmp_path).run("--app", APP)
    assert (code, "curl is not installed" in said) == (3, True)


def test_production_is_confirmed_first(operator: Operator) -> None:
    wait_passing(operator.fly, PRODUCTION)
    deploy(operator.fly, "candidate", app=PRODUCTION)
    code, said = operator.run("--execute")
    assert (code, f"pass --confirm {PRODUCTION}" in said) == (7, True)
    assert images(operator.fly, PRODUCTION) == {reference("candidate", PRODUCTION)}
    assert operator.run("--execute", "--confirm", "another")[0] == 7
    assert operator.run("--execute", "--confirm", PRODUCTION)[0] == 0
    assert images(operator.fly, PRODUCTION) == {reference("current", PRODUCTION)}


def test_production_by_another_config_is_production_all_the_same(operator: Operator) -> None:
    wait_passing(operator.fly, PRODUCTION)
    deploy(operator.fly, "candidate", app=PRODUCTION)
    words = ("--app", PRODUCTION, "--config", "fly.staging.toml", "--execute")
    code, said = operator.run(*words)
    assert (code, f"pass --confirm {PRODUCTION}" in said) == (7, True)
    assert images(operator.fly, PRODUCTION) == {reference("candidate", PRODUCTION)}


@pytest.mark.parametrize(("answer", "code", "release"), [("no", 7, "candidate"), (PRODUCTION, 0, "current")])
def test_an_operator_at_a_terminal_is_asked_by_name(operator: Operator, answer: str, code: int, release: str) -> None:
    wait_passing(operator.fly, PRODUCTION)
    deploy(operator.fly, "candidate", app=PRODUCTION)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [operator.machine / "bash", SCRIPT, "--execute"], cwd=ROOT / "pack", text=True, timeout=60,
        env=environment(operator.machine, operator.fly, operator.folder), stdin=theirs, capture_output=True,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stdout + done.stderr
    assert images(operator.fly, PRODUCTION) == {reference(release, PRODUCTION)}


def test_the_release_command_is_left_out_of_the_rollback_unless_requested(
    operator: Operator, database: Database, tmp_path: Path
) -> None:
    pack, ran = copy_pack(tmp_path), tmp_path / "ran"
    toml = pack / "fly.toml"
    toml.write_text(toml.read_text().replace("[deploy]\n", f'[deploy]\n  release_command = "echo ran >> {ran}"\n'))
    with standing_fly(database, pack=pack) as fly:
        wait_passing(fly)
        deploy(fly, "candidate", pack=pack)
        second = Operator(operator.machine, fly, operator.folder)
        words = ("--app", APP, "--config", str(toml), "--to", "v1", "--execute")
        assert (second.run(*words)[0], ran.read_text()) == (0, "ran\n")
        assert (second.run(*words, ROLLBACK_RELEASE_COMMAND="1")[0], ran.read_text()) == (0, "ran\nran\n")


def test_a_release_beyond_the_25_that_are_shown_is_named_by_its_image(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    for _ in range(25):
        flyctl(operator.fly, "secrets", "deploy", "--app", APP)
    for words in (("--to", "v1"), ()):
        code, said = operator.run("--app", APP, *words)
        assert (code, "among the 25 that flyctl shows; name its image with --to" in said) == (5, True)
    assert operator.run("--app", APP, "--to", reference("current"))[0] == 0


def test_a_second_operator_is_kept_out(operator: Operator) -> None:
    lock = operator.state / f"{APP}.lock"
    lock.mkdir(parents=True)
    (lock / "holder").write_text(f"{os.getpid()} another-machine 2026-11-23T10:00:00Z\n")
    deploy(operator.fly, "candidate")
    code, said = operator.run("--app", APP, "--execute")
    assert (code, "another-machine" in said) == (6, True)
    assert lock.exists()


def test_the_lock_of_a_dead_operator_is_taken(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    lock = operator.state / f"{APP}.lock"
    lock.mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    (lock / "holder").write_text(f"{gone.pid} here 2026-11-23T10:00:00Z\n")
    assert operator.run("--app", APP, "--execute", HOSTNAME="here")[0] == 0


def test_a_deploy_under_way_is_not_run_over(machine: Path, database: Database, tmp_path: Path) -> None:
    with standing_fly(database, fault="deploy_dies") as fly:
        wait_passing(fly)
        deploy(fly, "candidate")
        second = Operator(machine, fly, tmp_path)
        assert flyctl_json(fly, "releases", "--app", APP)[0]["Status"] == "running"
        code, said = second.run("--app", APP)
        assert (code, "is being deployed right now" in said) == (6, True)
        assert second.run("--app", APP, "--take-over")[0] == 0


@pytest.mark.parametrize(("fault", "code"), [("not_logged_in", 4), ("half_a_json", 4), ("previous_image_gone", 8)])
def test_a_platform_that_fails_is_told_apart(machine: Path, database: Database, tmp_path: Path, fault: str, code: int) -> None:
    with standing_fly(database, fault=fault) as fly:
        assert Operator(machine, fly, tmp_path).run("--app", APP, "--to", "v1")[0] == code


def test_a_release_that_does_not_get_healthy_is_told(operator: Operator) -> None:
    deploy(operator.fly, "unhealthy", strategy="immediate")
    deploy(operator.fly, "current", strategy="immediate")
    options = ("--app", APP, "--to", "v2", "--limit", "1", "--execute")
    code, said = operator.run(*options, "--strategy", "immediate")
    assert (code, "not healthy within 1 s" in said) == (10, True)
    code, said = operator.run(*options, "--abandon")
    assert (code, "timeout reached waiting for health checks" in said) == (9, True)


def test_a_tag_that_was_moved_is_not_taken_for_the_old_image(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    code, said = operator.run("--app", APP, "--to", "v1", "--digest", "sha256:0000", "--limit", "1", "--execute")
    assert (code, "a machine runs sha256:" in said) == (10, True)


@pytest.mark.parametrize(("sign", "ended"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_rollback_goes_on_where_it_was(operator: Operator, sign: int, ended: int) -> None:
    deploy(operator.fly, "candidate", strategy="immediate")
    wait_passing(operator.fly)
    held = operator.folder / "held"
    held.touch()
    hold_curl(operator.machine, held)
    with operator.start("--app", APP, "--execute") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "waiting until" in line:
                break
        os.killpg(process.pid, sign)
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, "goes on where it was" in said) == (ended, True), said
    held.unlink()
    releases = len(flyctl_json(operator.fly, "releases", "--app", APP))
    code, said = operator.run("--app", APP, "--execute")
    assert code == 0, said
    assert "deployed before the interruption" in said
    assert len(flyctl_json(operator.fly, "releases", "--app", APP)) == releases
    assert images(operator.fly) == {reference("current")}


def test_no_signal_can_meet_bash_parsing_a_substitution() -> None:
    """Bash 5.2 loses one signal in ten that arrives there; the 228 of 2,500 seen once went on waiting for ever."""
    script = SCRIPT.read_text().partition("trap leave EXIT")[2]
    assert script.count("\ntrap ") == 3
    for text in (script, *((SCRIPT.parent / name).read_text() for name in ("json.bash", "database.bash"))):
        code = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        assert [line for line in code if re.search(r"\$\((?!\()|<\(|>\(|`", line)] == []


def test_an_unfinished_rollback_to_another_release_is_not_mixed_up(operator: Operator) -> None:
    deploy(operator.fly, "candidate")
    operator.state.mkdir()
    (operator.state / f"{APP}.state").write_text(f"image={reference('elsewhere')}\npoint=\n")
    code, said = operator.run("--app", APP, "--to", "v1", "--execute")
    assert (code, "an unfinished rollback" in said) == (13, True)
    assert operator.run("--app", APP, "--to", "v1", "--execute", "--abandon")[0] == 0


class TestDatabase:
    """--database: restored into a new database and verified there, before anything is switched."""

    @pytest.fixture
    def operator(self, operator: Operator, machine: Path, postgres_server: EmbeddedPostgres) -> Operator:
        for name in ("psql", "pg_dump", "pg_restore"):
            program = machine / name
            program.write_text(f'#!/bin/bash\nexec "{postgres_server.bin_dir / name}" "$@"\n')
            program.chmod(0o755)
        return operator

    @pytest.fixture
    def backup(self, database: Database, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Path:
        store = tmp_path / "backups"
        with hold_store(store):
            taken = take_backup(database, store, environment="local", programs=postgres_server.bin_dir, jobs=1, timeout_s=60)
            taken.close()
        return taken.folder

    def test_the_app_is_switched_to_a_verified_copy(self, operator: Operator, backup: Path, database: Database) -> None:
        deploy(operator.fly, "candidate")
        before = flyctl_json(operator.fly, "secrets", "list", "--app", APP)
        code, said = operator.run("--app", APP, "--database", str(backup), "--execute", DATABASE_URL=database.url)
        assert code == 0, said
        assert "with the rows that the manifest counts" in said
        assert database.password not in said
        assert flyctl_json(operator.fly, "secrets", "list", "--app", APP) != before
        copy = next(word for word in said.split() if word.startswith(f"{database.name}_restored_"))
        assert database.named(copy).value("select count(*) from public.ideas") == 2000
        assert database.value("select count(*) from pg_stat_activity where datname = :copy", copy=copy) > 0
        drop(operator, database, copy)

    def test_the_database_in_use_is_overwritten_only_when_asked(
        self, operator: Operator, backup: Path, database: Database
    ) -> None:
        with database.connect() as connection:
            connection.execute("delete from public.votes")
        words = ("--app", APP, "--to", "v1", "--database", str(backup), "--execute", "--yes-overwrite")
        code, said = operator.run(*words, DATABASE_URL=database.url)
        assert code == 0, said
        assert database.value("select count(*) from public.votes") > 0
        assert list(operator.state.glob("*.before.*.dump"))

    def test_what_is_overwritten_has_the_rights_it_had(self, operator: Operator, backup: Path, database: Database) -> None:
        """The project's default privileges would give anon what the migrations had revoked from it."""
        before = read_schema(database, ["public"])
        assert any(name.startswith("default_privilege") for name in before) and len(before) > 100
        words = ("--app", APP, "--to", "v1", "--database", str(backup), "--execute", "--yes-overwrite")
        code, said = operator.run(*words, DATABASE_URL=database.url)
        assert code == 0, said
        assert compare_schemas(before, read_schema(database, ["public"])) == []

    def test_a_restore_that_fails_half_way_changes_nothing(self, operator: Operator, backup: Path, database: Database) -> None:
        """A view of another schema holds on to a table that would be replaced."""
        with database.connect() as connection:
            connection.execute("create schema auth_views; create view auth_views.v as select * from public.ideas")
            connection.execute("delete from public.votes")
        before = read_schema(database, ["public"])
        words = ("--app", APP, "--to", "v1", "--database", str(backup), "--execute", "--yes-overwrite")
        try:
            code, said = operator.run(*words, DATABASE_URL=database.url)
            assert (code, "nothing was changed" in said) == (11, True), said
            assert "cannot drop" in said
            assert compare_schemas(before, read_schema(database, ["public"])) == []
            assert database.value("select count(*) from public.votes") == 0
        finally:
            with database.connect() as connection:
                connection.execute("drop schema auth_views cascade")

    def test_a_damaged_restore_point_changes_nothing(self, operator: Operator, backup: Path, database: Database) -> None:
        victim = next(path for path in (backup / "dump").iterdir() if path.name != "toc.dat")
        victim.write_bytes(b"\0" + victim.read_bytes()[1:])
        code, said = operator.run("--app", APP, "--to", "v1", "--database", str(backup), "--execute", DATABASE_URL=database.url)
        assert (code, "is damaged" in said) == (11, True)
        assert len(flyctl_json(operator.fly, "releases", "--app", APP)) == 1

    def test_rows_that_are_not_the_manifests_stop_it(self, operator: Operator, backup: Path, database: Database) -> None:
        manifest = backup / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"rows": 2000', '"rows": 2001'))
        code, said = operator.run("--app", APP, "--to", "v1", "--database", str(backup), "--execute", DATABASE_URL=database.url)
        assert (code, "public.ideas has 2000 rows" in said) == (12, True)
        assert flyctl(operator.fly, "releases", "--app", APP).stdout.count("\n") == 2


def drop(operator: Operator, database: Database, copy: str) -> None:
    with psycopg.connect(database.named("postgres").url, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{copy}" with (force)')
