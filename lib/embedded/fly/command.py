"""The `flyctl` command, as far as an operator deploys, watches and rolls back with it.

Its first argument is the platform's folder, the others are flyctl's own (`lib.embedded.fly.start` writes the script).
Exit codes as flyctl's: 0, 1 any error, 126 deadline exceeded, 127 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.embedded.fly.arguments import parse
from lib.embedded.fly.control import ADDRESS, Broken, Refused, call
from lib.embedded.fly.errors import CommandError
from lib.embedded.fly.reports import REPORTS

INTERRUPTED = 127
BROKEN = 70
"""EX_SOFTWARE: no exit code of flyctl's; the stand-in itself broke."""


def main(argv: Sequence[str]) -> int:
    """Run one flyctl command and return its exit code."""
    folder = Path(argv[0])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        options = parse(argv[1:])
        faults = json.loads((folder / ADDRESS).read_text())["faults"]
        return run(folder, options, faults)
    except CommandError as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return exc.exit_code
    except Broken as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        print("Error: context canceled", file=sys.stderr)
        return INTERRUPTED


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def run(folder: Path, options: Namespace, faults: list[str]) -> int:
    """Do what the words of the command say."""
    words = options.words
    if words != "version" and "not_logged_in" in faults:
        raise Refused("no access token available. Please login with 'flyctl auth login'")
    if words not in REPORTS or not options.app:
        # Only here: to read fly.toml takes several times as long as all that a look needs.
        from lib.embedded.fly.actions import ACTIONS, app_name

        if words in ACTIONS:
            ACTIONS[words](folder, options, faults)
            return 0
        options.app = app_name(options) if REPORTS[words][1] else ""
    if "reads_hang" in faults and words != "version":
        signal.pause()
    report, needs_app = REPORTS[words]
    # Secrets alone are no reason to start the app's machines.
    operation = "app_secrets" if words == "secrets list" else "app"
    shown = call(folder, operation, name=options.app) if needs_app else {}
    value, text = report(shown, folder)
    if not options.json:
        print(text, flush=True)
        return 0
    printed = json.dumps(value, indent=4)
    if words == "releases" and "half_a_json" in faults:
        print(printed[: len(printed) // 2], end="", flush=True)
        signal.raise_signal(signal.SIGKILL)
    print(printed, flush=True)
    return 0
