"""What flyctl prints is read whole, and what may be private stays digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.clients.fly.flyctl import AppState, Fly, Machine, Release, ask, describe_machine
from lib.clients.fly.machine_health import Meaning
from lib.core.errors import CommandError
from lib.tasks.deploy_rehearsal.rollback import ReleaseSnapshot, diff_snapshots


def printed(**changes: Any) -> dict[str, Any]:
    config = {"image": "registry.fly.io/a:1", "env": {"KEY": "a-private-value"}, "metadata": {"fly_release_version": "4"}}
    said = {"id": "m1", "state": "started", "image_ref": {"digest": "sha256:1"}, "config": config, "events": [], "checks": []}
    return {**said, **changes}


def machine(**changes: Any) -> Machine:
    said: dict[str, Any] = {
        "id": "m1",
        "state": "started",
        "image": "registry.fly.io/a:1",
        "digest": "sha256:1",
        "checks": {"http": "passing"},
        "config_digest": "c",
        "env": {},
        "exits": (),
    }
    return Machine(**{**said, **changes})


def test_plain_variables_are_kept_as_digests_only() -> None:
    seen = describe_machine(printed())
    assert "a-private-value" not in repr(seen)
    assert set(seen.env) == {"KEY"}


def test_a_new_release_number_is_no_change_of_config() -> None:
    other = printed(config={**printed()["config"], "metadata": {"fly_release_version": "5"}, "image": "registry.fly.io/a:2"})
    assert describe_machine(other).config_digest == describe_machine(printed()).config_digest
    more = printed(config={**printed()["config"], "guest": {"cpus": 2}})
    assert describe_machine(more).config_digest != describe_machine(printed()).config_digest


def test_only_ends_that_nobody_asked_for_count() -> None:
    asked = {"type": "exit", "timestamp": 1, "request": {"exit_event": {"requested_stop": True, "exit_code": 0}}}
    crash = {"type": "exit", "timestamp": 2, "request": {"exit_event": {"requested_stop": False, "exit_code": 1}}}
    assert describe_machine(printed(events=[asked, crash, {"type": "start", "timestamp": 3}])).exits == (2,)


@pytest.mark.parametrize(
    ("changes", "healthy"),
    [
        ({}, True),
        ({"checks": {}}, True),
        ({"checks": {}, "meaning": Meaning(checks=1)}, False),
        ({"checks": {"a": "passing", "b": "warning"}}, False),
        ({"state": "stopped"}, False),
    ],
)
def test_no_failing_check_is_not_health(changes: dict[str, Any], healthy: bool) -> None:
    assert machine(**changes).is_healthy is healthy


def test_what_runs_is_the_newest_finished_release_with_the_machines_image() -> None:
    releases = (
        Release(version=4, status="failed", image="registry.fly.io/a:2"),
        Release(version=3, status="complete", image="registry.fly.io/a:1"),
        Release(version=2, status="complete", image="registry.fly.io/a:1"),
    )
    state = AppState(url="http://x", machines=(machine(),), releases=releases, secrets={})
    assert state.running == releases[1]
    assert AppState(url="http://x", machines=(), releases=releases, secrets={}).running is None
    assert not AppState(url="http://x", machines=(), releases=(), secrets={}).is_healthy


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Error: no access token available. Please login' >&2; exit 1", "flyctl auth login"),
        ("printf '[{\"ID\": '; exit 2", "ended with exit code 2, and its answer is not JSON"),
        ("printf '[{\"ID\": '; kill -9 $$", "was ended by signal 9, and its answer is not JSON"),
        ("exit 0", "and its answer is not JSON"),
        ("sleep 9", "did not end within 0.3 s"),
    ],
)
def test_each_way_of_failing_has_its_sentence(tmp_path: Path, script: str, said: str) -> None:
    program = tmp_path / "flyctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(CommandError, match=said):
        ask(Fly(program=program, app="a", timeout_s=0.3 if "sleep" in script else 20, folder=tmp_path), "releases")


def test_the_component_that_differs_is_named_with_its_parts() -> None:
    before = ReleaseSnapshot(components={"image": {"digests": "1"}, "secrets": {"A": "1", "B": "2"}})
    after = ReleaseSnapshot(components={"image": {"digests": "1"}, "secrets": {"B": "3", "C": "4"}})
    assert [(one.component, one.parts) for one in diff_snapshots(before, after)] == [("secrets", ("A", "B", "C"))]
    assert diff_snapshots(before, before) == []
