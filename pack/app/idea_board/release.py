"""What one release of the app is: its version, and the queries behind each tile."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release, as built into an image.

    ready: the query that must run before this release may have traffic.
    tiles: tile -> its queries, the newest schema's first; a later one serves a database that is one
        migration behind.
    crash_after_s: seconds until the process ends with an error; None in every release that is meant to run.
    """

    version: str
    ready: str
    tiles: dict[str, tuple[str, ...]]
    crash_after_s: float | None = None


def read_release(folder: Path) -> Release:
    """Return the release in this folder."""
    said = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    queries = folder / "queries"
    return Release(
        version=said["version"],
        ready=(queries / said["ready"]).read_text(encoding="utf-8"),
        tiles={
            tile: tuple((queries / name).read_text(encoding="utf-8") for name in names) for tile, names in said["tiles"].items()
        },
        crash_after_s=crash_delay(said),
    )


def crash_delay(said: dict[str, object]) -> float | None:
    """Return after how long this release crashes; CRASH_AFTER_S shortens what release.json says."""
    if "crash_after_s" not in said:
        return None
    return float(os.environ.get("CRASH_AFTER_S") or str(said["crash_after_s"]))
