"""What a project's supabase/config.toml says of the hosted database."""

from __future__ import annotations

import tomllib
from pathlib import Path

CONFIG = "supabase/config.toml"


def read_declared_major(pack: Path) -> int | None:
    """Return `[db] major_version`; None when the file is missing, can't be read, or does not say a whole number.

    A broken file is named by the looks that need it (seed, migrations); it must not stop a run from starting.
    """
    try:
        with (pack / CONFIG).open("rb") as file:
            said = tomllib.load(file).get("db", {}).get("major_version")
    except (OSError, ValueError, AttributeError):
        return None
    return said if isinstance(said, int) and not isinstance(said, bool) else None
