"""A PostgreSQL that the user has installed, in place of the packages': `run.postgres_bin` names its folder of programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib.clients.postgres.dumps import read_major
from lib.core.errors import CommandError, WorkbookError
from lib.embedded.postgres.binaries import PGTAP_ARCHIVE, missing_package
from lib.embedded.state_folders import can_walk, server_user
from lib.transport.process import run_command

OLDEST = 15
"""The roles and rights of a hosted project are made of what this version and later ones have."""

PROGRAMS = ("postgres", "initdb", "pg_config", "psql", "pg_dump", "pg_restore")

NEEDED = ("pgcrypto", "pg_stat_statements", "uuid-ossp")
"""The extensions that every hosted database has from its first day, all of contrib."""

CONFIG_TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class OwnInstallation:
    """Where one installation has its parts, as its own `pg_config` says.

    bin_dir: its programs. share: what the server reads, with the folder `extension`. modules: its loadable libraries.
    """

    major: int
    bin_dir: Path
    share: Path
    modules: Path
    pgtap_archive: Path

    @property
    def extensions(self) -> Path:
        return self.share / "extension"


def read_installation(bin_dir: Path, *, tools: Path) -> OwnInstallation:
    """Return the installation whose programs are in a folder.

    tools: the folder that holds `node_modules`, with pgTAP.
    Raises WorkbookError when a program or an extension that is needed is missing, it is too old, or the server's user may
    not enter it.
    """
    folder = bin_dir.expanduser().resolve()
    lacking = [name for name in PROGRAMS if not (folder / name).is_file()]
    if lacking:
        raise unfit(folder, f"it has no {', no '.join(lacking)}", "Name the folder with all programs of one PostgreSQL.")
    archive = tools.resolve() / "node_modules" / PGTAP_ARCHIVE
    if not archive.is_file():
        raise missing_package("@electric-sql/pglite-pgtap", archive.parents[3])
    try:
        major = read_major(folder / "postgres")
        share, modules = read_places(folder / "pg_config")
    except CommandError as exc:
        raise unfit(folder, f"its programs can't be run: {exc}", "Run `postgres --version` there.") from exc
    if major < OLDEST:
        raise unfit(folder, f"it is version {major}", f"Install version {OLDEST} or later.")
    without = [name for name in NEEDED if not (share / "extension" / f"{name}.control").is_file()]
    if without:
        raise unfit(folder, f"its extension {without[0]} is missing", f"Install the contrib modules of PostgreSQL {major}.")
    if not all(map(can_walk, (folder, share, modules))):
        raise unfit(folder, f"the server runs as '{server_user()}', who can't enter it", "Let every user enter it.")
    return OwnInstallation(major=major, bin_dir=folder, share=share, modules=modules, pgtap_archive=archive)


def read_places(pg_config: Path) -> tuple[Path, Path]:
    """Return the folders of shared files and of modules. Raises CommandError when the program does not say."""
    said = run_command([pg_config, "--sharedir", "--pkglibdir"], timeout_s=CONFIG_TIMEOUT_S)
    places = [Path(line) for line in said.stdout.splitlines() if line.strip()]
    if said.exit_code != 0 or len(places) != 2 or not all(place.is_dir() for place in places):
        raise CommandError(f"{pg_config} does not tell its folders.", fix=f"Run `{pg_config} --sharedir --pkglibdir`.")
    return places[0].resolve(), places[1].resolve()


def unfit(folder: Path, reason: str, fix: str) -> WorkbookError:
    """Return the error for a folder that can't be used."""
    return WorkbookError(f"run.postgres_bin is {folder}, and {reason}.", fix=fix)
