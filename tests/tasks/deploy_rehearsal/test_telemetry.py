"""The platforms' own figures before and after a deploy, from stand-ins for both, and no credential of theirs shown."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lib.core.results import Outcome, SkipReason
from lib.tasks.deploy_rehearsal import looks
from lib.tasks.deploy_rehearsal.telemetry import judge_telemetry, read_telemetry, telemetry_artifact, telemetry_rows
from lib.transport.context import Context, Programs, Service
from lib.transport.database import Database
from tests.support.fly_worlds import settings

TOKEN, KEY = "FlyV1 fm2-token-of-nobody", "sb_secret_key-of-nobody"
PAGE = """# HELP pg_stat_database_num_backends Connections
# TYPE pg_stat_database_num_backends gauge
pg_stat_database_num_backends{datname="postgres"} 7
pg_stat_database_num_backends{datname="other"} 2
# TYPE node_load1 gauge
node_load1 0.25
# TYPE pg_up gauge
pg_up NaN
# TYPE unasked gauge
unasked 9
"""


class Platforms:
    """Stands in for both: a query API for the token, a page for the key."""

    def __init__(self) -> None:
        self.page, self.status, self.answer = PAGE, 200, "3.5"
        self.queries: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path.startswith("/prometheus/org/api/v1/query"):
                    known, body = self.headers["Authorization"] == TOKEN, outer.query(parse_qs(parts.query)["query"][0])
                else:
                    login = base64.b64encode(f"service_role:{KEY}".encode()).decode()
                    known = self.headers["Authorization"] == f"Basic {login}" and parts.path == "/customer/v1/privileged/metrics"
                    body = outer.page
                self.send_response(outer.status if known else 401)
                self.end_headers()
                self.wfile.write(body.encode() if known else b"")

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def query(self, text: str) -> str:
        self.queries.append(text)
        series = [] if "5.." in text else [{"metric": {}, "value": [1, self.answer]}]
        return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})

    @property
    def parts(self) -> dict[str, str]:
        return {
            "metrics": f"http://{self.place}/prometheus/org",
            "database_metrics": f"http://service_role:{KEY}@{self.place}/customer/v1/privileged/metrics",
        }


@pytest.fixture
def platforms() -> Iterator[Platforms]:
    one = Platforms()
    yield one
    one.server.shutdown()
    one.server.server_close()


def context(folder: Path, **parts: str) -> Context[Any]:
    nowhere = Database("postgresql://user@127.0.0.1/none")
    return Context(
        environment="staging", pack=folder, settings=settings(), sections={}, target=nowhere, scratch=nowhere,
        programs=Programs(supabase=Path("x"), squawk=Path("x"), postgres_bin=Path("x")), work=folder, kept=folder,
        services={"fly": Service(name="fly", parts={"url": "https://api.machines.dev", "token": TOKEN, **parts})},
    )  # fmt: skip


def test_both_platforms_are_read_and_no_credential_is_kept(platforms: Platforms, tmp_path: Path) -> None:
    one = context(tmp_path, **platforms.parts)
    before = read_telemetry(one)
    platforms.answer, platforms.page = "4", PAGE.replace("0.25", "1.75")
    after = read_telemetry(one)
    assert before is not None and after is not None
    assert before.problems == after.problems == {}
    assert before.figures["Supabase"] == {"connections": 9.0, "load of the last minute": 0.25}
    assert "answers 5xx a second" not in before.figures["Fly.io"]  # no series is not zero
    assert all('app="idea-board-staging"' in query for query in platforms.queries)
    rows = {row["figure"]: (row["before"], row["after"]) for row in telemetry_rows(before, after)}
    assert rows["load of the last minute"] == (0.25, 1.75)
    assert rows["answers a second"] == (3.5, 4.0)
    result = judge_telemetry(before, after)
    assert result.outcome is Outcome.PASS
    kept = json.dumps(telemetry_artifact(before, after)) + repr(result) + repr(rows)
    assert not any(
        secret in kept for secret in (TOKEN, KEY, TOKEN.split()[1], base64.b64encode(KEY.encode()).decode(), "127.0.0.1")
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 503}, "Fly.io's Prometheus answered HTTP 503."),
        ({"page": "<html>"}, "The page of metrics cannot be parsed"),
        ({"page": "up 1\n"}, "Supabase shows none of the figures"),
        ({"answer": "many"}, "what is no query result"),
    ],
)
def test_a_platform_that_does_not_say_is_an_error(
    platforms: Platforms, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    one = context(tmp_path, **platforms.parts)
    before = read_telemetry(one)
    vars(platforms).update(change)
    result = judge_telemetry(before, read_telemetry(one))
    assert (result.outcome, said in result.detail) == (Outcome.ERROR, True), result.detail
    vars(platforms).update({"status": 200, "page": PAGE, "answer": "3.5"})
    assert judge_telemetry(before, read_telemetry(one)).outcome is Outcome.PASS


def test_a_credential_that_is_refused_is_told_without_it(platforms: Platforms, tmp_path: Path) -> None:
    wrong = {**platforms.parts, "database_metrics": platforms.parts["database_metrics"].replace(KEY, "another-key-entirely")}
    seen = read_telemetry(context(tmp_path, **wrong))
    result = judge_telemetry(seen, seen)
    assert (result.outcome, result.detail) == (Outcome.ERROR, "Supabase's metrics answered HTTP 401.")


def test_an_address_without_tls_is_refused(tmp_path: Path) -> None:
    seen = read_telemetry(context(tmp_path, metrics="http://api.example.com/prometheus/org"))
    assert seen is not None and "no TLS" in seen.problems["Fly.io"]


def test_where_no_address_is_named_it_does_not_apply(tmp_path: Path) -> None:
    assert read_telemetry(context(tmp_path)) is None
    [result] = looks.look_at_telemetry(context(tmp_path), deploy_plan=None).results
    assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_APPLICABLE)


def test_one_side_that_is_silent_is_named_beside_the_other(platforms: Platforms, tmp_path: Path) -> None:
    seen = read_telemetry(context(tmp_path, **platforms.parts))
    assert seen is not None
    half = replace(
        seen, figures={"Fly.io": seen.figures["Fly.io"]}, problems={"Supabase": "Supabase's metrics answered HTTP 500."}
    )
    result = judge_telemetry(seen, half)
    assert (result.outcome, result.observed) == (Outcome.ERROR, f"Fly.io: {len(seen.figures['Fly.io'])}")
