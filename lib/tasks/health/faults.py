"""The faults of this task: a vendor's answer changed, on a server of this machine that plays the vendor from what it answered."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lib.clients.chatwoot import chatwoot_probes
from lib.clients.probe import Endpoint, Probe, fill, read_items
from lib.clients.publer import publer_probes
from lib.core.results import Check, Look
from lib.tasks.faults import Change, Fault, Faults, Operator, Scene, with_section
from lib.tasks.health.looks import (
    CHATWOOT,
    PUBLER,
    look_at_chatwoot,
    look_at_chatwoot_times,
    look_at_publer,
    look_at_publer_times,
)
from lib.tasks.health.task import CHATWOOT_AVAILABLE, PUBLER_AVAILABLE
from lib.transport.context import Service
from lib.transport.replay import Alter, Recorded, Replay, as_it_was, replaying

PROBES: Mapping[str, Callable[[Service, Any], list[Probe]]] = {"chatwoot": chatwoot_probes, "publer": publer_probes}
HTML = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}
FEWEST = 20
"""Samples of a look at times whose answers are changed; the settings allow no fewer."""


def played(scene: Scene, service: str) -> Replay:
    """Return what plays a service for this scene."""
    playing = scene.once(service, lambda: scene.standing.enter_context(replaying(scene.context.service(service).url)))
    return playing[1]  # type: ignore[no-any-return]


def with_answers(service: str, alter: Alter) -> Change:
    """Return the change after which a service answers otherwise; each request is tried once."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        replay = played(scene, service)
        address = scene.kept[service][0]
        own = scene.context.services[service]
        there = replace(own, parts={**own.parts, "url": address})
        context = with_section(scene.context, attempts=1, samples=min(scene.context.settings.samples, FEWEST))
        replay.alter = alter
        try:
            yield replace(scene, context=replace(context, services={**context.services, service: there}))
        finally:
            replay.alter = as_it_was

    return change


def at(path: str, change: Callable[[Recorded], Recorded]) -> Alter:
    """Return what changes the answer to one path alone."""
    return lambda asked, answer: change(answer) if asked.partition("?")[0].endswith(path) else answer


def always(answer: Recorded) -> Callable[[Recorded], Recorded]:
    """Return the change to this answer, whatever it was."""
    return lambda _: answer


