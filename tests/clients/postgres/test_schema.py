"""Two schemas are equal exactly when every object is, on real servers."""

from __future__ import annotations

import pytest

from lib.clients.postgres.schema import Difference, compare_schemas, fingerprint, read_schema
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

BASE = """
create type public.mood as enum ('calm', 'keen');
create domain public.address as text check (value like '%@%');
create table public.notes (
  id bigint generated always as identity primary key,
  body text not null default 'x' check (length(body) < 100),
  feeling public.mood, home public.address, extra int
);
create table public.tags (note bigint references public.notes (id) on delete cascade, word text unique);
create index notes_body_idx on public.notes (body);
alter table public.notes enable row level security;
create policy notes_read on public.notes for select to authenticated using (body <> '');
create view public.loud with (security_invoker = on) as select id, upper(body) as body from public.notes;
create materialized view public.totals as select count(*) as n from public.notes;
create function public.hello(a int) returns int language sql stable set search_path = '' as 'select a';
create aggregate public.total (int) (sfunc = int4pl, stype = int, initcond = '0');
create function public.stamp() returns trigger language plpgsql as 'begin return new; end';
create trigger notes_stamp before update on public.notes for each row execute function public.stamp();
create sequence public.numbers start 5;
create statistics public.seen on body, extra from public.notes;
create rule quiet as on delete to public.tags do instead nothing;
comment on table public.notes is 'what people wrote';
grant select (id) on public.notes to anon;
"""

CHANGES = {
    "table public.notes": "alter table public.notes set (fillfactor = 70)",
    "column public.notes.body": "alter table public.notes alter column body set default 'y'",
    "column public.notes.extra": "alter table public.notes alter column extra type bigint",
    "column public.tags.word": "alter table public.tags alter column word set not null",
    "enum public.mood": "alter type public.mood add value 'tired'",
    "constraint address_check on public.address": "alter domain public.address drop constraint address_check",
    "constraint notes_body_check on public.notes": "alter table public.notes drop constraint notes_body_check",
    "constraint tags_note_fkey on public.tags": "alter table public.tags drop constraint tags_note_fkey",
    "index public.notes_body_idx": "drop index public.notes_body_idx",
    "row_security public.notes": "alter table public.notes force row level security",
    "policy notes_read on public.notes": "alter policy notes_read on public.notes using (true)",
    "view public.loud": "alter view public.loud set (security_invoker = off)",
    "function public.hello(integer)": "alter function public.hello(int) security definer",
    "trigger notes_stamp on public.notes": "alter table public.notes disable trigger notes_stamp",
    "sequence public.numbers": "alter sequence public.numbers increment 2",
    "statistics public.seen": "drop statistics public.seen",
    "rule quiet on public.tags": "drop rule quiet on public.tags",
    "comment table public.notes": "comment on table public.notes is 'otherwise'",
    "grant column public.notes.id to anon": "revoke select (id) on public.notes from anon",
    "grant table public.notes to service_role": "grant delete on public.notes to service_role",
    "grant function public.hello(integer) to public": "revoke execute on function public.hello(int) from public",
    "publication mine": "create publication mine",
    "extension pg_trgm": "create extension pg_trgm with schema extensions",
    "default_privileges tables by postgres in public to anon": (
        "alter default privileges in schema public grant select on tables to anon"
    ),
}
"""Object -> a change that must be seen as a difference of that object."""


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


def objects(differences: list[Difference]) -> set[str]:
    return {one.object for one in differences}


@pytest.fixture
def notes(hosted_database: Database) -> Database:
    run(hosted_database, BASE)
    return hosted_database


def test_a_schema_equals_itself_made_again(notes: Database) -> None:
    first = read_schema(notes, ["public"])
    view = next(statement for statement in BASE.split(";") if "create view" in statement)
    run(notes, f"drop view public.loud; {view}")
    run(notes, "drop index public.notes_body_idx; create index notes_body_idx on public.notes (body)")
    second = read_schema(notes, ["public"])
    assert compare_schemas(first, second) == []
    assert fingerprint(first) == fingerprint(second)


