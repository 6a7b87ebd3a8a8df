"""Where an alert's runbook_url leads: to a heading of a file in the project, or to a page of a site that the project trusts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lib.core.errors import TargetError, WebError
from lib.core.pack_files import read_text_file
from lib.core.wording import plain_text
from lib.display.markdown import FENCES, HEADING, heading_anchors
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
STANDS_FOR = re.compile(r"^\W*(?:todo|tbd|tba|fixme|to be (?:written|done|defined)|coming soon|lorem ipsum.*)\W*$", re.IGNORECASE)
"""A line that stands where words would."""


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
    section = find_section(text, unquote(parts.fragment))
    return f"the section #{parts.fragment} of {named} is empty" if section is not None and not section.says_anything else ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a runbook: its anchor, its heading's words, and all below it up to the next of its level."""

    anchor: str
    title: str
    body: str

    @property
    def says_anything(self) -> bool:
        """Whether there is more below the heading than headings and words that stand for some."""
        words = [line for line in self.body.splitlines() if not HEADING.match(line) and not STANDS_FOR.match(line)]
        return any(line.strip() for line in words)

    def names(self, alert: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(alert)}(?!\w)", f"{self.title}\n{self.body}") is not None


def read_sections(text: str) -> list[Section]:
    """Return the sections of a file; none where its headings cannot be told from code."""
    lines, places, fence = text.splitlines(), list[int](), ""
    for place, line in enumerate(lines):
        mark = line.strip()[:3]
        if mark in FENCES and (not fence or mark == fence):
            fence = "" if fence else mark
        elif not fence and HEADING.match(line):
            places.append(place)
    anchors = heading_anchors(text)
    if len(anchors) != len(places):
        return []
    levels = [len(lines[place]) - len(lines[place].lstrip("#")) for place in places]
    found = []
    for number, place in enumerate(places):
        after = (
            later for later, level in zip(places[number + 1 :], levels[number + 1 :], strict=True) if level <= levels[number]
        )
        body = "\n".join(lines[place + 1 : next(after, len(lines))])
        found.append(Section(anchor=anchors[number], title=lines[place], body=body))
    return found


def find_section(text: str, anchor: str) -> Section | None:
    """Return the section that an anchor leads to; None where that is not known."""
    return next((one for one in read_sections(text) if one.anchor == anchor), None)


def find_mixed_up(pack: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with runbooks that lead somewhere, but to another alert's section or into another repository.

    urls: alert -> its runbook_url. A section is another alert's when it names other alerts of these, not this one, and another
    section of the file names this one. Several repositories are told apart by their addresses.
    """
    return find_strange_repositories(urls) | find_sections_of_others(pack, urls)


def find_strange_repositories(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the alerts whose runbook is in another repository than most; all of them where none is the usual one."""
    homes = {alert: home for alert, url in urls.items() if (home := home_of(url))}
    counted = Counter(homes.values()).most_common()
    if len(counted) < 2:
        return {}
    usual = counted[0][0] if counted[0][1] > counted[1][1] else ""
    return {
        alert: f"its runbook is in {plain_text(home, limit=120)}, those of others in {plain_text(other, limit=120)}"
        for alert, home in homes.items()
        if home != usual
        for other in [usual or next(one for one in homes.values() if one != home)]
    }


def home_of(url: str) -> str:
    """Return the repository that a forge's address is of; '' for none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    match = IN_REPOSITORY.search(parts.path)
    return f"{parts.netloc}{parts.path[: match.start()]}".lower().removesuffix("/-") if parts.netloc and match else ""


def find_sections_of_others(pack: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """Return the alerts whose runbook leads to the section of another one."""
    found: dict[str, str] = {}
    for alert, url in urls.items():
        path, anchor = file_of(pack, url), unquote(url.partition("#")[2])
        sections = read_sections(read_text_file(path, root=pack, limit_bytes=LONGEST_RUNBOOK_BYTES)) if path else []
        mine = next((one for one in sections if one.anchor == anchor), None)
        if mine is None or mine.names(alert):
            continue
        others = [name for name in urls if name != alert and mine.names(name)]
        own = next((one for one in sections if one.names(alert)), None)
        if others and own is not None:
            found[alert] = f"#{anchor} is about {others[0]}; #{own.anchor} names this alert"
    return found


def file_of(pack: Path, url: str) -> Path | None:
    """Return the file of the project that a runbook_url without a fault leads to."""
    parts = urlsplit(url)
    match = IN_REPOSITORY.search(parts.path)
    path = Path(os.path.normpath(pack / unquote(match["path"] if match else parts.path)))
    return path if path.is_file() and path.is_relative_to(pack) else None


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
