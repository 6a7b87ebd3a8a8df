"""An unknown project is observed without a hand-written line, and what was observed is what the task rls finds there."""

from __future__ import annotations

from pathlib import Path

import pytest

import lib.onboarding.applied
from lib.clients.supabase.migration_files import find_migrations
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.onboarding.database import find_rollbacks_from
from lib.onboarding.observed import ObservedDatabase
from tests.support.onboarding_packs import apply_on, failing, look_again, observe, write_pack

POSTS = """
create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  username text unique check (char_length(username) >= 3),
  role text not null default 'user' check (role in ('user', 'admin'))
);
alter table public.profiles enable row level security;
create policy p1 on public.profiles for select using (true);
create policy p2 on public.profiles for update using (auth.uid() = id);
create function public.is_admin() returns boolean language sql security definer set search_path = '' as
  $$ select exists (select 1 from public.profiles where id = auth.uid() and role = 'admin') $$;
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as
  $$ begin insert into public.profiles (id, username) values (new.id, new.email); return new; end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create table public.posts (
  id uuid primary key default gen_random_uuid(),
  author uuid not null references public.profiles (id),
  title text not null,
  published boolean not null default false
);
alter table public.posts enable row level security;
create policy r on public.posts for select using (published or author = (select auth.uid()));
create policy w on public.posts for all to authenticated using (author = (select auth.uid()));
create policy a on public.posts for all to authenticated using (public.is_admin());
"""
"""Profiles made at sign-up, an administrator by a function, posts that are one's own or published."""

TEAMS = """
create table public.teams (id uuid primary key default gen_random_uuid(), owner_id uuid not null references auth.users);
create table public.team_members (
  team_id uuid not null references public.teams, user_id uuid not null references auth.users,
  role text not null check (role in ('owner', 'editor', 'viewer')), primary key (team_id, user_id)
);
create table public.docs (
  id uuid primary key default gen_random_uuid(), team_id uuid not null references public.teams, title text not null
);
create table public.lines (id bigint generated always as identity primary key, doc_id uuid not null references public.docs);
alter table public.teams enable row level security;
alter table public.team_members enable row level security;
alter table public.docs enable row level security;
alter table public.lines enable row level security;
create function public.my_teams() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select team_id from public.team_members where user_id = auth.uid() $$;
create function public.has_role(t uuid, r text) returns boolean language plpgsql stable security definer set search_path = '' as
  $$ begin
    return exists (select 1 from public.team_members m where m.team_id = t and m.user_id = auth.uid() and m.role = r);
  end $$;
create policy a on public.teams for select to authenticated using (id in (select public.my_teams()));
create policy b on public.teams for insert to authenticated with check (owner_id = auth.uid());
create policy c on public.teams for update to authenticated using (public.has_role(id, 'owner'));
create policy d on public.team_members for select to authenticated using (team_id in (select public.my_teams()));
create policy e on public.team_members for delete to authenticated using (public.has_role(team_id, 'owner'));
create policy g on public.docs for select to authenticated
  using (public.has_role(team_id, 'editor') or public.has_role(team_id, 'owner'));
create policy h on public.lines for select to authenticated using (exists (select 1 from public.docs d where d.id = doc_id));
"""
"""Teams with roles, reached through functions; lines that show what the policies of their parents show."""

