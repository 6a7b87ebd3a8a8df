"""What hosted allows or refuses by its library supautils, spelled so that the embedded platform does the same.

Postgres decides about event triggers, publications of all tables, extensions and roles before anything of a database is asked. So
such a statement becomes a call of a function that platform/rights.sql made; the statement as written is its last argument.
On a server without these functions, a real hosted one for example, every statement stays as it is.
Source: https://github.com/supabase/supautils, and supautils.conf of https://github.com/supabase/postgres.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lib.clients.postgres.statements import Token, read_tokens, split_statements

RESERVED_ROLES = frozenset(
    {
        "anon", "authenticated", "authenticator", "dashboard_user", "pgbouncer", "service_role", "supabase_admin",
        "supabase_auth_admin", "supabase_etl_admin", "supabase_read_only_user", "supabase_realtime_admin",
        "supabase_replication_admin", "supabase_storage_admin",
    }
)  # fmt: skip
"""Roles that nobody but a superuser may alter or drop."""

SETTABLE_ROLES = frozenset({"anon", "authenticated", "authenticator", "service_role"})
"""Reserved roles whose settings may be changed all the same."""

RESERVED_MEMBERSHIPS = (RESERVED_ROLES - {"anon", "authenticated", "service_role"}) | {
    "pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"
}  # fmt: skip
"""Roles that nobody but a superuser may grant."""

CONCERNED = re.compile(
    r"\b(?:event\s+trigger|for\s+(?:all\s+tables|tables\s+in)|role|user|group|grant|extension|foreign\s+data\s+wrapper)\b", re.I
)
"""A text without any of these has no such statement; most texts are not looked at further."""

WRITTEN = re.compile(r"\A\s*select pg_catalog\.platform_\w+\(.*, \$hosted(\d*)\$(.*)\$hosted\1\$\)\s*\Z", re.S)
"""A statement that was spelled as such a call, with its first writing."""

LACKING = re.compile(
    r'\bsimulated: (?!the )([\w.]{1,120})|extension "([^"]{1,120})" is not available|\bthe (embedded platform)\b'
    r'|could not open extension control file "[^"]*?([^"/]{1,120})\.control"'
)
"""What a server says of something that hosted has and it does not: a stand-in, Postgres, and the platform's own functions."""

WAYS_OUT = (
    "Set run.postgres_bin to the bin folder of a PostgreSQL that has it.",
    "Or name the database of a loopback `supabase start` as the target.",
    "docs/embedded-platform.md has what is there and what is not.",
)
"""What somebody can do where the embedded platform lacks something that hosted has."""

IS_PLATFORM = "select pg_catalog.to_regproc('pg_catalog.platform_refuse') is not null"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A statement's tokens without spaces and comments: as they are compared, and as they stand there."""

    tokens: Sequence[Token]

    def at(self, place: int) -> str:
        """Return one token: a word in lower case, a quoted name without its quotes, '' past the end."""
        return name_in(self.tokens[place]) if place < len(self.tokens) else ""

    def starts(self, *words: str) -> bool:
        """Return whether the statement begins with these words."""
        return all(self.at(place) == word for place, word in enumerate(words))

    def find(self, *words: str) -> int:
        """Return where these words first stand one after the other, -1 for nowhere."""
        places = range(len(self.tokens) - len(words) + 1)
        return next((at for at in places if all(self.at(at + step) == one for step, one in enumerate(words))), -1)


def spell_text(text: str) -> str:
    """Return a file's text with each statement as the embedded platform takes it; the lines stay where they are."""
    if not CONCERNED.search(text):
        return text
    for statement in reversed(split_statements(text)):
        spelled = spell_statement(statement.text)
        if spelled != statement.text:
            text = text[: statement.start] + spelled + text[statement.start + len(statement.text) :]
    return text


def spell_statement(text: str) -> str:
    """Return one statement as the embedded platform takes it."""
    if not CONCERNED.search(text):
        return text
    words = Words(tokens=[token for token in read_tokens(text) if token.sort not in ("space", "comment")])
    if any(token.text == ";" for token in words.tokens):
        return text  # more than one, which the server refuses
    call = spell_event_trigger(words) or spell_publication(words) or spell_extension(words)
    if words.starts("create", "foreign", "data", "wrapper"):
        call = f"platform_create_wrapper({quote(words.at(4))}"
    if not call and (refusal := find_refusal(words)):
        call = f"platform_refuse({quote(refusal)}"
    return f"select pg_catalog.{call}, {quote_whole(text)})" if call else text


def find_lacking(said: str) -> str:
    """Return what a server's refusal says that it lacks, and hosted has; '' for any other refusal."""
    found = LACKING.search(said)
    name = next(filter(None, found.groups()), "") if found else ""
    return "that part of hosted" if name == "embedded platform" else name


def as_written(statement: str) -> str:
    """Return a recorded statement as the project has it."""
    found = WRITTEN.match(statement)
    return found.group(2) if found else statement


def spell_event_trigger(words: Words) -> str:
    """Return the call that makes an event trigger; '' for another statement, or one whose grammar isn't Postgres's."""
    calls = max(words.find("execute", "function"), words.find("execute", "procedure"))
    if not (words.starts("create", "event", "trigger") and words.at(4) == "on" and calls > 0):
        return ""
    called = "".join(token.text for token in words.tokens[calls + 2 :]).removesuffix("()")
    tags = words.find("tag", "in")
    listed = [token.text for token in words.tokens[tags:calls] if token.sort == "quoted"] if tags > 0 else []
    shown = f"array[{', '.join(listed)}]::text[]" if listed else "null"
    return f"platform_create_event_trigger({quote(words.at(3))}, {quote(words.at(5))}, {shown}, {quote(called)}"


