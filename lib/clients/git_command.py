"""The one door to git: nothing that a repository's own settings name is ever started, and no call waits or grows without end.

A project's `.git/config` may name programs that `git status` or `git diff` run: monitors, hooks, filters, viewers, signers,
transports. Filters have names of the project's choice, so they are read first and then overruled one by one.
Source: https://git-scm.com/docs/git-config, https://git-scm.com/docs/gitattributes, https://git-scm.com/docs/git#_environment.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from lib.core.errors import CommandError
from lib.core.wording import format_size, plain_text
from lib.transport.process import CommandRun, run_command

TIMEOUT_S = 60
"""Longest one call of git may take."""
QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_PAGER": "cat",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C.UTF-8",
}
NO_TRANSPORT = "none"
"""No transport has this name: a partial clone would ask its remote for what it lacks, by a program of its settings."""
LARGEST_TEXT_BYTES = 2 * 1024 * 1024
"""A larger file is binary to git: its lines are not shown."""
OVERRULED = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.bigFileThreshold": str(LARGEST_TEXT_BYTES),
    "core.quotePath": "true",
    "color.ui": "false",
    "diff.external": "",
    "diff.ignoreSubmodules": "dirty",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "diff.orderFile": "/dev/null",
    "diff.submodule": "short",
    "gpg.program": "false",
    "log.showSignature": "false",
}
"""Setting -> what it is in every call: no program, and a patch in the one form that is read here."""
FILTER_PARTS = {"clean": "", "smudge": "", "process": "", "required": "false"}
"""Settings of one filter, and what makes each of them nothing."""
PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty")
"""What every command that shows a difference is asked for: no program of the project's, and nothing asked of a submodule."""
PLAIN_PATCH = (*PLAIN_DIFF, "--src-prefix=a/", "--dst-prefix=b/")


class TooMuchText(CommandError):
    """What git had to say is longer than what is read."""


def run_git(
    folder: Path,
    *words: str | Path,
    timeout_s: float = TIMEOUT_S,
    env: Mapping[str, str] = MappingProxyType({}),
    transport: str = NO_TRANSPORT,
) -> CommandRun:
    """Run git in a folder and return what it said, whatever its exit code; no program of the repository's is run.

    env: more variables. transport: the one by which other repositories may be read, such as `file`.
    Raises CommandError when git is missing or takes too long.
    """
    given = safe_environment(folder, timeout_s=timeout_s, env=env, transport=transport)
    return run_command(["git", "-C", folder, *words], timeout_s=timeout_s, env=given)


def safe_environment(folder: Path, *, timeout_s: float, env: Mapping[str, str], transport: str) -> dict[str, str]:
    """Return the variables under which git runs no program that the repository of a folder names."""
    base = {**QUIET, "GIT_ALLOW_PROTOCOL": transport, **env}
    overruled = {**OVERRULED, **overrule_filters(read_setting_names(folder, timeout_s=timeout_s, env=base))}
    pairs = {f"GIT_CONFIG_KEY_{place}": name for place, name in enumerate(overruled)}
    pairs |= {f"GIT_CONFIG_VALUE_{place}": value for place, value in enumerate(overruled.values())}
    return {**base, "GIT_CONFIG_COUNT": str(len(overruled)), **pairs}


def read_setting_names(folder: Path, *, timeout_s: float, env: Mapping[str, str]) -> list[str]:
    """Return the names of all settings in force; none where git can't read them: then it does nothing else either."""
    run = run_command(["git", "-C", folder, "config", "--list", "--name-only", "-z"], timeout_s=timeout_s, env=env)
    return run.whole_stdout.split("\0") if run.exit_code == 0 else []


def overrule_filters(names: Iterable[str]) -> dict[str, str]:
    """Return what makes every filter among these settings do nothing."""
    found: dict[str, str] = {}
    for name in names:
        head, _, rest = name.partition(".")
        if head == "filter" and (one := rest.rpartition(".")[0]):
            found |= {f"filter.{one}.{part}": value for part, value in FILTER_PARTS.items()}
    return found


def git(folder: Path, *words: str, timeout_s: float = TIMEOUT_S) -> str:
    """Return what git printed. Raises CommandError when it failed."""
    run = run_git(folder, *words, timeout_s=timeout_s)
    if run.exit_code != 0:
        raise refused(folder, words[0], run)
    return run.whole_stdout


def git_text(folder: Path, *words: str, limit_bytes: int, env: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return what `git log` or `git diff` shows, however much git has to say. env: more variables.

    Raises TooMuchText when that is more than limit_bytes, CommandError when git failed.
    """
    with tempfile.TemporaryDirectory(prefix="git-") as place:
        path = Path(place) / "shown"
        given = safe_environment(folder, timeout_s=TIMEOUT_S, env=env, transport=NO_TRANSPORT)
        # Not by --output, with which git shows no merges.
        bounded: list[str | Path] = ["sh", "-c", f'ulimit -f {limit_bytes // 512 + 1}; exec "$@" >"$0"', path]
        argv: list[str | Path] = [*bounded, "git", "-C", folder, *words]
        run = run_command(argv, timeout_s=TIMEOUT_S, env=given)
        size = path.stat().st_size if path.exists() else 0
        if run.exit_code == -signal.SIGXFSZ or size > limit_bytes:
            limit = format_size(limit_bytes)
            raise TooMuchText(f"`git {words[0]}` shows more than the {limit} that are read.", fix="Split the branch.")
        if run.exit_code != 0:
            raise refused(folder, words[0], run)
        return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""


def refused(folder: Path, word: str, run: CommandRun) -> CommandError:
    """Return the error for a command of git that failed."""
    said = plain_text(" ".join((run.stderr or run.stdout).split()), limit=300)
    return CommandError(f"`git {word}` failed in {plain_text(folder.name)}: {said}.", fix=f"Run `git {word}` there by hand.")
