"""The newest promtool of a machine is used, and what each of them says is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus import promtool
from lib.clients.prometheus.promtool import find_promtool, read_failures
from lib.transport.process import run_command


def make_promtool(folder: Path, said: str) -> Path:
    folder.mkdir(parents=True)
    program = folder / "promtool"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders on PATH, old and new, and one of setup's; all of them empty."""
    monkeypatch.setattr(promtool, "KEPT", tmp_path / "kept" / "promtool")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:{tmp_path / 'new'}:/usr/bin:/bin")
    return tmp_path


def test_the_newest_promtool_is_used_wherever_it_is(path: Path) -> None:
    make_promtool(path / "old", "promtool, version 2.42.0+ds (branch: debian/sid)")
    newer = make_promtool(path / "new", "promtool, version 3.5.3+ds1 (branch: debian/sid)")
    assert (find_promtool().path, find_promtool().name) == (newer, "promtool 3.5")
    kept = make_promtool(path / "kept", "promtool, version 3.10.0")
    assert (find_promtool().path, find_promtool().version) == (kept, (3, 10))


def test_of_two_that_are_alike_the_first_on_path_is_used(path: Path) -> None:
    first = make_promtool(path / "old", "promtool, version 3.5.0")
    make_promtool(path / "new", "promtool, version 3.5.9")
    assert find_promtool().path == first


def test_a_promtool_that_does_not_say_its_version_is_used_where_there_is_no_other(path: Path) -> None:
    silent = make_promtool(path / "old", "promtool")
    assert (find_promtool().path, find_promtool().name) == (silent, "this promtool")
    newer = make_promtool(path / "new", "promtool, version 2.42.0")
    assert find_promtool().path == newer


def test_feature_flags_are_given_to_every_command(path: Path) -> None:
    program = make_promtool(path / "old", "promtool, version 3.5.0")
    found = find_promtool(["promql-experimental-functions", "b"])
    assert found.command("check") == [program, "--enable-feature=promql-experimental-functions,b", "check"]


def test_the_failures_of_tests_without_a_name_are_read(tmp_path: Path) -> None:
    said = (
        "  FAILED:\n    alertname: One, two - a/b, time: 5m, \n        exp:[]\n    name: t,\n    alertname: Two, time: 1h5m, \n"
    )
    (tmp_path / "said").write_text(said)
    run = run_command(["cat", "said"], timeout_s=10, cwd=tmp_path)
    assert [(one.test, one.alert, one.time) for one in read_failures(run)] == [
        ("", "One, two - a/b", "5m"),
        ("t", "Two", "1h5m"),
    ]
