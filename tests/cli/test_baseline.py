"""A project with a past starts from what fails today: each is waived once, by its owner, for thirty days at most."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lib.cli.baseline import find_new, write_baseline
from lib.core.errors import WorkbookError
from lib.core.results import Outcome, Provenance, Result
from lib.evidence.log import EvidenceLine, append_line, line_of
from lib.run.params import load_params
from lib.run.project import open_project
from lib.run.waivers import load_waivers
from lib.tasks.index import every_check
from tests.support.layered import describe_project

VIEWS, SPARE = "rls.views_are_security_invoker", "rls.no_spare_grants"


def line(check: str, outcome: Outcome, detail: str = "2 of 5.") -> EvidenceLine:
    about = {"run_id": "r", "environment": "local", "provenance": Provenance.EMBEDDED, "duration_s": 1.0}
    result = Result(check=check, outcome=outcome, detail=detail)
    return line_of(result, every_check()[check], started_at=datetime.now(UTC), **about)  # type: ignore[arg-type]


def test_failing_gates_alone_are_waived() -> None:
    lines = [line(VIEWS, Outcome.FAIL), line(SPARE, Outcome.FAIL), line("rls.pgtap_tests_pass", Outcome.ERROR)]
    [one] = find_new(lines, [], owners={"rls": "@rls", "default": "@all"}, today=date(2026, 11, 26))
    assert (one.check, one.who, one.granted, one.until) == (VIEWS, "@rls", "2026-11-26", "2026-12-26")


def test_what_is_waived_is_not_waived_for_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack, rendered = describe_project(tmp_path / "project"), tmp_path / "rendered"
    latest = rendered / open_project(rendered, pack) / "local" / "latest"
    latest.mkdir(parents=True)
    append_line(latest, line(VIEWS, Outcome.FAIL), spare=tmp_path / "spare")
    assert write_baseline("local", pack=pack, rendered=rendered) == 0
    first = load_waivers(pack)
    assert [one.check for one in first] == [VIEWS]
    assert load_params("local", pack=str(pack), variables={}).waivers == first
    append_line(latest, line("rls.pgtap_tests_pass", Outcome.FAIL), spare=tmp_path / "spare")
    write_baseline("local", pack=pack, rendered=rendered)
    assert load_waivers(pack)[:1] == first
    assert len(load_waivers(pack)) == 2
    capsys.readouterr()
    write_baseline("local", pack=pack, rendered=rendered)
    assert "stays as it is" in capsys.readouterr().out


def test_without_a_run_there_is_nothing_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="no whole run of local"):
        write_baseline("local", pack=describe_project(tmp_path / "project"), rendered=tmp_path / "rendered")
