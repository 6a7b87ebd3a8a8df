"""The deployment window: days, hours, zones, clocks that are put forward and back, and days on which it stays closed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lib.core.errors import ParamsError
from lib.core.faults import End
from lib.core.results import Outcome, SkipReason
from lib.run.params import load_params
from lib.tasks.deploy_rehearsal import allowed, faults, looks
from lib.tasks.deploy_rehearsal.faults import FAULTS
from lib.tasks.deploy_rehearsal.judge_window import judge_window
from lib.tasks.deploy_rehearsal.window import DAYS, Window, find_next, find_opening
from lib.transport.context import Context, Programs
from lib.transport.database import Database
from tests.support.faults import try_faults, unfound
from tests.support.fly_worlds import settings
from tests.support.layered import copy_params

BERLIN = {"days": ["mon", "tue", "wed", "thu"], "opens": "09:00", "until": "16:00", "time_zone": "Europe/Berlin"}


def window(**changes: Any) -> Window:
    return Window.model_validate({**BERLIN, **changes})


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T07:59:59", False),  # Monday, 08:59:59 in Berlin
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T14:59:59", True),
        ("2026-11-23T15:00:00", False),
        ("2026-11-27T10:00:00", False),  # Friday
        ("2026-06-22T07:00:00", True),  # summer time: one hour earlier in UTC
        ("2026-06-22T14:00:00", False),
    ],
)
def test_it_is_open_from_its_first_moment_to_before_its_last(moment: str, is_open: bool) -> None:
    assert (find_opening(window(), at(moment)) is not None) is is_open


def test_days_on_which_it_stays_closed() -> None:
    one = window(closed=["2026-11-23", "2026-12-21..2027-01-03"])
    assert find_opening(one, at("2026-11-23T10:00")) is None
    assert find_opening(one, at("2026-11-24T10:00")) is not None
    assert [find_opening(one, at(f"{day}T10:00")) is None for day in ("2026-12-21", "2026-12-31", "2027-01-04")] == [
        True,
        True,
        False,
    ]


def test_over_midnight_it_belongs_to_the_day_it_opens_on() -> None:
    late = window(days=["thu"], opens="22:00", until="02:00", time_zone="UTC", closed=["2026-11-20"])
    assert find_opening(late, at("2026-11-19T22:00")) is not None
    assert find_opening(late, at("2026-11-20T01:59")) is not None  # Friday is closed, but this is Thursday's
    assert find_opening(late, at("2026-11-20T02:00")) is None
    assert find_opening(late, at("2026-11-19T01:00")) is None  # Wednesday's night is not


def test_the_same_time_twice_is_a_whole_day() -> None:
    whole = window(days=["wed"], opens="09:00", until="09:00", time_zone="UTC")
    assert find_opening(whole, at("2026-11-26T08:59")) is not None
    assert find_opening(whole, at("2026-11-26T09:00")) is None


class TestClocks:
    """Berlin puts clocks forward on 29 March 2026 at 02:00, and back on 25 October 2026 at 03:00."""

    def test_a_time_that_is_skipped_opens_as_long_after_midnight(self) -> None:
        spring = window(days=["sun"], opens="02:30", until="04:00")
        assert find_opening(spring, at("2026-03-29T01:29")) is None
        assert find_opening(spring, at("2026-03-29T01:30")) is not None  # 03:30 of summer time
        assert find_opening(spring, at("2026-03-29T02:00")) is None  # 04:00

    def test_a_time_that_is_there_twice_is_the_first(self) -> None:
        autumn = window(days=["sun"], opens="02:00", until="02:30")
        assert find_opening(autumn, at("2026-10-25T00:00")) is not None
        assert find_opening(autumn, at("2026-10-25T00:30")) is None
        assert find_opening(autumn, at("2026-10-25T01:15")) is None  # 02:15 once more, and closed

    def test_a_window_over_the_change_is_as_long_as_the_clock_makes_it(self) -> None:
        night = window(days=["sat"], opens="23:00", until="05:00")
        for day, hours in (("2026-03-28", 5), ("2026-10-24", 7), ("2026-11-14", 6)):
            opening = find_next(night, at(f"{day}T00:00"))
            assert opening is not None
            assert opening.closes.astimezone(UTC) - opening.opens.astimezone(UTC) == timedelta(hours=hours)


MOMENTS = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2030, 12, 31), timezones=st.just(UTC))
TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda pair: f"{pair[0]:02}:{pair[1]:02}")
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "America/St_Johns", "UTC"]
)
WINDOWS = st.builds(
    lambda days, opens, until, zone: Window(days=days, opens=opens, until=until, time_zone=zone),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    TIMES,
    TIMES,
    ZONES,
)


@given(WINDOWS, MOMENTS)
def test_an_opening_holds_its_moment_and_opens_on_one_of_its_days(one: Window, now: datetime) -> None:
    opening = find_opening(one, now)
    if opening is not None:
        assert opening.opens <= now.astimezone(UTC) < opening.closes
        assert DAYS[opening.opens.weekday()] in one.days
        assert opening.closes.astimezone(UTC) - opening.opens.astimezone(UTC) <= timedelta(hours=26)


@given(WINDOWS, MOMENTS)
def test_the_next_opening_is_open_when_it_begins_and_none_opens_before_it(one: Window, now: datetime) -> None:
    coming = find_next(one, now)
    assert coming is not None
    begins = coming.opens.astimezone(UTC)
    assert begins > now
    if coming.closes.astimezone(UTC) > begins:
        assert find_opening(one, begins) is not None
    if find_opening(one, now) is None:
        between = now + (begins - now) / 2
        assert find_opening(one, between) is None or find_opening(one, between) == coming


@given(st.lists(st.sampled_from(DAYS), min_size=1, unique=True), TIMES, TIMES, MOMENTS)
def test_without_summer_time_it_is_what_minutes_of_the_week_say(days: list[Any], opens: str, until: str, now: datetime) -> None:
    """Another way to the same answer: no dates, only minutes since Monday."""
    one = Window(days=days, opens=opens, until=until, time_zone="UTC")
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (opens, until)]
    length = (minutes[1] - minutes[0]) % 1440 or 1440
    minute = now.weekday() * 1440 + now.hour * 60 + now.minute
    starts = [DAYS.index(day) * 1440 + minutes[0] for day in days]
    assert (find_opening(one, now) is not None) == any((minute - start) % 10080 < length for start in starts)


def test_a_day_that_a_zone_never_had_is_no_bug() -> None:
    """Samoa left out 30 December 2011."""
    one = window(days=["fri"], time_zone="Pacific/Apia")
    assert find_next(one, at("2011-12-29T12:00")) is not None


class TestJudged:
    def test_open_passes_and_closed_fails_with_the_next_opening(self) -> None:
        open_now = judge_window(window(), at("2026-11-23T10:00"), is_live=True)
        assert (open_now.outcome, open_now.detail) == (Outcome.PASS, "It is open until Mon 23 Nov 2026 16:00 CET.")
        closed = judge_window(window(), at("2026-11-27T10:00"), is_live=True)
        assert closed.outcome is Outcome.FAIL
        assert "It opens next on Mon 30 Nov 2026 09:00 CET." in closed.detail
        assert closed.observed == "Fri 27 Nov 2026 11:00 CET"

    def test_without_a_window_it_does_not_apply(self) -> None:
        result = judge_window(None, at("2026-11-27T10:00"), is_live=True)
        assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_APPLICABLE)

    def test_a_rehearsal_is_not_bound_and_says_how_it_stands(self) -> None:
        result = judge_window(window(), at("2026-11-27T10:00"), is_live=False)
        assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_DUE)
        assert "It is closed." in result.detail

    def test_one_that_never_opens_again_is_told(self) -> None:
        one = window(closed=["2026-01-01..2099-12-31"])
        assert "does not open again" in judge_window(one, at("2026-11-27T10:00"), is_live=True).detail


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Europe/Berln"}, "not an IANA time zone; did you mean Europe/Berlin?"),
        ({"time_zone": "../../etc/passwd"}, "not an IANA time zone"),
        ({"time_zone": ""}, "not an IANA time zone"),
        ({"closed": ["24.12.2026"]}, "'24.12.2026' is not a day"),
        ({"closed": ["2026-02-30"]}, "'2026-02-30' is not a day"),
        ({"closed": ["2027-01-01..2026-12-24"]}, "is not a day"),
        ({"days": []}, "at least 1"),
        ({"days": ["monday"]}, "mon"),
        ({"opens": "9:00"}, "pattern"),
        ({"until": "24:00"}, "pattern"),
        ({"until": 960}, "string"),
    ],
)
def test_what_is_no_window_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        window(**changes)
    assert said in str(caught.value)


def test_an_unknown_zone_is_one_clear_line_before_anything_starts(tmp_path: Path) -> None:
    folder = copy_params(tmp_path)
    text = '{days: [mon], opens: "09:00", until: "16:00", time_zone: Mars/Olympus}'
    (folder / "bad.yaml").write_text(f"extends: local\ndeploy_rehearsal: {{window: {text}}}\n")
    with pytest.raises(ParamsError) as caught:
        load_params("bad", variables={}, folder=folder)
    (line,) = [one for one in caught.value.problems if "Mars/Olympus" in one]
    assert "deploy_rehearsal.window.time_zone" in line and "not an IANA time zone" in line


def context(folder: Path, *, embedded: bool, **changes: Any) -> Context[Any]:
    nowhere = Database("postgresql://user@127.0.0.1/none")
    return Context(
        environment="staging", pack=folder, settings=settings(**changes), sections={}, target=nowhere, scratch=nowhere,
        programs=Programs(supabase=Path("x"), squawk=Path("x"), postgres_bin=Path("x")), work=folder, kept=folder,
        embedded=frozenset({"fly", "database"} if embedded else {"database"}),
    )  # fmt: skip


def hold_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    for module in (allowed, looks, faults):
        monkeypatch.setattr(module, "read_clock", lambda: moment)


def test_outside_of_it_nothing_is_deployed_to_a_live_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_clock(monkeypatch, at("2026-11-27T10:00"))
    live = context(tmp_path, embedded=False, window=BERLIN)
    refusal = allowed.find_closed_window(live)
    assert refusal is not None and "The deployment window is closed. It opens next on Mon 30 Nov" in refusal.reason
    assert allowed.find_refusal(live, "some-app") is not None
    assert allowed.find_closed_window(context(tmp_path, embedded=True, window=BERLIN)) is None
    assert allowed.find_closed_window(context(tmp_path, embedded=False)) is None
    hold_clock(monkeypatch, at("2026-11-30T10:00"))
    assert allowed.find_closed_window(live) is None


def test_faults_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_clock(monkeypatch, at("2026-11-30T09:00"))
    trials = try_faults(FAULTS, looks.look_at_window, context(tmp_path, embedded=False, window=BERLIN), tmp_path)
    assert unfound(trials) == []
    assert sum(one.end is End.FOUND for one in trials) >= 8


def test_the_samples_window_is_what_its_runbook_says() -> None:
    declared = load_params("production", variables={}).sections["deploy_rehearsal"].window
    assert declared is not None
    assert (declared.days, declared.opens, declared.until) == (["mon", "tue", "wed", "thu"], "09:00", "16:00")
    assert find_opening(declared, at("2026-12-28T10:00")) is None and date(2026, 12, 28).weekday() == 0
