"""What is looked at on a loopback or private address is not called live."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from lib.core.results import Provenance
from lib.run import address
from lib.run.address import hosts_of, is_private, provenances_of

NAMES = {
    "public.example.com": ["93.184.216.34"],
    "inside.example.com": ["93.184.216.34", "10.1.2.3"],
    "loop.example.com": ["::1"],
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in NAMES:
            raise socket.gaierror(host)
        return [(None, None, None, "", (one, 0)) for one in NAMES[host]]

    monkeypatch.setattr(address.socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
        ("localhost", True),
        ("db", True),
        ("app.localhost", True),
        ("printer.local", True),
        ("app.internal", True),
        ("example.com", None),
    ],
)
def test_which_hosts_the_world_does_not_reach(host: str, expected: bool | None) -> None:
    assert is_private(host) is expected


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://Chat.Example.com./x", {"chat.example.com"}),
        ("postgresql://u:p@[::1]:5432/db", {"::1"}),
        ("postgresql:///postgres?host=/tmp", {"localhost"}),
        ("postgresql://u:p@a.example.com:5432,127.0.0.1:5433/db", {"a.example.com", "127.0.0.1"}),
        ("postgresql://u:p@a.example.com/db?hostaddr=127.0.0.1", {"a.example.com", "127.0.0.1"}),
        ("postgresql://u:p@a.example.com/db?sslmode=require&host=b,c.example.com", {"a.example.com", "b", "c.example.com"}),
        ("postgresql://u:p@a.example.com/db?sslmode=require", {"a.example.com"}),
        ("smtp://u:p@mail.example.com:587", {"mail.example.com"}),
        ("/srv/vault", set()),
        ("https://[bad", {"localhost"}),
    ],
)
def test_every_host_that_an_address_may_lead_to(url: str, hosts: set[str]) -> None:
    assert hosts_of(url) == hosts


@pytest.mark.parametrize(
    ("target", "url", "expected"),
    [
        ("database", "postgresql://u@127.0.0.1/db", Provenance.EMBEDDED),
        ("database", "postgresql://u@public.example.com/db", Provenance.LIVE),
        ("database", "postgresql://u@public.example.com/db?hostaddr=127.0.0.1", Provenance.EMBEDDED),
        ("chatwoot", "http://127.0.0.1:3000", Provenance.SIMULATED),
        ("chatwoot", "https://inside.example.com", Provenance.SIMULATED),
        ("chatwoot", "https://loop.example.com", Provenance.SIMULATED),
        ("chatwoot", "https://public.example.com", Provenance.LIVE),
        ("publer", "https://gone.example.com", Provenance.SIMULATED),
        ("vault", "/srv/vault", Provenance.LIVE),
        ("vault", "https://10.0.0.9/secret/x", Provenance.EMBEDDED),
    ],
)
def test_where_a_look_is_performed(target: str, url: str, expected: Provenance) -> None:
    assert provenances_of({target: {"url": url}}, declared_live=frozenset()) == {target: expected}
    assert provenances_of({target: {"url": url}}, declared_live=frozenset({target})) == {target: Provenance.LIVE}
