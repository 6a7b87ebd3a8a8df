"""What the page says of the platform's schemas is what a server has, and nothing that it has is left out."""

from __future__ import annotations

import pytest

from lib.embedded.postgres.platform_objects import SIMPLIFIED, list_objects
from lib.transport.database import Database

FOUND = """
select case c.relkind when 'v' then 'view' when 'c' then 'type' else 'table' end as kind, n.nspname || '.' || c.relname as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (:schemas) and c.relkind in ('r', 'p', 'v', 'c')
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
union
select 'function', n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (:schemas) and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union
select 'type', n.nspname || '.' || t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
where n.nspname = any (:schemas) and t.typtype = 'e'
union
select 'trigger', n.nspname || '.' || g.tgname || ' on ' || n.nspname || '.' || c.relname
from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (:schemas) and not g.tgisinternal
"""
SCHEMAS = ["auth", "graphql_public", "pgbouncer", "realtime", "storage", "supabase_functions"]


def test_the_list_is_what_a_fresh_project_has(hosted_database: Database) -> None:
    there = {(row["kind"], row["name"]) for row in hosted_database.rows(FOUND, schemas=SCHEMAS)}
    listed = {(one.kind, one.name) for one in list_objects() if one.kind not in ("publication", "extension")}
    assert listed == there
    assert len(listed) > 80


def test_whatever_is_simplified_is_an_object_of_the_list() -> None:
    assert SIMPLIFIED.keys() <= {one.name for one in list_objects()}


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("select count(*) from storage.search('', 'b')", 2),
        ("select count(*) from storage.search('a/', 'b', 100, 2)", 2),
        ("select string_agg(name, ' ' order by name) from storage.search('', 'b') where id is null", "a"),
        ("select string_agg(name, ' ') from storage.search('a/', 'b', 100, 2, 0, '', 'name', 'desc')", "x.txt d"),
        ("select string_agg(name, ' ') from storage.search_v2('a/', 'b', 1, 2)", "a/d"),
        ("select string_agg(name, ' ') from storage.search_v2('a/', 'b', 9, 2, 'a/d')", "a/x.txt"),
        ("select count(*) from storage.search_v2('', 'b', 9, 1, '', 'asc', 'created_at')", 2),
        ("select string_agg(name, ' ') from storage.list_objects_with_delimiter('b', 'a/', '/')", "a/d/ a/x.txt"),
        ("select string_agg(name, ' ') from storage.list_objects_with_delimiter('b', '', '')", "a/d/y.txt a/x.txt z.txt"),
        ("select size from storage.get_size_by_bucket()", 12),
        ("select storage.get_common_prefix('a/b/c', 'a/', '/')", "a/b/"),
        ("select storage.allow_only_operation('object.list')", False),
    ],
)
def test_the_functions_of_storage_answer(hosted_database: Database, asked: str, seen: object) -> None:
    with hosted_database.connect() as connection:
        connection.execute("insert into storage.buckets (id, name) values ('b', 'b')")
        connection.execute(
            "insert into storage.objects (bucket_id, name, metadata) select 'b', name, '{\"size\": 4}'"
            " from unnest(array['a/x.txt', 'a/d/y.txt', 'z.txt']) name"
        )
    assert hosted_database.value(asked) == seen


def test_realtime_keeps_what_is_sent_and_a_trigger_can_send(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute(
            """
            create table public.notes (id int, body text);
            create function public.tell() returns trigger language plpgsql security definer set search_path = '' as $$
            begin
              perform realtime.broadcast_changes('room', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
              return null;
            end $$;
            create trigger tell after insert on public.notes for each row execute function public.tell();
            insert into public.notes values (1, 'hello');
            """
        )
    [row] = hosted_database.rows("select topic, event, private, payload -> 'record' ->> 'body' as body from realtime.messages")
    assert row == {"topic": "room", "event": "INSERT", "private": True, "body": "hello"}


def test_a_webhook_is_noted_and_queued_where_pg_net_is_there(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute(
            """
            create table public.notes (id int);
            create trigger tell after insert on public.notes for each row
              execute function supabase_functions.http_request('https://example.com', 'POST', '{}', '{}', '1000');
            insert into public.notes values (1);
            create extension pg_net with schema extensions;
            insert into public.notes values (2);
            """
        )
    asked = hosted_database.rows("select request_id is not null as asked from supabase_functions.hooks order by id")
    assert [row["asked"] for row in asked] == [
        False, True,
    ]  # fmt: skip
    assert hosted_database.value("select url from net.http_request_queue") == "https://example.com"
