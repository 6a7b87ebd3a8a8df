"""Looking at a finished run: is its seal whole."""

from __future__ import annotations

from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count
from lib.evidence.manifest import SHOWN, verify_run
from lib.run.signing import trusted_keys

CHANGED = 1
"""The exit code when a run does not verify."""


def verify(run: str) -> int:
    """Print what is wrong with a run's files, or that nothing is; return the exit code."""
    folder = find_run(run)
    own = trusted_keys()
    found = verify_run(folder, keys=own)
    for problem in found.problems:
        say(f"{plain_line(folder.name)}: {plain_line(problem)}")
    if found.is_unknown:
        say(
            f"{plain_line(folder.name)} is not shown to be yours: its {format_count(found.files, 'file')} are as that key sealed "
            "them, and whose key it is nobody here knows. Fix: Verify it where the key is, or name the key: SIGNING_KEY=<file>."
        )
        return CHANGED
    if found.problems:
        say(
            f"{plain_line(folder.name)} does not verify: {format_count(len(found.problems), 'problem')}. "
            "Don't rely on it; run again."
        )
        return CHANGED
    whose = "a key of yours" if own else "the key inside the envelope, which proves only that the files belong together"
    say(
        f"{plain_line(folder.name)} verifies: {format_count(found.files, 'file')}, signed by {whose} ({found.signed_by[:SHOWN]})."
    )
    return 0


def find_run(named: str) -> Path:
    """Return a run's folder by its path or its id. Raises ParamsError when no such run exists."""
    if not named.strip():
        raise ParamsError("RUN= is empty. Fix: Name a run's folder or id, e.g. RUN=rendered/<project>/staging/latest.")
    by_id = [path for path in (ROOT / "rendered").glob(f"*/*/{named}") if "/" not in named]
    for path in (Path(named), ROOT / named, *by_id):
        if path.is_dir():
            return path.resolve()
    raise ParamsError(f"RUN={named}: there is no such run. Fix: Look into rendered/<project>/<environment>/ for its id.")
