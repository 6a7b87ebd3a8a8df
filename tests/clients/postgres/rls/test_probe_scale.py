"""A matrix of hundreds of tables: the same answers however many attempts are made at once, each round trip bounded."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.pq import Trace

from lib.clients.postgres.rls import session as probe_session
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import NOTES, apply, roles, section


@pytest.fixture
def notes(hosted_database: Database) -> Database:
    apply(hosted_database, NOTES)
    return hosted_database


def run(database: Database, rls: Rls, monkeypatch: pytest.MonkeyPatch, at_once: int) -> tuple[list[Any], int, int]:
    """Return the cells, how many attempts were made, and how many round trips they took."""
    made = {"attempts": 0, "trips": 0}
    wrap = probe_session.Jsonb

    def count(value: Any) -> Any:
        if isinstance(value, list):
            made["attempts"] += len(value)
            made["trips"] += 1
        return wrap(value)

    monkeypatch.setattr(probe_session, "Jsonb", count)
    monkeypatch.setattr(probe_session, "BATCH", at_once)
    return observe_matrix(database, rls), made["attempts"], made["trips"]


def test_one_by_one_and_all_at_once_are_the_same(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rls = section()
    with monkeypatch.context() as patch:
        whole, attempts, trips = run(notes, rls, patch, 10_000)
    assert trips == 4 and attempts > 20  # may it be tried at all, and the three rounds
    for at_once in (1, 7):
        with monkeypatch.context() as patch:
            cells, again, more = run(notes, rls, patch, at_once)
        assert (cells, again) == (whole, attempts)
        assert more <= math.ceil(attempts / at_once) + 3


def count_syncs(monkeypatch: pytest.MonkeyPatch, database: Database, rls: Rls, log: Path) -> tuple[list[Any], int]:
    """Return the cells, and how often the client waited for the server once it was connected."""
    connect = Database.open
    with log.open("wb") as told, monkeypatch.context() as patch:

        def trace(self: Database) -> Any:
            connection = connect(self)
            connection.pgconn.trace(told.fileno())
            connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            return connection

        patch.setattr(Database, "open", trace)
        cells = observe_matrix(database, rls)
    asked = [line.split("\t") for line in log.read_text(errors="replace").splitlines() if line.startswith("F\t")]
    return cells, sum(line[2].startswith(("Sync", "Query")) for line in asked)


@pytest.mark.skipif(sys.platform != "linux", reason="libpq tells what it sends on Linux only")
def test_the_round_trips_do_not_grow_with_the_matrix(notes: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [f"public.more_{number}" for number in range(40)]
    apply(notes, *(NOTES.replace("public.notes", name).replace("notes_", "more_") for name in names))
    many = section(scopes={name: {"own": "owner = :uid"} for name in names}, matrix={name: roles() for name in names})
    few, trips = count_syncs(monkeypatch, notes, section(), tmp_path / "few.txt")
    cells, more = count_syncs(monkeypatch, notes, many, tmp_path / "many.txt")
    assert {cell.outcome for cell in [*few, *cells]} == {Outcome.PASS} and len(cells) == 40 * 12
    # The transaction with the catalogue and what the identities may be, and three rounds of trials, the last with the end.
    assert trips == more == 4
