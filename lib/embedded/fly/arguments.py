"""flyctl's flags and words, as typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from lib.embedded.fly.errors import CommandError

WORDS = (
    "version", "auth whoami", "apps list", "config validate", "config show", "status", "releases", "machine list", "checks list",
    "secrets list", "secrets import", "secrets set", "secrets unset", "secrets deploy", "image show", "logs", "deploy",
    "machine start", "machine stop", "machine destroy", "machine cordon", "machine uncordon",
)  # fmt: skip
OTHER_SPELLINGS = {"machines": "machine", "m": "machine", "release": "releases", "secret": "secrets"}


class UsageError(CommandError):
    """What flyctl says of words or flags that it does not know."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        wrong = message.removeprefix("unrecognized arguments: ")
        raise UsageError(f"unknown flag: {wrong.split()[0]}" if wrong != message else message)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the flags, and the command's words joined in `words`. Raises UsageError."""
    options, rest = build_parser().parse_known_args(list(argv))
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        raise UsageError(f"unknown flag: {unknown[0].partition('=')[0]}")
    words = [OTHER_SPELLINGS.get(word, word) for word in rest]
    for count in (2, 1):
        if " ".join(words[:count]) in WORDS:
            options.words, options.names = " ".join(words[:count]), rest[count:]
            return options
    raise UsageError(f'unknown command "{" ".join(rest)}" for "flyctl"')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every flag of every command that there is here."""
    parser = Parser(prog="flyctl", allow_abbrev=False, add_help=False)
    text: dict[str, Any] = {"default": ""}
    parser.add_argument("--strategy", **text)
    for names in (("-a", "--app"), ("-c", "--config"), ("-t", "--access-token"), ("-i", "--image")):
        parser.add_argument(*names, **text)
    for name in ("--image-label", "--release-command-timeout", "--lease-timeout", "--max-unavailable", "--regions", "--signal"):
        parser.add_argument(name, **text)
    parser.add_argument("--wait-timeout", default="5m0s")
    parser.add_argument("-e", "--env", action="append", default=[])
    parser.add_argument("-j", "--json", **switch(False))
    parser.add_argument("-y", "--yes", "--now", **switch(False))
    for name in (
        "--detach",
        "--stage",
        "--build-only",
        "--force",
        "--skip-release-command",
        "--push",
        "--update-only",
        "--no-tail",
        "--verbose",
        "--staged",
        "--toml",
    ):
        parser.add_argument(name, **switch(False))
    for name in ("--ha", "--smoke-checks", "--dns-checks"):
        parser.add_argument(name, **switch(True))
    return parser


def switch(default: bool) -> dict[str, Any]:
    """Return how a yes-or-no flag is read: alone, or with =true or =false."""
    return {"nargs": "?", "const": True, "default": default, "type": lambda word: word.lower() in ("true", "1", "t")}
