"""Which files the CLI would apply, and what each holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.clients.supabase.migration_files import MigrationSet, find_migrations
from lib.clients.supabase.migration_history import AppliedMigration, find_edited
from lib.core.errors import TargetError


def pack_of(folder: Path, **files: str) -> Path:
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (migrations / name).write_text(text)
    return folder


def found(folder: Path, files: dict[str, str]) -> MigrationSet:
    return find_migrations(pack_of(folder, **files))


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    migrations = found(tmp_path, {"20250102_b.sql": "select 2", "20250101_a.sql": "select 1"})
    assert [(file.version, file.name) for file in migrations.files] == [
        ("20250101", "20250101_a.sql"),
        ("20250102", "20250102_b.sql"),
    ]


def test_an_sql_file_that_the_cli_skips_is_listed_apart(tmp_path: Path) -> None:
    migrations = found(tmp_path, {"20250101_a.sql": "", "add_votes.sql": "", "20250102.sql": "", "claude.md": "not SQL"})
    assert migrations.unfit == ("20250102.sql", "add_votes.sql")


def test_one_version_in_two_files_is_found(tmp_path: Path) -> None:
    migrations = found(tmp_path, {"20250101_a.sql": "", "20250101_b.sql": "", "20250102_c.sql": ""})
    assert migrations.duplicates == {"20250101": ["20250101_a.sql", "20250101_b.sql"]}


def test_pending_is_what_the_history_lacks(tmp_path: Path) -> None:
    migrations = found(tmp_path, {"1_a.sql": "", "2_b.sql": "", "3_c.sql": ""})
    assert [file.name for file in migrations.pending(["1", "3"])] == ["2_b.sql"]


def test_a_rollback_is_found_by_its_migration(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, **{"1_a.sql": "select 1"})
    (pack / "supabase" / "rollbacks").mkdir()
    (pack / "supabase" / "rollbacks" / "1_a.sql").write_text("select 2")
    assert find_migrations(pack).rollbacks["1_a.sql"].text == "select 2"


def test_a_pack_without_the_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no folder supabase/migrations"):
        find_migrations(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (pack_of(tmp_path) / "supabase" / "migrations" / "1_a.sql").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetError, match=r"1_a\.sql"):
        find_migrations(tmp_path)


@pytest.mark.parametrize(
    ("text", "atomic"),
    [
        ("create table a (b int); create index on a (b)", True),
        ("create index concurrently i on a (b)", True),
        ("create table a (b int); create index concurrently i on a (b)", False),
        ("begin; create table a (b int); commit", False),
        ("create table a (b int); vacuum a; select 1", False),
        ("vacuum analyze a", True),
        ("create table a (b int); alter system set work_mem = '1MB'", False),
        ("create table a (b int); do $$ begin commit; end $$", False),
        ("do $$ begin insert into a values (1); COMMIT AND CHAIN; end $$", False),
        ("do $$ begin perform 'commit;'; /* commit; */ raise notice 'rollback;'; end $$; select 1", True),
        ("create table a (b int); alter table a add c int; reindex table a; cluster a using i", True),
        ("do $$ begin null; end $$; comment on table a is 'create index concurrently; begin'", True),
    ],
)
def test_a_file_that_may_stay_half_applied_is_recognised(tmp_path: Path, text: str, atomic: bool) -> None:
    assert found(tmp_path, {"1_a.sql": text}).files[0].is_atomic is atomic


APPLIED = AppliedMigration(version="1", name="a", statements=("create table a (b int)", "select 1"))


@pytest.mark.parametrize("text", ["create table a (b int); select 1;", "-- why\nCREATE TABLE a\n (b int);\nselect 1"])
def test_a_file_as_applied_is_no_drift(tmp_path: Path, text: str) -> None:
    assert find_edited(found(tmp_path, {"1_a.sql": text}).files, [APPLIED]) == []


def test_a_file_edited_after_it_was_applied_is_drift(tmp_path: Path) -> None:
    files = found(tmp_path, {"1_a.sql": "create table a (b bigint); select 1"}).files
    assert find_edited(files, [APPLIED]) == ["1_a.sql"]


def test_what_was_not_recorded_can_not_be_called_edited(tmp_path: Path) -> None:
    files = found(tmp_path, {"1_a.sql": "select 5", "2_b.sql": "select 6"}).files
    assert find_edited(files, [AppliedMigration(version="1", name="a", statements=None)]) == []


@pytest.mark.parametrize("where", ["migrations", "rollbacks"])
def test_what_is_no_file_of_the_project_is_named_at_once(tmp_path: Path, where: str) -> None:
    pack = pack_of(tmp_path / "pack", **{"1_a.sql": "select 1"})
    folder = pack / "supabase" / where
    folder.mkdir(exist_ok=True)
    made: dict[str, Callable[[Path], object]] = {
        "a named pipe, not a file": os.mkfifo,
        "a link to something outside the project": lambda path: path.symlink_to("/etc/passwd"),
        "a link that leads nowhere": lambda path: path.symlink_to(path.name),
        "a folder, not a file": Path.mkdir,
        "has a NUL byte at line 2": lambda path: path.write_bytes(b"select 1;\n\0"),
        "is UTF-16 text": lambda path: path.write_bytes("select 1".encode("utf-16")),
        "byte 0xe4 at line 1": lambda path: path.write_bytes("select 'ä'".encode("latin-1")),
        "more than the 17 MB": lambda path: os.truncate(path, 2 * 1024**3) if path.touch() is None else None,
    }
    for said, make in made.items():
        path = folder / "2_b.sql"
        make(path)
        with pytest.raises(TargetError) as caught:
            find_migrations(pack)
        assert f"supabase/{where}/2_b.sql" in caught.value.message
        assert said in caught.value.message
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "2_b.sql").write_bytes(b"\xef\xbb\xbfselect 1;")
    (folder / "claude.md").symlink_to("/etc/passwd")
    assert find_migrations(pack).files[0].name == "1_a.sql"


def test_the_cli_knows_no_capital_letters_in_an_ending(tmp_path: Path) -> None:
    assert found(tmp_path, {"20250101_a.sql": "", "20250102_b.SQL": "select 1"}).unfit == ("20250102_b.SQL",)


ENDS = 'create or replace procedure public."Tidy"() language plpgsql as $$ begin commit; end $$'


@pytest.mark.parametrize(
    ("texts", "atomic"),
    [
        ([f'{ENDS}; call public."Tidy"()'], [False]),
        ([ENDS, 'select 1; call "Tidy"()'], [True, False]),
        ([ENDS, 'call public . "Tidy"()'], [True, False]),
        ([ENDS, "select 1; call public.tidy()"], [True, True]),
        ([ENDS.replace("commit;", "perform 1;"), 'select 1; call public."Tidy"()'], [True, True]),
        (["create table a (b int); discard all"], [False]),
        (["create table a (b int); drop subscription s"], [False]),
        (["create table a (b int); alter database postgres set tablespace fast"], [False]),
        (["create table a (b int); alter database postgres set lock_timeout = 1"], [True]),
    ],
)
def test_what_commits_in_the_middle_is_seen_in_every_file(tmp_path: Path, texts: list[str], atomic: list[bool]) -> None:
    files = found(tmp_path, {f"{number}_a.sql": text for number, text in enumerate(texts, start=1)}).files
    assert [file.is_atomic for file in files] == atomic


@pytest.mark.parametrize(
    ("text", "narrows"),
    [
        ("alter table public.a add constraint u unique (b)", True),
        ('alter table only "A" add primary key (b)', True),
        ("alter table if exists a add exclude using gist (b with &&)", True),
        ("create unique index concurrently if not exists i on public.a using btree (b)", True),
        ("create table public.a (b int); create unique index i on public.a (b)", False),
        ("create table if not exists a (b int); alter table public.a add unique (b)", False),
        ("create index i on a (b)", False),
        ("alter table a add column b int", False),
        ("create table a (b int unique)", False),
    ],
)
def test_a_file_that_allows_fewer_rows_is_known(tmp_path: Path, text: str, narrows: bool) -> None:
    assert found(tmp_path, {"1_a.sql": text}).files[0].narrows is narrows
