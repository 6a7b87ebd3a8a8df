"""How often and how fast a service is asked: bounded retries with jitter, and a limit of requests.

Pure but for the clock handed in; who waits is the door that asks (`lib.transport.web`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

FIRST_PAUSE_S = 0.2
"""Before the second try, at most; each further pause may be twice as long. A restart takes about this."""
LONGEST_PAUSE_S = 5.0
"""No single pause is longer, unless the service itself asked for more."""
LONGEST_RETRY_AFTER = 64
"""Characters: twice as many as a date has."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long one question is pursued.

    attempts: tries of one question, at most.
    timeout_s: longest silence: until connected, and between two pieces of an answer, s.
    deadline_s: from the first try to the last byte, pauses included, s.
    max_body_bytes: a longer body is not read on.
    max_retry_after_s: a longer Retry-After is not waited for.
    """

    attempts: int
    timeout_s: float
    deadline_s: float
    max_body_bytes: int
    max_retry_after_s: float


def pause_before_retry(
    tried: int, *, retry: RetryPolicy, left_s: float, spread: float, retry_after_s: float | None = None
) -> float | None:
    """Return the seconds to wait before the next try, or None when there must not be one.

    tried: tries made so far, from 1. left_s: seconds left until the deadline.
    spread: a random number from 0 to 1, so that many clients don't come back at the same moment.
    retry_after_s: what the service asked for; it is never undercut.
    Source: "Exponential Backoff And Jitter", AWS Architecture Blog (2015), full jitter.
    """
    if tried >= retry.attempts:
        return None
    pause = spread * min(FIRST_PAUSE_S * 2 ** (tried - 1), LONGEST_PAUSE_S)
    if retry_after_s is not None:
        if retry_after_s > retry.max_retry_after_s:
            return None
        pause += retry_after_s
    return pause if pause < left_s else None


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, never negative; None when it says nothing.

    Source: RFC 9110, 10.2.3: a number of seconds, or a date.
    """
    if value is None:
        return None
    text = value.strip()
    if len(text) > LONGEST_RETRY_AFTER:
        return None
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else float("inf")
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - now).total_seconds())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


@dataclass(kw_only=True)
class Limit:
    """At most `requests` in any `window_s` seconds, whoever asks; keeps when it let one through."""

    requests: int
    window_s: float
    sent: deque[float] = field(default_factory=deque)

    def wait_s(self, now: float) -> float:
        """Return the seconds until one more request is allowed; 0 when it is allowed now."""
        while self.sent and self.sent[0] <= now - self.window_s:
            self.sent.popleft()
        if len(self.sent) < self.requests:
            return 0.0
        # The one that must leave the window first, when the limit was lowered below what was sent.
        leaves = self.sent[len(self.sent) - self.requests]
        return max(leaves + self.window_s - now, 1e-6)

    def take(self, now: float) -> None:
        """Count one request as sent now."""
        self.sent.append(now)

    def left(self, now: float) -> int:
        """Return how many requests may be sent at once."""
        return self.requests - len(self.sent) if self.wait_s(now) == 0.0 else 0

    def learn(self, remaining: int | None, now: float) -> None:
        """Take the service's own word for how many are left, when it is fewer than we counted."""
        if remaining is None:
            return
        unseen = self.left(now) - max(0, remaining)
        self.sent.extend([now] * max(0, unseen))

    def left_now(self) -> int:
        """Return how many requests may be sent at this moment."""
        return self.left(monotonic())
