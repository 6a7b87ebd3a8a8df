"""Retries end, never undercut what the service asked for, and the limit holds in every window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.transport.retry import LONGEST_PAUSE_S, Limit, RetryPolicy, pause_before_retry, read_retry_after

PATIENCE = RetryPolicy(attempts=3, timeout_s=1, deadline_s=10, max_body_bytes=1000, max_retry_after_s=5)
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
spreads = st.floats(0, 1)
waits = st.one_of(st.none(), st.floats(0, 100))


@given(tried=st.integers(1, 50), attempts=st.integers(1, 10), left_s=st.floats(-5, 60), spread=spreads, asked=waits)
def test_a_pause_ends_before_the_deadline_and_never_undercuts_the_service(
    tried: int, attempts: int, left_s: float, spread: float, asked: float | None
) -> None:
    retry = replace(PATIENCE, attempts=attempts)
    pause = pause_before_retry(tried, retry=retry, left_s=left_s, spread=spread, retry_after_s=asked)
    if pause is None:
        return
    assert tried < attempts
    assert (asked or 0) <= pause < left_s
    assert (asked or 0) <= retry.max_retry_after_s
    assert pause <= (asked or 0) + LONGEST_PAUSE_S


@given(attempts=st.integers(1, 10), spread=spreads)
def test_tries_are_bounded(attempts: int, spread: float) -> None:
    retry = replace(PATIENCE, attempts=attempts)
    made = [n for n in range(1, 100) if pause_before_retry(n, retry=retry, left_s=1e9, spread=spread) is not None]
    assert len(made) == attempts - 1


def test_a_longer_retry_after_than_allowed_is_not_waited_for() -> None:
    assert pause_before_retry(1, retry=PATIENCE, left_s=100, spread=0, retry_after_s=5) == 5
    assert pause_before_retry(1, retry=PATIENCE, left_s=100, spread=0, retry_after_s=6) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3", 3.0), (" 12 ", 12.0), ("99999999999", float("inf")), (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
     (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0), (None, None), ("", None), ("soon", None),
     ("-5", None), ("1.5", None)],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, now=NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_us(text: str) -> None:
    found = read_retry_after(text, now=NOW)
    assert found is None or found >= 0


@given(
    requests=st.integers(1, 8),
    window_s=st.floats(0.5, 50),
    arrivals=st.lists(st.floats(0, 20), max_size=60),
    remaining=st.lists(st.one_of(st.none(), st.integers(0, 10)), max_size=60),
)
def test_no_window_ever_holds_more_requests_than_the_limit(
    requests: int, window_s: float, arrivals: list[float], remaining: list[int | None]
) -> None:
    limit, now, sent = Limit(requests=requests, window_s=window_s), 0.0, []
    for gap, said in zip(arrivals, [*remaining, *[None] * len(arrivals)], strict=False):
        now += gap
        while (wait := limit.wait_s(now)) > 0:
            now += wait
        limit.take(now)
        sent.append(now)
        limit.learn(said, now)
    for one in sent:
        # Half-open: what was sent exactly one window ago has left it.
        assert sum(one - window_s < other <= one for other in sent) <= requests


@given(requests=st.integers(1, 20), taken=st.integers(0, 20), remaining=st.integers(0, 30))
def test_the_services_own_word_only_lowers_what_is_left(requests: int, taken: int, remaining: int) -> None:
    limit = Limit(requests=requests, window_s=10)
    for _ in range(min(taken, requests)):
        limit.take(1.0)
    before = limit.left(1.0)
    limit.learn(remaining, 1.0)
    assert limit.left(1.0) == min(before, remaining)
