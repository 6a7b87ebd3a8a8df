"""What a task's results rest on, as one digest: a result is kept over an interruption only while it is the same."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from lib.clients.git_command import git
from lib.core.errors import CommandError
from lib.core.paths import ROOT
from lib.core.redact import redact_all
from lib.run.params import Params
from lib.tasks.base import Task

CODE = (".py", ".sql", ".j2", ".css", ".js", ".json", ".tmpl")
"""Suffixes of the files of lib/ that a result may depend on."""
LARGEST_READ = 50_000_000
"""Bytes of a file that is read whole; a larger one counts by its size and time of change."""
MOST_READ = 2_000_000_000
"""Bytes that are read of a whole project; files beyond count by their sizes and times."""
MOST_FILES = 200_000
GIT_TIMEOUT_S = 30
SPENT = {"kill_rate_s", "kill_rate_floor", "jobs", "kernels", "notebook_timeout_s", "reuse_max_age_h"}
"""Of the section `run`: what is spent on a run, which changes no result."""
LEFT_OUT = {".git", "node_modules", ".venv", "__pycache__"}
"""Folders of a project outside version control that are no part of it."""


def digest_inputs(params: Params, tasks: Iterable[Task], *, code: str | None = None) -> dict[str, str]:
    """Return task -> sha256 in hex of the workbook's code, its notebook, settings, targets and permissions, and the pack.

    Credentials are no part of it: their digest could be tried out. code: what `digest_code` returned, where it was asked already.
    """
    shared = [
        digest_code() if code is None else code,
        digest_files(params.pack, pack_files(params)),
        params.environment,
        params.run.model_dump(mode="json", exclude=SPENT),
        params.embedded.model_dump(mode="json"),
    ]
    shared += [redact_all(dict(params.addresses)), sorted(params.missing), sorted(act.value for act in params.refusals)]
    shared += [dict(params.not_applicable)]
    return {task.name: digest([*shared, *own_inputs(params, task)]) for task in tasks}


def own_inputs(params: Params, task: Task) -> list[object]:
    """Return what one task alone rests on: its notebook, its settings, and those that it borrows."""
    sections = [task.name, *(one.task for one in task.borrows)]
    settings = {name: params.sections[name].model_dump(mode="json") for name in sections if name in params.sections}
    files = walk(task.folder) if task.is_own else [task.path]
    given = [one.parameters for one in params.own_tasks if one.name == task.name]
    return [digest_files(task.folder, files), settings, given]


def digest(parts: object) -> str:
    """Return the sha256 of plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def digest_code() -> str:
    """Return the sha256 of the workbook's own code."""
    return digest_files(ROOT / "lib", code_files())


def code_files() -> Iterator[Path]:
    """Yield the files of lib/ that a result may depend on."""
    return (path for path in (ROOT / "lib").rglob("*") if path.suffix in CODE)


def pack_files(params: Params) -> Iterator[Path]:
    """Yield the files of the project: those that git knows or would take, else all; and the vault's, which git may ignore."""
    vault = params.sections["credentials"].vault_folder
    yield from walk(params.pack / vault) if vault else ()
    try:
        names = git(params.pack, "ls-files", "-z", "--cached", "--others", "--exclude-standard", timeout_s=GIT_TIMEOUT_S)
        yield from (params.pack / name for name in names.split("\0") if name)
        yield params.pack / git(params.pack, "rev-parse", "HEAD").strip()  # no file: its name alone says which commit it is
    except CommandError:
        yield from walk(params.pack)


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder without following links, but for those of LEFT_OUT; the first MOST_FILES of them."""
    waiting, count = [folder], 0
    while waiting and count < MOST_FILES:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = list(found)
        except OSError:
            continue  # who needs what is in there says so
        count += len(entries)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)
            elif entry.name not in LEFT_OUT:
                waiting.append(Path(entry.path))


def digest_files(root: Path, paths: Iterable[Path]) -> str:
    """Return the sha256 of the files' names and contents; what is no regular file counts by its kind."""
    told, left = hashlib.sha256(), MOST_READ
    for path in sorted(set(paths)):
        said, size = describe(path, most=left)
        left -= size
        told.update(f"{os.path.relpath(path, root)}\0{said}\0".encode(errors="surrogateescape"))
    return told.hexdigest()


def describe(path: Path, *, most: int = LARGEST_READ) -> tuple[str, int]:
    """Return what a file comes to, its content's sha256, a link's target, or its kind; and how many bytes were read for it.

    most: bytes that may be read; a longer file counts by its size and time of change.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return f"-> {path.readlink()}", 0
        if not stat.S_ISREG(status.st_mode):
            return f"kind {stat.S_IFMT(status.st_mode)}", 0
        if status.st_size > min(most, LARGEST_READ):
            return f"{status.st_size} {status.st_mtime_ns}", 0
        return hashlib.sha256(path.read_bytes()).hexdigest(), status.st_size
    except OSError as exc:
        return f"unreadable: {exc.strerror}", 0
