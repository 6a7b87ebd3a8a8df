"""The commands about somebody's project: what they are called with, handed to the one module that does each.

Each imports what it needs when it is called: papermill and its kin take most of a second.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.visible import say

INTERRUPTED = 130
"""As a shell says it of a program that Ctrl-C ended (SIGINT)."""
PASSING_ON = ("load-credentials", "lab")
"""Commands that hand what stands after `--` to another program."""


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a command line's own words, and those after the first `--` of a command that passes them on untouched."""
    at = words.index("--") if words and words[0] in PASSING_ON and "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def words_after(options: argparse.Namespace, stray: Sequence[str]) -> list[str]:
    """Return what stands after `--`. stray: words that stand before it and are no option of ours.

    Raises ParamsError for those: whose they are can't be known.
    """
    if stray:
        raise ParamsError(f"{stray[0]}: what another program is to be given stands after `--`. Fix: Write -- {shlex.join(stray)}")
    passed_on: list[str] = options.passed_on
    return passed_on


def command_params(options: argparse.Namespace) -> int:
    """Print every setting and where it comes from."""
    from lib.cli.show_params import show_params

    return show_params(options.environment, pack=options.pack or None)


def command_adopt(options: argparse.Namespace) -> int:
    """Show or write what the project lacks."""
    from lib.cli.adopt import adopt

    return adopt(pack=options.pack or str(ROOT / "pack"), only=split_names(options.only))


def command_new_task(options: argparse.Namespace) -> int:
    """Write a launch task."""
    if options.pack:
        from lib.cli.new_own_task import new_own_task

        return new_own_task(options.name, pack=Path(options.pack).expanduser())
    from lib.cli.new_task import new_task

    return new_task(options.name)


def command_init(options: argparse.Namespace) -> int:
    """Write a project's launch folder; with a baseline, run it once and waive what fails today."""
    from lib.cli.init import init

    is_dry = is_yes(options.dry_run)
    try:
        code = init(options.pack, name=options.name, is_dry=is_dry)
        return take_baseline(options.pack) if code == 0 and is_yes(options.baseline) and not is_dry else code
    except KeyboardInterrupt:
        say("Stopped. Each file is as it was, or whole.", to=sys.stderr)
        return INTERRUPTED


def take_baseline(pack: str) -> int:
    """Run the project as it is, and waive what fails today. Returns 0: what failed is no failure of this command."""
    from lib.cli.baseline import write_baseline
    from lib.cli.run import run_environment

    run_environment("local", only=(), pack=pack, rendered=ROOT / "rendered")
    return write_baseline("local", pack=Path(pack).expanduser().resolve(), rendered=ROOT / "rendered")


def command_confirm(options: argparse.Namespace) -> int:
    """Ask about what init guessed."""
    from lib.cli.confirm import confirm

    return confirm(options.pack, is_list=options.list)


def command_lab(options: argparse.Namespace) -> int:
    """Open JupyterLab."""
    from lib.cli.lab import open_lab

    return open_lab(options.pack or None, words_after(options, options.options))


def command_strip_outputs(options: argparse.Namespace) -> int:
    """Tell git how to keep outputs from commits, or take it back."""
    from lib.cli.lab import keep_outputs_out

    return keep_outputs_out(is_off=is_yes(options.off))


def is_yes(text: str) -> bool:
    """Return whether a variable is switched on: any value but empty, 0, no or false."""
    return text.strip().lower() not in ("", "0", "no", "false")


def split_names(text: str) -> list[str]:
    """Return the names in a list like `migrations, rls`."""
    return [name.strip() for name in text.split(",") if name.strip()]