CLASSES: Mapping[str, Callable[[Recorded], Recorded]] = {
    "500": always(Recorded(status=500, body=b'{"error": "server error"}')),
    "502 with a page": always(Recorded(status=502, body=b"<html><h1>Bad gateway</h1></html>", headers=HTML)),
    "401": always(Recorded(status=401, body=b'{"error": "unauthorized"}')),
    "403": always(Recorded(status=403, body=b'{"error": "forbidden"}')),
    "404": always(Recorded(status=404, body=b'{"error": "not found"}')),
    "200 with a page": always(Recorded(body=b"<html>Sign in</html>", headers=HTML)),
    "200 without a body": always(Recorded(body=b"")),
    "an empty object": always(Recorded(body=b"{}")),
    "half of its JSON": lambda answer: replace(answer, body=answer.body[: max(len(answer.body) // 2, 1)]),
    "a redirect elsewhere": always(Recorded(status=302, headers={"location": "https://example.com/sign_in"})),
}
"""The ways in which a vendor's answer is bad, whatever is expected of it."""


def probes_of(scene: Scene, service: str) -> list[Probe]:
    """Return the endpoints that a look requests of a service."""
    return PROBES[service](scene.context.service(service), getattr(scene.context.settings, service))


def spoil_answers(service: str, endpoint: str) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each bad answer of one endpoint."""

    def faults(scene: Scene) -> Iterator[Fault]:
        probe = next(one for one in probes_of(scene, service) if one.name == endpoint)
        for name, change in CLASSES.items():
            yield Fault(
                place=f"{probe.question.path} answers {name}", make=with_answers(service, at(probe.question.path, change))
            )

    return faults


def spoil_bodies(service: str, endpoint: str) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each thing that is expected of one endpoint's body, changed in it."""

    def faults(scene: Scene) -> Iterator[Fault]:
        probe = next(one for one in probes_of(scene, service) if one.name == endpoint)
        for words, spoil in spoiling(probe.expected, probe.parts):
            change = edit_json(spoil)
            yield Fault(place=f"{probe.question.path}: {words}", make=with_answers(service, at(probe.question.path, change)))

    return faults


def edit_json(edit: Callable[[Any], Any]) -> Callable[[Recorded], Recorded]:
    """Return what changes the JSON of an answer."""

    def change(answer: Recorded) -> Recorded:
        return replace(answer, body=json.dumps(edit(copy.deepcopy(json.loads(answer.body)))).encode())

    return change


def spoiling(expected: Endpoint, parts: Mapping[str, str]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield each way in which a body is not as expected, with its words."""
    for name, value in expected.equals.items():
        yield f"{name} is another", setting(name, not value if isinstance(value, bool) else f"not {value}")
    if expected.versions:
        yield "another version", setting("version", "0.0.0")
    if expected.items is None:
        for name in expected.fields:
            yield f"{name} is null", setting(name, None)
        return
    for name in expected.fields:
        yield f"{name} is null in an item", of_items(expected.items, first_with(name, None))
    if expected.min_items:
        yield "no item", of_items(expected.items, lambda items: [])
    for name, values in expected.includes.items():
        for value in values:
            wanted = fill(value, parts)
            yield f"no item has {name} {wanted}", of_items(expected.items, without(name, wanted))
    for name, said in expected.never.items():
        yield f"an item has {name} {said}", of_items(expected.items, first_with(name, said))


def setting(name: str, value: Any) -> Callable[[Any], Any]:
    """Return what gives an object another value of a field."""
    return lambda body: {**body, name: value}


def first_with(name: str, value: Any) -> Callable[[list[Any]], list[Any]]:
    """Return what gives the first item another value of a field."""
    return lambda items: [{**items[0], name: value}, *items[1:]] if items else items


def without(name: str, value: str) -> Callable[[list[Any]], list[Any]]:
    """Return what leaves out the items that have a value in a field."""
    return lambda items: [one for one in items if str(one.get(name)) != value]


def of_items(where: str, edit: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """Return what changes the list that an answer holds."""

    def change(body: Any) -> Any:
        items = edit(read_items(body, where) or [])
        return items if where == "." else {**body, where: items}

    return change


def add_fields(service: str) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each answer with a field more, as a vendor adds one."""

    def faults(scene: Scene) -> Iterator[Fault]:
        for probe in probes_of(scene, service):
            change = edit_json(lambda body: {**body, "launch_fault": 1} if isinstance(body, dict) else body)
            yield Fault(place=probe.question.path, make=with_answers(service, at(probe.question.path, change)))

    return faults


def lose_some(service: str) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields a service that answers one request of two with 503."""

    def faults(scene: Scene) -> Iterator[Fault]:
        count = iter(range(1_000_000))

        def alter(path: str, answer: Recorded) -> Recorded:
            return Recorded(status=503, body=b"{}") if next(count) % 2 else answer

        yield Fault(place="one answer of two is 503", make=with_answers(service, alter))

    return faults


def operators_of(service: str, title: str, checks: Mapping[str, Check], look: Look[..., Any]) -> Iterator[Operator]:
    """Yield the operators of one service's first answers."""
    for endpoint, check in checks.items():
        yield Operator(name=f"{title} answers badly", check=check, look=look, faults=spoil_answers(service, endpoint))
        yield Operator(name=f"{title} answers otherwise", check=check, look=look, faults=spoil_bodies(service, endpoint))
    any_check = next(iter(checks.values()))
    name = f"{title}'s answer has a field more"
    yield Operator(name=name, check=any_check, look=look, faults=add_fields(service), is_harmless=True)


FAULTS = Faults(
    operators=(
        *operators_of("chatwoot", "Chatwoot", CHATWOOT, look_at_chatwoot),
        *operators_of("publer", "Publer", PUBLER, look_at_publer),
        Operator(
            name="Chatwoot loses answers", check=CHATWOOT_AVAILABLE, look=look_at_chatwoot_times, faults=lose_some("chatwoot")
        ),
        Operator(name="Publer loses answers", check=PUBLER_AVAILABLE, look=look_at_publer_times, faults=lose_some("publer")),
    )
)
