"""A throw-away copy of the commit that is judged, where the project's own commands run: they may write, and formatters do.

The copy is a clone beside the run's private files, never a work tree of the user's repository: nothing is written there.
What is installed in node_modules comes along; other files that git ignores, or does not know, do not.
Source: https://git-scm.com/docs/git-clone (--shared), https://git-scm.com/docs/git-ls-files.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lib.clients.git import QUIET, TIMEOUT_S, find_root, git, read_name
from lib.core.errors import CommandError
from lib.transport.process import run_command

INSTALLED = "node_modules"
NO_HOOKS = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "/dev/null"}
ALONE = {
    **QUIET,
    **NO_HOOKS,
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
    # The user's own settings may say that the repository is to be trusted, so they count while it is read.
    run_git("clone", "--quiet", "--shared", "--no-checkout", root, place, env={**QUIET, **NO_HOOKS})
    run_git("-C", place, "fetch", "--quiet", "origin", "+refs/remotes/*:refs/remotes/*", env={**QUIET, **NO_HOOKS})
    run_git("-C", place, "checkout", "--quiet", *(("-B", name) if name else ("--detach",)), commit)
    copy_installed(root, place)
    unsaved = git(project, "status", "--porcelain", "-z", "--no-renames", "--", ".").split("\0")
    return WorkingCopy(
        root=place,
        folder=place / project.relative_to(root),
        commit=commit,
        left_out=tuple(sorted(one[3:] for one in unsaved if one)),
    )


def is_committed(project: Path) -> bool:
    """Return whether the commit that is checked out has any file of the project."""
    done = run_command(["git", "-C", project, "ls-tree", "--name-only", "HEAD", "--", "."], timeout_s=TIMEOUT_S, env=QUIET)
    return done.exit_code == 0 and bool(done.stdout.strip())


def copy_folder(project: Path, place: Path) -> WorkingCopy:
    """Return a copy of a folder as it is, made a repository, so that what a command changes in it can be told."""

    def leave_out(folder: str, names: list[str]) -> list[str]:
        return [*leave_out_special(folder, names), *(name for name in names if Path(folder, name) == place)]

    shutil.copytree(project, place, symlinks=True, ignore=leave_out)
    run_git("-C", place, "init", "--quiet")
    run_git("-C", place, "add", "--all")
    run_git("-C", place, "commit", "--quiet", "--no-verify", "--allow-empty", "-m", "The project as it is")
    return WorkingCopy(root=place, folder=place)


def leave_out_special(folder: str, names: list[str]) -> list[str]:
    """Return the names that are not copied: the repository's own folder, and what is no file, folder or link."""
    return [name for name in names if name == ".git" or not is_plain(Path(folder, name))]


def is_plain(path: Path) -> bool:
    """Return whether a path is a file, a folder or a link: a pipe or a device would be waited for without end."""
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def copy_installed(root: Path, place: Path) -> None:
    """Bring along each node_modules of a work tree that the commit's folders have a place for."""
    listed = git(root, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z").split("\0")
    for path in listed:
        folder = Path(path)
        if folder.name == INSTALLED and INSTALLED not in folder.parts[:-1] and (place / folder.parent).is_dir():
            shutil.copytree(root / folder, place / folder, symlinks=True, ignore=leave_out_special)


def read_changes(copy: WorkingCopy) -> CopyChanges:
    """Return what was changed in the copy since it was made, in files that the commit has."""
    named = run_git("-C", copy.folder, "diff", "--name-only", "-z", "--relative", "HEAD", "--", ".").split("\0")
    files = tuple(path for path in named if path)
    if not files:
        return NO_CHANGES
    diff = run_git("-C", copy.folder, "diff", "--no-color", "--no-ext-diff", "--relative", "HEAD", "--", ".")
    cut = f"\n(cut: {len(diff):,} characters in all)\n" if len(diff) > LONGEST_DIFF else ""
    return CopyChanges(files=files, diff=diff[:LONGEST_DIFF] + cut)


def reset_copy(copy: WorkingCopy) -> None:
    """Bring the copy back to the commit; what git ignores, such as node_modules, stays."""
    run_git("-C", copy.root, "reset", "--quiet", "--hard", "HEAD")
    run_git("-C", copy.root, "clean", "--quiet", "--force", "-d")


def remove_copies(places: Iterable[Path]) -> None:
    """Remove copies, whatever became of them."""
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


def run_git(*words: str | Path, env: Mapping[str, str] = MappingProxyType(ALONE)) -> str:
    """Return what git printed, run with nobody's settings unless said. Raises CommandError when it failed."""
    run = run_command(["git", *words], timeout_s=TIMEOUT_S, env=env)
    if run.exit_code != 0:
        said = " ".join((run.stderr or run.stdout).split())[:300]
        verb = next(str(word) for word in words if not str(word).startswith("-") and not isinstance(word, Path))
        raise CommandError(f"The project could not be copied: `git {verb}` said {said}.", fix="Check whether git works there.")
    return run.whole_stdout
