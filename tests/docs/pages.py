"""The documentation as the tests read it: each page of Markdown, its code apart from its text."""

from __future__ import annotations

import re
from pathlib import Path

from lib.core.paths import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
FENCE = re.compile(r"^( *)```[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
COMMENTED = re.compile(r"^<!-- (\w+)(?:: (\S+))? -->\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A block of code whose comment says what it is: run, output, file, replace; and of which file."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_without_code(path: Path) -> str:
    """Return a page's text without its blocks of code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def code_of(path: Path) -> str:
    """Return a page's code, in blocks and within its sentences, each piece on lines of its own."""
    text = path.read_text(encoding="utf-8")
    return "\n".join([*(block for _, block in FENCE.findall(text)), *INLINE.findall(FENCE.sub("", text))])


def marked_blocks(path: Path) -> list[tuple[str, str, str]]:
    """Return each marked block of a page: what it is, the file it is about or '', its lines."""
    return [match.groups(default="") for match in COMMENTED.finditer(path.read_text(encoding="utf-8"))]
