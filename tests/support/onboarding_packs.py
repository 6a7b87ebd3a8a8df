"""Small unknown projects, and the way back: what was observed of one, declared, is what the task rls finds there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib.core.results import Outcome, Provenance, Result
from lib.onboarding.applied import open_project
from lib.onboarding.database import observe_database
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


def observe(pack: Path, *, emit: Callable[[str], None] = silent) -> ObservedDatabase:
    return observe_database(pack, emit=emit)


def look_again(pack: Path, seen: ObservedDatabase, work: Path) -> dict[str, Result]:
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
    with open_project(pack, emit=silent, twice=False) as applied:
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
