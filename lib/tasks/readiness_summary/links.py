"""Where the links of a Markdown document lead: to files that are there, and to headings that these have."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.display.markdown import find_links, heading_anchors, is_in_files, linked_path

ANCHOR = re.compile(r"""\bid=["']([^"']+)["']""")


def broken_links(text: str, folder: Path, *, to_come: Collection[Path] = ()) -> list[str]:
    """Return what is wrong with each link that leads nowhere, none when all is well.

    folder: where the document is. to_come: files that are written with it or after it.
    Addresses on the web are left out: whether they answer is not judged here.
    """
    return [f"{address} {said}" for address in find_links(text) if (said := problem_with(address, text, folder, to_come))]


def problem_with(address: str, text: str, folder: Path, to_come: Collection[Path]) -> str:
    """Return why a link leads nowhere, '' when it leads somewhere."""
    fragment = unquote(urlsplit(address).fragment)
    if not is_in_files(address):
        is_own = address.startswith("#")
        return "names no heading of this document" if is_own and fragment not in heading_anchors(text) else ""
    path = linked_path(address, folder)
    if path in to_come and not path.exists():
        return ""
    if not path.exists():
        return "leads to no file"
    if not fragment:
        return ""
    content = path.read_text(encoding="utf-8", errors="replace")
    anchors = heading_anchors(content) if path.suffix == ".md" else ANCHOR.findall(content)
    return "" if fragment in anchors else f"names no heading of {path.name}"
