"""What of a person's environment may reach a run: nothing that changes what Python, libpq, Jupyter or git do.

`python -m lib` starts itself anew without such variables, so that no machine's settings change a verdict. Programs that
a run starts inherit `PROGRAMS_INHERIT`, kernels `KERNELS_INHERIT`, and nothing else: a credential that somebody's shell holds
reaches neither. What a program or kernel needs besides is handed to it by name. Standard library only.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

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
PROGRAMS_INHERIT = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TERM", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"}
)
"""What a program inherits, a project's own commands included, and every LC_...: where programs and files are, how to write,
and whom to trust. The project's commands get CI=true besides (`lib.clients.npm`)."""
PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
KERNELS_INHERIT = frozenset(
    {*PROGRAMS_INHERIT, *PROXIES, *map(str.lower, PROXIES), "USER", "LOGNAME", "SHELL", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
)
"""What a kernel inherits besides: whose process it is, and the way to the web. Added to it are OURS, the private run file's
name and an IPython folder of its own. A proxy's password is a known credential (`lib.run.known_credentials`)."""
SIGNING_KEY = "READINESS_SIGNING_KEY"
"""The key that signs runs: its text in PEM, or a file's path. `SIGNING_KEY`, a path alone, is its older name."""
RUNS_INHERIT = KERNELS_INHERIT | {SIGNING_KEY, "SIGNING_KEY", "XDG_CONFIG_HOME"}
"""What a run that a fleet starts has of its worker's variables: whose key signs it besides. None of them names a target."""
HARMLESS = {"PYTHONUNBUFFERED", "PYTHONFAULTHANDLER"}
MEDDLING = re.compile(r"PYTHON.+|PG[A-Z]+|JUPYTER_.+|IPYTHON.*|MPLBACKEND")
"""Variables that Python, libpq, Jupyter and matplotlib read by themselves."""


SESSION, SERVER = "JPY_SESSION_NAME", "JPY_PARENT_PID"
"""By these a kernel knows that a Jupyter server started it for a notebook that somebody has open, and which server.
Source: jupyter_server, sessionmanager.get_kernel_env; jupyter_client, launcher.launch_kernel."""
LAB_PACK = "LAUNCH_PACK"
"""Names the project that `make lab PACK=...` was started for, to every kernel of that lab."""


def lab_server(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the process id of the Jupyter server whose user has this kernel's notebook open; None anywhere else."""
    named = environment.get(SERVER, "")
    return int(named) if environment.get(SESSION) and named.isdigit() and int(named) > 1 else None


def lab_pack(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the project that this lab was started for; None: the one that params name."""
    return environment.get(LAB_PACK, "").strip() or None


def named_signing_key(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that READINESS_SIGNING_KEY, or else SIGNING_KEY, names for signing runs; None when neither names one."""
    named = environment.get(SIGNING_KEY, "").strip()
    if is_key_text(named):
        return None
    named = named or environment.get("SIGNING_KEY", "").strip()
    return Path(named).expanduser().absolute() if named else None


def signing_key_variable(environment: Mapping[str, str] = os.environ) -> str:
    """Return what READINESS_SIGNING_KEY holds: a path, a key's text, or ''."""
    return environment.get(SIGNING_KEY, "").strip()


def drop_signing_key(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take READINESS_SIGNING_KEY out of what is started from here on."""
    environment.pop(SIGNING_KEY, None)


def is_key_text(said: str) -> bool:
    """Return whether a variable holds a key itself, and not the path of one."""
    return "-----BEGIN" in said


def config_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the user's folder for what the workbook keeps beyond any checkout; None of a user without a home.

    Source: XDG Base Directory Specification.
    """
    named, home = (Path(environment.get(name, "").strip()) for name in ("XDG_CONFIG_HOME", "HOME"))
    base = named if named.is_absolute() else home / ".config" if home.is_absolute() and home.is_dir() else None
    return base / "launch-readiness-workbook" if base else None


def inherited(names: frozenset[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of these names that are set, and every LC_...: PROGRAMS_INHERIT or KERNELS_INHERIT."""
    return {name: value for name, value in environment.items() if name in names or name.startswith("LC_")}


def with_prefixes(prefixes: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that begin so."""
    return {name: value for name, value in environment.items() if name.startswith(prefixes)}


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
