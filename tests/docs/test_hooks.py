"""The hook of the site names what a page would load from another host, and nothing that is only linked or local."""

from __future__ import annotations

import importlib.util

import pytest

from tests.docs.pages import DOCS

spec = importlib.util.spec_from_file_location("hooks_of_the_site", DOCS / "hooks.py")
assert spec is not None and spec.loader is not None
hooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hooks)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        "<img alt='x' src='//cdn.example.com/a.png'>",
        "<img src=https://cdn.example.com/a.png>",
        '<link href="https://fonts.example.com/css" rel="stylesheet">',
        '<link rel="preconnect" href="https://fonts.example.com">',
        '<iframe title="x" src="https://video.example.com/1"></iframe>',
        "body { background: url(https://cdn.example.com/a.png) }",
        '@import "https://cdn.example.com/a.css";',
    ],
)
def test_what_would_be_loaded_is_found(text: str) -> None:
    assert len(hooks.find_foreign(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://supabase.com/docs">docs</a>',
        '<script src="assets/a.js"></script>',
        '<link rel="canonical" href="https://example.com/docs/">',
        "a { background: url(data:image/svg+xml;base64,AA) } b { background: url(../a.png) }",
    ],
)
def test_what_is_only_linked_or_local_is_not(text: str) -> None:
    assert hooks.find_foreign(text) == []


def test_the_search_gets_a_name() -> None:
    assert hooks.on_post_page(f"<div {hooks.SEARCH}>").endswith('role="dialog" aria-label="Search">')
