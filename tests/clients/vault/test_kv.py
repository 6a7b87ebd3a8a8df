"""A KV v2 server that answers in other shapes than its own is an error with the place, never a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.clients.vault.kv import LONGEST_VALUE, MOST_VERSIONS, KvVault
from lib.core.errors import TargetError
from tests.resilience.hostile import Server, mutations, serve, whole

PLACE = "app.env#KEY"


def entry(*, value: Any = "v" * 20, version: Any = 3, created: Any = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"data": {"data": {"KEY": value, "OTHER": {"x": 1}}, "metadata": {"version": version, "created_time": created}}}


def read(server: Server, said: Any) -> Any:
    server.answers[0] = whole(json.dumps(said).encode())
    vault = KvVault(url=f"http://127.0.0.1:{server.port}", token="t" * 20, mount="case-0", path="p", timeout_s=2)
    return vault.read([PLACE])


def test_a_server_that_never_tells_its_versions_apart_is_not_followed() -> None:
    with serve() as server:
        assert read(server, entry(version=1))[PLACE].value == "v" * 20
        with pytest.raises(TargetError, match="version 3 where version 2 was asked for"):
            read(server, entry(version=3))
        asked = len(server.asked)
        with pytest.raises(TargetError):
            read(server, entry(version=10**12))
        assert len(server.asked) - asked <= MOST_VERSIONS


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (entry(created="9999-12-31T23:59:59-23:59"), "the year 9999"),
        (entry(created=5), "another number where a time"),
        (entry(version="3"), "a text where a count"),
        (entry(version=True), "a yes or no where a count"),
        (entry(value="x" * (LONGEST_VALUE + 1)), "more than 65,536 characters"),
        ([], "a list where an object"),
        ({"data": []}, "a list where an object"),
        ({"errors": ["x"]}, "there is no 'data'"),
    ],
)
def test_another_shape_is_an_error_with_its_place(said: Any, where: str) -> None:
    with serve() as server, pytest.raises(TargetError, match=where) as caught:
        read(server, said)
    assert "vvvv" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


def test_a_time_without_a_zone_can_be_compared() -> None:
    with serve() as server:
        found = read(server, entry(version=1, created="2026-01-01T00:00:00"))
    assert found[PLACE].changed_at.tzinfo is not None


def test_every_shape_is_a_value_or_an_error() -> None:
    refused = 0
    with serve() as server:
        for said in mutations(entry(version=1)):
            try:
                read(server, said)
            except TargetError:
                refused += 1
    assert refused > 40
