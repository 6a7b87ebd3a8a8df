"""What a task's results rest on, told so narrowly that a later run may take them over while it is the same.

`lib.run.inputs` counts the whole project for every task: enough to finish an interrupted run. Here each task that may be
reused counts the files that it can read, and those of every task before it. What can't be known is never reused: a live
target, a program of the project's own, a file that is reached by a link.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path

from lib.clients.npm import PACKAGE, has_script
from lib.clients.supabase.cli import files_named
from lib.core.environment import PROGRAMS_INHERIT, inherited
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.run.inputs import LARGEST_READ, describe, digest, digest_files
from lib.run.params import Params
from lib.run.stack import TOOLS, find_supabase, find_supabase_before
from lib.tasks.backup_restore.project_backup import COMMAND
from lib.tasks.base import Task
from lib.tasks.index import SUMMARY

READS_DATABASE_FILES = frozenset({"migrations", "seed", "rls", "backup_restore"})
"""Tasks that read nothing of a project but what `database_files` yields; what they say besides is in the settings."""
WHY_NEVER: Mapping[str, str] = {
    "guardrails": "it looks at the branch and its history, and runs the project's commands",
    "credentials": "it judges by today's date",
    "health": "it opens and closes incidents, which outlive a run",
    "deploy_rehearsal": "it runs the project's own programs, which may read anything",
    "alerts": "it asks the project's running app, and sites on the web",
    SUMMARY.name: "it adds up this run",
}
"""Tasks that are always executed, each with the reason."""
OWN_PROGRAMS = ("supabase_cli", "postgres_bin", "flyctl")
"""Settings of the section `run` that put a program of the user's in the place of a pinned one."""
CHANGES_NO_RESULT = {"jobs", "notebook_timeout_s", "reuse_max_age_h"}
"""Settings of the section `run` that change how long a run may take, and no result."""
SQUAWK_SETTINGS = ".squawk.toml"
"""Squawk reads it in the folder it is started in, the project's, or else in one above."""
CACHE = "__pycache__"
MOST_FILES = 20_000
"""Files of a project that are read for this; with more, nothing is reused."""


class UnknownInputsError(WorkbookError):
    """What a task rests on can't be told, so its results are not reused; the message says why, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class ReuseInputs:
    """What may be reused. digests: task -> sha256 of all that its results rest on. refusals: task -> why it has none."""

    digests: Mapping[str, str]
    refusals: Mapping[str, str]


NO_INPUTS = ReuseInputs(digests={}, refusals={})


def digest_for_reuse(params: Params, tasks: Collection[Task]) -> ReuseInputs:
    """Return the digest of each task of a run, or why its results can't be taken over.

    tasks: all of the run: a task counts what the tasks of this run before it rest on, and which they are.
    """
    known = {task.name: task for task in tasks}
    own: dict[str, str] = {}
    refusals: dict[str, str] = {}
    shared: str | None = None
    for task in tasks:
        try:
            require_reusable(params, task, tasks)
            shared = shared or digest(shared_inputs(params))
            own[task.name] = digest([shared, own_inputs(params, task)])
        except WorkbookError as exc:
            refusals[task.name] = exc.message.rstrip(".")
        except (OSError, ValueError) as exc:  # a name or a file that can't be read is a reason to look, and none to stop
            refusals[task.name] = f"what it reads can't be told ({type(exc).__name__}: {exc})"
    digests = {}
    for name in own:
        before = sorted(tasks_before(known[name], known) - {name})
        unknown = [one for one in before if one not in own]
        if unknown:
            refusals[name] = f"{unknown[0]} is executed before it"
        else:
            digests[name] = digest([name, own[name], [[one, own[one]] for one in before]])
    return ReuseInputs(digests=digests, refusals=refusals)


def tasks_before(task: Task, known: Mapping[str, Task]) -> set[str]:
    """Return the names of the tasks of this run that a task comes after, and of those that these come after."""
    found: set[str] = set()
    waiting = [task]
    while waiting:
        one = waiting.pop()
        near = {*one.waits_for, *one.prepares_with, *(check.partition(".")[0] for check in one.needs)}
        new = (near & known.keys()) - found
        found |= new
        waiting += [known[name] for name in new]
    return found


def require_reusable(params: Params, task: Task, tasks: Collection[Task]) -> None:
    """Raise UnknownInputsError when a task's results may never be taken over in a run like this."""
    if task.is_own:
        raise UnknownInputsError("a project's own task may read anything")
    if task.name not in READS_DATABASE_FILES:
        raise UnknownInputsError(WHY_NEVER.get(task.name, "nobody has said which files it reads"))
    live = [target for target in task.targets if target in params.addresses or target in params.missing]
    if live:
        raise UnknownInputsError(f"{live[0]} is live, and may have changed since")
    writers = [one.name for one in tasks if one.is_own and "database" in one.targets]
    if writers:
        raise UnknownInputsError(f"{writers[0]}, a task of the project's own, may write to the same database")
    programs = [name for name in OWN_PROGRAMS if getattr(params.run, name)]
    if programs:
        raise UnknownInputsError(f"run.{programs[0]} names a program of your own")
    if task.name == "backup_restore" and has_script(params.pack, COMMAND):
        raise UnknownInputsError(f"it runs the project's own `npm run {COMMAND}`")


