"""Compares a restored copy with its source: definitions, rows, sequences, history."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lib.clients.postgres.digests import TableDigest, compare_tables, digest_tables, open_reading
from lib.clients.postgres.dumps import HISTORY_SCHEMA, PLATFORM_RECORDS, Scope, SequenceState, read_sequences
from lib.clients.postgres.large_objects import read_large_objects
from lib.clients.postgres.piecewise import digest_piecewise
from lib.clients.postgres.restores import Restore, as_reader
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.probe import Prepare
from lib.clients.postgres.row_differences import RowDifference, find_row_differences
from lib.clients.postgres.schema import Difference, compare_schemas, kind_of, read_schema
from lib.clients.supabase.rehearsal_rows import rows_to_add
from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.backup_restore.backup import Backup
from lib.tasks.backup_restore.task import DUMP_TAKEN, REHEARSAL_ROWS, SCHEMA_MATCHES, BackupRestore
from lib.transport.context import Context
from lib.transport.database import Database

UNKNOWN = "unknown"
"""How a cell of which nothing was learned is observed."""
ROWS_NAMED = 10
"""Rows that differ are named up to this many a table: enough to see a pattern."""

CONNECTIONS = 2
"""Connections that read a copy at once: two on one machine are 1.6 to 1.8 times as fast as one."""


@dataclass(frozen=True, kw_only=True)
class RestoredCopy:
    """A restored database, with the backup it came from, how it was restored, and what the control met meanwhile.

    unlike: how its server is not like the target, as a sentence; '' when nothing is proved any less for it.
    """

    backup: Backup
    database: Database
    restore: Restore
    control: Control = QUIET
    unlike: str = ""


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """How the copy's objects differ from the source's.

    counted: how many objects were compared. aside: differences that belong to the platform, not the pack.
    """

    counted: int
    differences: tuple[Difference, ...]
    aside: tuple[Difference, ...]


def compare_definitions(copy: RestoredCopy) -> Definitions:
    """Return how the copy's definitions differ from the source's.

    Of the platform's schemas only what is missing counts: a fresh project may be of another version. So
    does an extension's version, and an extension that only the hosted platform has.
    """
    source = copy.backup.source
    own = compare_schemas(source.own, read_schema(copy.database, source.scope.pack))
    platform = compare_schemas(source.platform, read_schema(copy.database, source.scope.platform))
    with copy.database.connect() as connection:
        large = compare_schemas(source.large_objects, read_large_objects(connection))
    found = {one.object: one for one in (*platform, *own, *large)}
    in_platform = {one.object for one in platform} - {one.object for one in own}
    left_out = {entry.removeprefix("EXTENSION ") for entry in copy.restore.left_out}
    aside = [one for one in found.values() if is_platforms(one, one.object in in_platform, left_out)]
    return Definitions(
        counted=len(source.definitions),
        differences=tuple(one for one in found.values() if one not in aside),
        aside=tuple(aside),
    )


def is_platforms(one: Difference, in_platform: bool, left_out: set[str]) -> bool:
    """Return whether a difference belongs to the platform: its version, or what every fresh project has."""
    kind, _, name = one.object.partition(" ")
    if kind in ("extension", "publication") and one.change == "extra":
        return True
    if kind == "extension":
        return one.change == "changed" or name.strip('"') in left_out
    if kind == "policy" or is_opened(one):
        return False  # the platform ships none, and opens no table
    return in_platform and (one.change != "missing" or kind in ("grant", "owner", "comment", "column_order"))


def is_opened(one: Difference) -> bool:
    """Return whether row level security is on in the source, and off in the copy."""
    is_on = [(said or "").startswith("enabled") for said in (one.first, one.second)]
    return kind_of(one.object) == "row_security" and one.change == "changed" and is_on == [True, False]


@dataclass(frozen=True, kw_only=True)
class RowComparison:
    """The tables of source and copy side by side; only those that can be read and have the same columns are compared.

    aside: each table that could not be, with the check that says why; '' where none does.
    """

    source: tuple[TableDigest, ...]
    copy: tuple[TableDigest, ...]
    differing: tuple[str, ...]  # tables, by label
    rows: tuple[RowDifference, ...]
    aside: Mapping[str, str] = field(default_factory=dict)


def compare_rows(copy: RestoredCopy, *, timeout_s: float, jobs: int = CONNECTIONS) -> RowComparison:
    """Return which tables do not hold the same rows, and the first of the rows that differ. jobs: connections that read at once.

    The history is compared by `compare_history`; tables that are missing from the copy or have other columns there
    are differences of definition, not of rows.
    """
    backup = copy.backup
    reader = as_reader(copy.database)
    with open_reading(reader, timeout_s=timeout_s) as connection:
        digests = digest_piecewise(reader, connection, backup.source.scope.taken, jobs=jobs, timeout_s=timeout_s)
        theirs = {table.label: table for table in digests}
        ours = [table for table in compared_tables(backup.source.tables) if same_columns(table, theirs)]
        found = compare_tables(ours, list(theirs.values()))
        rows = [row for one in found for row in find_row_differences(backup.reading, connection, one.source, limit=ROWS_NAMED)]
    return RowComparison(
        source=tuple(ours),
        copy=tuple(theirs[table.label] for table in ours),
        differing=tuple(one.source.label for one in found),
        rows=tuple(rows),
        aside={
            table.label: find_cause(table, theirs, backup.source.scope)
            for table in backup.source.tables
            if table.schema != HISTORY_SCHEMA and table not in ours
        },
    )


def find_cause(table: TableDigest, theirs: Mapping[str, TableDigest], scope: Scope) -> str:
    """Return the check that says why a table's rows could not be compared; '' where none does.

    Of the platform's tables only what the copy lacks is judged: columns that it has besides may be of another version.
    """
    if table.rows is None:
        return DUMP_TAKEN.id
    other = theirs.get(table.label)
    lacks = other is None or {name for name, _ in table.columns} - {name for name, _ in other.columns}
    return SCHEMA_MATCHES.id if lacks or table.schema in scope.pack else ""


def compared_tables(tables: Sequence[TableDigest]) -> list[TableDigest]:
    """Return the tables whose rows a copy must have: all that could be read but the records of migrations."""
    return [
        table
        for table in tables
        if table.rows is not None and table.schema != HISTORY_SCHEMA and table.label not in PLATFORM_RECORDS
    ]


def same_columns(table: TableDigest, theirs: Mapping[str, TableDigest]) -> bool:
    """Return whether the other side has this table with the same columns."""
    return table.label in theirs and theirs[table.label].columns == table.columns


@dataclass(frozen=True, kw_only=True)
class SequencePlace:
    """One sequence around the dump, and in the copy; each is the next value it gives."""

    name: str
    before: int
    after: int
    restored: int

    @property
    def holds(self) -> bool:
        """Whether the copy's value is one that the source's had during the dump."""
        return min(self.before, self.after) <= self.restored <= max(self.before, self.after)


def compare_sequences(copy: RestoredCopy, *, timeout_s: float) -> tuple[list[SequencePlace], dict[str, str]]:
    """Return each sequence that source and copy both have, counting alike; and the others, each with the check that says why.

    One that somebody dropped during the dump, and one of the platform's that counts otherwise, no check speaks of: ''.
    """
    before, after = copy.backup.sequences_before, copy.backup.sequences_after
    with open_reading(as_reader(copy.database), timeout_s=timeout_s) as connection:
        restored: Mapping[str, SequenceState] = read_sequences(connection, copy.backup.source.scope.taken)
    places = [
        SequencePlace(name=name, before=before[name].next, after=after[name].next, restored=restored[name].next)
        for name in before
        if name in after and name in restored and restored[name].increment == after[name].increment
    ]
    compared = {one.name for one in places}
    own = copy.backup.source.scope.pack
    is_judged = {name: name in after and (name not in restored or name.partition(".")[0] in own) for name in before}
    return places, {name: SCHEMA_MATCHES.id if is_judged[name] else "" for name in before if name not in compared}


def compare_history(copy: RestoredCopy, *, timeout_s: float) -> list[str]:
    """Return the tables of the migration history whose rows, or columns, are not the source's."""
    source = [table for table in copy.backup.source.tables if table.schema == HISTORY_SCHEMA]
    with open_reading(as_reader(copy.database), timeout_s=timeout_s) as connection:
        theirs = digest_tables(connection, [HISTORY_SCHEMA])
    known = {table.label: table for table in theirs}
    other = [table.label for table in source if table.label in known and known[table.label].columns != table.columns]
    return [*(one.source.label for one in compare_tables(source, theirs)), *other]


