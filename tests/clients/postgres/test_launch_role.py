"""Nobody whom a project's SQL may become on a scratch server reaches this machine's files or programs, in any version."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lib.clients.postgres.bounded import Limit, run_statement
from lib.clients.postgres.fidelity import measure_fidelity
from lib.clients.postgres.launch_role import OWNER, WORKER, let_log_in, log_in_as, with_own_path
from lib.clients.postgres.twin import Twin, make_twin
from lib.core.errors import DatabaseError
from lib.embedded.postgres.server import SUPERUSER, EmbeddedPostgres, start_postgres
from lib.embedded.postgres.versions import MAJORS
from lib.embedded.state_folders import own_folder, state_base, temp_root
from lib.transport.database import Database

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    name = f"tests-{secrets.token_hex(4)}"
    with start_postgres(state_base(CHECKOUT) / name, tools=CHECKOUT / ".tools", major=request.param) as server:
        yield server


@pytest.fixture
def scratch(server: EmbeddedPostgres) -> Database:
    return server.database("postgres", role=SUPERUSER)


@pytest.fixture
def target(server: EmbeddedPostgres) -> Iterator[Database]:
    name = f"test_{secrets.token_hex(6)}"
    yield server.create_hosted_database(name)
    server.drop_database(name)


@pytest.fixture
def twin(server: EmbeddedPostgres, scratch: Database, target: Database, tmp_path: Path) -> Iterator[Twin]:
    with make_twin(
        target, scratch, schemas=["public"], postgres_bin=server.bin_dir, work=tmp_path, timeout_s=60, empty=True
    ) as twin:
        yield twin


def test_the_owners_password_is_hashed_as_often_as_any_driver_wants(scratch: Database, twin: Twin) -> None:
    hashed = {
        row["name"]: int(row["rounds"])
        for row in scratch.rows(
            "select rolname as name, split_part(split_part(rolpassword, '$', 2), chr(58), 1) as rounds "
            "from pg_catalog.pg_authid where rolpassword is not null"
        )
    }
    assert hashed["postgres"] == 4096
    assert hashed[WORKER] == hashed[SUPERUSER] == (4096 if scratch.value("show server_version_num") < "160000" else 1)


@pytest.fixture
def marked() -> Iterator[Path]:
    """Yield a folder in which the server's user may make files."""
    folder = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


WAYS_BACK = (
    "reset role",
    "reset session authorization",
    "set session authorization default",
    "set role none",
    "set local role none",
    "discard all",
    "reset all",
    "select set_config('role', 'none', false)",
)

RUNS = (
    "copy (select 1) to program 'touch {marker}'",
    "copy (select 1) to '{marker}'",
    "create table public.t (a text); copy public.t from program 'touch {marker}; echo 1'",
    "create table public.t (a text); copy public.t from '/etc/passwd'",
    "do $$ begin execute 'copy (select 1) to program ''touch {marker}'''; end $$",
    "select lo_export(lo_create(0), '{marker}')",
    "select lo_import('/etc/passwd')",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('postgresql.conf')",
    "select pg_ls_dir('/')",
    "select pg_stat_file('/etc/passwd')",
    "alter system set archive_command = 'touch {marker}'",
    "load '/tmp/x.so'",
    "create function public.f() returns int language c as '/tmp/x.so', 'f'",
    "create function public.f() returns int language internal as 'int4pl'",
    "create extension plpython3u",
    "create extension plperlu",
    "create extension file_fdw",
    "create extension adminpack",
    "create language plpython3u",
    "create extension dblink; select dblink_connect('host=127.0.0.1 port={port} dbname=postgres user=supabase_admin')",
    "create extension dblink; select dblink_connect('host=127.0.0.1 port={port} dbname=postgres')",
    "create extension dblink; select dblink_connect_u('host=127.0.0.1 port={port} dbname=postgres')",
    "create extension postgres_fdw; create server s foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{port}'); "
    "create user mapping for current_user server s options (user 'supabase_admin'); "
    "create foreign table public.f (a int) server s; select * from public.f",
    "set role supabase_admin",
    "set session authorization supabase_admin",
    "alter role supabase_admin password 'x'",
    "alter role postgres superuser",
    "create role x superuser",
    "grant supabase_admin to postgres",
    "grant pg_execute_server_program to postgres",
    "grant pg_write_server_files to postgres",
    "grant pg_read_server_files to postgres",
    "create role x in role pg_execute_server_program",
    "create role x login createrole; grant pg_write_server_files to x",
    "create role x admin postgres; set role x; grant pg_execute_server_program to x",
    "set role supabase_auth_admin; grant pg_execute_server_program to supabase_auth_admin",
    "grant pg_execute_server_program to launch_readiness_worker",
    "alter role pg_execute_server_program createrole",
    "update pg_catalog.pg_authid set rolsuper = true where rolname = 'postgres'",
    "insert into pg_catalog.pg_auth_members select * from pg_catalog.pg_auth_members",
    "set local session_preload_libraries = '/tmp/x'",
    "alter role postgres set session_preload_libraries = '/tmp/x'",
    "create tablespace t location '{folder}'",
    "select pg_reload_conf()",
)
"""Each would reach files or programs, or become somebody who does. `;` parts the statements of one attempt."""


