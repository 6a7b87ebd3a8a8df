"""The clean project that every look at row level security is tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.results import Provenance
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.rls.task import Rls
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.local_sections import local_sections
from tests.support.rls_samples import CLEAN, TEST, apply, clean_section


@pytest.fixture
def context(hosted_database: Database, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Context[Rls]:
    apply(hosted_database, *CLEAN)
    tests = tmp_path / "supabase" / "tests"
    tests.mkdir(parents=True)
    (tests / "notes.test.sql").write_text(TEST)
    return Context(
        environment="local",
        pack=tmp_path,
        settings=clean_section(),
        sections={name: one for name, one in local_sections().items() if name in ("migrations", "seed")},
        target=hosted_database,
        scratch=Database(postgres_server.superuser_url),  # as in a run: a copy of a database in use is restored by it
        programs=Programs(supabase=tmp_path, squawk=tmp_path, postgres_bin=postgres_server.bin_dir),
        work=tmp_path,
        kept=tmp_path,
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )
