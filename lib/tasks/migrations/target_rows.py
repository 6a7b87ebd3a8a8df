"""Do rows of the target break what pending files demand of them? The target is only read, nothing of its rows leaves it.

The seed's rows are not the target's. So each constraint that the files add to a table of the target is asked of the target's
own rows. Where a pending file changes rows itself, it may mend them first, so nothing is said of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lib.clients.postgres.digests import open_reading
from lib.clients.postgres.schema import Schema
from lib.clients.supabase.migration_files import MigrationFile
from lib.core.errors import DatabaseError
from lib.tasks.migrations.apply import ApplyFailure
from lib.transport.database import Database

MENDING = frozenset({"insert", "update", "delete", "merge", "truncate", "with", "do", "call", "copy", "select"})
"""First words of statements that may change rows; a `select` may call what does."""

COLUMNS = r"\((?P<{}>[^()]*)\)"
UNIQUE = re.compile(rf"(?:UNIQUE|PRIMARY KEY) {COLUMNS.format('columns')}")
UNIQUE_INDEX = re.compile(rf"CREATE UNIQUE INDEX .* ON (?:ONLY )?(?P<table>\S+) USING \w+ {COLUMNS.format('columns')}")
FOREIGN = re.compile(
    rf"FOREIGN KEY {COLUMNS.format('columns')} REFERENCES (?P<parent>[^(]+){COLUMNS.format('theirs')}(?!.* NOT VALID)", re.S
)
CHECK = re.compile(r"CHECK (?P<condition>\(.*\))(?: NO INHERIT)?", re.S)
NOT_NULL = re.compile(r"\bnot null\b")


def find_breaking_rows(
    target: Database, files: Sequence[MigrationFile], before: Schema, after: Schema, *, timeout_s: float
) -> Iterator[ApplyFailure]:
    """Yield a failure for each constraint that the files add and that rows of the target break.

    before, after: the schema without and with the files. A question that the target does not answer is left out.
    """
    if not files or any(one.words[:1] and one.words[0] in MENDING for file in files for one in file.statements):
        return
    for what, table, question in list_questions(before, after):
        if f"table {table}" in before and (count := ask(target, question, timeout_s)):
            yield describe(files, what, table, count)


def list_questions(before: Schema, after: Schema) -> Iterator[tuple[str, str, str]]:
    """Yield each new demand on rows: what makes it, the table, and the condition-bearing query whose rows break it."""
    for key, text in after.items():
        kind, _, name = key.partition(" ")
        if before.get(key) == text:
            continue
        if kind == "constraint" and " on " in name:
            yield from question_of(name.rpartition(" on ")[0], name.rpartition(" on ")[2], text)
        elif kind == "index" and (found := UNIQUE_INDEX.fullmatch(text)):
            yield name, found["table"], doubled(found["table"], found["columns"])
        elif kind == "column" and key in before and NOT_NULL.search(text) and not NOT_NULL.search(before[key]):
            table, _, column = name.rpartition(".")
            yield f"not null of {column}", table, f"select from {table} where {column} is null"


def question_of(name: str, table: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the query whose rows break one constraint; none for a kind that can't be asked, or that is not validated."""
    if found := UNIQUE.match(text):
        yield name, table, doubled(table, found["columns"])
    elif found := FOREIGN.match(text):
        ours, theirs = (found[part].split(", ") for part in ("columns", "theirs"))
        known = " and ".join(f"mine.{one} is not null" for one in ours)
        same = " and ".join(f"parent.{other} = mine.{one}" for one, other in zip(ours, theirs, strict=True))
        lacking = f"not exists (select from {found['parent']} parent where {same})"
        yield name, table, f"select from {table} mine where {known} and {lacking}"
    elif found := CHECK.fullmatch(text):
        yield name, table, f"select from {table} where not {found['condition']}"


def doubled(table: str, columns: str) -> str:
    """Return the query for values that several rows share."""
    known = " and ".join(f"{one} is not null" for one in columns.split(", "))
    return f"select from {table} where {known} group by {columns} having count(*) > 1"


def ask(target: Database, question: str, timeout_s: float) -> int:
    """Return how many rows a query gives on the target, which it can't change; 0 when it is not answered."""
    try:
        with open_reading(target, timeout_s=timeout_s) as connection:
            found = connection.execute(f"select count(*) as found from ({question} limit 1000) breaking".encode()).fetchone()
    except DatabaseError:
        return 0
    return int(found["found"]) if found else 0


def describe(files: Sequence[MigrationFile], what: str, table: str, count: int) -> ApplyFailure:
    """Return the failure of the file that speaks of a constraint, or of its table, last."""
    words = what.rpartition(".")[2].strip('"'), table.rpartition(".")[2].strip('"')
    file = next((one for word in words for one in reversed(files) if word in one.text), files[-1])
    statement = next((one for one in reversed(file.statements) if any(word in one.text for word in words)), file.statements[-1])
    said = f"the target's own rows break it: {count:,} {'or more ' if count == 1000 else ''}in {table} ({what})"
    return ApplyFailure(
        file=file.name, index=statement.index, statement=statement.summary, line=statement.line, sqlstate="23000", said=said
    )
