"""A branch compared with its base, as git has it: what it changes, what it adds line by line, and what it says of itself.

The work tree counts, too: what is not committed yet would be with the next commit.
Source: https://git-scm.com/docs (git-diff, git-log, git-merge-base).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lib.clients.git_added import MOST_ADDED_BYTES, AddedLine, read_added_text, read_whole_text
from lib.clients.git_command import PLAIN_DIFF, git, git_text, run_git
from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import read_text_file, walk
from lib.core.wording import format_count, format_size, join_words, plain_text

MOST_MESSAGES = 2_000
"""Commits of a branch whose messages are read, the newest first."""
LONGEST_POLICY_BYTES = 1024 * 1024
MOST_FILES = 200_000
"""Files of one project; the largest monorepos have more, and no launch of their own."""
DEEPEST = 64
USUAL = ("main", "master", "trunk", "develop")
"""What the branch that others are merged into is called, the most usual name first."""
LEFT_OUT = frozenset({".git", "node_modules"})


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch and its base. Paths are from the project's root.

    name: '' when HEAD is on no branch. changes: path -> how it changed (A, M, D, R, ?).
    messages: of its own commits, newest first. note: how base or branch were found, where that was not as usual.
    policy: the policy file as the base has it; as the branch has it when the base has none; '' when neither has one.
    unread: files of it that have no lines to read, since git takes them for binary, or that are too large.
    too_much: why not all that it adds could be read, as a sentence; '' when it was. is_everything: there is no branch; all
    that the project holds stands for one.
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
    too_much: str = ""
    is_everything: bool = False


def find_root(folder: Path) -> Path | None:
    """Return the top of the work tree that a folder is in; None outside version control.

    Raises CommandError when git is missing, or refuses the folder (it does when somebody else owns it), and when the
    repository's settings put its work tree somewhere else.
    """
    try:
        root = Path(git(folder, "rev-parse", "--show-toplevel").strip()).resolve()
    except CommandError as exc:
        if "not a git repository" in str(exc):
            return None
        raise
    if not folder.resolve().is_relative_to(root):
        raise CommandError(
            f"The repository of {plain_text(folder.name)} says that its work tree is {plain_text(str(root), limit=200)}.",
            fix="Remove core.worktree from its settings: git config --unset core.worktree",
        )
    return root


def read_name(root: Path) -> str:
    """Return the name of the branch that HEAD is on; '' when it is on none."""
    return git(root, "branch", "--show-current").strip()


def find_base(root: Path, base: str) -> str:
    """Return the name by which git knows the base: as given, else without the remote's name.

    Where that is the usual main, which nobody may have chosen, and the repository has none: the remote's own default branch,
    else the first of the USUAL names that is there.
    Raises TargetError when there is no such branch.
    """
    remote, _, bare = base.rpartition("/") if base.count("/") == 1 else ("", "", base)
    asked = list(dict.fromkeys((base, bare)))
    if bare == USUAL[0]:
        remote = remote or "origin"
        default = run_git(root, "symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD").stdout.strip()
        asked += [default, *(name for one in USUAL for name in (f"{remote}/{one}", one))]
    found = next((name for name in asked if has_commit(root, name)), "")
    if found:
        return found
    raise TargetError(
        f"{plain_text(root.name)} has no {join_words(list(dict.fromkeys((base, *USUAL))), last='or')} to compare the branch with."
        if bare == USUAL[0]
        else f"There is no {base} in {plain_text(root.name)} to compare with.",
        fix="Name the branch that it will be merged into: `base` under `guardrails:` in launch/project.yaml, or once, with "
        "make guardrails BASE=...; where it is only not here, fetch it (in a workflow: fetch-depth: 0).",
    )


def has_commit(root: Path, name: str) -> bool:
    """Return whether a name leads to a commit. One with a dash in front would be taken for an option."""
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return bool(name) and not name.startswith("-") and run_git(root, *asked).exit_code == 0


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
    text = read_added_text(root, fork, changes)
    return Branch(
        root=root,
        name=read_name(root),
        base=known,
        changes=changes,
        added=text.lines,
        too_much=text.too_much,
        unread=text.unread,
        messages=read_messages(root, fork),
        policy=read_policy(root, known, policy_file),
        note=note or (f"{base} is not here; compared with {known}" if known != base else ""),
    )


def is_on_base(root: Path, base: str) -> bool:
    """Return whether HEAD is the base itself, so that no branch changes anything. Raises TargetError without such a base."""
    known = find_base(root, base)
    return git(root, "rev-parse", f"{known}^{{commit}}").strip() == git(root, "rev-parse", "HEAD").strip()


def read_everything(root: Path, base: str, *, policy_file: str) -> Branch:
    """Return all that a project's folder holds as a change: there is no branch to compare with the base.

    What earlier commits held and HEAD does not is left out.
    """
    nothing = git(root, "hash-object", "-t", "tree", os.devnull).strip()
    changes = read_changes(root, nothing)
    text = read_whole_text(root, nothing, changes)
    return Branch(
        root=root,
        name=read_name(root),
        base=base,
        changes=changes,
        added=text.lines,
        too_much=text.too_much,
        unread=text.unread,
        messages=(),
        policy=read_policy(root, "HEAD", policy_file),
        is_everything=True,
        note=f"HEAD is {base} itself: every file is looked at, and none that only an earlier commit had",
    )


def read_messages(root: Path, fork: str) -> tuple[str, ...]:
    """Return the messages of a branch's own commits, newest first."""
    words = ("log", "--format=%B%x00", f"--max-count={MOST_MESSAGES}", f"{fork}..HEAD")
    return tuple(one.strip() for one in git_text(root, *words, limit_bytes=MOST_ADDED_BYTES).split("\0") if one.strip())


