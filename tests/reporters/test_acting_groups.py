"""Each cause once, with all that waits for it, worst first, whatever a run came to."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Outcome, Provenance
from lib.evidence.log import EvidenceLine
from lib.reporters.acting import group_causes

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def line(check: str, result: Outcome = Outcome.ERROR, detail: str = "", fix: str = "", *, gate: bool = True) -> EvidenceLine:
    return EvidenceLine(
        run_id="r",
        environment="local",
        task=check.partition(".")[0],
        check=check,
        result=result,
        gate=gate,
        provenance=Provenance.EMBEDDED,
        detail=detail,
        fix=(fix,) if fix else (),
        started_at=NOW,
        duration_s=1,
    )


def told(*lines: EvidenceLine) -> list[tuple[str, list[str]]]:
    return [(own[0].check, sorted([*(other.check for other in own[1:]), *waiting])) for own, waiting in group_causes(lines)]


def test_what_names_another_check_waits_for_it_through_every_step() -> None:
    lines = (
        line("seed.counts", detail="See seed.applied and fix that first."),
        line("seed.applied", detail="needs migrations.pushed, which did not pass"),
        line("migrations.pushed", Outcome.FAIL, "relation exists"),
        line("alerts.rules", Outcome.FAIL, "line 3"),
    )
    assert told(*lines) == [("migrations.pushed", ["seed.applied", "seed.counts"]), ("alerts.rules", [])]


def test_one_reason_of_many_checks_is_one_cause_across_tasks() -> None:
    reason = "STAGING_DATABASE_URL is not set."
    lines = [line(name, detail=reason) for name in ("rls.a", "rls.b", "seed.a")]
    assert told(*lines) == [("rls.a", ["rls.b", "seed.a"])]


def test_failures_of_one_task_with_the_same_words_are_one_cause_and_come_first() -> None:
    lines = [line("rls.a", detail="why"), line("rls.b", Outcome.FAIL, "why"), line("rls.c", Outcome.FAIL, "why")]
    assert told(*lines) == [("rls.b", ["rls.c"]), ("rls.a", [])]


def test_a_check_that_passed_or_only_advises_is_nobodys_cause() -> None:
    lines = (
        line("rls.a", detail="see rls.passed and rls.advice"),
        line("rls.passed", Outcome.PASS),
        line("rls.advice", Outcome.FAIL, gate=False),
    )
    assert told(*lines) == [("rls.a", ["rls.advice"])] or told(*lines) == [("rls.advice", ["rls.a"])]


def test_two_that_wait_for_each_other_are_both_told() -> None:
    found = told(line("rls.a", detail="see rls.b"), line("rls.b", detail="see rls.a"))
    assert {check for cause, waiting in found for check in (cause, *waiting)} == {"rls.a", "rls.b"}


NAMES = st.sampled_from([f"{task}.{check}" for task in ("rls", "seed", "alerts") for check in "abc"])
LINES = st.lists(
    st.builds(line, NAMES, st.sampled_from(Outcome), NAMES | st.sampled_from(["", "why"]), NAMES | st.just("")),
    unique_by=lambda one: one.check,
)


@given(LINES)
def test_every_gate_that_did_not_pass_is_told_exactly_once(lines: list[EvidenceLine]) -> None:
    told_of = sorted(check for own, waiting in group_causes(lines) for check in (*(one.check for one in own), *waiting))
    assert told_of == sorted(one.check for one in lines if one.result in (Outcome.FAIL, Outcome.ERROR))


def test_what_puts_more_at_risk_comes_first() -> None:
    tasks = ("guardrails", "alerts", "migrations", "rls", "a_task_of_their_own")
    lines = [line(f"{task}.a", Outcome.FAIL, task) for task in tasks]
    assert [own[0].task for own, _ in group_causes(lines)] == ["rls", "migrations", "alerts", "a_task_of_their_own", "guardrails"]