ODD = """
create domain public.email as text check (value ~ '^[^@]+@[^@]+$');
create type public.mood as enum ('sad', 'happy');
create table public."My Things" (
  "Id" smallint generated always as identity primary key,
  "ownerId" uuid not null references auth.users,
  mail public.email not null, mood public.mood not null,
  code char(3) not null check (code ~ '^[A-Z]{3}$'),
  starts date not null, ends date not null, check (ends > starts),
  total numeric(10, 2) not null check (total between 10 and 20),
  tags text[] not null, meta jsonb not null check (jsonb_typeof(meta) = 'array'),
  full_name text generated always as (code || '!') stored,
  during tstzrange not null, exclude using gist (during with &&),
  parent smallint references public."My Things" ("Id")
);
alter table public."My Things" enable row level security;
create policy "it's mine" on public."My Things" for all to authenticated using ("ownerId" = auth.uid());
create table public.log (user_id uuid, what text);
alter table public.log enable row level security;
create policy p on public.log for all to authenticated using (user_id = auth.uid());
create table public.events (
  id bigint generated always as identity, user_id uuid not null, at timestamptz not null, primary key (id, at)
) partition by range (at);
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
alter table public.events enable row level security;
alter table public.events_2025 enable row level security;
create policy p on public.events for all to authenticated using (user_id = auth.uid());
create function public.never() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
create table public.raising (id serial primary key, user_id uuid references auth.users);
alter table public.raising enable row level security;
create policy p on public.raising for all to authenticated using (user_id = auth.uid());
create trigger never before insert or update or delete on public.raising for each row execute function public.never();
"""
"""Names, types and constraints of every sort, a table without a key, a partitioned one, a trigger that always raises."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def server(postgres_server: EmbeddedPostgres) -> EmbeddedPostgres:
    return postgres_server


def words(seen: ObservedDatabase, table: str, role: str = "authenticated") -> list[str]:
    """Return what a role may do with select, insert, update and delete."""
    return list(seen.matrix[table][role].values())


def test_own_published_and_admin_rows_are_recognised_and_found_again(
    tmp_path: Path, work: Path, server: EmbeddedPostgres
) -> None:
    pack = write_pack(tmp_path / "pack", POSTS)
    seen = observe(pack, server)
    assert seen.problems == ()
    assert seen.unrecognised == frozenset()
    assert words(seen, "public.posts", "anon") == ["published", "deny", "deny", "deny"]
    assert words(seen, "public.posts") == ["profile_admin_or_published_or_own", *["profile_admin_or_own"] * 3]
    assert words(seen, "public.profiles") == ["allow", "deny", "own", "deny"]
    assert seen.scopes["public.posts"]["published"] == "published"
    assert "public.is_admin" not in str(seen.scopes), "a scope does not lean on the function under test"
    left = failing(look_again(pack, seen, work, server))
    assert left.keys() <= {"probes_could_be_made", "matrix_matches_declared"}
    assert all("without" in said or "See rls.probes_could_be_made." in said for said in left.values()), left


def test_membership_through_functions_and_through_policies_is_recognised_and_found_again(
    tmp_path: Path, work: Path, server: EmbeddedPostgres
) -> None:
    pack = write_pack(tmp_path / "pack", TEAMS)
    seen = observe(pack, server)
    assert seen.problems == ()
    assert seen.unrecognised == frozenset()
    assert words(seen, "public.teams") == ["team_member", "own", "team_owner", "deny"]
    assert words(seen, "public.team_members")[3] == "team_owner"
    assert "my_teams" not in str(seen.scopes) and "has_role" not in str(seen.scopes)
    assert failing(look_again(pack, seen, work, server)) == {}


def test_tables_of_every_sort_get_valid_rows(tmp_path: Path, work: Path, server: EmbeddedPostgres) -> None:
    pack = write_pack(tmp_path / "pack", ODD)
    seen = observe(pack, server)
    assert seen.problems == ()
    for table in ('public."My Things"', "public.log", "public.events"):
        assert words(seen, table) == ["own"] * 4
    assert words(seen, "public.raising") == ["own", "own", "own", "deny"], "a delete is what the trigger refuses"
    assert failing(look_again(pack, seen, work, server)) == {}


def test_a_hole_made_after_the_observation_is_found(tmp_path: Path, work: Path, server: EmbeddedPostgres) -> None:
    pack = write_pack(tmp_path / "pack", POSTS)
    seen = observe(pack, server)
    hole = pack / "supabase/migrations/20260101000000_hole.sql"
    hole.write_text("create policy hole on public.posts for delete to authenticated using (true);")
    assert "authenticated delete on public.posts" in failing(look_again(pack, seen, work, server))["matrix_matches_declared"]


def test_users_of_the_seed_are_taken_unless_they_differ_in_every_run(tmp_path: Path, server: EmbeddedPostgres) -> None:
    table = "create table public.t (id int primary key, owner uuid references auth.users);"
    people = (
        "insert into auth.users (id, email) select md5(n::text)::uuid, n || '@example.com' from unnest(array['zoe', 'kim']) n;"
    )
    fixed = observe(write_pack(tmp_path / "fixed", table, seed=people), server)
    random = observe(
        write_pack(tmp_path / "random", table, seed=people.replace("md5(n::text)::uuid", "gen_random_uuid()")), server
    )
    assert set(fixed.identities) == {"anon", "zoe", "kim", "service"}
    assert set(random.identities) == {"anon", "ann", "ben", "service"}
    assert fixed.seed_counts == {"auth.users": 2}


def test_what_stops_the_observation_is_a_sentence_beside_what_could_be_seen(tmp_path: Path, server: EmbeddedPostgres) -> None:
    good = "create table public.t (id int primary key);"
    for name, text, said in (
        ("failing", "select 1 / 0;", "20250101000002_step.sql, line 1: division by zero"),
        ("backslash", "select 1;\n\\! touch pwned", "a command of psql"),
        ("superuser", "alter system set work_mem = '1GB';", "line 1"),
        (
            "extension",
            "create extension never_heard_of; create table public.u (id int primary key);",
            "no extension never_heard_of",
        ),
    ):
        seen = observe(write_pack(tmp_path / name, good, text), server)
        assert any(said in problem for problem in seen.problems), seen.problems
        assert "public.t" in seen.matrix
        assert ("public.u" in seen.matrix) == (name == "extension")


def test_a_recursive_policy_leaves_out_its_own_cells_alone(tmp_path: Path, server: EmbeddedPostgres) -> None:
    seen = observe(
        write_pack(
            tmp_path / "pack",
            "create table public.m (team int, user_id uuid, primary key (team, user_id)); alter table public.m enable row level "
            "security; create policy p on public.m for select to authenticated using (exists (select 1 from public.m x where "
            "x.team = m.team and x.user_id = auth.uid()));",
        ),
        server,
    )
    assert any("infinite recursion" in problem for problem in seen.problems)
    assert "select" not in seen.matrix["public.m"]["authenticated"]
    assert words(seen, "public.m", "service_role") == ["allow"] * 4


def test_an_empty_project_is_observed_too(tmp_path: Path, server: EmbeddedPostgres) -> None:
    seen = observe(write_pack(tmp_path / "pack"), server)
    assert (seen.matrix, seen.scopes, seen.exposed_schemas) == ({}, {}, ("public",))
    assert any("no migration" in problem for problem in seen.problems)


def test_dangers_come_first_as_questions(tmp_path: Path, server: EmbeddedPostgres) -> None:
    seen = observe(
        write_pack(
            tmp_path / "pack",
            "create table public.open (id int primary key, user_id uuid); "
            "create table public.t (id int primary key, user_id uuid); alter table public.t enable row level security; "
            "create policy everything on public.t for all using (true); create view public.v as select * from public.t; "
            "create function public.f() returns int language sql security definer as 'select 1'; "
            "insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true); "
            "create policy anything on storage.objects for insert to anon with check (bucket_id = 'avatars');",
        ),
        server,
    )
    dangers = {one.place for one in seen.findings if one.danger}
    assert dangers >= {"public.open", "public.t", "public.v", "public.f()", "storage bucket avatars", "storage.objects"}
    assert [one.danger for one in seen.findings] == sorted((one.danger for one in seen.findings), reverse=True)
    assert all(one.question.endswith("?") for one in seen.findings)


def test_functions_files_and_messages_are_observed_and_found_again(tmp_path: Path, server: EmbeddedPostgres) -> None:
    seen = observe(
        write_pack(
            tmp_path / "pack",
            "create table public.t (id int primary key, user_id uuid, note text); "
            "alter table public.t enable row level security; "
            "create policy own on public.t for all to authenticated using (user_id = auth.uid()); "
            "create function public.mine() returns setof public.t language sql security definer set search_path = '' "
            "as 'select * from public.t where user_id = auth.uid()'; "
            "create function public.everything() returns json language sql security definer set search_path = '' "
            "as 'select json_agg(t) from public.t'; "
            "create function public.odd(n text) returns int language sql security definer set search_path = '' "
            "as $f$select ('x' || n)::int$f$; "
            "create function public.plain() returns bigint language sql as 'select count(*) from public.t'; "
            "create policy own_files on storage.objects for all to authenticated using "
            "(bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text); "
            "create policy hear on realtime.messages for select to authenticated using "
            "(realtime.topic() = 'room:' || auth.uid()::text);",
        ),
        server,
    )
    assert seen.functions["public.mine()"] == {"anon": "own", "authenticated": "own"}
    assert seen.functions["public.everything()"] == {"anon": "any", "authenticated": "any"}
    assert seen.functions["public.odd(text)"] == {"anon": "any", "authenticated": "any"}
    assert "public.plain()" not in seen.functions
    assert "shows rows of public.t out of reach" in seen.function_notes["public.everything()"]
    assert {one.place for one in seen.findings if one.danger} >= {"public.everything()"}
    assert words(seen, "storage.objects", "anon") == ["deny"] * 4
    assert len(set(words(seen, "storage.objects", "authenticated"))) == 1
    assert words(seen, "storage.objects", "authenticated")[0] not in ("allow", "deny")
    assert words(seen, "realtime.messages", "authenticated")[1:] == ["deny"] * 3
    assert words(seen, "realtime.messages", "authenticated")[0] not in ("allow", "deny")


def test_a_guarded_project_has_no_danger(tmp_path: Path, server: EmbeddedPostgres) -> None:
    seen = observe(
        write_pack(
            tmp_path / "pack",
            "create table public.t (id int primary key, user_id uuid); alter table public.t enable row level security; "
            "create policy own on public.t for all to authenticated using (user_id = auth.uid());",
        ),
        server,
    )
    assert [one for one in seen.findings if one.danger] == []


def test_the_newest_migration_without_a_rollback_is_the_last_that_needs_none(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", "select 1;", "select 2;")
    assert find_rollbacks_from(find_migrations(pack)) == "20250101000003"
    rollbacks = pack / "supabase/rollbacks"
    rollbacks.mkdir()
    (rollbacks / "20250101000002_step.sql").write_text("select 1;")
    assert find_rollbacks_from(find_migrations(pack)) == "20250101000002"
    (rollbacks / "20250101000001_step.sql").write_text("select 1;")
    assert find_rollbacks_from(find_migrations(pack)) == ""


def test_claims_of_the_token_are_given_with_values_that_rows_have(tmp_path: Path, work: Path, server: EmbeddedPostgres) -> None:
    pack = write_pack(
        tmp_path / "pack",
        "create table public.tenants (id uuid primary key default gen_random_uuid(), name text);"
        "create table public.docs (id int primary key, tenant_id uuid not null references public.tenants);"
        "create table public.notes (id int primary key, body text);"
        "create table public.texts (id int primary key, owner text not null);"
        "create table public.more (id int primary key, owner text not null);"
        "alter table public.docs enable row level security; alter table public.notes enable row level security;"
        "alter table public.texts enable row level security; alter table public.more enable row level security;"
        "alter table public.tenants enable row level security;"
        "create policy a on public.docs for all to authenticated using "
        "(tenant_id = (select (auth.jwt() -> 'app_metadata' ->> 'tenant_id'))::uuid);"
        "create policy a on public.notes for all to authenticated using ((auth.jwt() ->> 'user_role') = 'admin');"
        "create policy a on public.texts for all to authenticated using ((auth.jwt() ->> 'sub') = owner);"
        "create policy a on public.more for all to authenticated using (owner = auth.uid()::text);",
    )
    seen = observe(pack, server)
    assert seen.problems == ()
    assert words(seen, "public.docs") == ["own_tenant"] * 4 and words(seen, "public.notes") == ["with_user_role_admin"] * 4
    assert seen.scopes["public.texts"] == seen.scopes["public.more"] == {"own": "owner = :uid"}
    assert failing(look_again(pack, seen, work, server)) == {}


OPAQUE = """
create table public.orgs (id int primary key);
create table public.org_users (
  org_id int not null references public.orgs, user_id uuid not null references auth.users, primary key (org_id, user_id)
);
create table public.files (id int primary key, org_id int not null references public.orgs);
create table public.pages (id int primary key, owner uuid not null references auth.users, is_public boolean not null);
create table public.odd (id int primary key, n int not null default 1);
create function public.in_org(o int) returns boolean language plpgsql security definer set search_path = '' as $$
  declare n int; begin
    select count(*) into n from public.org_users where org_id = o and user_id = auth.uid(); n := n + 0; return n > 0;
  end $$;
