"""Faults are made for a bounded time, remembered, and weigh a pass; a look that breaks on a copy breaks nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import TargetError
from lib.core.faults import End, KillRate
from lib.core.results import Check, Findings, Outcome, Provenance, look
from lib.evidence.fault_log import read_trials
from lib.notebook.proving import Proving, weigh
from lib.notebook.session import TaskSession
from lib.notebook.trying import CONTROL, UNLIKE
from lib.tasks.base import Task
from lib.tasks.faults import Fault, Faults, Operator, Scene
from lib.transport.context import Context
from tests.support.faults import make_run

LIMIT = Check("rls.limit", "The number is small", subject="run")
ADVICE = Check("rls.advice", "The number is even", subject="run", gate=False)


@look(LIMIT, ADVICE)
def look_at_number(context: Any, *, number: int) -> Findings[int]:
    """A number."""
    if number == 13:
        raise ValueError("a bug of ours")
    if number == 12:
        raise TargetError("It can't be looked at.")
    return Findings(results=[LIMIT.judge(holds=number < 10), ADVICE.judge(holds=number % 2 == 0)], facts=number)


def becoming(number: int, place: str = "") -> Fault:
    @contextmanager
    def make(scene: Scene) -> Iterator[Scene]:
        if number < 0:
            raise TargetError("It can't be made.")
        yield replace(scene, arguments={"number": number})

    return Fault(place=place or f"becomes {number}", make=make)


def kind(name: str, check: Check, *numbers: int, is_harmless: bool = False, move: str = "") -> Operator:
    def faults(scene: Scene) -> Iterable[Fault]:
        return [becoming(number) for number in numbers]

    return Operator(name=name, check=check, look=look_at_number, faults=faults, is_harmless=is_harmless, move=move)


def prove(folder: Path, *operators: Operator, number: int = 2, **given: Any) -> tuple[dict[str, KillRate], Proving]:
    run = make_run(folder, **{"inputs": {"rls": "d"}, **given})
    a_kind_s = run.kill_rate_s / max(len(operators), 1)
    faults = Faults(operators=operators)
    proving = Proving(run=run, task="rls", faults=faults, a_kind_s=a_kind_s, floor=run.kill_rate_floor)
    proving.waiting = {look_at_number.name}
    context: Context[Any] = Context.__new__(Context)
    object.__setattr__(context, "settings", None)
    found = look_at_number.attempt(context, number=number)
    return proving.prove(look_at_number, context, {"number": number}, found), proving


def ends(folder: Path) -> dict[str, End]:
    return {one.key: one.end for one in read_trials(folder / "run_folder")}


def test_each_fault_ends_as_the_look_says(tmp_path: Path) -> None:
    rates, _ = prove(
        tmp_path,
        kind("grows", LIMIT, 20, 21, 4, 12, 13, -1, move="a bound"),
        kind("odd", ADVICE, 3),
        kind("even", LIMIT, 4, 11, is_harmless=True),
    )
    assert ends(tmp_path) == {
        f"{CONTROL} · a copy as it is": End.QUIET,
        "grows · becomes 20": End.FOUND,
        "grows · becomes 21": End.FOUND,
        "grows · becomes 4": End.MISSED,
        "grows · becomes 12": End.FOUND,
        "grows · becomes 13": End.MISSED,
        "grows · becomes -1": End.NOT_MADE,
        "odd · becomes 3": End.FOUND,
        "even · becomes 4": End.QUIET,
        "even · becomes 11": End.FALSE_ALARM,
    }
    assert (rates[LIMIT.id].tried, rates[LIMIT.id].found, rates[LIMIT.id].harmless) == (5, 3, 3)
    assert rates[ADVICE.id].words == "1 of 1 fault found"
    broke = next(one for one in read_trials(tmp_path / "run_folder") if one.place == "becomes 13")
    assert (broke.said, broke.move) == ("The look broke: ValueError: a bug of ours", "a bound")


def test_nothing_is_proved_of_a_check_that_did_not_pass(tmp_path: Path) -> None:
    rates, _ = prove(tmp_path, kind("grows", LIMIT, 20), number=11)
    assert rates == {} and ends(tmp_path) == {}


def test_no_time_means_no_fault_and_says_how_many_are_left(tmp_path: Path) -> None:
    rates, _ = prove(tmp_path, kind("grows", LIMIT, 20, 21), kind_even := kind("even", LIMIT, 4, is_harmless=True), kill_rate_s=0)
    assert kind_even.is_harmless and ends(tmp_path) == {}
    assert rates[LIMIT.id] == KillRate(untried=2)


def test_what_was_tried_is_remembered_while_nothing_changes(tmp_path: Path) -> None:
    prove(tmp_path, kind("grows", LIMIT, 20, 4))
    (tmp_path / "run_folder" / "faults.jsonl").unlink()
    rates, _ = prove(tmp_path, kind("grows", LIMIT, 20, 4), kill_rate_s=0, run_id="20261126T100000Z-next")
    assert rates[LIMIT.id].words == "1 of 2 faults found"
    assert {one.run_id for one in read_trials(tmp_path / "run_folder")} == {"20261126T090000Z-abcd"}
    rates, _ = prove(tmp_path, kind("grows", LIMIT, 20, 4), kill_rate_s=0, inputs={"rls": "another digest"})
    assert rates[LIMIT.id].tried == 0


def test_what_may_come_out_otherwise_next_time_is_not_remembered(tmp_path: Path) -> None:
    prove(tmp_path, kind("grows", LIMIT, 20, 12, -1))
    (tmp_path / "run_folder" / "faults.jsonl").unlink()
    rates, _ = prove(tmp_path, kind("grows", LIMIT, 20, 12, -1), kill_rate_s=0)
    assert (rates[LIMIT.id].tried, rates[LIMIT.id].untried) == (1, 2)


def test_a_look_that_comes_out_otherwise_on_a_copy_proves_nothing(tmp_path: Path) -> None:
    calls: list[int] = []

    @look(LIMIT)
    def look_at_place(context: Any, *, number: int = 0) -> Findings[None]:
        """A place that is not the same twice."""
        calls.append(1)
        return Findings(results=[LIMIT.judge(holds=len(calls) == 1)])

    operator = Operator(name="grows", check=LIMIT, look=look_at_place, faults=lambda _: [becoming(20), becoming(21)])
    run = make_run(tmp_path)
    faults = Faults(operators=(operator,))
    proving = Proving(run=run, task="rls", faults=faults, floor=0.9, waiting={look_at_place.name}, a_kind_s=60)
    context: Context[Any] = Context.__new__(Context)
    object.__setattr__(context, "settings", None)
    rates = proving.prove(look_at_place, context, {}, look_at_place.attempt(context))
    assert sorted(ends(tmp_path).values()) == [End.FALSE_ALARM, End.NOT_MADE]
    assert ends(tmp_path)[f"{CONTROL} · a copy as it is"] is End.FALSE_ALARM
    assert (rates[LIMIT.id].tried, rates[LIMIT.id].untried) == (0, 1)
    assert next(one for one in read_trials(tmp_path / "run_folder") if one.end is End.NOT_MADE).said == UNLIKE


def test_a_target_that_is_gone_meanwhile_proves_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    def gone(scene: Scene) -> Iterable[str]:
        raise TargetError("It is gone.")

    run = make_run(tmp_path)
    faults = Faults(operators=(kind("grows", LIMIT, 20),), subject=gone)
    context: Context[Any] = Context.__new__(Context)
    object.__setattr__(context, "settings", None)
    proving = Proving(run=run, task="rls", faults=faults, a_kind_s=60)
    rates = proving.prove(look_at_number, context, {"number": 2}, look_at_number.attempt(context, number=2))
    assert rates == {LIMIT.id: KillRate()} and ends(tmp_path) == {}


def test_a_gate_that_finds_too_little_is_an_error_and_an_advisory_is_not() -> None:
    weak, strong = KillRate(tried=10, found=8, missed=("a", "b")), KillRate(tried=10, found=9, missed=("a",))
    result = weigh(LIMIT.passed(observed=3), LIMIT, weak, 0.9)
    assert (result.outcome, result.observed) == (Outcome.ERROR, 3)
    assert result.detail == "This pass proves little: 8 of 10 faults found, where 90% must be. Missed: a and b."
    assert weigh(LIMIT.passed(), LIMIT, strong, 0.9).outcome is Outcome.PASS
    assert weigh(ADVICE.passed(), ADVICE, weak, 0.9).outcome is Outcome.PASS
    assert weigh(LIMIT.failed(), LIMIT, weak, 0.9).outcome is Outcome.FAIL
    assert weigh(LIMIT.passed(), LIMIT, None, 0.9).outcome is Outcome.PASS


def test_an_operator_names_a_check_of_its_look() -> None:
    with pytest.raises(ValueError, match=r"gives no result for rls\.other"):
        kind("odd", Check("rls.other", "Other", subject="run"), 3)


def test_results_are_kept_before_their_faults_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, provenances={"run": Provenance.LIVE})
    run = run.model_copy(update={"spare": tmp_path / "spare.jsonl", "events": tmp_path / "events.jsonl"})
    task = Task(name="rls", title="RLS", notebook="02_rls.ipynb", checks=(LIMIT, ADVICE))
    context: Context[Any] = Context.__new__(Context)
    for name, value in {"settings": None, "embedded": (), "not_applicable": {}}.items():
        object.__setattr__(context, name, value)
    session = TaskSession(task, run, context)
    session.proving = Proving(run=run, task="rls", faults=Faults(operators=(kind("too large", LIMIT, 20),)))

    def be_killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session.proving, "prove", be_killed)
    with pytest.raises(KeyboardInterrupt):
        session.look(look_at_number, number=2)
    assert {one.check: one.result for one in run.read_log().lines} == {LIMIT.id: Outcome.PASS, ADVICE.id: Outcome.PASS}
