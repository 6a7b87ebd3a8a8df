"""GitHub's comments of pull requests on loopback, as https://docs.github.com/en/rest/issues/comments documents them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_" + "x" * 36
LONGEST = 65_536


@dataclass(kw_only=True)
class CommentSite:
    """One repository, owner/name. status: an answer to everything, instead. asked: each request's method and path."""

    repository: str = "acme/shop"
    url: str = ""
    status: int | None = None
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add(self, body: str, *, login: str = "github-actions[bot]", kind: str = "Bot") -> dict[str, Any]:
        made = {"id": 1000 + len(self.comments), "body": body, "user": {"login": login, "type": kind}}
        self.comments.append(made)
        return made

    def answer(self, method: str, path: str, token: str, sent: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        parts = urlsplit(path)
        if self.status is not None:
            return self.status, {"message": "as asked for"}
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if method == "PATCH" and (found := re.fullmatch(rf"/repos/{self.repository}/issues/comments/(\d+)", parts.path)):
            return self.change(int(found[1]), sent)
        if parts.path != f"/repos/{self.repository}/issues/7/comments":
            return 404, {"message": "Not Found"}
        if method == "POST":
            return self.refusal(sent) or (201, self.add(sent["body"]))
        asked = parse_qs(parts.query)
        size, page = (int(asked.get(name, [usual])[0]) for name, usual in (("per_page", "30"), ("page", "1")))
        return 200, self.comments[(page - 1) * min(size, 100) : page * min(size, 100)]

    def change(self, number: int, sent: Any) -> tuple[int, Any]:
        found = next((one for one in self.comments if one["id"] == number), None)
        if found is None:
            return 404, {"message": "Not Found"}
        if refused := self.refusal(sent):
            return refused
        found["body"] = sent["body"]
        return 200, found

    def refusal(self, sent: Any) -> tuple[int, Any] | None:
        return None if isinstance(sent.get("body"), str) and 0 < len(sent["body"]) <= LONGEST else (422, {"message": "Invalid"})


@contextmanager
def comment_site() -> Iterator[CommentSite]:
    """Yield the running site."""
    site = CommentSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else {}
            status, said = site.answer(self.command, self.path, self.headers.get("Authorization", ""), sent)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PATCH = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
