"""The app's four kinds of page: /health, /metrics, /version and /tiles/<tile>."""

from __future__ import annotations

import json
import select
import socketserver
import time
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import psycopg

from idea_board.metrics import Metrics
from idea_board.pool import Pool
from idea_board.release import Release

FAILURES = "select count(*) as failures from public.ingestion_failures"


class BoardServer(socketserver.ThreadingMixIn, HTTPServer):
    """One process of the app; ends only when every request it took is answered."""

    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, release: Release, pool: Pool, *, host: str, port: int) -> None:
        self.release = release
        self.pool = pool
        self.metrics = Metrics(release.version)
        super().__init__((host, port), BoardHandler)

    def answer_waiting(self) -> None:
        """Answer the connections that were made before the end and not yet taken; closing would reset them."""
        while select.select([self], [], [], 0)[0]:
            self.handle_request()


class BoardHandler(BaseHTTPRequestHandler):
    """One connection, one request: the platform's proxy keeps the connections to the users."""

    protocol_version = "HTTP/1.1"
    server: BoardServer

    def do_GET(self) -> None:
        """Answer with the page of this path."""
        path = self.path.partition("?")[0]
        status, kind, body = self.page(path)
        known = path.startswith("/tiles/") or path in ("/health", "/version", "/metrics")
        self.server.metrics.answered(path if known and status != 404 else "other", status)
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def page(self, path: str) -> tuple[int, str, str]:
        """Return status, content type and body; a database that does not answer is a 503."""
        try:
            if path == "/metrics":
                return 200, "text/plain; version=0.0.4; charset=utf-8", self.metrics_page()
            if path == "/version":
                return as_json(200, {"version": self.server.release.version})
            if path == "/health":
                self.server.pool.rows([self.server.release.ready])
                return as_json(200, {"status": "ok", "version": self.server.release.version})
            if path.startswith("/tiles/"):
                return self.tile_page(path.removeprefix("/tiles/"))
        except psycopg.Error as exc:
            # The driver's own words may hold addresses and rows: only the kind of trouble is told.
            return as_json(503, {"status": "unavailable", "version": self.server.release.version, "cause": type(exc).__name__})
        return as_json(404, {"status": "not found"})

    def tile_page(self, tile: str) -> tuple[int, str, str]:
        queries = self.server.release.tiles.get(tile)
        if queries is None:
            return as_json(404, {"status": "not found"})
        started = time.perf_counter()
        try:
            rows = self.server.pool.rows(queries)
        finally:
            self.server.metrics.tile_took(tile, time.perf_counter() - started)
        return as_json(200, {"tile": tile, "version": self.server.release.version, "rows": rows})

    def metrics_page(self) -> str:
        try:
            failures = int(self.server.pool.rows([FAILURES])[0]["failures"])
        except psycopg.Error:
            failures = None
        return self.server.metrics.text(ingestion_failures=failures)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet: the platform logs requests, and a path may hold what a user typed."""


def as_json(status: int, value: Any) -> tuple[int, str, str]:
    return status, "application/json", json.dumps(value, default=as_text)


def as_text(value: Any) -> Any:
    """Return what JSON has no word for."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def serve(release: Release, pool: Pool, *, host: str, port: int) -> BoardServer:
    """Return the server, already listening."""
    return BoardServer(release, pool, host=host, port=port)
