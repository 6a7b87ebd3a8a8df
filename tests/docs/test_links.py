"""Every link between pages leads to a page and a heading that are there, and the site's menu has every page once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.core.paths import ROOT
from tests.docs.pages import DOCS, PAGES, name_of, text_without_code

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def slug(heading: str) -> str:
    """Return a heading's anchor, as both GitHub and MkDocs spell it."""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[\s]", "-", re.sub(r"[^\w\s-]", "", words).strip())


def find_broken(page: Path) -> list[str]:
    """Return each link of a page that leads nowhere, or to another page's missing heading."""
    broken = []
    for link in LINK.findall(text_without_code(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in map(slug, HEADING.findall(text_without_code(target)))):
            broken.append(link)
    return broken


def menu_files(entries: list[Any]) -> list[str]:
    """Return the pages of a menu, in its order."""
    found: list[str] = []
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += menu_files(value) if isinstance(value, list) else [value]
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert find_broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A b!\n[one](a.md#a-b) [two](#a-c) [three](b.md) [four](https://example.com/x)\n")
    assert find_broken(tmp_path / "a.md") == ["#a-c", "b.md"]


def test_the_menu_has_every_page_once() -> None:
    menu = menu_files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    there = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] != "archive"]
    assert sorted(menu) == sorted(there)


def test_the_site_is_built_strictly_and_asks_no_other_host_for_fonts() -> None:
    said = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert (said["strict"], said["theme"]["font"], said["plugins"]) == (True, False, ["search"])
    assert {said["validation"][name] for name in ("not_found", "anchors", "absolute_links", "unrecognized_links")} == {"warn"}


def test_the_readme_is_short_and_its_picture_small() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert 10_000 < (DOCS / "img" / "front-page.png").stat().st_size < 150_000
