"""A statement is one message and has one limit."""

from __future__ import annotations

import psycopg
import pytest

from lib.clients.postgres.bounded import KEPT_BYTES, Limit, StatementTimeout, run_statement
from lib.transport.database import Database


def run(database: Database, *statements: str, timeout_s: float = 30) -> list[str]:
    with database.connect(autocommit=True) as connection:
        limit = Limit.after(database, timeout_s)
        return [run_statement(connection, one, limit=limit) for one in statements][-1]


def test_rows_of_one_column_come_back_as_text(hosted_database: Database) -> None:
    assert run(hosted_database, "select unnest(array['a', null, E'b\\nc'])") == ["a", "b\nc"]
    assert run(hosted_database, "select 1, 'a'") == []
    assert run(hosted_database, "create table public.t (a int)") == []
    assert run(hosted_database, "") == []


def test_two_statements_in_one_message_are_refused(hosted_database: Database) -> None:
    with pytest.raises(psycopg.errors.SyntaxError, match="multiple commands"):
        run_raw(hosted_database, "select 1; commit")


def run_raw(database: Database, statement: str) -> None:
    with database.open() as connection:
        run_statement(connection, statement, limit=Limit.after(database, 30))


def test_data_for_a_client_is_neither_sent_nor_kept(hosted_database: Database) -> None:
    with hosted_database.open() as connection:
        limit = Limit.after(hosted_database, 30)
        run_statement(connection, "create temp table t (a text)", limit=limit)
        with pytest.raises(psycopg.Error, match="no client that could send"):
            run_statement(connection, "copy t from stdin", limit=limit)
        assert run_statement(connection, "copy (select generate_series(1, 20000)) to stdout", limit=limit) == []
        assert run_statement(connection, "select 'still there'", limit=limit) == ["still there"]


def test_an_answer_is_kept_up_to_a_limit(hosted_database: Database) -> None:
    texts = run(hosted_database, "select repeat('x', 1000000) from generate_series(1, 12)")
    assert KEPT_BYTES <= sum(map(len, texts)) < KEPT_BYTES + 1_000_001


def test_a_statement_that_will_not_end_loses_its_session(hosted_database: Database) -> None:
    stubborn = "do $$ begin loop begin perform pg_sleep(9); exception when query_canceled then null; end; end loop; end $$"
    with pytest.raises(StatementTimeout, match=r"did not end within 0\.2 s"):
        run(hosted_database, stubborn, timeout_s=0.2)
    left = "select count(*) from pg_stat_activity where query like 'do %query_canceled%' and datname = current_database()"
    assert hosted_database.value(left) == 0


def test_a_limit_is_for_all_that_is_run_under_it(hosted_database: Database) -> None:
    with pytest.raises(StatementTimeout):
        run(hosted_database, *["select pg_sleep(0.1)"] * 50, timeout_s=0.5)
