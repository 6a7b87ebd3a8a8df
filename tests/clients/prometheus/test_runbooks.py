"""A runbook is a heading in the project, or a page of a site that the project trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus.runbooks import NOT_CHECKED, ask_sites, find_runbook, is_on_site
from tests.support.small_site import small_site


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("docs/a.md#one", ""),
        ("https://github.com/x/y/blob/main/docs/a.md#one", ""),
        ("docs/a.md#two", "no heading #two"),
        ("docs/a.md", "names no heading"),
        ("docs/b.md#one", "no file docs/b.md"),
        ("https://example.com/runbook", "neither the address of a file"),
        ("", "it has no runbook_url"),
        ("../../etc/passwd#x", "no file"),
    ],
)
def test_a_runbook_leads_to_file_and_heading(tmp_path: Path, url: str, problem: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("# One\n")
    found = find_runbook(tmp_path, url)
    assert problem in found
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    ("url", "site", "is_trusted"),
    [
        ("https://docs.example.com/runbooks/a#b", "https://docs.example.com/runbooks/", True),
        ("https://docs.example.com/runbooks/a", "https://docs.example.com", True),
        ("https://docs.example.com/runbooks", "https://docs.example.com/runbooks/", True),
        ("https://docs.example.com/runbooks-old/a", "https://docs.example.com/runbooks", False),
        ("https://docs.example.com.evil.example/a", "https://docs.example.com", False),
        ("https://user@docs.example.com/a", "https://docs.example.com", False),
        ("http://docs.example.com/a", "https://docs.example.com", False),
        ("https://docs.example.com/runbooks/../a", "https://docs.example.com/runbooks", False),
        ("docs/a.md#b", "https://docs.example.com", False),
        ("https://[", "https://docs.example.com", False),
    ],
)
def test_a_site_is_trusted_by_its_host_and_path(url: str, site: str, is_trusted: bool) -> None:
    assert is_on_site(url, [site]) is is_trusted


def test_a_page_of_a_trusted_site_is_asked_for() -> None:
    with small_site({"/there": 200, "/closed": 401, "/broken": 500}) as base:
        found = ask_sites([f"{base}/there#one", f"{base}/gone#two", f"{base}/closed", f"{base}/broken", f"{base}/{{{{ $x }}}}"])
    assert found == {
        f"{base}/there#one": "",
        f"{base}/gone#two": f"{base}/gone#two answered HTTP 404",
        f"{base}/closed": NOT_CHECKED,
        f"{base}/broken": NOT_CHECKED,
        f"{base}/{{{{ $x }}}}": NOT_CHECKED,
    }


def test_a_site_that_does_not_answer_leaves_its_pages_unchecked() -> None:
    with small_site({}) as base:
        pass
    assert ask_sites([f"{base}/a"]) == {f"{base}/a": NOT_CHECKED}
