"""What the looks of 04_health make of readings and samples: pure, facts in, results out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lib.clients.chatwoot import Effect
from lib.clients.probe import Reading, fill, find_fault, keep_fields, kept_answer
from lib.clients.probe_findings import FIXES, NOT_JSON, NOT_SEEN_BY_AGENT
from lib.core.busyness import RUN_AGAIN, Control, Standing, judge_timed, too_busy_for, weigh, weigh_timeout
from lib.core.left_out import LeftOut, judge_all, name_causes
from lib.core.results import Check, Outcome, Result
from lib.core.wording import format_count, format_value, join_words
from lib.tasks.health.timing import FEWEST_SAMPLES, TIME_OUTS, SampleLimits, counted_of, percentile, times_of, weigh_availability
from lib.transport.web_types import Answer


def judge_reading(check: Check, reading: Reading, control: Control, *, timeout_s: float) -> Result:
    """Judge one endpoint's answer: `fail` when an HTTP answer came and is bad, `error` when none came or too little is shown.

    control: what this machine met meanwhile; beside one that was held up, an answer that took too long is an `error`.
    """
    expected = format_expected(reading)
    question = reading.probe.question
    if reading.found is None:
        return check.passed(observed=reading.said, expected=expected)
    where = f" (to {reading.answer.location})" if reading.answer.location else ""
    tries = f", asked {format_count(reading.answer.tried, 'time')}" if reading.answer.tried > 1 else ""
    is_unclear = reading.found in TIME_OUTS and weigh_timeout(timeout_s, control) is Standing.UNCLEAR
    busy = f"{too_busy_for(control, timeout_s)} " if is_unclear else ""
    return check.not_passed(
        answered=reading.was_answered and not is_unclear and reading.found != NOT_SEEN_BY_AGENT,
        detail=f"{busy}{question.method} {question.path}: {'; '.join(reading.problems) or reading.found}{where}{tries}.",
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
    is_bad = reading.was_answered and reading.found != NOT_SEEN_BY_AGENT
    result = "pass" if reading.found is None else "fail" if is_bad else "error"
    why = f": {reading.answer.json_problem}" if reading.found == NOT_JSON else ""
    return {
        "endpoint": reading.probe.name,
        "path": reading.probe.question.path,
        "result": result,
        "seen": "; ".join(reading.problems) or reading.said + why,
        "time ms": round(reading.answer.elapsed_ms, 1),
        "tries": reading.answer.tried,
    }


def judge_effect(check: Check, effect: Effect, control: Control, *, deadline_s: float) -> Result:
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
        if weigh_timeout(deadline_s, control) is Standing.UNCLEAR:
            said = f"{too_busy_for(control, deadline_s)} {detail}"
            return check.errored(said, observed="no trace of a worker", expected=expected, fix=RUN_AGAIN)
        return check.failed(detail=detail, observed="no trace of a worker", expected=expected)
    return check.passed(observed=f"after {effect.seen_after_s:.1f} s", expected=expected)


def judge_samples(
    checks: tuple[Check, Check],
    samples: Sequence[Answer],
    left_out: Mapping[str, Check],
    *,
    limits: SampleLimits,
    control: Control,
) -> list[Result]:
    """Judge availability and the 95th percentile of one service's samples, by these two checks.

    left_out: endpoint -> the check that has already judged why it gave no whole first answer; the others' times say nothing
    of it, so the service is not found well. control: what this machine met while they were taken.
    Source: Hyndman and Fan (1996), definition 7, the numpy default.
    """
    available = checks[0]
    counted = counted_of(samples)
    aside = find_unsampled(samples, left_out)
    refused = len(samples) - len(counted)
    limited = f"Not counted, for the service's limit of requests: {format_count(refused, 'sample')}." if refused else ""
    if not samples and left_out:
        return [judge_all(check, holds=True, left_out=aside, **count_endpoints(samples, left_out)) for check in checks]
    if len(counted) < FEWEST_SAMPLES:
        few = f"Only {format_count(len(counted), 'sample')} could be taken, fewer than {FEWEST_SAMPLES}."
        fix = "Wait for the request limit, or send fewer requests."
        return [check.errored(join_sentences([one.reason for one in aside], few), fix=fix) for check in checks]
    well = [one for one in counted if find_fault(one) is None]
    share = len(well) / len(counted)
    bad = sorted({str(find_fault(one)) for one in counted} - {"None"})
    lost = f"{len(counted) - len(well)} of {format_count(len(counted), 'sample')} failed: {join_words(bad)}."
    standing = weigh_availability(samples, limits, control)
    facts: dict[str, Any] = {
        "observed": round(share, 4),
        "expected": f"at least {limits.min_availability:g} of {format_count(len(counted), 'sample')}",
    }
    if standing is Standing.UNCLEAR:
        said = join_sentences([too_busy_for(control, limits.timeout_s), lost], *(one.reason for one in aside))
        availability = available.errored(said, fix=RUN_AGAIN, **facts)
    elif standing is Standing.WITHIN and aside:
        availability = judge_all(available, holds=True, left_out=aside, **count_endpoints(samples, left_out))
    else:
        said = join_sentences([lost if standing is Standing.BEYOND else ""], limited)
        availability = judge_all(available, holds=standing is Standing.WITHIN, left_out=aside, detail=said, **facts)
    p95 = judge_p95(checks[1], times_of(samples), limits.p95_ms, control, available=availability)
    if p95.outcome is Outcome.PASS and aside:
        p95 = judge_all(checks[1], holds=True, left_out=aside, **count_endpoints(samples, left_out))
    return [availability, p95]


def join_sentences(said: Sequence[str], *more: str) -> str:
    """Return sentences as one text, empty ones left out."""
    return " ".join(filter(None, (*said, *more)))


def find_unsampled(samples: Sequence[Answer], left_out: Mapping[str, Check]) -> list[LeftOut]:
    """Return the endpoints that no sample that counts speaks of: judged already, or always beyond the limit of requests."""
    hidden = name_causes((name, check.id) for name, check in left_out.items())
    aside = [
        LeftOut(reason=f"Without a healthy first answer, so not sampled: {join_words(names)}.", cause=cause)
        for cause, names in hidden.items()
    ]
    named = dict.fromkeys(one.question.name for one in samples)
    counted = {one.question.name for one in counted_of(samples)}
    silent = [name for name in named if name not in counted]
    if silent:
        fix = "Wait for the request limit, or send fewer requests."
        aside.append(LeftOut(reason=f"Every sample of {join_words(silent)} met the limit of requests.", fix=fix))
    return aside


def count_endpoints(samples: Sequence[Answer], left_out: Mapping[str, Check]) -> dict[str, Any]:
    """Return how many of the service's endpoints were sampled, and how many there are, as facts of a result."""
    named = {one.question.name for one in counted_of(samples)}
    whole = {*left_out, *(one.question.name for one in samples)}
    return {"observed": f"{len(named)} of {format_count(len(whole), 'endpoint')}", "expected": "every endpoint"}


