"""JupyterLab in a real browser: it opens at its page, a notebook is opened from there, and a cell shows what it found."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from lib.core.environment import clean
from lib.core.paths import ROOT
from lib.embedded.ports import free_port
from tests.browser.test_pages import CHROMIUM, FLAGS

WAIT_S = 60
CELL = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell"
CELLS_TO_THE_FIRST_LOOK = 6
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: install chromium to run the browser tests")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where `python -m lib lab` can be opened, with nobody's tabs and settings."""
    own = tmp_path_factory.mktemp("lab")
    settings = own / "@jupyterlab" / "docmanager-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"autosave": false}')
    places = {"JUPYTERLAB_WORKSPACES_DIR": str(own), "JUPYTERLAB_SETTINGS_DIR": str(own)}
    variables = {**clean(os.environ), **places}
    port, token = free_port(), secrets.token_hex(8)
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "lib", "lab", "--", *options],
        cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/?token={token}"
    try:
        wait_for(url, lab)
        yield url
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.wait(WAIT_S)


def wait_for(url: str, lab: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=WAIT_S):
                return
        except OSError:
            assert lab.poll() is None and time.monotonic() < until
            time.sleep(0.1)


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(WAIT_S * 1000)
        page.goto(address, wait_until="domcontentloaded")
        yield page
        browser.close()


def test_a_notebook_is_opened_from_the_start_page_and_shows_what_it_found(page: Page) -> None:
    """The guardrails need no database, so their first look comes soon."""
    page.locator(".jp-MarkdownViewer table").first.wait_for()
    page.get_by_role("link", name="09_guardrails").click()
    page.locator(CELL).first.wait_for()
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()
    assert page.locator(".launch-look").count() == 0, "a notebook that nobody ran shows a result"
    page.locator(CELL).first.locator(".jp-InputPrompt").click()
    look = page.locator(".launch-look").first
    for _ in range(CELLS_TO_THE_FIRST_LOOK):
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(200)
    look.wait_for()
    assert "REHEARSAL" in look.inner_text() and "guardrails." in look.inner_text()
    page.wait_for_function("() => !document.querySelector('.jp-CodeCell [role=status]')")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    colour = look.locator(".outcome").first.evaluate("one => getComputedStyle(one).color")
    assert colour in ("rgb(127, 211, 168)", "rgb(255, 157, 148)", "rgb(242, 194, 101)", "rgb(180, 190, 201)")
