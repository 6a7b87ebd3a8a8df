"""A live database that still lacks migrations is not yet what will be launched: what can't be said of it, and why."""

from __future__ import annotations

from typing import Any

from lib.clients.supabase.migration_files import find_migrations
from lib.clients.supabase.migration_history import read_history
from lib.core.errors import TargetError
from lib.core.permissions import Act, Refusal
from lib.core.wording import format_count
from lib.transport.context import Context


def refuse_unpushed(context: Context[Any]) -> Refusal | None:
    """Return why a live database that still lacks migrations is not judged, None when it lacks none.

    Raises TargetError when they may be pushed, but were not, and when the database can't be read.
    """
    if "database" in context.embedded:
        return None
    pending = find_migrations(context.pack).pending(one.version for one in read_history(context.target))
    if not pending:
        return None
    lacks = f"The database still lacks {format_count(len(pending), 'migration')}: it is not yet what will be launched."
    refusal = context.refusals.get(Act.MIGRATIONS)
    if refusal is None:
        raise TargetError(lacks, fix="See migrations.pushed_to_target.")
    return Refusal(reason=f"{lacks} {refusal.reason}", fix=refusal.fix)
