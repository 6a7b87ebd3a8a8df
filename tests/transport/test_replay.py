"""A replayed site answers as it did, once asked; with one answer changed for as long as it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from lib.transport.replay import Recorded, as_it_was, replaying


class Site(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        Site.seen.append((self.path, self.headers.get("authorization", "")))
        self.send_response(404 if self.path.endswith("/gone") else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"n": %d}' % len(Site.seen))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    Site.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/base"
    server.shutdown()
    server.server_close()


def get(url: str, token: str = "") -> httpx.Response:
    return httpx.get(url, headers={"authorization": token} if token else {}, trust_env=False)


def test_an_answer_is_asked_for_once_and_kept_as_it_was(site: str) -> None:
    with replaying(site) as (url, _):
        assert url.endswith("/base")
        assert [get(f"{url}/a").json(), get(f"{url}/a").json()] == [{"n": 1}, {"n": 1}]
        assert get(f"{url}/gone").status_code == 404
        assert get(f"{url}/a", "Bearer x").json() == {"n": 3}
    assert Site.seen == [("/base/a", ""), ("/base/gone", ""), ("/base/a", "Bearer x")]


def test_an_answer_is_changed_for_as_long_as_it_is(site: str) -> None:
    with replaying(site) as (url, replay):
        replay.alter = lambda path, answer: replace(answer, status=500) if path.endswith("/a") else answer
        assert (get(f"{url}/a").status_code, get(f"{url}/b").status_code) == (500, 200)
        replay.alter = as_it_was
        assert get(f"{url}/a").status_code == 200


def test_a_site_that_is_away_is_a_bad_gateway() -> None:
    with replaying("http://127.0.0.1:1") as (url, replay):
        assert get(f"{url}/a").status_code == 502
        assert replay.recorded == {}
    assert Recorded().status == 200
