"""What a service's answer means: its own word for each way of being bad, and what is kept of it.

A 200 is not health: the body is compared with what params expect. Only listed fields of a body are ever
kept, since healthy answers carry tokens, mail passwords and people's addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from pydantic import Field, model_validator

from lib.clients.probe_findings import HTML, NOT_AS_EXPECTED, NOT_JSON, name_status
from lib.core.redact import redact
from lib.core.section import Section
from lib.core.wording import format_value, plain_text
from lib.transport.web_types import Answer, Question, read_json

Keep = Mapping[str, Any]
"""Field -> None, or the fields kept of what is below it; of each item, where it is a list."""

MOST_ITEMS = 50
LONGEST_VALUE = 200
LONGEST_ID = 40
LACKING = ("there are ", "none of the items ")
"""How the sentence begins for items that are not in a list."""
KEPT_OF_ERRORS: Keep = {"error": None, "errors": None, "description": None, "message": None}
Plain = str | int | bool
"""A value that an answer may be compared with."""


class Endpoint(Section):
    """One path of a service, and what a healthy answer of it must contain.

    `{account}` and `{workspace}` stand for the target's own, in the path and in `includes`.
    """

    path: str = Field(pattern="^/")  # behind the service's address; starts with /
    equals: dict[str, Plain] = Field(default_factory=dict)  # field -> what it must be
    fields: list[str] = Field(default_factory=list)  # must be there and not null; of each item, where there are items
    versions: list[str] = Field(default_factory=list)  # the field `version` must match one, like 4.*
    items: str | None = None  # the field that holds the list; `.` when the answer itself is one
    min_items: int = Field(default=0, ge=0)  # fewest items that the list must have
    includes: dict[str, list[str]] = Field(default_factory=dict)  # field -> values, each of which some item must have
    never: dict[str, Plain] = Field(default_factory=dict)  # field -> a value that no item may have

    @model_validator(mode="after")
    def check_expectation(self) -> Self:
        if not (self.equals or self.fields or self.versions or self.min_items or self.includes or self.never):
            raise ValueError(
                "nothing is expected of a healthy answer, so any would pass; set equals, fields, versions or min_items"
            )
        if not self.items and (self.min_items or self.includes or self.never):
            raise ValueError(
                "min_items, includes and never are about items; set items to the field that holds them (`.`: the answer itself)"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One endpoint to request: what is sent, what is expected, and what may be kept of the answer.

    parts: what `{account}` and `{workspace}` stand for.
    """

    question: Question
    expected: Endpoint
    keep: Keep
    parts: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.question.name


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One answer, understood. found: what is bad about it, None when nothing is. problems: in which respects."""

    probe: Probe
    answer: Answer
    found: str | None
    problems: tuple[str, ...] = ()
    body: Any = None

    @property
    def was_answered(self) -> bool:
        """Whether an HTTP answer came at all: then a bad one is a `fail`, else it is an `error`."""
        return self.answer.status is not None

    @property
    def said(self) -> str:
        """What came back, in a few words."""
        status = f" (HTTP {self.answer.status})" if self.was_answered else ""
        return f"{self.found or 'healthy'}{status}"


def read_answer(probe: Probe, answer: Answer, extra: Sequence[str] = ()) -> Reading:
    """Return what one answer means. extra: problems of the body that only the caller knows to look for."""
    found, body = name_finding(answer)
    if found:
        return Reading(probe=probe, answer=answer, found=found, body=body)
    problems = (*body_problems(body, probe), *extra)
    return Reading(probe=probe, answer=answer, found=NOT_AS_EXPECTED if problems else None, problems=problems, body=body)


def name_finding(answer: Answer) -> tuple[str | None, Any]:
    """Return what is bad about an answer before its meaning is looked at, and its JSON, if it is any."""
    body = None if answer.failure or answer.json_problem else read_json(answer.body)
    return find_fault(answer), body


def find_fault(answer: Answer) -> str | None:
    """Return what is bad about an answer before its meaning is looked at, None when nothing is."""
    if answer.failure:
        return answer.failure
    if (found := name_status(answer.status or 0)) or not answer.json_problem:
        return found
    is_page = "html" in answer.headers.get("content-type", "") or answer.body.lstrip()[:1] == b"<"
    return HTML if is_page else NOT_JSON


def body_problems(body: Any, probe: Probe) -> Iterator[str]:
    """Yield each respect in which a body is not what params expect."""
    expected = probe.expected
    items = read_items(body, expected.items)
    if expected.items and items is None:
        yield f"there is no list {'' if expected.items == '.' else repr(expected.items) + ' '}in it"
        return
    parts = items if items is not None else [body]
    for name, value in expected.equals.items():
        if read_field(body, name) != value or isinstance(read_field(body, name), bool) is not isinstance(value, bool):
            yield f"{name} is {format_field(body, name, probe.keep)}, not {format_value(value)}"
    for name in expected.fields:
        if any(read_field(one, name) is None for one in parts):
            yield f"{name} is missing"
    if expected.versions and not matches(read_field(body, "version"), expected.versions):
        yield f"version {format_field(body, 'version', probe.keep)} is not one of {', '.join(expected.versions)}"
    if items is not None:
        yield from item_problems(items, probe)


def item_problems(items: Sequence[Any], probe: Probe) -> Iterator[str]:
    """Yield each respect in which a list is not what params expect."""
    expected = probe.expected
    if len(items) < expected.min_items:
        yield f"there are {len(items)} items, fewer than {expected.min_items}"
    for name, wanted in expected.includes.items():
        there = {str(read_field(one, name)) for one in items}
        for value in (fill(text, probe.parts) for text in wanted):
            if value not in there:
                yield f"none of the items has the {name} {value}"
    for name, forbidden in expected.never.items():
        bad = [one for one in items if read_field(one, name) == forbidden]
        if bad:
            named = ", ".join(format_value(read_field(one, "id"), limit=LONGEST_ID) for one in bad[:5])
            yield f"{name} is {format_value(forbidden)} of {named}"


def read_items(body: Any, where: str | None) -> list[Any] | None:
    """Return the list that an answer holds, or None."""
    found = None if where is None else body if where == "." else read_field(body, where)
    return found if isinstance(found, list) else None


def read_field(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, Mapping) else None


def format_field(body: Any, name: str, keep: Keep) -> str:
    """Return a field's value for a sentence; of a field that may not be kept, only that it differs."""
    value = read_field(body, name)
    top = value is None or (name in keep and not isinstance(value, Mapping | list))
    return redact(format_value(value, limit=60)) if top and value is not None else "missing" if value is None else "another value"


