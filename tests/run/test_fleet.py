"""A fleet on a real cluster of two workers: one result each, whatever is lost, and nothing of one project in another's."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from lib.core.verdict import Verdict
from lib.embedded.leftovers import LEASE
from lib.run.cluster import Cluster, open_cluster
from lib.run.fleet import NOT_RUN, Fleet, Outcome, collect, exit_code_of, new_fleet_id, run_members, worst_of
from lib.run.fleet_commit import Committed
from lib.run.fleet_plan import Member, cross
from lib.run.fleet_worker import running_attempts
from lib.run.signals import Interrupted
from lib.transport.storage import open_storage
from tests.support.stand_in_attempt import task

SECRET = "canary-value-of-"
KILLS = 10


@dataclass(frozen=True, kw_only=True)
class World:
    """Some projects, where their results go, and the temporary folder that attempts are made in."""

    packs: tuple[Path, ...]
    results: Path
    temporary: Path

    def members(self) -> list[Member]:
        return cross(map(str, self.packs), ["local"], base=Path("/"))

    def fleet(self) -> Fleet:
        return Fleet(id=new_fleet_id(datetime.now(UTC)), storage=open_storage(str(self.results)), strict=False)


def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> World:
    """Return a world of projects, each with a canary in a file and one in a variable of the workers."""
    temporary = tmp_path / "t"
    temporary.mkdir(mode=0o755)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    packs = []
    for number in range(count):
        pack = tmp_path / "packs" / f"p{number}"
        pack.mkdir(parents=True)
        (pack / "canary").write_text(f"canary-file-of-p{number}.")
        monkeypatch.setenv(f"P{number}__STAGING_DATABASE_URL", f"{SECRET}p{number}.")
        packs.append(pack)
    return World(packs=tuple(packs), results=tmp_path / "results", temporary=temporary)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch, 4)


@pytest.fixture
def cluster(world: World) -> Iterator[Cluster]:
    with open_cluster("") as cluster:
        yield cluster


def run(fleet: Fleet, members: list[Member], cluster: Cluster) -> list[str]:
    """Run the members with the stand-in; return what was lost."""
    lost: list[str] = []
    run_members(
        fleet,
        members,
        cluster.executor,
        task=task,
        on_done=lambda _: None,
        on_lost=lambda member, why: lost.append(f"{member.name} {why}"),
        keep_up=cluster.keep_up,
    )
    return lost


def run_folders(results: Path) -> list[Path]:
    return sorted(path for path in results.glob("*/local/2*") if path.is_dir())


def processes_of(world: World) -> list[psutil.Process]:
    """Return every process that has the world's temporary folder as its own, but for this one and the cluster's."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            mine = one.environ().get("TMPDIR", "").startswith(str(world.temporary / "launch-fleet"))
            if mine and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


def assert_nothing_is_left(world: World) -> None:
    assert processes_of(world) == []
    assert list(world.temporary.glob(f"launch-fleet-*/*/{LEASE}")) == []


def wait_until(holds: object, message: str) -> None:
    assert callable(holds)
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until, message
        time.sleep(0.05)


def test_each_project_has_one_result_with_its_own_canaries_alone(world: World, cluster: Cluster) -> None:
    members = [replace(one, environment="staging") for one in world.members()]
    members = [
        replace(one, variables={"STAGING_DATABASE_URL": f"P{number}__STAGING_DATABASE_URL"}) for number, one in enumerate(members)
    ]
    fleet = world.fleet()
    assert run(fleet, members, cluster) == []
    outcomes = list(collect(fleet, members))
    assert [one.verdict for one in outcomes] == ["REHEARSED"] * 4
    for number, outcome in enumerate(outcomes):
        assert outcome.committed is not None
        folder = world.results / outcome.committed.folder
        text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
        assert f"canary-file-of-p{number}." in text
        given = json.loads((folder / "artifacts" / "environment.json").read_text())
        assert given["STAGING_DATABASE_URL"] == f"{SECRET}p{number}."
        others = [other for other in range(4) if other != number]
        assert not [other for other in others if f"of-p{other}." in text]
        assert not [name for name in given if "__STAGING" in name]
    assert_nothing_is_left(world)


def test_no_value_is_in_what_the_cluster_is_sent_or_the_results_tell(world: World, cluster: Cluster) -> None:
    [member, *_] = world.members()
    member = replace(member, variables={"STAGING_DATABASE_URL": "P0__STAGING_DATABASE_URL"})
    fleet = world.fleet()
    assert SECRET not in json.dumps(fleet.job_of(member))
    run(fleet, [member], cluster)
    claims = [path.read_text() for path in (world.results / ".fleets").rglob("*.json")]
    assert len(claims) == 1
    assert not [one for one in claims if SECRET in one]
    assert json.loads(claims[0])["is_live"] is True


