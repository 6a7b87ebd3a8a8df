"""Hooks of MkDocs: a strict build fails of a page that would load something from another host; the search has a name."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|srcset|data)=[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon|dns-prefetch))[^>]*?\bhref=[\"']?(?:https?:)?//[^\"'\s>]+",
    re.IGNORECASE,
)
"""A tag that loads what it names."""
IN_STYLE = re.compile(r"(?:@import\s+|url\()\s*[\"']?(?:https?:)?//[^\"')\s]+", re.IGNORECASE)
"""What a style loads."""
log = logging.getLogger("mkdocs.hooks")
SEARCH = 'data-md-component="search" role="dialog"'
"""The theme's search, which has no name for those who can't see it."""


def on_post_page(output: str, **_: Any) -> str:
    """Return a built page with its search named."""
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"')


def find_foreign(text: str) -> list[str]:
    """Return what a page or a style would load from another host."""
    return [match.group(0) for pattern in (LOADED, IN_STYLE) for match in pattern.finditer(text)]


def on_post_build(*, config: Any, **_: Any) -> None:
    """Look through every page and style that was built. config: MkDocs's own."""
    site = Path(config["site_dir"])
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        for found in find_foreign(path.read_text(encoding="utf-8")):
            log.warning("%s would load from another host: %s", path.relative_to(site), found[:200])
