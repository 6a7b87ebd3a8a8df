"""What a task's faults are made of: a scene that a look is made on, and changed copies of it.

A copy is made of a template clone of the database, of the project's files, or of what an earlier look brought back. The target
itself, and the user's own files, are never changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lib.clients.postgres.likeness import copy_settings, read_settings
from lib.clients.postgres.twin import scratch_database
from lib.clients.postgres.whole_copy import copy_whole
from lib.core.errors import TargetError
from lib.core.results import Check, Findings, Look
from lib.transport.context import Context
from lib.transport.database import Database

LARGEST_FILE = 2_000_000
"""Bytes of a project's file that is still copied; what people write is smaller."""

COPY_TIMEOUT_S = 60.0
"""Seconds for one step of copying a database that was started for the run; the sample's takes one."""

NOT_COPIED = (".git", "node_modules", ".venv", "rendered", ".next", "dist", "build", ".run", ".tools")


Base = Callable[[Context[Any]], AbstractContextManager[Database]]
"""Opens a database that nobody else uses and that is like the target, as the target's user."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What one look is made on: its context and arguments, and what it found there.

    standing: ends what copies of this scene stand on, such as the clone that further clones are made of. base: opens that one.
    kept: what was made once for this scene, by name.
    """

    context: Context[Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    found: Findings[Any]
    standing: ExitStack = field(repr=False)
    base: Base = field(repr=False)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """What the look saw, one mapping an object."""
        return self.found.rows

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was made for this scene under a name, made when it is first asked for."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


Change = Callable[[Scene], AbstractContextManager[Scene]]
"""Makes a changed copy of a scene, which ends with its `with`. Raises TargetError when it can't be made."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One change. place: what it changes, as a person knows it: the same words for the same change, run after run.

    equivalent: why nobody could tell the changed subject from the first, where that is known; then it is listed, not tried.
    narrow: the part of the scene that the change can show in, part: its name; the whole is looked at when it does not show there.
    """

    place: str
    make: Change
    equivalent: str = ""
    narrow: Callable[[Context[Any]], Context[Any]] | None = None
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One kind of change to what a look sees.

    name: a few words. check: which must notice it. faults: every change of this kind that a scene allows. move: what would tell,
    where one is missed. is_harmless: nothing may come of it: no result may change. takes_s: seconds of one trial, where that is
    longer than its look: a short run leaves it to those that spend much on faults.
    """

    name: str
    check: Check
    look: Look[..., Any]
    faults: Callable[[Scene], Iterable[Fault]]
    move: str = ""
    is_harmless: bool = False
    takes_s: float = 0

    def __post_init__(self) -> None:
        """Refuse an operator whose check its look does not judge."""
        if self.check not in self.look.checks:
            raise ValueError(f"{self.look.name} gives no result for {self.check.id}")


def settings_alone(scene: Scene) -> Iterable[str]:
    """Return nothing: what a look's subject is told by, where code, settings and files tell it whole."""
    return ()


def as_it_is(scene: Scene) -> Scene:
    """Return the scene that was looked at."""
    return scene


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What one task's faults.py says.

    operators: every kind of change. subject: what tells one subject of a look from another, besides code, settings and the
    project's files. base: opens the database that clones are made of. keeps_base: whether one serves every look of the task: none
    of them changes the database. settle: the scene that is copied, of the one looked at: with what a look that takes long
    brought back, so that it only judges that again. around: by a look's name, what every trial of it is made within, that of a
    copy as it is too: it keeps a second look from what the first one owns, such as a store, and ends what the second one leaves.
    """

    operators: tuple[Operator, ...] = ()
    subject: Callable[[Scene], Iterable[str]] = settings_alone
    base: Base | None = None
    keeps_base: bool = False
    settle: Callable[[Scene], Scene] = as_it_is
    around: Mapping[str, Change] = field(default_factory=dict)


def unchanged(*, is_cloned: bool = False) -> Fault:
    """Return the change that changes nothing but the place: the same look on a copy must come to the same."""
    return Fault(place="a copy as it is", make=with_statements() if is_cloned else same)


@contextmanager
def same(scene: Scene) -> Iterator[Scene]:
    """Yield the scene itself."""
    yield scene


def with_arguments(**changed: Any) -> Change:
    """Return the change that gives the look other facts than an earlier look brought back."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        yield replace(scene, arguments={**scene.arguments, **changed})

    return change


def with_settings(**changed: Any) -> Change:
    """Return the change that declares something else than the project does."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        yield replace(scene, context=with_section(scene.context, **changed))

    return change


def with_section(context: Context[Any], **changed: Any) -> Context[Any]:
    """Return a context whose task has these settings instead of its own."""
    return replace(context, settings=context.settings.model_copy(update=changed))


@dataclass(frozen=True)
class ClonedDatabase:
    """The change that statements make to a clone of the database, each run by itself as the target's user."""

    statements: tuple[str, ...]

    @contextmanager
    def __call__(self, scene: Scene) -> Iterator[Scene]:
        with clone_database(scene) as context:
            run_statements(context.target, self.statements)
            yield replace(scene, context=context)


def with_statements(*statements: str) -> Change:
    """Return the change that these statements make to a clone of the database."""
    return ClonedDatabase(statements)


def needs_database(faults: Iterable[Fault]) -> bool:
    """Whether any of these faults is made in a clone of the database."""
    return any(isinstance(one.make, ClonedDatabase) for one in faults)


def run_statements(database: Database, statements: Iterable[str]) -> None:
    """Run each statement by itself. Raises DatabaseError for the first that the server refuses."""
    with database.connect(autocommit=True) as connection:
        connection.execute("set statement_timeout = '20s'; set lock_timeout = '5s'")
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def clone_database(scene: Scene) -> Iterator[Context[Any]]:
    """Yield the context with a clone of its database as the target.

    Raises TargetError for a database that was not started for the run: it is never copied row by row for this.
    """
    base = base_of(scene)
    with scratch_database(scene.context.scratch, base.name, owner=base.user) as clone:
        database = base.named(clone.name)
        if scene.once("settings", lambda: bool(read_settings(base))):
            copy_settings(base, clone)
        # Nothing about a live database holds of its copy: that migrations are still to be pushed, that it is only read.
        yield replace(scene.context, target=database, embedded=scene.context.embedded | {"database"})


def base_of(scene: Scene) -> Database:
    """Return the database that clones are made of, opened when it is first asked for. Raises TargetError when it can't be."""
    found: Database = scene.once("database", lambda: scene.standing.enter_context(scene.base(scene.context)))
    return found


@contextmanager
def open_base(context: Context[Any]) -> Iterator[Database]:
    """Yield a copy of the target that nobody else uses, so that further clones can be made of it at any moment."""
    if "database" not in context.embedded:
        raise TargetError("The database was not started for this run, so no fault is made in a copy of it.")
    programs = context.programs.postgres_bin
    with copy_whole(context.target, context.scratch, work=context.work, programs=programs, timeout_s=COPY_TIMEOUT_S) as base:
        yield base


def with_file(path: str, text: str | bytes) -> Change:
    """Return the change that gives a copy of the project another content of one file, or one more file."""
    return with_files({path: text})


def with_files(files: Mapping[str, str | bytes | None]) -> Change:
    """Return the change that gives a copy of the project these contents; None removes a file."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        copy = scene.once("project", lambda: copy_project(scene))
        before = {path: (copy / path).read_bytes() if (copy / path).is_file() else None for path in files}
        put_files(copy, files)
        try:
            yield replace(scene, context=replace(scene.context, pack=copy))
        finally:
            put_files(copy, before)

    return change


def put_files(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Give a folder these contents, by relative path; None removes a file.

    A link in the folder may lead to the user's own file: it is replaced, never written through.
    Raises TargetError for a path that leads out of the folder.
    """
    for path, content in files.items():
        place = folder / path
        if not place.parent.resolve().is_relative_to(folder.resolve()):
            raise TargetError(f"{path} leads out of the copy, so nothing is changed there.")
        place.unlink(missing_ok=True)
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)


def copy_project(scene: Scene) -> Path:
    """Return a copy of the project's own files, without its history, what it installs and builds, and what is large."""
    folder = scene.context.work / "faults" / f"project-{id(scene.kept):x}"
    shutil.rmtree(folder, ignore_errors=True)
    pack = scene.context.pack

    def left_out(place: str, names: Sequence[str]) -> set[str]:
        return {name for name in names if name in NOT_COPIED or not is_copied(Path(place) / name)}

    try:
        shutil.copytree(pack, folder, ignore=left_out, symlinks=True)
    except (OSError, shutil.Error) as exc:
        raise TargetError(f"The project could not be copied: {exc}.") from exc
    scene.standing.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def is_copied(path: Path) -> bool:
    """Whether a project's file is a part of its copy: a folder, a link, or a plain file that is not large."""
    if path.is_symlink() or path.is_dir():
        return True
    return path.is_file() and path.stat().st_size <= LARGEST_FILE
