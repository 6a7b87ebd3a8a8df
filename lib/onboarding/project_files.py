"""All that a project's files say, read without running any of it: whatever is odd is one sentence, never an error."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lib.clients.git_command import run_git
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.wording import plain_text
from lib.onboarding.read_alerts import AlertFiles, read_alerts
from lib.onboarding.read_commands import read_commands, read_package
from lib.onboarding.read_credentials import CredentialFiles, find_workflows, read_credentials
from lib.onboarding.read_fly import FlyConfig, find_fly_files, read_fly_configs
from lib.onboarding.read_supabase import SupabaseFiles, find_elsewhere, read_supabase
from lib.onboarding.tree import Tree, walk_project
from lib.tasks.guardrails.policy import FILE as POLICY

DEFAULT_OWNER = re.compile(
    r"^[ \t]*\*[ \t]+((?:@[\w./-]+|[\w.+-]+@[\w.-]+)(?:[ \t]+(?:@[\w./-]+|[\w.+-]+@[\w.-]+))*)", re.MULTILINE
)
REPOSITORY = re.compile(r"github\.com[:/]([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?)(?:\.git)?/?$")
BRANCH = re.compile(r"[\w./-]{1,200}")
LARGEST_BYTES = 256 * 1024
MOST_PACKAGES = 60
LONGEST_SAID = 300


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """What the files of a project say.

    fly_files: what is called like a config of Fly.io's, also where it can't be read; fly: those that name an app.
    has_policy: there is a file that says what a branch may do.
    elsewhere: folders below that hold a supabase folder, where the project itself has none. packages: package.json files.
    repository: owner/name on GitHub, '' when not known. base: the branch that others are compared with, '' when not known.
    owner: who acts, from CODEOWNERS. problems: a sentence for each thing that could not be read.
    """

    supabase: SupabaseFiles | None
    elsewhere: tuple[str, ...]
    fly: tuple[FlyConfig, ...]
    fly_files: tuple[str, ...]
    commands: tuple[str, ...]
    packages: tuple[str, ...]
    alerts: AlertFiles | None
    credentials: CredentialFiles
    workflows: tuple[str, ...]
    has_github: bool
    runbooks: tuple[str, ...]
    directions: tuple[str, ...]
    vendors: frozenset[str]
    has_policy: bool = True
    repository: str = ""
    base: str = ""
    owner: str = ""
    problems: tuple[str, ...] = ()


def read_project(pack: Path) -> ProjectFiles:
    """Return what the files of a project say; nothing of it is run, and no address is asked."""
    tree = walk_project(pack)
    problems = list(tree.problems)
    supabase = read_supabase(tree, problems)
    credentials = read_credentials(tree, problems)
    packages = tuple(tree.called("package.json"))
    workflows = tuple(find_workflows(tree))
    return ProjectFiles(
        supabase=supabase,
        has_policy=os.path.lexists(pack / POLICY),
        elsewhere=() if supabase else find_elsewhere(tree),
        fly=read_fly_configs(tree, problems),
        fly_files=find_fly_files(tree),
        commands=read_commands(tree, problems),
        packages=packages,
        alerts=read_alerts(tree, problems),
        credentials=credentials,
        workflows=workflows,
        has_github=bool(tree.where(lambda name: name.startswith(".github/"))),
        runbooks=tuple(tree.where(is_runbook)),
        directions=tuple(tree.where(is_direction)),
        vendors=credentials.vendors | vendors_of_packages(tree, packages),
        repository=read_repository(pack),
        base=read_base(pack),
        owner=read_owner(tree, problems),
        problems=tuple(dict.fromkeys(plain_text(one, limit=LONGEST_SAID) for one in problems)),
    )


def is_runbook(name: str) -> bool:
    """Return whether a file is a runbook, by its name or that of its folder."""
    path = PurePosixPath(name.lower())
    return path.suffix == ".md" and ("runbook" in path.name or any("runbook" in part for part in path.parts[:-1]))


def is_direction(name: str) -> bool:
    """Return whether a file says where the project goes, by its name or that of its folder; a template does not."""
    path = PurePosixPath(name.lower())
    if path.suffix != ".md" or "template" in path.name or path.stem == "readme":
        return False
    return path.parent.name in ("direction", "directions") or bool(
        re.match(r"(?:\d+[-_])?(?:direction|launch[-_]plan|launch[-_]direction)", path.name)
    )


def vendors_of_packages(tree: Tree, packages: tuple[str, ...]) -> frozenset[str]:
    """Return which of Chatwoot and Publer a package.json depends on."""
    found: set[str] = set()
    for name in packages[:MOST_PACKAGES]:
        try:
            document: Mapping[str, object] = read_package(tree, name)
        except TargetError:
            continue  # the project's own is told by who reads its scripts
        for key in ("dependencies", "devDependencies"):
            named = document.get(key)
            words = " ".join(map(str, named)).lower() if isinstance(named, dict) else ""
            found |= {vendor for vendor in ("chatwoot", "publer") if vendor in words}
    return frozenset(found)


def read_owner(tree: Tree, problems: list[str]) -> str:
    """Return whom CODEOWNERS names for everything; the last such line counts. '' when it names nobody."""
    for name in ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"):
        if name in tree.names:
            try:
                found = DEFAULT_OWNER.findall(read_text_file(tree.root / name, root=tree.root, limit_bytes=LARGEST_BYTES))
            except TargetError as exc:
                problems.append(exc.message)
                return ""
            return " ".join(found[-1].split()) if found else ""
    return ""


def read_repository(pack: Path) -> str:
    """Return owner/name of the project's repository on GitHub, '' when it has none that is known here."""
    found = REPOSITORY.search(ask_git(pack, "remote", "get-url", "origin"))
    return found[1] if found else ""


def read_base(pack: Path) -> str:
    """Return the branch that the remote calls its own, such as origin/main; '' when that is not known here."""
    name = ask_git(pack, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    return name if BRANCH.fullmatch(name) else ""


def ask_git(pack: Path, *words: str) -> str:
    """Return the one line that git says of a project; '' when it is not under version control, or git fails."""
    try:
        run = run_git(pack, *words)
    except TargetError:
        return ""
    return run.whole_stdout.strip() if run.exit_code == 0 else ""