create function public.shown(o uuid, p boolean) returns boolean language plpgsql set search_path = '' as
  $$ declare x boolean; begin x := p; if not x then x := o = auth.uid(); end if; return coalesce(x, false); end $$;
create function public.is_odd(n int) returns boolean language plpgsql set search_path = '' as
  $$ declare x int; begin x := n; return x % 2 = 1; end $$;
alter table public.orgs enable row level security;
alter table public.org_users enable row level security;
alter table public.files enable row level security;
alter table public.pages enable row level security;
alter table public.odd enable row level security;
create policy a on public.files for all to authenticated using (public.in_org(org_id));
create policy a on public.pages for select using (public.shown(owner, is_public));
create policy a on public.odd for select to authenticated using (public.is_odd(id));
"""
"""Policies that ask functions whose bodies can't be read as one query."""


def test_keys_and_flags_say_what_a_function_hides_and_what_leans_on_it_is_said(
    tmp_path: Path, work: Path, server: EmbeddedPostgres
) -> None:
    pack = write_pack(tmp_path / "pack", OPAQUE)
    seen = observe(pack, server)
    assert seen.problems == () and seen.unrecognised == frozenset()
    assert words(seen, "public.files") == ["org_member"] * 4
    assert "in_org" not in str(seen.scopes) and "shown" not in str(seen.scopes)
    assert words(seen, "public.pages", "anon")[0] == "public" and words(seen, "public.pages")[0] == "public_or_own"
    assert [one.place for one in seen.findings if "leans on" in one.question] == ["public.odd"]
    assert failing(look_again(pack, seen, work, server)) == {}