def shared_inputs(params: Params) -> list[object]:
    """Return what the results of each such task rest on: the workbook, its programs, this machine, the run, and the files."""
    return [
        digest_files(ROOT / "lib", (path for path in (ROOT / "lib").rglob("*") if path.is_file() and CACHE not in path.parts)),
        program_marks(),
        machine_marks(),
        params.environment,
        params.name,
        str(params.pack),  # commands in results name it
        params.run.model_dump(mode="json", exclude=CHANGES_NO_RESULT),
        params.embedded.model_dump(mode="json"),
        sorted(params.addresses),
        sorted(params.missing),
        sorted(act.value for act in params.refusals),
        sorted(act.value for act in params.granted),
        params.production_writes_allowed,
        params.promotes_from.model_dump(mode="json") if params.promotes_from else None,
        dict(params.not_applicable),
        read_strictly(params.pack, database_files(params)),
    ]


def own_inputs(params: Params, task: Task) -> list[object]:
    """Return what one task alone rests on: its notebook, its settings and those that it borrows, and the files it alone reads."""
    sections = sorted({task.name, *(one.task for one in task.borrows)})
    settings = {name: params.sections[name].model_dump(mode="json") for name in sections if name in params.sections}
    files = read_strictly(params.pack, [params.pack / PACKAGE]) if task.name == "backup_restore" else []
    return [describe(task.path)[0], settings, files]


def program_marks() -> list[object]:
    """Return what says which programs a run starts: the pinned packages as they are installed, and what is found by its name."""
    locks = [ROOT / "requirements.txt", TOOLS / "package-lock.json", TOOLS / "node_modules" / ".package-lock.json"]
    packages = [[path.parent.name, *mark_of(path)[2:]] for path in sorted(Path(get_path("purelib")).glob("*.dist-info/RECORD"))]
    programs = [find_supabase(None), find_supabase_before(None), Path(sys.executable), Path(sys.executable).parent / "squawk"]
    found = [shutil.which(name) for name in ("bash", "git", "node", "npm", "psql", "promtool")]
    return [
        [describe(path)[0] for path in locks],
        packages,
        [mark_of(Path(path)) for path in (*programs, *found) if path is not None],
    ]


def mark_of(program: Path) -> list[object]:
    """Return where a program lies, its size and when it was changed. Raises OSError when it is not there."""
    real = program.resolve(strict=True)
    status = real.stat()
    return [str(program), str(real), status.st_size, status.st_mtime_ns]


def machine_marks() -> list[object]:
    """Return the system, the Python, and what programs inherit of the user's variables."""
    return [sys.version, platform.platform(), os.cpu_count(), sorted(inherited(PROGRAMS_INHERIT - {"TERM"}).items())]


def database_files(params: Params) -> Iterator[Path]:
    """Yield every file of a project, and above it, from which the tasks about its database can read.

    All of supabase/ on disk, whatever git says of it; what config.toml names beside it; the rows for trials; and
    squawk's settings. A file that is not there counts as absent.
    """
    pack = params.pack
    yield from walk_strictly(pack / "supabase")
    yield from files_named(pack)
    if rows := params.sections["seed"].rehearsal_rows:
        yield pack / rows
    yield from (folder / SQUAWK_SETTINGS for folder in (pack, *pack.parents))
    yield from find_squawk_settings(pack)


def find_squawk_settings(pack: Path) -> Iterator[Path]:
    """Yield each of squawk's settings below the project: which of them count is tried on purpose by the migrations task."""
    for place, folders, names in os.walk(pack):
        folders[:] = [name for name in folders if name not in {"node_modules", ".git"}]
        if SQUAWK_SETTINGS in names:
            yield Path(place) / SQUAWK_SETTINGS


def walk_strictly(folder: Path) -> Iterator[Path]:
    """Yield everything in a folder but the folders themselves. Raises UnknownInputsError for more than can be read."""
    if folder.is_symlink():
        raise UnknownInputsError(f"{folder.name} is a link")
    count = 0
    for place, folders, names in os.walk(folder, onerror=raise_error):
        linked = [name for name in folders if (Path(place) / name).is_symlink()]
        count += len(names) + len(linked)
        if count > MOST_FILES:
            raise UnknownInputsError(f"{folder.name}/ has more than {MOST_FILES:,} files")
        yield from (Path(place) / name for name in (*names, *linked))


def raise_error(error: OSError) -> None:
    """Let what can't be listed be known: left out, it would count as empty."""
    raise error


def read_strictly(root: Path, paths: Iterable[Path]) -> list[list[str]]:
    """Return each file's path and the sha256 of its content, sorted.

    Raises UnknownInputsError for a file whose content is not known by that: a link, a pipe, one that is large or can't be read.
    """
    return [[os.path.relpath(path, root), read_one(path, root)] for path in sorted(set(paths))]


def read_one(path: Path, root: Path) -> str:
    """Return the sha256 of one file's content, `absent` where there is none."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    shown = os.path.relpath(path, root)
    if not stat.S_ISREG(status.st_mode):
        raise UnknownInputsError(f"{shown} is a link, or no plain file")
    if status.st_size > LARGEST_READ:
        raise UnknownInputsError(f"{shown} is too large to be read for this")
    said, _ = describe(path)
    if said.startswith("unreadable"):
        raise UnknownInputsError(f"{shown} is {said}")
    return said