def spell_publication(words: Words) -> str:
    """Return the call that makes a publication of all tables, or of all in some schemas; '' for another statement."""
    if not words.starts("create", "publication") or words.at(3) != "for":
        return ""
    options = words.find("with", "(")
    end = options if options > 0 else len(words.tokens)
    if [words.at(4), words.at(5)] == ["all", "tables"] and end == 6:
        schemas = "null"
    elif [words.at(at) for at in (4, 5, 6)] == ["tables", "in", "schema"]:
        schemas = f"array[{', '.join(quote(words.at(at)) for at in range(7, end, 2))}]"
    else:
        return ""
    given = read_options(words, options) if options > 0 else {}
    return f"platform_create_publication({quote(words.at(2))}, {schemas}, {quote(json.dumps(given)) if given else 'null'}"


def spell_extension(words: Words) -> str:
    """Return the call that makes, alters, moves, drops or comments on an extension; '' where the statement does as it is."""
    if words.starts("comment", "on", "extension"):
        said = words.at(5)
        return f"platform_comment_extension({quote(words.at(3))}, {'null' if said == 'null' else quote(said)}"
    if words.at(1) != "extension":
        return ""
    guarded = words.find("if") == 2
    name = 2 + (guarded and (3 if words.at(3) == "not" else 2))
    if words.at(0) == "create":
        place, version = (words.at(at + 1) if at > 0 else "" for at in (words.find("schema"), words.find("version")))
        if not version and words.at(name) != "pg_cron":
            return ""
        shown = [quote(one) if one else "null" for one in (place, version)]
        return (
            f"platform_create_extension({quote(words.at(name))}, {str(guarded).lower()}, {', '.join(shown)}, "
            f"{str(words.find('cascade') > 0).lower()}"
        )
    if words.at(0) == "drop":
        names = ", ".join(quote(one) for one in role_names(words, 2))
        return f"platform_drop_extension(array[{names}], {str(guarded).lower()}, {str(words.find('cascade') > 0).lower()}"
    if words.at(0) == "alter" and (words.at(3) == "update" or [words.at(3), words.at(4)] == ["set", "schema"]):
        updates = words.at(3) == "update"
        return (
            f"platform_alter_extension({quote(words.at(2))}, {'null' if updates else quote(words.at(5))}, {str(updates).lower()}"
        )
    return ""


def read_options(words: Words, start: int) -> dict[str, str]:
    """Return what stands in `with (name = value, ...)`."""
    found = {}
    for at in range(start + 2, len(words.tokens), 4):
        if words.at(at + 1) == "=":
            found[words.at(at)] = words.at(at + 2)
    return found


def find_refusal(words: Words) -> str:
    """Return why hosted refuses a statement about roles, in its own words; '' when it does not."""
    kind = words.at(1)
    if kind in ("role", "user", "group") and words.at(0) in ("alter", "drop"):
        is_setting = words.at(3) in ("set", "reset") or words.at(3) == "in"
        for name in role_names(words, 2, one=words.at(0) == "alter"):
            if name in RESERVED_ROLES and not (words.at(0) == "alter" and is_setting and name in SETTABLE_ROLES):
                return f'"{name}" is a reserved role, only superusers can modify it'
    granted: list[str] = []
    if words.at(0) == "grant" and words.find("on") < 0 and words.find("to") > 0:
        granted = role_names(words, 1)
    elif words.at(0) == "create" and kind in ("role", "user", "group"):
        joins = max(words.find("in", "role"), words.find("in", "group"))
        granted = role_names(words, joins + 2) if joins > 0 else []
    reserved = next((name for name in granted if name in RESERVED_MEMBERSHIPS), "")
    return f'"{reserved}" role memberships are reserved, only superusers can grant them' if reserved else ""


def role_names(words: Words, start: int, *, one: bool = False) -> list[str]:
    """Return the names from here on that commas part. one: only the first of them."""
    start += 2 * (words.at(start) == "if" and words.at(start + 1) == "exists")
    names = [words.at(start)]
    while not one and words.at(start + 1) == ",":
        start += 2
        names.append(words.at(start))
    return names


def name_in(token: Token) -> str:
    """Return a word in lower case, a quoted name or text without its quotes, any other token as it is."""
    if token.sort == "name" and token.text.startswith('"'):
        return token.text[1:-1].replace('""', '"')
    if token.sort == "quoted" and token.text.startswith("'"):
        return token.text[1:-1].replace("''", "'")
    return token.text.lower() if token.sort == "word" else token.text


def quote(text: str) -> str:
    """Return a text as a literal of SQL, whatever the session's settings."""
    return "'" + text.replace("'", "''") + "'" if "\\" not in text else "E'" + text.replace("\\", r"\\").replace("'", "''") + "'"


def quote_whole(text: str) -> str:
    """Return a statement between dollar quotes that it does not have itself."""
    mark = next(f"$hosted{number or ''}$" for number in range(1000) if f"$hosted{number or ''}$" not in text)
    return f"{mark}{text}{mark}"
