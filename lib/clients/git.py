"""A branch compared with its base, as git has it: what it changes, what it adds line by line, and what it says of itself.

The work tree counts, too: what is not committed yet would be with the next commit.
Source: https://git-scm.com/docs (git-diff, git-log, git-merge-base).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.core.errors import CommandError, TargetError
from lib.transport.process import run_command

TIMEOUT_S = 60
"""Longest one call of git may take."""
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
HUNK = re.compile(r"^@@ -\S+ \+(\d+)")
LARGEST_NEW_FILE = 2_000_000
"""Bytes of a file git does not know yet; a larger one is not read line by line."""


@dataclass(frozen=True, kw_only=True)
class AddedLine:
    """One line that a branch adds, wherever in its history: a line taken out again is still there for all to read."""

    path: str
    line: int
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch and its base. Paths are from the project's root.

    name: '' when HEAD is on no branch. changes: path -> how it changed (A, M, D, R, ?).
    messages: of its own commits, newest first. note: how base or branch were found, where that was not as usual.
    policy: the policy file as the base has it; as the branch has it when the base has none.
    unread: files of it that have no lines to read, since git takes them for binary, or that are too large.
    """

    root: Path
    name: str
    base: str
    changes: dict[str, str]
    added: tuple[AddedLine, ...] = field(repr=False)
    messages: tuple[str, ...]
    policy: str = field(repr=False)
    note: str = ""
    unread: tuple[str, ...] = ()


def git(root: Path, *words: str) -> str:
    """Return what git printed. Raises CommandError when it failed."""
    run = run_command(["git", "-C", root, *words], timeout_s=TIMEOUT_S, env=QUIET)
    if run.exit_code != 0:
        said = " ".join((run.stderr or run.stdout).split())[:300]
        raise CommandError(f"`git {words[0]}` failed in {root.name}: {said}.", fix=f"Run `git {words[0]}` there by hand.")
    return run.whole_stdout


def find_root(folder: Path) -> Path | None:
    """Return the top of the work tree that a folder is in; None outside version control.

    Raises CommandError when git is missing, or refuses the folder (it does when somebody else owns it).
    """
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").strip()).resolve()
    except CommandError as exc:
        if "not a git repository" in str(exc):
            return None
        raise


def read_name(root: Path) -> str:
    """Return the name of the branch that HEAD is on; '' when it is on none."""
    return git(root, "branch", "--show-current").strip()


def find_base(root: Path, base: str) -> str:
    """Return the name by which git knows the base: as given, else without the remote's name.

    Raises TargetError when there is no such branch, or none in common with HEAD.
    """
    for name in dict.fromkeys((base, base.partition("/")[2] or base)):
        argv: list[str | Path] = ["git", "-C", root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
        if run_command(argv, timeout_s=TIMEOUT_S, env=QUIET).exit_code == 0:
            return name
    raise TargetError(
        f"There is no {base} in {root.name} to compare with.", fix="Fetch it, or name another: make guardrails BASE=..."
    )


def read_branch(root: Path, base: str, *, policy_file: str, note: str = "") -> Branch:
    """Return the branch that a project's folder is on, compared with its base.

    Raises TargetError when there is no base, or the branch changes nothing.
    """
    known = find_base(root, base)
    try:
        fork = git(root, "merge-base", known, "HEAD").strip()
    except CommandError as exc:
        raise TargetError(
            f"{known} and this branch have no commit in common.", fix="Fetch the whole history (fetch-depth: 0)."
        ) from exc
    changes = read_changes(root, fork)
    if not changes:
        raise TargetError(
            f"This branch changes nothing compared with {known}, so there is nothing to look at.",
            fix="Name its base: make guardrails BASE=...",
        )
    return Branch(
        root=root,
        name=read_name(root),
        base=known,
        changes=changes,
        added=(*read_added(root, fork), *read_new_files(root, changes)),
        unread=find_unread(root, fork, changes),
        messages=tuple(one.strip() for one in git(root, "log", "--format=%B%x00", f"{fork}..HEAD").split("\0") if one.strip()),
        policy=read_policy(root, fork, policy_file),
        note=note or (f"{base} is not here; compared with {known}" if known != base else ""),
    )


def read_changes(root: Path, fork: str) -> dict[str, str]:
    """Return every path that differs from where the branch forked off, with how; a renamed file counts once."""
    words = git(root, "diff", "--name-status", "-z", "-M", "--relative", fork, "--", ".").split("\0")
    changes: dict[str, str] = {}
    place = 0
    while place + 1 < len(words):
        kind = words[place][:1]
        step = 3 if kind in "RC" else 2
        changes[words[place + step - 1]] = kind
        place += step
    unknown = git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".").split("\0")
    return changes | {path: "?" for path in unknown if path}


