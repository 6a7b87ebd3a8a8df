"""What the candidate answers, beside what the running release answers: its version, the form of its bodies, its times. Pure.

A version that starts well and answers wrongly is what a health check does not see.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lib.core.busyness import Control, Standing, format_s, weigh
from lib.core.wording import name_some, plain_text
from lib.transport.traffic import Sample

TIMES_SLOWER = 2.0
SLOWER_BY_S = 0.15
"""How much slower an endpoint may get: neither twice its time before, nor so much more, alone is beyond what is normal."""
FEWEST_TIMES = 5
"""Answers of an endpoint on each side; with fewer their quartiles are one request's luck."""
DEEPEST = 8
MOST_FIELDS = 400
"""Fields of one body that are compared."""
LONGEST_NAME = 60
AS_DATA = re.compile(r"\d{2}|^\d+$|^[0-9a-f-]{8,}$")
"""Names of fields that are data themselves, as a date or an id is: their values are compared as those of one field."""
KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}

Form = Mapping[str, str]
"""Field, by its path in a body -> the kind of value it holds, '' where only null was seen."""


def form_of(body: object) -> Form:
    """Return the form of a JSON body; of a list's items only the fields that each of them has."""
    found: dict[str, str] = {}
    for path, kind in walk_body(body, "", 0):
        if path in found and found[path] != kind:
            kind = found[path] or kind if not (found[path] and kind) else "several kinds"
        found[path] = kind
        if len(found) >= MOST_FIELDS:
            break
    return found


def walk_body(body: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield each field of a body, by its path, with the kind of its value."""
    if depth > DEEPEST:
        return
    if isinstance(body, dict):
        for name, value in body.items():
            shown = "*" if AS_DATA.search(str(name)) else plain_text(str(name), limit=LONGEST_NAME)
            here = f"{path}.{shown}" if path else shown
            yield here, KINDS.get(type(value), "")
            yield from walk_body(value, here, depth + 1)
    elif isinstance(body, list):
        items = [form_of(item) if isinstance(item, dict | list) else {"": KINDS.get(type(item), "")} for item in body]
        for name in set.intersection(*map(set, items)) if items else ():
            kinds = {item[name] for item in items} - {""}
            kind = "several kinds" if len(kinds) > 1 else next(iter(kinds), "")
            yield f"{path}[].{name}" if name else f"{path}[]", kind


def find_changed_form(before: Form, now: Form) -> list[str]:
    """Return what a body lost, or holds as another kind of value; what it has more than before is fine.

    Where a list is empty now, or was, nothing is known of its items.
    """
    empty = {path for path, kind in now.items() if kind in ("a list", "") and not any(one.startswith(f"{path}[]") for one in now)}
    problems: list[str] = []
    for path, kind in before.items():
        parent = path.rpartition("[]")[0] if "[]" in path else ""
        if any(path.startswith((f"{one}[]", f"{one}.")) for one in empty) and (parent or now.get(path) is None):
            continue
        if path not in now:
            if not any(path.startswith(f"{one.split(' ')[0]}.") for one in problems):
                problems.append(f"{path} is gone")
        elif kind and now[path] and now[path] != kind and "several kinds" not in (kind, now[path]):
            problems.append(f"{path} is {now[path]}, not {kind}")
    return problems


def format_changed_forms(before: Mapping[str, Form], again: Mapping[str, Form], now: Mapping[str, Form]) -> list[str]:
    """Return one sentence's part for each endpoint whose body has another form.

    before, again: endpoint -> the form of the running release's body, before the deploy and after the rollback: what differs
    between these two is no fixed part of it. now: of the candidate's.
    """
    said = []
    for path, form in before.items():
        if path not in now:
            continue
        fixed = {name: kind for name, kind in form.items() if path not in again or again[path].get(name, kind) == kind}
        fixed = {name: kind for name, kind in fixed.items() if path not in again or name in again[path]}
        if problems := find_changed_form(fixed, now[path]):
            said.append(f"{path}: {name_some(problems)}")
    return said


def describe_version(before: str, now: str, watched: Sequence[Sample]) -> str:
    """Return what is wrong with the version that answers, '' for nothing; 'unknown' is one that no answer names.

    watched: requests of users while every machine ran the candidate.
    """
    if before == "unknown" or now == "unknown":
        return ""
    if now == before:
        return f"it answers with version {before}, which is what ran before"
    old = set(before.split(", "))
    stale = sum(one.is_good and one.version in old and one.version not in now.split(", ") for one in watched)
    if old & set(now.split(", ")) or stale:
        return f"some of its answers are of version {before}, which ran before, others of {now}"
    return ""


@dataclass(frozen=True, kw_only=True)
class Slower:
    """An endpoint that got slower, in seconds: what most answers took before, half of them now, and where that stands."""

    path: str
    before_s: float
    now_s: float
    standing: Standing

    def __str__(self) -> str:
        return f"{self.path} takes {format_s(self.now_s)}, {format_s(self.before_s)} before"


def find_slower(before: Sequence[Sample], now: Sequence[Sample], control: Control) -> list[Slower]:
    """Return the endpoints that answer more slowly than before by more than is normal. control: what this machine met now.

    Other work only ever adds to a time, so the candidate's median is held against the upper quartile of what ran before.
    """
    found = []
    for path in dict.fromkeys(one.path for one in before):
        was, got = quantile_s(before, path, 0.75), quantile_s(now, path, 0.5)
        if was is None or got is None:
            continue
        standing = weigh(got, max(TIMES_SLOWER * was, was + SLOWER_BY_S), control)
        if standing is not Standing.WITHIN:
            found.append(Slower(path=path, before_s=was, now_s=got, standing=standing))
    return found


def quantile_s(samples: Sequence[Sample], path: str, share: float) -> float | None:
    """Return a quantile of the times of an endpoint's good answers in seconds, None for too few of them."""
    times = sorted(one.took_ms for one in samples if one.path == path and one.is_good)
    return times[math.ceil(share * len(times)) - 1] / 1000 if len(times) >= FEWEST_TIMES else None
