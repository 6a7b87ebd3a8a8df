"""Calls of a project's own functions in a policy, replaced by what these functions ask.

A scope must say which rows are meant without leaning on the function that is under test. A body of one query is parsed by
PostgreSQL itself, as a temporary function inside a transaction that is rolled back, so that every name in it is qualified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.statements import read_tokens, split_statements, strip_comments
from lib.onboarding.expressions import closes_at, flatten, replace_calls
from lib.transport.database import read_query

LAUNCH_PATH = '"$user", public, extensions'
"""Where names are looked up in a function without a path of its own, as the API's roles call it."""

DEPTH = 4
"""Functions that call functions are followed this deep."""

LONGEST = 4_000
"""Characters of a predicate that a person may still read; beyond them a call stays a call."""

BODIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^begin\s+return\s+query\s+([^;]+);(?:\s*return\s*;)?\s*end\s*;?$", re.I | re.S), r"\1"),
    (re.compile(r"^begin\s+return\s+([^;]+);\s*end\s*;?$", re.I | re.S), r"select \1"),
    (
        re.compile(
            r"^begin\s+if\s+([^;]+?)\s+then\s+return\s+true\s*;\s*(?:else\s+return\s+false\s*;\s*end\s+if\s*;"
            r"|end\s+if\s*;\s*return\s+false\s*;)\s*end\s*;?$",
            re.I | re.S,
        ),
        r"select coalesce((\1), false)",
    ),
    (
        re.compile(
            r"^declare\s+(\w+)\s+[^;]+;\s*begin\s+select\s+([^;]+?)\s+into\s+(?:strict\s+)?\1\b([^;]*);\s*return\s+"
            r"(?:coalesce\(\s*)?\1(?:\s*,\s*\w+\s*\))?\s*;\s*end\s*;?$",
            re.I | re.S,
        ),
        r"select \2 \3",
    ),
)
"""Bodies in PL/pgSQL that are one query, and that query."""


@dataclass(frozen=True, kw_only=True)
class Inlined:
    """A function as one query over its arguments. query: parsed, without its semicolon."""

    name: str
    arguments: Sequence[str]
    required: int
    defaults: Sequence[str | None]
    query: str

    def takes(self, arguments: Sequence[str]) -> bool:
        return self.required <= len(arguments) <= len(self.arguments)


def read_functions(connection: psycopg.Connection[DictRow], schemas: Sequence[str]) -> dict[str, list[Inlined]]:
    """Return the project's functions by their qualified names: those that are one query, none for a name without.

    The connection is in a transaction that is rolled back; its search path is left empty.
    """
    connection.execute("set local search_path = ''")
    rows = connection.execute(read_query(__package__, "functions"), {"schemas": list(schemas)}).fetchall()
    found: dict[str, list[Inlined]] = {}
    for row in rows:
        query = row["parsed"] or parse_body(connection, row)
        found.setdefault(row["display_name"], [])
        if query and (text := query_of(query)):
            found.setdefault(row["display_name"], []).append(
                Inlined(
                    name=row["name"],
                    arguments=[*row["argument_names"], *[""] * (row["arguments"] - len(row["argument_names"]))],
                    required=row["required"],
                    defaults=row["defaults"],
                    query=text,
                )
            )
    return found


def functions_in(text: str, functions: Iterable[str]) -> list[str]:
    """Return the project's functions that a condition still calls. functions: their qualified names."""
    return [name for name in functions if re.search(rf'(?<![\w."]){re.escape(name)}\(', text)]


def query_of(body: str) -> str:
    """Return the one query of a parsed body, '' when it is not one."""
    text = flatten(body)
    if text.startswith("RETURN "):
        return f"SELECT {text[7:]}"
    inner = re.fullmatch(r"BEGIN ATOMIC (.*?);? ?END", text, re.S)
    return inner.group(1).strip() if inner and len(split_statements(inner.group(1))) == 1 else ""


def body_of(language: str, body: str) -> str:
    """Return the one query that a function's body is, '' when it is more."""
    text = strip_comments(body).strip()
    if language == "plpgsql":
        return next((pattern.sub(query, text) for pattern, query in BODIES if pattern.match(text)), "")
    statements = split_statements(text)
    return statements[0].text if len(statements) == 1 and statements[0].words[:1] in (("select",), ("with",)) else ""


def parse_body(connection: psycopg.Connection[DictRow], row: Mapping[str, Any]) -> str | None:
    """Return a function's body as PostgreSQL parses it, None when that is not one query."""
    query = body_of(row["language"], row["body"])
    if not query:
        return None
    path = row["path"].replace('""', "") if row["has_path"] else LAUNCH_PATH
    make = (
        f"create function pg_temp.{row['name']}({row['declared']}) returns {row['result']} language sql\n"
        f"begin atomic\n{query};\nend"
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"set local search_path = {path or chr(39) * 2}".encode())
            connection.execute(make.encode())
            connection.execute("set local search_path = ''")
            found = connection.execute(
                "select pg_catalog.pg_get_function_sqlbody(p.oid) as body from pg_catalog.pg_proc p "
                "where p.pronamespace = pg_catalog.pg_my_temp_schema() and pg_catalog.quote_ident(p.proname) = %s",
                [row["name"]],
            ).fetchone()
    except psycopg.Error:
        return None
    return found["body"] if found else None


