"""A command that the platform's command server does ends, prints and leaves what one does that runs by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lib.core.paths import ROOT
from lib.embedded.fly.command_server import LONGEST_ADDRESS, serve_commands
from lib.embedded.fly.start import EmbeddedFly
from lib.embedded.fly.thin_command import ADDRESS
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database
from tests.support.fly_worlds import APP, fill, flyctl, reference, standing_fly, wait_passing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux alone")

COMMANDS = (
    ("version",),
    ("auth", "whoami"),
    ("apps", "list", "--json"),
    ("config", "validate", "--config", "fly.toml"),
    ("config", "show", "--config", "nowhere.toml"),
    ("status", "--app", APP, "--json"),
    ("releases", "--app", APP, "--json"),
    ("secrets", "list", "--app", APP),
    ("machine", "list", "--app", "nobody-s"),
    ("deploy", "--app", APP, "--image", reference("nothing")),
    ("releases", "--frobnicate"),
    ("dance",),
    ("logs", "--app", APP, "--no-tail"),
)


@pytest.fixture(scope="module")
def fly(module_database: Database) -> Iterator[EmbeddedFly]:
    with standing_fly(module_database) as platform:
        wait_passing(platform)
        yield platform


@pytest.fixture(scope="module")
def module_database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    name = f"test_commands_{os.getpid()}"
    yield fill(postgres_server.create_hosted_database(name))
    postgres_server.drop_database(name)


def done_here(fly: EmbeddedFly, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run flyctl while no command server can be reached."""
    address = fly.data_dir / ADDRESS
    hidden = address.rename(address.with_name("hidden"))
    try:
        return flyctl(fly, *words, stdin=stdin)
    finally:
        hidden.rename(address)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_both_ways_print_and_return_the_same(fly: EmbeddedFly, words: tuple[str, ...]) -> None:
    one, other = flyctl(fly, *words), done_here(fly, *words)
    assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)
    assert one.stdout or one.stderr


def test_what_comes_in_is_read_to_its_end_and_is_in_no_argument(fly: EmbeddedFly) -> None:
    said = "".join(f"NAME_{number}=välue {'x' * 2000}\n" for number in range(100))
    for run in (flyctl, done_here):
        assert run(fly, "secrets", "import", "--stage", "--app", APP, stdin=said).returncode == 0
        names = {one["name"] for one in json.loads(flyctl(fly, "secrets", "list", "--app", APP, "--json").stdout)}
        assert {f"NAME_{number}" for number in range(100)} <= names
        words = [f"NAME_{number}" for number in range(100)]
        assert flyctl(fly, "secrets", "unset", "--stage", "--app", APP, *words).returncode == 0


def test_a_closed_input_is_no_trouble(fly: EmbeddedFly) -> None:
    done = subprocess.run(f"exec {fly.flyctl} version <&-", shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_has_gone_is_an_error_and_no_hang(fly: EmbeddedFly) -> None:
    done = subprocess.run(f"{fly.flyctl} releases --app {APP} --json | true; exit ${{PIPESTATUS[0]}}", shell=True, timeout=60,
                          executable="/bin/bash", capture_output=True, check=False)  # fmt: skip
    assert done.returncode in (0, 1)


def commands_of(fly: EmbeddedFly) -> list[psutil.Process]:
    """Return the processes in which commands are done: below the platform, and no machine's."""
    assert fly._process is not None
    servers = [one for one in psutil.Process(fly._process.pid).children() if "lib.embedded.fly.service" in one.cmdline()]
    assert len(servers) == 1
    return [one for one in servers[0].children() if one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_ends_with_who_asked_for_it(module_database: Database, number: signal.Signals) -> None:
    with standing_fly(module_database, fault="reads_hang") as fly:
        with subprocess.Popen([fly.flyctl, "status", "--app", APP], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            until = time.monotonic() + 30
            while not commands_of(fly) and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.2)  # until it hangs, and its client waits
            assert len(commands_of(fly)) == 1
            process.send_signal(number)
            _, said = process.communicate(timeout=30)
        told = number in (signal.SIGTERM, signal.SIGINT)
        assert (process.returncode, b"context canceled" in said) == ((127, True) if told else (-number, False))
        until = time.monotonic() + 30
        while commands_of(fly) and time.monotonic() < until:
            time.sleep(0.01)
        assert commands_of(fly) == []


def test_a_command_that_was_killed_takes_its_client_along(module_database: Database) -> None:
    with (
        standing_fly(module_database, fault="reads_hang") as fly,
        subprocess.Popen([fly.flyctl, "status", "--app", APP]) as process,
    ):
        until = time.monotonic() + 30
        while not commands_of(fly) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        commands_of(fly)[0].kill()
        assert process.wait(30) == -signal.SIGKILL


def test_without_the_platform_a_command_says_so(module_database: Database) -> None:
    with standing_fly(module_database) as fly:
        assert fly._process is not None
        fly._is_ending = True
        fly._process.kill()
        fly._process.wait()
        done = flyctl(fly, "status", "--app", APP)
        assert done.returncode == 70
        assert "got no answer" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_server_holds_nothing_of_the_platform_and_no_file_of_a_command(fly: EmbeddedFly) -> None:
    assert fly._process is not None
    [server] = [one for one in psutil.Process(fly._process.pid).children() if "lib.embedded.fly.service" in one.cmdline()]
    before = server.num_fds()
    for _ in range(5):
        flyctl(fly, "version")
    assert server.num_fds() == before
    memory = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"DATABASE_URL" not in memory


def test_a_folder_whose_name_is_too_long_for_a_socket_has_no_server(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * LONGEST_ADDRESS)
    folder.mkdir()
    serve_commands(folder)
    assert list(folder.iterdir()) == []


def test_few_modules_are_imported_by_a_command() -> None:
    code = "import sys; import lib.embedded.fly.thin_command; print(*sorted(sys.modules))"
    argv, env = [sys.executable, "-SPc", code], {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    spared = {"socket", "signal", "json", "re", "argparse", "pathlib", "asyncio", "enum", "threading", "collections", "typing"}
    assert not spared & set(said.stdout.split())
