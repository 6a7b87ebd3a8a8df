"""What is asked of a web service and what can come back: the vocabulary of `lib.transport.web`, without a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from lib.core.errors import WebError
from lib.core.plain_json import load_json
from lib.transport.retry import Limit, RetryPolicy
from lib.transport.tls import is_this_machine


class Failure(StrEnum):
    """Why an answer can't be judged by its body. The first group: no HTTP answer came at all."""

    NAME_NOT_FOUND = "name not found"
    REFUSED = "connection refused"
    CERTIFICATE = "certificate not trusted"
    TLS = "TLS failed"
    NO_ANSWER = "no answer in time"
    DISCONNECTED = "disconnected without an answer"
    NOT_HTTP = "answer is not HTTP"
    UNREACHABLE = "not reachable"
    RATE_LIMITED = "not sent, our request limit was reached"
    NOT_SENT = "not sent, the time for all requests was over"
    # They answered, but not with a whole answer of their own.
    TOO_SLOW = "answer too slow"
    TRUNCATED = "answer broken off"
    TOO_LARGE = "answer too large"
    ENCODED = "answer in an encoding that was not asked for"
    REDIRECTED = "redirected elsewhere"

    @property
    def was_answered(self) -> bool:
        return self in (Failure.TOO_SLOW, Failure.TRUNCATED, Failure.TOO_LARGE, Failure.ENCODED, Failure.REDIRECTED)


RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
RETRIED_FAILURES = frozenset(Failure) - {
    Failure.CERTIFICATE,
    Failure.TLS,
    Failure.RATE_LIMITED,
    Failure.NOT_SENT,
    Failure.TOO_LARGE,
    Failure.ENCODED,
    Failure.REDIRECTED,
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """One web service: its base address, what opens it, and how patient we are with it.

    headers: sent with every question that shows credentials; never printed.
    limit: shared by all questions to the site, in one run.
    Raises WebError when the address can't be used safely.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry: RetryPolicy
    limit: Limit | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WebError(f"The address of {self.name} is no web address.", fix="Set it to one like https://host.")
        if parts.scheme == "http" and not is_this_machine(parts.hostname):
            raise WebError(
                f"The address of {self.name} ({parts.hostname}) has no TLS, and credentials would travel in the clear.",
                fix="Set an https:// address.",
            )

    def url(self, path: str) -> str:
        return self.base_url.rstrip("/") + "/" + path.lstrip("/")


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request: its name in results, the path below the site's address, and whether credentials are shown."""

    name: str
    path: str
    method: str = "GET"
    json: Any = None
    shows_credentials: bool = True


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: of the last try, when there were several.

    status: None when no HTTP answer came. elapsed_ms: of the last try, to the last byte.
    tried: how often it was asked. location: scheme and host of a redirect that was not followed.
    """

    question: Question
    asked_at: datetime
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    elapsed_ms: float = 0.0
    tried: int = 1
    failure: Failure | None = None
    location: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a complete 2xx answer came."""
        return self.failure is None and self.status is not None and 200 <= self.status < 300

    @cached_property
    def json_problem(self) -> str:
        """Why its body is no JSON that can be taken; '' when it is. Found out once: samples are judged many times."""
        try:
            read_json(self.body)
        except ValueError as exc:
            return str(exc)
        return ""


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what two addresses must share for credentials to go from one to the other.

    Raises ValueError for what is no address.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def read_number(text: str | None) -> int | None:
    """Return a header's whole number, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def read_json(body: bytes) -> Any:
    """Return a body as JSON. Raises ValueError for anything else, and beyond the limits of `lib.core.plain_json`."""
    return load_json(body)
