"""Publer's API: its three read-only calls, its headers, its limit of requests.

`/users/me` and `/accounts` are what older directions call `/account_info` and `/social_accounts`.
Source: publer.com/docs/getting-started/authentication, publer.com/docs/getting-started/rate-limits.
"""

from __future__ import annotations

from lib.clients.probe import Endpoint, Keep, Probe, fill
from lib.clients.vendor_health import PublerHealth
from lib.transport.context import Service
from lib.transport.retry import Limit, RetryPolicy
from lib.transport.web_types import Question, Site

KEPT: dict[str, Keep] = {
    "user": {"id": None},
    "workspaces": {"id": None, "name": None, "plan": None},
    "accounts": {"id": None, "provider": None, "name": None, "type": None},
}
"""People's names, pictures and e-mail addresses are not listed."""


def publer_site(service: Service, retry: RetryPolicy, limit: Limit) -> Site:
    """Return Publer as a site. Raises WebError when its address cannot be used."""
    headers = {
        # Publer's own scheme; a plain Bearer is refused.
        "Authorization": f"Bearer-API {service.parts['token']}",
        "Publer-Workspace-Id": service.parts["workspace"],
    }
    return Site(name="Publer", base_url=service.url, headers=headers, retry=retry, limit=limit)


def publer_probes(service: Service, expected: PublerHealth) -> list[Probe]:
    """Return one probe for each endpoint, in display order."""
    return [make_probe(name, getattr(expected, name), service) for name in KEPT]


def make_probe(name: str, endpoint: Endpoint, service: Service) -> Probe:
    parts = {"workspace": service.parts["workspace"]}
    question = Question(name=name, path=fill(endpoint.path, parts))
    return Probe(question=question, expected=endpoint, keep=KEPT[name], parts=parts)
