"""The table of extensions in docs/embedded-platform.md, which `list_platform` puts together."""

from __future__ import annotations

from collections.abc import Iterator

from lib.embedded.postgres.extensions_at_hand import every_extension, state_of
from lib.embedded.postgres.stand_ins import ABSENT, STAND_INS
from lib.embedded.postgres.versions import MAJORS

BEGIN = "<!-- extensions: written by `python -m lib list --write` -->\n"
END = "<!-- extensions: end -->\n"


def table_lines() -> Iterator[str]:
    """Yield the table's lines: one an extension, with its state in each version of PostgreSQL and what it lacks."""
    yield f"| Extension | {' | '.join(map(str, MAJORS))} | Schema | What it does not do as hosted |"
    yield "| --- |" + " --- |" * (len(MAJORS) + 2)
    for name in every_extension():
        states = [state_of(name, major) for major in MAJORS]
        yield f"| `{name}` | {' | '.join(states)} | {describe_schema(name)} | {describe_lack(name)} |"


def describe_schema(name: str) -> str:
    """Return the schema that the extension's control file fixes, if it is a stand-in."""
    schema = STAND_INS[name].schema if name in STAND_INS else None
    return f"`{schema}`" if schema else ""


def describe_lack(name: str) -> str:
    """Return what a stand-in simplifies, or why an extension is absent."""
    if name in STAND_INS:
        return STAND_INS[name].simplified
    return f"It can't be faked: {ABSENT[name]}." if name in ABSENT else ""
