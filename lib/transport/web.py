"""The door to the web: ask one site some questions, bounded in every direction, and say what came back.

Nothing here raises for a sick site: an Answer says what was seen. TLS is always verified, and required
off this machine; a redirect to anywhere but the same origin is reported and not followed, since the
credentials would go along. Proxies of the environment are not used: they would answer for the site.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urljoin

import httpx

from lib.core.wording import plain_text
from lib.transport.bodies import BodyError, Room, read_body
from lib.transport.retry import pause_before_retry, read_retry_after
from lib.transport.tls import trusted_context
from lib.transport.web_types import RETRIED_FAILURES, RETRIED_STATUSES, Answer, Failure, Question, Site, origin, read_number

KEPT_HEADERS = (
    "content-type", "content-range", "date", "retry-after", "x-request-id", "x-runtime",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
)  # fmt: skip
"""Headers that matter afterwards. All others are dropped: cookies among them."""
MOST_REDIRECTS = 3
"""Within one origin; an API that needs more of them is misconfigured."""
LONGEST_HEADER = 500
"""Characters kept of one header; a server may send 100 KB of them with each of thousands of answers."""
MOST_BYTES = 200_000_000
"""Bytes that all answers to one call of `ask` may have together, so that no number of them fills the memory."""
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "launch-readiness-workbook"}


class NoCookies(CookieJar):
    """Takes no cookie, so that no answer changes what the next request sends, and none is parsed."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


