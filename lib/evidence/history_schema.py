"""The tables of the history of runs, the version of their form, and the way there from every older one.

| version | what it has |
| --- | --- |
| 1 | `runs` and `results`; later beside them `episodes`, which `lib.evidence.incident_store` takes over |
| 2 | `runs.project`: whose run it is; `incidents` |
| 3 | `task_durations`: how long each task took |
| 4 | its own version in `history_schema`, and what is needed to decide a run again |

A column is only ever added, and may be empty: a workbook of an older version goes on writing beside a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from lib.core.errors import WorkbookError

VERSION = 4
METADATA = sa.MetaData()

SCHEMA = sa.Table("history_schema", METADATA, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
"""One row for each version that the history has had since 4; the highest is the one it has."""

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("project", sa.String(80), nullable=False, server_default="", index=True),
    sa.Column("environment", sa.String(40), nullable=False, index=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("commit_id", sa.String(64)),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("unconfirmed", sa.Boolean),  # whether it expects what nobody has confirmed; null: kept by an older workbook
)

RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("check_id", sa.String(120), primary_key=True),
    sa.Column("task", sa.String(60), nullable=False),
    sa.Column("result", sa.String(8), nullable=False),
    sa.Column("gate", sa.Boolean, nullable=False),
    sa.Column("provenance", sa.String(12), nullable=False),
    sa.Column("observed", sa.JSON),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("found", sa.String(8)),  # the result as the evidence has it, which a stale one does not count as
    sa.Column("skipped_because", sa.String(16)),
    sa.Column("see", sa.String(120)),  # the check whose finding hides its subject
    sa.Column("reused", sa.Boolean),
    sa.Column("age_s", sa.Float),  # of the fact, at the run's end
    sa.Column("counted_as", sa.String(24)),  # `waived`, or where another environment's run proved it
    sa.Column("finding", sa.JSON),  # of a fail: the keys of what is wrong, and its words
)

ADDED = {
    2: (RUNS.c.project,),
    3: (),
    4: (
        RUNS.c.unconfirmed,
        *(RESULTS.c[name] for name in ("found", "skipped_because", "see", "reused", "age_s", "counted_as", "finding")),
    ),
}
"""Version -> the columns that it added to a table of an older one; whole tables are made where they lack."""


def bring_up(engine: sa.Engine) -> None:
    """Make the tables of a history, or add what one of an older workbook lacks; what it holds stays.

    Several runs may do so at once, and one may be killed on the way: each step is done where it is not done yet.
    Raises WorkbookError for a history of a newer workbook, which nobody here can read.
    """
    version = read_version(engine)
    if version == VERSION:
        return
    if version is not None and version > VERSION:
        raise WorkbookError(
            f"The history of runs has form {version}, of a newer workbook; this one knows forms up to {VERSION}.",
            fix="Use that workbook, or name another history in HISTORY_URL.",
        )
    make_tables(engine)
    add_columns(engine, [column for number, columns in ADDED.items() if number > (version or 0) for column in columns])
    note_version(engine)


def read_version(engine: sa.Engine) -> int | None:
    """Return the version of a history's form; None of a new one, and of one from before it said so."""
    if not sa.inspect(engine).has_table(SCHEMA.name):
        return None
    with engine.connect() as connection:
        found: int | None = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar_one()
    return found


def make_tables(engine: sa.Engine) -> None:
    """Make the tables that are not there yet."""
    for table in METADATA.sorted_tables:
        try:
            table.create(engine, checkfirst=True)
        except sa.exc.DBAPIError:
            if not sa.inspect(engine).has_table(table.name):  # else another run was faster
                raise


def add_columns(engine: sa.Engine, columns: Iterable[sa.Column[object]]) -> None:
    """Add the columns that tables lack; rows that are there have their default, else nothing."""
    for column in columns:
        if has_column(engine, column):
            continue
        kind = column.type.compile(engine.dialect)
        rest = "" if column.nullable else " not null default ''"
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(f"alter table {column.table.name} add column {column.name} {kind}{rest}"))
        except sa.exc.DBAPIError:
            if not has_column(engine, column):  # else another run was faster
                raise


def has_column(engine: sa.Engine, column: sa.Column[object]) -> bool:
    """Return whether a table has a column."""
    return column.name in {one["name"] for one in sa.inspect(engine).get_columns(column.table.name)}


def note_version(engine: sa.Engine) -> None:
    """Write down which form the history has now."""
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(SCHEMA).values(version=VERSION))
    except sa.exc.IntegrityError:
        pass  # another run was faster
