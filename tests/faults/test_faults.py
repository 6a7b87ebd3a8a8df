"""Faults put into the pack from outside: each turns exactly the right checks to `fail`, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from tests.support.launch import Done, run_lib

PACK = ROOT / "pack"
DATABASE_TASKS = "migrations,seed,rls,backup_restore"


@pytest.fixture
def faulty(tmp_path: Path) -> Callable[..., Done]:
    """Run the database tasks on a copy of the sample pack, changed by the given function."""

    def run(change: Callable[[Path], None], *, only: str = DATABASE_TASKS) -> Done:
        pack = tmp_path / "pack"
        shutil.copytree(PACK, pack)
        change(pack)
        return run_lib("local", "--pack", str(pack), "--only", only, rendered=tmp_path / "rendered")

    return run


def fails(done: Done) -> set[str]:
    return {check for check, result in done.results.items() if result == "fail"}


def add_migration(pack: Path, name: str, up: str, down: str) -> None:
    (pack / "supabase" / "migrations" / name).write_text(up)
    (pack / "supabase" / "rollbacks" / name).write_text(down)


def test_rls_switched_off_on_one_table(faulty: Callable[..., Done]) -> None:
    done = faulty(
        lambda pack: add_migration(
            pack,
            "20251201000000_off.sql",
            "set local lock_timeout = '2s';\nalter table public.votes disable row level security;\n",
            "set local lock_timeout = '2s';\nalter table public.votes enable row level security;\n",
        )
    )
    assert done.exit_code == 1, done.said
    assert "rls.every_table_enabled" in fails(done)
    # The pack's own tests speak of the same policies, so they fail with it; nothing else may.
    assert fails(done) <= {"rls.every_table_enabled", "rls.pgtap_tests_pass", "rls.no_policy_without_rls"}
    assert "public.votes" in done.said


def test_a_policy_made_always_true(faulty: Callable[..., Done]) -> None:
    done = faulty(
        lambda pack: add_migration(
            pack,
            "20251201000000_open.sql",
            "set local lock_timeout = '2s';\n"
            "create policy everybody_reads on public.drafts for select to authenticated using (true);\n",
            "set local lock_timeout = '2s';\ndrop policy everybody_reads on public.drafts;\n",
        )
    )
    assert done.exit_code == 1, done.said
    assert "rls.matrix_matches_declared" in fails(done)
    assert fails(done) <= {
        "rls.matrix_matches_declared",
        "rls.pgtap_tests_pass",
        "migrations.advisors_report_no_warnings",  # two permissive policies for one verb: advisory
    }


def test_a_seed_row_gone(faulty: Callable[..., Done]) -> None:
    def change(pack: Path) -> None:
        seed = pack / "supabase" / "seed.sql"
        seed.write_text(seed.read_text() + "\ndelete from public.votes where ctid = (select min(ctid) from public.votes);\n")

    done = faulty(change)
    assert done.exit_code == 1, done.said
    assert "seed.row_counts_match" in fails(done)
    assert fails(done) <= {"seed.row_counts_match", "seed.applied_twice_changes_nothing"}


def test_a_migration_that_does_not_apply(faulty: Callable[..., Done]) -> None:
    done = faulty(
        lambda pack: add_migration(
            pack,
            "20251201000000_bad.sql",
            "create table public.more (id int primary key);\nselect 1 / 0;\n",
            "drop table public.more;\n",
        ),
        only="migrations",
    )
    assert done.exit_code == 1, done.said
    assert "migrations.applies_on_twin" in fails(done)
    assert "20251201000000_bad.sql" in done.said
    assert "22012" in done.said
    assert done.results["migrations.pushed_to_target"] == "error"


def test_no_migrations_at_all_is_never_a_pass(faulty: Callable[..., Done]) -> None:
    def change(pack: Path) -> None:
        for path in (pack / "supabase" / "migrations").iterdir():
            path.unlink()

    done = faulty(change)
    assert done.exit_code == 2, done.said
    assert done.results["migrations.found"] == "error"
    assert "Traceback" not in done.said
