"""What a backup of a database with stand-ins holds: their configuration and the project's own tables, not their members."""

from __future__ import annotations

import secrets
import subprocess

from lib.embedded.postgres.server import SUPERUSER
from lib.transport.database import Database
from tests.support.tried_extensions import Tried

CONTENT = """
create extension vector with schema extensions;
create extension if not exists supabase_vault;
create extension pg_cron;
create extension pgmq;
create extension pg_net with schema extensions;
create extension pg_jsonschema with schema extensions;
create extension rum with schema extensions;
create table public.notes (
  id int primary key, e extensions.vector(3), words tsvector, data json,
  check (extensions.json_matches_schema('{"type": "object"}', data))
);
create index by_meaning on public.notes using hnsw (e vector_cosine_ops) with (m = 16, ef_construction = 64);
create index by_word on public.notes using rum (words rum_tsvector_ops);
insert into public.notes values (1, '[1,2,3]', to_tsvector('hello world'), '{"a": 1}');
select vault.create_secret('hunter2', 'door');
select cron.schedule('nightly', '0 3 * * *', 'select 1');
select pgmq.create('mail');
"""


def copy(tried: Tried, source: Database, name: str) -> Database:
    """Dump a database as a superuser, restore it into a new one of the same server, and return that."""
    copied = tried.server.create_hosted_database(name)
    programs = tried.server.bin_dir
    dump = [
        programs / "pg_dump",
        "--format=custom",
        "--exclude-schema=realtime",
        "--dbname",
        tried.server.url_for(source.name, role=SUPERUSER),
    ]
    content = subprocess.run(dump, check=True, capture_output=True).stdout
    restore = [programs / "pg_restore", "--clean", "--if-exists", "--dbname", tried.server.url_for(name, role=SUPERUSER)]
    done = subprocess.run(restore, input=content, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return copied


def test_a_copy_has_the_same_content(tried: Tried) -> None:
    source = tried.server.create_hosted_database(f"test_{secrets.token_hex(6)}")
    with source.connect() as connection:
        connection.execute(CONTENT)
    copied = copy(tried, source, f"test_{secrets.token_hex(6)}")
    for query in (
        "select extname, extnamespace::regnamespace::text, extversion from pg_extension order by 1",
        "select id, e::text, words::text, data::text from public.notes",
        "select pg_get_indexdef(indexrelid) as d from pg_index where indrelid = 'public.notes'::regclass order by 1",
        "select name, secret, decrypted_secret from vault.decrypted_secrets",
        "select jobname, schedule, command from cron.job",
    ):
        rows = source.rows(query)
        assert rows
        assert copied.rows(query) == rows, query
    assert copied.value("select id from public.notes where words @@ to_tsquery('hello')") == 1
    for database in (source, copied):
        tried.server.drop_database(database.name)
