"""Each kind of fault of migrations is found by the check that is about it, and each harmless change by none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.faults import End, Trial
from lib.core.results import Provenance
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import load_params
from lib.run.stack import find_supabase
from lib.tasks.faults import Fault
from lib.tasks.migrations import looks
from lib.tasks.migrations.faults import FAULTS
from lib.tasks.migrations.task import Migrations
from lib.transport.context import Context, Programs
from tests.support.faults import try_faults, unfound
from tests.tasks.migrations.test_looks import FILES, ROLLBACKS, SEED, squawk_binary, write


@pytest.fixture(scope="module")
def context(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context[Migrations]]:
    folder = tmp_path_factory.mktemp("migration_faults")
    write(folder / "pack/supabase/migrations", FILES)
    write(folder / "pack/supabase/rollbacks", ROLLBACKS)
    write(folder / "pack/supabase", {"seed.sql": SEED})
    (folder / "work").mkdir()
    target = postgres_server.create_hosted_database("migration_faults")
    yield Context(
        environment="local",
        pack=folder / "pack",
        settings=Migrations(
            max_exclusive_lock_ms=150,
            max_blocked_ms=1000,
            scales=[1],
            schemas=["public", "private"],
            rollbacks_from="",
            lock_wait_s=0.2,
            command_timeout_s=60,
        ),
        sections={"seed": load_params("local", variables={}).sections["seed"]},
        target=target,
        scratch=postgres_server.database("postgres", role="supabase_admin"),
        programs=Programs(supabase=find_supabase(None), squawk=squawk_binary(), postgres_bin=postgres_server.bin_dir),
        work=folder / "work",
        kept=folder,
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )
    postgres_server.drop_database("migration_faults")


@pytest.fixture(scope="module")
def rehearsal(context: Context[Migrations]) -> Any:
    twin = looks.look_at_twin(context).facts
    return looks.look_at_rehearsal(context, twin=twin).facts


def kind_of(fault: Fault) -> str:
    """Return what of a place says the kind of change, without the file or object that it is made to."""
    return fault.place.partition(" in ")[0].partition(":")[0].partition(" after ")[0]


def ends(trials: list[Trial], end: End) -> set[str]:
    return {one.operator for one in trials if one.end is end}


@pytest.mark.parametrize("look", [looks.look_at_files, looks.look_at_lint], ids=lambda look: look.name)
def test_faults_of_files_are_found_and_nothing_else(look, context, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, look, context, tmp_path)
    assert unfound(trials) == []
    assert ends(trials, End.FOUND) and ends(trials, End.QUIET)


@pytest.mark.parametrize("look", [looks.look_at_history, looks.look_at_dry_run], ids=lambda look: look.name)
def test_faults_of_the_history_are_found_and_nothing_else(look, context, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, look, context, tmp_path, most=1)
    assert unfound(trials) == []
    assert ends(trials, End.FOUND) and ends(trials, End.QUIET)


@pytest.mark.parametrize("look", [looks.look_at_locks, looks.look_at_background], ids=lambda look: look.name)
def test_faults_of_a_rehearsal_are_found_and_nothing_else(look, context, rehearsal, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, look, context, tmp_path, rehearsal=rehearsal)
    assert unfound(trials) == []
    assert len(ends(trials, End.FOUND)) == 2 and len(ends(trials, End.QUIET)) == 1


def test_a_wrong_rollback_is_found_and_another_spelling_is_not(context, rehearsal, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, looks.look_at_rollbacks, context, tmp_path, one_each=kind_of, rehearsal=rehearsal)
    made = [one for one in trials if one.end is not End.NOT_MADE]
    assert unfound(made) == []
    assert len(ends(made, End.FOUND)) == 3 and len(ends(made, End.QUIET)) == 1
    kept = {one.place.partition(" after ")[0] for one in made if one.operator == "a rollback does too much"}
    assert {"a policy is gone", "a column is gone", "a right is taken", "row level security is off"} <= kept


def test_a_migration_that_fails_or_that_rows_break_is_found(context, rehearsal, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    twin = rehearsal.twin
    trials = try_faults(FAULTS, looks.look_at_rehearsal, context, tmp_path, most=1, twin=twin)
    assert unfound(trials) == [] and len(trials) == 3


def test_faults_after_the_push_are_found_and_nothing_else(context, rehearsal, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pushed = try_faults(FAULTS, looks.push_to_target, context, tmp_path, most=1, rehearsal=rehearsal)
    assert unfound(pushed) == [] and len(ends(pushed, End.FOUND)) == 3 and len(ends(pushed, End.QUIET)) == 1
    trials = try_faults(FAULTS, looks.look_at_match, context, tmp_path, one_each=kind_of, rehearsal=rehearsal)
    made = [one for one in trials if one.end is not End.NOT_MADE]
    assert unfound(made) == [] and len(made) > 20 and ends(made, End.QUIET) == {"no definition is changed"}
    advised = try_faults(FAULTS, looks.look_at_advisors, replace(context), tmp_path, most=1)
    assert unfound(advised) == [] and len(ends(advised, End.FOUND)) == 2
