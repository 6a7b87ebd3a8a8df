"""A site's answers once more, from a server on this machine: as they were, or with one of them changed.

What was not asked before is asked of the site itself, once; reads alone are passed on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx

from lib.transport.tls import trusted_context

HOST = "127.0.0.1"
FRESH_S = 30.0
"""Seconds after which a recorded answer is asked for anew: some say what time it is."""
PASSED_ON = ("accept", "api-access-token", "authorization", "publer-workspace-id", "user-agent", "x-github-api-version")
"""Headers of a request that the site gets to see."""
MOST_BYTES = 8_000_000
"""Bytes of one answer that is recorded."""
TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One answer: its status, the headers that matter, and its body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


Alter = Callable[[str, Recorded], Recorded]
"""Changes the answer to a path."""


def as_it_was(path: str, answer: Recorded) -> Recorded:
    """Return the answer itself."""
    return answer


@dataclass(kw_only=True)
class Replay:
    """A site, played from what it answered. alter: what is changed, for the time being."""

    upstream: str
    alter: Alter = as_it_was
    recorded: dict[str, tuple[float, Recorded]] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, path: str, headers: Mapping[str, str]) -> Recorded:
        """Return what the site answers to a GET of a path, changed as asked for. Raises httpx.HTTPError."""
        key = f"{path} {headers.get('authorization', '')}{headers.get('api-access-token', '')}"
        with self.lock:
            at, known = self.recorded.get(key, (0.0, Recorded()))
            if not at or time.monotonic() - at > FRESH_S:
                known = self.fetch(path, headers)
                self.recorded[key] = (time.monotonic(), known)
        return self.alter(path, known)

    def fetch(self, path: str, headers: Mapping[str, str]) -> Recorded:
        """Return what the site itself answers."""
        root = urlsplit(self.upstream)
        given = {name: value for name, value in headers.items() if name in PASSED_ON}
        is_secure = root.scheme == "https"
        with (
            httpx.Client(trust_env=False, timeout=TIMEOUT_S, verify=trusted_context() if is_secure else False) as client,
            client.stream("GET", f"{root.scheme}://{root.netloc}{path}", headers=given) as response,
        ):
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    break
            kept = {name: value for name in ("content-type", "link", "location") if (value := response.headers.get(name))}
            return Recorded(status=response.status_code, body=body, headers=kept)


@contextmanager
def replaying(upstream: str) -> Iterator[tuple[str, Replay]]:
    """Yield the address of a server that plays a site, and what it plays; it ends with the `with`."""
    replay = Replay(upstream=upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                answer = replay.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
            except httpx.HTTPError:
                answer = Recorded(status=502, body=b"{}")
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what is asked may hold a token."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    base = urlsplit(upstream)
    try:
        yield f"http://{HOST}:{server.server_port}{base.path.rstrip('/')}", replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