def matches(version: Any, patterns: Sequence[str]) -> bool:
    return isinstance(version, str) and any(fnmatchcase(version, pattern) for pattern in patterns)


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Return a path or value with `{account}` and `{workspace}` filled in."""
    for name, value in parts.items():
        template = template.replace("{" + name + "}", value)
    return template


def keep_fields(body: Any, keep: Keep | None) -> Any:
    """Return what may be kept of a body: listed fields, texts and lists cut."""
    if isinstance(body, list):
        return [keep_fields(item, keep) for item in body[:MOST_ITEMS]]
    if isinstance(body, Mapping):
        return {name: keep_fields(body[name], below) for name, below in (keep or {}).items() if name in body}
    if keep is not None:
        return None  # a plain value where fields were listed: nobody said that it may be kept
    return redact(plain_text(body, limit=LONGEST_VALUE)) if isinstance(body, str) else body


def kept_answer(reading: Reading) -> dict[str, Any]:
    """Return one answer as evidence keeps it."""
    answer, probe = reading.answer, reading.probe
    keep = probe.keep if answer.is_whole else KEPT_OF_ERRORS
    return {
        "endpoint": probe.name,
        "path": probe.question.path,
        "asked_at": answer.asked_at.isoformat(timespec="milliseconds"),
        "status": answer.status,
        "found": str(reading.found) if reading.found else None,
        "elapsed_ms": round(answer.elapsed_ms, 1),
        "tried": answer.tried,
        "headers": {name: redact(plain_text(value, limit=LONGEST_VALUE)) for name, value in answer.headers.items()},
        "size_bytes": len(answer.body),
        "body": keep_fields(reading.body, keep),
    }
