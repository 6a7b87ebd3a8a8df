"""Is the server that a backup is restored into like the target? What it lacks makes a result an error, never a fail."""

from __future__ import annotations

from collections.abc import Sequence

from lib.clients.postgres.dumps import read_server_major
from lib.clients.postgres.extension_uses import find_uses
from lib.clients.postgres.restores import Restore
from lib.core.wording import join_words, name_some, plain_text
from lib.transport.database import Database

FIX = "Restore the backup into a project like the target once, by hand: pg_restore --dbname=... <backup>"


def describe_unlike(target: Database, copy: Database, restore: Restore, schemas: Sequence[str]) -> str:
    """Return how the copy's server is not like the target, as a sentence; '' when what the project uses is there.

    schemas: the project's own. Raises DatabaseError.
    """
    theirs, ours = read_server_major(target), read_server_major(copy)
    if theirs != ours:
        return f"The target is PostgreSQL {theirs} and the backup was restored into {ours}, which proves nothing for {theirs}."
    if restore.reowned:
        named = name_some([plain_text(one.rpartition(" ")[0].lower(), limit=100) for one in restore.reowned])
        return f"A superuser owns {named} in the target; no superuser owns what a project made on the server restored into."
    lacking = [entry.removeprefix("EXTENSION ").strip('"') for entry in restore.left_out if entry.startswith("EXTENSION ")]
    uses = find_uses(target, copy, lacking, schemas, {}) if lacking else {}
    if not uses:
        return ""
    named = join_words([f"{name} ({why})" for name, why in sorted(uses.items())])
    return f"The server that the backup was restored into lacks the target's extension {named}."
