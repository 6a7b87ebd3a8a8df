"""What SQL sees is what it sees in a hosted Supabase project."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import DatabaseError
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.transport.database import Database

TOOLS = Path(__file__).resolve().parents[3] / ".tools"

USER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"

ROLES = {  # superuser, inherit, createrole, createdb, login, replication, bypassrls
    "supabase_admin": "sicdlrb",
    "postgres": "-icdlrb",
    "anon": "-i-----",
    "authenticated": "-i-----",
    "service_role": "-i----b",
    "authenticator": "----l--",
    "supabase_auth_admin": "--c-l--",
    "supabase_storage_admin": "--c-l--",
    "supabase_functions_admin": "--c-l--",
    "supabase_replication_admin": "-i--lr-",
    "supabase_read_only_user": "-i--l-b",
    "dashboard_user": "-icd-r-",
    "pgbouncer": "-i--l--",
}
API_ROLES = ("anon", "authenticated", "service_role")
DATA_PRIVILEGES = ("select", "insert", "update", "delete")


def run_as(database: Database, role: str, query: str, **settings: str) -> Any:
    """Return the first value of a query as an API role with request settings, all rolled back."""
    with database.connect() as connection:
        connection.execute("select set_config('role', %s, true)", (role,))
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, true)", (name.replace("__", "."), value))
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        connection.rollback()
    return None if row is None else next(iter(row.values()))


def claims(user: str, **more: str) -> str:
    return json.dumps({"sub": user, "role": "authenticated", **more})


def table_grants(database: Database, table: str) -> set[tuple[str, str]]:
    rows = database.rows(
        "select r.role, p.privilege from unnest(cast(:roles as text[])) r(role) "
        "cross join unnest(cast(:privileges as text[])) p(privilege) "
        "where has_table_privilege(r.role, cast(:table as regclass), p.privilege)",
        roles=list(API_ROLES), privileges=[*DATA_PRIVILEGES, "truncate", "references", "trigger"], table=table,
    )  # fmt: skip
    return {(row["role"], row["privilege"]) for row in rows}


def test_roles_have_the_attributes_of_hosted_ones(hosted_database: Database) -> None:
    rows = hosted_database.rows(
        "select rolname, concat(case when rolsuper then 's' else '-' end, case when rolinherit then 'i' else '-' end,"
        " case when rolcreaterole then 'c' else '-' end, case when rolcreatedb then 'd' else '-' end,"
        " case when rolcanlogin then 'l' else '-' end, case when rolreplication then 'r' else '-' end,"
        " case when rolbypassrls then 'b' else '-' end) as attributes from pg_roles"
    )
    seen = {row["rolname"]: row["attributes"] for row in rows}
    assert {role: seen.get(role) for role in ROLES} == ROLES


@pytest.mark.parametrize("role", API_ROLES)
def test_postgres_may_become_the_roles_of_a_project(hosted_database: Database, role: str) -> None:
    assert run_as(hosted_database, role, "select current_user") == role


@pytest.mark.parametrize(
    "role", ["supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "supabase_realtime_admin", "pgbouncer"]
)
def test_postgres_may_not_become_the_vendors_roles(hosted_database: Database, role: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied to set role"):
        run_as(hosted_database, role, "select 1")


def test_every_database_looks_hosted_even_the_first(postgres_server: EmbeddedPostgres, hosted_database: Database) -> None:
    query = (
        "select nspname, pg_get_userbyid(nspowner) as owner from pg_namespace "
        "where nspname not like 'pg\\_%' and nspname <> 'information_schema' order by 1"
    )
    schemas = hosted_database.rows(query)
    assert [row["nspname"] for row in schemas] == [
        "auth", "extensions", "graphql", "graphql_public", "pgbouncer", "public", "realtime", "storage",
        "supabase_functions", "vault",
    ]  # fmt: skip
    assert postgres_server.database().rows(query) == schemas


def test_databases_belong_to_postgres_and_so_does_public(hosted_database: Database) -> None:
    assert hosted_database.rows(
        "select pg_get_userbyid(datdba) as database, pg_get_userbyid(nspowner) as public from pg_database, pg_namespace "
        "where datname = current_database() and nspname = 'public'"
    ) == [{"database": "postgres", "public": "pg_database_owner"}]


def test_new_tables_are_closed_to_reading_and_writing(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create table public.ideas (id int)")
    grants = table_grants(hosted_database, "public.ideas")
    assert {privilege for _, privilege in grants} == {"truncate", "references", "trigger"}


def test_new_tables_are_open_where_the_classic_defaults_are_asked_for(postgres_server: EmbeddedPostgres) -> None:
    database = postgres_server.create_hosted_database("classic", auto_expose_new_tables=True)
    with database.connect() as connection:
        connection.execute("create table public.ideas (id serial)")
    assert {(role, verb) for role in API_ROLES for verb in DATA_PRIVILEGES} <= table_grants(database, "public.ideas")
    assert database.value("select has_sequence_privilege('anon', 'public.ideas_id_seq', 'usage')")
    postgres_server.drop_database("classic")


def test_server_started_classic_makes_every_database_classic(base: Path) -> None:
    with start_postgres(base / "one", tools=TOOLS, auto_expose_new_tables=True) as server:
        for database in (server.database(), server.create_hosted_database("another")):
            with database.connect() as connection:
                connection.execute("create table public.ideas (id int)")
            assert ("anon", "select") in table_grants(database, "public.ideas")


def test_service_role_needs_a_grant_but_no_policy(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create table public.ideas as select 1 as id; alter table public.ideas enable row level security")
    with pytest.raises(DatabaseError, match="permission denied for table ideas"):
        run_as(hosted_database, "service_role", "select count(*) from public.ideas")
    with hosted_database.connect() as connection:
        connection.execute("grant select on public.ideas to authenticated, service_role")
    assert run_as(hosted_database, "service_role", "select count(*) from public.ideas") == 1
    assert run_as(hosted_database, "authenticated", "select count(*) from public.ideas") == 0


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, None),
        ({"request__jwt__claims": ""}, None),
        ({"request__jwt__claims": claims(USER)}, USER),
        ({"request__jwt__claim__sub": USER}, USER),
        ({"request__jwt__claim__sub": OTHER, "request__jwt__claims": claims(USER)}, OTHER),
        ({"request__jwt__claim__sub": "", "request__jwt__claims": claims(USER)}, USER),
    ],
    ids=["nothing set", "empty", "json", "per claim", "per claim wins", "empty per claim"],
)
def test_uid_reads_the_request(hosted_database: Database, settings: dict[str, str], seen: str | None) -> None:
    assert run_as(hosted_database, "authenticated", "select auth.uid()::text", **settings) == seen


def test_role_email_and_jwt_read_the_request(hosted_database: Database) -> None:
    settings = {"request__jwt__claims": claims(USER, email="a@example.com")}
    assert run_as(hosted_database, "anon", "select auth.role()", **settings) == "authenticated"
    assert run_as(hosted_database, "anon", "select auth.email()", **settings) == "a@example.com"
    assert run_as(hosted_database, "anon", "select auth.jwt() ->> 'sub'", **settings) == USER
    assert run_as(hosted_database, "anon", "select auth.jwt()") is None


def test_sub_that_is_no_uuid_is_an_error(hosted_database: Database) -> None:
    with pytest.raises(DatabaseError, match="invalid input syntax for type uuid"):
        run_as(hosted_database, "authenticated", "select auth.uid()", request__jwt__claims=claims("someone"))


def test_postgres_does_what_migrations_and_seeds_do(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute(
            f"""
            create table public.ideas (owner uuid references auth.users (id) on delete cascade);
            create function public.on_user() returns trigger language plpgsql as
              $$ begin insert into public.ideas values (new.id); return new; end $$;
            create trigger on_user after insert on auth.users for each row execute function public.on_user();
            insert into auth.users (id, email, raw_user_meta_data) values ('{USER}', 'a@example.com', '{{}}');
            insert into auth.identities (provider_id, user_id, identity_data, provider)
              values ('{USER}', '{USER}', '{{"email": "A@example.com"}}', 'email');
            alter publication supabase_realtime add table public.ideas;
            insert into storage.buckets (id, name) values ('avatars', 'avatars');
            insert into storage.objects (bucket_id, name) values ('avatars', 'a/b/c.png');
            create policy avatars on storage.objects for select to authenticated using (bucket_id = 'avatars');
            set local session_replication_role = replica;
            insert into public.ideas values ('{OTHER}');
            """
        )
    assert hosted_database.value("select count(*) from public.ideas") == 2
    assert hosted_database.value("select email from auth.identities") == "a@example.com"
    assert hosted_database.rows(
        "select storage.foldername(name) as folders, storage.filename(name) as file, "
        "storage.extension(name) as kind from storage.objects"
    ) == [{"folders": ["a", "b"], "file": "c.png", "kind": "png"}]
    assert run_as(hosted_database, "authenticated", "select count(*) from storage.objects") == 1
    assert run_as(hosted_database, "anon", "select count(*) from storage.objects") == 0


def test_users_are_closed_to_the_api_roles(hosted_database: Database) -> None:
    for role in API_ROLES:
        with pytest.raises(DatabaseError, match="permission denied for table users"):
            run_as(hosted_database, role, "select count(*) from auth.users")


def test_extensions_of_a_new_project_are_in_their_schema(hosted_database: Database) -> None:
    assert hosted_database.rows(
        "select extname, nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace order by 1"
    ) == [
        {"extname": "pg_stat_statements", "nspname": "extensions"},
        {"extname": "pgcrypto", "nspname": "extensions"},
        {"extname": "plpgsql", "nspname": "pg_catalog"},
        {"extname": "supabase_vault", "nspname": "vault"},
        {"extname": "uuid-ossp", "nspname": "extensions"},
    ]
    assert hosted_database.value("select encode(digest('a', 'md5'), 'hex')") == "0cc175b9c0f1b6a831c399e269772661"
    assert hosted_database.value("select count(*) from pg_stat_statements") > 0


@pytest.mark.parametrize("name", ["file_fdw", "pageinspect", "plperlu"])
def test_postgres_creates_no_extension_reserved_to_superusers(hosted_database: Database, name: str) -> None:
    refused = pytest.raises(DatabaseError, match=f'permission denied to create extension "{name}"')
    with refused, hosted_database.connect() as connection:
        connection.execute(f"create extension {name}")


def test_cli_pushes_lists_and_advises_as_postgres(hosted_database: Database, tmp_path: Path) -> None:
    write_pack(tmp_path)
    pushed = run_cli(hosted_database, tmp_path, "db", "push", "--include-seed", "--yes")
    assert (pushed["migrations"], pushed["seeds"]) == (["20260101000000_ideas.sql"], ["supabase/seed.sql"])
    listed = run_cli(hosted_database, tmp_path, "migration", "list")["migrations"]
    assert [(row["local"], row["remote"]) for row in listed] == [("20260101000000", "20260101000000")]
    assert hosted_database.value("select count(*) from public.ideas") == 1


def test_advisors_find_nothing_in_a_new_project_and_the_open_table_in_a_pack(hosted_database: Database, tmp_path: Path) -> None:
    (tmp_path / "supabase").mkdir()
    assert run_cli(hosted_database, tmp_path, "db", "advisors", "--level", "info")["results"] == []
    with hosted_database.connect() as connection:
        connection.execute("create table public.open_to_all (id int primary key); grant select on public.open_to_all to anon")
    found = run_cli(hosted_database, tmp_path, "db", "advisors", "--level", "info")["results"]
    assert [(one["name"], one["metadata"]["name"]) for one in found] == [("rls_disabled_in_public", "open_to_all")]


def write_pack(folder: Path) -> None:
    migrations = folder / "supabase/migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_ideas.sql").write_text(
        "create extension if not exists cube with schema extensions;\n"
        "create table public.ideas (owner uuid references auth.users (id), place extensions.cube);\n"
    )
    (folder / "supabase/seed.sql").write_text(
        f"insert into auth.users (id) values ('{USER}');\ninsert into public.ideas values ('{USER}', '(1,2)');\n"
    )


def run_cli(database: Database, pack: Path, *arguments: str) -> dict[str, Any]:
    """Return the CLI's JSON answer; it needs neither Docker nor a home of its own."""
    (program,) = (TOOLS / "node_modules/@supabase").glob("cli-*/bin/supabase")
    done = subprocess.run(
        [program, *arguments, f"--remote={database.url}", "--output-format", "json", "--agent", "no", "--workdir", pack],
        env={"PATH": os.defpath, "HOME": str(pack), "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"},
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)
