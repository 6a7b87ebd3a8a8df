"""A service's times and time-outs beside the control: clean, broken, what only looks broken, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lib.clients.chatwoot import Effect
from lib.clients.probe import Endpoint, Probe, Reading
from lib.clients.probe_findings import NOT_AS_EXPECTED
from lib.core.busyness import QUIET, Control
from lib.core.results import Outcome
from lib.tasks.health.judge import judge_effect, judge_reading, judge_samples
from lib.tasks.health.task import (
    CHATWOOT_AVAILABLE,
    CHATWOOT_INBOXES_CONNECTED,
    CHATWOOT_IS_ALIVE,
    CHATWOOT_P95_WITHIN_LIMIT,
    CHATWOOT_WORKERS_WORK,
)
from lib.tasks.health.timing import SampleLimits, slowness_ms
from lib.transport.web_types import Answer, Failure, Question

PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
LIMITS = SampleLimits(p95_ms=800, min_availability=0.99, timeout_s=5)
BUSY = Control(late_s=2.0, lost=0.6)
QUESTION = Question(name="alive", path="/health")


def answer(elapsed_ms: float = 5.0, *, status: int | None = 200, failure: Failure | None = None) -> Answer:
    return Answer(
        question=QUESTION, asked_at=datetime.now(UTC), status=status, body=b"{}", elapsed_ms=elapsed_ms, failure=failure
    )


def samples(*bad: Answer) -> list[Answer]:
    return [*bad, *(answer() for _ in range(40 - len(bad)))]


SLOW = [answer(1500.0) for _ in range(40)]
GONE = answer(5000.0, status=None, failure=Failure.NO_ANSWER)


@pytest.mark.parametrize(
    ("taken", "control", "available", "quick"),
    [
        (samples(), QUIET, PASS, PASS),
        (samples(), BUSY, PASS, PASS),
        (SLOW, QUIET, PASS, FAIL),
        (SLOW, BUSY, PASS, ERROR),
        ([answer(20_000.0) for _ in range(40)], BUSY, PASS, FAIL),
        (samples(GONE), QUIET, FAIL, PASS),
        (samples(GONE), BUSY, ERROR, PASS),
        (samples(answer(status=500)), BUSY, FAIL, PASS),  # the service itself said so
        (samples(answer(status=500), GONE), BUSY, FAIL, PASS),
    ],
)
def test_times_and_time_outs_are_judged_beside_the_control(
    taken: list[Answer], control: Control, available: Outcome, quick: Outcome
) -> None:
    results = judge_samples((CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT), taken, {}, limits=LIMITS, control=control)
    assert [one.outcome for one in results] == [available, quick], results
    for one in results:
        assert ("too busy to tell (control " in one.detail) is (one.outcome is ERROR)


def test_times_of_some_endpoints_are_no_pass_for_the_service() -> None:
    checks = (CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT)
    results = judge_samples(checks, samples(), {"inboxes": CHATWOOT_INBOXES_CONNECTED}, limits=LIMITS, control=QUIET)
    for one in results:
        assert (one.outcome, one.see) == (Outcome.SKIP, "health.chatwoot_inboxes_connected")
        assert (one.observed, one.expected) == ("1 of 2 endpoints", "every endpoint")
        assert "inboxes" in one.detail
    assert [one.outcome for one in judge_samples(checks, samples(), {}, limits=LIMITS, control=QUIET)] == [PASS, PASS]


@pytest.mark.parametrize(("taken", "outcomes"), [(samples(GONE), [FAIL, Outcome.SKIP]), (SLOW, [Outcome.SKIP, FAIL])])
def test_a_fault_of_the_sampled_endpoints_is_not_hidden_by_the_others(taken: list[Answer], outcomes: list[Outcome]) -> None:
    checks = (CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT)
    results = judge_samples(checks, taken, {"inboxes": CHATWOOT_INBOXES_CONNECTED}, limits=LIMITS, control=QUIET)
    assert [one.outcome for one in results] == outcomes


def test_an_endpoint_whose_every_sample_met_the_request_limit_is_an_error() -> None:
    limited = [replace(answer(status=429), question=Question(name="inboxes", path="/inboxes")) for _ in range(5)]
    checks = (CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT)
    results = judge_samples(checks, [*samples(), *limited], {}, limits=LIMITS, control=QUIET)
    assert [one.outcome for one in results] == [ERROR, ERROR]
    assert "Every sample of inboxes met the limit of requests." in results[0].detail


def test_samples_that_met_the_request_limit_are_named() -> None:
    checks = (CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT)
    [available, _] = judge_samples(checks, [*samples(), answer(status=429)], {}, limits=LIMITS, control=QUIET)
    assert available.outcome is PASS
    assert available.detail == "Not counted, for the service's limit of requests: 1 sample."


def test_too_few_good_answers_are_an_error_where_availability_passes() -> None:
    lenient = replace(LIMITS, min_availability=0.1)
    taken = samples(*[answer(status=500) for _ in range(30)])
    results = judge_samples((CHATWOOT_AVAILABLE, CHATWOOT_P95_WITHIN_LIMIT), taken, {}, limits=lenient, control=QUIET)
    assert [one.outcome for one in results] == [PASS, ERROR]


def test_the_best_look_has_the_fewest_bad_answers_then_the_shortest_times() -> None:
    assert slowness_ms(samples()) < slowness_ms(SLOW) < slowness_ms(samples(GONE)) < slowness_ms(samples(GONE, GONE))


@pytest.mark.parametrize(
    ("found", "control", "outcome"),
    [
        (Failure.TOO_SLOW, QUIET, FAIL),
        (Failure.TOO_SLOW, BUSY, ERROR),
        (NOT_AS_EXPECTED, BUSY, FAIL),
        (Failure.NO_ANSWER, QUIET, ERROR),
    ],
)
def test_an_answer_that_took_too_long(found: str, control: Control, outcome: Outcome) -> None:
    is_failure = isinstance(found, Failure)
    probe = Probe(question=QUESTION, expected=Endpoint.model_construct(path="/health"), keep={}, parts={})
    reading = Reading(
        probe=probe,
        answer=answer(status=None if found is Failure.NO_ANSWER else 200, failure=found if is_failure else None),  # type: ignore[arg-type]
        body=None,
        found=found,
        problems=("x",),
    )
    assert judge_reading(CHATWOOT_IS_ALIVE, reading, control, timeout_s=5).outcome is outcome


@pytest.mark.parametrize(
    ("effect", "control", "outcome"),
    [
        (Effect(seen_after_s=1.0), BUSY, PASS),
        (Effect(), QUIET, FAIL),
        (Effect(), BUSY, ERROR),
        (Effect(problem="it has no label"), BUSY, ERROR),
    ],
)
def test_a_worker_that_left_no_trace(effect: Effect, control: Control, outcome: Outcome) -> None:
    assert judge_effect(CHATWOOT_WORKERS_WORK, effect, control, deadline_s=10).outcome is outcome
