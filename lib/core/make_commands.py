"""The make commands that a person is told to run: each with the project and the environment that are meant."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from lib.core.paths import ROOT

SAMPLE = ROOT / "pack"
"""The project that is meant when none is named."""
USUAL_ENVIRONMENT = "local"
"""The environment that is meant when none is named."""
TAKES: Mapping[str, tuple[str, ...]] = {
    "readiness": ("ENV", "PACK"),
    "faults": ("ENV", "PACK"),
    "health": ("ENV", "PACK"),
    "notify-dry-run": ("ENV", "PACK"),
    "sync-credentials": ("ENV", "PACK"),
    "publish-docs": ("ENV", "PACK"),
    "replay": ("ENV", "PACK"),
    "local-readiness": ("PACK",),
    "guardrails": ("PACK",),
    "tidy": ("PACK",),
    "init": ("PACK",),
    "confirm": ("PACK",),
    "lab": ("PACK",),
    "adopt": ("PACK",),
    "verify": ("PACK",),
    "remove-run": ("PACK",),
    "key": ("PACK",),
    "rotate-key": ("PACK",),
    "revoke-key": ("PACK",),
}
"""Target -> which of ENV and PACK decide what it looks at."""
OF_CHECKOUT = ("guardrails", "tidy")
"""Targets that look at this checkout, where no project is named."""
COMMAND = re.compile(
    rf"(?<![\w-])make (?P<target>{'|'.join(sorted(TAKES, key=len, reverse=True))})(?![\w-])"
    r"(?P<given>(?: [A-Z_]+=(?:\.\.\.|'[^']*'|<[^>]*>|[^\s`;,]*[^\s`;,.]))*)"
)
PLACEHOLDER = re.compile(r" (?:PACK|ENV)=(?:\.\.\.|<[^>]*>)")
GIVEN = re.compile(r" ([A-Z_]+)=")


def make_command(target: str, **variables: str) -> str:
    """Return a make command, each value quoted for a shell; variables without a value are left out."""
    return " ".join(["make", target, *(f"{name}={shlex.quote(value)}" for name, value in variables.items() if value)])


def pack_word(pack: Path, *, usual: Path = SAMPLE) -> str:
    """Return a project as PACK= names it from the checkout; '' for the one that is meant when none is named (usual)."""
    return "" if pack == usual else os.path.relpath(pack, ROOT)


def complete_commands(text: str, *, environment: str, pack: Path) -> str:
    """Return a text whose make commands do what is meant: with ENV= and PACK= where they are needed and not given."""

    def complete(match: re.Match[str]) -> str:
        given = PLACEHOLDER.sub("", match["given"])
        missing = missing_words(match["target"], set(GIVEN.findall(given)), environment=environment, pack=pack)
        return f"make {match['target']}{given}{''.join(f' {one}' for one in missing)}"

    return COMMAND.sub(complete, text)


def missing_words(target: str, given: set[str], *, environment: str, pack: Path) -> Iterator[str]:
    """Yield ENV= and PACK= where a command does not say them, and would mean another environment or project without."""
    if "ENV" in TAKES[target] and "ENV" not in given and environment != USUAL_ENVIRONMENT:
        yield f"ENV={shlex.quote(environment)}"
    word = pack_word(pack, usual=ROOT if target in OF_CHECKOUT else SAMPLE)
    if "PACK" not in given and word:
        yield f"PACK={shlex.quote(word)}"
