"""A waived failure is told as one everywhere, and takes the verdict to PARTIAL at best."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib.core.results import Outcome, Result
from lib.core.verdict import State, Verdict
from lib.evidence.findings import describe_finding
from lib.reporters.pages import summarize_run
from lib.reporters.report import RunReport
from lib.reporters.terminal import format_verdict
from lib.run.waivers import Waiver
from tests.support.paper_worlds import all_lines, make_pack, report_of, run_in

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
VIEWS = "rls.views_are_security_invoker"


def report(tmp_path: Path, *, detail: str, seen: str = "", until: str = "2026-12-10") -> RunReport:
    run = run_in(tmp_path, "20261126T120000Z-aaaa", pack=make_pack(tmp_path))
    lines = all_lines(run, {VIEWS: Result(check=VIEWS, outcome=Outcome.FAIL, detail=detail)}, AT)
    failed = next(line for line in lines if line.check == VIEWS)
    given = {"check": VIEWS, "object": seen or describe_finding(failed), "reason": "they are internal", "who": "@team"}
    waiver = Waiver.model_validate({**given, "granted": "2026-11-26", "until": until})
    return report_of(run.model_copy(update={"waivers": (waiver,)}), lines, AT)


def test_it_is_shown_as_failed_and_named_as_waived(tmp_path: Path) -> None:
    one = report(tmp_path, detail="2 of 5 views.")
    assert one.verdict is Verdict.PARTIAL
    item = next(row for row in one.items if row.number == 2)
    assert item.state is State.FAILED
    assert "Waived until 2026-12-10 by @team: They are internal." in item.detail
    assert "1 failing gate is waived" in one.sentence
    assert one.gates["fail"] == 1
    said = format_verdict(one, exit_code=0)

    assert f"Waived until 2026-12-10 by @team: {VIEWS} (2 of 5 views.): they are internal" in said
    assert f"{VIEWS} (gate) failed" in said


def test_another_failure_of_the_same_check_is_a_no_go_and_the_waiver_unused(tmp_path: Path) -> None:
    one = report(tmp_path, detail="3 of 5 views.", seen="2 of 5 views.")
    assert one.verdict is Verdict.NO_GO
    assert "covers nothing that failed" in format_verdict(one, exit_code=1)


def test_one_that_is_over_covers_nothing_and_is_said(tmp_path: Path) -> None:
    run = report(tmp_path, detail="2 of 5 views.").run
    old = run.waivers[0].model_copy(update={"granted": "2026-10-01", "until": "2026-10-20"})
    lines = all_lines(run, {VIEWS: Result(check=VIEWS, outcome=Outcome.FAIL, detail="2 of 5 views.")}, AT)
    one = report_of(run.model_copy(update={"waivers": (old,)}), lines, AT)
    assert one.verdict is Verdict.NO_GO
    assert "ended on 2026-10-20" in format_verdict(one, exit_code=1)


def test_a_run_that_did_not_look_at_the_check_says_nothing_of_its_waiver(tmp_path: Path) -> None:
    run = report(tmp_path, detail="2 of 5 views.").run
    lines = [line for line in all_lines(run, {}, AT) if line.check != VIEWS]
    one = report_of(run, lines, AT)
    assert "covers nothing" not in format_verdict(one, exit_code=2)
    assert [(row.check, row.came_to) for row in summarize_run(one).waivers] == [(VIEWS, "its check was not judged in this run")]


COUNTS, FILES = "seed.row_counts_match", "migrations.names_are_valid"
DAYS = [(0, Verdict.PARTIAL, 3), (5, Verdict.PARTIAL, 3), (6, Verdict.NO_GO, 2), (15, Verdict.NO_GO, 1), (31, Verdict.NO_GO, 0)]


@pytest.mark.parametrize(("day", "verdict", "covering"), DAYS)
def test_a_run_with_three_waivers_through_their_last_days(tmp_path: Path, day: int, verdict: Verdict, covering: int) -> None:
    at = AT + timedelta(days=day)
    run = run_in(tmp_path, "20261126T120000Z-aaaa", pack=make_pack(tmp_path))
    given = {COUNTS: ("public.votes", "2026-12-01"), FILES: ("a.sql", "2026-12-10"), VIEWS: ("public.board", "2026-12-26")}
    said = {check: Result(check=check, outcome=Outcome.FAIL, detail="Known.", objects=[key]) for check, (key, _) in given.items()}
    waivers = [
        Waiver(check=check, object=key, reason="it is known", who="@team", until=until) for check, (key, until) in given.items()
    ]
    one = report_of(run.model_copy(update={"waivers": tuple(waivers)}), all_lines(run, said, at), at)
    assert one.verdict is verdict
    assert {check: one.results[check] for check in given} == dict.fromkeys(given, Outcome.FAIL), "no result is changed"
    record = one.waived.record
    assert (len(record["waivers"]), len(record["idle_waivers"])) == (covering, 3 - covering), (
        "each is signed, whatever it came to"
    )
    shown = [(row.check, row.came_to) for row in summarize_run(one).waivers]
    assert [check for check, _ in shown] == list(given)
    assert sum(came_to == "is over, and covers nothing" for _, came_to in shown) == 3 - covering
    terminal = format_verdict(one, exit_code=verdict.exit_code)
    assert terminal.count("it covers nothing. Fix: Remove it.") == 3 - covering
