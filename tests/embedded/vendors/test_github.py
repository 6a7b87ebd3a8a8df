"""The stand-in answers as GitHub's published contract says, and opens every box that it is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.clients.github import GitHub, read_github_secret, read_github_secrets, seal, set_github_secret
from lib.core.errors import TargetError, WebError
from lib.core.paths import ROOT
from lib.embedded.vendors.github import GitHubStandIn, Store

SLUG = "example/idea-board"
ENVIRONMENTS = ["staging", "QA / eu-west"]
CONTRACT = "github-actions-secrets.json"
PEM = "-----BEGIN KEY-----\r\nMIIBfake+line/one==\r\n# not a comment\nümlaut “quoted”\n-----END KEY-----\n\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(slug=SLUG, environments=ENVIRONMENTS, folder=tmp_path_factory.mktemp("github")) as running:
        yield running


def github(server: GitHubStandIn, **changes: str) -> GitHub:
    given = {"url": server.base_url, "repository": SLUG, "token": server.token, "timeout_s": 10, **changes}
    return GitHub(**given)  # type: ignore[arg-type]


def store_of(server: GitHubStandIn, environment: str | None) -> Store:
    return server.repository if environment is None else server.environments[environment]


@cache
def contract() -> dict[str, Any]:
    """GitHub's own description of these calls."""
    folders = [ROOT.parent / "shared" / "contracts", *(Path(one) for one in [os.environ.get("CONTRACTS_DIR", "")] if one)]
    found = next((folder / CONTRACT for folder in folders if (folder / CONTRACT).is_file()), None)
    if found is None:
        pytest.skip(f"{CONTRACT} is not beside this checkout: name its folder in CONTRACTS_DIR")
    return dict(json.loads(found.read_text()))


def assert_as_published(path: str, method: str, answer: httpx.Response) -> None:
    responses = contract()["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{method} {path} is not published to answer {answer.status_code}"
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.content == b""
        return
    schema = {**content["application/json"]["schema"], "components": contract()["components"]}
    jsonschema.validate(answer.json(), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("environment", [None, "staging"])
def test_every_answer_is_as_published(server: GitHubStandIn, environment: str | None) -> None:
    where = "actions" if environment is None else "environments/{environment_name}"
    base = "/repos/{owner}/{repo}/" + where + "/secrets"
    url = server.base_url + github(server).secrets_path(environment)
    with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}, trust_env=False) as client:
        key = client.get(f"{url}/public-key")
        assert_as_published(f"{base}/public-key", "get", key)
        body = {"encrypted_value": seal(key.json(), "x" * 8), "key_id": key.json()["key_id"]}
        for status in (201, 204):
            answer = client.put(f"{url}/PUBLISHED", json=body)
            assert answer.status_code == status
            assert_as_published(base + "/{secret_name}", "put", answer)
        assert_as_published(base, "get", client.get(url))
        assert_as_published(base + "/{secret_name}", "get", client.get(f"{url}/PUBLISHED"))
        assert_as_published(base + "/{secret_name}", "delete", client.delete(f"{url}/PUBLISHED"))


@settings(max_examples=150, deadline=None)
@given(value=st.text(min_size=1), environment=st.sampled_from([None, *ENVIRONMENTS]))
def test_a_value_arrives_byte_for_byte(server: GitHubStandIn, value: str, environment: str | None) -> None:
    set_github_secret(github(server), environment, "ARRIVES", value)
    assert store_of(server, environment).secrets["ARRIVES"].value == value.encode()


@pytest.mark.parametrize("value", [PEM, "trailing\n", " # 'q' \"d\" $x", "x" * 48 * 1024])
def test_keys_and_signs_and_line_ends_arrive_byte_for_byte(server: GitHubStandIn, value: str) -> None:
    set_github_secret(github(server), "staging", "lower_case", value)
    assert server.environments["staging"].secrets["LOWER_CASE"].value == value.encode()


def test_a_value_too_long_for_github_is_refused_before_it_is_sent(server: GitHubStandIn) -> None:
    with pytest.raises(TargetError, match="longer than the 48 KB"):
        set_github_secret(github(server), None, "LONG", "ü" * 24 * 1024 + "x")
    assert "LONG" not in server.repository.secrets


def test_a_box_is_different_every_time_and_of_the_environment_s_own_key(server: GitHubStandIn) -> None:
    key = {"key_id": "1", "key": "x"}
    with pytest.raises(WebError, match="public key that cannot be used"):
        seal(key, "value")
    assert server.environments["staging"].key_id != server.repository.key_id


def test_every_page_is_read(tmp_path: Path) -> None:
    with GitHubStandIn(slug=SLUG, environments=["staging"], folder=tmp_path) as server:
        from datetime import UTC, datetime

        for number in range(230):
            server.repository.put(f"NAME_{number}", b"x", datetime.now(UTC))
        assert len(read_github_secrets(github(server), None)) == 230
        with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}, trust_env=False) as client:
            assert len(client.get(server.base_url + github(server).secrets_path(None)).json()["secrets"]) == 30


def test_one_secret_is_read_back_by_its_name_in_any_capitals(server: GitHubStandIn) -> None:
    set_github_secret(github(server), "staging", "Mixed_Case", "value-value")
    assert read_github_secret(github(server), "staging", "mixed_case").name == "MIXED_CASE"


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"token": "-".join(["wrong"] * 3)}, "401 .Bad credentials"), ({"repository": "example/other"}, "404 .Not Found")],
)
def test_a_refusal_has_its_fix(server: GitHubStandIn, changes: dict[str, str], said: str) -> None:
    with pytest.raises(WebError, match=said) as caught:
        read_github_secrets(github(server, **changes), None)
    assert caught.value.fix and "Next: " not in str(caught.value)
    assert changes.get("token", "?!") not in str(caught.value)


def test_an_environment_that_is_not_there_is_told(server: GitHubStandIn) -> None:
    with pytest.raises(WebError, match="404"):
        read_github_secrets(github(server), "nowhere")


@pytest.mark.parametrize("fault", ["html", "not_json", "missing_field", "redirect_elsewhere", "refused", "hang_up", "truncated"])
def test_a_sick_github_is_an_error_never_an_empty_list(tmp_path: Path, fault: str) -> None:
    with GitHubStandIn(slug=SLUG, environments=[], fault=fault, folder=tmp_path) as sick, pytest.raises(TargetError):
        read_github_secrets(github(sick, timeout_s=1), None)  # type: ignore[arg-type]
