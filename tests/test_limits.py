"""Every limit of params can be exceeded: for each, a fault of a size that really happens, which is not made to fit.

A limit that no plausible fault exceeds lets everything through. A new number in a task's section belongs in one of the
three lists here, or the last test fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from lib.clients.chatwoot import clock_problems
from lib.clients.postgres.digests import TableDigest
from lib.clients.probe import Endpoint, Probe, read_answer
from lib.clients.prometheus.promql import Comparison
from lib.clients.vault.declared import Declared
from lib.clients.vault.folder import VaultValue
from lib.clients.vault.vault_copy import VaultCopy
from lib.core.busyness import QUIET, QUIET_RECORD, Standing, weigh, weigh_timeout
from lib.core.incidents import FailedCheck, Incident, plan_message
from lib.core.results import Outcome
from lib.run.params import load_params
from lib.tasks.alerts.boundaries import Boundary, Side
from lib.tasks.alerts.judge_thresholds import threshold_problem
from lib.tasks.backup_restore.judge_store import judge_rpo
from lib.tasks.backup_restore.store import KeptBackup, choose_expired
from lib.tasks.deploy_rehearsal.outages import find_outages, weigh_downtime, weigh_errors
from lib.tasks.health.timing import SampleLimits, weigh_samples
from lib.tasks.index import TASKS
from lib.tasks.migrations.recordings import Lock, Wait
from lib.tasks.migrations.timing import weigh_lock, weigh_wait
from lib.tasks.seed.judge import judge_counts
from lib.transport.traffic import Sample
from lib.transport.web_types import Answer, Question

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
QUESTION = Question(name="x", path="/x")


def answer(elapsed_ms: float = 5.0, status: int = 200, body: bytes = b"{}") -> Answer:
    return Answer(question=QUESTION, asked_at=NOW, status=status, body=body, elapsed_ms=elapsed_ms)


def requests(lost: int, *, of: int) -> list[Sample]:
    """Return requests by the clock, forty a second, with so many lost in a row."""
    return [Sample(n / 40, "/health", 503 if 40 <= n < 40 + lost else 200, 5.0, "1") for n in range(of)]


def kept(days: float) -> KeptBackup:
    taken = NOW - timedelta(days=days)
    return KeptBackup(id=f"b{days:g}", path=Path("b"), environment="local", taken_at=taken, size_bytes=1, problems=())


def a_table_is_rewritten(limit: float) -> bool:
    """`alter column type` rewrites 100,000 rows: a second."""
    lock = Lock(table="t", mode="AccessExclusive", index=0, line=1, held_ms=1000, rows=100_000, is_new=False)
    return weigh_lock(lock, limit) is Standing.BEYOND


def a_backfill_keeps_its_lock(limit: float) -> bool:
    """A column is added and filled in one file, and everybody waits for five seconds."""
    return weigh_wait(Wait(worker="writer", table="t", waited_ms=5000, index=0, line=1), limit) is Standing.BEYOND


def a_fixture_is_missing(count: float) -> bool:
    """One row fewer than declared."""
    table = TableDigest(schema="public", name="t", kind="r", columns=(), key=(), is_partition=False, rows=int(count) - 1)
    return judge_counts([table], {"public.t": int(count)}, own=set()).results[0].outcome is Outcome.FAIL


def samples_of(bad: Sequence[Answer], *, limits: SampleLimits) -> bool:
    return weigh_samples([*bad, *(answer() for _ in range(40 - len(bad)))], limits, QUIET) is Standing.BEYOND


def a_query_without_its_index(limit: float) -> bool:
    """Every answer takes 1.5 s."""
    return samples_of([answer(1500.0)] * 40, limits=SampleLimits(p95_ms=limit, min_availability=0.5, timeout_s=5))


def one_of_three_machines_is_broken(share: float) -> bool:
    """A third of the answers is a 500."""
    return samples_of([answer(status=500)] * 13, limits=SampleLimits(p95_ms=9e9, min_availability=share, timeout_s=5))


def one_answer_in_forty_is_lost(share: float) -> bool:
    """A rare race: one 500 among forty."""
    return samples_of([answer(status=500)], limits=SampleLimits(p95_ms=9e9, min_availability=share, timeout_s=5))


def a_cache_answers(limit: float) -> bool:
    """The page is ten minutes old."""
    old = (NOW - timedelta(minutes=10)).strftime("%Y-%m-%d %H:%M:%S")
    return bool(clock_problems(answer(), {"timestamp": old}, max_skew_s=limit))


def the_list_is_empty(least: float) -> bool:
    """No inbox, no account."""
    endpoint = Endpoint(path="/x", items=".", min_items=int(least)) if least else None
    return endpoint is not None and bool(
        read_answer(Probe(question=QUESTION, expected=endpoint, keep={}, parts={}), answer(body=b"[]")).problems
    )


def it_still_fails_two_days_later(limit: float) -> bool:
    """Somebody was notified the day before yesterday."""
    past = Incident(subject="chatwoot", opened_at=NOW, run_id="r", failing=("c",), notified_at=NOW - timedelta(days=2))
    failed = FailedCheck(check="c", title="t", subject="chatwoot", word="failed", detail="")
    return bool(plan_message([past], [failed], run_id="r2", now=NOW, remind_after_h=limit).reminded)


def last_night_did_not_come(limit: float) -> bool:
    """The newest evidence is of the night before."""
    return timedelta(hours=36) > timedelta(hours=limit)


def nobody_rotated_it(days: float, *, age: float) -> bool:
    declared = Declared(name="A", place="a", needed_by=("fly",), max_age=timedelta(days=days))
    value = VaultValue(place="a", value="a-long-enough-value", changed_at=NOW - timedelta(days=age))
    return bool(VaultCopy(declared=(declared,), values={"A": value}).overdue(NOW, []))


def a_restore_by_one_worker(limit: float) -> bool:
    """Two minutes, because its indexes are built one after the other."""
    return weigh(120, limit, QUIET) is Standing.BEYOND


def a_night_without_a_backup(limit: float) -> bool:
    """This run's backup cannot be restored, and the last good one is 30 hours old."""
    return judge_rpo([kept(30 / 24)], now=NOW, rpo_s=limit, this_run=None).outcome is Outcome.FAIL


