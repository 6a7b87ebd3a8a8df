"""The door to the web for a steady stream of requests: sent by the clock, whether the one before was answered or not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from lib.core.background import Background
from lib.core.plain_json import load_json
from lib.transport.bodies import BodyError, read_body
from lib.transport.web import HEADERS, open_client

GIVE_UP_S = 5.0
"""Seconds after which a user has gone away, so that the request counts as lost, however much of the answer came."""
MAX_BODY_BYTES = 1_000_000
"""A longer answer counts as lost: many are under way at once."""
LONGEST_VERSION = 100
"""Characters kept of a version, with each of thousands of answers."""
LOST = (httpx.HTTPError, httpx.InvalidURL, BodyError, TimeoutError, OSError)
"""What a request that nobody answered well ends with."""


class Sample(NamedTuple):
    """One request of a stream. sent_at: seconds since the stream began; status 0: no answer came."""

    sent_at: float
    path: str
    status: int
    took_ms: float
    version: str

    @property
    def is_good(self) -> bool:
        return self.status == 200


class Stream:
    """A stream of GET requests to one site, from `with` until its end; `samples` grows meanwhile."""

    def __init__(self, url: str, paths: Sequence[str], *, per_second: float) -> None:
        self.url = url.rstrip("/")
        self.paths = list(paths)
        self.interval_s = 1 / per_second
        self.samples: list[Sample] = []
        self.started = time.monotonic()
        self._ended = threading.Event()
        self._thread = Background(lambda: asyncio.run(self._send_all()), name="traffic")

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """Send no more, and return when every answer is in or given up. Raises what broke the stream."""
        self._ended.set()
        self._thread.finish()

    def now(self) -> float:
        """Return the seconds since the stream began."""
        return time.monotonic() - self.started

    async def _send_all(self) -> None:
        client = open_client(self.url, timeout_s=GIVE_UP_S, connections=None)
        async with client, asyncio.TaskGroup() as group:
            number = 0
            while not self._ended.is_set():
                await asyncio.sleep(max(0.0, number * self.interval_s - self.now()))
                group.create_task(self._send(client, self.paths[number % len(self.paths)]))
                number += 1

    async def _send(self, client: httpx.AsyncClient, path: str) -> None:
        sent_at, status, version = self.now(), 0, ""
        try:
            status, body = await fetch(client, self.url + path)
            version = version_in(body)
        except LOST:
            pass  # a lost request, which is what the stream is there to count
        self.samples.append(Sample(sent_at, path, status, (self.now() - sent_at) * 1000, version))


async def fetch(client: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
    """Return the status and body of one GET. Raises one of LOST when no whole answer came in time."""
    async with asyncio.timeout(GIVE_UP_S), client.stream("GET", url, headers=HEADERS) as response:
        encoding = response.headers.get("content-encoding", "")
        return response.status_code, await read_body(response.aiter_raw(), encoding, limit=MAX_BODY_BYTES)


def version_in(body: bytes) -> str:
    """Return the version that an answer names, cut, or ''."""
    try:
        said = load_json(body)
    except ValueError:
        return ""
    return str(said.get("version", ""))[:LONGEST_VERSION] if isinstance(said, dict) else ""


def fetch_json(url: str) -> tuple[int, object]:
    """Return the status of one GET and its JSON body; status 0 without a whole answer, None for a body that is no JSON.

    May be called where an event loop runs already.
    """

    async def once() -> tuple[int, bytes]:
        async with open_client(url, timeout_s=GIVE_UP_S, connections=1) as client:
            return await fetch(client, url)

    try:
        with ThreadPoolExecutor(max_workers=1) as executor:
            status, body = executor.submit(lambda: asyncio.run(once())).result()
    except LOST:
        return 0, None
    try:
        return status, load_json(body)
    except ValueError:
        return status, None
