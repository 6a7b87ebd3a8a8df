"""Each kind of fault is found by the check that is about it, and each harmless change by none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lib.clients.supabase.seed_files import find_seed_files
from lib.core.faults import End
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import load_params
from lib.run.stack import find_supabase
from lib.tasks.seed import looks as seed
from lib.tasks.seed.faults import FAULTS
from lib.tasks.seed.task import Seed
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.faults import try_faults, unfound
from tests.tasks.seed.test_looks import MIGRATION, SEED, section


@pytest.fixture(scope="module")
def context(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Context[Seed]:
    folder = tmp_path_factory.mktemp("seed_faults")
    (folder / "pack/supabase/migrations").mkdir(parents=True)
    (folder / "work").mkdir()
    (folder / "pack/supabase/migrations/20250101000000_first.sql").write_text(MIGRATION)
    (folder / "pack/supabase/seed.sql").write_text(SEED)
    database: Database = postgres_server.create_hosted_database("seed_faults")
    sections = load_params("local", variables={}).sections
    given = Context(
        environment="local",
        pack=folder / "pack",
        settings=section(),
        sections={**sections, "migrations": sections["migrations"].model_copy(update={"schemas": ["public"]})},
        target=database,
        scratch=Database(postgres_server.superuser_url),
        programs=Programs(
            supabase=find_supabase(None), squawk=Path("squawk"), postgres_bin=postgres_server.bin_dir, flyctl=Path("flyctl")
        ),
        work=folder / "work",
        kept=folder,
        embedded=frozenset({"database"}),
    )
    found = seed.look_at_application(given)
    assert found.facts is not None
    return given


LOOKS = (seed.look_at_rows, seed.look_at_constraints, seed.look_at_emails, seed.look_at_application)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_every_fault_is_found_and_nothing_else(look, context: Context[Seed], tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    arguments = {"applied": find_seed_files(context.pack)} if look is seed.look_at_rows else {}
    trials = try_faults(FAULTS, look, context, tmp_path, **arguments)
    assert unfound(trials) == []
    assert {one.end for one in trials} >= {End.FOUND}


def test_a_seed_that_may_not_run_twice_is_found(context: Context[Seed], tmp_path: Path) -> None:
    applied = find_seed_files(context.pack)
    trials = try_faults(FAULTS, seed.look_at_second_application, replace(context), tmp_path, most=1, applied=applied)
    assert {one.end for one in trials} == {End.FOUND, End.QUIET} and unfound(trials) == []
