"""Who uses an extension: objects that depend on it, functions whose body calls it, and files that name it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lib.clients.postgres.statements import strip_comments
from lib.transport.database import Database, read_query

IN_THE_PATH = frozenset({"public", "extensions"})
"""Schemas in which a hosted project's session finds things without naming the schema."""


def find_uses(
    target: Database, twin: Database, names: Iterable[str], schemas: Sequence[str], texts: Mapping[str, str]
) -> dict[str, str]:
    """Return, of these extensions, extension -> who uses it, as a clause.

    schemas: the pack's; their objects are asked for on the target. texts: file name -> SQL without comments.
    """
    wanted = list(names)
    binds = {"names": wanted, "schemas": list(schemas)}
    found: dict[str, str] = {}
    for row in target.rows(read_query(__package__, "fidelity/extension_uses"), **binds):
        found.setdefault(row["extension"], f"used by {row['used_by']}")
    bodies = {
        row["name"]: strip_comments(row["body"])
        for row in target.rows(read_query(__package__, "fidelity/function_bodies"), schemas=list(schemas))
    }
    for name, pattern in read_patterns((target, twin), wanted).items():
        for word, places in (("called by", bodies), ("named in", texts)):
            if user := next((place for place, text in places.items() if pattern.search(text)), None):
                found.setdefault(name, f"{word} {user}")
    return found


def read_patterns(databases: Sequence[Database], names: Sequence[str]) -> dict[str, re.Pattern[str]]:
    """Return extension -> the pattern of a text that uses it: its own name, or that of a function, type or table of it."""
    words: dict[str, set[str]] = defaultdict(set)
    for name in names:
        words[name].add(rf'create\s+extension\s+(if\s+not\s+exists\s+)?"?{re.escape(name)}"?(?![\w$-])')
    path = {row["name"] for one in databases for row in one.rows("select unnest(current_schemas(false))::text as name")}
    for database in databases:
        for row in database.rows(read_query(__package__, "fidelity/extension_members"), names=list(names)):
            words[row["extension"]].add(spell_member(row["kind"], row["schema"], row["name"], path | IN_THE_PATH))
    return {name: re.compile("|".join(sorted(found)), re.IGNORECASE) for name, found in words.items()}


def spell_member(kind: str, schema: str, name: str, path: set[str]) -> str:
    """Return the pattern by which a statement names one member of an extension; one outside the path needs its schema."""
    quoted = rf'"?{re.escape(name)}"?'
    called = quoted + (r"\s*\(" if kind == "function" else r"(?![\w$])")
    qualified = "" if kind == "type" or schema in path else rf'"?{re.escape(schema)}"?\s*\.\s*'
    return rf"(?<![\w$]){qualified}{called}"
