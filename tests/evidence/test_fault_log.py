"""Trials are kept line by line, and remembered only while nothing that they rest on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.faults import End, Trial
from lib.core.redact import register_secrets
from lib.evidence.fault_log import FILE, append_trials, read_trials, recall, remember

ONE = Trial(task="t", look="look", operator="kind", place="a \x1b[2J", check="t.one", end=End.FOUND)
TWO = ONE.model_copy(update={"place": "b", "end": End.MISSED, "move": "a row"})


def test_trials_are_read_back_as_they_were(tmp_path: Path) -> None:
    assert read_trials(tmp_path) == []
    append_trials(tmp_path, [])
    assert not (tmp_path / FILE).exists()
    append_trials(tmp_path, [ONE])
    append_trials(tmp_path, [TWO])
    assert read_trials(tmp_path) == [ONE, TWO]
    assert "\x1b" not in (tmp_path / FILE).read_text()


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    append_trials(tmp_path, [ONE])
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text() + '{"task": "t", "lo\n')
    append_trials(tmp_path, [TWO])
    assert read_trials(tmp_path) == [ONE, TWO]


def test_no_credential_is_kept(tmp_path: Path) -> None:
    register_secrets(["hunter2hunter2"])
    append_trials(tmp_path, [ONE.model_copy(update={"said": "the word hunter2hunter2"})])
    remember(tmp_path, "look", "digest", [ONE.model_copy(update={"said": "the word hunter2hunter2"})])
    assert "hunter2" not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("broken", ["", "{", '{"digest": "d", "trials": 3}', '{"digest": "d", "trials": [{"end": "x"}]}'])
def test_what_cant_be_read_is_not_remembered(tmp_path: Path, broken: str) -> None:
    remember(tmp_path, "look", "d", [ONE, TWO])
    assert recall(tmp_path, "look", "d") == (ONE, TWO)
    assert recall(tmp_path, "look", "other") == () and recall(tmp_path, "another", "d") == ()
    (tmp_path / "faults" / "look.json").write_text(broken)
    assert recall(tmp_path, "look", "d") == ()
