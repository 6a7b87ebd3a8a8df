"""Every figure of every task, over small, large and odd inputs: whole, legible, its limits on their axes, and small."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st

from lib.core.paths import ROOT
from lib.core.verdict import State, Verdict
from lib.display.drawing import fit, ms_ladder, ms_words, share_words, text_width_in, thin
from lib.display.figure import OUTCOME_LOOKS, SERIES, Figure
from lib.tasks.alerts.figures import alert_curves
from lib.tasks.alerts.mutations import Curve
from lib.tasks.backup_restore.figures import restore_stages
from lib.tasks.deploy_rehearsal.figures import requests_through_phases
from lib.tasks.deploy_rehearsal.outages import Phase
from lib.tasks.health.figures import latency_trend, sample_times
from lib.tasks.migrations.figures import lock_timeline
from lib.tasks.readiness_summary.figures import readiness_over_runs, run_timeline
from lib.tasks.rls.figures import matrix_heat_map
from lib.transport.traffic import Sample
from tests.support.canvases import faults_of

NOW = datetime(2026, 11, 1, 5, tzinfo=UTC)
NAMES = st.one_of(
    st.text(max_size=60), st.sampled_from(["a" * 90, "public.workspace_members", "W" * 70, "数据库迁移" * 9, "$x_1$"])
)
MS = st.one_of(st.just(0.0), st.floats(0.001, 5e7))
LIMITS = st.floats(0.01, 1e8)
FEW = settings(
    max_examples=3,
    deadline=None,
    phases=[Stage.explicit, Stage.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def distinct(some: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(some, min_size=1, max_size=most, unique=True)


@st.composite
def matrices(draw: st.DrawFn) -> Callable[[], Figure]:
    words = [*draw(distinct(NAMES, 4)), "allow", "deny", "error"]
    word = st.sampled_from(words)
    tables, identities = draw(distinct(NAMES, 4)), draw(distinct(NAMES, 3))
    verbs = draw(distinct(st.sampled_from(["select", "insert", "update", "delete"]), 4))
    cells = [
        {"table": table, "identity": identity, "verb": verb, "expected": draw(word), "observed": draw(word)}
        for table in tables
        for identity in identities
        for verb in verbs
    ]
    return lambda: matrix_heat_map(cells)


@st.composite
def locks(draw: st.DrawFn) -> Callable[[], Figure]:
    scales = draw(distinct(st.integers(1, 10**9), 3))
    facts = [
        {
            "migration": name, "scale": scale, "time_ms": draw(MS), "longest_exclusive_ms": draw(st.none() | MS),
            "longest_wait_ms": draw(st.none() | MS), "control_ms": draw(MS),
        }
        for name in draw(distinct(NAMES, 4))
        for scale in scales
    ]  # fmt: skip
    limit, blocked = draw(LIMITS), draw(st.none() | LIMITS)
    return lambda: lock_timeline(facts, limit, blocked)


@st.composite
def restores(draw: st.DrawFn) -> Callable[[], Figure]:
    steps = draw(
        st.lists(st.fixed_dictionaries({"stage": NAMES, "seconds": MS.map(lambda ms: ms / 1000)}), min_size=1, max_size=5)
    )
    rto = draw(st.floats(0.001, 1e6))
    return lambda: restore_stages(steps, rto)


@st.composite
def timed(draw: st.DrawFn) -> Callable[[], Figure]:
    services, endpoints = draw(distinct(NAMES, 3)), draw(distinct(NAMES.filter(bool), 3))
    many, limit = draw(st.integers(1, 25)), draw(LIMITS)
    samples = [
        {"service": service, "endpoint": endpoint, "ms": draw(MS), "good": draw(st.booleans())}
        for service in services
        for endpoint in endpoints
        for _ in range(many)
    ]
    return lambda: sample_times(samples, limit)


@st.composite
def trends(draw: st.DrawFn) -> Callable[[], Figure]:
    names = {f"c{place}": name for place, name in enumerate(draw(distinct(NAMES, 6)))}
    limit = draw(LIMITS)
    points = [
        {
            "run_id": f"r{night}", "started_at": NOW + timedelta(days=night), "check": check, "observed": draw(MS),
            "result": draw(st.sampled_from(["pass", "fail"])),
        }
        for night in range(draw(st.integers(1, 6)))
        for check in names
    ]  # fmt: skip
    return lambda: latency_trend(points, limit, names)


@st.composite
def deploys(draw: st.DrawFn) -> Callable[[], Figure]:
    lengths = draw(st.lists(st.floats(0, 4000), min_size=1, max_size=6))
    named = st.sampled_from(["before", "deploy", "watch", "rollback", "after", "W" * 60])
    phases, begin = [], 0.0
    for length in lengths:
        phases.append(Phase(name=draw(named), begin_s=begin, end_s=begin + length))
        begin += length
    versions = draw(distinct(NAMES, 6))
    samples = [
        Sample(begin * turn / 40, "/", draw(st.sampled_from([200, 200, 503, 0])), draw(MS), draw(st.sampled_from(versions)))
        for turn in range(draw(st.integers(1, 40)))
    ]
    return lambda: requests_through_phases(SimpleNamespace(samples=samples, phases=phases))


VALUES = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([float("inf"), 0.0])


@st.composite
def curves(draw: st.DrawFn) -> Callable[[], Figure]:
    state = st.sampled_from(["inactive", "pending", "firing"])
    alerts = draw(distinct(NAMES, 3))
    drawn = [
        Curve(
            alert=alert,
            test="t",
            expected=side,
            points=[(60 * at, draw(VALUES), draw(state)) for at in range(draw(st.integers(1, 9)))],
        )
        for alert in alerts
        for side in draw(distinct(st.sampled_from(["firing", "quiet"]), 2))
    ]
    limits = {alert: draw(st.floats(-1e9, 1e9)) for alert in alerts if draw(st.booleans())}
    return lambda: alert_curves(drawn, limits)


@st.composite
def spans(draw: st.DrawFn) -> Callable[[], Figure]:
    found = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5)):
        begin, length = NOW + timedelta(seconds=draw(st.floats(0, 1e5))), timedelta(seconds=draw(st.floats(0, 1e5)))
        ended = (begin + length).isoformat() if draw(st.booleans()) else None
        state = draw(st.sampled_from([state.value for state in State]))
        found.append({"task": name, "started_at": begin.isoformat(), "ended_at": ended, "state": state})
    return lambda: run_timeline(found)


@st.composite
def histories(draw: st.DrawFn) -> Callable[[], Figure]:
    counts = st.dictionaries(st.sampled_from(["pass", "fail", "skip", "error"]), st.integers(0, 10**6))
    word = st.sampled_from([*(verdict.word for verdict in Verdict), "UNFINISHED"])
    runs = [
        {"run_id": f"r{night}", "started_at": NOW + timedelta(days=night), "verdict": draw(word), "results": draw(counts)}
        for night in range(draw(st.integers(1, 40)))
    ]
    return lambda: readiness_over_runs(runs)


EVERY = {
    "rls": matrices(),
    "migrations": locks(),
    "backup_restore": restores(),
    "health samples": timed(),
    "health trend": trends(),
    "deploy_rehearsal": deploys(),
    "alerts": curves(),
    "run": spans(),
    "readiness": histories(),
}


@pytest.mark.parametrize("strategy", EVERY.values(), ids=EVERY)
def test_everything_lies_on_the_canvas_and_no_label_on_another(strategy: st.SearchStrategy[Callable[[], Figure]]) -> None:
    @FEW
    @given(strategy)
    def holds(draw: Callable[[], Figure]) -> None:
        _, faults = faults_of(draw)
        assert faults == []

    holds()


def forty() -> dict[str, Callable[[], Figure]]:
    """Return each figure with 40 rows or as many as it takes."""
    words = ["allow", "deny", "own", "workspace", "editors_of_this_workspace_alone"]
    cells = [
        {"table": f"public.table_of_rows_{row}", "identity": f"person_{who}", "verb": verb, "expected": words[(row + who) % 5],
         "observed": words[(row + who + (row % 7 == 3)) % 5]}
        for row in range(40) for who in range(4) for verb in ("select", "insert", "update", "delete")
    ]  # fmt: skip
    facts = [
        {"migration": f"202511{row:02d}090000_a_long_name_{row}.sql", "scale": scale, "time_ms": 9.0 * scale,
         "longest_exclusive_ms": 3.0 * scale + row, "longest_wait_ms": 2.0 * scale, "control_ms": 0.5}
        for row in range(40) for scale in (1, 10)
    ]  # fmt: skip
    samples = [
        {"service": f"service {row % 4}", "endpoint": f"endpoint {row}", "ms": 5.0 + (turn * 37) % 90, "good": turn % 30 != 7}
        for row in range(40) for turn in range(40)
    ]  # fmt: skip
    phases = [Phase(name=name, begin_s=n * 60.0, end_s=n * 60.0 + 60) for n, name in enumerate(("before", "deploy", "after"))]
    sent = [Sample(n / 20, "/", 503 if n % 50 == 7 else 200, 5.0 + n % 40, str(n // 1200)) for n in range(3600)]
    points = [(60 * at, 4.0 + (at * 7 % 13) / 6, "firing" if at % 9 > 5 else "inactive") for at in range(400)]
    tests = [
        Curve(alert=f"Alert{row}", test="t", expected=side, points=points) for row in range(40) for side in ("firing", "quiet")
    ]
    nights = [
        {"run_id": f"r{n}", "started_at": NOW + timedelta(days=n), "verdict": ("GO", "NO-GO", "BLOCKED")[n % 3],
         "results": {"pass": 150, "fail": n % 4, "error": n % 3, "skip": 4}}
        for n in range(60)
    ]  # fmt: skip
    whole = [
        {"task": f"Task {row}", "started_at": NOW.isoformat(), "ended_at": NOW.isoformat(), "state": "failed"}
        for row in range(40)
    ]
    return {
        "rls": lambda: matrix_heat_map(cells),
        "migrations": lambda: lock_timeline(facts, 20, 40),
        "backup_restore": lambda: restore_stages([{"stage": f"s{row}", "seconds": row + 1.0} for row in range(40)], 600),
        "health": lambda: sample_times(samples, 60),
        "deploy_rehearsal": lambda: requests_through_phases(SimpleNamespace(samples=sent, phases=phases)),
        "alerts": lambda: alert_curves(tests, {f"Alert{row}": 5.0 for row in range(40)}),
        "run": lambda: run_timeline(whole),
        "readiness": lambda: readiness_over_runs(nights),
    }


@pytest.mark.parametrize("draw", forty().values(), ids=forty())
def test_forty_rows_stay_small_and_whole(draw: Callable[[], Figure]) -> None:
    figure, faults = faults_of(draw)
    assert faults == []
    assert len(figure.svg) < 120_000


def test_a_run_of_every_state_and_a_month_of_nights_stay_small() -> None:
    every = [
        {
            "task": state.value,
            "started_at": NOW.isoformat(),
            "ended_at": (NOW + timedelta(seconds=9)).isoformat(),
            "state": state.value,
        }
        for state in State
    ]
    nights = [
        {"run_id": f"r{n}", "started_at": NOW + timedelta(days=n), "verdict": verdict.word, "results": {"pass": 9, "skip": n % 4}}
        for n, verdict in enumerate([*Verdict] * 6)
    ]
    assert len(run_timeline(every).svg) < 10_000 and len(readiness_over_runs(nights).svg) < 40_000


def test_tasks_define_no_colour_of_their_own() -> None:
    modules = sorted((ROOT / "lib/tasks").glob("*/figures.py"))
    assert len(modules) >= 7
    assert {path.parent.name: re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text(encoding="utf-8")) for path in modules} == {
        path.parent.name: [] for path in modules
    }


def lightness(colour: str) -> float:
    """Return a colour's lightness, CIE L* from 0 to 100."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    y = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * y ** (1 / 3) - 16