def ask(site: Site, questions: Sequence[Question], *, concurrency: int, within_s: float = math.inf) -> list[Answer]:
    """Return one answer for each question, in their order, asked over few kept connections.

    concurrency: questions under way at once, at most. within_s: time for all of them; what is not sent by then has the
    failure NOT_SENT. May be called where an event loop runs already.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(lambda: asyncio.run(_ask(site, questions, concurrency, within_s))).result()


async def _ask(site: Site, questions: Sequence[Question], concurrency: int, within_s: float) -> list[Answer]:
    answers: dict[int, Answer] = {}
    waiting = iter(enumerate(questions))
    ends = time.monotonic() + within_s
    room = Room(MOST_BYTES)
    async with open_client(site.base_url, timeout_s=site.retry.timeout_s, connections=concurrency) as client:

        async def work() -> None:
            for place, question in waiting:
                answers[place] = await fetch_with_retry(client, site, question, ends=ends, room=room)

        await asyncio.gather(*(work() for _ in range(min(concurrency, len(questions)))))
    return [answers[place] for place in range(len(questions))]


def open_client(url: str, *, timeout_s: float, connections: int | None) -> httpx.AsyncClient:
    """Return what sends requests to this address and no other: no proxy, no cookie, no redirect followed by itself."""
    # Without TLS there is nobody to verify; an empty context costs nothing.
    context = trusted_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(
        verify=context,
        timeout=httpx.Timeout(timeout_s, pool=None),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections or 20),
        cookies=NoCookies(),
        trust_env=False,
    )


async def fetch_with_retry(client: httpx.AsyncClient, site: Site, question: Question, *, ends: float, room: Room) -> Answer:
    """Return the answer to one question, asked again as retry allows; never later than its deadline.

    ends: when the time for all questions is over, on the monotonic clock. room: for the bodies of all.
    """
    clock, retry = time.monotonic, site.retry
    if clock() >= ends:
        return Answer(question=question, asked_at=datetime.now(UTC), tried=0, failure=Failure.NOT_SENT)
    ends = min(ends, clock() + retry.deadline_s)
    tried = 0
    while True:
        held_s = site.limit.wait_s(clock()) if site.limit else 0.0
        if held_s >= ends - clock():
            return Answer(question=question, asked_at=datetime.now(UTC), tried=tried, failure=Failure.RATE_LIMITED)
        if held_s:
            await asyncio.sleep(held_s)
            continue  # somebody else may have taken the free place meanwhile
        tried += 1
        answer = replace(await Try(client, site, question, room).make(ends - clock()), tried=tried)
        if site.limit:
            site.limit.learn(read_number(answer.headers.get("x-ratelimit-remaining")), clock())
        if question.method != "GET" or not (answer.failure in RETRIED_FAILURES or answer.status in RETRIED_STATUSES):
            return answer
        asked_for = read_retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC))
        pause = pause_before_retry(tried, retry=retry, left_s=ends - clock(), spread=random.random(), retry_after_s=asked_for)
        if pause is None:
            return answer
        await asyncio.sleep(pause)


class Try:
    """One try of one question: what has been seen of its answer so far survives a deadline."""

    def __init__(self, client: httpx.AsyncClient, site: Site, question: Question, room: Room) -> None:
        self.client, self.site, self.room = client, site, room
        self.answer = Answer(question=question, asked_at=datetime.now(UTC))
        self.started = time.perf_counter()

    async def make(self, left_s: float) -> Answer:
        """Return what came back within the seconds left, whatever it was."""
        failure: Failure | None = None
        try:
            async with asyncio.timeout(max(left_s, 0.001)):
                failure = await self.follow()
        except TimeoutError:
            failure = Failure.NO_ANSWER if self.answer.status is None else Failure.TOO_SLOW
        except BodyError as exc:
            failure = exc.failure
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as exc:
            failure = name_failure(exc, answered=self.answer.status is not None)
        return replace(self.answer, failure=failure, elapsed_ms=(time.perf_counter() - self.started) * 1000)

    async def follow(self) -> Failure | None:
        """Read the answer, following redirects within the origin; return what is wrong with it, if anything."""
        url = self.site.url(self.answer.question.path)
        for _ in range(MOST_REDIRECTS + 1):
            if self.site.limit:
                self.site.limit.take(time.monotonic())
            location = await self.read(url)
            if location is None:
                return None
            try:
                target = urljoin(url, location)
                if origin(target) != origin(url):
                    where = "{}://{}".format(*origin(target)[:2])
                    self.answer = replace(self.answer, location=plain_text(where, limit=LONGEST_HEADER))
                    return Failure.REDIRECTED
            except ValueError:
                return Failure.REDIRECTED
            url = target
        return Failure.REDIRECTED

    async def read(self, url: str) -> str | None:
        """Read one response, body bounded; return where it redirects to, if anywhere. Raises BodyError for a bad body."""
        question = self.answer.question
        headers = {**HEADERS, **(self.site.headers if question.shows_credentials else {})}
        async with self.client.stream(question.method, url, headers=headers, json=question.json) as response:
            kept = {name: response.headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in response.headers}
            self.answer = replace(self.answer, status=response.status_code, headers=kept)
            if response.has_redirect_location:
                return response.headers["location"]
            encoding = response.headers.get("content-encoding", "")
            body = await read_body(response.aiter_raw(), encoding, limit=self.site.retry.max_body_bytes, room=self.room)
            self.answer = replace(self.answer, body=body)
        return None


def name_failure(exc: BaseException, *, answered: bool) -> Failure:
    """Return what an exception of the connection means, by what caused it."""
    if answered:
        return Failure.TOO_SLOW if isinstance(exc, httpx.TimeoutException) else Failure.TRUNCATED
    causes = list(causes_of(exc))
    if isinstance(exc, httpx.RemoteProtocolError) and not str(exc).startswith("Server disconnected"):
        return Failure.NOT_HTTP
    for kind, failure in (
        (ssl.SSLCertVerificationError, Failure.CERTIFICATE),
        (ssl.SSLError, Failure.TLS),
        (socket.gaierror, Failure.NAME_NOT_FOUND),
        (ConnectionRefusedError, Failure.REFUSED),
        (httpx.TimeoutException, Failure.NO_ANSWER),
        ((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, ConnectionResetError), Failure.DISCONNECTED),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return failure
    return Failure.UNREACHABLE


def causes_of(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, groups opened."""
    while exc is not None:
        yield exc
        for member in getattr(exc, "exceptions", ()):
            yield from causes_of(member)
        exc = exc.__cause__ or exc.__context__
