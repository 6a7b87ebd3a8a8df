"""Leftovers of dead owners are removed; the living, the foreign and the look-alikes stay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lib.embedded.leftovers import (
    Lease,
    clean_leftovers,
    has_ended,
    new_lease,
    process_start,
    read_lease,
    wait_ended,
    write_lease,
)
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres

ROOT = Path(__file__).resolve().parents[2]

OWNER = """
import sys
from pathlib import Path
from lib.embedded.postgres.server import start_postgres

start_postgres(Path(sys.argv[1]), tools=Path(sys.argv[2]))
print("started", flush=True)
sys.stdin.read()
"""


def leave_folder(base: Path, name: str = "left", **changes: object) -> Path:
    """Make a state folder whose lease says, unless changed, that this very process owns it."""
    folder = base / name
    (folder / "data").mkdir(parents=True)
    lease = new_lease(os.getpid(), folder / "data")
    write_lease(folder, replace(lease, **changes))  # type: ignore[arg-type]
    return folder


def lease_of(folder: Path) -> Lease:
    lease = read_lease(folder)
    assert lease is not None
    return lease


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """Yield a process that has nothing to do with any server."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield psutil.Process(process.pid)
        process.kill()


@pytest.fixture
def start_owner() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Yield a function that starts another process which owns a server in a folder."""
    owners: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> subprocess.Popen[str]:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(folder), str(ROOT / ".tools")],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        owners.append(owner)
        assert owner.stdout is not None
        assert owner.stdout.readline() == "started\n"
        return owner

    yield start
    for owner in owners:
        owner.kill()
        owner.communicate()


def test_server_of_a_killed_owner_is_stopped_and_removed(
    base: Path, start_owner: Callable[[Path], subprocess.Popen[str]], postgres_server: EmbeddedPostgres
) -> None:
    dead, living = base / "dead", base / "living"
    owner = start_owner(dead)
    start_owner(living)
    server = psutil.Process(lease_of(dead).server_pid)
    family = [server, *server.children(recursive=True)]
    owner.kill()
    owner.wait()

    assert clean_leftovers(base) == [dead]

    assert not dead.exists()
    assert all(has_ended(process) for process in family)
    assert psutil.pid_exists(lease_of(living).server_pid or 0)
    assert postgres_server.database().value("select 1") == 1
    psutil.Process(lease_of(living).owner_pid).kill()
    assert wait_ended([psutil.Process(lease_of(living).owner_pid)]) == []
    assert clean_leftovers(base) == [living]


def test_server_started_but_not_yet_recorded_is_found(base: Path) -> None:
    server = start_postgres(base / "one", tools=ROOT / ".tools")
    lease = lease_of(server.state_dir)
    process = psutil.Process(lease.server_pid)
    write_lease(server.state_dir, replace(lease, owner_started="another start", server_pid=None, server_started=None))
    assert clean_leftovers(base) == [server.state_dir]
    server.stop()
    assert has_ended(process)


def test_folder_of_a_living_owner_stays(base: Path) -> None:
    folder = leave_folder(base)
    assert clean_leftovers(base) == []
    assert folder.is_dir()


def test_pid_given_to_another_process_does_not_count_as_the_owner(base: Path) -> None:
    folder = leave_folder(base, owner_started="another start")
    assert clean_leftovers(base) == [folder]
    assert not folder.exists()


def test_recorded_server_pid_given_to_another_process_is_not_signalled(base: Path, bystander: psutil.Process) -> None:
    folder = leave_folder(
        base, owner_started="another start", server_pid=bystander.pid, server_started=process_start(bystander.pid)
    )
    assert clean_leftovers(base) == [folder]
    assert not has_ended(bystander)


def test_server_of_the_same_folder_but_another_start_is_not_signalled(base: Path) -> None:
    folder = base / "left"
    command = [sys.executable, "-c", "input()", "-D", str(folder / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        leave_folder(base, owner_started="another start", server_pid=process.pid, server_started="another start")
        clean_leftovers(base)
        assert process.poll() is None
        process.kill()


def test_owner_on_another_machine_can_not_be_judged(base: Path) -> None:
    folder = leave_folder(base, host="elsewhere", owner_started="another start")
    assert clean_leftovers(base) == []
    assert folder.is_dir()


@pytest.mark.parametrize(
    "lease", [None, "", "{}", '{"host": "here", "owner_pid": 1}', "[1, 2]"], ids=["none", "empty", "bare", "cut", "list"]
)
def test_folder_without_a_whole_lease_is_not_ours(base: Path, lease: str | None) -> None:
    folder = base / "foreign"
    folder.mkdir()
    if lease is not None:
        (folder / "owner.json").write_text(lease)
    assert clean_leftovers(base) == []
    assert folder.is_dir()


def test_lease_that_points_outside_its_folder_is_not_ours(base: Path) -> None:
    folder = leave_folder(base, owner_started="another start", data_dir="/somewhere/data")
    assert clean_leftovers(base) == []
    assert folder.is_dir()


def test_linked_folder_is_not_followed(base: Path, tmp_path: Path) -> None:
    elsewhere = leave_folder(tmp_path, owner_started="another start")
    (base / "link").symlink_to(elsewhere)
    assert clean_leftovers(base) == []
    assert elsewhere.is_dir()


def test_two_cleaners_at_once_remove_each_folder_once(base: Path) -> None:
    folders = [leave_folder(base, f"left-{number}", owner_started="another start") for number in range(20)]
    with ThreadPoolExecutor(2) as both:
        removed = list(both.map(clean_leftovers, [base, base]))
    assert sorted(removed[0] + removed[1]) == sorted(folders)


def test_cleaning_cut_short_is_taken_up_again(base: Path) -> None:
    folder = leave_folder(base, owner_started="another start")
    (folder / "data").rmdir()
    assert clean_leftovers(base) == [folder]


def test_ended_process_has_no_start() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert process_start(process.pid) is None


def test_zombie_counts_as_ended(bystander: psutil.Process) -> None:
    assert process_start(bystander.pid) is not None
    bystander.kill()
    os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)  # ended, but not yet reaped
    assert bystander.status() == psutil.STATUS_ZOMBIE
    assert process_start(bystander.pid) is None
