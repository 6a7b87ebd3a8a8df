"""A throw-away copy of the commit that is judged, where the project's own commands run: they may write, and formatters do.

The copy is a clone beside the run's private files, never a work tree of the user's repository: nothing is written there.
What is installed in node_modules comes along; other files that git ignores, or does not know, do not.
Source: https://git-scm.com/docs/git-clone (--shared), https://git-scm.com/docs/git-ls-files.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lib.clients.git import find_root, read_name
from lib.clients.git_command import NO_TRANSPORT, PLAIN_DIFF, PLAIN_PATCH, TooMuchText, git, git_text, run_git
from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import read_file, show_path, unreadable
from lib.core.wording import format_count, format_size, plain_text

INSTALLED = "node_modules"
ALONE = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_AUTHOR_NAME": "copy",
    "GIT_AUTHOR_EMAIL": "copy@example.com",
    "GIT_COMMITTER_NAME": "copy",
    "GIT_COMMITTER_EMAIL": "copy@example.com",
}
"""Nobody's own settings, hooks or signatures are used in the copy."""
LONGEST_DIFF = 400_000
"""Characters of a diff that are kept."""
LONGEST_DIFF_BYTES = 32 * 1024 * 1024
"""Of a diff that is read at all."""


@dataclass(frozen=True, kw_only=True)
class CopyLimits:
    """How much is copied: bytes of one file and of all, entries, and folders within folders."""

    file_bytes: int
    bytes: int
    entries: int
    depth: int


OF_PROJECT = CopyLimits(file_bytes=100 * 1024**2, bytes=2 * 1024**3, entries=100_000, depth=64)
"""GitHub takes no file above 100 MB. Source: https://docs.github.com/repositories, about large files."""
OF_INSTALLED = CopyLimits(file_bytes=1024**3, bytes=8 * 1024**3, entries=1_000_000, depth=128)
"""What package managers install comes in many small files, and some large programs."""


@dataclass(frozen=True, kw_only=True)
class WorkingCopy:
    """A copy of a project. commit: what it is of, '' outside version control. left_out: changes that are not committed."""

    root: Path
    folder: Path
    commit: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """What was looked at, as a sentence; '' when it is the project as it lies there."""
        if not self.commit:
            return ""
        aside = f"; not part of it, since not committed: {', '.join(self.left_out[:5])}" if self.left_out else ""
        more = f" and {len(self.left_out) - 5} more" if len(self.left_out) > 5 else ""
        return f"At commit {self.commit[:12]}{aside}{more}."


@dataclass(frozen=True, kw_only=True)
class CopyChanges:
    """What a command changed in files that the commit has: their paths from the project's folder, and the diff."""

    files: tuple[str, ...] = ()
    diff: str = ""


NO_CHANGES = CopyChanges()


def copy_commit(project: Path, place: Path) -> WorkingCopy:
    """Return a copy of the commit that a project's folder is at; of the folder as it is where no commit has it.

    place: a folder that does not exist yet. Raises CommandError when git can't copy it.
    """
    project = project.resolve()
    root = find_root(project)
    if root is None or not is_committed(project):
        return copy_folder(project, place)
    commit, name = git(root, "rev-parse", "HEAD").strip(), read_name(root)
    require_copyable(root)
    # The user's own settings may say that the repository is to be trusted, so they count while it is read.
    do_git(root, "clone", "--quiet", "--shared", "--no-checkout", "--", root, place, env={}, transport="file")
    do_git(place, "fetch", "--quiet", "origin", "+refs/remotes/*:refs/remotes/*", env={}, transport="file")
    do_git(place, "checkout", "--quiet", *(("-B", name) if name else ("--detach",)), commit)
    copy_installed(root, place)
    unsaved = git(project, "status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty", "--", ".").split("\0")
    return WorkingCopy(
        root=place,
        folder=place / project.relative_to(root),
        commit=commit,
        left_out=tuple(sorted(one[3:] for one in unsaved if one)),
    )


def is_committed(project: Path) -> bool:
    """Return whether the commit that is checked out has any file of the project."""
    done = run_git(project, "ls-tree", "--name-only", "HEAD", "--", ".")
    return done.exit_code == 0 and bool(done.stdout.strip())


def size_of_copy(project: Path) -> int | None:
    """Return how many bytes of files `copy_commit` would copy; None where it would copy more than the commit's files.

    Raises CommandError when there is too much.
    """
    root = find_root(project)
    if root is None or not is_committed(project) or next(installed_folders(root), None) is not None:
        return None
    return require_copyable(root)


def size_of_folder(folder: Path, *, leave_out: Collection[str], most: int) -> int | None:
    """Return how many bytes of files a folder holds; None for more than `most`."""
    total = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in leave_out]
        total += sum((Path(place) / name).lstat().st_size for name in names)
        if total > most:
            return None
    return total


def require_copyable(root: Path) -> int:
    """Return the bytes of the commit's files. Raises CommandError when one, or all together, are too large to be copied."""
    total = 0
    for line in git(root, "ls-tree", "-r", "-l", "-z", "HEAD").split("\0"):
        about, _, path = line.partition("\t")
        size = about.rpartition(" ")[2]
        total += int(size) if size.isdigit() else 0
        if size.isdigit() and int(size) > OF_PROJECT.file_bytes:
            raise too_large(path, int(size))
    if total > OF_PROJECT.bytes:
        raise CommandError(
            f"The commit holds {format_size(total)}, more than the {format_size(OF_PROJECT.bytes)} that are copied.",
            fix="Take out what does not belong into version control.",
        )
    return total


