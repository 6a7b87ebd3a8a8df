"""Markdown of notebooks as safe HTML: headings fitted into the page, raw HTML escaped, no pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import mistune
from markupsafe import Markup, escape

from lib.core.wording import plain_text

LONGEST_PROSE = 40_000
"""Characters of one markdown cell."""
LINK = re.compile(r"(?:https?://|mailto:|[\w./#?=&%+~-]+$)", re.I)
"""Addresses that may be followed: the web, mail, and files of the run."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """One heading of the notebook, with the name its place on the page goes by."""

    level: int
    text: str
    slug: str


def render_prose(source: str, slugs: set[str], *, drop_title: bool = False) -> tuple[Markup, list[Heading]]:
    """Return markdown as HTML with its headings.

    slugs: names taken on the page so far; added to.
    drop_title: leave out the first `#` heading, which the page shows as its own title.
    """
    renderer = PageRenderer(slugs, drop_title=drop_title)
    render = mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])
    return Markup(str(render(plain_text(source, limit=LONGEST_PROSE)))), renderer.headings


class PageRenderer(mistune.HTMLRenderer):
    """mistune's own renderer with headings below the page's, and without pictures and foreign addresses."""

    def __init__(self, slugs: set[str], *, drop_title: bool) -> None:
        super().__init__(escape=True)
        self.slugs, self.drop_title = slugs, drop_title
        self.headings: list[Heading] = []

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        plain = Markup(text).striptags()
        if level == 1 and self.drop_title:
            self.drop_title = False
            self.headings.append(Heading(level=1, text=plain, slug=""))
            return ""
        heading = Heading(level=max(level, 2), text=plain, slug=self._new_slug(plain))
        self.headings.append(heading)
        depth = min(heading.level + 1, 6)
        return f'<h{depth} id="{heading.slug}">{text}</h{depth}>\n'

    def _new_slug(self, text: str) -> str:
        stem = "s-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50] or "part")
        slug, number = stem, 2
        while slug in self.slugs:
            slug, number = f"{stem}-{number}", number + 1
        self.slugs.add(slug)
        return slug

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not LINK.match(url) or "%5C" in url.upper() or "\\" in url:  # an address that hides something is no link
            return text
        return f'<a href="{escape(url)}" rel="noopener noreferrer">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return f"<em>{text}</em>"

    def block_code(self, code: str, info: str | None = None) -> str:
        return f'<pre tabindex="0"><code>{escape(code)}</code></pre>\n'

    # mistune's table plugin prefers these two over its own.
    def table(self, text: str) -> str:
        return f'<div class="scroll" role="group" tabindex="0" aria-label="Table"><table>{text}</table></div>\n'

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        return f'<th scope="col">{text}</th>' if head else f"<td>{text}</td>"
