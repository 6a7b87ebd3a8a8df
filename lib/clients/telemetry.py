"""What the platforms measure themselves: a few figures from Fly.io's Prometheus, and from Supabase's page of metrics.

Sources: fly.io/docs/monitoring/metrics (the query API, `FlyV1` or `Bearer` before the token);
supabase.com/docs/guides/telemetry/metrics (the page, HTTP Basic as `service_role` with a secret key; still a beta, so a metric
may be gone: it is then left out).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from lib.clients.prometheus.exposition import add_up_metrics
from lib.core.errors import WebError
from lib.core.plain_json import PlainJsonError, load_json
from lib.core.redact import register_secrets
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site

PATIENCE = RetryPolicy(attempts=2, timeout_s=10, deadline_s=20, max_body_bytes=5_000_000, max_retry_after_s=5)
FLY_FIGURES: Mapping[str, str] = {
    "instances that are up": 'count(fly_instance_up{app="%s"} == 1)',
    "answers a second": 'sum(rate(fly_app_http_responses_count{app="%s"}[5m]))',
    "answers 5xx a second": 'sum(rate(fly_app_http_responses_count{app="%s",status=~"5.."}[5m]))',
    "memory available, MB": 'sum(fly_instance_memory_mem_available{app="%s"}) / 1e6',
}
"""Figure -> its query; each gives one number, or nothing where no series is there."""
DATABASE_FIGURES: Mapping[str, str] = {
    "pg_up": "Postgres is up",
    "pg_stat_database_num_backends": "connections",
    "pg_database_size_mb": "database, MB",
    "node_load1": "load of the last minute",
    "node_memory_MemAvailable_bytes": "memory available, bytes",
}
"""Metric of the page -> the figure; the sum of its series."""


def read_fly_figures(url: str, *, token: str, app: str) -> dict[str, float]:
    """Return Fly.io's figures of an app. Raises WebError when its Prometheus does not answer."""
    scheme = token if token.startswith(("FlyV1 ", "Bearer ")) else f"Bearer {token}"
    site = Site(name="Fly.io's Prometheus", base_url=url, headers={"Authorization": scheme}, retry=PATIENCE)
    asked = [Question(name=name, path=f"api/v1/query?query={quote(query % app)}") for name, query in FLY_FIGURES.items()]
    found = {answer.question.name: read_vector(answer) for answer in ask(site, asked, concurrency=2)}
    return {name: value for name, value in found.items() if value is not None}


def read_vector(answer: Answer) -> float | None:
    """Return the one number of an instant query's answer, None where it has no series. Raises WebError.

    Source: prometheus.io/docs/prometheus/latest/querying/api.
    """
    require_whole("Fly.io's Prometheus", answer)
    try:
        series = load_json(answer.body)["data"]["result"]
        value = float(series[0]["value"][1]) if series else None
    except (PlainJsonError, ValueError, KeyError, IndexError, TypeError) as exc:
        raise WebError("Fly.io's Prometheus answered what is no query result.", fix="Check the address of its metrics.") from exc
    return value if value is not None and math.isfinite(value) else None


def read_database_figures(url: str) -> dict[str, float]:
    """Return Supabase's figures of the database's machine. url: with user and key. Raises WebError when it does not answer."""
    parts = urlsplit(url)
    login = base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    register_secrets([login])
    place = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=""))
    site = Site(name="Supabase's metrics", base_url=place, headers={"Authorization": f"Basic {login}"}, retry=PATIENCE)
    [answer] = ask(site, [Question(name="metrics", path=parts.path)], concurrency=1)
    require_whole("Supabase's metrics", answer)
    sums = add_up_metrics(answer.body.decode("utf-8", "replace"))
    return {name: sums[metric] for metric, name in DATABASE_FIGURES.items() if metric in sums}


def require_whole(name: str, answer: Answer) -> None:
    """Raise WebError for anything but a whole answer."""
    if not answer.is_whole:
        raise WebError(f"{name} answered {answer.failure or f'HTTP {answer.status}'}.", fix="Check its address and credential.")