def test_a_missing_part_of_the_platform_is_one_sentence_and_the_rest_is_observed(
    tmp_path: Path, server: EmbeddedPostgres
) -> None:
    table = "create table public.{0} (id int primary key); alter table public.{0} enable row level security;"
    policy = "create policy m on public.a for select using (exists (select from auth.never_made f where f.user_id = auth.uid()));"
    seen = observe(write_pack(tmp_path / "pack", table.format("a") + policy, policy, table.format("b")), server)
    assert [problem for problem in seen.problems if "auth.never_made" in problem] == list(seen.problems)
    assert len(seen.problems) == 1 and {"public.a", "public.b"} <= seen.matrix.keys()


def test_one_application_is_enough_where_no_row_is_left_or_the_files_say_the_keys(
    tmp_path: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "create table public.t (id uuid primary key default gen_random_uuid());"
    with apply_on(server, write_pack(tmp_path / "empty", table)) as applied:
        assert applied.is_once and applied.lasts("anything")
    key = "0c8f4e55-6b43-4e66-9f0d-2e3b0f6f6a01"
    filled = write_pack(tmp_path / "filled", table + f"insert into public.t values ('{key}'), (default);")
    with apply_on(server, filled) as applied:
        assert not applied.is_once
    monkeypatch.setattr(lib.onboarding.applied, "AGAIN_WITHIN_S", 0.0)
    with apply_on(server, filled) as applied:
        assert applied.is_once and applied.lasts(key) and applied.lasts("7") and not applied.lasts("5eed")