def test_workers_killed_ten_times_cost_no_result_and_none_counts_twice(world: World, cluster: Cluster) -> None:
    for pack in world.packs:
        (pack / "behaviour").write_text("waits")
    members, fleet = world.members(), world.fleet()
    killed: list[int] = []
    is_done = threading.Event()

    def kill() -> None:
        """Kill a worker that is with an attempt, ten times, each a process of its own; then let the runs come to their end."""
        while len(killed) < KILLS and not is_done.wait(0.1):
            busy = [pid for pid in busy_workers() if pid not in killed]
            if busy:
                os.kill(busy[0], signal.SIGKILL)
                killed.append(busy[0])
        for pack in world.packs:
            (pack / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        run(fleet, members, cluster)
    finally:
        is_done.set()
        killer.join()
    outcomes = list(collect(fleet, members))
    assert len(killed) == KILLS
    assert [(one.verdict, one.problem) for one in outcomes] == [("REHEARSED", "")] * len(members)
    folders = {world.results / one.committed.folder for one in outcomes if one.committed}
    assert set(run_folders(world.results)) == folders
    assert len(folders) == len(members)
    wait_until(lambda: not processes_of(world), "a killed worker's run goes on")
    assert_nothing_is_left(world)
    assert not (world.results / ".fleets" / fleet.id / "incoming").exists()


def busy_workers() -> list[int]:
    """Return the processes of this one's workers that are with a run."""
    found = []
    for worker in psutil.Process().children():
        with suppress(psutil.Error):
            words = [" ".join(one.cmdline()) for one in worker.children(recursive=True)]
            if any("stand_in_run" in one for one in words):
                found.append(worker.pid)
    return found


def test_a_stopped_fleet_ends_its_runs_and_keeps_what_was_done(world: World, cluster: Cluster) -> None:
    for pack in world.packs[1:]:
        (pack / "behaviour").write_text("waits")
    members, fleet = world.members(), world.fleet()

    def stop(outcome: Outcome) -> None:
        wait_until(lambda: any(cluster.ask(running_attempts)), "no other run began")
        raise Interrupted(130)

    run_members(fleet, members, cluster.executor, task=task, on_done=stop, on_lost=lambda *_: None)
    assert fleet.stopped_with == 130
    assert cluster.wait_until_idle()
    outcomes = list(collect(fleet, members))
    assert "REHEARSED" in [one.verdict for one in outcomes]
    assert NOT_RUN in [one.problem for one in outcomes]
    assert len(run_folders(world.results)) == sum(one.committed is not None for one in outcomes)
    assert_nothing_is_left(world)


def test_a_run_that_breaks_is_told_and_does_not_stop_the_others(world: World, cluster: Cluster) -> None:
    (world.packs[0] / "behaviour").write_text("breaks")
    (world.packs[1] / "behaviour").write_text("fails")
    members, fleet = world.members(), world.fleet()
    run(fleet, members, cluster)
    outcomes = list(collect(fleet, members))
    assert [(one.verdict, one.code) for one in outcomes] == [("BLOCKED", 3), ("NO-GO", 1), ("REHEARSED", 0), ("REHEARSED", 0)]
    assert outcomes[0].problem == "it broke"
    assert exit_code_of(outcomes, strict=False) == 1
    assert worst_of(outcomes) is Verdict.NO_GO


def test_a_variable_without_a_value_is_told_by_its_name(world: World, cluster: Cluster) -> None:
    [member, *_] = world.members()
    member = replace(member, variables={"STAGING_DATABASE_URL": "NOT_SET_ANYWHERE"}, optional=frozenset())
    fleet = world.fleet()
    run(fleet, [member], cluster)
    [outcome] = collect(fleet, [member])
    assert (outcome.verdict, outcome.code) == ("BLOCKED", 2)
    assert "NOT_SET_ANYWHERE has no value at the worker" in outcome.problem


@pytest.mark.parametrize(
    ("codes", "strict", "expected"),
    [([0, 0], False, 0), ([0, 2], False, 2), ([2, 1, 0], False, 1), ([3, 2], False, 3), ([3, 1], False, 1), ([0], True, 2)],
)
def test_the_exit_code_is_of_the_worst(codes: list[int], strict: bool, expected: int) -> None:
    assert exit_code_of([outcome_with(code) for code in codes], strict=strict) == expected


def test_a_go_is_a_success_when_strict() -> None:
    assert exit_code_of([outcome_with(0, "GO")], strict=True) == 0


def outcome_with(code: int, verdict: str = "") -> Outcome:
    word = verdict or {0: "REHEARSED", 1: "NO-GO"}.get(code, "BLOCKED")
    committed = Committed(
        fleet="f",
        attempt="a",
        project="p",
        environment="local",
        run_id="r",
        verdict=word,
        exit_code=code,
        finished=True,
        partial=False,
        started_at="2026-11-01T00:00:00+00:00",
        ended_at="2026-11-01T00:01:00+00:00",
        commit=None,
        manifest_sha256="",
        is_live=False,
    )
    return Outcome(member=Member(project="p", pack="/p", environment="local"), committed=committed)
