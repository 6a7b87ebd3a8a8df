"""A copy of the branch, in the run's private folder, where faults are committed and taken back; the user's is only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from lib.clients.git import read_branch
from lib.clients.git_command import git
from lib.clients.working_copy import WorkingCopy, copy_commit, do_git, size_of_copy
from lib.core.errors import TargetError
from lib.tasks.faults import Change, Scene, put_files
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.policy import FILE

BASE = "launch-fault-base"
"""What the base of the copied branch is called in the copy."""
Edit = Callable[[WorkingCopy], None]


def guarded_of(scene: Scene) -> GuardedBranch:
    """Return the branch that a scene is about. Raises TargetError when there is none."""
    guarded = find_guarded(scene)
    if guarded is None:
        raise TargetError("There is no branch to copy.")
    return guarded


def find_guarded(scene: Scene) -> GuardedBranch | None:
    """Return the branch that a look was given or brought back; None for neither."""
    found = scene.arguments.get("guarded") or scene.found.facts
    return found if isinstance(found, GuardedBranch) else None


def copied_branch(scene: Scene) -> WorkingCopy:
    """Return the copy of a scene's branch, made once. Raises TargetError when it has no commit of its own."""
    copied: WorkingCopy = scene.once("branch", lambda: make_copy(scene))
    return copied


def make_copy(scene: Scene) -> WorkingCopy:
    """Return a new copy of the branch's repository, its base under a name of its own."""
    guarded = find_guarded(scene)
    source = guarded.branch.root if guarded else scene.context.pack
    place = scene.context.place_for(size_of_copy(source)) / "faults" / f"branch-{id(scene.kept):x}"
    scene.standing.callback(shutil.rmtree, place, ignore_errors=True)
    copied = copy_commit(source, place)
    if guarded:
        branch = guarded.branch
        base = git(branch.root, "rev-parse", "--verify", "--end-of-options", f"{branch.base}^{{commit}}").strip()
        do_git(place, "update-ref", f"refs/heads/{BASE}", base)
    return replace(copied, commit=do_git(place, "rev-parse", "HEAD").strip())


def with_commit(edit: Edit, *, message: str = "Change something", alone: bool = False) -> Change:
    """Return the change that an edit of the copied branch makes, committed unless the edit did so itself.

    alone: the look is given nothing but what was added since, under the same policy: so it takes no longer than that.
    """

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        copied = copied_branch(scene)
        name = scene.once("name", lambda: git(copied.root, "branch", "--show-current").strip())
        try:
            edit(copied)
            do_git(copied.root, "add", "--all", "--force")
            if git(copied.root, "status", "--porcelain").strip():
                do_git(copied.root, "commit", "--quiet", "--no-verify", "-m", message)
            yield stand_on(scene, copied, base=copied.commit if alone else BASE)
        finally:
            do_git(copied.root, "checkout", "--quiet", "--force", "--detach", copied.commit)
            if others := local_branches(copied):
                do_git(copied.root, "branch", "--quiet", "--delete", "--force", *others)
            do_git(copied.root, "checkout", "--quiet", "-B", name or "launch-fault")
            do_git(copied.root, "clean", "--quiet", "--force", "-d")

    return change


def stand_on(scene: Scene, copied: WorkingCopy, *, base: str) -> Scene:
    """Return the scene whose project is the copy, its branch read again where the look was given one."""
    settings = scene.context.settings.model_copy(update={"base": base})
    changed = replace(scene, context=replace(scene.context, pack=copied.folder, settings=settings))
    if "guarded" not in scene.arguments:
        return changed
    branch = read_branch(copied.folder, base, policy_file=FILE)
    return replace(changed, arguments={**scene.arguments, "guarded": replace(guarded_of(scene), branch=branch)})


def writing(files: Mapping[str, str | None]) -> Edit:
    """Return the edit that gives the copied project these contents; None removes a file."""
    return lambda copied: put_files(copied.folder, files)


def renaming(name: str) -> Edit:
    """Return the edit after which the branch is called otherwise; something changes, too."""

    def edit(copied: WorkingCopy) -> None:
        do_git(copied.root, "checkout", "--quiet", "--detach")
        do_git(copied.root, "branch", "--quiet", "--delete", "--force", *local_branches(copied))
        do_git(copied.root, "checkout", "--quiet", "-B", name)

    return edit


def local_branches(copied: WorkingCopy) -> list[str]:
    """Return the branches of the copy but its base: a name may not be the beginning of another's."""
    listed = git(copied.root, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    return [name for name in listed if name != BASE]


def saying(message: str, files: Mapping[str, str | None]) -> Edit:
    """Return the edit after which all of the branch is one commit with this message; these files are added to it."""

    def edit(copied: WorkingCopy) -> None:
        put_files(copied.folder, files)
        do_git(copied.root, "reset", "--quiet", "--soft", BASE)
        do_git(copied.root, "add", "--all", "--force")
        do_git(copied.root, "commit", "--quiet", "--no-verify", "-m", message)

    return edit
