"""Where the links of a Markdown document lead: to files that are there, and to headings that these have."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.core.errors import TargetError
from lib.core.pack_files import read_file
from lib.display.markdown import find_links, heading_anchors, is_in_files, linked_path

LONGEST_BYTES = 32 * 1024 * 1024
"""Of a page that a link leads into."""
ANCHOR = re.compile(r"""\bid=["']([^"']+)["']""")


def broken_links(text: str, folder: Path, *, to_come: Collection[Path] = ()) -> list[str]:
    """Return what is wrong with each link that leads nowhere, none when all is well.

    folder: where the document is. to_come: files that are written with it or after it.
    Addresses on the web are left out: whether they answer is not judged here.
    """
    return [f"{address} {said}" for address in find_links(text) if (said := problem_with(address, text, folder, to_come))]


def problem_with(address: str, text: str, folder: Path, to_come: Collection[Path]) -> str:
    """Return why a link leads nowhere, '' when it leads somewhere."""
    try:
        fragment = unquote(urlsplit(address).fragment)
    except ValueError:
        return "is not an address"
    if not is_in_files(address):
        is_own = address.startswith("#")
        return "names no heading of this document" if is_own and fragment not in heading_anchors(text) else ""
    path = linked_path(address, folder)
    if "\0" in str(path) or not os.path.exists(path):  # noqa: PTH110 - a name may be too long to ask about
        return "" if path in to_come else "leads to no file"
    if not fragment:
        return ""
    real = Path(os.path.realpath(path))
    try:
        content = read_file(real, root=real.parent, limit_bytes=LONGEST_BYTES).decode("utf-8", "replace")
    except TargetError as exc:
        return f"can't be followed: {exc.message.rstrip('.')}"
    anchors = heading_anchors(content) if path.suffix == ".md" else ANCHOR.findall(content)
    return "" if fragment in anchors else f"names no heading of {path.name}"
