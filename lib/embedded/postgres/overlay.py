"""One installation made of three packages, without changing any of them.

A server looks for most of its files beside its own program. So each gets a folder with a copy of that
program, links to everything installed, and what the packages lack:

    bin/postgres                 the copy; Postgres finds the rest from where this file really is
    lib                          link to the installed libraries
    share/postgresql/            links, with the dictionaries of contrib added to tsearch_data
    extension/                   pgTAP, and a control file for each extension `postgres` may create
    sonames/                     the names under which the contrib libraries look for each other

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

EXTENSIONS_FOR_POSTGRES = (
    "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dblink", "dict_int", "dict_xsyn",
    "earthdistance", "fuzzystrmatch", "hstore", "insert_username", "intarray", "isn", "ltree", "moddatetime",
    "pg_buffercache", "pg_prewarm", "pg_stat_statements", "pg_trgm", "pg_walinspect", "pgcrypto", "pgrowlocks",
    "pgstattuple", "pgtap", "postgres_fdw", "refint", "seg", "tablefunc", "tcn", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp", "vector",
)  # fmt: skip
"""Those of a hosted project's `supautils.privileged_extensions` (2026) that this server can load.

xml2 and sslinfo are installed but can't be loaded: the server is built without XML and TLS.
"""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """The folder with one server's view of the installed files."""

    folder: Path
    contrib: Path

    @property
    def server_program(self) -> Path:
        return self.folder / "bin/postgres"

    @property
    def control_path(self) -> str:
        """The value of `extension_control_path`; the first control file of a name wins."""
        return f"{self.folder}:$system:{self.contrib / 'share/postgresql'}"

    @property
    def library_path(self) -> str:
        """The value of `dynamic_library_path`."""
        return f"$libdir:{self.contrib / 'lib/postgresql'}"

    @property
    def loader_environment(self) -> dict[str, str]:
        """What makes contrib libraries load this server's libpq and their own ICU, not the system's."""
        name = "LD_LIBRARY_PATH" if sys.platform == "linux" else "DYLD_FALLBACK_LIBRARY_PATH"
        return {name: f"{self.folder / 'lib'}:{self.folder / 'sonames'}"}


def write_overlay(binaries: Binaries, folder: Path) -> Overlay:
    """Make the folder, which must not exist yet, readable by everybody."""
    for part in ("bin", "sonames", "extension", "share/postgresql/tsearch_data"):
        (folder / part).mkdir(parents=True)
    shutil.copyfile(binaries.bin_dir / "postgres", folder / "bin/postgres")
    (folder / "lib").symlink_to(binaries.programs / "lib")
    link_share(binaries, folder / "share/postgresql")
    link_libraries(binaries.contrib, folder / "sonames")
    unpack_pgtap(binaries.pgtap_archive, folder / "extension")
    write_trusted_controls(binaries, folder / "extension")
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():  # whatever the umask; a link's target isn't ours to change
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return Overlay(folder=folder, contrib=binaries.contrib)


def link_share(binaries: Binaries, share: Path) -> None:
    """Link the server's shared files, and add the dictionary files of contrib (unaccent needs its own)."""
    dictionaries = share / "tsearch_data"
    installed = binaries.programs / "share/postgresql"
    link_missing(installed.iterdir(), share)
    link_missing((installed / "tsearch_data").iterdir(), dictionaries)
    link_missing((binaries.contrib / "share/postgresql/tsearch_data").iterdir(), dictionaries)


def link_missing(sources: Iterable[Path], folder: Path) -> None:
    """Link each file into the folder, unless one of its name is there."""
    for source in sources:
        if not (folder / source.name).exists():
            (folder / source.name).symlink_to(source)


def link_libraries(contrib: Path, folder: Path) -> None:
    """Link the names under which the contrib libraries look for each other.

    npm can't carry symbolic links, so the package lists them for an install script, which isn't run.
    """
    for link in json.loads((contrib / "pg-symlinks.json").read_text(encoding="utf-8")):
        (folder / Path(link["target"]).name).symlink_to(contrib / Path(link["source"]).relative_to("native"))


def unpack_pgtap(archive: Path, folder: Path) -> None:
    """Write pgTAP's control file and its install script; its upgrade scripts are of no use here."""
    with tarfile.open(archive) as bundle:
        for member in bundle.getmembers():
            name = Path(member.name).name
            content = bundle.extractfile(member)
            is_wanted = name == "pgtap.control" or (name.startswith("pgtap--") and name.count("--") == 1)
            if content is not None and is_wanted:
                (folder / name).write_bytes(content.read())


def write_trusted_controls(binaries: Binaries, folder: Path) -> None:
    """Write a control file for each extension `postgres` may create; `directory` says where its scripts are."""
    homes = (folder, *(part / "share/postgresql/extension" for part in (binaries.programs, binaries.contrib)))
    for name in EXTENSIONS_FOR_POSTGRES:
        home = next(home for home in homes if (home / f"{name}.control").is_file())
        text = (home / f"{name}.control").read_text(encoding="utf-8").rstrip()
        (folder / f"{name}.control").write_text(f"{text}\ntrusted = true\ndirectory = '{home}'\n", encoding="utf-8")
