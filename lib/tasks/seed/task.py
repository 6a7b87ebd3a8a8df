"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lib.core.results import Check
from lib.core.section import Borrowed, Section
from lib.tasks.base import Task


class Seed(Section):
    """What 03_seed expects the database to hold after the fixtures were applied."""

    applies: bool  # false where real data lives: no fixture is ever applied there
    schemas: list[str] = Field(min_length=1)  # schemas whose tables are counted and digested
    reserved_email_domains: list[str] = Field(min_length=1)  # domains a fixture's e-mail may be under
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s
    expected_counts: dict[str, Annotated[int, Field(ge=0)]] = Field(default={})  # table -> rows
    rehearsal_rows: str = ""  # SQL file in the project with rows its seed lacks: for trials only, never applied to a target


PACK_SCHEMAS = Borrowed("migrations", "schemas", list[str])
"""The schemas the pack owns: rows in them must be declared."""

APPLIED_WITH_CLI = Check(
    "seed.applied_with_cli",
    "The Supabase CLI applies the seed files",
    subject="database",
    fix="Read push.txt, correct the seed file, then run again.",
    doc="Runs `supabase db push --include-seed` and checks on its output that each new file was really run. A file that "
    "changed after it was applied fails before the CLI is called, because the CLI would record the new hash without "
    "running it. A file applied before and unchanged passes without being run: the other checks judge its rows.",
)
HISTORY_RECORDS_FILE = Check(
    "seed.history_records_file",
    "The database has recorded each seed file with its current content",
    subject="database",
    fix="Apply the seed with the CLI: supabase db push --include-seed",
    doc="Compares the hash of each seed file with the one in supabase_migrations.seed_files. A different hash means that "
    "the database holds the rows of another version of the file. The CLI can record a hash without running the file, "
    "so the rows are counted separately.",
)
APPLIED_TWICE_CHANGES_NOTHING = Check(
    "seed.applied_twice_changes_nothing",
    "Applying the seed a second time changes no row",
    subject="database",
    fix="Write the seed's statements so that they may run twice, such as `insert ... on conflict do nothing`.",
    doc="Checks that a second push has nothing to do, then runs the files' statements again in one transaction that is "
    "rolled back, and compares the digest of every table. A seed that is not repeatable duplicates or overwrites rows "
    "when somebody applies it by hand. Where a table does not hold the declared rows at first, row_counts_match fails and this "
    "is skipped; a table that can't be read is an error. A file with its own COMMIT can't be rolled back, as the detail says.",
)
ROW_COUNTS_MATCH = Check(
    "seed.row_counts_match",
    "Every table holds as many rows as declared",
    subject="database",
    fix="Correct the seed, or seed.expected_counts in the params file.",
    doc="Compares the rows of each table with seed.expected_counts, and looks for rows in the pack's own tables that are "
    "not declared. A missing row often means that a statement silently did nothing. It counts rows and does not "
    "compare their values; rows of real users would fail it too.",
)
FOREIGN_KEYS_HOLD = Check(
    "seed.foreign_keys_hold",
    "Every foreign key holds for every row",
    subject="database",
    fix="Correct these rows: the database does not check them again by itself.",
    doc="Counts, for every foreign key, the rows whose parent is missing. A key that exists proves nothing about rows "
    "inserted while keys were switched off, or older than a NOT VALID key. Tables in seed.schemas and in the pack's own "
    "schemas are checked; when no table with a foreign key holds a row, the check is an error.",
)
CHECKS_HOLD = Check(
    "seed.checks_hold",
    "Every check constraint holds for every row",
    subject="database",
    fix="Correct these rows: the database does not check them again by itself.",
    doc="Counts, for every check constraint, the rows for which its condition is false. Rows older than a NOT VALID "
    "constraint, or inserted without constraints, were never checked. As in Postgres, a condition that is null counts "
    "as kept.",
)
NOT_NULLS_HOLD = Check(
    "seed.not_nulls_hold",
    "No required column is null in any row",
    subject="database",
    fix="Correct these rows: the database does not check them again by itself.",
    doc="Counts the nulls in every column that is declared NOT NULL. The database believes its own catalogue and does not "
    "look again, so a null that is already there breaks the application later. Tables in seed.schemas and in the pack's own "
    "schemas are checked.",
)
SEQUENCES_ARE_AHEAD = Check(
    "seed.sequences_are_ahead",
    "Every sequence is past the values that the rows already have",
    subject="database",
    fix="Set each sequence at the end of the seed, with setval(): past the largest value that a row has.",
    doc="Counts, for every unique column that a sequence fills, the rows that are at the sequence's next value or beyond. "
    "A seed that writes ids itself leaves the sequence behind, so the application's first inserts collide with its rows. "
    "Columns that no unique index covers alone are left out. Where no such table holds a row it is not applicable.",
)
EMAILS_ARE_RESERVED = Check(
    "seed.emails_are_reserved",
    "Every e-mail address is under a domain reserved for examples",
    subject="database",
    fix="Use an address under one of seed.reserved_email_domains, such as example.com, in the seed.",
    doc="Searches every text, array and JSON column for e-mail addresses, inside the server, and checks each domain "
    "against seed.reserved_email_domains. A real address in a fixture can send mail to a real person. The pattern is "
    "wide on purpose: a text such as a package name that looks like an address is excluded only by its last part, and is "
    "named. Encoded or split addresses are not found.",
)
CHECKS: tuple[Check, ...] = (
    APPLIED_WITH_CLI,
    HISTORY_RECORDS_FILE,
    APPLIED_TWICE_CHANGES_NOTHING,
    ROW_COUNTS_MATCH,
    FOREIGN_KEYS_HOLD,
    CHECKS_HOLD,
    NOT_NULLS_HOLD,
    SEQUENCES_ARE_AHEAD,
    EMAILS_ARE_RESERVED,
)

TASK = Task(
    name="seed",
    title="Seed fixtures",
    notebook="03_seed.ipynb",
    checks=CHECKS,
    settings=Seed,
    borrows=(PACK_SCHEMAS,),
)
