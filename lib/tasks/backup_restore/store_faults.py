"""Faults of what keeps a backup: its files, the store around it, and the project's own command."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lib.clients.postgres.restores import drop_copy, list_copies
from lib.core.errors import TargetError
from lib.tasks.backup_restore.backup import Backup
from lib.tasks.backup_restore.looks import store_of
from lib.tasks.backup_restore.project_backup import COMMAND
from lib.tasks.backup_restore.store import BACKUP_ID, DUMP, MANIFEST, describe_files, read_kept_backups, seal
from lib.tasks.faults import Change, Fault, Scene, with_file

Edit = Callable[[Path], None]


def link_or_copy(source: str, place: str) -> str:
    """Put a file at another place: a second name of it where it can have one, so that a large store costs nothing."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copy2(source, place)
    return place


def write_anew(path: Path, content: bytes) -> None:
    """Give a file another content, and no other name of it."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


@contextmanager
def in_own_store(scene: Scene) -> Iterator[Scene]:
    """Yield the scene with a copy of the store: the look deletes what is old."""
    context = scene.context
    kept = context.work / "faults" / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    try:
        copied = replace(context, kept=kept)
        shutil.copytree(store_of(context), store_of(copied), copy_function=link_or_copy)
        yield replace(scene, context=copied)
    except (OSError, shutil.Error) as exc:
        raise TargetError(f"The store could not be copied: {exc}.") from exc
    finally:
        shutil.rmtree(kept, ignore_errors=True)


@contextmanager
def with_own_backup(scene: Scene) -> Iterator[Scene]:
    """Yield the scene with a copy of the backup, and drop what is restored from it."""
    backup, before = scene.arguments.get("backup"), set(list_copies(scene.context.scratch))
    if not isinstance(backup, Backup):
        yield scene
        return
    folder = scene.context.work / "faults" / backup.id
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(backup.folder, folder, copy_function=link_or_copy)
        own = replace(backup, folder=folder, opened=type(backup.opened)())
        yield replace(scene, arguments={**scene.arguments, "backup": own})
    except (OSError, shutil.Error) as exc:
        raise TargetError(f"The backup could not be copied: {exc}.") from exc
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name in set(list_copies(scene.context.scratch)) - before:
            drop_copy(scene.context.scratch, scene.context.scratch.named(name))


def edit_manifest(folder: Path, *, resealed: bool = True, **changed: Any) -> None:
    """Write another manifest of a backup. resealed: as whoever makes backups would, with the sum of what it says."""
    said = {**json.loads((folder / MANIFEST).read_text(encoding="utf-8")), **changed}
    if resealed:
        said["sha256"] = seal(said)
    write_anew(folder / MANIFEST, json.dumps(said, indent=1, ensure_ascii=False).encode())


def largest_file(folder: Path) -> Path:
    """Return the largest file of a backup's dump."""
    return max((path for path in (folder / DUMP).rglob("*") if path.is_file()), key=lambda path: (path.stat().st_size, path.name))


