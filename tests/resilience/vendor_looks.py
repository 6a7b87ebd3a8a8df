"""The looks of the vendors' tasks at one hostile address after another, in a process of their own, whose memory is measured.

Reads what to look at as JSON lines from standard input, and prints what came of each as a JSON line.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lib.clients.prometheus import exposition
from lib.core.errors import WorkbookError
from lib.core.incidents import FailedCheck, Incident, Plan
from lib.core.results import Findings
from lib.run.params import load_params
from lib.tasks.credentials import looks as credentials
from lib.tasks.deploy_rehearsal import looks as deploy
from lib.tasks.deploy_rehearsal.outages import begin_stream
from lib.tasks.deploy_rehearsal.smoke import make_smoke_calls
from lib.tasks.health import looks as health
from lib.transport import traffic
from lib.transport.context import Context, Programs, Service

TIMEOUT_S, DEADLINE_S = 0.4, 0.8
HURRIED = {"timeout_s": TIMEOUT_S, "deadline_s": DEADLINE_S, "attempts": 2, "samples": 20, "max_retry_after_s": 0.3}
FIRST = health.FirstAnswers(well=("alive", "account", "user"))
SAMPLED = ("silence", "a body, drop by drop", "512 MB in gzip", "300,000 objects")
"""Answers with which samples are taken, too: each costs the whole time that samples have."""


def contexts(folder: Path) -> Callable[..., Context[Any]]:
    """Return what makes the context of one task with these services."""
    sections = load_params("local", variables={}).sections

    def make(task: str, services: Mapping[str, Mapping[str, str]], flyctl: str = "flyctl", **changes: Any) -> Context[Any]:
        settings: Any = sections[task]
        nothing: Any = None
        return Context(
            environment="local", pack=folder, settings=settings.model_copy(update=changes), sections=sections, target=nothing,
            scratch=nothing, programs=Programs(supabase=folder, squawk=folder, postgres_bin=folder, flyctl=Path(flyctl)),
            work=folder, kept=folder, services={name: Service(name=name, parts=parts) for name, parts in services.items()},
        )  # fmt: skip

    return make


def web_looks(make: Callable[..., Context[Any]], url: str, name: str) -> dict[str, tuple[Callable[[], Any], float]]:
    """Return every look that asks this address, with the seconds it may take."""
    chatwoot = {"url": url, "token": "t" * 20, "account": "1"}
    vendors = {"chatwoot": chatwoot, "publer": {"url": url, "token": "p" * 20, "workspace": "5"}}
    context = make("health", vendors, **HURRIED)
    tokens = {"github": {"url": url, "token": "g" * 20}, "vault": {"url": f"{url}/secret", "token": "v" * 20}}
    held = make("credentials", tokens, timeout_s=TIMEOUT_S)
    looks: dict[str, tuple[Callable[[], Any], float]] = {
        "chatwoot": (lambda: health.look_at_chatwoot.attempt(context), 2 * DEADLINE_S),
        "publer": (lambda: health.look_at_publer.attempt(context), DEADLINE_S),
        "workers": (
            lambda: health.look_at_workers.attempt(context, first=health.FirstAnswers(well=("profile",))),
            15 * DEADLINE_S,
        ),
        "github": (lambda: credentials.look_at_github.attempt(held, vault=None), 12 * TIMEOUT_S),
        "vault": (lambda: credentials.look_at_vault.attempt(held), 18 * TIMEOUT_S),
        "webhook": (lambda: notify(url), DEADLINE_S),
        "metrics": (lambda: fetch_metrics(url), 2 * DEADLINE_S),
        "smoke calls": (lambda: make_smoke_calls(url, ["/a", "/b"]), 2 * traffic.GIVE_UP_S),
        "stream": (lambda: stream(url), 0.1 + traffic.GIVE_UP_S),
    }
    if name in SAMPLED:
        looks["samples"] = (lambda: health.look_at_publer_times.attempt(context, first=FIRST), 5 * DEADLINE_S)
    return looks


def notify(url: str) -> Any:
    from datetime import UTC, datetime

    incident = Incident(subject="chatwoot", opened_at=datetime(2026, 1, 1, tzinfo=UTC), run_id="r", failing=("health.x",))
    failed = FailedCheck(subject="chatwoot", check="health.x", title="x", word="failed", detail="d", fix=("f",))
    plan = Plan(opened=(incident,), failures=(failed,))
    return health.deliver(
        {"webhook": url}, plan, environment="local", evidence="e", sender="a@example.com", recipients=["b@example.com"],
        timeout_s=TIMEOUT_S, deadline_s=DEADLINE_S, mail_works=False,
    ).rows  # fmt: skip


def fetch_metrics(url: str) -> Any:
    exposition.RETRY = replace(exposition.RETRY, timeout_s=TIMEOUT_S, deadline_s=DEADLINE_S)
    try:
        return len(exposition.fetch_exposition(url))
    except WorkbookError as exc:
        return exc.message


def stream(url: str) -> Any:
    with begin_stream(url, ["/a"], per_second=50) as running:
        time.sleep(0.1)
    return [sample.status for sample in running.samples]


def looks_at(make: Callable[..., Context[Any]], asked: Mapping[str, str]) -> dict[str, tuple[Callable[[], Any], float]]:
    """Return the looks at what one line of input names."""
    if "smtp" in asked:
        context = make("health", {"mail": {"url": asked["smtp"]}}, **HURRIED)
        return {"mail": (lambda: health.look_at_mail_server.attempt(context), DEADLINE_S)}
    if "flyctl" in asked:
        fly = {"fly": {"token": "f" * 20}}
        plan = make("deploy_rehearsal", fly, asked["flyctl"], command_timeout_s=3, health_timeout_s=0.3)
        held = make("credentials", fly, asked["flyctl"], timeout_s=3)
        return {
            "what runs": (lambda: deploy.look_at_what_runs.attempt(plan), 40),
            "fly": (lambda: credentials.look_at_fly.attempt(held, vault=None), 10),
        }
    return web_looks(make, asked["url"], asked["name"])


def try_look(look: Callable[[], Any]) -> dict[str, Any]:
    """Return what came of one look, and what could not be kept of it."""
    try:
        found = look()
        if not isinstance(found, Findings):
            return {"outcomes": [], "bytes": len(json.dumps(found, default=str))}
        kept = json.dumps({**found.artifacts, "rows": list(found.rows)}, allow_nan=False, default=str).encode()
        said = json.dumps([[one.detail, one.observed, one.expected] for one in found.results], allow_nan=False).encode()
        return {"outcomes": [one.outcome.value for one in found.results], "bytes": len(kept), "said": len(said)}
    except Exception:
        return {"outcomes": [], "trouble": traceback.format_exc(limit=-4)}


def peak_bytes() -> int:
    """Return the most memory that this process has had since it began: ru_maxrss would count its parent's, too."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Look at what each line names until there is no more."""
    traffic.GIVE_UP_S = 1.0
    with tempfile.TemporaryDirectory() as name:
        make = contexts(Path(name))
        for line in sys.stdin:
            asked = json.loads(line)
            for look, (take, limit_s) in looks_at(make, asked).items():
                if (only := asked.get("only")) and look not in only:
                    continue
                started = time.monotonic()
                seen = try_look(take)
                took_s = time.monotonic() - started
                peak = peak_bytes()
                told = {"case": asked["name"], "look": look, "took_s": took_s, "limit_s": limit_s, "peak": peak, **seen}
                print(json.dumps(told), flush=True)
            print(json.dumps({"done": asked["name"]}), flush=True)


if __name__ == "__main__":
    main()