def attempt(database: Database, text: str) -> str:
    """Run an attempt's statements in turn; return who the session is in the end, or what the server said."""
    with database.connect(autocommit=True) as connection:
        limit = Limit.after(database, 30)
        try:
            for statement in text.split("; "):
                run_statement(connection, statement, limit=limit)
        except psycopg.Error as exc:
            return str(exc.sqlstate)
        [row] = connection.execute("select rolsuper, current_user::text as who from pg_roles where rolname = current_user")
        return "superuser" if row["rolsuper"] else ""


def test_no_way_back_leads_to_a_superuser(twin: Twin) -> None:
    assert {way: attempt(twin.launcher, way) for way in WAYS_BACK if attempt(twin.launcher, way) == "superuser"} == {}
    with twin.connect_as_launcher() as connection:
        for way in WAYS_BACK:
            connection.execute(way)
        [row] = connection.execute("select current_user::text as who, session_user::text as session")
        assert row == {"who": "postgres", "session": "postgres"}


def test_nothing_reaches_files_programs_or_somebody_who_does(twin: Twin, marked: Path) -> None:
    marker = marked / "marker"
    assert attempt(twin.database, f"copy (select 1) to program 'touch {marker}'") == "superuser"
    assert marker.exists(), "a superuser of the scratch server could make it, so that it is not there means something"
    marker.unlink()
    done = {}
    for number, text in enumerate(RUNS):
        words = {"marker": marker, "folder": marked, "port": twin.database.port}
        for role in (twin.launcher, twin.worker) if number < 24 else (twin.launcher,):
            said = attempt(role, text.format(**words) if "$$" not in text else text.replace("{marker}", str(marker)))
            if said == "" or said == "superuser":
                done[f"{role.user}: {text}"] = said
            twin.database.rows("select 1")
            with twin.database.connect() as connection:
                connection.execute("drop table if exists public.t")
                connection.execute("drop extension if exists dblink, postgres_fdw cascade")
                connection.execute("drop role if exists x")
    assert done == {}
    assert list(marked.iterdir()) == []


def test_nobody_is_a_member_of_a_role_that_reaches_files(twin: Twin) -> None:
    reached = twin.database.rows(
        "select m.rolname::text as member, r.rolname::text as role from pg_catalog.pg_roles m, pg_catalog.pg_roles r "
        "where not m.rolsuper and (r.rolsuper or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', "
        "'pg_write_server_files')) and pg_has_role(m.oid, r.oid, 'member') and m.oid <> r.oid"
    )
    assert reached == []


def test_what_hosted_allows_is_allowed(twin: Twin) -> None:
    for text in (
        "set session_replication_role = replica",
        "create extension dblink",
        "create role x; alter role x createdb; drop role x",
    ):
        assert attempt(twin.launcher, text) == "", text


