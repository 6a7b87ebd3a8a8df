"""Small unknown projects, and the way back: what was observed of one, declared, is what the task rls finds there."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.clients.supabase.project_config import read_exposes_tables
from lib.core.results import Outcome, Provenance, Result
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.embedded.state_folders import own_folder, temp_root
from lib.onboarding.applied import AppliedProject, open_on
from lib.onboarding.database import observe_applied
from lib.onboarding.observed import ObservedDatabase
from lib.run.params import load_params
from lib.tasks.rls import looks as rls
from lib.tasks.rls.task import Rls
from lib.transport.context import Context, Programs

ROWS = "launch/rows.sql"


def silent(_: str) -> None:
    """Take no notice of progress."""


def write_pack(folder: Path, *migrations: str, seed: str = "", config: str = "") -> Path:
    """Write a project with these migrations, in order."""
    supabase = folder / "supabase"
    (supabase / "migrations").mkdir(parents=True)
    (supabase / "config.toml").write_text(config or '[api]\nschemas = ["public"]\n[db]\nmajor_version = 17\n')
    for number, text in enumerate(migrations, start=1):
        (supabase / "migrations" / f"2025010100000{number}_step.sql").write_text(text)
    if seed:
        (supabase / "seed.sql").write_text(seed)
    return folder


@contextmanager
def apply_on(server: EmbeddedPostgres, pack: Path, *, twice: bool = True) -> Iterator[AppliedProject]:
    """Yield a project applied to databases of a server that runs already."""
    name = f"test_{secrets.token_hex(6)}"
    like = server.create_hosted_database(name, auto_expose_new_tables=read_exposes_tables(pack))
    work = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    try:
        with open_on(server, like, pack, work=work, emit=silent, twice=twice) as applied:
            yield applied
    finally:
        server.drop_database(name)
        shutil.rmtree(work)


def observe(pack: Path, server: EmbeddedPostgres) -> ObservedDatabase:
    """Return what is observed of a project on a server that runs already."""
    with apply_on(server, pack) as applied:
        return observe_applied(applied, pack, emit=silent)


def look_again(pack: Path, seen: ObservedDatabase, work: Path, server: EmbeddedPostgres) -> dict[str, Result]:
    """Declare what was observed, apply the project anew, and return what the task rls finds, by the check's name."""
    rows = pack / ROWS
    if seen.rehearsal_rows:
        rows.parent.mkdir(exist_ok=True)
        rows.write_text(seen.rehearsal_rows)
    sections = load_params("local", variables={}).sections
    settings = Rls.model_validate(
        {
            "schemas": list(seen.exposed_schemas),
            "statement_timeout_s": 10,
            "identities": seen.identities,
            "scopes": seen.scopes,
            "matrix": seen.matrix,
        }
    )
    changed: dict[str, Any] = {"rehearsal_rows": ROWS if seen.rehearsal_rows else ""}
    with apply_on(server, pack, twice=False) as applied:
        context = Context(
            environment="local",
            pack=pack,
            settings=settings,
            sections={"migrations": sections["migrations"], "seed": sections["seed"].model_copy(update=changed)},
            target=applied.database,
            scratch=applied.database,
            programs=Programs(supabase=work, squawk=work, postgres_bin=work),
            work=work,
            kept=work,
            is_rehearsal=True,
            provenances={"database": Provenance.EMBEDDED},
            embedded=frozenset({"database"}),
        )
        found = [one for look in (rls.look_at_tables, rls.look_at_matrix, rls.look_at_grants) for one in look(context).results]
    return {one.check.partition(".")[2]: one for one in found}


MUST_PASS = ("probes_could_be_made", "matrix_matches_declared", "every_table_is_declared")


def failing(results: dict[str, Result]) -> dict[str, str]:
    """Return the detail of each check that the way back is about and that did not pass."""
    return {name: results[name].detail for name in MUST_PASS if results[name].outcome is not Outcome.PASS}
