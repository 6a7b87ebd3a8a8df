"""On a live database roles are tried on a twin that the fixtures fill, and what decides access is the same on both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import TargetError
from lib.core.permissions import Act
from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.rls import looks as rls
from lib.tasks.rls import place
from lib.tasks.rls.task import Rls
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.local_sections import local_sections
from tests.support.permissions import refused
from tests.support.rls_samples import ANA, BEN, NOTES, apply, section

TEST = "begin;\nselect plan(1);\nselect has_table('notes');\nselect * from finish();\nrollback;\n"
SEED = f"""
insert into public.notes (owner, title)
select owner, 'fixture ' || n from unnest(array['{ANA}', '{BEN}']::uuid[]) as owner, generate_series(1, 3) as n;
"""
PEOPLE = "update public.notes set title = 'a customer''s own words'"
"""The live database holds rows of people; the fixtures are not in it."""


@pytest.fixture
def live(hosted_database: Database, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Context[Rls]:
    apply(hosted_database, NOTES, "revoke all on public.notes from anon, authenticated, service_role")
    apply(hosted_database, "grant select, insert, update, delete on public.notes to authenticated, service_role", PEOPLE)
    supabase = tmp_path / "supabase"
    (supabase / "tests").mkdir(parents=True)
    (supabase / "migrations").mkdir()
    (supabase / "tests" / "notes.test.sql").write_text(TEST)
    (supabase / "seed.sql").write_text(SEED)
    (tmp_path / "work").mkdir()
    return Context(
        environment="staging",
        pack=tmp_path,
        settings=section(),
        sections={name: one for name, one in local_sections().items() if name in ("migrations", "seed")},
        target=hosted_database,
        scratch=postgres_server.database("postgres", role="supabase_admin"),
        programs=Programs(supabase=tmp_path, squawk=tmp_path, postgres_bin=postgres_server.bin_dir),
        work=tmp_path / "work",
        kept=tmp_path,
        provenances={"database": Provenance.LIVE},
        refusals=refused(),
    )


def look(context: Context[Rls]) -> dict[str, Result]:
    looks: tuple[Any, ...] = (rls.look_at_tables, rls.look_at_matrix, rls.look_at_grants, rls.look_at_pgtap)
    return {result.check.partition(".")[2]: result for one in looks for result in one.attempt(context).results}


def count(database: Database, query: str) -> Any:
    return database.value(query)


def test_every_verb_is_tried_on_a_twin_without_leave_to_write(live: Context[Rls]) -> None:
    found = look(live)
    assert {name: one.outcome for name, one in found.items()} == dict.fromkeys(found, Outcome.PASS)
    assert {found[name].provenance for name in ("matrix_matches_declared", "pgtap_tests_pass")} == {Provenance.TWIN}
    assert found["twin_grants_the_same"].provenance is None, "the live catalogue itself was read"
    assert found["matrix_matches_declared"].observed == 12


def test_the_live_database_is_left_as_it_was(live: Context[Rls]) -> None:
    query = "select count(*) || ' ' || md5(string_agg(n::text, ',' order by id)) from public.notes n"
    before = count(live.target, query)
    look(live)
    assert count(live.target, query) == before
    assert count(live.target, "select count(*) from pg_extension where extname = 'pgtap'") == 0


def test_a_hole_of_the_live_policies_is_found_on_the_twin(live: Context[Rls]) -> None:
    apply(live.target, "alter policy notes_change on public.notes using (true)")
    found = look(live)
    assert found["matrix_matches_declared"].outcome is Outcome.FAIL
    assert "authenticated update on public.notes" in found["matrix_matches_declared"].detail


def test_what_decides_access_otherwise_on_the_twin_is_named(live: Context[Rls], monkeypatch: pytest.MonkeyPatch) -> None:
    read = place.read_schema

    def read_changed(database: Database, schemas: Any) -> dict[str, str]:
        schema = read(database, schemas)
        if database is live.target:
            return {key: f"{text} changed" if key.startswith("policy") else text for key, text in schema.items()}
        return schema

    monkeypatch.setattr(place, "read_schema", read_changed)
    found = look(live)
    assert found["twin_grants_the_same"].outcome is Outcome.FAIL
    assert "policy" in found["twin_grants_the_same"].detail


def test_what_is_denied_is_read_on_the_live_database_too(live: Context[Rls], monkeypatch: pytest.MonkeyPatch) -> None:
    # The twin hides it: only the live rows are read by a policy that the twin's own lookup does not see.
    apply(
        live.target,
        "grant select on public.notes to anon",
        "create policy leak on public.notes for select to anon using (title like 'a customer%')",
    )
    found = look(live)
    assert found["matrix_matches_declared"].outcome is Outcome.FAIL
    assert "anon select on public.notes reaches" in found["matrix_matches_declared"].detail
    assert "on the live database" in found["matrix_matches_declared"].detail


def test_a_seed_that_does_not_load_is_an_error(live: Context[Rls]) -> None:
    (live.pack / "supabase" / "seed.sql").write_text("insert into public.nothing values (1);")
    found = look(live)
    assert found["matrix_matches_declared"].outcome is Outcome.ERROR
    assert "could not fill the twin" in found["matrix_matches_declared"].detail


def test_a_live_database_that_lacks_migrations_is_not_yet_what_will_be_launched(live: Context[Rls]) -> None:
    (live.pack / "supabase" / "migrations" / "20260101000000_more.sql").write_text("create table public.more ();")
    found = look(live)
    assert {one.skipped_because for one in found.values()} == {SkipReason.NOT_ALLOWED}
    assert "lacks 1 migration" in found["every_table_enabled"].detail
    allowed = replace(live, refusals=refused(Act.DEPLOY))
    with pytest.raises(TargetError, match="lacks 1 migration"):
        rls.look_at_tables(allowed)
    assert {one.outcome for one in look(allowed).values()} == {Outcome.ERROR}


def test_rehearsal_rows_are_added_on_the_twin_and_never_on_the_live_database(live: Context[Rls]) -> None:
    """The fixtures lack rows; the file has them. Its trigger on the live database would tell of any row that came there."""
    (live.pack / "supabase" / "seed.sql").unlink()
    (live.pack / "rows.sql").write_text(SEED)
    apply(
        live.target,
        "create function public.tell() returns trigger language plpgsql as $$ begin "
        "if current_database() = '" + live.target.name + "' then raise exception 'a row came to the live database'; end if; "
        "return new; end $$",
        "create trigger tell before insert on public.notes for each row execute function public.tell()",
    )
    before = count(live.target, "select md5(string_agg(n::text, ',' order by id)) from public.notes n")
    named = live.sections["seed"].model_copy(update={"rehearsal_rows": "rows.sql"})
    lacking, filled = look(live), look(replace(live, sections={**live.sections, "seed": named}))
    assert lacking["matrix_matches_declared"].outcome is Outcome.ERROR, "without rows and without a seed nothing can be told"
    assert filled["matrix_matches_declared"].outcome is Outcome.PASS
    assert filled["probes_could_be_made"].outcome is Outcome.PASS
    assert count(live.target, "select md5(string_agg(n::text, ',' order by id)) from public.notes n") == before
