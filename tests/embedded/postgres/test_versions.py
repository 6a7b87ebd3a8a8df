"""Each version that hosted projects run starts, looks hosted, and is chosen for the project that runs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.clients.postgres.dumps import read_major
from lib.core.errors import WorkbookError
from lib.embedded.postgres.overlay import EXTENSIONS_FOR_POSTGRES
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.postgres.stand_ins import simulated_in
from lib.embedded.postgres.versions import DEFAULT_MAJOR, MAJORS, choose_major, nearest
from lib.embedded.state_folders import state_base
from lib.transport.database import Database

ROOT = Path(__file__).resolve().parents[3]
CONFIG = Path("pack/supabase/config.toml")
ROLES = {"anon", "authenticated", "authenticator", "dashboard_user", "postgres", "service_role", "supabase_admin"}


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """Yield a server of each version; those that the session has anyway are shared."""
    shared = {DEFAULT_MAJOR: "postgres_server", 18: "postgres_18_server"}
    if request.param in shared:
        yield request.getfixturevalue(shared[request.param])
        return
    folder = state_base(ROOT) / f"tests-{secrets.token_hex(4)}"
    with start_postgres(folder, tools=ROOT / ".tools", major=request.param) as started:
        yield started


@pytest.fixture
def database(server: EmbeddedPostgres) -> Iterator[Database]:
    yield server.create_hosted_database("each_version")
    server.drop_database("each_version")


def test_each_version_starts_and_has_the_roles_and_both_templates(server: EmbeddedPostgres, database: Database) -> None:
    assert database.value("select current_setting('server_version_num')::int / 10000") == server.major
    assert {row["rolname"] for row in database.rows("select rolname from pg_roles")} >= ROLES
    templates = database.rows("select datname as name from pg_database where starts_with(datname, 'hosted_template') order by 1")
    assert [row["name"] for row in templates] == ["hosted_template", "hosted_template_classic"]
    assert database.value("select lower('ÄÉ') = 'äé' and 'B' < 'a'"), "the locale is C.UTF-8"


def test_postgres_creates_every_extension_it_may_create_when_hosted(server: EmbeddedPostgres, database: Database) -> None:
    with database.connect() as connection:
        for name in EXTENSIONS_FOR_POSTGRES:
            connection.execute(f'create extension if not exists "{name}" with schema extensions cascade')
        connection.execute("set local search_path = extensions")
        assert connection.execute("select unaccent('é') as plain").fetchone() == {"plain": "e"}
        assert connection.execute("select plan(1)").fetchone() == {"plan": "1..1"}
        assert connection.execute("select xpath_string('<a>b</a>', '/a') as text").fetchone() == {"text": "b"}
        assert connection.execute("select '[1,2]'::vector <-> '[1,3]' as distance").fetchone() == {"distance": 1.0}
    assert ("vector" in simulated_in(database)) == (server.major != 18)


def test_the_clients_can_dump_and_restore_each_version(server: EmbeddedPostgres) -> None:
    programs = {name: read_major(server.bin_dir / name) for name in ("pg_dump", "pg_restore", "psql")}
    assert set(programs.values()) == ({16} if server.major == 15 else {18})


def test_a_version_that_is_not_here_is_refused_in_one_sentence(base: Path) -> None:
    with pytest.raises(WorkbookError, match="no embedded PostgreSQL 16, only 15, 17 and 18"):
        start_postgres(base / "one", tools=ROOT / ".tools", major=16)
    assert list(base.iterdir()) == []


@pytest.mark.parametrize(
    ("live", "declared", "major"),
    [(None, None, 17), (None, 15, 15), (None, 18, 18), (18, 17, 18), (15, None, 15), (16, 16, 17), (14, 17, 15), (19, 17, 18)],
)
def test_the_target_decides_then_the_project_then_the_default(live: int | None, declared: int | None, major: int) -> None:
    assert choose_major(live=live, declared=declared, is_live=live is not None, config=CONFIG).major == major


def test_a_project_that_declares_another_version_is_told_what_to_write() -> None:
    with pytest.raises(WorkbookError) as caught:
        choose_major(live=None, declared=14, is_live=False, config=CONFIG)
    assert str(caught.value) == (
        "pack/supabase/config.toml: [db] major_version is 14, and the embedded PostgreSQL has only 15, 17 and 18. "
        "Fix: Write the hosted project's version there (`show server_version`), or upgrade it to 17."
    )


def test_a_live_target_that_does_not_answer_does_not_stop_the_start() -> None:
    assert choose_major(live=None, declared=14, is_live=True, config=CONFIG).major == 15


def test_the_nearest_version_is_the_next_newer_one() -> None:
    assert [nearest(major) for major in (9, 15, 16, 17, 18, 20)] == [15, 15, 17, 17, 18, 18]
