"""Two trials of one database stand in line: neither waits for rows that the other has made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import DictRow

from lib.clients.postgres.advisory_lock import TRY_TRIAL_LOCK, wait_for_trials
from lib.clients.postgres.rls import session as probe_session
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.errors import DatabaseError
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import ANA, NOTES, apply, section

STATEMENT_TIMEOUT_S = 0.6
HELD_S = 1.5
"""How long the first one keeps its rows: longer than any statement of the second may take."""


@pytest.fixture
def notes(hosted_database: Database) -> Database:
    apply(hosted_database, NOTES)
    return hosted_database


def observe_twice(database: Database) -> list[set[Outcome]]:
    """Observe one matrix in two threads, each with a made row of the same key, which is kept for a while."""
    has_begun = threading.Event()

    def prepare(connection: psycopg.Connection[DictRow]) -> None:
        connection.execute("insert into public.notes (id, owner, title) values (1000, %s, 'made')", [ANA])
        has_begun.set()
        time.sleep(HELD_S)

    rls = section(statement_timeout_s=STATEMENT_TIMEOUT_S)

    def observe(waits: bool) -> set[Outcome]:
        if waits:
            assert has_begun.wait(60)
        return {cell.outcome for cell in observe_matrix(database, rls, prepare=prepare)}

    with ThreadPoolExecutor(2) as pool:
        return [one.result() for one in [pool.submit(observe, waits) for waits in (False, True)]]


def test_two_trials_with_rows_of_one_key_both_succeed(notes: Database) -> None:
    assert observe_twice(notes) == [{Outcome.PASS}, {Outcome.PASS}]


def test_without_their_turns_one_of_them_is_stopped(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_session, "wait_for_trials", lambda begin: begin())
    with pytest.raises(DatabaseError) as stopped:
        observe_twice(notes)
    assert stopped.value.sqlstate == "57014"


def test_a_trial_that_never_ends_is_waited_for_so_long_and_no_longer(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_session, "wait_for_trials", lambda begin: wait_for_trials(begin, wait_s=0.2))
    with notes.connect() as other:
        assert (other.execute(TRY_TRIAL_LOCK).fetchone() or {})["taken"] == "true"
        assert {cell.outcome for cell in observe_matrix(notes, section())} == {Outcome.PASS}


def test_who_waits_reads_the_catalogue_no_more_often_however_long_it_takes(
    notes: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, reads, ask = 0, 0, probe_session.ask_catalogue

    def count(connection: psycopg.Connection[DictRow], rls: Rls) -> object:
        nonlocal reads
        reads += 1
        return ask(connection, rls)

    def wait(begin: Callable[[], bool]) -> bool:
        nonlocal tries
        with notes.connect() as other:
            other.execute(TRY_TRIAL_LOCK)
            for _ in range(5):
                assert not begin()
                tries += 1
        return begin()

    monkeypatch.setattr(probe_session, "ask_catalogue", count)
    monkeypatch.setattr(probe_session, "wait_for_trials", wait)
    assert {cell.outcome for cell in observe_matrix(notes, section())} == {Outcome.PASS}
    assert (tries, reads) == (5, 2)