@dataclass(frozen=True, kw_only=True)
class CellPair:
    """One cell of the RLS matrix, observed on the source and on the copy; copy is None where it is missing.

    hidden: it differs as the definitions of its table do, which are judged by themselves.
    """

    source: Cell
    copy: Cell | None
    hidden: bool = False

    @property
    def unknown(self) -> bool:
        """Whether the source's cell was not determined, and the copy's does not show the same all the same."""
        return self.source.outcome is Outcome.ERROR and (self.source.observed == UNKNOWN or not self.same)

    @property
    def same(self) -> bool:
        """Whether both allow the role the same, refused by the same kind of object."""
        if self.copy is None:
            return False
        return (self.source.observed, self.source.refused_by) == (self.copy.observed, self.copy.refused_by)


def pair_cells(source: Sequence[Cell], copy: Sequence[Cell], changed: Sequence[Difference]) -> list[CellPair]:
    """Return the cells of both sides; those that differ as their definitions do are marked.

    changed: differences of definition; one that belongs to no table of the matrix (a function, a schema's
        grant) may reach every cell.
    """
    tables = {cell.table for cell in source}
    reached = {one.object: {table for table in tables if is_about(one, table)} for one in changed}
    everywhere = any(not found and kind_of(name) in ("function", "grant", "schema", "view") for name, found in reached.items())
    aside = tables if everywhere else set().union(*reached.values())
    theirs = {(cell.table, cell.role, cell.verb): cell for cell in copy}
    pairs = [CellPair(source=cell, copy=theirs.get((cell.table, cell.role, cell.verb))) for cell in source]
    return [replace(pair, hidden=not pair.same and pair.source.table in aside) for pair in pairs]


def is_about(difference: Difference, table: str) -> bool:
    """Return whether an object that differs is the table or depends on it."""
    return re.search(rf"(?<![\w.\"]){re.escape(table)}(?![\w\"])", difference.object) is not None


def prepare_on(context: Context[BackupRestore], database: Database) -> Prepare | None:
    """Return what adds the project's rehearsal rows inside the trial; None beside a live source, to which none is added."""
    path = context.borrow(REHEARSAL_ROWS) if "database" in context.embedded else ""
    return rows_to_add(context.pack, path, database, timeout_s=context.settings.command_timeout_s, work=context.work)
