"""Where an alert's runbook_url leads: to a heading of a file in the project, or to a page of a site that the project trusts."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.core.errors import TargetError, WebError
from lib.core.pack_files import read_text_file
from lib.core.wording import plain_text
from lib.display.markdown import heading_anchors
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Question, Site

LONGEST_RUNBOOK_BYTES = 1024 * 1024
IN_REPOSITORY = re.compile(r"/(?:blob|tree|src)/[^/]+/(?P<path>.+)$")
RETRY = RetryPolicy(attempts=1, timeout_s=5, deadline_s=6, max_body_bytes=5_000_000, max_retry_after_s=0)
"""Each page is asked for once: a site that does not answer makes a runbook unchecked, not missing."""
GONE = frozenset({404, 410})
CONCURRENCY = 8
NOT_CHECKED = "not checked"


def find_runbook(pack: Path, url: str) -> str:
    """Return what is wrong with where a runbook_url leads, or '' when file and heading are in the pack.

    url: a path in the pack, or the address of a file on a forge (`.../blob/<ref>/<path>#<heading>`).
    """
    if not url.strip():
        return "it has no runbook_url"
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{plain_text(url, limit=200)} is not an address"
    match = IN_REPOSITORY.search(parts.path)
    if parts.scheme and not match:
        return f"{url} is neither the address of a file in a repository nor on a site of alerts.runbook_sites"
    named = unquote(match["path"] if match else parts.path)
    path = Path(os.path.normpath(pack / named)) if "\0" not in named else pack
    if not named or path == pack or not path.is_relative_to(pack) or not os.path.lexists(path):
        return f"there is no file {named or url} in the pack"
    try:
        text = read_text_file(path, root=pack, limit_bytes=LONGEST_RUNBOOK_BYTES)
    except TargetError as exc:
        return exc.message.rstrip(".")
    if not parts.fragment:
        return f"the address names no heading of {named}"
    if unquote(parts.fragment) not in heading_anchors(text):
        return f"{named} has no heading #{parts.fragment}"
    return ""


def is_on_site(url: str, sites: Iterable[str]) -> bool:
    """Return whether an address is under one of these sites: the same scheme, host and port, and a path below theirs."""
    try:
        asked = urlsplit(url)
        known = [urlsplit(site) for site in sites]
    except ValueError:
        return False
    return any(
        asked.scheme in ("http", "https")
        and (asked.scheme, asked.netloc.lower()) == (site.scheme, site.netloc.lower())
        and "/../" not in unquote(asked.path) + "/"
        and (asked.path.rstrip("/") + "/").startswith(site.path.rstrip("/") + "/")
        for site in known
    )


def ask_sites(urls: Collection[str]) -> dict[str, str]:
    """Return for each address on a site what is wrong with it: '' where it answers, NOT_CHECKED where nobody can know.

    A page that is gone is wrong. Any other answer, or none, says nothing of the page: sites ask for a login, or are not
    reached from here. An address that Prometheus completes ({{ ... }}) is not asked for.
    """
    found = dict.fromkeys(urls, NOT_CHECKED)
    pages: dict[str, list[str]] = {}
    for url in urls:
        if "{{" not in url:
            pages.setdefault(url.partition("#")[0], []).append(url)
    hosts: dict[str, list[str]] = {}
    for page in pages:
        parts = urlsplit(page)
        hosts.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(page)
    for host, some in hosts.items():
        for page, status in ask_pages(host, some).items():
            for url in pages[page]:
                found[url] = name_status(url, status)
    return found


def ask_pages(host: str, pages: Collection[str]) -> Mapping[str, int | None]:
    """Return each page's HTTP status, None where no answer came."""
    try:
        site = Site(name=host, base_url=host, retry=RETRY)
        questions = [Question(name=page, path=page[len(host) :] or "/", shows_credentials=False) for page in pages]
        answers = ask(site, questions, concurrency=CONCURRENCY)
    except WebError:
        return dict.fromkeys(pages)
    return {page: answer.status for page, answer in zip(pages, answers, strict=True)}


def name_status(url: str, status: int | None) -> str:
    """Return what an answer says of a page."""
    if status in GONE:
        return f"{url} answered HTTP {status}"
    return "" if status is not None and 200 <= status < 300 else NOT_CHECKED
