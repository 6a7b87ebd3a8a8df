"""Each kind of fault of a backup and its copy is found by the check that is about it, and each harmless change by none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.clients.postgres.restores import drop_copy, list_copies
from lib.core.faults import End, Trial
from lib.core.results import Outcome, Provenance
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.run.params import load_params
from lib.tasks.backup_restore import looks
from lib.tasks.backup_restore.backup import Backup
from lib.tasks.backup_restore.faults import FAULTS
from lib.tasks.backup_restore.task import BackupRestore
from lib.tasks.faults import Fault
from lib.transport.context import Context, Programs
from tests.support.faults import try_faults, unfound
from tests.tasks.backup_restore.test_looks import SOURCE, rls, run, section

MORE = """
insert into public.tags values ('');
create view public.loud as select body from public.notes;
comment on table public.notes is 'what people wrote';
create policy avatars_read on storage.objects for select to authenticated using (bucket_id = 'avatars');
insert into storage.buckets (id, name) values ('avatars', 'avatars');
insert into storage.objects (bucket_id, name) values ('avatars', 'a.png'), ('avatars', 'b.png');
select lo_from_bytea(424242, 'hello'::bytea);
alter publication supabase_realtime add table public.notes;
"""
PACKAGE = {"scripts": {"backup": "pg_dump --format=custom --file=$BACKUP_DIR/backup.dump"}}
ROLE = "backup_fault_reader"


@pytest.fixture(scope="module")
def context(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context[BackupRestore]]:
    folder = tmp_path_factory.mktemp("backup_faults")
    for name in ("pack", "work", "kept"):
        (folder / name).mkdir()
    (folder / "pack/package.json").write_text(json.dumps(PACKAGE))
    target = postgres_server.create_hosted_database("backup_faults")
    superuser = postgres_server.database("backup_faults", role="supabase_admin")
    run(target, SOURCE)
    run(target, MORE)
    run(superuser, f"create role {ROLE} nologin; alter role {ROLE} set statement_timeout = '7s'")
    scratch = postgres_server.database("postgres", role="supabase_admin")
    yield Context(
        environment="local",
        pack=folder / "pack",
        settings=section(),
        sections={"rls": rls(), "seed": load_params("local", variables={}).sections["seed"]},
        target=target,
        scratch=scratch,
        programs=Programs(supabase=Path("supabase"), squawk=Path("squawk"), postgres_bin=postgres_server.bin_dir),
        work=folder / "work",
        kept=folder / "kept",
        is_rehearsal=True,
        provenances={"database": Provenance.EMBEDDED},
        embedded=frozenset({"database"}),
    )
    for name in list_copies(scratch):
        postgres_server.drop_database(name)
    postgres_server.drop_database("backup_faults")
    run(scratch, f"drop role {ROLE}")


@pytest.fixture(scope="module")
def backup(context: Context[BackupRestore]) -> Iterator[Backup]:
    found = looks.look_at_dump(context)
    assert found.facts is not None
    yield found.facts
    found.facts.close()


@pytest.fixture(scope="module")
def copy(context: Context[BackupRestore], backup: Backup) -> Any:
    found = looks.look_at_restore(context, backup=backup)
    assert [one.outcome for one in found.results] == [Outcome.PASS] * 3
    return found.facts


def kind_of(fault: Fault) -> str:
    return fault.place.partition(":")[0]


def kinds(trials: list[Trial], end: End) -> set[str]:
    return {one.operator for one in trials if one.end is end}


def test_what_no_dump_holds_is_named(context: Context[BackupRestore], backup: Backup) -> None:
    beside = backup.source.beside
    assert {f"the role {ROLE}", f"the setting statement_timeout of the role {ROLE}"} <= set(beside)
    assert "the bytes of 2 files in the bucket avatars" in beside
    assert not any("7s" in one for one in beside)


def test_every_fault_of_the_definitions_is_found(context, copy, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, looks.look_at_schema, context, tmp_path, one_each=kind_of, copy=copy)
    made = [one for one in trials if one.end is not End.NOT_MADE]
    assert unfound(made) == [] and len(made) > 40
    found = {one.place.partition(":")[0] for one in made if one.end is End.FOUND}
    assert {"an owner is another", "a comment is another", "a trigger is switched off", "a generated column is plain"} <= found
    assert any("avatars_read" in one.place for one in made)
    assert kinds(made, End.QUIET) == {"no definition of the copy is another"}


def test_a_large_object_is_compared_by_its_bytes(context, copy) -> None:  # type: ignore[no-untyped-def]
    assert looks.look_at_schema(context, copy=copy).results[0].outcome is Outcome.PASS
    assert "large_object 424242" in copy.backup.source.large_objects
    run(copy.database, "select lo_put(424242, 0, 'H'::bytea)")
    found = looks.look_at_schema(context, copy=copy).results[0]
    assert (found.outcome, "large_object 424242 (changed)" in found.detail) == (Outcome.FAIL, True)
    run(copy.database, "select lo_put(424242, 0, 'h'::bytea)")
    assert looks.look_at_schema(context, copy=copy).results[0].outcome is Outcome.PASS


def test_every_fault_of_the_rows_is_found_and_nothing_else(context, copy, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, looks.look_at_rows, context, tmp_path, most=2, copy=copy)
    made = [one for one in trials if one.end is not End.NOT_MADE]
    assert unfound(made) == []
    mine = [one.name for one in FAULTS.operators if one.look is looks.look_at_rows]
    assert kinds(made, End.FOUND) | kinds(made, End.QUIET) == set(mine)


def test_nothing_and_an_empty_text_are_two_values(context, copy, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(
        FAULTS,
        looks.look_at_rows,
        context,
        tmp_path,
        only="confused",
        one_each=lambda one: str("tags" in one.place) + one.place[-8:],
        copy=copy,
    )
    found = {one.place for one in trials if one.end is End.FOUND}
    assert {"word of public.tags = '' becomes null", "word of public.tags is null becomes ''"} <= found


def test_what_a_role_may_do_in_the_copy_is_compared(context, copy, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    schema = looks.look_at_schema(context, copy=copy).facts
    trials = try_faults(FAULTS, looks.look_at_rls, context, tmp_path, most=1, copy=copy, schema=schema)
    assert unfound(trials) == [] and kinds(trials, End.FOUND) == {"a role may do less in the copy"}


def test_a_damaged_backup_is_found_and_the_restores_leave_nothing(context, backup, copy, tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = list_copies(context.scratch)
    trials = try_faults(FAULTS, looks.look_at_restore, context, tmp_path, most=2, backup=backup)
    assert unfound(trials) == [] and kinds(trials, End.QUIET) == {"a backup with other times"}
    for name in set(list_copies(context.scratch)) - set(before):
        drop_copy(context.scratch, context.scratch.named(name))  # the first look's own: a session would hand it on
    assert len(set(list_copies(context.scratch))) == len(before)


def test_a_change_of_the_source_is_found_and_work_on_it_is_not(context, backup, copy, tmp_path) -> None:  # type: ignore[no-untyped-def]
    trials = try_faults(FAULTS, looks.look_at_source, context, tmp_path, most=1, backup=backup, copy=copy)
    assert unfound(trials) == [] and kinds(trials, End.QUIET) == {"others work on the source"}


def test_faults_of_the_store_are_found_and_the_store_itself_stays(context, backup, copy, tmp_path) -> None:  # type: ignore[no-untyped-def]
    older = "20240101T000000Z-abcdef"
    shutil.copytree(backup.folder, backup.folder.parent / older)
    before = {path: path.read_bytes() for path in (context.kept / "backups").rglob("*") if path.is_file()}
    trials = try_faults(FAULTS, looks.look_at_store, context, tmp_path, most=3, backup=backup, copy=copy)
    assert unfound(trials) == [] and kinds(trials, End.QUIET) == {"something else in the store"}
    assert {path: path.read_bytes() for path in (context.kept / "backups").rglob("*") if path.is_file()} == before


def test_each_way_to_make_no_whole_backup_is_found(context, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings = replace(context, settings=section(command_timeout_s=60.0))
    trials = try_faults(FAULTS, looks.look_at_project_backup, settings, tmp_path, most=5)
    assert unfound(trials) == [] and len(trials) == 5
