"""promtool out of Debian's packages, installed nowhere and without root. Standard library only, like all of set-up."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lib.cli.set_up_steps import SetUpError, run

NEWEST_MAJOR = 3
"""Of Prometheus: an older promtool refuses what rules for this one have."""
DEBIAN = "http://deb.debian.org/debian forky main"
"""Where its newest package is: Debian 14, with promtool 3.5."""
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def is_new(program: str | Path) -> bool:
    """Return whether a promtool is of Prometheus 3 or newer."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True)
    except OSError:
        return False
    version = re.search(r"version (\d{1,4})\.", said.stdout + said.stderr)
    return version is not None and int(version[1]) >= NEWEST_MAJOR


def take_promtool(program: Path) -> None:
    """Put promtool at a path, out of Debian's newest package of it. Raises SetUpError when none can be had here.

    The machine's own release may be years old, and rules for Prometheus 3 are refused by it. The program needs no more than
    the C library of Debian 12, and apt checks the signature.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SetUpError("it is not on PATH")
    with tempfile.TemporaryDirectory(prefix="prometheus-", dir=program.parent.parent) as folder:
        package = download_newest(Path(folder))
        run(["dpkg-deb", "-x", str(package), f"{folder}/unpacked"], f"{package.name} could not be unpacked.")
        program.parent.mkdir(exist_ok=True)
        (Path(folder) / "unpacked/usr/bin/promtool").replace(program)


def download_newest(folder: Path) -> Path:
    """Return the package with promtool: of Debian's next release, else of the machine's own. Raises SetUpError."""
    try:
        newest = folder / "newest"
        newest.mkdir()
        if not DEBIAN_KEYS.exists():
            raise SetUpError("Debian's keys are not here")
        (newest / "sources.list").write_text(f"deb [signed-by={DEBIAN_KEYS}] {DEBIAN}\n")
        only = [f"-oDir::Etc::SourceList={newest}/sources.list", "-oDir::Etc::SourceParts=/dev/null"]
        package = download_debian_package("promtool", newest, only)
        run(["dpkg-deb", "-x", str(package), f"{newest}/unpacked"], f"{package.name} could not be unpacked.")
        run([f"{newest}/unpacked/usr/bin/promtool", "--version"], "It does not run on this machine.")
        return package
    except SetUpError:
        own = folder / "own"
        own.mkdir()
        return download_debian_package("prometheus", own)


def download_debian_package(name: str, folder: Path, only: Sequence[str] = ()) -> Path:
    """Return one package's file, downloaded without root; package lists are fetched aside when there are none.

    only: apt's options for where packages come from; without them the machine's own.
    """
    places = [f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
    aside = [*only, *places, "-oDebug::NoLocking=1", "-oAPT::Sandbox::User="]
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    doing = "Taking promtool from Debian's package"
    try:
        if only:
            raise SetUpError("")
        run(["apt-get", "-qq", "download", name], "", cwd=folder, doing=doing)
    except SetUpError:
        run(["apt-get", "-qq", *aside, "update"], "Debian's package lists could not be fetched.", cwd=folder, doing=doing)
        run(["apt-get", "-qq", *aside, "download", name], f"Debian's package {name} could not be downloaded.", cwd=folder)
    return next(folder.glob(f"{name}_*.deb"))
