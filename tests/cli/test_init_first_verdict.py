"""README's walk on a project with Supabase alone: init, confirm, and the first honest verdict, with no line written by hand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lib.onboarding.confirm_table import confirm
from lib.onboarding.unconfirmed import find_unconfirmed
from tests.support.forked_commands import run_command

CONFIG = 'project_id = "notes"\n[api]\nschemas = ["public"]\n[db]\nmajor_version = 17\n[inbucket]\nenabled = true\n'
SQL = """
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references auth.users(id) on delete cascade,
  body text not null,
  is_public boolean not null default false
);
alter table public.notes enable row level security;
create policy "read own or public" on public.notes for select using (owner_id = (select auth.uid()) or is_public);
create policy "write own" on public.notes for insert to authenticated with check (owner_id = (select auth.uid()));
create policy "update own" on public.notes for update to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
create table public.comments (
  id bigint generated always as identity primary key,
  note_id uuid not null references public.notes(id) on delete cascade,
  author_id uuid not null references auth.users(id),
  body text not null check (length(body) > 0)
);
alter table public.comments enable row level security;
create policy "read" on public.comments for select to authenticated using (
  exists (select 1 from public.notes n where n.id = note_id and (n.owner_id = (select auth.uid()) or n.is_public)));
create policy "write" on public.comments for insert to authenticated with check (author_id = (select auth.uid()));
"""
HOLE = 'create policy "oops" on public.comments for delete to anon using (true);\n'


def call(*words: str) -> tuple[int, str]:
    """Return the exit code of one command of the workbook, and all that it printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("STAGING_", "PRODUCTION_"))}
    done = run_command(*words, env=variables, timeout_s=400)
    return done.returncode, done.stdout + done.stderr


def make_project(folder: Path) -> Path:
    """Return a checkout with two tables and nothing else."""
    (folder / "supabase" / "migrations").mkdir(parents=True)
    (folder / "supabase" / "config.toml").write_text(CONFIG)
    (folder / "supabase" / "migrations" / "20260101000000_notes.sql").write_text(SQL)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(folder))
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "Two tables")):
        subprocess.run([*git, *words], check=True)
    return folder


def test_a_team_with_supabase_alone_gets_its_first_verdict(tmp_path: Path) -> None:
    pack, rendered = make_project(tmp_path / "my notes"), str(tmp_path / "rendered")
    code, said = call("run", "local", "--pack", str(pack), "--rendered", rendered)
    assert (code, "make init PACK=" in said, "Traceback" in said) == (2, True, False)
    code, said = call("init", "--pack", str(pack))
    assert code == 0, said
    assert "Traceback" not in said
    text = (pack / "launch" / "project.yaml").read_text()
    assert "own_or_public" in text or "own_or_is_public" in text, text
    guessed = [line for line in text.splitlines() if line.endswith("unconfirmed")]
    assert len(guessed) > 10
    code, said = call("run", "local", "--pack", str(pack), "--rendered", rendered, "--only", "rls")
    assert (code, "PARTIAL" in said, "make confirm PACK=" in said) == (0, True, True), said
    confirm(*(one.label for one in find_unconfirmed(pack)), pack=pack)
    code, said = call("run", "local", "--pack", str(pack), "--rendered", rendered)
    assert (code, "REHEARSED" in said.splitlines()[-1]) == (0, True), said
    (pack / "supabase" / "migrations" / "20260102000000_oops.sql").write_text(HOLE)
    code, said = call("run", "local", "--pack", str(pack), "--rendered", rendered, "--only", "rls")
    assert (code, "rls.matrix_matches_declared (gate) failed" in said) == (1, True), said
