"""What the looks of 04_health make of readings and samples: pure, facts in, results out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from lib.clients.chatwoot import Effect
from lib.clients.probe import Reading, fill, keep_fields, kept_answer, name_finding
from lib.clients.probe_findings import FIXES, NOT_AS_EXPECTED
from lib.core.results import Check, Result
from lib.core.wording import format_count, format_value, join_words
from lib.transport.web_types import Answer

FEWEST_SAMPLES = 20
"""Below this the 95th percentile is just the slowest one."""


def judge_reading(check: Check, reading: Reading) -> Result:
    """Judge one endpoint's answer: `fail` when an HTTP answer came and is bad, `error` when none came."""
    expected = format_expected(reading)
    question = reading.probe.question
    if reading.found is None:
        return check.passed(observed=reading.said, expected=expected)
    what = "; ".join(reading.problems) if reading.found == NOT_AS_EXPECTED else str(reading.found)
    where = f" (to {reading.answer.location})" if reading.answer.location else ""
    tries = f", asked {format_count(reading.answer.tried, 'time')}" if reading.answer.tried > 1 else ""
    return check.not_passed(
        answered=reading.was_answered,
        detail=f"{question.method} {question.path}: {what}{where}{tries}.",
        fix=FIXES[reading.found],
        observed=list(reading.problems) if reading.problems else reading.said,
        expected=expected,
    )


def format_expected(reading: Reading) -> str:
    """Return in a few words what a healthy answer of the endpoint contains."""
    one = reading.probe.expected
    parts = [f"{name} is {value}" for name, value in one.equals.items()]
    parts += [f"version like {' or '.join(one.versions)}"] if one.versions else []
    parts += [f"at least {format_count(one.min_items, 'item')}"] if one.min_items else []
    parts += [f"{name} {fill(join_words(values), reading.probe.parts)} among them" for name, values in one.includes.items()]
    parts += [f"{join_words(one.fields)} there"] if one.fields else []
    parts += [f"{name} never {format_value(value)}" for name, value in one.never.items()]
    return f"HTTP 200: {'; '.join(parts)}" if parts else "HTTP 200 with JSON"


def kept_result(result: Result) -> dict[str, Any]:
    """Return a result as the JSON beside the answers has it; the scripts for a bare machine write the same."""
    return {
        "check": result.check,
        "result": result.outcome.value,
        "observed": result.observed,
        "expected": result.expected,
        "detail": result.detail,
        "fix": list(result.fix),
    }


def reading_row(reading: Reading) -> dict[str, Any]:
    """Return one answer as a row of the notebook's table."""
    result = "pass" if reading.found is None else "fail" if reading.was_answered else "error"
    return {
        "endpoint": reading.probe.name,
        "path": reading.probe.question.path,
        "result": result,
        "seen": "; ".join(reading.problems) or reading.said,
        "time ms": round(reading.answer.elapsed_ms, 1),
        "tries": reading.answer.tried,
    }


def judge_effect(check: Check, effect: Effect, *, deadline_s: float) -> Result:
    """Judge what came of resolving the canary conversation."""
    expected = f"a worker's reporting event within {deadline_s:g} s"
    if effect.problem:
        return check.errored(
            f"The canary was not touched: {effect.problem}.",
            expected=expected,
            fix="Create a conversation for this probe alone, label it, and name it in health.chatwoot.canary_conversation.",
        )
    reading = effect.reading
    if reading is not None:
        question = reading.probe.question
        # Not allowed or not there says nothing about workers: an error.
        hidden = not reading.was_answered or reading.answer.status in (403, 404)
        return check.not_passed(
            answered=not hidden,
            detail=f"{question.method} {question.path}: {reading.said}.",
            fix=FIXES[reading.found or "unexpected status"],
            observed=reading.said,
            expected=expected,
        )
    if effect.seen_after_s is None:
        detail = "A resolved conversation left no reporting event, which only a background worker writes."
        return check.failed(detail=detail, observed="no trace of a worker", expected=expected)
    return check.passed(observed=f"after {effect.seen_after_s:.1f} s", expected=expected)