def forty_days_of_backups(**limits: Any) -> bool:
    """One a day for forty days: the oldest must go, or the disk fills."""
    rules = {"keep_last": 1, "keep_days": 1.0, **limits}
    return bool(choose_expired([kept(day) for day in range(40)], environment="local", now=NOW, **rules))


def every_machine_restarts_at_once(limit: float) -> bool:
    """`immediate`, as it was measured on a quiet machine: 26 of 181 requests."""
    return weigh_errors(requests(26, of=181), QUIET_RECORD, limit)[0] is Standing.BEYOND


def the_app_starts_slowly(limit: float) -> bool:
    """Its one machine is replaced, and it takes five seconds to start."""
    return weigh_downtime(find_outages(requests(200, of=400)), QUIET_RECORD, limit)[0] is Standing.BEYOND


def a_rule_was_loosened(limit: float) -> bool:
    """Its threshold is half as high again."""
    sides = tuple(Side(share=n, fires=bool(n), series={}, value=limit * 1.5 * (0.9999, 1.0001)[n]) for n in (0, 1))
    return bool(threshold_problem(Boundary(alert="A", sides=sides), Comparison(left="x", operator=">", limit=limit), limit))


LIMITS: Mapping[str, Callable[[float], bool]] = {
    "migrations.max_exclusive_lock_ms": a_table_is_rewritten,
    "migrations.max_blocked_ms": a_backfill_keeps_its_lock,
    "seed.expected_counts.*": a_fixture_is_missing,
    "health.p95_limit_ms": a_query_without_its_index,
    "health.min_availability": lambda share: one_of_three_machines_is_broken(share) and one_answer_in_forty_is_lost(share),
    "health.chatwoot.max_clock_skew_s": a_cache_answers,
    "health.chatwoot.inboxes.min_items": the_list_is_empty,
    "health.chatwoot.profile.min_items": the_list_is_empty,
    "health.publer.accounts.min_items": the_list_is_empty,
    "health.remind_after_h": it_still_fails_two_days_later,
    "health.stale_after_h": last_night_did_not_come,
    "health.max_body_bytes": lambda limit: limit < 5_000_000,  # a page of a sign-in with its pictures in it
    "credentials.max_age_days": lambda days: nobody_rotated_it(days, age=500),
    "credentials.declared.*.max_age_days": lambda days: nobody_rotated_it(days, age=200),
    "backup_restore.rto_s": a_restore_by_one_worker,
    "backup_restore.rpo_s": a_night_without_a_backup,
    "backup_restore.keep_last": lambda count: forty_days_of_backups(keep_last=int(count)),
    "backup_restore.keep_days": lambda days: forty_days_of_backups(keep_days=days),
    "deploy_rehearsal.health_timeout_s": lambda limit: weigh(10, limit, QUIET) is Standing.BEYOND,  # the app starts in 10 s
    "deploy_rehearsal.rollback_limit_s": lambda limit: weigh(120, limit, QUIET) is Standing.BEYOND,  # a minute a machine
    "deploy_rehearsal.drill_limit_s": lambda limit: weigh(180, limit, QUIET) is Standing.BEYOND,  # two minutes, and a restore
    "deploy_rehearsal.max_downtime_s": the_app_starts_slowly,
    "deploy_rehearsal.max_error_ratio": every_machine_restarts_at_once,
    "alerts.thresholds.*": a_rule_was_loosened,
    "alerts.test_margin_percent": lambda percent: percent < 20,  # 0.6 typed in the place of 0.5
}
"""Limit -> whether its fault exceeds it beside a quiet control."""

