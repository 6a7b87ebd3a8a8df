"""The branch that is looked at: the project's own, or in a rehearsal one made from the pack.

A sample pack inside another checkout is not a branch of its own, so a rehearsal makes a repository of it: on its base
is the policy alone, and everything else is the change. That tries every guardrail on every file, and says nothing
about a real branch: the page says which it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.clients.git import Branch, find_base, find_root, is_on_base, read_branch, read_everything, read_name
from lib.clients.git_command import run_git
from lib.clients.working_copy import OF_PROJECT, copy_tree
from lib.core.errors import CommandError, TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_json import PlainJsonError, load_json
from lib.core.wording import plain_text
from lib.tasks.guardrails.policy import DEFAULT_POLICY, FILE, Policy, parse_policy

BASE = "main"
LEFT_OUT = (".git", "node_modules", "__pycache__", ".venv")
NOBODY = {
    "GIT_AUTHOR_NAME": "rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@example.com",
    "GIT_COMMITTER_NAME": "rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Who commits in a rehearsal; nobody's own settings, signatures or hooks are used."""


NAMELESS = {"branch": "rehearsal", "message": "Bring the project as it is"}
"""What a rehearsal calls its branch where nobody says how the project calls one."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a pull request says of a branch. Everything is empty when there is none."""

    branch: str = ""
    labels: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class GuardedBranch:
    """A branch, the policy it must meet, and its pull request.

    is_made_up: it was made for a rehearsal. is_nameless: its name and message are the workbook's own, since nobody says how a
    branch of the project is called. has_policy: the project has one; without it only what every project needs is judged.
    """

    branch: Branch
    policy: Policy
    proposal: Proposal
    is_made_up: bool = False
    is_nameless: bool = False
    has_policy: bool = True

    @property
    def name(self) -> str:
        """The branch's name; a pull request knows it where HEAD is on none."""
        return self.proposal.branch or self.branch.name

    @property
    def said(self) -> str:
        """Everything that the branch says of itself."""
        return "\n\n".join((*self.branch.messages, self.proposal.text))


def open_branch(
    pack: Path,
    *,
    base: str,
    pull_request: str,
    rehearsal: Mapping[str, str] | None,
    stage: Path,
    private: Sequence[Path],
) -> GuardedBranch:
    """Return the branch to look at, with its policy.

    pull_request: the file of GitHub's event, or ''; it is read for a real branch alone. rehearsal: the branch and
    message to rehearse with where the pack is not a changed branch of its own; None when only a real branch counts.
    stage: the folder below which one is made for a rehearsal. private: the run's own folders: what is in them was made up.
    Raises TargetError when there is none.
    """
    proposal = read_proposal(pull_request)
    if rehearsal is None:
        if find_root(pack) is None:
            raise TargetError(
                f"{pack.name} is not in a git work tree, so there is no branch to look at.", fix="Use a clone of it."
            )
        branch = read_own_branch(pack, base)
    else:
        branch = rehearse_branch(pack, base=base, rehearsal=rehearsal, stage=stage)
    is_own, is_made_up = branch.root == pack, any(map(branch.root.is_relative_to, private))
    return GuardedBranch(
        branch=branch,
        policy=parse_policy(branch.policy or DEFAULT_POLICY),
        proposal=proposal if is_own else Proposal(),
        is_made_up=is_made_up,
        is_nameless=is_made_up and rehearsal == NAMELESS,
        has_policy=bool(branch.policy),
    )


def read_own_branch(pack: Path, base: str) -> Branch:
    """Return the project's own branch; all of the project where HEAD is the base itself and no policy asks for a branch.

    Raises TargetError when there is a policy, and no branch that it could judge.
    """
    if is_on_base(pack, base):
        everything = read_everything(pack, base, policy_file=FILE)
        if not everything.policy:
            return everything
    return read_branch(pack, base, policy_file=FILE)


def rehearse_branch(pack: Path, *, base: str, rehearsal: Mapping[str, str], stage: Path) -> Branch:
    """Return the pack's own branch where it is one that changes something, else one made from the pack."""
    why = "the pack is not a repository of its own"
    try:
        if find_root(pack) == pack.resolve():
            known = find_base(pack, base)
            if read_name(pack) not in (known, known.partition("/")[2]):
                return read_branch(pack, base, policy_file=FILE)
            why = "HEAD is on the base itself"
    except TargetError as exc:
        why = exc.message.rstrip(".")
    root = stage_branch(pack, stage / "rehearsed_branch", name=rehearsal["branch"], message=rehearsal["message"])
    note = f"a rehearsal on a branch made from the pack, every file of it a change, since {why[:1].lower()}{why[1:]}"
    return replace(read_branch(root, BASE, policy_file=FILE), note=note)


def stage_branch(pack: Path, folder: Path, *, name: str, message: str) -> Path:
    """Return a repository with the policy on its base, and all else of the pack in one commit on a branch."""
    shutil.rmtree(folder, ignore_errors=True)
    has_policy = os.path.lexists(pack / FILE)
    if has_policy:
        read_text_file(pack / FILE, root=pack)  # before all of it is copied
    copy_tree(pack, folder, limits=OF_PROJECT, leave_out=LEFT_OUT, is_strict=True)
    for words in (
        ("init", "--quiet", f"--initial-branch={BASE}"),
        *((("add", "--force", "--", FILE),) if has_policy else ()),
        ("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "Say what a branch may do"),
        ("checkout", "--quiet", "-b", name),
        ("add", "--all"),
        ("commit", "--quiet", "--no-verify", "-m", message),
    ):
        run = run_git(folder, *words, env=NOBODY)
        if run.exit_code != 0:
            said = plain_text(" ".join((run.stderr or run.stdout).split()), limit=300)
            raise CommandError(f"The rehearsal has no branch: `git {words[0]}` said {said}.", fix="Check whether git works here.")
    return folder


def read_proposal(path: str) -> Proposal:
    """Return what the file of a GitHub event says of its pull request; nothing when no file is named or it has none."""
    if not path:
        return Proposal()
    try:
        event: Any = load_json(read_text_file(Path(path), root=Path(path).parent))
    except (TargetError, PlainJsonError) as exc:
        raise TargetError(
            f"{Path(path).name} is not a GitHub event payload.", fix="Pass PULL_REQUEST=$GITHUB_EVENT_PATH."
        ) from exc
    request = event.get("pull_request") if isinstance(event, dict) else None
    if not isinstance(request, dict):
        return Proposal()
    head, labels = request.get("head"), request.get("labels")
    return Proposal(
        branch=str(head.get("ref") or "") if isinstance(head, dict) else "",
        labels=tuple(str(one.get("name")) for one in (labels if isinstance(labels, list) else ()) if isinstance(one, dict)),
        text=f"{request.get('title') or ''}\n\n{request.get('body') or ''}".replace("\r\n", "\n"),
    )
