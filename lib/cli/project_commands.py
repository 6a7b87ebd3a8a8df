"""The commands about somebody's project: what they are called with, handed to the one module that does each.

Each imports what it needs when it is called: papermill and its kin take most of a second.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.visible import say

INTERRUPTED = 130
"""As a shell says it of a program that Ctrl-C ended (SIGINT)."""
PACK = "the project under launch, instead of the one in params"
"""What --pack is, where nothing else is said."""
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


def add_project_commands(commands: Any) -> None:
    """Add the commands that look at a project, or bring something to it."""
    add_environment(
        commands.add_parser(
            "sync-credentials", help="bring the vault's credentials to Fly.io and GitHub; a dry run unless APPLY=1"
        ),
        command_sync,
    )
    load = commands.add_parser(
        "load-credentials", help="start a command with the credentials declared for `mcp` in its environment"
    )
    add_environment(load, command_load)
    load.add_argument("argv", nargs="*", help="the command, after --")
    publish = commands.add_parser("publish-docs", help="write a run's documents into the pack; a dry run unless APPLY=1")
    add_environment(publish, command_publish)
    publish.add_argument("--run", default="", help="a run's folder or id, instead of the newest whole one")
    guard = commands.add_parser("guardrails", help="hold this branch to the project's policy, in seconds")
    add_environment(guard, command_guardrails, pack="another project than this checkout")
    guard.add_argument("--base", default="", help="the branch to compare with, instead of the one in params")
    tidy = commands.add_parser("tidy", help="move stray Markdown to the archive folder; a dry run unless APPLY=1")
    add_environment(tidy, command_tidy, pack="another project than this checkout")
    params = commands.add_parser("params", help="print every setting of an environment, and the file and line it comes from")
    add_environment(params, command_params)
    add_onboarding_commands(commands)
    add_lab_commands(commands)


def add_onboarding_commands(commands: Any) -> None:
    """Add the commands by which a project comes to the workbook."""
    add_key_commands(commands)
    adopting = commands.add_parser("adopt", help="bring what a launch asks for into the project, where it is missing")
    adopting.add_argument("--pack", required=True, help="the project")
    adopting.add_argument("--only", default="", help="names of pieces, separated by commas")
    adopting.set_defaults(command=command_adopt)
    new = commands.add_parser("new-task", help="write a launch task as a working example")
    new.add_argument("name", help="lower-case words joined by _, such as cdn_cache")
    new.add_argument("--pack", default="", help="the project whose own task it is, instead of one of the workbook's")
    new.set_defaults(command=command_new_task)
    first = commands.add_parser("init", help="read a project, try its database, and write what it is expected to be")
    first.add_argument("--pack", default="", help="the project's checkout")
    first.add_argument("--name", default="", help="how the project is called, instead of as its folder is")
    first.add_argument("--dry-run", default="", metavar="1", help="show what would be written, and write nothing")
    first.add_argument("--baseline", default="", metavar="1", help="run it once, and waive what fails today for a while")
    first.set_defaults(command=command_init)
    ask = commands.add_parser("confirm", help="walk the lines that init guessed, one key each")
    ask.add_argument("--pack", default="", help="the project's checkout")
    ask.add_argument("--list", action="store_true", help="print them instead")
    ask.set_defaults(command=command_confirm)


def add_lab_commands(commands: Any) -> None:
    """Add the commands of JupyterLab."""
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, at a start page")
    lab.add_argument("--pack", default="", help=PACK)
    lab.add_argument("options", nargs="*", help="options of JupyterLab's own, after --")
    lab.set_defaults(command=command_lab)
    strip = commands.add_parser("strip-outputs", help="keep what notebooks put out from commits of this clone")
    strip.add_argument("--off", default="", metavar="1", help="take that back")
    strip.set_defaults(command=command_strip_outputs)


def add_environment(
    parser: argparse.ArgumentParser, command: Any, *, said: str = "a file's name in params/", pack: str = PACK
) -> None:
    """Add which environment and project a command is about, and what does it. said, pack: what they are."""
    parser.add_argument("environment", help=said)
    parser.add_argument("--pack", default="", help=pack)
    parser.set_defaults(command=command)


def command_sync(options: argparse.Namespace) -> int:
    """Plan a sync of credentials, and carry it out if asked."""
    from lib.cli.sync_credentials import sync_credentials

    return sync_credentials(options.environment, pack=options.pack or None)


def command_load(options: argparse.Namespace) -> int:
    """Become another command, with credentials."""
    from lib.cli.sync_credentials import load_credentials

    return load_credentials(options.environment, words_after(options, options.argv), pack=options.pack or None)


def command_publish(options: argparse.Namespace) -> int:
    """Bring a run's documents to the pack."""
    from lib.cli.publish_docs import publish_docs
    from lib.run.known_credentials import know_credentials
    from lib.run.params import load_params

    params = load_params(options.environment, pack=options.pack or None)
    know_credentials(params)
    return publish_docs(options.environment, pack=params.pack, run=options.run)


def command_guardrails(options: argparse.Namespace) -> int:
    """Judge a branch."""
    from lib.cli.guardrails import guard_branch

    return guard_branch(options.environment, base=options.base, pack=options.pack or None)


def command_tidy(options: argparse.Namespace) -> int:
    """Plan a tidying, and carry it out if asked."""
    from lib.cli.tidy import tidy

    return tidy(options.environment, pack=options.pack or None)


def command_params(options: argparse.Namespace) -> int:
    """Print every setting and where it comes from."""
    from lib.cli.show_params import show_params

    return show_params(options.environment, pack=options.pack or None)


def add_key_commands(commands: Any) -> None:
    """Add the commands about who signs."""
    for name, command, said in (
        ("key", command_key, "make a key that signs runs, and show the file that makes a project trust it; APPLY=1 writes that"),
        (
            "rotate-key",
            command_rotate_key,
            "replace a signer's key; what the old one signed still counts; a dry run unless APPLY=1",
        ),
        ("revoke-key", command_revoke_key, "void everything that a key ever signed; a dry run unless APPLY=1"),
    ):
        one = commands.add_parser(name, help=said)
        one.add_argument("name", help="what the signer is called, such as release-bot")
        one.add_argument("--pack", default="", help="the project that trusts it, instead of the sample")
        one.set_defaults(command=command)
        if name == "revoke-key":
            one.add_argument("--reason", default="", help="why, in a sentence")


def command_key(options: argparse.Namespace) -> int:
    """Make a key."""
    from lib.cli.keys import make_key

    return make_key(options.name, pack=options.pack)


def command_rotate_key(options: argparse.Namespace) -> int:
    """Replace a key."""
    from lib.cli.keys import rotate_key

    return rotate_key(options.name, pack=options.pack)


def command_revoke_key(options: argparse.Namespace) -> int:
    """Revoke a key."""
    from lib.cli.keys import revoke_key

    return revoke_key(options.name, options.reason, pack=options.pack)


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