EXACT = ("seed.expected_counts.*", "alerts.thresholds.*")
"""Numbers that are met or not: none is laxer than another."""

BOUNDS = {
    "migrations.lock_wait_s": "another run that pushes for minutes",
    "migrations.command_timeout_s": "a CLI that waits for a lock nobody gives back",
    "seed.command_timeout_s": "a CLI that waits for a lock nobody gives back",
    "rls.statement_timeout_s": "a policy that joins two large tables without an index",
    "health.timeout_s": "a server that takes the connection and says nothing",
    "health.deadline_s": "a server that sends one byte a second",
    "health.max_retry_after_s": "a server that asks for a minute",
    "health.chatwoot.effect_deadline_s": "workers that are dead",
    "credentials.timeout_s": "a vault that says nothing",
    "backup_restore.command_timeout_s": "a dump that waits for a lock nobody gives back",
    "deploy_rehearsal.command_timeout_s": "a flyctl that hangs",
    "alerts.command_timeout_s": "a promtool that hangs",
    "guardrails.command_limit_s": "a test command that watches for changes",
}
"""How long something is waited for -> what never comes: it is exceeded once the notebook has longer than that."""

MECHANICS = {
    "migrations.scales": "how many rows the rehearsal has",
    "health.samples": "how many requests are timed",
    "health.concurrency": "how many of them at a time",
    "health.attempts": "tries of one request",
    "health.publer.requests": "what Publer allows",
    "health.publer.window_s": "what Publer allows",
    "health.chatwoot.canary_conversation": "an id",
    "backup_restore.jobs": "workers",
    "deploy_rehearsal.requests_per_s": "how closely users are looked at",
    "deploy_rehearsal.baseline_s": "how long is looked before and after",
    "deploy_rehearsal.watch_s": "how long the candidate is watched",
    "guardrails.command_jobs": "commands at a time",
    "alerts.scrape_interval_s": "Prometheus's own, counted in the delivery",
    "alerts.group_wait_s": "Alertmanager's own, counted in the delivery",
}
"""Numbers that nothing is judged by -> what they are."""


@cache
def defaults() -> Any:
    return load_params("local", variables={})


def numbers(where: str, value: Any) -> Iterator[tuple[str, float]]:
    """Yield each number of a section by its path."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield where, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name == "min_items" and not value.min_items:
                continue  # of this endpoint nothing is counted
            yield from numbers(f"{where}.{name}", getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers(f"{where}.*", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], int | float):
        yield where, float(max(value))


def every_number() -> list[tuple[str, float]]:
    sections = defaults().sections
    return [found for task in TASKS if task.name in sections for found in numbers(task.name, sections[task.name])]


@pytest.mark.parametrize(("path", "value"), [found for found in every_number() if found[0] in LIMITS])
def test_a_plausible_fault_exceeds_the_default(path: str, value: float) -> None:
    assert LIMITS[path](value), f"{path}: {value:g} lets this through: {LIMITS[path].__doc__}"


@pytest.mark.parametrize("path", sorted(LIMITS))
def test_a_limit_that_lets_everything_through_would_be_found(path: str) -> None:
    """None of these faults exceeds a limit without sense, so they do not just always fail."""
    if path in EXACT:
        return
    lax = 0.0 if path.endswith(("min_items", "min_availability")) else 1e8
    assert not LIMITS[path](lax)


@pytest.mark.parametrize(("path", "value"), [found for found in every_number() if found[0] in BOUNDS])
def test_what_never_comes_is_given_up_before_the_notebook_is(path: str, value: float) -> None:
    assert 0 <= value < defaults().run.notebook_timeout_s / 2, f"{path}: {value:g} s; {BOUNDS[path]} would end the notebook first"
    assert weigh_timeout(value or 1, QUIET) is Standing.BEYOND


def test_a_rollback_that_is_too_slow_ends_before_the_notebook_does() -> None:
    own = defaults().sections["deploy_rehearsal"]
    for longest in (own.command_timeout_s + own.rollback_limit_s * 2, own.command_timeout_s + own.drill_limit_s):
        assert longest < defaults().run.notebook_timeout_s


def test_every_number_of_the_sections_is_a_limit_with_a_fault_or_none() -> None:
    listed = [*LIMITS, *BOUNDS, *MECHANICS]
    found = {path for path, _ in every_number()}
    assert len(listed) == len(set(listed))
    assert sorted(found - set(listed)) == [], "a new number: give it a fault, or say why it is no limit"
    assert sorted(set(listed) - found) == [], "a number that is no longer there"
