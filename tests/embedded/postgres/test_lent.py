"""One server for several stacks: each has a database that no other sees, and takes away what it made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.core.breakages import read_breakages
from lib.embedded.postgres.lent import PREFIX, Lent, LentPostgres
from lib.embedded.postgres.server import EmbeddedPostgres


@pytest.fixture
def lent(postgres_server: EmbeddedPostgres) -> Lent:
    return Lent.of(postgres_server)


@pytest.fixture
def stack(lent: Lent, tmp_path: Path) -> Iterator[LentPostgres]:
    with LentPostgres(lent, state_dir=tmp_path) as server:
        yield server


def names(server: EmbeddedPostgres) -> set[str]:
    return {row["datname"] for row in server.database("template1").rows("select datname from pg_catalog.pg_database")}


def test_two_stacks_do_not_see_each_other(lent: Lent, stack: LentPostgres, tmp_path: Path) -> None:
    with LentPostgres(lent, state_dir=tmp_path / "other") as other:
        for server in (stack, other):
            with server.database(server.own).connect() as connection:
                connection.execute("create table public.only_here (id int)")
            server.create_hosted_database("previous_schema")
        assert stack.postgres_url != other.postgres_url
        assert stack.superuser_url == other.superuser_url


def test_a_stack_takes_away_what_it_made_and_nothing_else(
    lent: Lent, postgres_server: EmbeddedPostgres, stack: LentPostgres, tmp_path: Path
) -> None:
    before = names(postgres_server)
    with LentPostgres(lent, state_dir=tmp_path / "other") as other:
        other.create_hosted_database("previous_schema")
        assert names(postgres_server) - before == {other.own, f"{other.own}_previous_schema"}
        other.drop_database("previous_schema")
        assert names(postgres_server) - before == {other.own}
    assert names(postgres_server) == before and stack.own in before


def test_a_prepared_database_is_started_from(stack: LentPostgres) -> None:
    name = f"prepared_test_{os.getpid()}"
    with stack.database(stack.own).connect() as connection:
        connection.execute("create table public.prepared (id int)")
    assert not stack.has_template(name)
    try:
        stack.keep_as(name)
        assert stack.has_template(name)
        with stack.database(stack.own).connect() as connection:
            connection.execute("drop table public.prepared")
        stack.start_from(name)
        assert stack.database(stack.own).value("select to_regclass('public.prepared') is not null") is True
    finally:
        EmbeddedPostgres.drop_database(stack, name)


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_has_stays(
    lent: Lent, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, mine = f"{PREFIX}_{ended.pid}_aa", f"{PREFIX}_{os.getpid()}_aa"
    for name in (left, mine):
        postgres_server.create_hosted_database(name)
    with LentPostgres(lent, state_dir=tmp_path):
        assert names(postgres_server) & {left, mine} == {mine}
    postgres_server.drop_database(mine)


def test_a_server_is_described_to_its_user_alone_and_no_longer_when_it_ended(lent: Lent, tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    assert Lent.read(path) is None
    lent.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Lent.read(path) == lent
    assert all(password not in repr(lent) for password in lent.passwords.values())
    for gone in ({"server_started": "another"}, {"holder_started": "another"}):
        replace(lent, **gone).write(path)
        assert Lent.read(path) is None
    path.write_text("{")
    assert Lent.read(path) is None


def test_a_server_that_ended_is_noted_for_the_looks(lent: Lent, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    stand_in = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with stand_in, LentPostgres(lent, state_dir=tmp_path) as server:
        server.lent = replace(lent, server_pid=stand_in.pid)
        stand_in.kill()
        stand_in.wait()
        server.watch_server()
        [note] = read_breakages(tmp_path / "work")
    assert note.is_final and note.target == "database"
