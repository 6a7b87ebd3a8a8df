"""An installation of the user's own is started as it lies, with hosted's extensions beside it; an unfit one is named."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.embedded.postgres.binaries import find_clients
from lib.embedded.postgres.own_installation import OLDEST, PROGRAMS, read_installation
from lib.embedded.postgres.server import start_postgres
from lib.embedded.postgres.stand_ins import simulated_in
from lib.embedded.state_folders import state_base

CHECKOUT = Path(__file__).resolve().parents[3]
TOOLS = CHECKOUT / ".tools"


def installed() -> list[Path]:
    """Return the folders of programs of PostgreSQL on this machine, as Debian puts them, or where a variable says."""
    named = os.environ.get("OWN_POSTGRES_BIN")
    folders = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return [folder for folder in folders if all((folder / name).is_file() for name in PROGRAMS)]


def test_the_users_own_server_is_hosted_too() -> None:
    if not installed():
        pytest.skip("no PostgreSQL of one's own is installed here (Debian: apt install postgresql)")
    folder = installed()[-1]
    before = sorted(path for path in folder.parent.rglob("*"))
    name = f"tests-{secrets.token_hex(4)}"
    with start_postgres(state_base(CHECKOUT) / name, tools=TOOLS, installation=folder) as server:
        assert server.major == read_installation(folder, tools=TOOLS).major >= OLDEST
        assert server.bin_dir == folder.resolve()
        database = server.create_hosted_database("own")
        with database.connect() as connection:
            connection.execute("create extension citext with schema extensions; create extension pgtap with schema extensions")
            connection.execute("create extension pg_cron; select cron.schedule('@daily', 'select 1')")
        assert simulated_in(database) == ["pg_cron", "supabase_vault"]
        assert database.value("select has_schema_privilege('anon', 'auth', 'usage')")
    assert sorted(path for path in folder.parent.rglob("*")) == before


def test_a_folder_without_the_programs_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    with pytest.raises(WorkbookError, match=rf"run.postgres_bin is {tmp_path}, and it has no initdb, no pg_config, no psql"):
        read_installation(tmp_path, tools=TOOLS)


def test_an_installation_without_contrib_is_named() -> None:
    with pytest.raises(WorkbookError, match=r"its extension pgcrypto is missing\. Fix: Install the contrib modules of"):
        read_installation(find_clients(18) / "bin", tools=TOOLS)


def write_programs(folder: Path, *, version: str, places: str = "") -> None:
    for name in PROGRAMS:
        said = places if name == "pg_config" else f"'{name} (PostgreSQL) {version}'"
        (folder / name).write_text(f"#!/bin/sh\nprintf '%s\\n' {said}\n")
        (folder / name).chmod(0o755)


def test_an_old_version_is_refused(tmp_path: Path) -> None:
    write_programs(tmp_path, version="14.9", places=f"{tmp_path} {tmp_path}")
    with pytest.raises(WorkbookError, match=r"it is version 14\. Fix: Install version 15 or later"):
        read_installation(tmp_path, tools=TOOLS)


@pytest.mark.parametrize("version", ["", "not a version"])
def test_programs_that_say_nothing_are_named(tmp_path: Path, version: str) -> None:
    write_programs(tmp_path, version=version)
    with pytest.raises(WorkbookError, match="its programs can't be run"):
        read_installation(tmp_path, tools=TOOLS)
