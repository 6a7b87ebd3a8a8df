"""What was recorded of a migration being applied once: its locks, who waited for it, and the controls of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lib.core.busyness import QUIET, Control
from lib.tasks.migrations.apply import ApplyFailure


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock that a migration held on a table.

    index, line: of the statement that took it. held_ms: until released, at most.
    rows: that the table held when the file began. is_new: the table was made by this very file.
    control: what the same kind of statement met on an untouched table while it was held.
    patience_s: the lock_timeout under which it was asked for; 0 when it would have been waited for without end.
    """

    table: str
    mode: str
    index: int
    line: int
    held_ms: float
    rows: int
    is_new: bool
    control: Control = QUIET
    patience_s: float = 0


@dataclass(frozen=True, kw_only=True)
class Wait:
    """One background statement that had to wait: on which table, how long, for which statement's lock.

    control: what the same kind of statement met on an untouched table meanwhile.
    """

    worker: str
    table: str
    waited_ms: float
    index: int
    line: int
    control: Control = QUIET


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One migration applied once, with its locks and waits; failure is None when it applied.

    tables_with_rows: how many tables held rows when it began. background: statements that ran meanwhile.
    refused: background statements that the server refused, by table and SQLSTATE.
    control: what the same kind of statement met on an untouched table, from the file's begin to its end.
    """

    migration: str
    scale: int
    time_ms: float
    failure: ApplyFailure | None
    locks: tuple[Lock, ...]
    waits: tuple[Wait, ...]
    tables_with_rows: int
    background: int
    refused: Mapping[str, int]
    control: Control = QUIET