def test_no_two_outcomes_or_series_differ_by_colour_alone() -> None:
    looks = list(OUTCOME_LOOKS.values())
    for place, (colour, hatch) in enumerate(looks):
        for other, other_hatch in looks[place + 1 :]:
            assert hatch != other_hatch or abs(lightness(colour) - lightness(other)) > 15
    assert len({(marker, line) for _, marker, line in SERIES}) == len(SERIES) == len({marker for _, marker, _ in SERIES})


@given(st.text(max_size=120), st.floats(0.3, 4))
def test_a_fitted_text_is_never_wider_than_its_place(text: str, width_in: float) -> None:
    assert text_width_in(fit(text, width_in)) <= width_in


def test_a_text_that_fits_is_whole() -> None:
    assert fit("public.workspace_members", 1.9) == "public.workspace_members"
    assert fit("public.workspace_members", 1.0).startswith("public") and "…" in fit("public.workspace_members", 1.0)


@given(st.floats(1e-3, 1e9), st.floats(1.01, 1e9), st.integers(2, 6))
def test_ticks_are_few_and_between_the_ends(low: float, times: float, most: int) -> None:
    ticks = ms_ladder(low, low * times, most)
    assert len(ticks) <= most and all(low <= tick <= low * times for tick in ticks)


def test_times_and_shares_are_said_with_their_units() -> None:
    assert [ms_words(value) for value in (0.5, 20, 1000, 90_000, 7_200_000)] == ["0.5 ms", "20 ms", "1 s", "1.5 min", "2 h"]
    assert [share_words(part, 60) for part in (0.001, 1.1, 60, 120)] == ["under 0.1 %", "1.8 %", "100 %", "200 %"]


def test_thinned_points_keep_the_highest_and_their_order() -> None:
    kept = thin(list(range(1000)), 50, rank=lambda one: one % 100)
    assert len(kept) <= 50 and kept == sorted(kept) and {99, 199, 999} <= set(kept)
