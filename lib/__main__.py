"""The command line: `python -m lib run staging`, `verify`, `diff`, `bench`. The Makefile's recipes call it.

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
from pathlib import Path

if __name__ == "__main__":
    # Before anything that is not of the standard library is imported: PYTHONPATH may hold somebody else's.
    from lib.core.environment import start_clean

    start_clean(sys.argv[1:])

from lib.cli import project_commands
from lib.cli.ci_commands import add_ci_commands
from lib.cli.project_commands import split_names, split_words, words_after
from lib.core.errors import ParamsError, WorkbookError
from lib.core.paths import ROOT
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
    run = commands.add_parser("run", help="run the tasks of one environment")
    run.add_argument("environment", help="a file's name in params/: local, staging, production")
    run.add_argument("--only", default="", help="task names, separated by commas")
    run.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    run.add_argument("--rendered", type=Path, default=ROOT / "rendered", help="where runs are kept")
    run.set_defaults(command=command_run)
    faults = commands.add_parser("faults", help="run the tasks, and spend long on faults made on purpose: what is a green worth?")
    faults.add_argument("environment", help="a file's name in params/: local, staging, production")
    faults.add_argument("--seconds", default="", help="seconds that each task spends on them")
    faults.add_argument("--only", default="", help="task names, separated by commas")
    faults.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    faults.add_argument("--rendered", type=Path, default=ROOT / "rendered", help="where runs are kept")
    faults.set_defaults(command=command_faults)
    health = commands.add_parser("health", help="check the vendors alone, as every night does; judged by its own checks")
    health.add_argument("environment", help="a file's name in params/: local, staging, production")
    health.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    health.add_argument("--rendered", type=Path, default=ROOT / "rendered", help="where runs are kept")
    health.set_defaults(command=command_health)
    notify = commands.add_parser("notify-dry-run", help="send one message as a failure would")
    notify.add_argument("environment", help="a file's name in params/: local, staging, production")
    notify.add_argument("--rendered", type=Path, default=ROOT / "rendered", help="where runs are kept")
    notify.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    notify.set_defaults(command=command_notify)
    verify = commands.add_parser("verify", help="check a run's files against its signed manifest")
    verify.add_argument("run", help="a run's folder, or its id")
    verify.set_defaults(command=command_verify)
    resume = commands.add_parser("resume", help="finish a run that was stopped or killed")
    resume.add_argument("run", help="a run's folder, or its id")
    resume.set_defaults(command=command_resume)
    diff = commands.add_parser("diff", help="show what differs between two runs")
    diff.add_argument("runs", nargs=2, help="two runs' folders or ids")
    diff.set_defaults(command=command_diff)
    sharing = commands.add_parser("share", help="write a run as one zip to pass on, and its front page as a PDF")
    sharing.add_argument("run", help="a run's folder, or its id")
    sharing.set_defaults(command=command_share)
    sync = commands.add_parser(
        "sync-credentials", help="bring the vault's credentials to Fly.io and GitHub; a dry run unless APPLY=1"
    )
    sync.add_argument("environment", help="a file's name in params/")
    sync.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    sync.set_defaults(command=command_sync)
    load = commands.add_parser(
        "load-credentials", help="start a command with the credentials declared for `mcp` in its environment"
    )
    load.add_argument("environment", help="a file's name in params/")
    load.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    load.add_argument("argv", nargs="*", help="the command, after --")
    load.set_defaults(command=command_load)
    publish = commands.add_parser("publish-docs", help="write a run's documents into the pack; a dry run unless APPLY=1")
    publish.add_argument("environment", help="a file's name in params/")
    publish.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    publish.add_argument("--run", default="", help="a run's folder or id, instead of the newest whole one")
    publish.set_defaults(command=command_publish)
    guard = commands.add_parser("guardrails", help="hold this branch to the project's policy, in seconds")
    guard.add_argument("environment", help="a file's name in params/")
    guard.add_argument("--base", default="", help="the branch to compare with, instead of the one in params")
    guard.add_argument("--pack", default="", help="another project than this checkout")
    guard.set_defaults(command=command_guardrails)
    tidy = commands.add_parser("tidy", help="move stray Markdown to the archive folder; a dry run unless APPLY=1")
    tidy.add_argument("environment", help="a file's name in params/")
    tidy.add_argument("--pack", default="", help="another project than this checkout")
    tidy.set_defaults(command=command_tidy)
    listing = commands.add_parser("list", help="print every task and check")
    listing.add_argument("--write", action="store_true", help="write what docs/ and params/schemas/ say of the code instead")
    listing.set_defaults(command=command_list)
    params = commands.add_parser("params", help="print every setting of an environment, and the file and line it comes from")
    params.add_argument("environment", help="a file's name in params/")
    params.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    params.set_defaults(command=project_commands.command_params)
    adopting = commands.add_parser("adopt", help="bring what a launch asks for into the project, where it is missing")
    adopting.add_argument("--pack", required=True, help="the project")
    adopting.add_argument("--only", default="", help="names of pieces, separated by commas")
    adopting.set_defaults(command=project_commands.command_adopt)
    new = commands.add_parser("new-task", help="write a launch task as a working example")
    new.add_argument("name", help="lower-case words joined by _, such as cdn_cache")
    new.add_argument("--pack", default="", help="the project whose own task it is, instead of one of the workbook's")
    new.set_defaults(command=project_commands.command_new_task)
    first = commands.add_parser("init", help="read a project, try its database, and write what it is expected to be")
    first.add_argument("--pack", default="", help="the project's checkout")
    first.add_argument("--name", default="", help="how the project is called, instead of as its folder is")
    first.add_argument("--dry-run", default="", metavar="1", help="show what would be written, and write nothing")
    first.add_argument("--baseline", default="", metavar="1", help="run it once, and waive what fails today for a while")
    first.set_defaults(command=project_commands.command_init)
    ask = commands.add_parser("confirm", help="walk the lines that init guessed, one key each")
    ask.add_argument("--pack", default="", help="the project's checkout")
    ask.add_argument("--list", action="store_true", help="print them instead")
    ask.set_defaults(command=project_commands.command_confirm)
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, at a start page")
    lab.add_argument("--pack", default="", help="the project under launch, instead of the one in params")
    lab.add_argument("options", nargs="*", help="options of JupyterLab's own, after --")
    lab.set_defaults(command=project_commands.command_lab)
    strip = commands.add_parser("strip-outputs", help="keep what notebooks put out from commits of this clone")
    strip.add_argument("--off", default="", metavar="1", help="take that back")
    strip.set_defaults(command=project_commands.command_strip_outputs)
    bench = commands.add_parser("bench", help="run everything embedded and print where the time went")
    bench.set_defaults(command=command_bench)
    add_ci_commands(commands)
    return parser


def command_run(options: argparse.Namespace) -> int:
    """Run one environment."""
    from lib.cli.run import run_environment  # papermill and its kin take most of a second to import

    return run_environment(
        options.environment,
        only=split_names(options.only),
        pack=options.pack or None,
        rendered=options.rendered.resolve(),
    )


def command_faults(options: argparse.Namespace) -> int:
    """Run one environment, and spend long on faults made on purpose."""
    from lib.cli.faults import read_seconds
    from lib.cli.run import run_environment

    return run_environment(
        options.environment,
        only=split_names(options.only),
        pack=options.pack or None,
        rendered=options.rendered.resolve(),
        kill_rate_s=read_seconds(options.seconds),
    )


def command_health(options: argparse.Namespace) -> int:
    """Check the vendors of one environment."""
    from lib.cli.run import run_environment

    return run_environment(
        options.environment,
        only=["health"],
        pack=options.pack or None,
        rendered=options.rendered.resolve(),
        is_watch=True,
        kill_rate_s=0,  # a nightly watch asks the vendors, and proves nothing of itself
    )


def command_notify(options: argparse.Namespace) -> int:
    """Send one message as a trial."""
    from lib.cli.notify_dry_run import notify_dry_run

    return notify_dry_run(options.environment, rendered=options.rendered.resolve(), pack=options.pack or None)


def command_verify(options: argparse.Namespace) -> int:
    """Check one run's seal."""
    from lib.cli.verify import verify

    return verify(options.run)


def command_resume(options: argparse.Namespace) -> int:
    """Finish one run."""
    from lib.cli.resume import resume

    return resume(options.run)


def command_diff(options: argparse.Namespace) -> int:
    """Compare two runs."""
    from lib.cli.diff import diff

    return diff(*options.runs)


def command_share(options: argparse.Namespace) -> int:
    """Write one run as a zip and a PDF."""
    from lib.cli.share import share

    return share(options.run)


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


def command_list(options: argparse.Namespace) -> int:
    """Print every check, or write the page about them."""
    from lib.cli.list_checks import list_checks

    return list_checks(write=options.write, parser=build_parser())


def command_bench(options: argparse.Namespace) -> int:
    """Measure a whole embedded run."""
    from lib.cli.bench import bench

    return bench()


if __name__ == "__main__":
    sys.exit(main())
