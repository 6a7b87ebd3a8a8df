"""A look in a cell tells all of each result, and the page the line alone; whatever is in a result stays inert in both."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from lib.core.results import Outcome, Provenance, SkipReason
from lib.display.tables import make_table
from lib.evidence.log import EvidenceLine
from lib.notebook.look_result import LookResult
from lib.reporters.html.notebook import sanitise

HOSTILE = "<img src=x onerror=alert(1)></style><script>alert(2)</script>"


def line(result: Outcome = Outcome.FAIL, **given: Any) -> EvidenceLine:
    fixed: dict[str, Any] = {
        "run_id": "r", "environment": "local", "task": "rls", "check": "rls.every_table_enabled", "gate": True,
        "provenance": Provenance.EMBEDDED, "observed": 9, "expected": 11, "unit": "tables", "detail": "ideas has none.",
        "fix": ("enable it on ideas.",), "started_at": datetime(2026, 11, 26, tzinfo=UTC), "duration_s": 0.1,
    }  # fmt: skip
    return EvidenceLine(result=result, **{**fixed, **given})


def shown(*lines: EvidenceLine, title: str = "Every table has it", **given: Any) -> dict[str, str]:
    table = make_table([{"table": "ideas"}], "Tables")
    return LookResult(lines=lines, titles=[title] * len(lines), table=table, facts=None, **given)._repr_mimebundle_()


def test_a_cell_shows_seen_expected_detail_fix_and_the_band() -> None:
    bundle = shown(line(), band="Embedded parts stand in.", is_whole=True)
    for text in (re.sub(r"<[^>]+>", "", bundle["text/html"]), bundle["text/plain"]):
        for said in (
            "REHEARSAL",
            "Embedded parts",
            "seen: 9 tables",
            "expected: 11 tables",
            "ideas has none.",
            "enable it on ideas.",
        ):
            assert said in text
    assert 'class="fail"' in bundle["text/html"] and "gate · embedded" in bundle["text/plain"]


def test_a_pass_asks_for_nothing_and_a_skip_says_why() -> None:
    assert "enable it" not in shown(line(Outcome.PASS), is_whole=True)["text/html"]
    skipped = shown(line(Outcome.SKIP, skipped_because=SkipReason.NOT_DUE), is_whole=True)
    assert "nothing to do" in skipped["text/plain"] and "nothing to do" in skipped["text/html"]


def test_a_page_shows_the_line_alone() -> None:
    html = shown(line())["text/html"]
    assert html.startswith('<ul class="looked"><li><span class="outcome fail">')
    assert "ideas has none" not in html and "<style" not in html


@pytest.mark.parametrize("is_whole", [False, True])
def test_hostile_text_stays_inert(is_whole: bool) -> None:
    given = {name: HOSTILE for name in ("observed", "expected", "unit", "detail", "check")}
    html = shown(line(fix=(HOSTILE,), **given), title=HOSTILE, band=HOSTILE, is_whole=is_whole)["text/html"]
    assert "<img" not in html and "<script" not in html
    assert html.count("</style>") == (1 if is_whole else 0)


def test_what_a_page_lets_through_of_a_cell_is_its_list_and_its_table() -> None:
    clean = sanitise(shown(line(), band="Embedded.", is_whole=True)["text/html"])
    assert '<ul class="looked">' in clean and "<style" not in clean and "launch-look" not in clean


def test_every_row_can_be_gone_on_with() -> None:
    table = make_table([{"table": str(number), "rows": number} for number in range(200)], "Tables")
    result = LookResult(lines=[line()], titles=["t"], table=table, facts=None)
    assert result.frame["rows"].sum() == sum(range(200)) and len(result.frame) == 200