def judge_p95(check: Check, times_ms: Sequence[float], limit_ms: float, control: Control, *, available: Result) -> Result:
    """Judge the 95th percentile of the times of good answers, in ms. available: what availability came to."""
    if len(times_ms) < FEWEST_SAMPLES:
        few = "Too few good answers to time."
        if available.outcome is Outcome.PASS:
            return check.errored(few, fix="Take more samples: raise health.samples in the params file.")
        return check.hidden_by(available.check, few)
    p95 = percentile(times_ms, 95)
    slow = f"Half of the answers took up to {percentile(times_ms, 50):.0f} ms, the slowest {max(times_ms):.0f} ms."
    standing = weigh(p95 / 1000, limit_ms / 1000, control)
    detail = slow if standing is not Standing.WITHIN else ""
    facts: dict[str, Any] = {"observed": round(p95, 1), "expected": limit_ms, "unit": "ms", "detail": detail}
    return judge_timed(check, standing, control_s=control.held_up_s(p95 / 1000), limit_s=limit_ms / 1000, **facts)


def sample_rows(samples: Sequence[Answer], control: Control) -> list[dict[str, Any]]:
    """Return one row for each sampled endpoint: how many, how many good, their times, and how late the control was."""
    rows = []
    for name in dict.fromkeys(one.question.name for one in samples):
        own = [one for one in samples if one.question.name == name]
        times = [one.elapsed_ms for one in own if find_fault(one) is None]
        spread = [round(percentile(times, percent), 1) for percent in (50, 95)] if len(times) > 1 else [None, None]
        slowest = round(max(times), 1) if times else None
        late_ms = round(control.late_s * 1000, 1)
        counts = {"endpoint": name, "samples": len(own), "good": len(times)}
        rows.append({**counts, "p50 ms": spread[0], "p95 ms": spread[1], "max ms": slowest, "control ms": late_ms})
    return rows


def kept_samples(readings: Iterable[Reading]) -> list[dict[str, Any]]:
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
