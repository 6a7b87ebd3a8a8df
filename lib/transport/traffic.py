"""The door to the web for a steady stream of requests: sent by the clock, whether the one before was answered or not."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from lib.core.background import Background

GIVE_UP_S = 5.0
"""Seconds after which a user has gone away, so that the request counts as lost."""


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
        room = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        async with httpx.AsyncClient(timeout=GIVE_UP_S, limits=room, trust_env=False) as client, asyncio.TaskGroup() as group:
            number = 0
            while not self._ended.is_set():
                await asyncio.sleep(max(0.0, number * self.interval_s - self.now()))
                group.create_task(self._send(client, self.paths[number % len(self.paths)]))
                number += 1

    async def _send(self, client: httpx.AsyncClient, path: str) -> None:
        sent_at, status, version = self.now(), 0, ""
        try:
            answer = await client.get(self.url + path)
            status, version = answer.status_code, version_in(answer.content)
        except httpx.HTTPError:
            pass  # a lost request, which is what the stream is there to count
        self.samples.append(Sample(sent_at, path, status, (self.now() - sent_at) * 1000, version))


def version_in(body: bytes) -> str:
    """Return the version that an answer names, or ''."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    return str(said.get("version", "")) if isinstance(said, dict) else ""


def fetch_json(url: str) -> tuple[int, object]:
    """Return the status of one GET and its JSON body; status 0 without an answer, None for a body that is no JSON."""
    try:
        answer = httpx.get(url, timeout=GIVE_UP_S, trust_env=False)
    except httpx.HTTPError:
        return 0, None
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, None
