"""Pages in a real browser: they reach every reader, fetch nothing, and fit a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lib.core.paths import ROOT
from lib.core.verdict import Verdict
from lib.reporters.html.model import FirstScreen, NextStep
from lib.reporters.html.render import render_index, render_task_page
from tests.support import sample_pages as sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = ROOT / ".tools" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"desk": 1280, "phone": 360}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "rules": {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
"""What axe asks: WCAG 2.2 A and AA with its target sizes, best practice, and the contrast of AAA."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: install chromium to run the browser tests")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sample's pages and one of a hostile run."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = "<img src=//evil.example/a.png onerror=alert(1)><script>fetch('//evil.example')</script>" + "x" * 400
    pages = {
        "rls": render_task_page(sample.rls_notebook(), sample.header()),
        "index": render_index(sample.summary_notebook(), sample.summary()),
        "live": render_index(
            None,
            sample.summary(header=sample.header(verdict=Verdict.GO, rehearsed=False, finished=False, checks=()), changes=None),
        ),
        "red": render_index(sample.summary_notebook(), sample.summary(first=sample.first_screen())),
        "blocked": render_index(
            None, sample.summary(header=sample.header(verdict=Verdict.BLOCKED, leaks=("rls.ipynb",)), first=sample.first_screen())
        ),
        "partial": render_index(
            None,
            sample.summary(
                header=sample.header(verdict=Verdict.PARTIAL, partial=True, checks=()),
                first=FirstScreen(next_step=NextStep(words="Run every task:", command="make readiness ENV=local")),
            ),
        ),
        "many": render_task_page(
            None,
            sample.header(
                checks=tuple(
                    sample.row(f"rls.check_{place}", title=f"This is row {place}.", detail=f"{'long ' * 300}the very end")
                    for place in range(30)
                )
            ),
        ),
        "hostile": render_task_page(
            sample.rls_notebook(),
            sample.header(
                title=hostile,
                environment=hostile,
                checks=(sample.row("rls.x", title=hostile, detail=hostile, observed=hostile, expected=[hostile]),),
            ),
        ),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> int:
    return WIDTHS[request.param]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def page(browser: Browser, width: int, scheme: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=False)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["rls", "index", "live", "red", "hostile"])
def test_page_requests_nothing_and_runs_nothing_foreign(page: Page, folder: Path, name: str) -> None:
    requests, dialogs, errors = [], [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: errors.append(str(error)))
    own = (folder / f"{name}.html").as_uri()
    page.goto(own)
    assert [url for url in requests if url != own and not url.startswith("data:")] == []
    assert dialogs == [] and errors == []


@pytest.mark.parametrize("name", ["rls", "index", "live", "red", "blocked", "hostile"])
def test_page_itself_never_scrolls_sideways(page: Page, folder: Path, name: str) -> None:
    page.goto((folder / f"{name}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.parametrize("name", ["rls", "index", "live", "red", "blocked", "partial"])
def test_axe_finds_nothing(page: Page, folder: Path, name: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run make setup")
    page.goto((folder / f"{name}.html").as_uri())
    for fold in page.query_selector_all("details"):
        fold.evaluate("fold => fold.open = true")
    # Evaluated by the browser's debugger, not loaded by the page, so that the page's own policy stays in force.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, rules).then(found => found.violations)", RULES)
    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []


def test_keyboard_reaches_the_results_first(page: Page, folder: Path) -> None:
    page.goto((folder / "rls.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_picture_is_drawn_and_readable(page: Page, folder: Path) -> None:
    page.goto((folder / "rls.html").as_uri())
    picture = page.locator("figure img").first
    assert picture.evaluate("picture => picture.complete && picture.naturalWidth") > 400
    assert picture.bounding_box()["width"] >= picture.evaluate("picture => picture.naturalWidth") - 1


def test_verdict_is_seen_without_scrolling(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    box = page.locator("h1 .verdict").bounding_box()
    assert box["y"] + box["height"] < 400 and box["height"] > 40


def test_first_screen_says_why_and_what_next(page: Page, folder: Path) -> None:
    page.goto((folder / "red.html").as_uri())
    for where in (".causes li >> nth=0", ".sentence"):
        box = page.locator(where).bounding_box()
        assert box["y"] + box["height"] < 800, where
    if page.viewport_size["width"] == WIDTHS["desk"]:
        for where in (".causes li >> nth=1", ".next .command", ".real-key", ".since"):
            box = page.locator(where).bounding_box()
            assert box["y"] + box["height"] < 900, where


def test_rows_sort_and_are_found_by_the_pages_own_script(page: Page, folder: Path) -> None:
    if page.viewport_size["width"] != WIDTHS["desk"]:
        pytest.skip("a phone shows the rows as cards, without heads to sort by")
    page.goto((folder / "index.html").as_uri())
    table = page.locator("table.tasks")
    took = table.locator("th", has_text="Took")
    texts = lambda: [one.split(" ") for one in table.locator("tbody tr td:last-child").all_inner_texts()]  # noqa: E731
    before = texts()
    took.locator("button").click()
    assert took.get_attribute("aria-sort") == "ascending"
    after = texts()
    assert sorted(before) == sorted(after) and after != before
    took.locator("button").click()
    assert texts() == after[::-1]
    page.goto((folder / "many.html").as_uri())
    field = page.locator("input[type=search]").first
    field.fill("row 17.")
    assert page.locator("table.findings tbody tr:visible").count() == 1
    field.fill("")
    assert page.locator("table.findings tbody tr:visible").count() == 30


def test_a_link_to_a_check_leads_to_its_row_and_opens_what_is_folded(page: Page, folder: Path) -> None:
    page.goto((folder / "many.html").as_uri() + "#rls.check_29")
    box = page.locator("[id='rls.check_29']").bounding_box()
    assert 0 <= box["y"] < page.viewport_size["height"]
    folded = page.locator("[id='rls.check_29'] details.cut")
    assert not folded.get_attribute("open")
    folded.locator("summary").click()
    assert page.get_by_text("the very end").first.is_visible()


def test_a_page_says_the_same_without_its_script(browser: Browser, folder: Path) -> None:
    said = []
    for runs in (True, False):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, java_script_enabled=runs)
        page = context.new_page()
        page.goto((folder / "red.html").as_uri())
        said.append(page.locator("main").inner_text().replace("Search these rows", "").split())
        assert page.locator("button.copy").first.is_visible() is runs
        context.close()
    assert said[0] == said[1]
