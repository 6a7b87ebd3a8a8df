"""What a project's supabase/config.toml says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.wording import plain_text

CONFIG = "supabase/config.toml"

EXPOSED = ("public", "graphql_public")
"""What the REST API exposes where a project does not say."""
CONFIG_LIMIT_BYTES = 1024 * 1024
"""Bytes of the file that are read; the one that the CLI writes has 15,000."""


def read_config(pack: Path) -> dict[str, Any]:
    """Return the project's config.toml, which may be missing: {}. Raises TargetError with the place of what is wrong."""
    path = pack / CONFIG
    if not path.exists() and not path.is_symlink():
        return {}
    text = read_text_file(path, root=pack, limit_bytes=CONFIG_LIMIT_BYTES)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        said = plain_text(str(exc), limit=200).rstrip(".") or "it is nested too deep"
        raise TargetError(f"{CONFIG} can't be read: {said}.", fix=f"Correct that place in {CONFIG}.") from exc


def read_section(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a table of the config, {} where it is not there. Raises TargetError where something else has its name."""
    for place, name in enumerate(names, start=1):
        config = config.get(name, {})
        if not isinstance(config, dict):
            said = ".".join(names[:place])
            raise TargetError(f"{CONFIG}: {said} is not a table.", fix=f"Write [{said}] and its keys below it.")
    return config


def read_declared_major(pack: Path) -> int | None:
    """Return `[db] major_version`; None when the file is missing, can't be read, or does not say a whole number.

    A broken file is named by the looks that need it (seed, migrations); it must not stop a run from starting.
    """
    try:
        said = read_section(read_config(pack), "db").get("major_version")
    except TargetError:
        return None
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def read_exposes_tables(pack: Path) -> bool:
    """Return `[api] auto_expose_new_tables`: whether new tables in public are granted to the API roles at once.

    True when the config does not say, as the CLI has it, or can't be read, which other looks name.
    """
    try:
        return read_section(read_config(pack), "api").get("auto_expose_new_tables", True) is not False
    except TargetError:
        return True


def read_api_schemas(pack: Path) -> tuple[str, ...]:
    """Return `[api] schemas`: what the REST API exposes; as the CLI has it where the config does not say, or can't be read."""
    try:
        said = read_section(read_config(pack), "api").get("schemas")
    except TargetError:
        said = None
    is_list = isinstance(said, list) and said and all(isinstance(one, str) and one for one in said)
    return tuple(said) if isinstance(said, list) and is_list else EXPOSED


def require_config(pack: Path) -> None:
    """Raise TargetError unless what the database's tasks read of config.toml is there as it must be."""
    said = read_section(read_config(pack), "db").get("major_version", 0)
    if not isinstance(said, int) or isinstance(said, bool):
        raise TargetError(
            f"{CONFIG}: [db] major_version is {plain_text(repr(said), limit=60)}, not a whole number.",
            fix="Write the hosted project's version there, such as major_version = 17.",
        )
