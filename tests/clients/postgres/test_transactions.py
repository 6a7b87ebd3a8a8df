"""What a file's own words do to the transaction that it is run in."""

from __future__ import annotations

import pytest

from lib.clients.postgres.statements import split_statements
from lib.clients.postgres.transactions import find_escape, leave_out_own


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("begin; select 1; rollback;", ["select 1"]),
        ("select 1; begin work; select 2; commit", ["select 1", "select 2"]),
        ("start transaction; select 1", ["select 1"]),
        ("savepoint a; select 1; rollback to a", ["savepoint a", "select 1", "rollback to a"]),
        ("select 1; rollback prepared 'x'", ["select 1", "rollback prepared 'x'"]),
        ("rollback", []),
        ("", []),
    ],
)
def test_only_its_own_beginning_and_ending_are_left_out(text: str, kept: list[str]) -> None:
    assert [one.text for one in leave_out_own(split_statements(text))] == kept


@pytest.mark.parametrize(
    ("text", "may_keep", "escape"),
    [
        ("begin; select 1; rollback;", False, None),
        ("begin; select 1; commit;", True, None),
        ("begin; select 1;\ncommit;", False, "line 2 has COMMIT, which would keep what it did"),
        ("begin; commit; select 1", True, "line 1 has COMMIT, which would keep what it did"),
        ("rollback; select 1", True, "statements follow the ROLLBACK of line 1, outside any transaction"),
        ("abort and chain; select 1", False, "statements follow the ABORT of line 1, outside any transaction"),
        ("prepare transaction 'x'", True, "line 1 has PREPARE TRANSACTION, which would keep what it did"),
        ("prepare p as select 1; commit prepared 'x'; rollback work to savepoint a; select 1", False, None),
    ],
)
def test_every_way_out_is_named(text: str, may_keep: bool, escape: str | None) -> None:
    assert find_escape(split_statements(text), may_keep=may_keep) == escape
