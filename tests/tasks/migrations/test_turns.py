"""Turns: what is timed has the server to itself, whatever else goes on beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from lib.tasks.migrations.turns import Turns

ANSWER_S = 30
"""Seconds after which a thread that never comes is given up; nothing here waits so long when it works."""


def enter(turn: Callable[[], object], entered: threading.Event, leave: threading.Event) -> None:
    with turn():  # type: ignore[attr-defined]
        entered.set()
        assert leave.wait(ANSWER_S)


def test_shared_turns_are_held_beside_each_other() -> None:
    turns, both = Turns(), threading.Barrier(2, timeout=ANSWER_S)

    def hold() -> None:
        with turns.shared():
            both.wait()

    with ThreadPoolExecutor(2) as executor:
        for future in [executor.submit(hold) for _ in range(2)]:
            future.result(ANSWER_S)


def test_nobody_is_beside_who_is_alone() -> None:
    turns, counts, most = Turns(), {"shared": 0, "alone": 0}, []
    guard = threading.Lock()

    def hold(kind: str) -> None:
        for _ in range(200):
            with getattr(turns, kind)():
                with guard:
                    counts[kind] += 1
                    most.append(dict(counts))
                with guard:
                    counts[kind] -= 1

    with ThreadPoolExecutor(4) as executor:
        for future in [executor.submit(hold, kind) for kind in ("shared", "alone") * 2]:
            future.result(ANSWER_S)
    assert len(most) == 800
    assert all(one["alone"] + min(one["shared"], 1) == 1 for one in most)


def test_who_waits_to_be_alone_goes_before_later_shared_turns() -> None:
    turns, order = Turns(), []
    held, leave = threading.Event(), threading.Event()

    def ask(kind: str) -> None:
        with getattr(turns, kind)():
            order.append(kind)

    with ThreadPoolExecutor(3) as executor:
        futures: list[Future[None]] = [executor.submit(enter, turns.shared, held, leave)]
        assert held.wait(ANSWER_S)
        futures.append(executor.submit(ask, "alone"))
        while not turns._waiting:
            threading.Event().wait(0.001)
        futures.append(executor.submit(ask, "shared"))
        leave.set()
        for future in futures:
            future.result(ANSWER_S)
    assert order == ["alone", "shared"]


def test_after_the_end_a_turn_is_only_given_to_tidy_up() -> None:
    turns = Turns()
    turns.end()
    for turn in (turns.shared, turns.alone):
        with pytest.raises(CancelledError), turn():
            raise AssertionError("it was given a turn")
    with turns.shared(even_after_end=True):
        pass


def test_who_waits_at_the_end_is_let_go() -> None:
    turns, held, leave = Turns(), threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as executor:
        first = executor.submit(enter, turns.shared, held, leave)
        assert held.wait(ANSWER_S)
        second = executor.submit(enter, turns.alone, threading.Event(), leave)
        turns.end()
        with pytest.raises(CancelledError):
            second.result(ANSWER_S)
        leave.set()
        first.result(ANSWER_S)
