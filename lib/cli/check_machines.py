"""`make check-machines`: one whole rehearsal with every Python from the floor up that is found, each in a fresh clone.

Each runs where nothing helps it: a folder with a space and an umlaut, umask 077, no Node, no locale, a HOME made for it;
started as root, every other one runs as an ordinary user. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.core.paths import ROOT

FOLDER = "launch workbook ü"
TARGET = "staging-readiness"
"""The README's first command."""
ABSENT = re.compile(r"node|npm|npx|corepack|supabase|flyctl|fly|uv|promtool")
"""Programs that a bare machine lacks."""
KEPT = re.compile(r"(?i)(pip_|uv_|npm_config_|ssl_cert|.*_proxy$|.*_ca_(bundle|certs)$|node_extra_ca_certs$)")
"""Variables that say where packages come from; nothing else of the environment is handed on."""
ORDINARY = "nobody"
VERSION = "import sys; print(*sys.version_info[:3], sys.base_prefix)"


@dataclass(frozen=True, kw_only=True)
class Python:
    """One Python of this machine."""

    path: Path
    version: tuple[int, int, int]

    @property
    def display_name(self) -> str:
        return f"{'.'.join(map(str, self.version))} ({self.path})"


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """How one rehearsal went. results: check -> result."""

    python: Python
    user: str
    exit_code: int
    seconds: float
    said: str
    results: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.exit_code == 0 and bool(self.results)


def floor() -> tuple[int, int]:
    """Return the lowest Python that pyproject.toml names."""
    found = re.search(r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found, "pyproject.toml names no requires-python"
    return int(found[1]), int(found[2])


def find_pythons(named: Sequence[str] = ()) -> list[Python]:
    """Return the Pythons from the floor up, the system's own first, one of each version and place."""
    found: dict[tuple[tuple[int, int, int], str], Python] = {}
    for path in (Path(name) for name in named) if named else candidates():
        try:
            done = subprocess.run([path, "-I", "-c", VERSION], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            continue
        words = done.stdout.split(maxsplit=3)
        if done.returncode or len(words) < 4:
            continue
        version = (int(words[0]), int(words[1]), int(words[2]))
        if version[:2] >= floor():
            found.setdefault((version, words[3]), Python(path=path, version=version))
    return list(found.values())


def candidates() -> Iterator[Path]:
    """Yield where Pythons may be: the system's own, those on PATH, and those of the usual version managers."""
    yield Path("/usr/bin/python3")
    names = ["python3", *(f"python3.{minor}" for minor in range(floor()[1], 30))]
    for name in names:
        if on_path := shutil.which(name):
            yield Path(on_path)
    homes = ((".pyenv/versions", "bin"), (".asdf/installs/python", "bin"), (".local/share/uv/python", "bin"))
    for base, programs in homes:
        for folder in sorted((Path.home() / base).glob("*")):
            yield folder / programs / "python3"


def can_run(python: Python, user: str | None) -> bool:
    """Return whether the user may start this Python; one below another person's home can't be."""
    try:
        return (
            subprocess.run([python.path, "-I", "-c", "import ssl, venv"], capture_output=True, cwd="/", user=user).returncode == 0
        )
    except OSError:
        return False


def bare_path(folder: Path) -> Path:
    """Return a folder with links to every program on PATH but those that a bare machine lacks."""
    programs = folder / "programs"
    programs.mkdir()
    for place in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for program in sorted(Path(place).glob("*")) if place else []:
            link = programs / program.name
            if not ABSENT.fullmatch(program.name) and "pyenv" not in place and not link.is_symlink():
                link.symlink_to(program)
    return programs


def rehearse(python: Python, user: str | None, folder: Path) -> Rehearsal:
    """Clone this checkout's newest commit, and perform the README's first command in the clone."""
    home, checkout = folder / "home", folder / FOLDER
    home.mkdir()
    programs = bare_path(folder)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True, stdin=subprocess.DEVNULL)
    if user:
        folder.chmod(0o755)
        subprocess.run(["chown", "-R", user, str(home), str(checkout)], check=True)
    kept = {name: value for name, value in os.environ.items() if KEPT.match(name)}
    started = time.monotonic()
    done = subprocess.run(
        ["make", f"PYTHON={python.path}", TARGET], cwd=checkout, user=user, umask=0o077,
        env={**kept, "PATH": str(programs), "HOME": str(home)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    return Rehearsal(
        python=python,
        user=user or pwd.getpwuid(os.geteuid()).pw_name,
        exit_code=done.returncode,
        seconds=time.monotonic() - started,
        said=done.stdout,
        results=read_results(checkout),
    )


def read_results(checkout: Path) -> dict[str, str]:
    """Return what the newest run of the clone found, check by check."""
    files = sorted((checkout / "rendered").rglob("evidence.jsonl"))
    lines = files[-1].read_text(encoding="utf-8").splitlines() if files else []
    return {one["check"]: one["result"] for one in map(json.loads, lines)}


def report(done: Sequence[Rehearsal]) -> list[str]:
    """Return the table, and for each that failed the last lines it said."""
    first = done[0].results
    wide = max(len(one.python.display_name) for one in done)
    lines = [f"{'Python':<{wide}} {'user':<10} {'result':<8} {'checks':>6} {'time':>6}  same results as the first"]
    for one in done:
        same = "yes" if one.results == first else f"no: {', '.join(differing(first, one.results))}"
        result = "passed" if one.passed else f"exit {one.exit_code}"
        lines.append(
            f"{one.python.display_name:<{wide}} {one.user:<10} {result:<8} {len(one.results):>6} {one.seconds:>4.0f} s  {same}"
        )
    for one in done:
        if not one.passed:
            lines += ["", f"{one.python.display_name} said at the end:", *one.said.splitlines()[-15:]]
    return lines


def differing(first: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the checks that came out in another way, five at most."""
    names = sorted(name for name in {*first, *other} if first.get(name) != other.get(name))
    return [*names[:5], *([f"and {len(names) - 5} more"] if len(names) > 5 else [])]


def main(named: Sequence[str]) -> int:
    """Rehearse with each Python and print the table; exit code 0 when all passed with the same results."""
    pythons = find_pythons(named)
    if not pythons:
        asked = f"{', '.join(named)} is not" if named else "No Python found is"
        print(f"{asked} a Python {floor()[0]}.{floor()[1]} or newer. Fix: Name one: make check-machines PYTHONS=/usr/bin/python3")
        return 2
    done = []
    for number, python in enumerate(pythons):
        user = ORDINARY if os.geteuid() == 0 and number % 2 == 0 and can_run(python, ORDINARY) else None
        print(f"Rehearsing with Python {python.display_name} as {user or 'this user'} ...", flush=True)
        folder = Path(tempfile.mkdtemp(prefix="check-machines-"))
        try:
            done.append(rehearse(python, user, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(report(done)))
    return 0 if all(one.passed and one.results == done[0].results for one in done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
