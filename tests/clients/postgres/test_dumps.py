"""What goes into a dump, what is taken out of it for a restore, and what the store believes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.postgres.chosen_entries import choose_entries, missing_extensions
from lib.clients.postgres.digests import open_reading
from lib.clients.postgres.dumps import TocEntry, check_major, list_entries, read_scope, read_sequences
from lib.clients.postgres.restores import drop_copy, make_copy, restore_dump
from lib.core.errors import CommandError, DatabaseError, TargetError
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.backup_restore.backup import Backup, take_backup
from lib.tasks.backup_restore.store import (
    MANIFEST,
    KeptBackup,
    choose_expired,
    choose_good,
    find_damage,
    hold_store,
    make_backup_folder,
    read_kept_backups,
    read_manifest,
    write_manifest,
)
from lib.transport.database import Database

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def run(database: Database, script: str) -> None:
    with database.connect() as connection:
        connection.execute(script)


def entry(kind: str, schema: str, name: str, owner: str = "postgres") -> TocEntry:
    return TocEntry(line=f"1; 1 1 {kind} {schema} {name} {owner}", kind=kind, schema=schema, name=f"{name} {owner}")


def kept(number: int, *, days: float, **changes: Any) -> KeptBackup:
    taken_at = NOW - timedelta(days=days)
    values = {"id": f"b{number}", "path": Path(f"b{number}"), "environment": "local", "taken_at": taken_at}
    return KeptBackup(**{**values, "size_bytes": 1, "problems": (), **changes})


@pytest.fixture
def take(postgres_server: EmbeddedPostgres, hosted_database: Database, tmp_path: Path) -> Iterator[Callable[[], Backup]]:
    taken: list[Backup] = []

    def take_one() -> Backup:
        store = tmp_path / "backups"
        with hold_store(store):
            taken.append(
                take_backup(
                    hosted_database,
                    store,
                    environment="local",
                    programs=postgres_server.bin_dir,
                    jobs=2,
                    timeout_s=60,
                )
            )
        return taken[-1]

    yield take_one
    for one in taken:
        one.close()


def test_scope_is_the_packs_schemas_the_history_and_the_platforms_rows(hosted_database):
    run(hosted_database, "create schema private; create schema supabase_migrations; create schema net")
    with open_reading(hosted_database, timeout_s=30) as connection:
        scope = read_scope(connection)
    assert scope.own == ("private", "public", "supabase_migrations")
    assert scope.pack == ("private", "public")
    assert scope.platform == ("auth", "storage")
    assert "net" in scope.left_out
    assert "extensions" in scope.left_out


def test_rows_of_the_platforms_own_migration_records_are_left_out(take, postgres_server, hosted_database):
    admin = postgres_server.database(hosted_database.name, role="supabase_admin")
    run(admin, "insert into auth.schema_migrations values ('1')")
    backup = take()
    entries = list_entries(backup.dump, ("auth",), programs=postgres_server.bin_dir, timeout_s=30)
    assert [one.name for one in entries if one.kind == "TABLE" and one.name.startswith("schema_migrations")]
    assert not [one.name for one in entries if one.kind == "TABLE DATA" and one.name.startswith("schema_migrations")]
    assert "auth.schema_migrations" not in [table.label for table in backup.source.tables]


def test_a_sequence_has_the_value_it_gives_next(hosted_database):
    run(hosted_database, "create sequence public.fresh start 5; create sequence public.used increment -2 start -1")
    run(hosted_database, "select nextval('public.used'), nextval('public.used')")
    with open_reading(hosted_database, timeout_s=30) as connection:
        places = {name: place.next for name, place in read_sequences(connection, ["public"]).items()}
    assert places == {"public.fresh": 5, "public.used": -5}


def test_an_older_program_is_refused_and_a_newer_one_is_not(postgres_server):
    with pytest.raises(CommandError, match="version 18 and the server 19"):
        check_major(postgres_server.bin_dir / "pg_dump", 19)
    check_major(postgres_server.bin_dir / "pg_dump", 17)


def test_an_archive_that_is_none_can_not_be_listed(postgres_server, tmp_path):
    (tmp_path / "toc.dat").write_bytes(b"nothing")
    with pytest.raises(CommandError, match="can't read the dump"):
        list_entries(tmp_path, ("public",), programs=postgres_server.bin_dir, timeout_s=30)


def test_of_the_platform_only_what_a_fresh_project_lacks_is_restored():
    fresh = [
        entry("TABLE", "auth", "users", "supabase_auth_admin"),
        entry("SCHEMA", "-", "auth"),
        entry("SCHEMA", "-", "public"),
    ]
    wanted = [
        entry("TABLE DATA", "auth", "users"),
        entry("ACL", "auth", "TABLE users"),
        entry("TRIGGER", "auth", "users on_new_user"),
        entry("SCHEMA", "-", "private"),
        entry("TABLE", "public", "users"),
        entry("DEFAULT ACL", "public", "DEFAULT PRIVILEGES FOR TABLES"),
    ]
    dumped = [*wanted[:3], entry("TABLE", "auth", "users", "someone_else"), entry("SCHEMA", "-", "auth"), *wanted[3:]]
    assert choose_entries(dumped, fresh, []) == wanted


def test_extensions_of_the_hosted_platform_alone_are_left_out_and_named():
    dumped = [
        TocEntry(line="a", kind="EXTENSION", schema="-", name="supabase_vault "),
        TocEntry(line="b", kind="COMMENT", schema="-", name="EXTENSION supabase_vault "),
        TocEntry(line="c", kind="EXTENSION", schema="-", name="citext "),
        TocEntry(line="d", kind="COMMENT", schema="-", name='EXTENSION "pg-odd" '),
        TocEntry(line="e", kind="EXTENSION", schema="-", name="pg-odd "),
    ]
    assert [one.line for one in missing_extensions(dumped, ["citext"])] == ["a", "b", "d", "e"]
    assert [one.line for one in choose_entries(dumped, [], ["citext"])] == ["c"]


def test_roles_that_only_the_source_knows_are_made_without_login(take, postgres_server, tmp_path):
    backup = take()
    scratch = postgres_server.database("postgres", role="supabase_admin")
    copy = make_copy(scratch)
    try:
        restore = restore_dump(
            backup.dump,
            copy,
            scope=backup.source.scope,
            tables=backup.source.tables,
            roles=[*backup.roles, "only theirs"],
            work=tmp_path,
            programs=postgres_server.bin_dir,
            jobs=1,
            timeout_s=60,
        )
        assert restore.succeeded
        assert restore.roles_made == ("only theirs",)
        assert scratch.value("select rolcanlogin from pg_roles where rolname = 'only theirs'") is False
    finally:
        drop_copy(scratch, copy)
        run(scratch, 'drop role if exists "only theirs"')


def test_only_restored_copies_can_be_dropped(postgres_server, hosted_database):
    with pytest.raises(DatabaseError, match="not a restored copy"):
        drop_copy(postgres_server.database("postgres", role="supabase_admin"), hosted_database)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "20260101T000000Z-aaaaaa"
    (made / "dump").mkdir(parents=True)
    (made / "dump" / "1.dat.gz").write_bytes(bytes(range(256)))
    (made / "dump" / "toc.dat").write_bytes(b"contents")
    write_manifest(made, {"environment": "local", "taken_at": NOW.isoformat()})
    return made


def test_a_backup_as_it_was_written_has_no_damage(folder):
    assert find_damage(folder, read_manifest(folder)) == []
    assert [one.is_intact for one in read_kept_backups(folder.parent)] == [True]


@given(place=st.integers(0, 255), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_dump_is_found(tmp_path_factory, place, bit):
    made = tmp_path_factory.mktemp("flip")
    content = bytearray(range(256))
    (made / "1.dat").write_bytes(content)
    manifest = write_manifest(made, {"environment": "local"})
    content[place] ^= 1 << bit
    (made / "1.dat").write_bytes(content)
    assert find_damage(made, manifest) == ["1.dat does not have the content it was written with"]
    shutil.rmtree(made)


@given(data=st.data(), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_manifest_is_found(tmp_path_factory, data, bit):
    made = tmp_path_factory.mktemp("flip")
    (made / "1.dat").write_bytes(b"x")
    written = write_manifest(made, {"environment": "local", "taken_at": NOW.isoformat()})
    content = bytearray((made / MANIFEST).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
    (made / MANIFEST).write_bytes(content)
    try:
        assert read_manifest(made) == written  # only spacing may have changed, and nothing it says
    except ValueError as exc:
        assert MANIFEST in str(exc)
    shutil.rmtree(made)


def test_a_manifest_of_somebody_else_is_none(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["made_by"] = "somebody"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="not as it was written"):
        read_manifest(folder)


def test_a_backup_that_goes_wrong_leaves_no_folder(tmp_path):
    with pytest.raises(KeyError), make_backup_folder(tmp_path, "20260101T000000Z-bbbbbb") as partial:
        (partial / "half").write_bytes(b"x")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "backups").write_text("")
    with pytest.raises(TargetError, match="can't be used"), hold_store(tmp_path / "backups"):
        pass


BACKUPS = st.lists(
    st.tuples(
        st.floats(0, 100),
        st.sampled_from(["local", "staging", None]),
        st.booleans(),
    ),
    max_size=8,
)


@given(described=BACKUPS, keep_last=st.integers(1, 4), keep_days=st.floats(0.1, 60))
def test_retention_keeps_its_laws(described, keep_last, keep_days):
    backups = [
        kept(n, days=days, environment=environment, problems=() if intact else ("broken",))
        for n, (days, environment, intact) in enumerate(described)
    ]
    chosen = choose_expired(backups, environment="local", now=NOW, keep_last=keep_last, keep_days=keep_days)
    good = choose_good(backups, "local")
    assert all(one.environment == "local" and one.age_s(NOW) > keep_days * 86400 for one in chosen)
    assert not set(good[:keep_last]) & set(chosen)
    assert not chosen or good
    left = [one for one in backups if one not in chosen]
    again = choose_expired(left, environment="local", now=NOW, keep_last=keep_last, keep_days=keep_days)
    assert again == []


def test_a_backup_that_could_not_be_restored_is_not_the_newest_good_one():
    newest, older, oldest = kept(0, days=0), kept(1, days=40), kept(2, days=50)
    chosen = choose_expired([newest, older, oldest], environment="local", now=NOW, keep_last=1, keep_days=30, unproved=["b0"])
    assert [one.id for one in chosen] == ["b2"]
