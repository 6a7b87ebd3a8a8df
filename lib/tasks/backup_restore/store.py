"""The folder that keeps an environment's backups: what is in it, whether it is intact, what may be deleted.

    <store>/<id>/manifest.json      what the backup holds, with a sha256 of every file and of itself
    <store>/<id>/dump/...           pg_dump's directory format
    <store>/<id>.partial/           one being made; the holder of the lock may remove it

Backups hold real rows: folders are 0700. Only folders whose own manifest says that this workbook made
them for this environment are ever deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.files import digest_file, write_whole
from lib.core.under_way import under_way

MADE_BY = "launch-readiness-workbook"
MANIFEST = "manifest.json"
DUMP = "dump"
PARTIAL = ".partial"
BACKUP_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
PRIVATE = 0o700
"""Mode of a backup's folders."""


@dataclass(frozen=True, kw_only=True)
class KeptBackup:
    """One backup in the store as it is now.

    taken_at: when its rows were read; None when its manifest can't be read.
    problems: what is wrong with its files, each naming one; empty when it is intact.
    lacks: tables that whoever took it could not read, so that their rows are not in it.
    """

    id: str
    path: Path
    environment: str | None
    taken_at: datetime | None
    size_bytes: int
    problems: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        return not self.problems

    def age_s(self, now: datetime) -> float:
        """Seconds since its rows were read; a backup of unknown age is infinitely old."""
        return (now - self.taken_at).total_seconds() if self.taken_at else float("inf")


@contextmanager
def hold_store(store: Path) -> Iterator[None]:
    """Lock the store for this run, create it if needed, and remove the partial backups of killed runs.

    Raises TargetError when another run holds it, or the folder can't be used.
    """
    try:
        store.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        store.chmod(PRIVATE)
        descriptor = os.open(store / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise store_error(store, exc) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for half_made in store.glob(f"*{PARTIAL}"):
            shutil.rmtree(half_made)
        yield
    except BlockingIOError as exc:
        raise TargetError(
            f"Another run is using the backups in {store.name}/.", fix="Wait until that run has ended, then run again."
        ) from exc
    finally:
        os.close(descriptor)


def store_error(folder: Path, exc: OSError) -> TargetError:
    """Return the error for a folder that can't be used."""
    return TargetError(
        f"The folder {folder.name}/ for backups can't be used: {exc.strerror}.",
        fix=["Free disk space.", f"Check the owner: ls -ld {folder}"],
    )


def new_backup_id(now: datetime) -> str:
    """Return an id that sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@contextmanager
def make_backup_folder(store: Path, backup_id: str) -> Iterator[Path]:
    """Yield a private folder that becomes the backup at the end, or is removed on any error."""
    partial = store / f"{backup_id}{PARTIAL}"
    partial.mkdir(mode=PRIVATE)
    try:
        yield partial
        partial.rename(store / backup_id)
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and sha256 of every file below the folder but the manifest, by its path from there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    sizes = {path: path.stat().st_size for path in paths}
    described = {}
    with under_way("reading the dump's files", sum(sizes.values())) as done:
        for path, size in sizes.items():
            described[path.relative_to(folder).as_posix()] = {"size_bytes": size, "sha256": digest_file(path)}
            done(size)
    return described


def seal(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of the manifest without its own sha256."""
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a finished dump, sealed, and return it as written."""
    whole = {"made_by": MADE_BY, **manifest, "files": describe_files(folder)}
    whole["sha256"] = seal(whole)
    # No newline at the end: then a file that lost even its last byte can't be read.
    write_whole(folder / MANIFEST, json.dumps(whole, indent=1, ensure_ascii=False), mode=0o600)
    return whole


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a backup's manifest. Raises ValueError when it is missing or was changed."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{MANIFEST} is missing") from None
    except (OSError, ValueError):
        raise ValueError(f"{MANIFEST} can't be read") from None
    if not isinstance(manifest, dict) or manifest.get("sha256") != seal(manifest):
        raise ValueError(f"{MANIFEST} is not as it was written")
    if manifest.get("made_by") != MADE_BY:
        raise ValueError(f"{MANIFEST} was not written by this workbook")
    return manifest


def find_damage(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a backup's files, one line each, naming the file; none when intact."""
    promised: Mapping[str, Any] = manifest["files"]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    damage = [f"{name} is missing" for name in sorted(promised.keys() - there)]
    damage += [f"{name} was not part of the backup" for name in sorted(there - promised.keys())]
    sizes = {name: (folder / name).stat().st_size for name in sorted(promised.keys() & there)}
    with under_way("reading the dump's files", sum(sizes.values())) as done:
        for name, size_bytes in sizes.items():
            if size_bytes != promised[name]["size_bytes"]:
                damage.append(f"{name} has {size_bytes} bytes instead of {promised[name]['size_bytes']}")
            elif digest_file(folder / name) != promised[name]["sha256"]:
                damage.append(f"{name} does not have the content it was written with")
            done(size_bytes)
    return damage


def read_kept_backup(folder: Path) -> KeptBackup:
    """Return one backup with every file verified against its manifest."""
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        manifest = read_manifest(folder)
    except ValueError as exc:
        return KeptBackup(
            id=folder.name, path=folder, environment=None, taken_at=None, size_bytes=size_bytes, problems=(str(exc),)
        )
    return KeptBackup(
        id=folder.name,
        path=folder,
        environment=manifest["environment"],
        taken_at=datetime.fromisoformat(manifest["taken_at"]),
        size_bytes=size_bytes,
        problems=tuple(find_damage(folder, manifest)),
        lacks=tuple(manifest.get("unreadable", ())),
    )


def read_kept_backups(store: Path) -> list[KeptBackup]:
    """Return every backup in the store, newest first, each verified; other folders are ignored."""
    folders = [path for path in store.iterdir() if path.is_dir() and BACKUP_ID.fullmatch(path.name)]
    try:
        return [read_kept_backup(folder) for folder in sorted(folders, key=lambda path: path.name, reverse=True)]
    except OSError as exc:
        raise store_error(store, exc) from exc


def choose_good(backups: Sequence[KeptBackup], environment: str, unproved: Collection[str] = ()) -> list[KeptBackup]:
    """Return the environment's intact backups that hold every table, newest first.

    unproved: ids of backups that could not be restored, which no longer count as good.
    """
    whole = [one for one in backups if one.is_intact and not one.lacks]
    good = [one for one in whole if one.environment == environment and one.id not in unproved]
    return sorted(good, key=lambda one: one.taken_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def choose_expired(
    backups: Sequence[KeptBackup],
    *,
    environment: str,
    now: datetime,
    keep_last: int,
    keep_days: float,
    unproved: Collection[str] = (),
) -> list[KeptBackup]:
    """Return the backups that may be deleted: this environment's, older than keep_days, not of the newest good ones.

    Without a good backup nothing may be deleted. One whose manifest can't be read may not be ours, so it is kept.
    """
    good = choose_good(backups, environment, unproved)
    kept = {one.id for one in good[: max(keep_last, 1)]}
    limit_s = timedelta(days=keep_days).total_seconds()
    if not good:
        return []
    return [one for one in backups if one.environment == environment and one.id not in kept and one.age_s(now) > limit_s]


def delete_backup(backup: KeptBackup) -> None:
    """Remove one backup. Raises TargetError when it can't be removed."""
    doomed = backup.path.with_name(f"{backup.id}{PARTIAL}")
    try:
        # Renamed first, so that a kill half way leaves no backup that looks damaged.
        backup.path.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as exc:
        raise store_error(backup.path, exc) from exc
