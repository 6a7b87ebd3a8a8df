"""The commands for CI: which tasks a change can touch, and a run's summary as a pull request's comment."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_ci_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    touched = commands.add_parser("affected", help="print the tasks that a branch's changes can touch, for --only")
    touched.add_argument("environment", nargs="?", default="local", help="a file's name in params/")
    touched.add_argument("--base", default="origin/main", help="the branch to compare with")
    touched.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    touched.set_defaults(command=command_affected)
    told = commands.add_parser("comment", help="keep a run's summary as the one comment of a pull request")
    told.add_argument("summary", type=Path, help="the summary.md of a run's folder")
    told.add_argument("--about", default="", help="what tells this comment from others, such as the environment's name")
    told.set_defaults(command=command_comment)


def command_affected(options: argparse.Namespace) -> int:
    """Say what a change can touch."""
    from lib.cli.affected import affected

    return affected(options.environment, base=options.base, pack=options.pack or None)


def command_comment(options: argparse.Namespace) -> int:
    """Comment on a pull request."""
    from lib.cli.comment import comment

    return comment(options.summary, about=options.about)
