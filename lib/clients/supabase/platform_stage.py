"""The staged project as the CLI gets it for the embedded platform: the few statements that it takes in another spelling."""

from __future__ import annotations

import shutil
from pathlib import Path

from lib.clients.postgres.platform_statements import IS_PLATFORM, spell_text
from lib.transport.database import Database


def stage_for(target: Database, workdir: Path) -> Path:
    """Return the staged project for a push to this target: the same folder, or a copy beside it with other spellings.

    workdir: a staged project. Raises DatabaseError when the target does not answer.
    """
    files = sorted((workdir / "supabase/migrations").glob("*.sql"))
    texts = {file: file.read_bytes().decode("utf-8", "surrogateescape") for file in files if file.is_file()}
    spelled = {file: text for file, before in texts.items() if (text := spell_text(before)) != before}
    if not spelled or not target.value(IS_PLATFORM):
        return workdir
    place = workdir.with_name(f"{workdir.name}-platform")
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(workdir, place, symlinks=True)
    for file, text in spelled.items():
        (place / file.relative_to(workdir)).write_bytes(text.encode("utf-8", "surrogateescape"))
    return place