def test_a_superuser_of_the_target_stands_behind_no_superuser_and_is_said(
    server: EmbeddedPostgres, scratch: Database, target: Database, tmp_path: Path
) -> None:
    by_superuser = server.database(target.name, role=SUPERUSER)
    with make_twin(by_superuser, scratch, schemas=["public"], postgres_bin=server.bin_dir, work=tmp_path, timeout_s=60) as twin:
        assert (twin.role, twin.superuser) == (OWNER, SUPERUSER)
        assert attempt(twin.launcher, "reset session authorization") == ""
        assert "supabase_admin, a superuser" in measure_fidelity(by_superuser, twin, schemas=["public"], texts={}).account


def test_a_superusers_function_runs_as_the_launch_and_is_said(
    server: EmbeddedPostgres, scratch: Database, target: Database, tmp_path: Path, marked: Path
) -> None:
    marker = marked / "marker"
    by_superuser = server.database(target.name, role=SUPERUSER)
    with by_superuser.connect(autocommit=True) as connection:
        connection.execute(
            "create function public.reach() returns text language plpgsql security definer as $$ begin "
            f"copy (select 1) to program 'touch {marker}'; return current_user; end $$"
        )
        connection.execute("create table public.owned_by_superuser (id int)")
    with make_twin(target, scratch, schemas=["public"], postgres_bin=server.bin_dir, work=tmp_path, timeout_s=60) as twin:
        assert set(twin.reowned) == {"function public.reach()", "table public.owned_by_superuser"}
        assert attempt(twin.launcher, "select public.reach()") == "42501"
        account = measure_fidelity(target, twin, schemas=["public"], texts={}).account
        assert "the owner of function public.reach() is a superuser on the target and postgres on the twin" in account.lower()
    assert not marker.exists()


def test_a_role_that_a_target_lets_reach_files_does_not_here(
    other_server: EmbeddedPostgres, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    target, scratch = (one.database("postgres", role=SUPERUSER) for one in (other_server, postgres_server))
    with target.connect() as connection:
        connection.execute("create role reaching; grant pg_write_server_files, supabase_admin, pg_monitor to reaching")
    try:
        as_owner = other_server.database("postgres")
        with make_twin(
            as_owner, scratch, schemas=["public"], postgres_bin=postgres_server.bin_dir, work=tmp_path, timeout_s=60
        ) as twin:
            memberships = "select roleid::regrole::text as role from pg_auth_members where member = 'reaching'::regrole"
            assert [row["role"] for row in scratch.rows(memberships)] == ["pg_monitor"]
            found = measure_fidelity(as_owner, twin, schemas=["public"], texts={})
            assert {one.what for one in found.decisive} == {
                "the membership of reaching in pg_write_server_files",
                "the membership of reaching in supabase_admin",
            }
    finally:
        for database in (target, scratch):
            with database.connect() as connection:
                connection.execute("drop role if exists reaching")


def test_a_function_called_like_one_of_postgres_is_not_called_by_the_superuser(twin: Twin) -> None:
    with twin.connect_as_launcher() as connection:
        connection.execute("create table public.seen (who text)")
        connection.execute("grant insert on public.seen to public")
        for name in ("format(text, name)", "quote_ident(name)", "count(name)", "lower(name)"):
            connection.execute(
                f"create function public.{name} returns text language plpgsql as "
                "$$ begin insert into public.seen values (session_user); return 'x'; end $$"
            )
    twin.database.rows("select format('%s', n.nspname), quote_ident(n.nspname), lower(n.nspname) from pg_catalog.pg_namespace n")
    assert twin.database.value("select count(*) from public.seen") == 0
    own = with_own_path(twin.database)
    assert own.value("select current_setting('search_path')") == "pg_catalog"


def test_the_superuser_is_never_let_log_in_as_a_launch(scratch: Database) -> None:
    with pytest.raises(DatabaseError, match="is a superuser of the scratch server"):
        let_log_in(scratch, SUPERUSER)


def test_a_password_that_a_project_changed_is_set_again(scratch: Database) -> None:
    with scratch.connect() as connection:
        connection.execute("alter role postgres password 'mine'")
    with pytest.raises(DatabaseError):
        log_in_as(scratch, OWNER).value("select 1")
    let_log_in(scratch, OWNER)
    assert log_in_as(scratch, OWNER).value("select session_user::text") == OWNER
    assert log_in_as(scratch, WORKER).value("select session_user::text") == WORKER
