"""Chatwoot's API: which calls, with which header, what of each answer may be kept.

Source: chatwoot/chatwoot config/routes.rb, app/controllers/api_controller.rb; its OpenAPI file for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lib.clients.probe import LACKING, Endpoint, Keep, Probe, Reading, fill, read_answer, read_field, read_items
from lib.clients.probe_findings import NOT_SEEN_BY_AGENT
from lib.clients.vendor_health import ChatwootHealth
from lib.transport.context import Service
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site

KEPT: dict[str, Keep] = {
    "alive": {"status": None},
    "services": {"version": None, "timestamp": None, "queue_services": None, "data_services": None},
    "profile": {"id": None, "role": None, "accounts": {"id": None, "status": None, "role": None}},
    "account": {"id": None, "status": None},
    "inboxes": {"payload": {"id": None, "name": None, "channel_type": None, "reauthorization_required": None}},
}
"""Profile and inboxes also carry access tokens, mail passwords and addresses: none of that is listed."""
PUBLIC = frozenset({"alive", "services"})
"""Endpoints that need no credentials, so none are sent to them."""
POLL_S = 0.25
"""Between two looks for a worker's trace; a healthy queue leaves it within a second."""


def chatwoot_site(service: Service, retry: RetryPolicy) -> Site:
    """Return Chatwoot as a site. Raises WebError when its address cannot be used."""
    # The spelling with hyphens: nginx by default drops headers with underscores.
    headers = {"Api-Access-Token": service.parts["token"]}
    return Site(name="Chatwoot", base_url=service.url, headers=headers, retry=retry)


def chatwoot_probes(service: Service, expected: ChatwootHealth) -> list[Probe]:
    """Return one probe for each endpoint, in display order."""
    return [make_probe(name, getattr(expected, name), service) for name in KEPT]


def make_probe(name: str, endpoint: Endpoint, service: Service) -> Probe:
    parts = {"account": service.parts["account"]}
    question = Question(name=name, path=fill(endpoint.path, parts), shows_credentials=name not in PUBLIC)
    return Probe(question=question, expected=endpoint, keep=KEPT[name], parts=parts)


def clock_problems(answer: Answer, body: Any, *, max_skew_s: float) -> list[str]:
    """Return what is wrong with the timestamp of `/api`: a cache answers with an old one."""
    try:
        said = datetime.strptime(str(read_field(body, "timestamp")), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return []  # a missing one fails the field's own expectation
    away_s = abs((said - answer.asked_at).total_seconds())
    return [f"its clock is {away_s:.0f} s away from ours, more than {max_skew_s:g} s"] if away_s > max_skew_s else []


def hide_from_agents(readings: Sequence[Reading], account: str) -> list[Reading]:
    """Return the answers; of an agent's token, what it was not shown of the inboxes is not said to be missing.

    An administrator sees every inbox of the account, an agent those it was added to.
    Source: app/policies/inbox_policy.rb, Scope; https://github.com/chatwoot/chatwoot/issues/1543.
    """
    profile = next((one for one in readings if one.probe.name == "profile"), None)
    if profile is None or read_role(profile.body, account) != "agent":
        return list(readings)
    return [see_as_agent(one) if one.probe.name == "inboxes" else one for one in readings]


def see_as_agent(reading: Reading) -> Reading:
    """Return the answer about inboxes as it is to be read when an agent was asked; another fault of it stays one."""
    items = read_items(reading.body, reading.probe.expected.items)
    others = [one for one in reading.problems if not one.startswith(LACKING)]
    if items is None or not reading.problems or others:
        return reading
    said = f"an agent sees only the inboxes it was added to, here {len(items)}: {'; '.join(reading.problems)}"
    return replace(reading, found=NOT_SEEN_BY_AGENT, problems=(said,))


def read_role(profile: Any, account: str) -> str | None:
    """Return the role that a token's user has in an account; None when the answer does not say."""
    accounts = read_items(profile, "accounts") or []
    mine = next((one for one in accounts if str(read_field(one, "id")) == account), None)
    role = read_field(mine, "role") or read_field(profile, "role")
    return role if isinstance(role, str) else None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What came of resolving the canary conversation.

    reading: the bad answer that stopped it, if one did. problem: why the canary was not touched, or ''.
    seen_after_s: when the worker's trace was there; None when it never came.
    """

    reading: Reading | None = None
    problem: str = ""
    seen_after_s: float | None = None


def try_workers(site: Site, service: Service, expected: ChatwootHealth, *, clock: Callable[[], float] = time.monotonic) -> Effect:
    """Reopen and resolve the canary conversation and wait for the reporting event that a worker writes.

    Source: app/dispatchers/async_dispatcher.rb: events go to a job, and its ReportingEventListener writes.
    """
    path = f"/api/v1/accounts/{service.parts['account']}/conversations/{expected.canary_conversation}"
    looked = ask_one(site, Question(name="canary", path=path))
    if looked.found:
        return Effect(reading=looked)
    labels = read_field(looked.body, "labels")
    if not isinstance(labels, list) or expected.canary_label not in labels:
        return Effect(problem=f"conversation {expected.canary_conversation} does not carry the label {expected.canary_label}")
    events = Question(name="canary's events", path=f"{path}/reporting_events")
    before = ask_one(site, events)
    if before.found:
        return Effect(reading=before)
    for status in ("open", "resolved"):
        toggled = ask_one(site, Question(name="canary", path=f"{path}/toggle_status", method="POST", json={"status": status}))
        if toggled.found:
            return Effect(reading=toggled)
    return await_trace(site, events, count_events(before), deadline_s=expected.effect_deadline_s, clock=clock)


def await_trace(site: Site, events: Question, before: int, *, deadline_s: float, clock: Callable[[], float]) -> Effect:
    """Look until there are more events than before, or the deadline is over."""
    began = clock()
    while True:
        reading = ask_one(site, events)
        if reading.found:
            return Effect(reading=reading)
        if count_events(reading) > before:
            return Effect(seen_after_s=clock() - began)
        if clock() - began + POLL_S > deadline_s:
            return Effect()
        time.sleep(POLL_S)


def count_events(reading: Reading) -> int:
    return len(reading.body) if isinstance(reading.body, list) else 0


def ask_one(site: Site, question: Question) -> Reading:
    """Return one answer, of which only whole JSON is expected; nothing of its body is kept."""
    [answer] = ask(site, [question], concurrency=1)
    nothing = Endpoint.model_construct(path=question.path)
    return read_answer(Probe(question=question, expected=nothing, keep={}, parts={}), answer)
