"""Pages over runs: every project and environment, a task over time, checks that waver, and two runs side by side."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Outcome, Provenance
from lib.evidence.durations import remember_durations
from lib.evidence.history import HistoryEntry, open_history, remember_run
from lib.evidence.log import EvidenceLine, append_line
from lib.reporters.comparison import Difference, Turn, compare, count_turns, describe
from lib.reporters.html.render import near_href
from lib.reporters.overview import place_of, write_overviews

START = datetime(2026, 11, 1, 9, tzinfo=UTC)


def line(check: str, result: Outcome = Outcome.PASS, *, where: Provenance = Provenance.EMBEDDED, **facts: object) -> EvidenceLine:
    about = {"run_id": "r", "environment": "local", "task": check.partition(".")[0], "gate": True, **facts}
    return EvidenceLine(check=check, result=result, provenance=where, started_at=START, duration_s=1, **about)


def keep(
    rendered: Path, number: int, *lines: EvidenceLine, environment: str = "local", project: str = "shop", commit: str = "c1"
) -> str:
    """Keep one made-up run as a run keeps itself, and return its id."""
    run_id = f"202611{number + 1:02d}T090000Z-aaaa"
    folder = rendered / project / environment / run_id
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("a page")
    for one in lines:
        append_line(folder, one)
    history = open_history(rendered)
    entry = HistoryEntry(
        run_id=run_id,
        project=project,
        environment=environment,
        verdict="REHEARSED" if all(one.result is Outcome.PASS for one in lines) else "NO-GO",
        partial=False,
        finished=True,
        commit_id=commit,
        started_at=START + timedelta(days=number),
        duration_s=60,
        lines=lines,
    )
    remember_run(history, entry)
    remember_durations(history, run_id, {one.task: 10.0 + number for one in lines})
    write_overviews(history, rendered, project, environment)
    return run_id


def test_one_page_over_every_project_and_environment(tmp_path: Path) -> None:
    keep(tmp_path, 0, line("rls.a"))
    keep(tmp_path, 1, line("rls.a", Outcome.FAIL), environment="staging")
    last = keep(tmp_path, 2, line("rls.a"), project="other")
    page = (tmp_path / "index.html").read_text()
    assert "2 projects" in page
    assert (
        page.index("./other/local/index.html") < page.index("./shop/local/index.html") < page.index("./shop/staging/index.html")
    )
    assert f'href="./other/local/{last}/index.html"' in page
    assert "NO-GO" in page and "REHEARSED" in page


def test_a_task_over_time_and_a_run_whose_folder_is_gone(tmp_path: Path) -> None:
    gone = keep(tmp_path, 0, line("rls.a"), line("seed.a"))
    for path in sorted((tmp_path / "shop" / "local" / gone).iterdir()):
        path.unlink()
    for number in range(1, 35):
        keep(tmp_path, number, line("rls.a", Outcome.FAIL if number == 20 else Outcome.PASS))
    page = (tmp_path / "shop" / "local" / "index.html").read_text()
    strip = page.partition("Row level security")[2].partition("</figure>")[0]
    assert strip.count("<rect") == 30 and strip.count('class="fail"') == 1
    assert "29 passed, 1 failed" in strip
    assert page.count('<tr role="row"><th role="rowheader"') + page.count('<tr role="row">\n') >= 35
    assert f"<code>{gone}</code>" in page and "not kept here" in page


def test_a_check_wavers_on_one_commit_alone(tmp_path: Path) -> None:
    keep(tmp_path, 0, line("rls.a"), line("rls.b"), line("rls.c"), line("rls.d"))
    other = (line("rls.a", Outcome.FAIL), line("rls.b", Outcome.SKIP), line("rls.c"), line("rls.d"))
    keep(tmp_path, 1, *other)
    keep(tmp_path, 2, line("rls.c", Outcome.FAIL), commit="c2")
    keep(tmp_path, 3, line("rls.d", Outcome.FAIL), commit="c1+")
    page = (tmp_path / "shop" / "local" / "index.html").read_text()
    wavering = page.partition('id="wavering"')[2].partition("</section>")[0]
    assert "rls.a" in wavering
    assert not {"rls.b", "rls.c", "rls.d"} & {name for name in ("rls.b", "rls.c", "rls.d") if name in wavering}


def test_environments_are_compared_in_the_order_of_a_launch(tmp_path: Path) -> None:
    keep(tmp_path, 0, line("rls.a"), environment="production")
    keep(tmp_path, 1, line("rls.a", where=Provenance.LIVE), line("rls.b"), environment="staging")
    found = json.loads((tmp_path / "shop" / "compare-staging-to-production.json").read_text())
    assert found["is_worse"] is True
    assert {one["check"]: one["turn"] for one in found["checks"]} == {"rls.a": "less real", "rls.b": "worse"}
    page = (tmp_path / "shop" / "compare-staging-to-production.html").read_text()
    assert "1 check is worse and 1 check is less real" in page
    assert "./shop/compare-staging-to-production.html" in (tmp_path / "index.html").read_text()
    assert "./../compare-staging-to-production.html" in (tmp_path / "shop" / "staging" / "index.html").read_text()
    assert sorted(["production", "eu", "local", "staging", "qa"], key=place_of) == ["local", "eu", "qa", "staging", "production"]


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        (line("a.b"), line("a.b", Outcome.FAIL), Turn.WORSE),
        (line("a.b"), None, Turn.WORSE),
        (line("a.b", Outcome.ERROR), line("a.b", Outcome.FAIL), Turn.WORSE),
        (line("a.b", Outcome.SKIP), None, Turn.SAME),
        (None, line("a.b"), Turn.BETTER),
        (line("a.b", where=Provenance.LIVE), line("a.b"), Turn.LESS_REAL),
        (line("a.b"), line("a.b", where=Provenance.LIVE), Turn.SAME),
        (line("a.b", observed=1), line("a.b", observed=2), Turn.OTHER),
        (line("a.b", observed=1), line("a.b", observed=1), Turn.SAME),
    ],
)
def test_what_became_of_a_check(before: EvidenceLine | None, after: EvidenceLine | None, turn: Turn) -> None:
    assert Difference(check="a.b", before=before, after=after).turn is turn


LINES = st.lists(
    st.builds(line, st.sampled_from(["a.b", "a.c", "d.e"]), st.sampled_from(Outcome)), unique_by=lambda one: one.check, max_size=3
)


@given(LINES, LINES)
def test_what_is_worse_one_way_is_better_the_other(before: list[EvidenceLine], after: list[EvidenceLine]) -> None:
    there, back = count_turns(compare(before, after)), count_turns(compare(after, before))
    assert (there[Turn.WORSE], there[Turn.BETTER]) == (back[Turn.BETTER], back[Turn.WORSE])
    assert "same as" in describe(compare(before, before), "one", "two")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../x", "a/../b", "//evil", "", "a//b", "..\\x/../.."])
def test_no_link_leads_out_of_the_runs(path: str) -> None:
    assert near_href(path) == "#"


def test_a_link_to_another_run_is_quoted() -> None:
    assert near_href("../a b/javascript:x/index.html") == "./../a%20b/javascript%3Ax/index.html"
