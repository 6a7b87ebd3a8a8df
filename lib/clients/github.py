"""The secrets of GitHub Actions: of a repository, or of one of its environments.

Values go in and never come out; what can be read is each one's name and when it was last set.
Source: https://docs.github.com/en/rest/actions/secrets
"""

from __future__ import annotations

import base64
import math
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from lib.core.errors import TargetError, WebError
from lib.core.plain_json import as_count, as_list, as_moment, as_name, as_object
from lib.core.wording import plain_text
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site, read_json

API_VERSION = "2022-11-28"
PER_PAGE = 100
"""The most that GitHub lists at a time; its default is 30."""
MOST_PAGES = 20
LONGEST_VALUE = 48 * 1024
"""Bytes. Source: https://docs.github.com/en/actions/reference/security/secrets"""
MAX_BODY_BYTES = 4_000_000
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What GitHub lets a secret be called. Source: as above, "Naming your secrets"."""
LISTING_TIMEOUTS = 6
"""All pages of a list may take this many times the time of one silence; GitHub keeps 100 secrets in one place: one page."""


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """A repository on GitHub. url: of its API. repository: owner/name. token: never printed."""

    url: str
    repository: str
    timeout_s: float
    token: str = field(repr=False)

    @property
    def site(self) -> Site:
        """The API, with what opens it."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
        }
        retry = RetryPolicy(
            attempts=3,
            timeout_s=self.timeout_s,
            deadline_s=3 * self.timeout_s,
            max_body_bytes=MAX_BODY_BYTES,
            max_retry_after_s=self.timeout_s,
        )
        return Site(name="GitHub", base_url=self.url, headers=headers, retry=retry)

    def secrets_path(self, environment: str | None) -> str:
        """Return where secrets are: an environment's when one is named, else the repository's own."""
        repository = "/".join(quote(part, safe="") for part in self.repository.split("/"))
        where = f"environments/{quote(environment, safe='')}" if environment is not None else "actions"
        return f"/repos/{repository}/{where}/secrets"


@dataclass(frozen=True, kw_only=True)
class GitHubSecret:
    """One secret as GitHub shows it; names are kept in capitals."""

    name: str
    updated_at: datetime


def read_github_secrets(github: GitHub, environment: str | None) -> dict[str, GitHubSecret]:
    """Return every secret by name, page after page. Raises WebError when they cannot all be read."""
    found: dict[str, GitHubSecret] = {}
    ends = time.monotonic() + LISTING_TIMEOUTS * github.timeout_s
    for page in range(1, MOST_PAGES + 1):
        path = f"{github.secrets_path(environment)}?per_page={PER_PAGE}&page={page}"
        said = ask_github(github, Question(name="secrets", path=path), within_s=ends - time.monotonic())
        try:
            listed = [read_secret(one) for one in as_list(as_object(said)["secrets"])]
            total = as_count(said["total_count"])
        except (KeyError, ValueError) as exc:
            raise unreadable("listed secrets", exc) from None
        new = {one.name: one for one in listed if one.name not in found}
        found.update(new)
        if len(found) >= total:
            return found
        if not new:  # an empty page, or one that was there before
            break
    raise WebError(
        f"GitHub counts more secrets than the {len(found)} it listed.", fix="Run again; somebody may be changing them."
    )


def read_secret(one: Any) -> GitHubSecret:
    """Return one secret of an answer. Raises KeyError or ValueError for what is none."""
    name = as_name(as_object(one)["name"])
    if not NAME.fullmatch(name):
        raise ValueError("a name that no secret can have")
    return GitHubSecret(name=name.upper(), updated_at=as_moment(one["updated_at"]))


def unreadable(what: str, exc: KeyError | ValueError) -> WebError:
    """Return the error for an answer of another shape, with the place that is wrong."""
    seen = f"there is no {exc}" if isinstance(exc, KeyError) else str(exc)
    return WebError(f"GitHub {what} in a way that cannot be read: {seen}.", fix="Check the address of its API.")


def read_github_secret(github: GitHub, environment: str | None, name: str) -> GitHubSecret:
    """Return one secret as GitHub shows it. Raises WebError when it is not there."""
    said = ask_github(github, Question(name="secret", path=f"{github.secrets_path(environment)}/{quote(name, safe='')}"))
    try:
        return read_secret(said)
    except (KeyError, ValueError) as exc:
        raise unreadable("described a secret", exc) from None


def set_github_secret(github: GitHub, environment: str | None, name: str, value: str) -> None:
    """Store one value, sealed for the repository's or environment's own key. Raises TargetError, the value nowhere in it."""
    if len(value.encode()) > LONGEST_VALUE:
        raise TargetError(
            f"{name} is longer than the {LONGEST_VALUE // 1024} KB that GitHub keeps.", fix="Keep it elsewhere, and its key here."
        )
    path = github.secrets_path(environment)
    key = ask_github(github, Question(name="public key", path=f"{path}/public-key"))
    body = {"encrypted_value": seal(key, value), "key_id": str(key["key_id"])}
    ask_github(github, Question(name="set", path=f"{path}/{quote(name, safe='')}", method="PUT", json=body), empty=True)


def seal(key: Any, value: str) -> str:
    """Return the value in a box that only the key's owner can open, as base64; different every time."""
    try:
        as_name(as_object(key)["key_id"])
        box = SealedBox(PublicKey(as_name(key["key"]).encode(), Base64Encoder))
        return base64.b64encode(box.encrypt(value.encode())).decode()
    except (KeyError, TypeError, ValueError, CryptoError):
        raise WebError("GitHub gave a public key that cannot be used.", fix="Check the address of its API.") from None


def ask_github(github: GitHub, question: Question, *, empty: bool = False, within_s: float = math.inf) -> Any:
    """Return the JSON of a whole answer; None when an empty one is expected. Raises WebError saying what was seen instead."""
    answer = ask(github.site, [question], concurrency=1, within_s=within_s)[0]
    if not answer.is_whole:
        seen, fix = describe(answer)
        raise WebError(f"GitHub ({github.repository}) did not answer the request for the {question.name}: {seen}.", fix=fix)
    if empty:
        return None
    try:
        return read_json(answer.body)
    except ValueError as exc:
        raise WebError(
            f"GitHub's answer for the {question.name} is not JSON: {exc}.", fix="Check the address of its API."
        ) from None


def describe(answer: Answer) -> tuple[str, str]:
    """Return what came instead of an answer, and the fix; of GitHub's words only its own short message."""
    if answer.failure is not None:
        return answer.failure.value, "Check the address of its API and the network."
    try:
        said = plain_text(as_name(as_object(read_json(answer.body))["message"], longest=MAX_BODY_BYTES), limit=80)
    except (ValueError, KeyError):
        said = "no reason given"
    fixes = {
        401: "Renew the token.",
        403: "Let the token read and write secrets and environments, or wait for its rate limit.",
        404: "Check credentials.github_repository and github_environment, and that the token may see them.",
    }
    return f"{answer.status} ({said})", fixes.get(answer.status or 0, "Run again.")
