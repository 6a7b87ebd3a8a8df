"""A forged archive: SQL that no pg_dump wrote stands behind its entries, and none of it reaches this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.clients.postgres.dumps import TocEntry, read_scope
from lib.clients.postgres.restores import Restore, drop_copy, make_copy, restore_dump
from lib.clients.postgres.set_apart import (
    COMMENT,
    DEFAULT_PRIVILEGES,
    EVENT_TRIGGER,
    EXTENSION,
    is_set_apart,
    make_set_apart,
    read_statements,
)
from lib.core.errors import CommandError
from lib.embedded.postgres.server import SUPERUSER, EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import state_base
from lib.transport.database import Database
from lib.transport.process import run_command

ROOT = Path(__file__).resolve().parents[3]
WIDE = "x" * 200
"""Room for what is put in the place of a statement: an archive keeps the length of each."""
SOURCE = f"""
create table public.notes (id int primary key, said text);
insert into public.notes values (1, 'one');
create view public.forged_view as select '{WIDE}'::text as said;
create index forged_index on public.notes ((said || '{WIDE}'));
"""
PLACES = {
    "pre-data": b"CREATE VIEW public.forged_view AS",
    "post-data": b"CREATE INDEX forged_index ON",
    "default privileges": b"ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public GRANT",
}
"""Where in an archive another statement is put: how the one that is there begins."""


@pytest.fixture(scope="module", params=[15, 17, 18])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    base = state_base(ROOT)
    with start_postgres(base / f"tests-{secrets.token_hex(4)}", tools=ROOT / ".tools", major=request.param) as one:
        with one.create_hosted_database("source").connect(autocommit=True) as connection:
            connection.execute(SOURCE)
        yield one


def dump(server: EmbeddedPostgres, folder: Path) -> Path:
    """Return an archive of the source in the custom format."""
    path = folder / "backup.dump"
    argv: list[str | Path] = [server.bin_dir / "pg_dump", "--format=custom", f"--file={path}", "--no-password"]
    argv += ["--schema=public"]
    done = run_command(argv, timeout_s=60, env=server.database("source").libpq_environment)
    assert done.exit_code == 0, done.stderr
    return path


def forge(path: Path, begin: bytes, statement: str) -> None:
    """Put a statement in the place of the one that begins so, at its own length."""
    content = path.read_bytes()
    at = content.index(begin)
    end = content.index(b";\n", at) + 1
    assert len(statement) <= end - at
    path.write_bytes(content[:at] + statement.encode().ljust(end - at) + content[end:])


def restore(server: EmbeddedPostgres, archive: Path, work: Path) -> Restore:
    scratch: Database = server.database("postgres", role=SUPERUSER)
    copy = make_copy(scratch)
    try:
        with server.database("source").connect() as connection:
            scope = read_scope(connection)
        return restore_dump(
            archive, copy, scope=scope, tables=(), roles=(), work=work, programs=server.bin_dir, jobs=2, timeout_s=60
        )
    finally:
        drop_copy(scratch, copy)


def test_an_archive_of_pg_dump_is_restored(server: EmbeddedPostgres, tmp_path: Path) -> None:
    done = restore(server, dump(server, tmp_path), tmp_path)
    assert done.succeeded, done.runs[-1].stderr
    assert done.reowned == ()


def test_the_program_would_leave_its_mark(server: EmbeddedPostgres, base: Path) -> None:
    base.chmod(0o777)
    with server.database("source", role=SUPERUSER).connect(autocommit=True) as connection:
        # A program that reads nothing may end before the row is written to it.
        connection.execute(f"copy (select 1) to program 'cat > {base / 'marker'}'")
    assert (base / "marker").exists()


@pytest.mark.parametrize("place", PLACES)
def test_a_forged_archive_runs_no_program(server: EmbeddedPostgres, base: Path, place: str) -> None:
    base.chmod(0o777)
    marker = base / "marker"
    archive = dump(server, base)
    forge(archive, PLACES[place], f"COPY (SELECT 1) TO PROGRAM 'touch {marker}';")
    if place == "default privileges":
        with pytest.raises(CommandError, match="a statement that pg_dump does not write there"):
            restore(server, archive, base)
    else:
        done = restore(server, archive, base)
        assert not done.succeeded
        assert "pg_execute_server_program" in done.runs[-1].stderr
    assert not marker.exists()


def test_a_forged_function_of_a_superuser_does_not_run_as_one(server: EmbeddedPostgres, base: Path) -> None:
    base.chmod(0o777)
    marker = base / "marker"
    archive = dump(server, base)
    body = f"DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {marker}'; END $$; RESET SESSION AUTHORIZATION;"
    forge(archive, PLACES["post-data"], f"RESET SESSION AUTHORIZATION; {body}")
    assert not restore(server, archive, base).succeeded
    assert not marker.exists()


GOOD = {
    DEFAULT_PRIVILEGES: [
        "ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public GRANT ALL ON TABLES TO anon;",
        'ALTER DEFAULT PRIVILEGES FOR ROLE "a b" REVOKE ALL ON FUNCTIONS FROM PUBLIC;',
        "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT,INSERT ON TABLES TO b WITH GRANT OPTION;",
    ],
    EXTENSION: ["CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions;"],
    COMMENT: ["COMMENT ON EXTENSION pg_trgm IS 'it''s text';"],
    EVENT_TRIGGER: [
        "CREATE EVENT TRIGGER t ON ddl_command_end\n         WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')\n   "
        "EXECUTE FUNCTION public.f();",
        "CREATE EVENT TRIGGER t ON sql_drop\n   EXECUTE FUNCTION public.f();",
    ],
}
BAD = {
    DEFAULT_PRIVILEGES: ["ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT ALL ON TABLES TO b; DROP TABLE c;"],
    EXTENSION: ["CREATE EXTENSION IF NOT EXISTS a WITH SCHEMA b CASCADE;", "CREATE EXTENSION IF NOT EXISTS a WITH SCHEMA b; x;"],
    COMMENT: ["COMMENT ON EXTENSION a IS 'b'; select 'c';", "COMMENT ON EXTENSION a IS E'\\'; select 1; --';"],
    EVENT_TRIGGER: ["CREATE EVENT TRIGGER t ON login\n   EXECUTE FUNCTION public.f();"],
}


@pytest.mark.parametrize(("form", "statement"), [(form, one) for form, some in GOOD.items() for one in some])
def test_what_pg_dump_writes_is_taken(form: object, statement: str) -> None:
    assert form.fullmatch(statement)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("form", "statement"), [(form, one) for form, some in BAD.items() for one in some])
def test_what_may_run_something_is_not(form: object, statement: str) -> None:
    assert not form.fullmatch(statement)  # type: ignore[attr-defined]


def test_what_only_a_superuser_restores_is_known_by_kind_and_owner() -> None:
    def entry(kind: str, name: str) -> TocEntry:
        return TocEntry(line="", kind=kind, schema="-", name=name)

    apart = [entry("EXTENSION", "pg_trgm "), entry("EVENT TRIGGER", "t postgres"), entry("DEFAULT ACL", "TABLES supabase_admin")]
    own = [entry("DEFAULT ACL", "TABLES postgres"), entry("TABLE", "t supabase_admin"), entry("COMMENT", "TABLE t postgres")]
    assert [is_set_apart(one, {"supabase_admin"}) for one in (*apart, *own)] == [True] * 3 + [False] * 3


def test_nothing_set_apart_reads_and_runs_nothing(tmp_path: Path) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    assert read_statements(tmp_path / "none", [], tmp_path / "list", programs=tmp_path, timeout_s=1) == []
    make_set_apart(nowhere, [])
