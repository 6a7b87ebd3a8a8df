"""Pages and the terminal say which results keep a run from a better verdict, and when no result does."""

from __future__ import annotations

from pathlib import Path

from lib.core.flips import Flip
from lib.core.results import Outcome, SkipReason
from lib.core.verdict import Verdict
from lib.reporters.first_screen import first_screen
from lib.reporters.html.render import render_index
from lib.reporters.nearness import describe_flips, name_sets
from lib.reporters.pages import summarize_run
from lib.reporters.terminal import format_verdict
from tests.support.report_worlds import GATE, OTHER_GATE, red, result, world

PARTLY = Flip(verdict=Verdict.GO, sets=(frozenset({"a", "b"}), frozenset({"a", "c"})))


def test_what_would_make_a_red_run_better_is_on_page_and_terminal(tmp_path: Path) -> None:
    run = red(tmp_path)
    near = describe_flips(run.flips, run.verdict)[0]
    assert near == f"1 result from BLOCKED: {GATE}."
    assert set(first_screen(run).nearness) == {*describe_flips(run.flips, run.verdict)}
    assert near in format_verdict(run, exit_code=1)
    assert near in render_index(None, summarize_run(run))


def test_two_results_from_go(tmp_path: Path) -> None:
    said = {
        GATE: result(GATE, Outcome.FAIL, detail="off"),
        OTHER_GATE: result(OTHER_GATE, Outcome.SKIP, skipped_because=SkipReason.NOT_ALLOWED),
    }
    run = world(tmp_path, said)
    assert run.verdict is Verdict.NO_GO
    ends = [(flip.verdict, flip.sets) for flip in run.flips if flip.size <= 2]
    assert (Verdict.PARTIAL, (frozenset({GATE}),)) in ends
    assert any(sets == (frozenset({GATE, OTHER_GATE}),) for _, sets in ends)


def test_a_go_is_near_nothing_and_a_partial_run_says_that_no_result_helps() -> None:
    assert describe_flips((), Verdict.GO) == []
    assert describe_flips((), Verdict.PARTIAL)[-1].startswith("No result alone leads to GO")


def test_of_several_sets_what_they_share_comes_first() -> None:
    assert name_sets(PARTLY) == "a and any 1 of b and c"
