"""The server's life: it starts on loopback alone, keeps its passwords, and leaves nothing."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lib.core.errors import DatabaseError, WorkbookError
from lib.embedded.leftovers import has_ended, read_lease
from lib.embedded.ports import HOST, free_port
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.transport.database import Database

TOOLS = Path(__file__).resolve().parents[3] / ".tools"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Yield a port on which another program listens."""
    with socket.create_server((HOST, 0)) as other:
        yield other.getsockname()[1]


def server_process(server: EmbeddedPostgres) -> psutil.Process:
    lease = read_lease(server.state_dir)
    assert lease is not None
    assert lease.server_pid is not None
    return psutil.Process(lease.server_pid)


def password_of(url: str) -> str:
    password = Database(url).password
    assert password is not None
    return password


def test_server_is_postgresql_17_in_utc(postgres_server: EmbeddedPostgres) -> None:
    settings = postgres_server.database().rows(
        "select current_setting('server_version_num')::int / 10000 as major, current_setting('TimeZone') as zone"
    )
    assert settings == [{"major": 17, "zone": "UTC"}]


def test_server_listens_on_loopback_alone(postgres_server: EmbeddedPostgres) -> None:
    listening = [
        tuple(connection.laddr)
        for connection in server_process(postgres_server).net_connections(kind="all")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", postgres_server.port)]


def test_server_never_runs_as_root(postgres_server: EmbeddedPostgres) -> None:
    assert server_process(postgres_server).uids().effective != 0


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has in memory is read from /proc")
def test_shared_memory_lies_in_the_data_folder_and_goes_with_it(postgres_server: EmbeddedPostgres) -> None:
    mapped = {one.path for one in server_process(postgres_server).memory_maps()}
    assert any(Path(path).is_relative_to(postgres_server.data_dir.resolve()) for path in mapped)
    assert not [path for path in mapped if path.startswith("/dev/shm/PostgreSQL")]


def test_wrong_password_is_refused(postgres_server: EmbeddedPostgres) -> None:
    url = postgres_server.postgres_url.replace(password_of(postgres_server.postgres_url), "guessed")
    with pytest.raises(DatabaseError, match="password authentication failed"):
        Database(url).value("select 1")


def test_roles_have_different_passwords(postgres_server: EmbeddedPostgres) -> None:
    assert password_of(postgres_server.postgres_url) != password_of(postgres_server.superuser_url)


def test_passwords_stay_out_of_argv_log_repr_and_statistics(postgres_server: EmbeddedPostgres) -> None:
    admin = postgres_server.database(role="supabase_admin")
    statements = admin.rows("select query from extensions.pg_stat_statements")
    shown = " ".join(
        [
            *server_process(postgres_server).cmdline(),
            postgres_server.log_path.read_text(),
            repr(postgres_server),
            *(row["query"] for row in statements),
        ]
    )
    for url in (postgres_server.postgres_url, postgres_server.superuser_url):
        assert password_of(url) not in shown


def test_stopped_server_leaves_no_process_and_no_folder(base: Path) -> None:
    server = start_postgres(base / "one", tools=TOOLS)
    process = server_process(server)
    server.stop()
    server.stop()
    assert has_ended(process)
    assert list(base.iterdir()) == []


def test_open_sessions_do_not_hold_up_the_stop(base: Path) -> None:
    with start_postgres(base / "one", tools=TOOLS) as server:
        session = server.database().open()
        session.execute("create table kept_open (id int)")
    assert list(base.iterdir()) == []
    session.close()


def test_taken_port_is_tried_again_on_another(base: Path, taken_port: int) -> None:
    ports = iter([taken_port, taken_port, free_port()])
    with start_postgres(base / "one", tools=TOOLS, choose_port=lambda: next(ports)) as server:
        assert server.port != taken_port
        assert server.database().value("select 1") == 1


def test_server_without_any_port_says_so_and_leaves_nothing(base: Path, taken_port: int) -> None:
    with pytest.raises(WorkbookError, match="taken 5 times in a row"):
        start_postgres(base / "one", tools=TOOLS, choose_port=lambda: taken_port)
    assert list(base.iterdir()) == []


def test_folder_that_exists_is_not_taken_over(base: Path) -> None:
    (base / "one").mkdir()
    with pytest.raises(WorkbookError, match="File exists"):
        start_postgres(base / "one", tools=TOOLS)
    assert (base / "one").is_dir()


def test_missing_package_names_itself_and_the_next_move(base: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"@embedded-postgres-17/\S+ is not in .* Fix: Run `make setup`"):
        start_postgres(base / "one", tools=tmp_path)
    assert list(base.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_folder_closed_to_the_servers_user_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(WorkbookError, match=f"can't enter {tmp_path}"):
        start_postgres(tmp_path / "one", tools=TOOLS)
    assert list(tmp_path.iterdir()) == []


def test_databases_do_not_see_each_other(postgres_server: EmbeddedPostgres, hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create table public.only_here (id int)")
    other = postgres_server.create_hosted_database(f"{hosted_database.name}_other")
    assert other.value("select to_regclass('public.only_here')") is None
    postgres_server.drop_database(other.name)


def test_dropping_ends_sessions_and_may_be_repeated(postgres_server: EmbeddedPostgres) -> None:
    database = postgres_server.create_hosted_database("dropped_twice")
    session = database.open()
    postgres_server.drop_database(database.name)
    postgres_server.drop_database(database.name)
    session.close()
    with pytest.raises(DatabaseError, match="does not exist"):
        database.value("select 1")


@pytest.mark.parametrize("name", ["postgres", "template1", "hosted_template"])
def test_databases_the_server_stands_on_are_not_dropped(postgres_server: EmbeddedPostgres, name: str) -> None:
    with pytest.raises(WorkbookError, match="belongs to the embedded server"):
        postgres_server.drop_database(name)
