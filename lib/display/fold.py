"""A text too long to read at a glance, as HTML: its head, and the whole behind one key or click, without a script."""

from __future__ import annotations

from html import escape

from lib.core.wording import format_count, plain_text

WHOLE = 8_000
"""Characters of one text that a page holds at most; evidence.jsonl and the artifacts hold more."""
LEEWAY = 1.25
"""A text this much longer than its limit is still shown as it is: folding would save nothing."""


def fold_text(text: str, limit: int) -> str:
    """Return a text as escaped HTML, credentials redacted; beyond the limit its head stands for it, and opens it.

    limit: characters that are shown at once.
    """
    clean = plain_text(text, limit=WHOLE)
    if len(clean) <= limit * LEEWAY:
        return escape(clean)
    head = clean[:limit].rsplit(None, 1)[0] if " " in clean[limit // 2 : limit] else clean[:limit]
    rest = clean[len(head) :]
    return (
        f'<details class="cut"><summary><span>{escape(head)}</span> '
        f"<small>… open {format_count(len(rest.strip()), 'more character')}</small></summary>{escape(rest.strip())}</details>"
    )
