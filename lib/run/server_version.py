"""Which PostgreSQL version a run starts, from what the live target and the project say."""

from __future__ import annotations

from pathlib import Path

from lib.clients.postgres.dumps import read_server_major
from lib.clients.supabase.project_config import CONFIG, read_declared_major
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.embedded.postgres.own_installation import read_installation
from lib.embedded.postgres.versions import Choice, choose_major
from lib.run.params import Params
from lib.transport.database import Database


def choose_server(params: Params) -> Choice:
    """Return the version to start, and why. Raises WorkbookError when the project asks for one that can't be started."""
    if (own := own_programs(params)) is not None:
        return Choice(major=read_installation(own, tools=ROOT / ".tools").major, reason="run.postgres_bin in params")
    url = params.addresses.get("database", {}).get("url")
    return choose_major(
        live=ask_major(url) if url else None,
        declared=read_declared_major(params.pack),
        is_live=bool(url),
        config=params.pack / CONFIG,
    )


def own_programs(params: Params) -> Path | None:
    """Return the folder that `run.postgres_bin` names, relative to the workbook; None where the packages are used."""
    named = params.run.postgres_bin
    return None if named is None else ROOT / Path(named).expanduser()


def ask_major(url: str) -> int | None:
    """Return a live target's version; None when it does not answer, which the looks at it then report."""
    try:
        return read_server_major(Database(url))
    except WorkbookError:
        return None
