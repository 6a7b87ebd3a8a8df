"""Shell files that a project's commands run: whether one ends well although what it runs failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file

LONGEST_BYTES = 256 * 1024
RUNS_FILE = re.compile(
    r"^\s*(?:(?:bash|sh|zsh|dash)\s+(?P<flags>(?:-\w+\s+)*)(?P<path>[\w./-]+)|(?P<own>(?:\./)?[\w.-]+(?:/[\w.-]+)*\.(?:sh|bash)))(?:\s|$)"
)
STOPS = re.compile(r"^\s*set\s+(?:-\w*e\w*|-o\s+errexit)|^\s*set\s.*-o\s+errexit|^#!.*\s-\w*e", re.MULTILINE)
"""A shell that ends at the first command that fails."""
MAY_FAIL = re.compile(r"\b(?:exit|return)\s+[\"']?(?!0\b)[\w${(]|\btrap\b|\bexec\b|\bfalse\b")
LAST = re.compile(r"^(?:exit 0|exit|true|:|echo\b[^|&;]*|printf\b[^|&;]*)$")
TESTS = re.compile(
    r"\b(?:node|npm|npx|pnpm|yarn|bun|deno|python3?|pytest|make|go|cargo|supabase|promtool|psql|jest|vitest)\b|test|lint|check|scan"
)


def hidden_in_file(folder: Path, parts: Sequence[str]) -> str:
    """Return the shell file of a command that ends well whatever becomes of what it runs; '' for none. parts: of the command."""
    for part in parts:
        found = RUNS_FILE.match(part)
        if found is None or "e" in (found["flags"] or ""):
            continue
        path = found["path"] or found["own"]
        try:
            text = read_text_file(folder / path, root=folder, limit_bytes=LONGEST_BYTES)
        except TargetError:
            continue
        if hides_failure(text):
            return path
    return ""


def hides_failure(text: str) -> bool:
    """Return whether a shell file ends with 0 though a command before its last line, which can't fail, has failed."""
    if STOPS.search(text) or "<<" in text:
        return False
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not lines or MAY_FAIL.search("\n".join(lines)) or not LAST.match(lines[-1]):
        return False
    return any(TESTS.search(line) and not line.startswith(("echo", "printf")) for line in lines[:-1])