def test_every_planted_change_is_seen_in_its_object(notes: Database) -> None:
    before = read_schema(notes, ["public"])
    for name, change in CHANGES.items():
        run(notes, change)
        after = read_schema(notes, ["public"])
        assert name in objects(compare_schemas(before, after)), change
        assert fingerprint(before) != fingerprint(after)
        before = after


def test_a_default_access_list_equals_the_same_list_spelled_out(notes: Database) -> None:
    before = read_schema(notes, ["public"])
    run(notes, "grant execute on function public.hello(int) to public; grant usage on type public.mood to public")
    assert compare_schemas(before, read_schema(notes, ["public"])) == []


def test_a_column_dropped_and_added_again_differs_only_in_order(notes: Database) -> None:
    before = read_schema(notes, ["public"])
    run(notes, "alter table public.tags drop column note")
    run(notes, "alter table public.tags add column note bigint references public.notes (id) on delete cascade")
    after = read_schema(notes, ["public"])
    assert objects(compare_schemas(before, after)) == {"column_order public.tags"}
    assert compare_schemas(before, after, ordered=False) == []
    assert fingerprint(before, ordered=False) == fingerprint(after, ordered=False)


def test_other_schemas_are_left_out(notes: Database) -> None:
    before = read_schema(notes, ["public"])
    run(notes, "create schema private; create table private.a (b int)")
    assert compare_schemas(before, read_schema(notes, ["public"])) == []


def test_a_difference_says_which_side_lacks_it() -> None:
    differences = compare_schemas({"table a": "x", "table c": "1"}, {"table b": "x", "table c": "2"})
    assert [(one.object, one.change) for one in differences] == [
        ("table a", "missing"),
        ("table b", "extra"),
        ("table c", "changed"),
    ]


RARER = """
create schema rare;
create table rare.parents (id int primary key);
create table rare.children (id int primary key, parent int references rare.parents (id), word text);
create rule quiet as on delete to rare.children do instead nothing;
create view rare.loud as select id, word from rare.children;
create function rare.same(rare.children, rare.children) returns boolean language sql immutable as 'select true';
create type rare.pair as (a int);
create function rare.as_text(rare.pair) returns text language sql immutable as 'select ''''::text';
create publication news;
"""
RARE_CHANGES = {
    "rule quiet on rare.children": "alter table rare.children disable rule quiet",
    "column rare.children.word": "alter table rare.children alter column word set statistics 500",
    "column rare.children.parent": "alter table rare.children alter column parent set (n_distinct = 5)",
    "column rare.loud.word": "alter view rare.loud alter column word set default 'x'",
    "operator rare.===(rare.children,rare.children)": (
        "create operator rare.=== (function = rare.same, leftarg = rare.children, rightarg = rare.children)"
    ),
    "collation rare.plain": "create collation rare.plain (provider = icu, locale = 'und')",
    "cast rare.pair as text": "create cast (rare.pair as text) with function rare.as_text(rare.pair)",
    "text_search_dictionary rare.words": "create text search dictionary rare.words (template = simple, accept = false)",
    "text_search_configuration rare.search": "create text search configuration rare.search (copy = english)",
    "constraint children_pkey on rare.children": "alter table rare.children cluster on children_pkey",
    "published_schema rare in news": "alter publication news add tables in schema rare",
}


def test_what_few_projects_make_is_seen_as_well(hosted_database: Database, postgres_server: EmbeddedPostgres) -> None:
    superuser = postgres_server.database(hosted_database.name, role="supabase_admin")
    run(superuser, RARER)
    before = read_schema(superuser, ["rare"])
    changes = {
        **RARE_CHANGES,
        "constraint children_parent_fkey on rare.children": "alter table rare.children disable trigger all",
    }
    for name, change in changes.items():
        run(superuser, change)
        after = read_schema(superuser, ["rare"])
        assert objects(compare_schemas(before, after)) >= {name}, change
        before = after
