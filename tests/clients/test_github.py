"""GitHub's lists are read to their end, which comes whatever they say."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from lib.clients.github import GitHub, read_github_secret, read_github_secrets, seal
from lib.core.errors import WebError
from tests.resilience.hostile import Server, mutations, serve, whole

SECRET = {"name": "A_KEY", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def github(server: Server, said: Any) -> GitHub:
    server.answers[0] = whole(json.dumps(said).encode())
    return GitHub(url=f"http://127.0.0.1:{server.port}/case-0", repository="a/b", timeout_s=2, token="t" * 20)


def test_a_list_that_brings_the_same_page_again_ends() -> None:
    with serve() as server, pytest.raises(WebError, match="counts more secrets than the 1 it listed"):
        read_github_secrets(github(server, {"total_count": 10**6, "secrets": [SECRET]}), None)
    assert len(server.asked) == 2


def test_a_list_of_a_million_pages_ends() -> None:
    with serve() as server:
        site = github(server, {})

        def next_page(connection: socket.socket) -> None:
            page = {"total_count": 10**6, "secrets": [{**SECRET, "name": f"KEY_{len(server.asked)}"}]}
            whole(json.dumps(page).encode())(connection)

        server.answers[0] = next_page
        with pytest.raises(WebError, match="counts more secrets than the 20 it listed"):
            read_github_secrets(site, "staging")


def test_every_shape_is_a_list_of_secrets_or_an_error() -> None:
    refused = 0
    with serve() as server:
        for said in mutations({"total_count": 1, "secrets": [SECRET]}):
            try:
                read_github_secrets(github(server, said), None)
            except WebError:
                refused += 1
        for said in mutations(SECRET):
            try:
                read_github_secret(github(server, said), None, "A_KEY")
            except WebError:
                refused += 1
    assert refused > 60


@pytest.mark.parametrize("key", [None, [], {}, {"key": "x", "key_id": "1"}, {"key": "", "key_id": 1}, {"key": "A" * 44}, "key"])
def test_a_key_that_can_not_be_used_is_told(key: Any) -> None:
    with pytest.raises(WebError, match="public key"):
        seal(key, "v" * 20)


def test_a_refusal_s_own_words_are_cut() -> None:
    with serve() as server:
        site = github(server, {})
        server.answers[0] = whole(b'{"message": "' + b"\\u001b[2J" + b"x" * 900_000 + b'"}', "403 Forbidden")
        with pytest.raises(WebError) as caught:
            read_github_secrets(site, None)
    assert len(str(caught.value)) < 500
    assert "\x1b" not in str(caught.value)