def too_large(path: str, size: int) -> CommandError:
    """Return the error for a file that is not copied."""
    shown = plain_text(path, limit=240)
    return CommandError(
        f"{shown} is {format_size(size)} long, more than the {format_size(OF_PROJECT.file_bytes)} of a file that is copied.",
        fix=f"Take {shown} out of the project.",
    )


def copy_folder(project: Path, place: Path) -> WorkingCopy:
    """Return a copy of a folder as it is, made a repository, so that what a command changes in it can be told.

    Raises TargetError when there is too much of it.
    """
    copy_tree(project, place, limits=OF_PROJECT)
    do_git(place, "init", "--quiet")
    do_git(place, "add", "--all")
    do_git(place, "commit", "--quiet", "--no-verify", "--allow-empty", "-m", "The project as it is")
    return WorkingCopy(root=place, folder=place)


def copy_tree(
    source: Path, place: Path, *, limits: CopyLimits, leave_out: Collection[str] = (".git",), is_strict: bool = False
) -> None:
    """Copy a folder's files, folders and links as they are; what is neither is left out, and names of `leave_out` too.

    is_strict: what is no file, folder or link is named by a TargetError instead.
    Raises TargetError naming what can't be read, and when there is more than the limits allow.
    """
    total = count = 0
    waiting = [(source, place, 0)]
    while waiting:
        here, there, depth = waiting.pop()
        if depth > limits.depth:
            raise TargetError(
                f"{show_path(here, source)} is a folder more than {limits.depth} deep.", fix="Make that tree flatter."
            )
        for entry in list_entries(here, there, source):
            path, target = Path(entry.path), there / entry.name
            if entry.name in leave_out or path == place:
                continue
            if not is_plain(path):
                if is_strict:
                    read_file(path, root=source)  # says what it is
                continue
            count += 1
            if entry.is_dir(follow_symlinks=False):
                waiting.append((path, target, depth + 1))
                continue
            total += copy_file(path, target, source, limits)
            if count > limits.entries or total > limits.bytes:
                most = f"{format_count(limits.entries, 'file')} or {format_size(limits.bytes)}"
                raise TargetError(
                    f"{plain_text(source.name)} holds more than {most}, so it is not copied.",
                    fix="Take out what does not belong there.",
                )


def list_entries(folder: Path, target: Path, root: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, its copy made. Raises TargetError."""
    try:
        target.mkdir(mode=0o755, parents=folder == root)
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as exc:
        raise unreadable(show_path(folder, root), exc) from exc


def copy_file(path: Path, target: Path, root: Path, limits: CopyLimits) -> int:
    """Copy a regular file or a link, and return its size in bytes. Raises TargetError."""
    shown = show_path(path, root)
    try:
        size = 0 if path.is_symlink() else path.lstat().st_size
        if size > limits.file_bytes:
            raise too_large(shown, size)
        shutil.copy2(path, target, follow_symlinks=False)
    except OSError as exc:
        raise unreadable(shown, exc) from exc
    return size


def is_plain(path: Path) -> bool:
    """Return whether a path is a file, a folder or a link: a pipe or a device would be waited for without end."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def installed_folders(root: Path) -> Iterator[Path]:
    """Yield each node_modules of a work tree that git ignores, by its path from the top; none within another."""
    listed = git(root, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z").split("\0")
    for path in listed:
        folder = Path(path)
        if folder.name == INSTALLED and INSTALLED not in folder.parts[:-1] and not (root / folder).is_symlink():
            yield folder


def copy_installed(root: Path, place: Path) -> None:
    """Bring along each node_modules of a work tree that the commit's folders have a place for."""
    for folder in installed_folders(root):
        if (place / folder.parent).is_dir():
            copy_tree(root / folder, place / folder, limits=OF_INSTALLED)


def read_changes(copy: WorkingCopy) -> CopyChanges:
    """Return what was changed in the copy since it was made, in files that the commit has."""
    named = do_git(copy.folder, "diff", *PLAIN_DIFF, "--name-only", "-z", "--relative", "HEAD", "--", ".").split("\0")
    files = tuple(path for path in named if path)
    if not files:
        return NO_CHANGES
    try:
        words = ("diff", *PLAIN_PATCH, "--relative", "HEAD", "--", ".")
        diff = git_text(copy.folder, *words, limit_bytes=LONGEST_DIFF_BYTES, env=ALONE)
    except TooMuchText as exc:
        return CopyChanges(files=files, diff=f"({exc.message})\n")
    cut = f"\n(cut: {len(diff):,} characters in all)\n" if len(diff) > LONGEST_DIFF else ""
    return CopyChanges(files=files, diff=diff[:LONGEST_DIFF] + cut)


def reset_copy(copy: WorkingCopy) -> None:
    """Bring the copy back to the commit; what git ignores, such as node_modules, stays."""
    do_git(copy.root, "reset", "--quiet", "--hard", "HEAD")
    do_git(copy.root, "clean", "--quiet", "--force", "-d")


def remove_copies(places: Iterable[Path]) -> None:
    """Remove copies, whatever became of them."""
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


def do_git(
    folder: Path, *words: str | Path, env: Mapping[str, str] = MappingProxyType(ALONE), transport: str = NO_TRANSPORT
) -> str:
    """Return what git printed, run with nobody's settings unless said. Raises CommandError when it failed."""
    run = run_git(folder, *words, env=env, transport=transport)
    if run.exit_code != 0:
        said = plain_text(" ".join((run.stderr or run.stdout).split()), limit=300)
        raise CommandError(
            f"The project could not be copied: `git {words[0]}` said {said}.", fix="Check whether git works there."
        )
    return run.whole_stdout
