"""Whether a target is where the world reaches it: what is looked at on a loopback or private address is not called live."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from urllib.parse import parse_qsl, urlsplit

from lib.core.results import Provenance

RESOLVE_S = 5.0
"""Longest that each name may take to be resolved, s; what does not resolve is not shown to be public."""
REAL_PROGRAMS = frozenset({"database", "vault"})
"""Targets that are the real program even here: a PostgreSQL server, a folder."""


def provenances_of(found: Mapping[str, Mapping[str, str]], *, declared_live: frozenset[str]) -> dict[str, Provenance]:
    """Return where a look at each named target is performed.

    found: target -> part -> value, as the variables give them. declared_live: those that the file calls live wherever.
    """
    hosts = {target: hosts_of(parts["url"]) for target, parts in found.items()}
    private = find_private(set().union(*hosts.values()))
    return {
        target: Provenance.LIVE if target in declared_live or not own & private else stand_in(target)
        for target, own in hosts.items()
    }


def stand_in(target: str) -> Provenance:
    """Return what a target is that is not live: the real program, or a stand-in for the vendor."""
    return Provenance.EMBEDDED if target in REAL_PROGRAMS else Provenance.SIMULATED


def hosts_of(url: str) -> set[str]:
    """Return every host that an address may lead to, in lower case; none for a folder, `localhost` for a socket.

    A database's address may name others, which count instead, behind its `?`: host and hostaddr, each a list.
    Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    """
    try:
        parts = urlsplit(url)
        if not parts.scheme.startswith("postgres"):
            named = [parts.hostname or ""]
        else:
            place = parts.netloc.rpartition("@")[2]
            named = [urlsplit(f"//{one}").hostname or "localhost" for one in place.split(",")]
            named += [one for key, value in parse_qsl(parts.query) if key in ("host", "hostaddr") for one in value.split(",")]
        return {"localhost" if one.startswith(("/", "@")) else one.lower().rstrip(".") for one in named if one}
    except ValueError:
        return {"localhost"} if "://" in url else set()


def find_private(hosts: set[str]) -> set[str]:
    """Return the hosts of which any address is loopback, private or otherwise not reached from the world.

    A name is resolved; one that does not resolve now may lead anywhere later, so it counts as one of them.
    """
    named = {host for host in hosts if is_private(host) is None}
    private = {host for host in hosts if is_private(host)}
    if not named:
        return private
    pool = ThreadPoolExecutor(max_workers=len(named))
    found = {host: pool.submit(resolve, host) for host in named}
    for host, addresses in found.items():
        try:
            if any(is_private(address) for address in addresses.result(timeout=RESOLVE_S)):
                private.add(host)
        except (OSError, UnicodeError, TooLate):
            private.add(host)
    pool.shutdown(wait=False, cancel_futures=True)
    return private


def resolve(host: str) -> list[str]:
    """Return every address of a name. Raises OSError when it has none."""
    return [str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def is_private(host: str) -> bool | None:
    """Return whether a host is not reached from the world; None for a name, which must be resolved first."""
    if host and not set(".:") & set(host):
        return True  # a name without a dot is one of this machine or network
    if host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa")):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global
