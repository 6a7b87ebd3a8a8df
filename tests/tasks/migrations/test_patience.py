"""The lock_timeout under which a statement runs is read from the statements before it."""

from __future__ import annotations

import pytest

from lib.clients.postgres.statements import split_statements
from lib.tasks.migrations.patience import is_endless, read_patience, read_seconds

ALTER = "alter table t add column c int"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (ALTER, 0),
        (f"set local lock_timeout = '2s'; {ALTER}", 2),
        (f"SET lock_timeout TO 1500; {ALTER}", 1.5),
        (f"set session lock_timeout to '1min'; {ALTER}", 60),
        (f"select set_config('lock_timeout', '300ms', true); {ALTER}", 0.3),
        (f"select pg_catalog.set_config ( 'lock_timeout' , '4s', false); {ALTER}", 4),
        (f"set local /* why */ lock_timeout = '2s'; reset lock_timeout; {ALTER}", 0),
        (f"set lock_timeout = '2s'; reset all; {ALTER}", 0),
        (f"set lock_timeout = '2s'; set lock_timeout = 0; {ALTER}", 0),
        (f"set lock_timeout = default; {ALTER}", 0),
        (f"-- set lock_timeout = '2s';\n{ALTER}", 0),
        (f"select 'set lock_timeout = 2'; {ALTER}", 0),
        (f"set statement_timeout = '2s'; {ALTER}", 0),
    ],
)
def test_what_was_set_last_counts(text: str, seconds: float) -> None:
    statements = split_statements(text)
    assert read_patience(statements, len(statements) - 1) == pytest.approx(seconds)


def test_a_session_may_start_with_one() -> None:
    statements = split_statements(f"set lock_timeout = '9s'; reset lock_timeout; {ALTER}")
    assert [read_patience(statements, index, "5s") for index in range(3)] == [5, 9, 5]


def test_what_is_set_after_the_statement_does_not_count() -> None:
    assert read_patience(split_statements(f"{ALTER}; set lock_timeout = '2s'"), 0) == 0


@pytest.mark.parametrize(
    ("value", "endless"), [("0", True), ("2s", False), ("10s", False), ("11s", True), ("1h", True), ("x", True)]
)
def test_none_and_a_very_long_one_keep_everybody_waiting(value: str, endless: bool) -> None:
    assert is_endless(read_seconds(value)) is endless
