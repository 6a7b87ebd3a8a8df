"""`make lab`: JupyterLab at a start page, its database already starting; and what keeps a clone's commits free of outputs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from lib.cli.start_page import write_start_page
from lib.core.environment import LAB_PACK
from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.visible import say
from lib.run.params import Params, load_params, with_variables
from lib.transport.process import run_command

JUPYTER = Path(sys.executable).parent / "jupyter-lab"
LAB = ROOT / ".run" / "lab"
NOTEBOOKS = ROOT / "notebooks"
"""Where the start page is, which git ignores: the file list opens beside it."""
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
"""JupyterLab's own defaults for this lab; a person's settings still win. Nothing is asked of the network unasked."""
ENVIRONMENT = "local"
"""The environment that every notebook's own parameters name."""
GIT_TIMEOUT_S = 30
CLEAN = ".venv/bin/python -I -S lib/cli/strip_outputs.py"
"""Git starts a filter at the top of the clone."""
NBDIME = ROOT / ".venv" / "bin" / "git-nbdiffdriver"


def open_lab(pack: str | None, options: Sequence[str]) -> int:
    """Become JupyterLab, at a page that lists the notebooks; it ends as JupyterLab does.

    options: of JupyterLab's own. Raises ParamsError when the settings can't be understood, WorkbookError without JupyterLab.
    """
    if not JUPYTER.exists():
        raise WorkbookError("JupyterLab is not installed here.", fix="Run `make setup`, then `make lab`.")
    params = load_params(ENVIRONMENT, pack=pack, is_bare=True)
    project = reach_project(params.pack)
    page = write_start_page(params, folder=NOTEBOOKS, project=project)
    write_whole(LAB / "config" / "labconfig" / "default_setting_overrides.json", json.dumps(SETTINGS, indent=1))
    start_database(pack)
    for line in hints(page):
        say(line)
    argv = [str(JUPYTER), *lab_options(page, project), *options]
    ours = {LAB_PACK: str(params.pack), "JUPYTER_CONFIG_PATH": str(LAB / "config")}
    os.execve(JUPYTER, argv, with_variables(ours))


def lab_options(page: Path, project: Path) -> Iterator[str]:
    """Yield JupyterLab's options: the checkout is its root, so that a link to any file of it leads somewhere."""
    yield f"--ServerApp.root_dir={ROOT}"
    yield f"--LabApp.default_url=/lab/tree/{quote(page.relative_to(ROOT).as_posix())}"
    if project.is_symlink():
        yield "--ContentsManager.allow_hidden=True"  # the link is in .run; the file list leaves hidden files out all the same
    if os.geteuid() == 0:
        yield "--allow-root"


def reach_project(pack: Path) -> Path:
    """Return the project's folder as it is reached from the checkout: itself, or a link to it beside the start page."""
    if pack.is_relative_to(ROOT):
        return pack
    link = LAB / "project"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(pack)
    return link


def start_database(pack: str | None) -> None:
    """Start the lab's database in the background, so that the first notebook finds it. What goes wrong that notebook says."""
    from lib.run.shared_server import kind_for, start_keeper

    with suppress(WorkbookError, OSError):
        params: Params = load_params(ENVIRONMENT, pack=pack)
        kind = kind_for(params, os.getpid())  # this process becomes the lab
        if kind is not None and "database" not in params.not_applicable:
            start_keeper(kind)


def hints(page: Path) -> Iterator[str]:
    """Yield what a person is told in the terminal."""
    yield f"JupyterLab opens at {page.relative_to(ROOT)}: every notebook, in order. Stop it with Ctrl-C, twice."
    if not is_stripping():
        yield "To keep what notebooks put out from commits, and to see their changes cell by cell: make strip-outputs"


def keep_outputs_out(*, is_off: bool) -> int:
    """Tell this clone's git how to strip notebooks and show their changes, or take that back; return the exit code 0.

    Only the clone's own settings change. Raises WorkbookError outside a clone.
    """
    for name, value in git_settings().items():
        if is_off:
            git_config("--unset-all", name, missing_is_fine=True)
        else:
            git_config(name, value)
    if is_off:
        say("This clone takes notebooks as they are again.")
        return 0
    say("From now on `git add` takes notebooks without what they put out; the files in your folder stay as they are.")
    if NBDIME.exists():
        say("`git diff` shows notebooks cell by cell (nbdime). To undo both: make strip-outputs OFF=1")
    return 0


def git_settings() -> dict[str, str]:
    """Return the settings of git that .gitattributes refers to."""
    settings = {"filter.launch-outputs.clean": CLEAN, "filter.launch-outputs.smudge": "cat"}
    if NBDIME.exists():
        settings["diff.jupyternotebook.command"] = f"{shlex.quote(str(NBDIME))} diff --use-filter"
    return settings


def is_stripping() -> bool:
    """Return whether this clone's git strips notebooks."""
    run = run_command(["git", "-C", ROOT, "config", "--get", "filter.launch-outputs.clean"], timeout_s=GIT_TIMEOUT_S)
    return run.exit_code == 0


def git_config(*words: str, missing_is_fine: bool = False) -> None:
    """Change one setting of this clone."""
    run = run_command(["git", "-C", ROOT, "config", "--local", *words], timeout_s=GIT_TIMEOUT_S)
    if run.exit_code and not missing_is_fine:
        said = " ".join((run.stderr or run.stdout).split())
        raise WorkbookError(f"git could not be told: {said}.", fix="Run it in a clone of the workbook that you may write to.")
