"""One suite a task, one case a check; red exactly when the verdict is; every text stands in it whole and harmless."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.core.launch_items import ByHand, LaunchItem
from lib.core.results import Outcome, SkipReason
from lib.core.verdict import Verdict
from lib.reporters.junit import clean, format_junit
from lib.reporters.report import RunReport
from lib.tasks.index import TASKS
from tests.support.report_worlds import ADVISORY, GATE, HOSTILE, MIGRATION, OTHER_GATE, red, result, world


def read(report: RunReport) -> Any:
    return ElementTree.fromstring(format_junit(report))


def case(root: Any, check: str) -> Any:
    [found] = [one for one in root.iter("testcase") if one.get("name") == check]
    return found


def test_a_suite_a_task_in_order_and_a_case_a_check(tmp_path: Path) -> None:
    root = read(world(tmp_path))
    assert [suite.get("name") for suite in root] == [task.notebook.partition("_")[2].removesuffix(".ipynb") for task in
                                                     sorted(TASKS, key=lambda task: task.notebook)]  # fmt: skip
    assert {one.get("name") for one in root.iter("testcase")} == {check.id for task in TASKS for check in task.checks}
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    assert root.get("tests") == str(sum(len(task.checks) for task in TASKS))
    assert root.find("testsuite[@name='rls']").get("time") == "17.400"


def test_results_are_told_apart(tmp_path: Path) -> None:
    root = read(red(tmp_path))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("1", "1", "2")
    failed = case(root, GATE)
    assert failed.find("failure").text.endswith("Fix: revoke it;")
    assert (failed.get("file"), failed.get("line"), failed.get("classname")) == (MIGRATION, "1", "rls")
    assert failed.find("properties/property[@name='page']").get("value") == f"rls.html#{GATE}"
    assert case(root, OTHER_GATE).find("error") is not None
    assert "advisory" in case(root, ADVISORY).find("skipped").get("message")
    assert case(root, "seed.checks_hold").find("skipped").get("message").endswith("nothing to do. Nothing to do.")


def test_a_waived_gate_is_no_failure(tmp_path: Path) -> None:
    root = read(world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="known")}, waived=GATE))
    assert root.get("failures") == "0"
    assert case(root, GATE).find("skipped").get("message").startswith("(waived)")


def test_items_that_no_check_proves_are_skipped_in_a_suite_of_their_own(tmp_path: Path) -> None:
    manual = LaunchItem(number=1, title=f"QA agrees {HOSTILE}", manual=ByHand(owner="ana@example.com", how="She signs"))
    others = LaunchItem(number=2, title="Told", not_ours="the web team tells it")
    proved = LaunchItem(number=3, title="Proved", checks=[GATE])
    root = read(world(tmp_path, launch_list=(manual, others, proved)))
    suite = root.find("testsuite[@name='launch_list']")
    said = {one.get("name"): one.find("skipped").get("message") for one in suite}
    assert said["item 1"].endswith(": by hand: ana@example.com. She signs.")
    assert said["item 2"] == "Told: not ours: the web team tells it."
    assert (suite.get("tests"), suite.get("skipped"), len(said)) == ("2", "2", 2)
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_an_unfinished_run_is_red_though_every_check_passed(tmp_path: Path) -> None:
    root = read(world(tmp_path, outcome={"finished": False}))
    assert case(root, "verdict").find("error").get("message").startswith("BLOCKED: No verdict: the run did not come to its end")
    assert root.find("testsuite/properties/property[@name='unfinished']") is not None


CHECKS = [check.id for task in TASKS for check in task.checks]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    said=st.dictionaries(st.sampled_from(CHECKS), st.sampled_from(Outcome), max_size=6),
    reason=st.sampled_from(SkipReason),
    finished=st.booleans(),
    partial=st.booleans(),
    see=st.sampled_from([None, GATE]),
)
def test_it_is_red_exactly_when_the_verdict_is(
    tmp_path_factory: pytest.TempPathFactory,
    said: dict[str, Outcome],
    reason: SkipReason,
    finished: bool,
    partial: bool,
    see: str | None,
) -> None:
    results = {
        check: result(check, one, detail="x", **({"skipped_because": reason, "see": see} if one is Outcome.SKIP else {}))
        for check, one in said.items()
    }
    report = world(tmp_path_factory.mktemp("world"), results, outcome={"finished": finished, "partial": partial})
    root = read(report)
    is_red = root.get("failures") != "0" or root.get("errors") != "0"
    assert is_red == (report.verdict in (Verdict.NO_GO, Verdict.BLOCKED))
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))


def test_hostile_text_is_harmless(tmp_path: Path) -> None:
    root = read(red(tmp_path))
    said = case(root, ADVISORY).find("system-out").text
    assert "\x1b" not in said and "\\x1b[2J" in said and "<script>" in said


@given(st.text())
def test_every_text_is_xml(text: str) -> None:
    element = ElementTree.Element("x", name=clean(text))
    element.text = clean(text)
    ElementTree.fromstring(ElementTree.tostring(element))


def test_a_bell_and_a_noncharacter_are_shown_as_escapes() -> None:
    assert clean(f"a\x07b\ufffe{HOSTILE[:1]}") == "a\\x07b\\ufffex"
