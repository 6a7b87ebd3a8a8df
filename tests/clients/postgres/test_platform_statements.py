"""What hosted allows is allowed on the embedded platform, and what hosted refuses is refused, on every major version."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.postgres.bounded import Limit, run_statement
from lib.clients.postgres.platform_statements import as_written, spell_statement, spell_text
from lib.clients.postgres.statements import split_statements
from lib.core.paths import ROOT
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.postgres.versions import MAJORS
from lib.embedded.state_folders import state_base
from lib.transport.database import Database

CONF = "supautils.conf of supabase/postgres"
OWNERS = "revoke_admin_roles_from_postgres of supabase/postgres, and its pull request 994"
STORAGE = "migrations of supabase/storage"
REALTIME = "tenants' migrations of supabase/realtime, and nix/tests/expected/realtime.out of supabase/postgres"
ROLES = "nix/tests/expected/z_17_roles.out of supabase/postgres"
VANILLA = "PostgreSQL: postgres is no superuser there"

BEFORE = """
create table public.ideas (id int primary key, owner uuid);
create role team;
create function public.on_change() returns trigger language plpgsql as 'begin return new; end';
create function public.on_ddl() returns event_trigger language plpgsql as 'begin end';
insert into storage.buckets (id, name) values ('avatars', 'avatars');
insert into storage.objects (bucket_id, name) values ('avatars', 'a/b.png');
create policy there on storage.objects for select to authenticated using (bucket_id = 'avatars');
create trigger there after insert on auth.users for each row execute function public.on_change();
"""

ALLOWED = [
    ("create policy one on storage.objects for insert to authenticated with check (bucket_id = 'avatars')", CONF),
    ("alter policy there on storage.objects using (true)", CONF),
    ("drop policy there on storage.objects", CONF),
    ("create policy one on storage.buckets for select to anon using (public)", CONF),
    ("create policy one on realtime.messages for select to authenticated using (realtime.topic() = 'x')", CONF),
    ("create policy one on auth.sessions for select to authenticated using (user_id = auth.uid())", CONF),
    ("do $$ begin create policy one on storage.objects for delete to authenticated using (true); end $$", CONF),
    ("create trigger one after insert on auth.users for each row execute function public.on_change()", OWNERS),
    ("drop trigger there on auth.users", CONF),
    ("create trigger one after insert on storage.objects for each row execute function public.on_change()", STORAGE),
    ("alter table public.ideas add foreign key (owner) references auth.users (id) on delete cascade", OWNERS),
    ("insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com')", OWNERS),
    ("update storage.buckets set public = true where id = 'avatars'", STORAGE),
    ("insert into storage.objects (bucket_id, name) values ('avatars', 'c.png')", STORAGE),
    ("grant select on storage.objects to team", "nix/tests/expected/storage.out of supabase/postgres"),
    ("grant usage on schema storage to team", "nix/tests/expected/storage.out of supabase/postgres"),
    ("grant usage on schema realtime to team", REALTIME),
    ("grant select on auth.users to team", "migrations of supabase/auth: grant select with grant option"),
    ("select realtime.send('{\"a\": 1}', 'event', 'topic', false)", REALTIME),
    ("select * from storage.search('a', 'avatars')", STORAGE),
    ("alter role authenticator set pgrst.db_schemas = 'public, api'", CONF),
    ("alter role authenticated set statement_timeout = '15s'", CONF),
    ("alter role postgres set search_path = public, extensions", VANILLA),
    ("create role editor login in role authenticated", ROLES),
    ("grant anon, authenticated, service_role to team", ROLES),
    ("create publication everything for all tables", "supautils: create publication for the privileged role"),
    ("alter publication supabase_realtime add table public.ideas", REALTIME),
    ("create extension hstore with schema extensions", CONF),
    ("create extension if not exists pg_trgm", CONF),
    ("create extension if not exists pg_cron with schema extensions", CONF + ": extensions_parameter_overrides"),
    ("create extension if not exists hstore with schema public version '0.0.1' cascade", "what `supabase db diff` writes"),
    ("drop extension if exists pgcrypto, pg_net", "supautils: drop of a privileged extension"),
    ("alter extension pgcrypto set schema public", "supautils: alter of a privileged extension"),
    ("alter extension pg_stat_statements update", "supautils: alter of a privileged extension"),
    ("comment on extension pgcrypto is 'it''s mine'", "supautils: comment on a privileged extension"),
    ("create foreign data wrapper stripe handler extensions.stripe_fdw_handler", "supautils: create foreign data wrapper"),
    ("create schema api", VANILLA),
    ("set session_replication_role = replica", CONF),
    ("alter default privileges in schema public revoke execute on functions from anon", VANILLA),
    ("comment on table public.ideas is 'drop role anon; alter role anon login'", VANILLA),
]

REFUSED = [
    ("alter table storage.objects enable row level security", "42501", "supabase/cli#4114"),
    ("alter table storage.objects add column mine int", "42501", OWNERS),
    ("alter table auth.users add column mine int", "42501", OWNERS),
    ("alter table realtime.messages enable row level security", "42501", REALTIME),
    ("create function auth.mine() returns int language sql as 'select 1'", "42501", "supabase/cli#3599"),
    ("create table auth.mine (id int)", "42501", OWNERS),
    ("create table storage.mine (id int)", "42501", OWNERS),
    ("create view realtime.mine as select 1", "42501", REALTIME),
    ("create or replace function auth.uid() returns uuid language sql as 'select null::uuid'", "42501", OWNERS),
    ("create index mine on auth.users (created_at)", "42501", OWNERS),
    ("drop table auth.sessions", "42501", OWNERS),
    ("drop function storage.foldername(text)", "42501", OWNERS),
    ("create policy one on storage.migrations using (true)", "42501", CONF),
    ("create policy one on auth.schema_migrations using (true)", "42501", CONF),
    ("delete from storage.objects", "42501", STORAGE),
    ("delete from storage.buckets where id = 'avatars'", "42501", STORAGE),
    ("insert into storage.migrations values (1, 'x', 'y')", "42501", OWNERS),
    ("set role supabase_storage_admin", "42501", OWNERS),
    ("set role supabase_admin", "42501", VANILLA),
    ("alter role anon login", "42501", CONF),
    ("alter user authenticator with password 'x'", "42501", CONF),
    ("drop role if exists service_role", "42501", CONF),
    ("alter role supabase_auth_admin nologin", "42501", CONF),
    ("grant authenticator to team", "42501", CONF),
    ("grant supabase_auth_admin to postgres", "42501", CONF),
    ("grant pg_read_server_files to team", "42501", CONF),
    ("create role mine superuser", "42501", VANILLA),
    ("create role mine in role authenticator", "42501", CONF),
    ("alter database {database} set \"app.settings.key\" = 'x'", "42501", VANILLA),
    ("alter system set work_mem = '64MB'", None, VANILLA),
    ("create extension pageinspect", "42501", CONF),
    ("create extension plpython3u", None, CONF),
    ("drop extension plpgsql", "42501", CONF),
    ("create extension hstore version '1.8'; drop table public.ideas", None, "one statement is one"),
    ("copy public.ideas from program 'true'", "42501", VANILLA),
    ("alter schema auth owner to postgres", "42501", OWNERS),
    ("create function pg_catalog.mine() returns int language sql as 'select 1'", "42501", VANILLA),
    ("update pg_authid set rolname = 'mine' where rolname = 'anon'", "42501", VANILLA),
    ("create table public.mine (id int) tablespace pg_global", None, VANILLA),
]


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    base = state_base(ROOT) / f"tests-{secrets.token_hex(4)}"
    with start_postgres(base, tools=ROOT / ".tools", major=request.param) as started:
        yield started


@pytest.fixture(scope="module")
def project(server: EmbeddedPostgres) -> Iterator[Database]:
    database = server.create_hosted_database("statements")
    with database.connect() as connection:
        for statement in split_statements(BEFORE):
            run_statement(connection, statement.text, limit=Limit.after(database, 20))
    yield database
    server.drop_database("statements")


def run(database: Database, statement: str) -> psycopg.Error | None:
    """Return what the server says to a statement, whose effects are undone."""
    with database.open() as connection:
        connection.autocommit = True
        connection.execute("begin")
        try:
            run_statement(connection, statement.format(database=database.name), limit=Limit.after(database, 20))
        except psycopg.Error as exc:
            return exc
        finally:
            connection.execute("rollback")
    return None


@pytest.mark.parametrize("statement", [one for one, _ in ALLOWED])
def test_hosted_allows_it_and_so_does_the_embedded_platform(project: Database, statement: str) -> None:
    statement = statement.replace("{", "{{").replace("}", "}}")
    assert run(project, statement) is None


@pytest.mark.parametrize(("statement", "state"), [(one, state) for one, state, _ in REFUSED])
def test_hosted_refuses_it_and_so_does_the_embedded_platform(project: Database, statement: str, state: str | None) -> None:
    said = run(project, statement)
    assert said is not None
    assert state is None or said.sqlstate == state, str(said)


def test_event_triggers_are_made_where_they_never_run_as_a_superuser(server: EmbeddedPostgres, project: Database) -> None:
    said = run(project, "create event trigger mine on ddl_command_end when tag in ('CREATE TABLE') execute function on_ddl()")
    if server.major >= 17:
        assert said is None
    else:
        assert said is not None and said.sqlstate == "0A000"


def test_a_projects_event_trigger_works_and_is_its_own(postgres_server: EmbeddedPostgres, hosted_database: Database) -> None:
    texts = [
        "create table public.seen (tag text, who text)",
        "create function public.note() returns event_trigger language plpgsql as "
        "$$ begin insert into public.seen values (tg_tag, current_user); end $$",
        "create event trigger note on ddl_command_end execute function public.note()",
        "create table public.one (id int)",
    ]
    with hosted_database.connect() as connection:
        for text in texts:
            run_statement(connection, text, limit=Limit.after(hosted_database, 20))
    with postgres_server.database(hosted_database.name, role="supabase_admin").connect() as connection:
        connection.execute("create table public.of_a_superuser (id int)")
    assert hosted_database.rows("select tag, who from public.seen") == [{"tag": "CREATE TABLE", "who": "postgres"}]
    assert hosted_database.value("select evtowner::regrole::text from pg_event_trigger where evtname = 'note'") == "postgres"
    assert not hosted_database.value("select rolsuper from pg_roles where rolname = 'postgres'")
    with hosted_database.connect() as connection:
        connection.execute("drop event trigger note")


@pytest.mark.parametrize(
    "call",
    [
        "select pg_catalog.platform_give_to_postgres('table public.ideas')",
        "select pg_catalog.platform_create_event_trigger('x on login execute function public.on_ddl(); drop table public.ideas;"
        " --', 'ddl_command_end', null, 'public.on_ddl', '')",
        "select pg_catalog.platform_create_event_trigger('x', 'ddl_command_end execute function f(); --', null, "
        "'public.on_ddl', '')",
        "select pg_catalog.platform_create_publication('x', array['public; drop table public.ideas; --'], null, '')",
    ],
)
def test_no_call_of_these_functions_runs_what_it_is_given(hosted_database: Database, call: str) -> None:
    with hosted_database.connect() as connection:
        for statement in split_statements(BEFORE.replace("create role team;", "")):
            run_statement(connection, statement.text, limit=Limit.after(hosted_database, 20))
    run(hosted_database, call)
    assert hosted_database.value("select to_regclass('public.ideas') is not null")
    assert not hosted_database.value("select rolsuper from pg_roles where rolname = 'postgres'")
    assert hosted_database.rows("select rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid "
                                "where m.member = 'postgres'::regrole and rolname like 'supabase%'") == []  # fmt: skip


def test_ownership_that_the_role_had_before_is_not_taken_back(postgres_server: EmbeddedPostgres) -> None:
    """A hosted project from before 2025 still has these memberships, and so has the twin of one."""
    admin = postgres_server.database(role="supabase_admin")
    database = postgres_server.create_hosted_database("members")
    with admin.connect() as connection:
        connection.execute("grant supabase_storage_admin to postgres")
    try:
        with database.connect() as connection:
            connection.execute("create policy one on storage.objects using (true)")
        assert database.value("select pg_has_role('postgres', 'supabase_storage_admin', 'member')")
    finally:
        with admin.connect() as connection:
            connection.execute("revoke supabase_storage_admin from postgres")
        postgres_server.drop_database("members")


@pytest.mark.parametrize(
    "text",
    [
        "create role mine",
        "alter role mine set search_path = ''",
        "grant select on public.t to authenticator",
        'drop role "Anon"',
        "create user editor in role authenticated",
        "-- drop role anon\nselect 1",
        "select 'drop role anon'",
        "create table event_trigger (role text)",
        "create publication p for table public.t",
        "create event trigger",
        "grant",
        "create extension hstore with schema extensions",
        "create table extension (version text)",
        "alter table public.extension add column schema text",
        "alter extension hstore add function public.f()",
    ],
)
def test_a_statement_that_only_looks_alike_stays_as_it_is(text: str) -> None:
    assert spell_statement(text) == text


@pytest.mark.parametrize("mark", ["", "$hosted$", "$hosted1$ $hosted$"])
def test_a_statement_is_read_back_as_it_was_written(mark: str) -> None:
    text = f"drop role anon /* {mark} */"
    assert spell_statement(text) != text
    assert as_written(spell_statement(text)) == text
    assert as_written("select 1") == "select 1"


@given(st.lists(st.sampled_from([*(one for one, _ in ALLOWED), *(one for one, _, _ in REFUSED), "\n-- drop role anon;\n"])))
def test_a_files_statements_and_lines_stay_where_they_are(statements: list[str]) -> None:
    text = ";\n".join(statements)
    spelled = spell_text(text)
    assert spelled.count("\n") == text.count("\n")
    assert [as_written(one.text) for one in split_statements(spelled)] == [one.text for one in split_statements(text)]


@pytest.mark.parametrize(
    ("said", "lacking"),
    [
        ('extension "postgis" is not available', "postgis"),
        ("simulated: http.http_get is not carried out by the embedded platform", "http.http_get"),
        ("the embedded platform makes event triggers of a project only from PostgreSQL 17 on", "that part of hosted"),
        ("simulated: the embedded platform sends no request", "that part of hosted"),
        ('could not open extension control file "/usr/share/extension/rum.control": No such file', "rum"),
        ('relation "simulated" does not exist', ""),
        ("cannot insert into view simulated: ", ""),
        ("permission denied for table notes", ""),
    ],
)
def test_a_refusal_says_what_the_server_lacks(said: str, lacking: str) -> None:
    from lib.clients.postgres.platform_statements import find_lacking

    assert find_lacking(said) == lacking


TRAPS = [
    "comment on extension pgcrypto is 'x'",
    "select vault.create_secret('a', 'b')",
    "create extension citext with schema extensions",
    "create extension if not exists hstore with schema extensions version '9'",
    "create extension pgmq",
    "create extension pg_cron",
    "create extension vector with schema extensions",
    "alter extension pgcrypto set schema public",
    "alter extension pg_stat_statements update",
    "drop extension pgcrypto cascade",
    "create publication everything for all tables",
    "create foreign data wrapper w",
    "create event trigger another on sql_drop execute function public.trap()",
    "create policy p on storage.objects using (true)",
    "drop trigger if exists nobody on auth.users",
    "create table public.more (id int)",
]


@pytest.mark.parametrize("owner", ["postgres", "supabase_admin"])
def test_a_projects_event_trigger_never_runs_as_a_superuser(server: EmbeddedPostgres, owner: str) -> None:
    """supabase_admin: as on a twin, or in a restored copy, where the superuser made the event trigger again."""
    if server.major < 17 and owner == "postgres":
        pytest.skip("no project makes an event trigger there")
    database = server.create_hosted_database("traps")
    admin = server.database("traps", role="supabase_admin")
    trap = """create function public.trap() returns event_trigger language plpgsql as $$
      begin insert into public.seen values (tg_tag, current_user, current_setting('is_superuser')); end $$"""
    try:
        with database.connect(autocommit=True) as connection:
            connection.execute("create table public.seen (tag text, who text, is_super text)")
            connection.execute("grant insert on public.seen to public")
            connection.execute(trap)
        for event in ("ddl_command_start", "ddl_command_end", "sql_drop"):
            made = f"create event trigger trap_{event} on {event} execute function public.trap()"
            if owner == "postgres":
                assert run_one(database, made) is None
            else:
                with admin.connect(autocommit=True) as connection:
                    connection.execute(made)
        refused = {one: said for one in TRAPS if (said := run_one(database, one)) is not None}
        assert {one for one in refused if server.major >= 17} == set()
        superusers = {row["name"] for row in admin.rows("select rolname as name from pg_roles where rolsuper")}
        seen = admin.rows("select distinct who, is_super from public.seen")
        assert seen
        assert [row for row in seen if row["who"] in superusers or row["is_super"] == "on"] == []
        assert database.value("select count(*) from pg_event_trigger where evtname like 'trap_%' and evtenabled = 'O'") == 3
    finally:
        server.drop_database("traps")


def run_one(database: Database, statement: str) -> psycopg.Error | None:
    """Run one statement for good; return what the server says against it."""
    with database.connect(autocommit=True) as connection:
        try:
            run_statement(connection, statement, limit=Limit.after(database, 30))
        except psycopg.Error as exc:
            return exc
    return None
