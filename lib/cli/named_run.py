"""A run's folder, by its path or its id."""

from __future__ import annotations

from pathlib import Path

from lib.core.errors import ParamsError
from lib.core.paths import ROOT


def find_run(named: str) -> Path:
    """Return a run's folder by its path or its id. Raises ParamsError when no such run exists."""
    if not named.strip():
        raise ParamsError("RUN= is empty. Fix: Name a run's folder or id, e.g. RUN=rendered/<project>/staging/latest.")
    by_id = [path for path in (ROOT / "rendered").glob(f"*/*/{named}") if "/" not in named]
    for path in (Path(named), ROOT / named, *by_id):
        if path.is_dir():
            return path.resolve()
    raise ParamsError(f"RUN={named}: there is no such run. Fix: Look into rendered/<project>/<environment>/ for its id.")
