"""What no server should send gets a word of its own, in time, and nothing of it is kept that could fill a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import pytest

from lib.transport import traffic
from lib.transport.retry import RetryPolicy
from lib.transport.traffic import Stream, fetch_json
from lib.transport.web import LONGEST_HEADER, ask
from lib.transport.web_types import Failure, Question, Site
from tests.resilience.hostile import GOOD, Server, head, send, serve, whole, wire_cases

RETRY = RetryPolicy(attempts=2, timeout_s=0.3, deadline_s=0.6, max_body_bytes=1_000_000, max_retry_after_s=0.3)
cases = cache(wire_cases)
"""Made when the first test asks for one, and not in every worker that only lists its tests: half a gigabyte is packed."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as one:
        one.answers.update(enumerate(cases().values()))
        yield one


def address(server: Server, case: str) -> str:
    return f"http://127.0.0.1:{server.port}/case-{list(cases()).index(case)}"


@pytest.mark.parametrize(
    ("case", "failure", "status"),
    [
        ("512 MB in gzip", Failure.TOO_LARGE, 200),
        ("gzip in gzip", Failure.ENCODED, 200),
        ("brotli", Failure.ENCODED, 200),
        ("gzip cut off", Failure.TRUNCATED, 200),
        ("a body without end", Failure.TOO_LARGE, 200),
        ("a body, drop by drop", Failure.TOO_SLOW, 200),
        ("chunks of one byte", Failure.TOO_SLOW, 200),
        ("a chunk without a size", Failure.TRUNCATED, 200),
        ("too long a length", Failure.TOO_SLOW, 200),
        ("100 without end", Failure.NO_ANSWER, None),
        ("headers without end", Failure.NOT_HTTP, None),
        ("HTTP/0.9", Failure.DISCONNECTED, None),
        ("SSH", Failure.NO_ANSWER, None),
        ("zeros", Failure.NOT_HTTP, None),
        ("nothing at all", Failure.DISCONNECTED, None),
        ("304 without a location", None, 304),
        ("302 without a location", None, 302),
        ("302 to itself", Failure.REDIRECTED, 302),
        ("302 to a host of 60 KB", Failure.REDIRECTED, 302),
        ("429, retry after 1e400", None, 429),
        ("429, retry in the year 99999", None, 429),
        ("999", None, 999),
    ],
)
def test_each_has_its_own_word(server: Server, case: str, failure: Failure | None, status: int | None) -> None:
    site = Site(name="x", base_url=address(server, case), retry=RETRY)
    [answer] = ask(site, [Question(name="q", path="/q")], concurrency=1)
    if case == "chunks of one byte" and answer.failure is Failure.TOO_LARGE:
        return  # a fast machine reads the whole megabyte in time
    assert (answer.failure, answer.status) == (failure, status)
    assert len(answer.location or "") <= LONGEST_HEADER + 100


def test_what_is_not_sent_in_time_says_so(server: Server) -> None:
    site = Site(name="x", base_url=address(server, "silence"), retry=RETRY)
    answers = ask(site, [Question(name="q", path="/q")] * 50, concurrency=2, within_s=0.5)
    found = [answer.failure for answer in answers]
    assert set(found) == {Failure.NO_ANSWER, Failure.NOT_SENT}
    assert [answer.tried for answer in answers if answer.failure is Failure.NOT_SENT][-1] == 0


def test_no_cookie_is_taken() -> None:
    with serve() as one:
        one.answers[0] = whole(GOOD, "200 OK", "set-cookie: session=mine; path=/")
        site = Site(name="x", base_url=f"http://127.0.0.1:{one.port}/case-0", retry=RETRY)
        assert all(answer.is_whole for answer in ask(site, [Question(name="q", path="/q")] * 3, concurrency=1))
        assert [b"cookie" in asked.lower() for asked in one.asked] == [False] * 3


def test_headers_are_kept_in_part() -> None:
    with serve() as one:
        one.answers[0] = send(head("200 OK", "x-request-id: " + "r" * 60_000, length=2), b"{}")
        site = Site(name="x", base_url=f"http://127.0.0.1:{one.port}/case-0", retry=RETRY)
        [answer] = ask(site, [Question(name="q", path="/q")], concurrency=1)
    assert len(answer.headers["x-request-id"]) == LONGEST_HEADER


@pytest.mark.parametrize("case", ["a body, drop by drop", "512 MB in gzip", "103 slowly without end", "302 to nonsense", "zeros"])
def test_a_stream_ends_whatever_its_answers_are(server: Server, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "GIVE_UP_S", 0.3)
    with Stream(address(server, case), ["/a"], per_second=100) as stream:
        while len(stream.samples) < 3:
            time.sleep(0.01)
    assert not any(sample.is_good for sample in stream.samples)
    assert fetch_json(f"{address(server, case)}/a")[1] is None
