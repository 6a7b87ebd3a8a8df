"""A runbook is a heading in the project, or a page of a site that the project trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus.runbooks import NOT_CHECKED, ask_sites, find_mixed_up, find_runbook, is_on_site
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
    (tmp_path / "docs/a.md").write_text("# One\nLook.\n")
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


SECTIONS = "# Alerts\n\n## Slow\n\nSlow fires.\n\n### Why\n\nLoad.\n\n## Failing\n\n`Failing` fires, as Slow does.\n"


@pytest.mark.parametrize(
    ("text", "is_empty"),
    [
        ("## One\n\n## Two\n\nMore\n", True),
        ("## One\nTODO\n\n## Two\nMore\n", True),
        ("## One\n### Deeper\n\n## Two\nMore\n", True),
        ("## One\n### Deeper\nLook.\n", False),
        ("## One\n```sh\n# look\n```\n", False),
        ("## One\n- [ ] TODO list is in the board\n", False),
    ],
)
def test_a_section_that_says_nothing_is_no_runbook(tmp_path: Path, text: str, is_empty: bool) -> None:
    (tmp_path / "a.md").write_text(text)
    assert find_runbook(tmp_path, "a.md#one") == ("the section #one of a.md is empty" if is_empty else "")


@pytest.mark.parametrize(
    ("urls", "wrong"),
    [
        ({"Slow": "a.md#slow", "Failing": "a.md#failing"}, {}),
        ({"Slow": "a.md#slow", "Failing": "a.md#slow"}, {"Failing": "#slow is about Slow; #failing names this alert"}),
        ({"Slow": "a.md#slow", "Other": "a.md#slow"}, {}),  # nothing else is about it: they share one
        ({"Slow": "a.md#failing", "Failing": "a.md#failing"}, {}),  # that section names both
    ],
)
def test_a_section_of_another_alert(tmp_path: Path, urls: dict[str, str], wrong: dict[str, str]) -> None:
    (tmp_path / "a.md").write_text(SECTIONS.replace("# Alerts\n\n", ""))
    assert find_mixed_up(tmp_path, urls) == wrong


def test_a_runbook_in_another_repository(tmp_path: Path) -> None:
    here, there = "https://github.com/x/y/blob/main/a.md#a", "https://github.com/x/z/blob/main/a.md#a"
    assert find_mixed_up(tmp_path, {"A": here, "B": here}) == {}
    assert find_mixed_up(tmp_path, {"A": here, "B": "a.md#b"}) == {}
    assert set(find_mixed_up(tmp_path, {"A": here, "B": here, "C": there})) == {"C"}
    assert set(find_mixed_up(tmp_path, {"A": here, "B": there})) == {"A", "B"}
