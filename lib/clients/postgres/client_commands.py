"""Finds what in a project's SQL is not SQL: commands of psql, which may run programs, and data that follows a copy.

A project's files go to the server and to nothing else. A backslash outside of a literal, a quoted name, a dollar quote or
a comment is no SQL in any version; psql takes it for a command, wherever it stands in a line.
Source: https://www.postgresql.org/docs/18/app-psql.html#APP-PSQL-META-COMMANDS
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lib.clients.postgres.statements import Statement, scan, split_statements
from lib.core.errors import TargetError
from lib.core.wording import plain_text

COMMAND_NAME = re.compile(r"\\(?:[A-Za-z_][A-Za-z0-9_]*[+xS]*|[!?;\\.]|\S)?")
"""The backslash and the name that psql reads after it."""
NAME_LIMIT = 24
"""Characters of a name that are shown; psql's own longest, `\\getresults`, has 11."""

FIX_COMMAND = "Write it as SQL, or leave it out: nothing here reads commands of psql."
FIX_STREAM = "Write insert statements: the Supabase CLI can't send data that follows a copy either."


@dataclass(frozen=True, kw_only=True)
class ClientCommand:
    """One place in a text that only a client program could understand.

    name: as it stands there (`\\gexec`, `COPY ... FROM STDIN`). line: from 1. fix: what to do.
    """

    name: str
    line: int
    fix: str

    @property
    def account(self) -> str:
        """What stands where, as the end of a sentence that begins with the file."""
        what = "a command of psql, not SQL" if self.name.startswith("\\") else "data for a client program, not SQL alone"
        return f"line {self.line} has {self.name}, {what}"


def find_client_command(text: str) -> ClientCommand | None:
    """Return the first place of a text that only a client program could understand; None when all of it is SQL."""
    stream = find_stream(text)
    # What follows such a copy is data, in which a backslash says nothing.
    end = len(text) if stream is None else stream[0]
    for sort, start, _ in scan(text):
        if start >= end:
            break
        if sort == "sign" and text[start] == "\\":
            match = COMMAND_NAME.match(text, start)
            name = plain_text(match.group() if match else "\\", limit=NAME_LIMIT)
            return ClientCommand(name=name, line=text.count("\n", 0, start) + 1, fix=FIX_COMMAND)
    return stream[1] if stream else None


def find_stream(text: str) -> tuple[int, ClientCommand] | None:
    """Return where a copy from or to the client stands, and what it is; None when there is none."""
    at = 0
    for statement in split_statements(text) if "copy" in text.lower() else ():
        at = text.index(statement.text, at)
        if is_stream(statement):
            way = "FROM STDIN" if "stdin" in statement.words else "TO STDOUT"
            return at, ClientCommand(name=f"COPY ... {way}", line=statement.line, fix=FIX_STREAM)
        at += len(statement.text)
    return None


def is_stream(statement: Statement) -> bool:
    """Return whether a statement exchanges data with its client, which neither the Supabase CLI nor a push can do."""
    return statement.words[:1] == ("copy",) and not {"stdin", "stdout"}.isdisjoint(statement.words)


def require_sql(name: str, text: str) -> None:
    """Raise TargetError unless all of a file is SQL, naming the file, the line and what stands there."""
    if found := find_client_command(text):
        raise TargetError(f"{name}: {found.account}, so nothing of it was run.", fix=found.fix)
