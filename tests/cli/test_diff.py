"""Two runs side by side on the terminal: what differs, what that means, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib.cli.diff import diff
from lib.core.errors import ParamsError
from lib.core.results import Outcome
from tests.reporters.test_overview import keep, line


def test_diff_says_what_it_means_and_fails_on_what_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "shop" / "local" / keep(tmp_path, 0, line("rls.a", observed=3), line("rls.b"))
    bad = tmp_path / "shop" / "local" / keep(tmp_path, 1, line("rls.a", Outcome.FAIL, observed=2), line("rls.b"))
    assert diff(str(good), str(good)) == 0
    assert "came to the same as" in capsys.readouterr().out
    assert diff(str(good), str(bad)) == 1
    said = capsys.readouterr().out
    assert "1 check is worse; 1 check came to the same." in said and "failed: 2" in said
    stem = tmp_path / "shop" / f"diff-{good.name}-to-{bad.name}"
    assert json.loads(stem.with_suffix(".json").read_text())["counts"]["worse"] == 1
    assert f'href="./local/{bad.name}/index.html"' in stem.with_suffix(".html").read_text()
    assert diff(str(bad), str(good)) == 0
    with pytest.raises(ParamsError, match="no such run"):
        diff(str(good), "20200101T000000Z-none")
    empty = tmp_path / "shop" / "local" / "empty"
    empty.mkdir()
    with pytest.raises(ParamsError, match="holds no results"):
        diff(str(good), str(empty))
