"""Rows for trials are added inside a transaction that is rolled back, and nowhere else; a file that would leave it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.postgres.rls.probe import observe_matrix
from lib.clients.supabase.rehearsal_rows import read_rows, rows_to_add
from lib.core.errors import DatabaseError, TargetError
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, CAT, NOTES, apply, section

ROWS = "".join(f"insert into public.notes (owner, title) values ('{who}', 'made');\n" for who in (ANA, BEN, CAT))


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "launch").mkdir()
    return tmp_path


def write(pack: Path, text: str) -> str:
    (pack / "launch/rows.sql").write_text(text)
    return "launch/rows.sql"


@pytest.fixture
def empty(hosted_database: Database) -> Database:
    """The notes' database with no note in it."""
    apply(hosted_database, NOTES, "delete from public.notes", "revoke all on public.notes from anon, authenticated, service_role")
    apply(hosted_database, "grant select, insert, update, delete on public.notes to authenticated, service_role")
    return hosted_database


def test_with_the_rows_every_cell_is_told_and_none_stays(empty: Database, pack: Path) -> None:
    without = observe_matrix(empty, section())
    assert Outcome.ERROR in {cell.outcome for cell in without}
    prepare = rows_to_add(pack, write(pack, ROWS), empty, timeout_s=5)
    assert {cell.outcome for cell in observe_matrix(empty, section(), prepare=prepare)} == {Outcome.PASS}
    assert empty.value("select count(*) from public.notes") == 0


def test_rows_made_inside_a_block_are_not_taken_for_what_an_attempt_wrote(empty: Database, pack: Path) -> None:
    block = f"do $$ begin {ROWS} exception when division_by_zero then null; end $$;"
    prepare = rows_to_add(pack, write(pack, block), empty, timeout_s=5)
    assert {cell.outcome for cell in observe_matrix(empty, section(), prepare=prepare)} == {Outcome.PASS}


def test_a_hole_is_found_on_the_made_rows(empty: Database, pack: Path) -> None:
    apply(empty, "alter policy notes_drop on public.notes using (true)")
    prepare = rows_to_add(pack, write(pack, ROWS), empty, timeout_s=5)
    failed = [cell for cell in observe_matrix(empty, section(), prepare=prepare) if cell.outcome is Outcome.FAIL]
    assert [(cell.role, cell.verb) for cell in failed] == [("authenticated", "delete")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("begin; insert into public.notes (owner, title) values (null, ''); commit;", "BEGIN"),
        (f"{ROWS}commit;", "COMMIT"),
        ("rollback;", "ROLLBACK"),
        ("prepare transaction 'kept';", "PREPARE"),
        ("vacuum;", "VACUUM"),
        ("do $$ begin commit; end $$;", "DO"),
        ("select 1 \\gexec", "a command of psql"),
        ("copy public.notes from stdin;", "COPY"),
    ],
)
def test_what_would_leave_the_transaction_is_refused_by_name(pack: Path, text: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        read_rows(pack, write(pack, text))


@pytest.mark.parametrize("path", ["/etc/hostname", "../rows.sql", "launch/missing.sql"])
def test_only_a_file_of_the_project_is_read(pack: Path, path: str) -> None:
    with pytest.raises(TargetError):
        read_rows(pack, path)


def test_no_path_means_no_rows(pack: Path, empty: Database) -> None:
    assert read_rows(pack, "") is None
    assert rows_to_add(pack, "", empty, timeout_s=5) is None


def test_a_row_that_is_refused_is_named_by_its_line(empty: Database, pack: Path) -> None:
    prepare = rows_to_add(pack, write(pack, "select 1;\ninsert into public.notes (owner) values (null);"), empty, timeout_s=5)
    with pytest.raises(DatabaseError, match=r"launch/rows.sql, line 2: null value"):
        observe_matrix(empty, section(), prepare=prepare)


def test_rows_that_never_end_are_ended(empty: Database, pack: Path) -> None:
    prepare = rows_to_add(pack, write(pack, "set local statement_timeout = 0; select pg_sleep(60);"), empty, timeout_s=0.5)
    with pytest.raises(TargetError, match="line 1: It did not end within"):
        observe_matrix(empty, section(), prepare=prepare)


def test_a_role_that_is_kept_is_refused(empty: Database, pack: Path) -> None:
    prepare = rows_to_add(pack, write(pack, "set local role authenticated;"), empty, timeout_s=5)
    with pytest.raises(TargetError, match="left its transaction or its role"):
        observe_matrix(empty, section(), prepare=prepare)
