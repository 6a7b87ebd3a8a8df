"""A twin that is its target is said to be; each kind of difference is named, and counts where something rests on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.clients.postgres.fidelity import Fidelity, measure_fidelity, rest_on
from lib.clients.postgres.twin import make_twin
from lib.core.results import Check, Findings, Outcome
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import state_base
from lib.transport.database import Database

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ["public", "private"]


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


@pytest.fixture
def target(other_server: EmbeddedPostgres) -> Iterator[Database]:
    """Yield a target with an ordinary pack, on a server that is not the scratch server."""
    name = f"target_{secrets.token_hex(4)}"
    database = other_server.create_hosted_database(name)
    run(database, "create table public.notes (id bigint generated always as identity primary key, body text)")
    yield database
    other_server.drop_database(name)


@pytest.fixture
def admin(other_server: EmbeddedPostgres, target: Database) -> Database:
    """Return the target as its superuser."""
    return other_server.database(target.name, role="supabase_admin")


class Measure:
    """Makes a twin of a target and measures it."""

    def __init__(self, server: EmbeddedPostgres, work: Path) -> None:
        self.server, self.work = server, work

    def __call__(self, target: Database, texts: dict[str, str] | None = None) -> Fidelity:
        scratch = self.server.database("postgres", role="supabase_admin")
        with make_twin(target, scratch, schemas=SCHEMAS, postgres_bin=self.server.bin_dir, work=self.work, timeout_s=60) as twin:
            return measure_fidelity(target, twin, schemas=SCHEMAS, texts=texts or {})


@pytest.fixture(scope="module")
def scratch_server() -> Iterator[EmbeddedPostgres]:
    """Yield a server for the twins of targets on other servers: its roles become like theirs."""
    with start_postgres(state_base(ROOT) / f"tests-{secrets.token_hex(4)}", tools=ROOT / ".tools") as server:
        yield server


@pytest.fixture
def measure(scratch_server: EmbeddedPostgres, tmp_path: Path) -> Measure:
    return Measure(scratch_server, tmp_path)


def named(fidelity: Fidelity) -> list[str]:
    return [one.display_name for one in fidelity.decisive]


def test_a_twin_on_the_targets_own_server_is_faithful(
    postgres_server: EmbeddedPostgres, hosted_database: Database, tmp_path: Path
) -> None:
    run(hosted_database, "create table public.notes (id int primary key, body text)")
    found = Measure(postgres_server, tmp_path)(hosted_database)
    assert (found.divergences, found.account) == ((), "")
    assert found.is_faithful
    assert found.target_version.startswith("17.") and min(found.compared[kind] for kind in ("objects", "roles", "settings")) > 0


def test_a_twin_on_another_server_of_the_same_version_is_faithful(measure: Measure, target: Database) -> None:
    assert measure(target).divergences == ()


def test_another_version_unmakes_it(measure: Measure, hosted_database_18: Database) -> None:
    found = measure(hosted_database_18)
    assert found.account.startswith("The target is PostgreSQL 18.") and "and the twin 17." in found.account


def test_what_can_be_copied_is_copied_and_the_twin_is_faithful(measure: Measure, target: Database, admin: Database) -> None:
    role = f"own_{secrets.token_hex(4)}"
    run(
        admin,
        f"""
        create role {role} nologin noinherit createdb bypassrls;
        grant anon to {role} with admin option;
        alter role {role} set work_mem = '5MB';
        alter database {target.name} set statement_timeout = '77s';
        alter database {target.name} set timezone = 'Asia/Kathmandu';
        alter role postgres in database {target.name} set search_path = public, extensions;
        alter default privileges for role postgres revoke execute on functions from public;
        alter default privileges for role postgres grant select on tables to {role} with grant option;
        create extension pg_trgm with schema public version '1.5';
        drop extension pg_stat_statements;
        drop publication supabase_realtime;
        create publication ours for table public.notes with (publish = 'insert');
        alter publication ours owner to postgres;
        create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function public.watch();
        """.replace(
            "create event",
            "create function public.watch() returns event_trigger language plpgsql as 'begin end'; "
            "alter function public.watch() owner to postgres; create event",
        ),
    )
    found = measure(target)
    assert found.divergences == ()
    assert found.compared["default privileges"] > 0


def test_a_session_of_the_launch_starts_as_on_the_target(
    scratch_server: EmbeddedPostgres, target: Database, admin: Database, tmp_path: Path
) -> None:
    run(admin, f"alter role postgres in database {target.name} set statement_timeout = '123s'")
    scratch = scratch_server.database("postgres", role="supabase_admin")
    place = {"schemas": SCHEMAS, "postgres_bin": scratch_server.bin_dir, "work": tmp_path, "timeout_s": 60}
    with make_twin(target, scratch, **place) as twin, twin.connect_as_launcher() as connection:
        assert connection.execute("select current_setting('statement_timeout') as t").fetchone() == {"t": "123s"}


@pytest.mark.parametrize(
    ("use", "texts", "why"),
    [
        ("create table public.shapes (s public.shape[])", {}, "used by column s of table shapes"),
        (
            "create function private.f() returns text language plpgsql as 'begin return shape_of (3); end'",
            {},
            "called by private.f()",
        ),
        ("", {"2_shapes.sql": "alter table notes add s shape;"}, "named in 2_shapes.sql"),
        ("", {"2_shapes.sql": "create extension if not exists there_only;"}, "named in 2_shapes.sql"),
    ],
)
def test_an_extension_that_is_lacked_and_used_unmakes_it(
    measure: Measure, target: Database, use: str, texts: dict[str, str], why: str
) -> None:
    run(target, f"create schema if not exists private; create extension there_only with schema public; {use}")
    found = measure(target, texts)
    assert named(found)[0] == f"the twin lacks the extension there_only ({why})"
    assert found.account.startswith("The twin lacks the extension there_only")


def test_an_extension_that_is_lacked_and_not_used_is_only_listed(measure: Measure, target: Database) -> None:
    run(target, "create schema elsewhere; create extension there_only with schema elsewhere")
    found = measure(target, {"2_more.sql": "-- a shape, or elsewhere.shape_of(1)\nselect shape_of('there_only shape_')"})
    assert found.is_faithful
    assert [(one.what, one.target, one.twin, one.why) for one in found.divergences] == [
        ("the extension there_only", "1.0 in elsewhere", None, "nothing here uses it")
    ]
    found = measure(target, {"2_more.sql": "select elsewhere.shape_of(1)"})
    assert named(found) == ["the twin lacks the extension there_only (named in 2_more.sql)"]


def test_an_extension_that_only_could_be_created_counts_when_a_file_creates_it(measure: Measure, target: Database) -> None:
    assert measure(target).is_faithful
    found = measure(target, {"2_more.sql": 'create extension "there_only";'})
    assert named(found) == ["the twin lacks the extension there_only (named in 2_more.sql)"]


def test_a_type_that_the_twin_lacks_names_the_table_and_the_reason(measure: Measure, target: Database) -> None:
    run(target, "create schema elsewhere; create type elsewhere.mood as enum ('a'); create table public.moody (m elsewhere.mood)")
    found = measure(target)
    assert not found.is_faithful
    assert any("public.moody" in one and 'schema "elsewhere" does not exist' in one for one in named(found))


def test_a_superuser_is_not_copied_and_counts_when_the_launch_is_one(measure: Measure, target: Database, admin: Database) -> None:
    assert measure(target).is_faithful
    assert [one.what for one in measure(admin).decisive] == ["the role of the launch"]
    run(admin, "alter role dashboard_user superuser")
    try:
        assert measure(target).is_faithful
        found = measure(target, {"2_more.sql": "set role dashboard_user;"})
        assert len(named(found)) == 1 and "the role dashboard_user" in named(found)[0] and "2_more.sql" in named(found)[0]
    finally:
        run(admin, "alter role dashboard_user nosuperuser")


def test_a_role_that_only_the_twin_has_counts_when_a_file_names_it(
    measure: Measure, target: Database, scratch_server: EmbeddedPostgres
) -> None:
    role = f"here_{secrets.token_hex(4)}"
    scratch = scratch_server.database("postgres", role="supabase_admin")
    run(scratch, f"create role {role}")
    try:
        assert measure(target).is_faithful
        found = measure(target, {"2_more.sql": f"grant select on public.notes to {role};"})
        assert named(found) == [f"only the twin has the role {role} (named in 2_more.sql)"]
    finally:
        run(scratch, f"drop role {role}")


def test_a_library_of_the_platform_does_not_count_and_a_secret_setting_is_not_shown(
    measure: Measure, target: Database, admin: Database
) -> None:
    run(admin, f"alter database {target.name} set app.settings.jwt_secret = 'very-secret-value'")
    run(admin, f"alter role authenticator in database {target.name} set session_preload_libraries = 'safeupdate'")
    found = measure(target)
    assert found.is_faithful
    assert [(one.what, one.twin) for one in found.divergences] == [("session_preload_libraries of authenticator", None)]
    assert "very-secret-value" not in repr(found)


def test_results_that_rest_on_another_database_are_errors_and_keep_what_was_seen() -> None:
    check = Check("x.y", "y", doc="d")
    seen = Findings(results=[check.passed(), check.failed(detail="Row 3."), check.not_due("None due."), check.errored("No.")])
    assert rest_on(seen, "", fix="See x.") is seen
    found = rest_on(seen, "The twin lacks a.", fix="See x.")
    assert [one.outcome for one in found.results] == [Outcome.ERROR, Outcome.ERROR, Outcome.SKIP, Outcome.ERROR]
    assert [one.detail for one in found.results] == [
        "The twin lacks a. It passes there.", "The twin lacks a. It fails there: Row 3.", "None due.", "No.",
    ]  # fmt: skip
    assert found.results[1].fix == ("See x.",)