def flip_byte(path: Path) -> None:
    """Change one byte in the middle of a file, which keeps its size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    write_anew(path, bytes(content))


def halve(path: Path) -> None:
    write_anew(path, path.read_bytes()[: path.stat().st_size // 2])


def swap_files(folder: Path) -> None:
    """Give the two largest files of a dump each other's content."""
    files = sorted((path for path in (folder / DUMP).rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    if len(files) > 1:
        one, other = files[-1].read_bytes(), files[-2].read_bytes()
        write_anew(files[-1], other)
        write_anew(files[-2], one)


DAMAGES: Mapping[str, Edit] = {
    "a byte is another": lambda folder: flip_byte(largest_file(folder)),
    "a file is cut off": lambda folder: halve(largest_file(folder)),
    "a file is empty": lambda folder: write_anew(largest_file(folder), b""),
    "a file is missing": lambda folder: largest_file(folder).unlink(),
    "a file too many": lambda folder: write_anew(folder / DUMP / "launch_fault", b"."),
    "two files are swapped": swap_files,
    "the contents are missing": lambda folder: (folder / DUMP / "toc.dat").unlink(),
    "the manifest is missing": lambda folder: (folder / MANIFEST).unlink(),
    "the manifest is cut off": lambda folder: halve(folder / MANIFEST),
    "the manifest says something else": lambda folder: edit_manifest(folder, resealed=False, environment="another"),
    "the manifest is another program's": lambda folder: edit_manifest(folder, made_by="another"),
}
"""Kinds of damage to a backup."""


def editing_backup(edit: Edit) -> Change:
    """Return the change that is made to the scene's own copy of this run's backup."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        edit(scene.arguments["backup"].folder)
        yield scene

    return change


def damage_backup(scene: Scene) -> Iterator[Fault]:
    """Yield each kind of damage to this run's backup, right before it is restored."""
    for what, edit in DAMAGES.items():
        yield Fault(place=what, make=editing_backup(edit))


def cut_and_seal(folder: Path) -> None:
    """Cut off the largest file of rows, and write a manifest that says it is so."""
    halve(largest_file(folder))
    edit_manifest(folder, files=describe_files(folder))


def fail_to_restore(scene: Scene) -> Iterator[Fault]:
    """Yield a dump that was cut off before its manifest was written."""
    yield Fault(place="rows are cut off", make=editing_backup(cut_and_seal))


def touch_backup(scene: Scene) -> Iterator[Fault]:
    """Yield a backup whose files have another time."""

    def edit(folder: Path) -> None:
        for path in folder.rglob("*"):
            os.utime(path, (0, 0))

    yield Fault(place="the time of its files", make=editing_backup(edit))


def editing_store(edit: Callable[[list[Path]], None]) -> Change:
    """Return the change that is made to the folders of backups in the scene's own store, newest first."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        store = store_of(scene.context)
        edit(sorted((path for path in store.iterdir() if BACKUP_ID.fullmatch(path.name)), reverse=True))
        yield scene

    return change


def on_each(edit: Edit) -> Callable[[list[Path]], None]:
    """Return what edits every backup of a store."""

    def every(folders: list[Path]) -> None:
        for folder in folders:
            edit(folder)

    return every


def damage_kept(scene: Scene) -> Iterator[Fault]:
    """Yield each kind of damage to each kept backup."""
    for number, one in enumerate(read_kept_backups(store_of(scene.context))):
        for what, edit in DAMAGES.items():

            def at(folders: list[Path], number: int = number, edit: Edit = edit) -> None:
                edit(folders[number])

            yield Fault(place=f"{what}: {'the newest' if not number else one.id}", make=editing_store(at))


def grow_old(scene: Scene) -> Iterator[Fault]:
    """Yield a store whose backups are all too old, incomplete, or of another environment."""
    then = (datetime.now(UTC) - timedelta(seconds=scene.context.settings.rpo_s + 60)).isoformat()
    for what, said in {
        "all are too old": {"taken_at": then},
        "a table is in none": {"unreadable": ["public.launch_fault"]},
        "all are another environment's": {"environment": "another"},
    }.items():
        yield Fault(place=what, make=editing_store(on_each(lambda folder, said=said: edit_manifest(folder, **said))))  # type: ignore[misc]


def lose_all(scene: Scene) -> Iterator[Fault]:
    """Yield a store without one good backup."""
    for what, edit in DAMAGES.items():
        yield Fault(place=what, make=editing_store(on_each(edit)))


def keep_more(scene: Scene) -> Iterator[Fault]:
    """Yield a store with what is no backup of ours, and with a good one that is old."""

    def add_stranger(folders: list[Path]) -> None:
        (folders[0].parent / "notes").mkdir()

    def add_older(folders: list[Path]) -> None:
        name = "20000101T000000Z-000000"
        shutil.copytree(folders[0], folders[0].parent / name, copy_function=link_or_copy)
        edit_manifest(folders[0].parent / name, id=name, taken_at=datetime(2000, 1, 1, tzinfo=UTC).isoformat())

    yield Fault(place="a folder that is no backup", make=editing_store(add_stranger))
    yield Fault(place="one that is old", make=editing_store(add_older))


SCRIPTS = {
    "fails": "exit 3",
    "writes nothing": "true",
    "writes no archive": "echo backup > $BACKUP_DIR/backup.dump",
    "writes definitions alone": "pg_dump --format=custom --schema-only --file=$BACKUP_DIR/backup.dump",
    "writes rows alone": "pg_dump --format=custom --data-only --file=$BACKUP_DIR/backup.dump",
    "leaves out the rights": "pg_dump --format=custom --no-privileges --file=$BACKUP_DIR/backup.dump",
    "leaves out a schema": "pg_dump --format=custom --exclude-schema={schema} --file=$BACKUP_DIR/backup.dump",
    "leaves out the rows of a table": "pg_dump --format=custom --exclude-table-data={table} --file=$BACKUP_DIR/backup.dump",
    "leaves out a table": "pg_dump --format=custom --exclude-table={table} --file=$BACKUP_DIR/backup.dump",
}
"""What becomes of the project's own backup -> the command that makes it so."""


def spoil_script(scene: Scene) -> Iterator[Fault]:
    """Yield the project's own command in each way in which it makes no whole backup."""
    package = json.loads((scene.context.pack / "package.json").read_text(encoding="utf-8"))
    filled = [str(row["table"]) for row in scene.rows if row.get("rows")]
    table = filled[0] if filled else ""
    for what, command in SCRIPTS.items():
        if table or "{" not in command:
            text = command.format(table=table, schema=table.partition(".")[0])
            scripts = {**package["scripts"], COMMAND: text}
            yield Fault(place=what, make=with_file("package.json", json.dumps({**package, "scripts": scripts})))
