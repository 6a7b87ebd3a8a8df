"""Each cause once, worst first, with what waits for it, who acts, and what to run then."""

from __future__ import annotations

from pathlib import Path

from lib.core.results import Outcome
from lib.reporters.acting import find_causes, root_of
from tests.support.report_worlds import ADVISORY, GATE, OTHER_GATE, red, result, world


def test_a_cause_is_told_once_with_what_waits_for_it(tmp_path: Path) -> None:
    first, second = find_causes(red(tmp_path))
    assert (first.first.check, first.waiting, first.owner) == (GATE, (OTHER_GATE,), "ana@example.com")
    assert (second.first.check, second.waiting, second.owner) == (ADVISORY, (), "@somebody")
    assert first.command.startswith("make readiness ENV=staging ONLY=rls PACK=")


def test_the_same_finding_of_several_checks_is_one_cause(tmp_path: Path) -> None:
    said = {
        name: result(name, Outcome.ERROR, detail="The server does not answer.") for name in (GATE, "rls.every_table_is_declared")
    }
    [one] = find_causes(world(tmp_path, said))
    assert {line.check for line in one.lines} == {GATE, "rls.every_table_is_declared"}


def test_what_repeats_another_finding_waits_for_it(tmp_path: Path) -> None:
    seen = "20260101000000_init.sql, line 2: relation public.nowhere does not exist."
    said = {
        GATE: result(GATE, Outcome.FAIL, detail=seen),
        OTHER_GATE: result(OTHER_GATE, Outcome.ERROR, detail=f"Not pushed: not every migration applied. {seen}"),
        "seed.checks_hold": result("seed.checks_hold", Outcome.FAIL, detail=f"Another finding. {seen}"),
    }
    causes = {one.first.check: one.waiting for one in find_causes(world(tmp_path, said))}
    assert causes == {GATE: (OTHER_GATE,), "seed.checks_hold": ()}, "what failed by itself is a cause of its own"


def test_an_undetermined_check_whose_cause_passed_is_a_cause_itself(tmp_path: Path) -> None:
    said = {OTHER_GATE: result(OTHER_GATE, Outcome.ERROR, detail="Not determined: needs seed.checks_hold, which did not pass.")}
    assert [one.first.check for one in find_causes(world(tmp_path, said))] == [OTHER_GATE]


def test_causes_in_a_circle_are_not_lost(tmp_path: Path) -> None:
    said = {
        GATE: result(GATE, Outcome.ERROR, detail="?", fix=(f"See {OTHER_GATE}.",)),
        OTHER_GATE: result(OTHER_GATE, Outcome.ERROR, detail="?", fix=(f"See {GATE}.",)),
    }
    [one] = find_causes(world(tmp_path, said))
    assert {one.first.check, *one.waiting} == {GATE, OTHER_GATE}
    assert root_of("a", {"a": "b", "b": "c", "c": "b"}) == "b"


def test_a_waived_failure_comes_last_and_a_green_run_has_no_cause(tmp_path: Path) -> None:
    said = {name: result(name, Outcome.FAIL, detail=name) for name in (GATE, ADVISORY)}
    assert [one.first.check for one in find_causes(world(tmp_path, said, waived=GATE))] == [ADVISORY, GATE]
    assert find_causes(world(tmp_path / "green")) == ()


def test_a_run_that_was_cut_off_is_to_be_finished(tmp_path: Path) -> None:
    first = find_causes(red(tmp_path, outcome={"finished": False}))[0]
    assert first.command == "make resume RUN=20261126T120000Z-aaaa"
