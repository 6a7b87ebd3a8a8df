"""When deploys may begin: days, hours and a time zone, as a project declares them. Pure, but for `read_clock`.

A window opens on each of its days and belongs to the day it opens on: one from 22:00 until 02:00 on fri is open early on
Saturday. Where clocks are put forward, a time that is skipped is as long after midnight as it says; where they are put back, a
time that is there twice is the first of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from difflib import get_close_matches
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from lib.core.section import Section

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
CLOSED = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$")
LONGEST_SEARCH_DAYS = 3 * 366
"""How far the next opening is looked for."""


class Window(Section):
    """When a deploy may begin; what is said of one day holds for the whole stretch that opens on it."""

    days: list[Day] = Field(min_length=1)  # on which it opens
    opens: TimeOfDay  # as "09:00"
    until: TimeOfDay  # as "16:00"; not later than `opens`: on the next day
    time_zone: str  # an IANA name, such as Europe/Berlin
    closed: list[str] = Field(default_factory=list)  # days on which it does not open: "2026-12-24", or "2026-12-24..2027-01-01"

    @field_validator("time_zone")
    @classmethod
    def check_zone(cls, name: str) -> str:
        """Refuse a name that the time zone database does not have."""
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            near = get_close_matches(name, sorted(available_timezones()), n=1)
            meant = f"did you mean {near[0]}?" if near else "write one like Europe/Berlin"
            raise PydanticCustomError(
                "time_zone", "'{name}' is not an IANA time zone; {meant}", {"name": name, "meant": meant}
            ) from exc
        return name

    @field_validator("closed")
    @classmethod
    def check_closed(cls, closed: list[str]) -> list[str]:
        """Refuse what is neither a day nor a first and last day."""
        for text in closed:
            try:
                first, last = read_days(text)
            except ValueError:
                first, last = date.max, date.min
            if first > last:
                raise PydanticCustomError(
                    "closed", '\'{text}\' is not a day; write "2026-12-24", or "2026-12-24..2027-01-01"', {"text": text[:40]}
                )
        return closed

    @property
    def words(self) -> str:
        """The window as a person reads it."""
        closed = f", not on {', '.join(self.closed)}" if self.closed else ""
        return f"{', '.join(self.days)} {self.opens}-{self.until} {self.time_zone}{closed}"


def read_days(text: str) -> tuple[date, date]:
    """Return the first and last of the days that a text names. Raises ValueError when it names none."""
    match = CLOSED.match(text)
    if not match:
        raise ValueError(text)
    return date.fromisoformat(match[1]), date.fromisoformat(match[2] or match[1])


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One stretch in which a deploy may begin: from `opens` to before `closes`, both in the window's zone."""

    opens: datetime
    closes: datetime

    def holds(self, now: datetime) -> bool:
        return self.opens.astimezone(UTC) <= now.astimezone(UTC) < self.closes.astimezone(UTC)


def openings(window: Window, first: date, days: int) -> Iterator[Opening]:
    """Yield the stretches that open on these days, in order."""
    zone = ZoneInfo(window.time_zone)
    begins, ends = time_of_day.fromisoformat(window.opens), time_of_day.fromisoformat(window.until)
    closed = [read_days(text) for text in window.closed]
    for distance in range(days):
        day = first + timedelta(days=distance)
        if DAYS[day.weekday()] not in window.days or any(start <= day <= end for start, end in closed):
            continue
        last = day + timedelta(days=int(ends <= begins))
        yield Opening(opens=datetime.combine(day, begins, zone), closes=datetime.combine(last, ends, zone))


def find_opening(window: Window, now: datetime) -> Opening | None:
    """Return the stretch that this moment is in; None when a deploy may not begin."""
    today = now.astimezone(ZoneInfo(window.time_zone)).date()
    return next((one for one in openings(window, today - timedelta(days=2), 4) if one.holds(now)), None)


def find_next(window: Window, now: datetime) -> Opening | None:
    """Return the next stretch that opens after this moment; None when there is none for years."""
    today = now.astimezone(ZoneInfo(window.time_zone)).date()
    later = openings(window, today - timedelta(days=1), LONGEST_SEARCH_DAYS)
    return next((one for one in later if one.opens.astimezone(UTC) > now.astimezone(UTC)), None)


def describe_next(window: Window, now: datetime) -> str:
    """Return when it opens next, as a sentence."""
    coming = find_next(window, now)
    return f"It opens next on {format_moment(coming.opens)}." if coming else "It does not open again within three years."


def format_moment(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y %H:%M %Z}"


def read_clock() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)