def read_commit_times(root: Path, base: str) -> tuple[datetime, ...]:
    """Return when each of a branch's own commits was written, oldest first, merges left out; a rebase does not change that."""
    fork = git(root, "merge-base", base, "HEAD").strip()
    words = ("log", "--format=%aI", "--no-merges", f"--max-count={MOST_MESSAGES}", f"{fork}..HEAD")
    return tuple(sorted(datetime.fromisoformat(one) for one in git(root, *words).split()))


def read_changes(root: Path, fork: str) -> dict[str, str]:
    """Return every path that differs from where the branch forked off, with how; a renamed file counts once."""
    words = git(root, "diff", *PLAIN_DIFF, "--name-status", "-z", "-M", "--relative", fork, "--", ".").split("\0")
    changes: dict[str, str] = {}
    place = 0
    while place + 1 < len(words):
        kind = words[place][:1]
        step = 3 if kind in "RC" else 2
        changes[words[place + step - 1]] = kind
        place += step
    unknown = git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".").split("\0")
    return changes | {path: "?" for path in unknown if path}


def read_policy(root: Path, base: str, policy_file: str) -> str:
    """Return the policy as the base has it today; the project's own when the base has none; '' when there is none at all.

    Not as it was where the branch forked off: what was agreed on since counts, and a branch brings no policy for itself.
    Raises TargetError when it is too long, or no text.
    """
    shown = run_git(root, "cat-file", "-s", f"{base}:./{policy_file}")
    if shown.exit_code == 0:
        require_short(policy_file, shown.stdout)
        return git(root, "cat-file", "blob", f"{base}:./{policy_file}")
    path = root / policy_file
    return read_text_file(path, root=root, limit_bytes=LONGEST_POLICY_BYTES) if os.path.lexists(path) else ""


def require_short(policy_file: str, size: str) -> None:
    """Raise TargetError when the policy of the base is longer than one is read. size: as git says it."""
    if not size.strip().isdigit() or int(size) > LONGEST_POLICY_BYTES:
        limit = format_size(LONGEST_POLICY_BYTES)
        raise TargetError(f"{policy_file} of the base is longer than the {limit} that are read.", fix=f"Shorten {policy_file}.")


def list_files(root: Path) -> list[str]:
    """Return every file of a project: known to git or not ignored by it; without git, every one but what is installed.

    What is no regular file is left out. Raises TargetError when there are too many of them.
    """
    if find_root(root) is not None:
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", ".").split("\0")
        return sorted({path for path in listed if path and os.path.isfile(root / path)})  # noqa: PTH113 - a name may be too long to ask about
    return sorted(path.relative_to(root).as_posix() for path in walk_files(root))


def walk_files(root: Path) -> Iterable[Path]:
    """Yield every regular file of a folder without version control. Raises TargetError when there is no end of them."""
    for count, entry in enumerate(walk(root, root, DEEPEST), start=1):
        if count > MOST_FILES:
            raise TargetError(
                f"{plain_text(root.name)} holds more than {format_count(MOST_FILES, 'file')}.",
                fix="Put it under version control.",
            )
        path = Path(entry.path)
        if entry.is_file(follow_symlinks=False) and not LEFT_OUT & set(path.relative_to(root).parts):
            yield path
