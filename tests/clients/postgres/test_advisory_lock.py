"""Two runs never change one target at the same time."""

from __future__ import annotations

import threading

import pytest

from lib.clients.postgres.advisory_lock import hold_run_lock
from lib.core.errors import TargetError
from lib.transport.database import Database


def test_the_second_run_refuses_and_names_the_first(hosted_database: Database) -> None:
    named = r"held by server process \d+ \(launch-readiness, since .* UTC\)"
    second = hold_run_lock(hosted_database, wait_s=0.05)
    with hold_run_lock(hosted_database, wait_s=1), pytest.raises(TargetError, match=named), second:
        pytest.fail("both hold it")


def test_the_second_run_goes_on_when_the_first_is_done(hosted_database: Database) -> None:
    first_holds, order = threading.Event(), []

    def run_first() -> None:
        with hold_run_lock(hosted_database, wait_s=1):
            first_holds.set()
            second_waits.wait(10)
            order.append("first")

    second_waits = threading.Event()
    first = threading.Thread(target=run_first)
    first.start()
    first_holds.wait(10)
    second_waits.set()
    with hold_run_lock(hosted_database, wait_s=20):
        order.append("second")
    first.join()
    assert order == ["first", "second"]


def test_the_lock_is_gone_with_whoever_held_it(hosted_database: Database) -> None:
    with pytest.raises(ZeroDivisionError), hold_run_lock(hosted_database, wait_s=1):
        raise ZeroDivisionError
    with hold_run_lock(hosted_database, wait_s=1) as waited:
        assert waited >= 0


def test_another_database_is_another_target(hosted_database: Database) -> None:
    with hold_run_lock(hosted_database, wait_s=1), hold_run_lock(hosted_database.named("postgres"), wait_s=0.05):
        pass
