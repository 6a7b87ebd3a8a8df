"""The comment from a job of GitHub Actions: with its event file and its variables, against GitHub's API on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lib.cli.comment import comment
from lib.core.errors import ParamsError, TargetError
from tests.support.comment_site import TOKEN, CommentSite, comment_site


def event(**head: Any) -> dict[str, Any]:
    return {"action": "synchronize", "pull_request": {"number": 7, "head": {"repo": {"full_name": "acme/shop", **head}}}}


def job(folder: Path, site: CommentSite, said: Any = None, **changes: str) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(event() if said is None else said))
    (folder / "summary.md").write_text("## GO: shop, local\n\x1b[2Jall well\n")
    given = {"GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": "acme/shop", "GITHUB_API_URL": site.url}
    return {**given, "GITHUB_TOKEN": TOKEN, **changes}


def test_it_is_written_and_kept_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with comment_site() as site:
        variables = job(tmp_path, site)
        assert comment(tmp_path / "summary.md", about="local .", variables=variables) == 0
        (tmp_path / "summary.md").write_text("## NO-GO: shop, local\n")
        assert comment(tmp_path / "summary.md", about="local .", variables=variables) == 0
        assert [one["body"] for one in site.comments] == ["<!-- launch-readiness: local . -->\n## NO-GO: shop, local"]
    said = capsys.readouterr().out
    assert "request 7 was created." in said and "request 7 was updated." in said and TOKEN not in said


def test_a_text_arrives_without_control_characters(tmp_path: Path) -> None:
    with comment_site() as site:
        comment(tmp_path / "summary.md", variables=job(tmp_path, site))
        assert "\x1b" not in site.comments[0]["body"]


@pytest.mark.parametrize(
    ("said", "changes", "reason"),
    [
        (event(full_name="mallory/shop"), {}, "comes from a fork"),
        ({"pull_request": {"number": 7, "head": {"repo": None}}}, {}, "comes from a fork"),
        (None, {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
    ],
)
def test_where_it_may_not_that_is_a_sentence_and_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: Any, changes: dict[str, str], reason: str
) -> None:
    with comment_site() as site:
        assert comment(tmp_path / "summary.md", variables=job(tmp_path, site, said, **changes)) == 0
        assert site.asked == []
    assert reason in capsys.readouterr().out


def test_a_token_that_may_only_read_is_no_failure_and_a_sick_github_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with comment_site() as site:
        variables = job(tmp_path, site, GITHUB_TOKEN="ghs_" + "y" * 36)
        assert comment(tmp_path / "summary.md", variables=variables) == 0
        assert "pull-requests: write" in capsys.readouterr().err
        site.status = 422
        with pytest.raises(TargetError):
            comment(tmp_path / "summary.md", variables=variables)


@pytest.mark.parametrize("said", [{}, [], {"pull_request": {"number": "7"}}, {"pull_request": None}, "x"])
def test_another_event_is_refused_in_a_sentence(tmp_path: Path, said: Any) -> None:
    with comment_site() as site, pytest.raises(ParamsError, match="on: pull_request"):
        comment(tmp_path / "summary.md", variables=job(tmp_path, site, said))


def test_a_summary_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="can't be read"):
        comment(tmp_path / "none.md", variables={})
