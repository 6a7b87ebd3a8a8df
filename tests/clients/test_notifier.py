"""What arrives at a webhook, on loopback, in each format that it may ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from lib.clients.chat import Format
from lib.clients.notifier import deliver
from lib.clients.notifier_example import CHECK, example_plan
from tests.clients.test_chat import check_slack, check_teams


class Hook:
    """A webhook. status: its answer. posted: what arrived, with its type."""

    def __init__(self) -> None:
        self.status, self.posted, self.url = 200, list[tuple[str, Any]](), ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Yield a running webhook."""
    one = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            one.posted.append((self.headers["Content-Type"], json.loads(data)))
            self.send_response(one.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_port}/hook?key=1"
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


def send(hook: Hook, kind: Format) -> Any:
    delivery = deliver(
        {"url": "smtp://127.0.0.1:9", "webhook": hook.url},
        example_plan("run-1"),
        environment="staging",
        evidence="https://ci.example/run/7",
        sender="a@example.com",
        recipients=["b@example.com"],
        timeout_s=5,
        mail_works=False,
        webhook_format=kind,
    )
    assert delivery.was_notified is (200 <= hook.status < 300)
    [(content_type, body)] = hook.posted
    assert content_type.startswith("application/json")
    return body


def test_slack_gets_blocks(hook: Hook) -> None:
    body = send(hook, "slack")
    check_slack(body)
    assert CHECK in json.dumps(body) and body["text"].startswith("[staging] Dry run: Chatwoot failing")


def test_teams_gets_a_card_and_may_say_accepted(hook: Hook) -> None:
    hook.status = 202
    assert CHECK in json.dumps(check_teams(send(hook, "teams")))


@pytest.mark.parametrize("kind", ["auto", "json"])
def test_anything_else_gets_what_it_always_got(hook: Hook, kind: Format) -> None:
    body = send(hook, kind)
    assert body.keys() == {"text", "environment", "failing", "recovered", "dry_run", "evidence"}
    assert body["text"].endswith("\n\nEvidence: https://ci.example/run/7\n") and body["dry_run"] is True


def test_a_refusal_is_a_refusal(hook: Hook) -> None:
    hook.status = 400
    send(hook, "slack")
