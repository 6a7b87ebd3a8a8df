"""A reused result is told with its age and the run that looked, at every door, and is never a GO nor a proof for another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Outcome, Provenance
from lib.core.verdict import GateInput, Verdict, decide
from lib.evidence.log import EvidenceLine, ReusedFrom
from lib.reporters.documents.note import execution_summary, feedback_entry
from lib.reporters.first_screen import first_screen
from lib.reporters.github import format_summary
from lib.reporters.html.render import render_index, render_task_page
from lib.reporters.junit import format_junit
from lib.reporters.metrics import format_metrics
from lib.reporters.pages import summarize_run, task_header
from lib.reporters.promotion import is_proved
from lib.reporters.report import RunReport, report_run
from lib.reporters.reused import describe_reused, name_reused, tell_reused
from lib.reporters.sarif import make_sarif
from lib.reporters.sealing import about_run
from lib.reporters.summary import task_rows, task_spans
from lib.reporters.terminal import format_verdict
from lib.tasks.index import TASKS, task_named
from tests.support.report_worlds import AT, GATE, result, world

RUN = "20261126T090000Z-bbbb"
SAID = f"looked at in run {RUN}, 3 h 01 min ago"
FOUND = ReusedFrom(run_id=RUN, looked_at=AT - timedelta(hours=3))


def reused(home: Path, *, tasks: Sequence[str] = ("rls", "seed"), fails: bool = False) -> RunReport:
    """Return the report of a run that took these tasks over from an earlier one."""
    said = {GATE: result(GATE, Outcome.FAIL, detail="anon may write.")} if fails else {}
    first = world(home, said)
    lines = [
        line.model_copy(update={"reused_from": FOUND, "started_at": FOUND.looked_at}) if line.task in tasks else line
        for line in first.lines
    ]
    return report_run(first.run, TASKS, lines, first.outcome, took_s={"alerts": 3.0})


def test_each_door_tells_the_run_that_looked_and_how_long_ago(tmp_path: Path) -> None:
    report = reused(tmp_path, fails=True)
    rls = report.summary_of(task_named("rls"))
    doors = {
        "terminal": format_verdict(report, exit_code=1),
        "summary.md": format_summary(report),
        "note": execution_summary(report),
        "feedback": feedback_entry(report),
        "junit": format_junit(report).decode(),
        "sarif": json.dumps(make_sarif(report)),
        "front page": render_index(None, summarize_run(report)),
        "task page": render_task_page(None, task_header(report, rls)),
        "manifest": json.dumps(about_run(report)),
    }
    assert {name: SAID in text for name, text in doors.items()} == dict.fromkeys(doors, True)
    assert doors["task page"].count("<strong>REUSED</strong> Looked at in run") == 1
    assert "<strong>REUSED</strong>" in doors["front page"]
    ages = [line for line in format_metrics(report).splitlines() if line.startswith("launch_readiness_task_reused_age_seconds{")]
    assert len(ages) == 2
    assert all(RUN in line for line in ages)


def test_the_note_says_of_the_migrations_when_they_were_looked_at(tmp_path: Path) -> None:
    note = execution_summary(reused(tmp_path, tasks=["migrations"]))
    assert f"## Migration status\n\nReused: looked at in run `{RUN}`, 26 Nov 2026, 09:00:00 UTC." in note
    assert "Reused" not in execution_summary(world(tmp_path / "other")).partition("## Launch list")[0]


def test_a_finding_and_an_item_of_the_launch_list_say_it_too(tmp_path: Path) -> None:
    report = reused(tmp_path, fails=True)
    [found] = report.standing_out
    assert found.detail == f"Reused: looked at in run {RUN}, 3 h 01 min ago. anon may write."
    told = [item.detail for item in report.items if any(one.page.startswith(("rls", "seed")) for one in item.proofs)]
    assert told
    assert all(f"reused from run {RUN}." in one for one in told)
    others = [item for item in report.items if not any(one.page.startswith(("rls", "seed")) for one in item.proofs)]
    assert not any("reused" in item.detail for item in others)


def test_a_run_that_looked_at_everything_says_nothing_of_it(tmp_path: Path) -> None:
    report = world(tmp_path)
    texts = [format_verdict(report, exit_code=0), format_summary(report), execution_summary(report), format_metrics(report)]
    texts += [format_junit(report).decode(), json.dumps(make_sarif(report)), render_index(None, summarize_run(report))]
    assert not any("reused" in text.lower() for text in texts)
    assert (report.reused, about_run(report)["reused"]) == ("", {})


def test_reused_gates_make_it_partial_with_the_reason_and_the_way_out(tmp_path: Path) -> None:
    report = reused(tmp_path)
    many = sum(check.gate for name in ("rls", "seed") for check in task_named(name).checks)
    assert report.verdict is Verdict.PARTIAL
    assert f"but {many} gates were reused from an earlier run. It can't be a GO." in report.sentence
    assert first_screen(report).next_step.words == "Look at every task anew, without REUSE:"
    header = task_header(report, report.summary_of(task_named("rls")))
    assert header.verdict is Verdict.PARTIAL
    assert "reused from an earlier run" in header.sentence


def test_a_reused_failure_is_a_no_go(tmp_path: Path) -> None:
    assert reused(tmp_path, fails=True).verdict is Verdict.NO_GO


GATES = st.builds(
    GateInput,
    check=st.sampled_from(["a.b", "a.c", "a.d", "twin"]),
    outcome=st.sampled_from(Outcome),
    gate=st.just(True),
    provenance=st.sampled_from(Provenance),
)


@given(st.lists(GATES, min_size=1, max_size=6), st.integers(min_value=0, max_value=5))
def test_no_set_of_results_with_a_reused_gate_is_a_go_and_none_is_better_for_it(gates: list[GateInput], place: int) -> None:
    taken = list(gates)
    taken[place % len(taken)] = replace(taken[place % len(taken)], is_reused=True)
    order = list(Verdict)
    before, after = decide(gates, twin_proof="twin"), decide(taken, twin_proof="twin")
    assert after not in (Verdict.GO, Verdict.REHEARSED)
    assert order.index(after) >= order.index(before)


def test_what_was_reused_on_staging_proves_nothing_for_production(tmp_path: Path) -> None:
    line = next(line for line in world(tmp_path).lines if line.task == "rls")
    live = line.model_copy(update={"provenance": Provenance.LIVE})
    assert is_proved(live)
    assert not is_proved(live.model_copy(update={"reused_from": FOUND}))


def test_the_manifest_tells_later_runs_what_this_one_rested_on_and_nothing_of_one_that_leaks(tmp_path: Path) -> None:
    report = reused(tmp_path)
    known = replace(report, outcome=replace(report.outcome, inputs={"rls": "abc"}))
    assert (about_run(known)["inputs"], about_run(known)["tasks"]) == ({"rls": "abc"}, list(report.run.tasks))
    leaking = replace(known, outcome=replace(known.outcome, leaks=("rls.html",)))
    assert about_run(leaking)["inputs"] == {}


def test_a_task_that_did_not_look_has_no_place_on_the_runs_timeline(tmp_path: Path) -> None:
    report = reused(tmp_path)
    titles = {row["task"] for row in task_spans(TASKS, report.lines)}
    assert {"Seed fixtures", "Row level security"}.isdisjoint(titles)
    assert "Migrations" in titles
    words = {row["task"]: row["result"] for row in task_rows(TASKS, report.lines)}
    assert (words["Seed fixtures"], words["Migrations"]) == ("passed (reused)", "passed")


def test_the_oldest_look_gives_the_age_and_every_run_is_named(tmp_path: Path) -> None:
    lines: list[EvidenceLine] = [line for line in world(tmp_path).lines if line.task == "rls"][:2]
    other = ReusedFrom(run_id="20261126T080000Z-aaaa", looked_at=AT - timedelta(hours=5))
    told = [lines[0].model_copy(update={"reused_from": FOUND}), lines[1].model_copy(update={"reused_from": other})]
    assert describe_reused(told, AT) == f"looked at in run {RUN}, {other.run_id}, 5 h 00 min ago"
    assert describe_reused(lines, AT) == ""
    assert tell_reused(lines[0], AT) == lines[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, ""), ({"A": "x", "B": "x", "C": "y"}, "A, B: x; C: y")],
)
def test_tasks_of_one_source_are_named_together(given: dict[str, str], said: str) -> None:
    assert name_reused(given) == said


def test_hostile_ids_do_no_harm(tmp_path: Path) -> None:
    said: dict[str, Any] = {"run_id": "<script>alert(1)</script>", "looked_at": AT}
    first = world(tmp_path)
    lines = [line.model_copy(update={"reused_from": ReusedFrom(**said)}) for line in first.lines]
    report = report_run(first.run, TASKS, lines, first.outcome)
    assert "<script>alert(1)" not in render_index(None, summarize_run(report))
    assert "<script>alert(1)" not in format_summary(report)