def read_added(root: Path, fork: str) -> list[AddedLine]:
    """Return every line that a commit of the branch adds, and those of the work tree."""
    quiet = ("-p", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames", "--relative")
    committed = git(root, "log", "--reverse", "--format=", *quiet, f"{fork}..HEAD", "--", ".")
    return [*added_lines(committed), *added_lines(git(root, "diff", *quiet, "HEAD", "--", "."))]


def added_lines(patch: str) -> list[AddedLine]:
    """Return the lines that a patch without context adds."""
    found: list[AddedLine] = []
    path, line, in_hunk = "", 0, False
    for text in patch.split("\n"):
        hunk = HUNK.match(text)
        if text.startswith("diff --git "):
            path, in_hunk = "", False
        elif not in_hunk and text.startswith("+++ "):
            path = unquote_path(text[4:].rstrip("\t"))
        elif hunk:
            line, in_hunk = int(hunk[1]), True
        elif in_hunk and text.startswith("+"):
            found.append(AddedLine(path=path, line=line, text=text[1:]))
            line += 1
    return found


def unquote_path(text: str) -> str:
    """Return the path that git wrote after `+++`: without `b/`, and without its C-style quotes."""
    if text.startswith('"') and text.endswith('"'):
        raw = text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
        text = raw.encode("latin-1", "replace").decode("utf-8", "replace")
    return text.removeprefix("b/")


def read_new_files(root: Path, changes: dict[str, str]) -> list[AddedLine]:
    """Return every line of the files that git does not know yet; those without lines to read are left out."""
    found: list[AddedLine] = []
    for path in (path for path, kind in changes.items() if kind == "?"):
        file = root / path
        if file.is_file() and not file.is_symlink() and has_lines(file):
            lines = file.read_bytes().decode("utf-8", "replace").split("\n")
            found += [AddedLine(path=path, line=number, text=text) for number, text in enumerate(lines, start=1)]
    return found


def has_lines(file: Path) -> bool:
    """Return whether a file that git does not know yet is read line by line: it is not too large, and not binary."""
    if file.stat().st_size > LARGEST_NEW_FILE:
        return False
    with file.open("rb") as opened:
        return b"\0" not in opened.read(8000)


def find_unread(root: Path, fork: str, changes: dict[str, str]) -> tuple[str, ...]:
    """Return the files that a branch adds or changes and that have no lines to read, by path."""
    quiet = ("--numstat", "--no-renames", "--relative", "--diff-filter=d", "--no-ext-diff")
    counted = [git(root, "log", "--format=", *quiet, f"{fork}..HEAD", "--", "."), git(root, "diff", *quiet, "HEAD", "--", ".")]
    # Git counts no lines of a binary file: `-	-	<path>`.
    binary = {unquote_path(line.split("\t")[2]) for text in counted for line in text.splitlines() if line.startswith("-\t-\t")}
    new = [path for path, kind in changes.items() if kind == "?" and (root / path).is_file() and not (root / path).is_symlink()]
    return tuple(sorted(binary | {path for path in new if not has_lines(root / path)}))


def read_policy(root: Path, fork: str, policy_file: str) -> str:
    """Return the policy as it was where the branch forked off; as it is now when there was none.

    Raises TargetError when there is none at all.
    """
    shown = run_command(["git", "-C", root, "show", f"{fork}:./{policy_file}"], timeout_s=TIMEOUT_S, env=QUIET)
    if shown.exit_code == 0:
        return shown.stdout
    path = root / policy_file
    if not path.is_file():
        raise TargetError(
            f"There is no {policy_file} in {root.name}, so nothing says what a branch may do.", fix=f"Add {policy_file}."
        )
    return path.read_text(encoding="utf-8")


def list_files(root: Path) -> list[str]:
    """Return every file of a project: known to git or not ignored by it; without git, every file but hidden folders'."""
    if find_root(root) is not None:
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ".").split("\0")
        return sorted({path for path in listed if path and (root / path).is_file()})
    found: Sequence[Path] = [path for path in root.rglob("*") if path.is_file()]
    return sorted(path.relative_to(root).as_posix() for path in found if "node_modules" not in path.parts)
