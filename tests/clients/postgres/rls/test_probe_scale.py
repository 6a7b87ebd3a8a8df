"""A matrix of hundreds of tables: the same answers however many attempts are made at once, each round trip bounded."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lib.clients.postgres.rls import session as probe_session
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.probe import observe_matrix
from lib.transport.database import Database
from tests.support.rls_samples import NOTES, apply, section


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
