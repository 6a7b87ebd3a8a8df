"""One installation made of several packages, without changing any of them.

A server looks for its files beside its own program. So each gets a folder with a copy of that program, links
to everything installed, and what the packages lack:

    bin/postgres, bin/initdb     the copies; Postgres finds the rest from where these files really are
    lib                          links, also under the names by which the libraries look for each other
    lib/postgresql               links, with pgvector where there is one
    share/postgresql             links
    share/postgresql/extension   links, pgTAP, a stand-in for each hosted extension that nobody packages, and a control
                                 file for each extension `postgres` may create

A hosted project lets the role `postgres`, no superuser, create extensions that Postgres reserves to
superusers (by supautils, which isn't here); the control files offer it the same ones, as `trusted`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lib.embedded.postgres.binaries import Binaries
from lib.embedded.postgres.index_methods import write_index_methods
from lib.embedded.postgres.own_installation import OwnInstallation
from lib.embedded.postgres.stand_ins import ABSENT, STAND_INS, write_grants, write_stand_ins

EXTENSIONS_FOR_POSTGRES = (
    "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dblink", "dict_int", "dict_xsyn",
    "earthdistance", "fuzzystrmatch", "hstore", "insert_username", "intarray", "isn", "ltree", "moddatetime",
    "pg_buffercache", "pg_prewarm", "pg_stat_statements", "pg_trgm", "pg_walinspect", "pgcrypto", "pgrowlocks",
    "pgstattuple", "pgtap", "postgres_fdw", "refint", "seg", "sslinfo", "tablefunc", "tcn", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp", "vector", "xml2",
)  # fmt: skip
"""Those of a hosted project's `supautils.privileged_extensions` (2026) that these servers can load.

vector is there for 18 alone: `Binaries.vector`.
"""

PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """The folder with one server's view of the installed files.

    programs: the folder with its copies of programs. libraries: what the packages' libraries need to find each other; None
    for an installation of the user's own, which finds them.
    """

    folder: Path
    major: int
    programs: Path
    libraries: Path | None = None

    def program(self, name: str) -> Path:
        return self.programs / name

    @property
    def loader_environment(self) -> dict[str, str]:
        """What makes the libraries find each other and their own ICU, not the system's."""
        name = "LD_LIBRARY_PATH" if sys.platform == "linux" else "DYLD_FALLBACK_LIBRARY_PATH"
        return {name: str(self.libraries)} if self.libraries else {}


def write_overlay(binaries: Binaries | OwnInstallation, folder: Path) -> Overlay:
    """Make the folder, which must not exist yet, readable by everybody."""
    if isinstance(binaries, OwnInstallation):
        return write_own_overlay(binaries, folder)
    extension = folder / "share/postgresql/extension"
    for place in (folder / "bin", folder / "lib/postgresql", extension):
        place.mkdir(parents=True)
    copy_programs(binaries.server / "bin", folder / "bin")
    link_names(binaries.server, folder / "lib")
    for part in ("lib", "lib/postgresql", "share/postgresql"):
        link_missing((binaries.server / part).iterdir(), folder / part)
    unpack_pgtap(binaries.pgtap_archive, extension)
    if binaries.vector is not None:
        copy_vector(binaries.vector, folder)
    installed = binaries.server / "share/postgresql/extension"
    write_extensions(installed, extension, folder / "lib/postgresql", major=binaries.major)
    open_to_everybody(folder)
    return Overlay(folder=folder, major=binaries.major, programs=folder / "bin", libraries=folder / "lib")


def write_own_overlay(own: OwnInstallation, folder: Path) -> Overlay:
    """Make the folder for an installation of the user's own.

    A server finds its files by how they lie to its program, so each part gets its whole path below the folder.
    """
    programs, share, modules = (folder / part.relative_to("/") for part in (own.bin_dir, own.share, own.modules))
    for place in (programs, share / "extension", modules):
        place.mkdir(parents=True, exist_ok=True)
    copy_programs(own.bin_dir, programs)
    link_missing(own.share.iterdir(), share)
    link_missing(own.modules.iterdir(), modules)
    if not (own.extensions / "pgtap.control").is_file():
        unpack_pgtap(own.pgtap_archive, share / "extension")
    write_extensions(own.extensions, share / "extension", modules, major=own.major)
    open_to_everybody(folder)
    return Overlay(folder=folder, major=own.major, programs=programs)


def write_extensions(installed: Path, folder: Path, modules: Path, *, major: int) -> None:
    """Write what hosted has: its trusted control files, rights and stand-ins, and links to all other extensions."""
    write_trusted_controls(installed, folder)
    write_grants(installed, folder)
    if "vector" in write_stand_ins(folder, installed, major=major):
        write_index_methods(modules)
    link_missing(installed.iterdir(), folder)


def copy_programs(source: Path, folder: Path) -> None:
    """Copy the programs that look for their files from where they lie."""
    for name in PROGRAMS:
        shutil.copyfile(source / name, folder / name)
        (folder / name).chmod(0o755)


def open_to_everybody(folder: Path) -> None:
    """Let everybody read the folder, whatever the umask; a link's target isn't ours to change."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink() and path.name not in PROGRAMS:
            path.chmod(0o755 if path.is_dir() else 0o644)


def link_missing(sources: Iterable[Path], folder: Path) -> None:
    """Link each file into the folder, unless one of its name is there."""
    for source in sources:
        if not (folder / source.name).exists():
            (folder / source.name).symlink_to(source)


def link_names(server: Path, folder: Path) -> None:
    """Link the names under which the libraries look for each other.

    npm can't carry symbolic links, so the package lists them for an install script, which isn't run.
    """
    for link in json.loads((server / "pg-symlinks.json").read_text(encoding="utf-8")):
        (folder / Path(link["target"]).name).symlink_to(server.parent / link["source"])


def unpack_pgtap(archive: Path, folder: Path) -> None:
    """Write pgTAP's control file and its install script; its upgrade scripts are of no use here."""
    with tarfile.open(archive) as bundle:
        for member in bundle.getmembers():
            name = Path(member.name).name
            content = bundle.extractfile(member)
            is_wanted = name == "pgtap.control" or (name.startswith("pgtap--") and name.count("--") == 1)
            if content is not None and is_wanted:
                (folder / name).write_bytes(content.read())


def copy_vector(installation: Path, folder: Path) -> None:
    """Copy pgvector's library, control file and install scripts out of another installation of this major version."""
    for library in (installation / "lib/postgresql").glob("vector.*"):
        shutil.copyfile(library, folder / "lib/postgresql" / library.name)
    for file in (installation / "share/postgresql/extension").glob("vector[.-]*"):
        if file.name.count("--") < 2:
            shutil.copyfile(file, folder / "share/postgresql/extension" / file.name)


def write_trusted_controls(installed: Path, folder: Path) -> None:
    """Write a control file for each extension `postgres` may create and this server has."""
    for name in sorted({*EXTENSIONS_FOR_POSTGRES, *STAND_INS, *ABSENT}):
        source = next((home / f"{name}.control" for home in (folder, installed) if (home / f"{name}.control").is_file()), None)
        if source is not None:
            text = source.read_text(encoding="utf-8").rstrip()
            (folder / f"{name}.control").write_text(f"{text}\ntrusted = true\n", encoding="utf-8")
