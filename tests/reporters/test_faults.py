"""Every door tells of the same faults: the row of a check, the front page, the page of faults and the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.faults import End, KillRate, Trial
from lib.evidence.fault_log import append_trials
from lib.evidence.log import EvidenceLine
from lib.reporters.faults import PAGE, add_up, describe_faults, sum_up_faults
from lib.reporters.pages import INDEX, write_faults_page, write_index
from lib.reporters.report import RunReport
from lib.reporters.terminal import format_verdict
from tests.support.paper_worlds import all_lines, make_pack, report_of, run_in

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
VIEWS = "rls.views_are_security_invoker"
MARK = "<b onmouseover=x>"


def trial(operator: str, place: str, end: End, **more: str) -> Trial:
    return Trial(task="rls", look="look_at_views", operator=operator, place=place, check=VIEWS, end=end, **more)


TRIALS = [
    trial("nothing changed", "a copy as it is", End.QUIET),
    trial("a view is open", "public.a", End.FOUND, came_to="fail"),
    trial("a view is open", f"public.{MARK}", End.MISSED, came_to="pass", move="Add a row."),
    trial("a view is open", "public.c", End.EQUIVALENT, said="nobody may read it"),
    trial("a new view", "public.d", End.FALSE_ALARM, came_to="fail"),
]
RATE = KillRate(tried=2, found=1, missed=(f"a view is open · public.{MARK}",), equivalent=1, untried=3, harmless=2,
                false_alarms=("a new view · public.d",))  # fmt: skip


@pytest.fixture
def report(tmp_path: Path) -> RunReport:
    run = run_in(tmp_path, "20261126T120000Z-aaaa", pack=make_pack(tmp_path))
    run.run_folder.mkdir(parents=True, exist_ok=True)
    append_trials(run.run_folder, TRIALS)
    lines = [with_rate(line) for line in all_lines(run, {}, AT)]
    return report_of(run, lines, AT)


def with_rate(line: EvidenceLine) -> EvidenceLine:
    return line.model_copy(update={"faults": RATE}) if line.check == VIEWS else line


SAID = "1 of 2 faults found, 1 false alarm. Time did not suffice for 3 more faults: make faults spends more."


def test_the_page_of_faults_names_what_was_missed_and_what_would_tell(report: RunReport) -> None:
    write_faults_page(report)
    page = (report.run.run_folder / PAGE).read_text()
    assert SAID in page
    for words in ("What was missed", "False alarms", "What changes nothing: 1 change", "Add a row.", "nobody may read it"):
        assert words in page, words
    assert MARK not in page and "&lt;b onmouseover" in page


def test_the_front_page_and_the_terminal_say_the_same(report: RunReport) -> None:
    write_index(report, None)
    assert SAID in (report.run.run_folder / INDEX).read_text()
    assert f"Faults made on purpose: {SAID}" in format_verdict(report, exit_code=0)


def test_a_run_without_faults_says_so_on_its_page_alone(tmp_path: Path) -> None:
    run = run_in(tmp_path, "20261126T120000Z-aaaa", pack=make_pack(tmp_path))
    run.run_folder.mkdir(parents=True, exist_ok=True)
    one = report_of(run, all_lines(run, {}, AT), AT)
    write_faults_page(one)
    assert "No fault was made on purpose in this run." in (run.run_folder / PAGE).read_text()
    assert "made on purpose" not in format_verdict(one, exit_code=0)


def test_what_every_check_found_adds_up(report: RunReport) -> None:
    total = add_up(report.lines)
    assert total == RATE and describe_faults(total) == SAID
    page = sum_up_faults(TRIALS, total)
    assert [(row.operator, row.counts) for row in page.rows] == [
        ("nothing changed", (1, None, None, None, None, None, 0)),
        ("a view is open", (2, 1, 0, 1, 1, None, None)),
        ("a new view", (1, None, None, None, None, None, 1)),
    ]
    assert describe_faults(KillRate()) == ""
