"""A live database that still lacks migrations is not yet what will be launched: what can't be said of it, and why."""

from __future__ import annotations

from typing import Any

from lib.clients.supabase.migration_files import find_migrations
from lib.clients.supabase.migration_history import read_history
from lib.core.errors import TargetError
from lib.core.permissions import Act, Refusal
from lib.core.wording import format_count
from lib.transport.context import Context


def format_lacking(count: int) -> str:
    """Return that a database is not yet what will be launched. count: of the migrations that it lacks."""
    return f"The database still lacks {format_count(count, 'migration')}: it is not yet what will be launched."


def refuse_lacking(context: Context[Any], count: int) -> Refusal | None:
    """Return why what a database lacks may not be pushed, as the reason of a skip; None when it may."""
    refusal = context.refusals.get(Act.MIGRATIONS)
    return Refusal(reason=f"{format_lacking(count)} {refusal.reason}", fix=refusal.fix) if refusal else None


def refuse_unpushed(context: Context[Any]) -> Refusal | None:
    """Return why a live database that still lacks migrations is not judged, None when it lacks none.

    Raises TargetError when they may be pushed, but were not, and when the database can't be read.
    """
    if "database" in context.embedded:
        return None
    pending = find_migrations(context.pack).pending(one.version for one in read_history(context.target))
    if not pending:
        return None
    refusal = refuse_lacking(context, len(pending))
    if refusal is None:
        raise TargetError(format_lacking(len(pending)), fix="See migrations.pushed_to_target.")
    return refusal
