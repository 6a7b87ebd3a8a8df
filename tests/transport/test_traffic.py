"""A stream sends by the clock, and counts what was not answered."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from lib.embedded.ports import free_port
from lib.transport.traffic import Stream, fetch_json


class Site(http.server.BaseHTTPRequestHandler):
    """Answers /good with JSON, /text with none, everything else with 503."""

    def do_GET(self) -> None:
        body = b'{"version": "7"}' if self.path == "/good" else b"plain"
        self.send_response(503 if self.path == "/bad" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def collect(url: str, paths: list[str], count: int) -> Stream:
    with Stream(url, paths, per_second=200) as stream:
        while len(stream.samples) < count:
            time.sleep(0.005)
    return stream


def test_requests_go_round_the_endpoints_at_an_even_pace(url: str) -> None:
    samples = sorted(collect(url, ["/good", "/bad"], 20).samples)
    assert {sample.path: sample.status for sample in samples} == {"/good": 200, "/bad": 503}
    assert {sample.version for sample in samples if sample.is_good} == {"7"}
    assert [round(sample.sent_at * 200) for sample in samples[:20]] >= list(range(20))


def test_a_site_that_is_not_there_loses_every_request() -> None:
    assert {sample.status for sample in collect(f"http://127.0.0.1:{free_port()}", ["/"], 3).samples} == {0}


def test_a_body_that_is_no_json_names_no_version(url: str) -> None:
    assert {sample.version for sample in collect(url, ["/text"], 3).samples} == {""}
    assert fetch_json(f"{url}/text") == (200, None)
    assert fetch_json(f"{url}/good") == (200, {"version": "7"})
    assert fetch_json(f"http://127.0.0.1:{free_port()}/") == (0, None)
