"""The one place that changes a target's migrations: the real CLI, under the lock of this target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.clients.postgres.advisory_lock import hold_run_lock
from lib.clients.supabase.cli import CliRefusal, SupabaseCli
from lib.clients.supabase.migration_files import MigrationFile
from lib.clients.supabase.migration_history import Listed, list_versions, read_history
from lib.core.errors import TargetError
from lib.core.wording import name_some
from lib.tasks.migrations.rehearsal import Place
from lib.transport.process import CommandRun

APPLY_ERROR = "DbPushApplyError"
"""The CLI's name for a migration that the server refused; after any other error it has changed nothing."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """The outcome of a push.

    before, after: versions in the target's history. refusal: the CLI's error, or None.
    first, second: the two pushes, as programs; second is None when the first failed.
    left: names the second push still applied. listed: pack beside target, afterwards.
    waited_s: seconds until the lock was free.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    refusal: CliRefusal | None
    first: CommandRun
    names: tuple[str, ...]
    second: CommandRun | None
    left: tuple[str, ...]
    listed: tuple[Listed, ...]
    waited_s: float

    @property
    def applied(self) -> tuple[str, ...]:
        """Versions that this push added to the history."""
        return tuple(version for version in self.after if version not in self.before)


def push_under_lock(
    cli: SupabaseCli, place: Place, files: Sequence[MigrationFile], *, rehearsed: Sequence[str], wait_s: float
) -> Pushed:
    """Push what was rehearsed, then push again, all under one lock.

    files: all of the pack. rehearsed: the versions that were pending when the twin was made.
    Raises TargetError when another run holds the lock, or has changed the history since the rehearsal.
    """
    with hold_run_lock(place.target, wait_s=wait_s) as waited_s:
        before = read_versions(place)
        if set(rehearsed) & set(before):
            taken = sorted(set(rehearsed) & set(before))
            raise TargetError(
                f"Not pushed: another run has applied {name_some(taken)} since the rehearsal.",
                fix="Run again, on the target as it is now.",
            )
        refusal: CliRefusal | None = None
        second: CommandRun | None = None
        left: tuple[str, ...] = ()
        try:
            answer = cli.push(place.target)
            first, names = answer.run, tuple(answer.data["migrations"])
            again = cli.push(place.target)
            second, left = again.run, tuple(again.data["migrations"])
        except CliRefusal as exc:
            if exc.code != APPLY_ERROR:
                raise
            refusal, names = exc, ()
            first = exc.run
        after = read_versions(place)
        return Pushed(
            before=before,
            after=after,
            refusal=refusal,
            first=first,
            names=names,
            second=second,
            left=left,
            listed=tuple(list_versions(files, after)),
            waited_s=waited_s,
        )


def read_versions(place: Place) -> tuple[str, ...]:
    """Return the versions in the target's history, in order."""
    return tuple(one.version for one in read_history(place.target))
