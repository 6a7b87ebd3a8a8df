"""What of a person's environment may reach a run: nothing that changes what Python, libpq, Jupyter or git do.

`python -m lib` starts itself anew without such variables, so that no machine's settings change a verdict. Programs that
a run starts inherit a shorter list still (`lib.commands`). Standard library only.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence

from lib.core.paths import ROOT

BYTE_CODE = ROOT / ".run" / "pycache"
"""Where compiled modules lie: set-up compiles all packages once, and the checkout stays clean."""
OURS = {
    "PYTHONUTF8": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONPYCACHEPREFIX": str(BYTE_CODE),
    "JUPYTER_PREFER_ENV_PATH": "1",
}
"""What every Python process of ours has: UTF-8 whatever the locale says, this checkout's modules alone, compiled once."""
HARMLESS = {"PYTHONUNBUFFERED", "PYTHONFAULTHANDLER"}
MEDDLING = re.compile(r"PYTHON.+|PG[A-Z]+|JUPYTER_.+|IPYTHON.*|MPLBACKEND")
"""Variables that Python, libpq, Jupyter and matplotlib read by themselves."""


def is_meddling(name: str) -> bool:
    """Return whether a variable makes a part of ours behave in another way than by our own files."""
    return bool(MEDDLING.fullmatch(name)) and name not in HARMLESS and name not in OURS


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that a run starts in."""
    return {**{name: value for name, value in environment.items() if not is_meddling(name)}, **OURS}


def clean_in_place(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take out what is read later than at Python's start: for kernels that somebody else started."""
    for name in [name for name in environment if is_meddling(name) and not name.startswith("PYTHON")]:
        del environment[name]


def start_clean(argv: Sequence[str]) -> None:
    """Replace this process by one with a clean environment, unless it has one. argv: of `python -m lib`."""
    wanted = clean(os.environ)
    if wanted == dict(os.environ) and not sys.flags.optimize:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", "lib", *argv], wanted)