def judge_samples(
    checks: tuple[Check, Check],
    samples: Sequence[Answer],
    left_out: Mapping[str, Check],
    *,
    p95_limit_ms: float,
    min_availability: float,
) -> list[Result]:
    """Judge availability and the 95th percentile of one service's samples, by these two checks.

    left_out: endpoint -> the check that has already judged why it gave no whole first answer.
    Source: Hyndman and Fan (1996), definition 7, the numpy default.
    """
    available, within_limit = checks
    named = "; ".join(f"{name} (see {check.id})" for name, check in left_out.items())
    aside = f"Not sampled: {named}." if left_out else ""
    counted = [one for one in samples if name_finding(one)[0] != "rate limited"]
    if not samples and left_out:
        reason = f"{aside} No endpoint gave a healthy first answer."
        return [check.hidden_by(next(iter(left_out.values())).id, reason) for check in checks]
    if len(counted) < FEWEST_SAMPLES:
        few = f"Only {format_count(len(counted), 'sample')} could be taken, fewer than {FEWEST_SAMPLES}."
        fix = "Wait for the request limit, or send fewer requests."
        return [check.errored(f"{aside} {few}".strip(), fix=fix) for check in checks]
    well = [one for one in counted if name_finding(one)[0] is None]
    share = len(well) / len(counted)
    bad = sorted({str(name_finding(one)[0]) for one in counted} - {"None"})
    lost = f"{len(counted) - len(well)} of {format_count(len(counted), 'sample')} failed: {join_words(bad)}."
    availability = available.judge(
        holds=share >= min_availability,
        observed=round(share, 4),
        expected=f"at least {min_availability:g} of {format_count(len(counted), 'sample')}",
        detail=f"{aside} {lost if share < min_availability else ''}".strip(),
    )
    return [availability, judge_p95(within_limit, available, [one.elapsed_ms for one in well], p95_limit_ms, aside)]


def judge_p95(check: Check, available: Check, times_ms: Sequence[float], limit_ms: float, aside: str = "") -> Result:
    """Judge the 95th percentile of the times of good answers, in ms. available: the check that judges how many were good."""
    if len(times_ms) < FEWEST_SAMPLES:
        return check.hidden_by(available.id, f"{aside} Too few good answers to time.".strip())
    p95 = percentile(times_ms, 95)
    slow = f"Half of the answers took up to {percentile(times_ms, 50):.0f} ms, the slowest {max(times_ms):.0f} ms."
    detail = f"{aside} {slow if p95 > limit_ms else ''}".strip()
    return check.judge(holds=p95 <= limit_ms, observed=round(p95, 1), expected=limit_ms, unit="ms", detail=detail)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def sample_rows(samples: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return one row for each sampled endpoint: how many, how many good, and their times."""
    rows = []
    for name in dict.fromkeys(one.question.name for one in samples):
        own = [one for one in samples if one.question.name == name]
        times = [one.elapsed_ms for one in own if name_finding(one)[0] is None]
        spread = [round(percentile(times, percent), 1) for percent in (50, 95)] if len(times) > 1 else [None, None]
        slowest = round(max(times), 1) if times else None
        counts = {"endpoint": name, "samples": len(own), "good": len(times)}
        rows.append({**counts, "p50 ms": spread[0], "p95 ms": spread[1], "max ms": slowest})
    return rows


def kept_samples(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """Return every sample as evidence keeps it; a body equal to the endpoint's last one is not repeated."""
    last: dict[str, Any] = {}
    kept = []
    for reading in readings:
        one = kept_answer(reading)
        body = keep_fields(one["body"], None) if not isinstance(one["body"], dict | list) else one["body"]
        if reading.probe.name in last and last[reading.probe.name] == body:
            one.pop("body")
            one["same_body"] = True
        last[reading.probe.name] = body
        kept.append(one)
    return kept
