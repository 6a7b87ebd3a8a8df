"""What of a dump only a superuser can restore: read as text, compared with the few forms that run nothing, then made.

An archive is a file that a project wrote: any SQL may stand behind any entry. So all of it is restored by a role that is no
superuser, and of what that role can't do only these statements, spelled as pg_dump spells them.
Source: bin/pg_dump/pg_dump.c, dumpDefaultACL, dumpACL, dumpExtension and dumpEventTrigger.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from lib.clients.postgres.dumps import PLATFORM_SCHEMAS, TocEntry
from lib.clients.postgres.statements import split_statements
from lib.core.errors import CommandError
from lib.core.wording import plain_text
from lib.transport.database import Database
from lib.transport.process import run_command

NAME = r'(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")'
DEFAULT_PRIVILEGES = re.compile(
    rf"ALTER DEFAULT PRIVILEGES FOR ROLE {NAME}(?: IN SCHEMA {NAME})? (?:GRANT|REVOKE) [A-Z, ]+ "
    rf"ON (?:TABLES|SEQUENCES|FUNCTIONS|TYPES|SCHEMAS|LARGE OBJECTS) (?:TO|FROM) (?:PUBLIC|{NAME})(?: WITH GRANT OPTION)?;?"
)
PLATFORMS_OWN = (
    rf"(?:SCHEMA {NAME}|(?:TABLE|SEQUENCE|TYPE) (?:{'|'.join(PLATFORM_SCHEMAS)})\.{NAME}"
    rf"|(?:FUNCTION|PROCEDURE) (?:{'|'.join(PLATFORM_SCHEMAS)})\.{NAME}\([^()]*\))"
)
RIGHTS = re.compile(
    rf"(?:GRANT|REVOKE) [A-Z]+(?:\({NAME}\))?(?:,[A-Z]+(?:\({NAME}\))?)* ON {PLATFORMS_OWN} (?:TO|FROM) (?:PUBLIC|{NAME})"
    r"(?: WITH GRANT OPTION)?;?"
)
"""Rights on what a fresh project has already; no other object may be named, nor more than one."""
GRANTOR = re.compile(rf"(?:SET SESSION AUTHORIZATION {NAME}|RESET SESSION AUTHORIZATION);?")
"""Who granted a right before; nothing rests on it here."""
EXTENSION = re.compile(rf"CREATE EXTENSION IF NOT EXISTS (?P<name>{NAME}) WITH SCHEMA (?P<schema>{NAME});?")
EVENT_TRIGGER = re.compile(
    rf"CREATE EVENT TRIGGER {NAME} ON (?:ddl_command_start|ddl_command_end|sql_drop|table_rewrite)"
    rf"(?:\s+WHEN TAG IN \((?:'[A-Z ]+'(?:, )?)+\))?\s+EXECUTE (?:FUNCTION|PROCEDURE) {NAME}\.{NAME}\(\);?"
)
"""None that fires when somebody logs in: the next to do so may be the superuser."""
COMMENT = re.compile(rf"COMMENT ON (?:EXTENSION|EVENT TRIGGER) {NAME} IS '(?:[^'\\]|'')*';?")
OWNER_OF_TRIGGER = re.compile(rf"ALTER EVENT TRIGGER {NAME} OWNER TO {NAME};?")
SETTING = re.compile(
    r"(?:SET [a-z_]+ = (?:'[A-Za-z0-9 _-]*'|[A-Za-z0-9_]+)|SELECT pg_catalog\.set_config\('search_path', '', false\));?"
)
"""What pg_restore writes before everything else; nothing rests on it here."""
FORMS = {
    "EXTENSION": (EXTENSION, COMMENT),
    "ACL": (RIGHTS,),
    "COMMENT": (COMMENT,),
    "DEFAULT ACL": (DEFAULT_PRIVILEGES,),
    "EVENT TRIGGER": (EVENT_TRIGGER, COMMENT),
}
"""Kind of entry -> what its statements may be."""
SKIPPED = (SETTING, OWNER_OF_TRIGGER, GRANTOR)


def is_set_apart(entry: TocEntry, superusers: Collection[str]) -> bool:
    """Return whether only a superuser can restore an entry, by its kind and owner. superusers: of the scratch server."""
    owner = entry.name.rpartition(" ")[2]
    if entry.kind == "ACL":  # the restorer has rights of several roles, and Postgres may take the wrong one as the grantor
        return entry.schema in PLATFORM_SCHEMAS or (entry.name.startswith("SCHEMA ") and owner in superusers)
    if entry.kind == "COMMENT":
        return entry.name.startswith(("EXTENSION ", "EVENT TRIGGER "))
    return entry.kind in ("EXTENSION", "EVENT TRIGGER") or (entry.kind == "DEFAULT ACL" and owner in superusers)


def read_statements(dump: Path, entries: Sequence[TocEntry], listing: Path, *, programs: Path, timeout_s: float) -> list[str]:
    """Return the statements behind entries that are set apart, each in a form that runs nothing of the project.

    listing: a file that this may write. Raises CommandError for any other statement.
    """
    if not entries:
        return []
    listing.write_text("\n".join(entry.line for entry in entries) + "\n", encoding="utf-8")
    run = run_command([programs / "pg_restore", "--file=-", f"--use-list={listing}", dump], timeout_s=timeout_s)
    if run.exit_code != 0:
        raise CommandError(f"pg_restore can't read the dump: {plain_text(run.stderr, limit=200)}.", fix="Take the backup again.")
    forms = [form for kind in {entry.kind for entry in entries} for form in FORMS[kind]]
    text = "\n".join(line for line in run.stdout.splitlines() if not line.startswith(("\\restrict ", "\\unrestrict ")))
    found = []
    for statement in split_statements(text):
        said = without_comments(statement.text)
        if not said or any(form.fullmatch(said) for form in SKIPPED):
            continue
        if not any(form.fullmatch(said) for form in forms):
            raise CommandError(
                f"The dump has a statement that pg_dump does not write there, so it is not run: {plain_text(said, limit=120)}",
                fix="Take the backup with pg_dump alone.",
            )
        found.append(said)
    return found


def without_comments(statement: str) -> str:
    """Return a statement without the lines of comments that pg_dump puts before it."""
    return "\n".join(line for line in statement.strip().splitlines() if not line.startswith("--")).strip()


def make_set_apart(copy: Database, statements: Sequence[str]) -> None:
    """Run statements that `read_statements` returned. copy: as the superuser. Raises DatabaseError."""
    if not statements:
        return
    with copy.connect(autocommit=True) as connection:
        for statement in statements:
            match = EXTENSION.fullmatch(statement)
            if match and not match["schema"].startswith("pg_"):  # Postgres's own are there
                connection.execute(f"create schema if not exists {match['schema']} authorization postgres")
            connection.execute(statement)
