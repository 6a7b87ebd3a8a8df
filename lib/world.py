"""What a look is given to see: one frozen value, made by the session, the same live or rehearsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.database import Database
from lib.results import Provenance


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Paths of the outside programs a look may start."""

    supabase: Path
    squawk: Path
    postgres_bin: Path  # the folder with psql, pg_dump, pg_restore
    flyctl: Path


@dataclass(frozen=True, kw_only=True)
class World:
    """All that one task's looks may touch.

    environment: the name of the file in params/.
    pack: the checkout under launch, absolute.
    settings: the task's own section of params, a frozen pydantic model.
    sections: every task's section by task name, for what one task must know of another.
    target: the database under launch; None when the environment names none.
    scratch: a server where databases may be made and dropped freely, as a superuser; always started
        here. Its databases made from the template `hosted_template` look like a fresh hosted project.
    work: a private folder of this run for files that are not evidence, removed after the run.
    kept: a folder of the environment that outlives the run (backups).
    provenance: how real the target is.
    writes_allowed: whether the target may be changed.
    production_writes_allowed: whether what is production's by name may be changed, in any environment.
    fly_token: what flyctl logs in with; None when it is logged in by itself.
    """

    environment: str
    pack: Path
    settings: Any
    sections: Mapping[str, Any]
    target: Database
    scratch: Database
    programs: Programs
    work: Path
    kept: Path
    provenance: Provenance
    writes_allowed: bool
    production_writes_allowed: bool = False
    fly_token: str | None = field(default=None, repr=False)
