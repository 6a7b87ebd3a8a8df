"""Whose runs they are: each project has its own folder in rendered/, and no other project's runs are in it.

A project is called as its launch/project.yaml says, else as its folder is. Two of one name are told apart by where their
history began, else by their address, else by their place; the second one's folder gets a mark behind its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from lib.clients.git_command import run_git
from lib.core.errors import CommandError, ParamsError
from lib.core.files import write_whole
from lib.run.layers import PROJECT, read_project

MARKER = "project.json"
GIT_TIMEOUT_S = 10


def open_project(rendered: Path, pack: Path) -> str:
    """Return the name of the project's folder in rendered/, made and marked as its own."""
    rendered.mkdir(parents=True, exist_ok=True)
    marks = read_marks(pack)
    with one_at_a_time(rendered):
        name = choose_name(rendered, pack, marks)
        kept = read_marker(rendered / name)
        if kept != {**kept, **marks}:
            write_whole(rendered / name / MARKER, json.dumps({**kept, **marks}, indent=2, sort_keys=True) + "\n")
    return name


def find_project(rendered: Path, pack: Path) -> str:
    """Return the name of the project's folder in rendered/, whether it is there or not; nothing is written."""
    return choose_name(rendered, pack, read_marks(pack))


def choose_name(rendered: Path, pack: Path, marks: dict[str, str]) -> str:
    """Return the project's plain name, or one with a mark behind it where another project has the plain one."""
    name = spell_name(read_name(pack) or pack.name)
    if is_same(read_marker(rendered / name), marks):
        return name
    decisive = marks.get("root") or marks.get("address") or marks["place"]
    return f"{name}-{hashlib.sha256(decisive.encode()).hexdigest()[:6]}"


def read_name(pack: Path) -> str:
    """Return what a project calls itself in its launch/project.yaml; '' when it says nothing, or nothing that can be read."""
    try:
        said = read_project(PROJECT, pack, named=pack.name)[0].document.get("name")
    except ParamsError:
        return ""
    return said if isinstance(said, str) else ""


def spell_name(name: str) -> str:
    """Return a folder's name as letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "project"


def is_same(kept: dict[str, str], marks: dict[str, str]) -> bool:
    """Return whether marks that were kept are of this project: by the strongest one that both have; of none, they are."""
    for one in ("root", "address", "place"):
        if one in kept and one in marks:
            return kept[one] == marks[one]
    return not kept


def read_marker(folder: Path) -> dict[str, str]:
    """Return the marks that a project's folder keeps; none when it has none that can be read."""
    try:
        kept = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


def read_marks(pack: Path) -> dict[str, str]:
    """Return what a project is known by: `root`, its first commit, `address`, of its origin, and `place`, its folder.

    Of a shallow clone the first commit is not known. The folder within the repository belongs to each.
    """
    marks = {"place": str(pack.resolve())}
    within = ask_git(pack, "rev-parse", "--show-prefix")
    if within is None:
        return marks
    origin = ask_git(pack, "remote", "get-url", "origin")
    if origin:
        marks["address"] = f"{without_login(origin)}#{within}"
    if ask_git(pack, "rev-parse", "--is-shallow-repository") == "false":
        roots = (ask_git(pack, "rev-list", "--max-parents=0", "HEAD") or "").split()
        if roots:
            marks["root"] = f"{roots[-1]}#{within}"
    return marks


def without_login(address: str) -> str:
    """Return a repository's address without a user and password, which may be a token."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as http://[
        return address.rpartition("@")[2]
    return f"{parts.hostname}{parts.path}".removesuffix(".git") if parts.hostname else address.removesuffix(".git")


def ask_git(pack: Path, *words: str) -> str | None:
    """Return what git says of the pack, in one line; None when it can't."""
    try:
        done = run_git(pack, *words, timeout_s=GIT_TIMEOUT_S)
    except CommandError:
        return None
    return done.stdout.strip() if done.exit_code == 0 else None


@contextmanager
def one_at_a_time(rendered: Path) -> Iterator[None]:
    """Keep other runs from changing the order of rendered/ meanwhile."""
    with (rendered / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
