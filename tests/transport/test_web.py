"""Whatever a site does, an answer comes back in time and says what was seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import WebError
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.publer import Publer
from lib.transport.retry import Limit, RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Failure, Question, Site, read_json

PATIENCE = RetryPolicy(attempts=2, timeout_s=0.3, deadline_s=0.8, max_body_bytes=100_000, max_retry_after_s=2)
HEALTH = Question(name="alive", path="/health", shows_credentials=False)
PROFILE = Question(name="profile", path="/api/v1/profile")


def site(stand_in: Chatwoot, **changes: Any) -> Site:
    facts = {
        "name": "Chatwoot",
        "base_url": stand_in.base_url,
        "headers": {"Api-Access-Token": stand_in.token},
        "retry": PATIENCE,
    }
    return Site(**{**facts, **changes})


@contextmanager
def serve(respond: Any) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the address of a server that answers with `respond`, and the headers of each request it saw."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append(
                {"path": self.path, "peer": str(self.client_address[1]), **{k.lower(): v for k, v in self.headers.items()}}
            )
            status, headers, body = respond(self.path)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("fault", "failure", "status", "tried"),
    [
        ("none", None, 200, 1),
        ("refused", Failure.REFUSED, None, 2),
        ("dns", Failure.NAME_NOT_FOUND, None, 2),
        ("wrong_certificate", Failure.CERTIFICATE, None, 1),
        ("hang_up", Failure.DISCONNECTED, None, 2),
        ("slow", Failure.NO_ANSWER, None, 2),
        ("slow_drip", Failure.TOO_SLOW, 200, 1),
        ("truncated", Failure.TRUNCATED, 200, 2),
        ("reset", Failure.TRUNCATED, 200, 2),
        ("too_large", Failure.TOO_LARGE, 200, 1),
        ("redirect_elsewhere", Failure.REDIRECTED, 302, 1),
        ("expired_token", None, 401, 1),
        ("rate_limited", None, 429, 1),
        ("server_error", None, 500, 2),
    ],
)
def test_each_way_of_failing_has_its_own_word(
    tmp_path: Path, fault: str, failure: Failure | None, status: int | None, tried: int
) -> None:
    with Chatwoot(fault=fault, folder=tmp_path) as stand_in:
        [answer] = ask(site(stand_in), [PROFILE], concurrency=1)
    assert (answer.failure, answer.status, answer.tried) == (failure, status, tried)
    assert answer.failure is None or answer.failure.was_answered == (status is not None)


def test_every_question_ends_within_its_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    for fault in ("slow", "slow_drip"):
        with Chatwoot(fault=fault, folder=tmp_path) as stand_in:
            answers = ask(site(stand_in), [PROFILE] * 4, concurrency=4)
            assert all(answer.failure for answer in answers)
    assert time.monotonic() - began < 30  # both would go on for two minutes


def test_a_short_retry_after_is_waited_for_and_the_second_answer_counts(tmp_path: Path) -> None:
    retry = RetryPolicy(attempts=2, timeout_s=2, deadline_s=5, max_body_bytes=100_000, max_retry_after_s=2)
    with Chatwoot(fault="rate_limited_once", folder=tmp_path) as stand_in:
        began = time.monotonic()
        [answer] = ask(site(stand_in, retry=retry), [PROFILE], concurrency=1)
    assert (answer.status, answer.tried) == (200, 2)
    assert time.monotonic() - began >= 1.0


def test_credentials_are_not_shown_where_none_are_asked_for() -> None:
    with serve(lambda path: (200, {}, b"{}")) as (url, seen):
        one = Site(name="x", base_url=url, headers={"Api-Access-Token": "tok-123456"}, retry=PATIENCE)
        ask(one, [HEALTH, PROFILE], concurrency=1)
    assert [("api-access-token" in request) for request in seen] == [False, True]


def test_a_redirect_to_another_origin_is_not_followed_and_says_where_to() -> None:
    with (
        serve(lambda path: (200, {}, b"{}")) as (other, at_other),
        serve(lambda path: (302, {"location": f"{other}/steal?x=1"}, b"")) as (url, _),
    ):
        [answer] = ask(Site(name="x", base_url=url, headers={"Token": "t"}, retry=PATIENCE), [PROFILE], concurrency=1)
    assert (answer.failure, at_other) == (Failure.REDIRECTED, [])
    assert answer.location == "http://127.0.0.1"


def test_a_redirect_within_the_origin_is_followed() -> None:
    def respond(path: str) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, b'{"ok": 1}') if path == "/new" else (301, {"location": "/new"}, b"")

    with serve(respond) as (url, _):
        [answer] = ask(Site(name="x", base_url=url, retry=PATIENCE), [HEALTH], concurrency=1)
    assert (answer.status, answer.body) == (200, b'{"ok": 1}')


@pytest.mark.parametrize("location", ["http://[", "//", "http://host:99999999/", "\x00"])
def test_a_redirect_to_nonsense_is_reported(location: str) -> None:
    with serve(lambda path: (302, {"location": location}, b"")) as (url, _):
        [answer] = ask(Site(name="x", base_url=url, retry=PATIENCE), [HEALTH], concurrency=1)
    assert answer.failure is not None


def test_connections_are_kept_and_few() -> None:
    with serve(lambda path: (200, {}, b"{}")) as (url, seen):
        ask(Site(name="x", base_url=url, retry=PATIENCE), [HEALTH] * 40, concurrency=3)
    assert len(seen) == 40
    assert len({request["peer"] for request in seen}) <= 3


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    with Chatwoot(folder=tmp_path) as stand_in:
        answers = ask(site(stand_in), [HEALTH, PROFILE] * 5, concurrency=4)
    assert [answer.question.name for answer in answers] == ["alive", "profile"] * 5


def test_only_headers_that_matter_are_kept() -> None:
    with serve(lambda path: (200, {"set-cookie": "session=secret", "X-Request-Id": "r1"}, b"{}")) as (url, _):
        [answer] = ask(Site(name="x", base_url=url, retry=PATIENCE), [HEALTH], concurrency=1)
    assert answer.headers["x-request-id"] == "r1"
    assert "set-cookie" not in answer.headers


def test_the_limit_holds_a_question_back_rather_than_break_it(tmp_path: Path) -> None:
    with Publer(folder=tmp_path) as stand_in:
        limit = Limit(requests=5, window_s=60)
        headers = {"Authorization": f"Bearer-API {stand_in.token}"}
        publer = Site(name="Publer", base_url=stand_in.base_url, headers=headers, retry=PATIENCE, limit=limit)
        answers = ask(publer, [Question(name="user", path="/users/me")] * 8, concurrency=4)
        assert stand_in.used == 5
    assert sorted(str(answer.failure) for answer in answers) == ["None"] * 5 + ["not sent, our request limit was reached"] * 3


@pytest.mark.parametrize("url", ["http://chat.example.com", "ftp://chat.example.com", "chat.example.com", ""])
def test_an_address_without_tls_off_this_machine_is_refused(url: str) -> None:
    with pytest.raises(WebError, match="Fix: Set"):
        Site(name="Chatwoot", base_url=url, retry=PATIENCE)


def test_credentials_are_not_in_a_sites_repr() -> None:
    assert "hunter2" not in repr(Site(name="x", base_url="https://h", headers={"Token": "hunter2"}, retry=PATIENCE))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"NaN", b"[1,]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(body)
