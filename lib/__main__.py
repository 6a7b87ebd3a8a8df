"""The command line: `python -m lib run staging`, `verify`, `diff`. The Makefile's recipes call it.

Exit codes: 0 GO, REHEARSED or PARTIAL, 1 NO-GO, 2 BLOCKED or wrong input, 3 the workbook itself broke, 130/143 stopped.
With STRICT=1 a run gives 2 for everything but GO and NO-GO.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence

if __name__ == "__main__":
    # Before anything that is not of the standard library is imported: PYTHONPATH may hold somebody else's.
    from lib.core.environment import start_clean

    start_clean(sys.argv[1:])

from lib.cli.ci_commands import add_ci_commands
from lib.cli.project_commands import add_project_commands, split_words
from lib.cli.run_commands import add_run_commands
from lib.core.errors import ParamsError, WorkbookError
from lib.core.visible import plain_line, say

WRONG_INPUT = 2
BROKEN = 3
READER_LEFT = 141
"""As a shell says it of a program that a closed pipe ended (SIGPIPE)."""
ROOM = "Free some room there"
RIGHTS = "Correct its permissions, or name another folder"
FEWER = "End other programs, or raise the limit: ulimit -a"
OF_THE_MACHINE = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: RIGHTS,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EIO: "Look for errors of the disk: dmesg",
    errno.EMFILE: FEWER,
    errno.ENFILE: FEWER,
    errno.EAGAIN: FEWER,
    errno.ENOMEM: FEWER,
}
"""Errors of the system that are no bug of ours -> what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show a character is no reason to stop
    own, passed_on = split_words(sys.argv[1:] if argv is None else argv)
    options = build_parser().parse_args(own, argparse.Namespace(passed_on=passed_on))
    try:
        return int(options.command(options))
    except ParamsError as exc:
        say("\n".join(map(plain_line, exc.problems)), to=sys.stderr)
        return WRONG_INPUT
    except WorkbookError as exc:
        say(plain_line(str(exc)), to=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read us, such as `head`, has enough
        return READER_LEFT
    except OSError as exc:
        if exc.errno not in OF_THE_MACHINE:
            return broke()
        where = f"{exc.filename}: " if exc.filename else ""
        say(plain_line(f"The machine did not go along. {where}{exc.strerror}. Fix: {OF_THE_MACHINE[exc.errno]}."), to=sys.stderr)
        return WRONG_INPUT
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] == "lib":
            return broke()
        python = plain_line(sys.executable)
        say(f"This Python ({python}) lacks {exc.name}. Fix: Run `make setup`, then .venv/bin/python -m lib.", to=sys.stderr)
        return WRONG_INPUT
    except Exception:
        return broke()


def broke() -> int:
    """Say what was raised and nobody expected, and return the exit code of a bug of ours."""
    say(traceback.format_exc(), to=sys.stderr)
    say("The workbook itself broke: this is a bug of ours, and says nothing about the pack.", to=sys.stderr)
    return BROKEN


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(prog="python -m lib", description="Prove that a feature pack is ready to launch.")
    commands = parser.add_subparsers(required=True, metavar="command")
    add_run_commands(commands)
    add_project_commands(commands)
    listing = commands.add_parser("list", help="print every task and check")
    listing.add_argument("--write", action="store_true", help="write what docs/ and params/schemas/ say of the code instead")
    listing.set_defaults(command=command_list)
    add_ci_commands(commands)
    return parser


def command_list(options: argparse.Namespace) -> int:
    """Print every check, or write the page about them."""
    from lib.cli.list_checks import list_checks

    return list_checks(write=options.write, parser=build_parser())


if __name__ == "__main__":
    sys.exit(main())
