"""The commands about runs: what they are called with, handed to the one module that does each.

Each imports what it needs when it is called: papermill and its kin take most of a second.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lib.cli.project_commands import add_environment, split_names
from lib.core.paths import ROOT


def add_run_commands(commands: Any) -> None:
    """Add the commands that make a run, or take one."""
    run = commands.add_parser("run", help="run the tasks of one environment")
    add_where(run, command_run)
    run.add_argument("--only", default="", help="task names, separated by commas")
    add_fleet(commands)
    faults = commands.add_parser("faults", help="run the tasks, and spend long on faults made on purpose: what is a green worth?")
    add_where(faults, command_faults)
    faults.add_argument("--seconds", default="", help="seconds that each task spends on them")
    faults.add_argument("--only", default="", help="task names, separated by commas")
    health = commands.add_parser("health", help="check the vendors alone, as every night does; judged by its own checks")
    add_where(health, command_health)
    notify = commands.add_parser("notify-dry-run", help="send one message as a failure would")
    add_where(notify, command_notify)
    for name, command, said in (
        ("verify", command_verify, "say who signed a run, and check all of it against its signed manifest"),
        ("resume", command_resume, "finish a run that was stopped or killed"),
    ):
        one = commands.add_parser(name, help=said)
        one.add_argument("run", help="a run's folder, or its id")
        one.set_defaults(command=command)
        if name == "verify":
            one.add_argument("--key", default="", help="a public key's file: only its signature counts")
            one.add_argument("--pack", default="", help="the project whose launch/trusted_keys count, instead of the sample's")
    removing = commands.add_parser("remove-run", help="remove a run's folder, with a signed note; a dry run unless APPLY=1")
    removing.add_argument("run", help="a run's folder, or its id")
    removing.add_argument("--reason", default="", help="why, in a sentence")
    removing.add_argument("--pack", default="", help="the project whose trusted key signs the note, instead of the sample")
    removing.set_defaults(command=command_remove_run)
    bundle = commands.add_parser("bundle", help="write a run as one zip and one page for strangers, with what checks them")
    bundle.add_argument("run", help="a run's folder, or its id")
    bundle.add_argument("--redact", default="", help="checks, tasks and files of the run to withhold, separated by commas")
    bundle.set_defaults(command=command_bundle)
    look = commands.add_parser("look", help="look again at what a kept run found, and say whether it comes out the same")
    look.add_argument("check", help="a check's id, a task's name, or all")
    look.add_argument("--run", required=True, help="a run's folder, or its id")
    look.add_argument("--pack", default="", help="the project's checkout; as the run names it when not given")
    look.add_argument("--anyway", action="store_true", help="also where an input is another now than in the run")
    look.set_defaults(command=command_look)
    diff = commands.add_parser("diff", help="say what differs between two runs, and whether the second is worse")
    diff.add_argument("runs", nargs=2, help="two runs' folders or ids")
    diff.set_defaults(command=command_diff)
    again = commands.add_parser("replay", help="decide every kept run of an environment again, under another policy")
    add_where(again, command_replay)
    again.add_argument("--policy", default="", help="the YAML file that says by what rules; without it, the rules of today alone")


def add_fleet(commands: Any) -> None:
    """Add the command that runs many projects."""
    fleet = commands.add_parser("fleet", help="run many projects in many environments, on a cluster or on two workers here")
    fleet.add_argument("--environments", default="", help="names of environments, separated by commas")
    fleet.add_argument("--packs", default="", help="projects' folders, separated by commas")
    fleet.add_argument("--only", default="", help="task names, separated by commas")
    fleet.add_argument("--file", default="", help="a YAML list of pack, environment, only and variables, instead of the three")
    fleet.add_argument("--scheduler", default="", help="a dask scheduler's address; without it two workers are started here")
    fleet.add_argument("--results", default="", help="where results go: a folder, or any URL that fsspec opens; rendered/fleet")
    fleet.set_defaults(command=command_fleet)


def add_where(parser: argparse.ArgumentParser, command: Any) -> None:
    """Add which environment and project a command is about, and where runs are kept."""
    add_environment(parser, command, said="a file's name in params/: local, staging, production")
    parser.add_argument("--rendered", type=Path, default=ROOT / "rendered", help="where runs are kept")


def command_run(options: argparse.Namespace) -> int:
    """Run one environment."""
    return run_tasks(options, only=split_names(options.only))


def command_fleet(options: argparse.Namespace) -> int:
    """Run many projects."""
    from lib.cli.fleet import run_fleet  # dask takes most of a second to import

    return run_fleet(
        environments=split_names(options.environments),
        packs=split_names(options.packs),
        only=split_names(options.only),
        file=options.file,
        scheduler=options.scheduler,
        results=options.results or str(ROOT / "rendered" / "fleet"),
    )


def command_faults(options: argparse.Namespace) -> int:
    """Run one environment, and spend long on faults made on purpose."""
    from lib.cli.faults import read_seconds

    return run_tasks(options, only=split_names(options.only), kill_rate_s=read_seconds(options.seconds))


def command_health(options: argparse.Namespace) -> int:
    """Check the vendors of one environment. A nightly watch asks them, and proves nothing of itself."""
    return run_tasks(options, only=["health"], is_watch=True, kill_rate_s=0)


def run_tasks(options: argparse.Namespace, **asked: Any) -> int:
    """Run tasks of one environment. asked: of `run_environment`."""
    from lib.run.params import load_params

    # What can't be understood is said at once: papermill and its kin take more than a second to import.
    load_params(options.environment, pack=options.pack or None)
    from lib.cli.run import run_environment

    return run_environment(options.environment, pack=options.pack or None, rendered=options.rendered.resolve(), **asked)


def command_notify(options: argparse.Namespace) -> int:
    """Send one message as a trial."""
    from lib.cli.notify_dry_run import notify_dry_run

    return notify_dry_run(options.environment, rendered=options.rendered.resolve(), pack=options.pack or None)


def command_verify(options: argparse.Namespace) -> int:
    """Check one run. A name that is none is said at once: cryptography and its kin take a while to import."""
    from lib.cli.named_run import find_run

    find_run(options.run)
    from lib.cli.verify import verify

    return verify(options.run, key=options.key, pack=options.pack)


def command_remove_run(options: argparse.Namespace) -> int:
    """Remove one run."""
    from lib.cli.remove_run import remove_run

    return remove_run(options.run, options.reason, pack=options.pack)


def command_look(options: argparse.Namespace) -> int:
    """Perform what gave a run's results again."""
    from lib.cli.look import look

    return look(options.check, run=options.run, pack=options.pack or None, anyway=options.anyway)


def command_resume(options: argparse.Namespace) -> int:
    """Finish one run."""
    from lib.cli.resume import resume

    return resume(options.run)


def command_diff(options: argparse.Namespace) -> int:
    """Compare two runs."""
    from lib.cli.diff import diff

    return diff(*options.runs)


def command_bundle(options: argparse.Namespace) -> int:
    """Write one run for strangers."""
    from lib.cli.bundle import bundle

    return bundle(options.run, split_names(options.redact))


def command_replay(options: argparse.Namespace) -> int:
    """Decide kept runs again."""
    from lib.cli.replay import replay_runs

    return replay_runs(options.environment, policy=options.policy, pack=options.pack or None, rendered=options.rendered.resolve())
