"""`make replay`: which kept runs another policy decides otherwise, counted, each with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli.replay import replay_runs
from lib.core.errors import ParamsError, WorkbookError
from lib.evidence.history import open_history, remember_run
from lib.run.project import open_project
from tests.evidence.test_decisions import A, entry
from tests.support.layered import describe_project


def test_the_runs_that_come_out_otherwise_are_listed_with_their_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, rendered = describe_project(tmp_path / "project"), tmp_path / "rendered"
    policy = tmp_path / "strict.yaml"
    policy.write_text("waivers: []\n")
    with pytest.raises(WorkbookError, match="There is no kept run of"):
        replay_runs("local", policy=str(policy), pack=str(pack), rendered=rendered)
    history = open_history(rendered)
    for number in range(3):
        remember_run(history, entry(f"20261126T12000{number}Z-aaaa", project=open_project(rendered, pack)))
    assert replay_runs("local", policy=str(policy), pack=str(pack), rendered=rendered) == 0
    said = capsys.readouterr().out
    assert "3 of 3 runs of local would have been decided otherwise under strict.yaml: 3 from PARTIAL to NO-GO." in said
    assert f"{A}: no waiver covers it." in " ".join(said.split())
    replay_runs("local", policy="", pack=str(pack), rendered=rendered)
    assert "0 of 3 runs of local would have been decided otherwise under today's rules." in capsys.readouterr().out


def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"none\.yaml"):
        replay_runs("local", policy=str(tmp_path / "none.yaml"), pack=None, rendered=tmp_path)
