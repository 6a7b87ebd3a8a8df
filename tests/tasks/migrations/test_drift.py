"""A live target compared with what its applied files build: what somebody made, changed or removed by hand is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import load_params
from lib.run.stack import find_supabase
from lib.tasks.migrations import looks as migrations
from lib.tasks.migrations.drift import compare_settings
from lib.tasks.migrations.task import TARGET_IS_AS_BUILT, Migrations
from lib.transport.context import Context, Programs
from lib.transport.database import Database

FILE = "20250101000000_notes.sql"
TEXT = """
create table public.notes (id int primary key, owner uuid, body text not null default '');
create index notes_owner_idx on public.notes (owner);
alter table public.notes enable row level security;
create policy own on public.notes for select to authenticated using (owner = auth.uid());
create function public.on_user() returns trigger language plpgsql set search_path = '' as 'begin return new; end';
create trigger on_user after insert on auth.users for each row execute function public.on_user();
create policy pictures on storage.objects for select to authenticated using (bucket_id = 'pictures');
create view public.bodies with (security_invoker = true) as select body from public.notes;
alter publication supabase_realtime add table public.notes;
grant select on public.notes to authenticated;
alter role authenticator set lock_timeout = '9s';
"""
HISTORY = """
create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name) values ('20250101000000', 'notes');
"""

BY_HAND = {
    "an index": ("create index by_hand on public.notes (body)", "made by hand: index public.by_hand"),
    "a publication": ("create publication by_hand", "made by hand: publication by_hand"),
    "a column": ("alter table public.notes add column extra int", "made by hand: column public.notes.extra"),
    "a table": ("create table public.extra (id int primary key)", "made by hand: table public.extra."),
    "a schema": ("create schema scratchpad create table t (id int)", "schema scratchpad"),
    "a function's body": (
        "create or replace function public.on_user() returns trigger language plpgsql set search_path = '' "
        "as 'begin return null; end'",
        "changed by hand: function public.on_user()",
    ),
    "a policy of the project": ("alter policy own on public.notes using (true)", "changed by hand: policy own on public.notes"),
    "a policy on storage": ("create policy all_of_it on storage.objects for all to anon using (true)", "all_of_it"),
    "a storage policy gone": ("drop policy pictures on storage.objects", "missing: `create policy pictures"),
    "a trigger on users gone": ("drop trigger on_user on auth.users", "missing: trigger on_user on auth.users"),
    "row security off": ("alter table public.notes disable row level security", "row security"),
    "a grant": ("grant delete on public.notes to anon", "public.notes"),
    "a view's option": ("alter view public.bodies set (security_invoker = false)", "bodies"),
    "default privileges": (
        "alter default privileges in schema public grant select on tables to anon",
        "default privileges tables by postgres in public to anon",
    ),
    "a setting of a role": ("alter role authenticated set work_mem = '99MB'", "setting work_mem of authenticated"),
    "an extension": ("create extension hstore with schema extensions", "extension hstore"),
    "a publication's table": ("alter publication supabase_realtime drop table public.notes", "missing: `alter publication"),
    "an event trigger's function": ("drop function public.on_user() cascade", "missing: function public.on_user()"),
}
HARMLESS = {
    "nothing": "select 1",
    "rows": "insert into public.notes (id) values (1)",
    "a column made and dropped": "alter table public.notes add column t int; alter table public.notes drop column t",
    "the platform's own bucket": "insert into storage.buckets (id, name) values ('pictures', 'pictures')",
    "an exposed schema of the dashboard": "alter role authenticator set pgrst.db_schemas = 'public'",
    "statistics": "analyze public.notes",
}


@pytest.fixture
def context(postgres_server: EmbeddedPostgres, hosted_database: Database, tmp_path: Path) -> Iterator[Context[Migrations]]:
    folder = tmp_path / "pack/supabase/migrations"
    folder.mkdir(parents=True)
    (folder / FILE).write_text(TEXT)
    with hosted_database.connect() as connection:
        connection.execute(TEXT + HISTORY)
    yield Context(
        environment="production", pack=tmp_path / "pack", target=hosted_database, work=tmp_path, kept=tmp_path,
        settings=Migrations(
            max_exclusive_lock_ms=150, max_blocked_ms=1000, scales=[1], schemas=["public"], rollbacks_from="", lock_wait_s=1,
            command_timeout_s=60,
        ),
        sections={"seed": load_params("local", variables={}).sections["seed"]},
        scratch=postgres_server.database("postgres", role="supabase_admin"),
        programs=Programs(supabase=find_supabase(None), squawk=Path("squawk"), postgres_bin=postgres_server.bin_dir),
        is_rehearsal=False, provenances={"database": Provenance.LIVE}, embedded=frozenset(),
    )  # fmt: skip
    with postgres_server.database("postgres", role="supabase_admin").connect(autocommit=True) as connection:
        connection.execute("alter role authenticated reset work_mem")
        connection.execute("alter role authenticator set lock_timeout = '8s'")
        connection.execute("alter role authenticator reset pgrst.db_schemas")


def look(context: Context[Migrations]) -> Result:
    [result] = migrations.look_at_drift.attempt(context).results
    assert result.check == TARGET_IS_AS_BUILT.id
    return result


def change(context: Context[Migrations], text: str) -> None:
    with context.target.connect() as connection:
        connection.execute(text)


@pytest.mark.parametrize(("text", "named"), BY_HAND.values(), ids=BY_HAND)
def test_what_somebody_did_by_hand_is_named(context: Context[Migrations], text: str, named: str) -> None:
    change(context, text)
    found = migrations.look_at_drift.attempt(context)
    [result] = found.results
    assert result.outcome is Outcome.FAIL, result.detail
    assert named.lower() in result.detail.lower()
    assert found.rows


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_drift_passes(context: Context[Migrations], text: str) -> None:
    change(context, text)
    result = look(context)
    assert result.outcome is Outcome.PASS, result.detail
    assert "compared with what 1 applied file built" in result.detail


def test_what_is_written_into_a_file_later_is_no_drift(context: Context[Migrations]) -> None:
    made = "create index by_hand on public.notes (body);"
    change(context, made)
    assert look(context).outcome is Outcome.FAIL
    (context.pack / "supabase/migrations/20250102000000_index.sql").write_text(made)
    assert look(context).outcome is Outcome.FAIL  # its history does not have it
    change(context, "insert into supabase_migrations.schema_migrations (version) values ('20250102000000')")
    assert look(context).outcome is Outcome.PASS


def test_a_version_without_a_file_makes_it_unknown(context: Context[Migrations]) -> None:
    change(context, "insert into supabase_migrations.schema_migrations (version) values ('20240101000000')")
    result = look(context)
    assert (result.outcome, "20240101000000" in result.detail) == (Outcome.ERROR, True)


def test_a_file_that_builds_nothing_here_makes_it_unknown(context: Context[Migrations]) -> None:
    file = context.pack / "supabase/migrations" / FILE
    file.write_text("create extension postgis;\n" + TEXT)
    result = look(context)
    assert result.outcome is Outcome.ERROR
    assert "postgis" in result.detail
    assert "run.postgres_bin" in " ".join(result.fix)


def test_a_target_without_any_history_is_compared_with_an_empty_project(context: Context[Migrations]) -> None:
    change(context, "drop schema supabase_migrations cascade")
    found = migrations.look_at_drift.attempt(context)
    assert found.results[0].outcome is Outcome.FAIL
    assert "table public.notes" in {row["object"] for row in found.rows}


def test_where_the_database_was_started_for_the_run_it_is_not_due(context: Context[Migrations]) -> None:
    result = look(replace(context, embedded=frozenset({"database"})))
    assert result.skipped_because is SkipReason.NOT_DUE


@pytest.mark.parametrize(
    ("key", "value", "text", "differs"),
    [
        (("authenticated", "statement_timeout"), "8s", "", False),
        (("authenticated", "statement_timeout"), "15s", "", True),
        (("authenticated", "statement_timeout"), "15s", "alter role authenticated set statement_timeout = '15s'", False),
        (("authenticated", "statement_timeout"), "15s", "ALTER USER \"authenticated\" SET statement_timeout TO '15s'", False),
        (("authenticated", "statement_timeout"), "15s", "alter role anon set statement_timeout = '15s'", True),
        (("supabase_admin", "log_statement"), "none", "", False),
        (("authenticator", "session_preload_libraries"), "safeupdate", "", False),
        (("", "app.key"), "x", "", True),
        (("", "app.key"), "x", "alter database postgres set app.key = 'x'", False),
        (("editor", "search_path"), "x", "alter role editor set search_path = x", False),
    ],
)
def test_settings_are_compared_with_hosted_and_with_the_files(key: tuple[str, str], value: str, text: str, differs: bool) -> None:
    from lib.tasks.migrations.drift import GIVEN_SETTINGS

    found = compare_settings({**GIVEN_SETTINGS, key: value}, {"a.sql": text})
    assert bool(found.differences) == differs
    assert value not in str([one.second for one in found.differences])
