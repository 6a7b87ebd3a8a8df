"""What the last sync noted of Fly's digests: of which value a copy was made, without the value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lib.core.files import write_whole


@dataclass(frozen=True, kw_only=True)
class LastSynced:
    """What a sync wrote down when it set a value and read it back. changed_at: of the vault's copy that was set."""

    digest: str
    changed_at: datetime


def notes_name(app: str) -> str:
    """Return the name of the file with an app's notes."""
    return f"fly-secrets-{app}.json"


def read_notes(path: Path) -> dict[str, LastSynced]:
    """Return what earlier syncs noted of Fly's digests; nothing when there is no such file, or it cannot be read."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: LastSynced(digest=one["digest"], changed_at=datetime.fromisoformat(one["changed_at"]))
            for name, one in said.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # without notes Fly's copies are of unknown age, which is what they are


def write_notes(path: Path, notes: Mapping[str, LastSynced]) -> None:
    """Keep the notes: digests that Fly itself shows, and times; no value."""
    said = {name: {**asdict(one), "changed_at": one.changed_at.isoformat()} for name, one in sorted(notes.items())}
    write_whole(path, json.dumps(said, indent=2) + "\n", mode=0o600)
