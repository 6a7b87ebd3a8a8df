"""The page about the embedded platform, docs/embedded-platform.md: what people wrote, with its generated tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lib.cli import list_extensions
from lib.core.paths import ROOT
from lib.embedded.postgres.platform_objects import ABSENT, list_objects

FILE = "docs/embedded-platform.md"

BEGIN = "<!-- objects: written by `python -m lib list --write` -->\n"
END = "<!-- objects: end -->\n"


def describe_platform() -> str:
    """Return the page as it should be: what people wrote, with each table between its two marks."""
    text = (ROOT / FILE).read_text(encoding="utf-8")
    text = with_table(text, BEGIN, END, object_lines())
    return with_table(text, list_extensions.BEGIN, list_extensions.END, list_extensions.table_lines())


def with_table(text: str, begin: str, end: str, lines: Iterable[str]) -> str:
    """Return the page with these lines between two of its marks."""
    before, _, rest = text.partition(begin)
    return "\n".join([f"{before}{begin}", *lines, "", f"{end}{rest.partition(end)[2]}"])


def object_lines() -> Iterator[str]:
    """Yield the table's lines: each object of the platform's schemas and how it is there, then what is not there."""
    yield "| Object | Kind | Here |"
    yield "| --- | --- | --- |"
    for one in list_objects():
        yield f"| `{one.name}` | {one.kind} | {one.state} |"
    for what, why in ABSENT.items():
        yield f"| {what} | | absent: {why} |"