def inline(text: str, functions: Mapping[str, Sequence[Inlined]], *, table: str, columns: Sequence[str]) -> str:
    """Return an expression over a table with the project's functions replaced by their queries.

    table: its bare name as SQL spells it. columns: of the table, as SQL spells them.
    """

    def find(name: str, arguments: list[str]) -> str | None:
        fitting = [one for one in functions.get(name, ()) if one.takes(arguments)]
        if len(fitting) != 1:
            return None
        return f"({bind(fitting[0], [qualify(one, table, columns) for one in arguments], table)})"

    for _ in range(DEPTH):
        after = replace_calls(text, find)
        if after == text or len(after) > LONGEST:
            break
        text = tidy_sets(after)
    return text


def tidy_sets(text: str) -> str:
    """Return an expression in which a query that only passes on a query's rows is that query."""
    at = 0
    while found := re.compile(r"\( ?SELECT (?=\(SELECT )").search(text, at):
        inner = found.end()
        end = inner + closes_at(text[inner:]) + 1
        alias = re.match(r' AS (?:\w+|"[^"]+")\)', text[end:])
        if alias:
            text = text[: found.start()] + text[inner:end] + text[end + alias.end() :]
        at = found.start() + 1
    return text


def qualify(text: str, table: str, columns: Sequence[str]) -> str:
    """Return an argument with the table's columns named with their table, so that no query's own column hides them."""
    tokens = list(read_tokens(text))
    out = []
    for place, token in enumerate(tokens):
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        is_column = (
            token.sort in ("word", "name") and token.text in columns and before not in (".", ":") and after not in ("(", ".")
        )
        out.append(f"{table}.{token.text}" if is_column else token.text)
    return "".join(out)


def bind(function: Inlined, arguments: Sequence[str], table: str) -> str:
    """Return a function's query with its arguments in place of its parameters."""
    values = dict(positional_values(function, arguments))
    named = {name: value for name, value in zip(function.arguments, values.values(), strict=False) if name}
    tokens = list(read_tokens(rename_own(function.query, table)))
    out: list[str] = []
    at = 0
    while at < len(tokens):
        texts = [token.text for token in tokens[at : at + 3]]
        if texts[0] == function.name and texts[1:2] == ["."] and len(texts) == 3 and texts[2] in quoted(named):
            out.append(quoted(named)[texts[2]])
            at += 3
        elif texts[0] == "$" and len(texts) > 1 and texts[1].isdigit():
            out.append(values.get(int(texts[1]), "NULL"))
            at += 2
        elif (
            tokens[at].sort in ("word", "name")
            and texts[0] in quoted(named)
            and is_free(tokens, at)
            and " FROM " not in function.query
        ):
            out.append(quoted(named)[texts[0]])
            at += 1
        else:
            out.append(texts[0])
            at += 1
    return "".join(out)


def positional_values(function: Inlined, arguments: Sequence[str]) -> list[tuple[int, str]]:
    """Return the number and the text of each parameter's value, those of defaults too."""
    given = [re.sub(r"^\w+ => ", "", one) for one in arguments]
    rest = [one or "NULL" for one in function.defaults[len(given) :]]
    return [(number, f"({value})" if " " in value else value) for number, value in enumerate([*given, *rest], start=1)]


def quoted(named: Mapping[str, str]) -> dict[str, str]:
    """Return values by the names of their parameters as SQL spells them."""
    return {name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f'"{name}"': value for name, value in named.items()}


def is_free(tokens: Sequence[Any], at: int) -> bool:
    """Return whether a name stands alone: no part of a qualified name, no type, no alias."""
    before = next((one.text for one in reversed(tokens[:at]) if one.sort != "space"), "")
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return before not in (".", ":", "AS") and after not in (".", "(")


def rename_own(query: str, table: str) -> str:
    """Return a query in which the policy's own table, where it is asked without an alias, has one that hides nothing."""
    own = re.search(rf"\b(?:FROM|JOIN) \(*\S+\.{re.escape(table)}\b(?! \w)", query)
    if not own and not re.search(
        rf"\b(?:FROM|JOIN) \(*\S+\.{re.escape(table)} (?:WHERE|JOIN|ON|LEFT|ORDER|LIMIT|GROUP)\b", query
    ):
        return query
    text = re.sub(rf"(?<![\w.]){re.escape(table)}\.", f"{table}_1.", query)
    return re.sub(rf"(\b(?:FROM|JOIN) \(*[^\s(]+\.){re.escape(table)}\b", rf"\1{table} {table}_1", text)
