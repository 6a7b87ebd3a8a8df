"""The stand-ins answer as the vendors' published contracts say, and a probe's questions are in them.

The contracts are not in this repository: they are looked for in CONTRACTS_DIR, else in `shared/contracts`
beside the checkout.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lib.core.paths import ROOT
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.fake_server import StandIn
from lib.embedded.vendors.publer import Publer
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site, read_json

FOLDER = Path(os.environ.get("CONTRACTS_DIR") or ROOT.parent / "shared" / "contracts")
PATIENCE = RetryPolicy(attempts=1, timeout_s=5, deadline_s=10, max_body_bytes=100_000, max_retry_after_s=0)
ACCOUNT = "/api/v1/accounts/{account_id}"
CONVERSATION = ACCOUNT + "/conversations/{conversation_id}"
CHATWOOT = {
    "/api/v1/profile": "/api/v1/profile",
    "/api/v1/accounts/1": ACCOUNT,
    "/api/v1/accounts/1/inboxes": ACCOUNT + "/inboxes",
    "/api/v1/accounts/1/conversations/1": CONVERSATION,
    "/api/v1/accounts/1/conversations/1/reporting_events": CONVERSATION + "/reporting_events",
}
"""Path asked -> path in the contract."""
PUBLER = ("/users/me", "/workspaces", "/accounts")


def load(name: str) -> dict[str, Any]:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the vendors' contracts are not here: no {name} in CONTRACTS_DIR or beside the checkout")
    document = json.loads(path.read_text()) if path.suffix == ".json" else yaml.safe_load(path.read_text())
    return dict(document)


def plain_schema(document: dict[str, Any], part: Any, depth: int = 0) -> Any:
    """Return a part of an OpenAPI document as plain JSON Schema: references followed, `nullable` spelled out."""
    if isinstance(part, list):
        return [plain_schema(document, one, depth) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        assert depth < 40, "the contract refers to itself"
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return plain_schema(document, found, depth + 1)
    plain = {name: plain_schema(document, value, depth) for name, value in part.items()}
    if plain.pop("nullable", False) and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


def closed(schema: Any) -> Any:
    """Return the schema as one that finds fields of the wrong type, whatever else is there."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def assert_as_published(document: dict[str, Any], path: str, method: str, answer: Answer) -> None:
    """Hold one answer to what the contract says of its path and status."""
    responses = document["paths"][path][method]["responses"]
    assert str(answer.status) in responses, f"{method} {path} has no {answer.status} in the contract"
    content = responses[str(answer.status)].get("content", {}).get("application/json", {})
    body = read_json(answer.body)
    if "schema" in content:
        closed(plain_schema(document, content["schema"])).validate(body)
    assert body not in (None, {})


def site(stand_in: StandIn, headers: dict[str, str]) -> Site:
    return Site(name="x", base_url=stand_in.base_url, headers=headers, retry=PATIENCE)


@pytest.fixture
def chatwoot(tmp_path: Path) -> Iterator[Chatwoot]:
    with Chatwoot(folder=tmp_path) as one:
        yield one


@pytest.fixture
def publer(tmp_path: Path) -> Iterator[Publer]:
    with Publer(folder=tmp_path) as one:
        yield one


def publer_headers(one: Publer, **changes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer-API {one.token}", "Publer-Workspace-Id": one.parts["workspace"], **changes}


class TestChatwoot:
    def ask(self, one: Chatwoot, path: str, headers: dict[str, str], **facts: Any) -> Answer:
        [answer] = ask(site(one, headers), [Question(name="x", path=path, **facts)], concurrency=1)
        return answer

    @pytest.mark.parametrize("path", CHATWOOT)
    @pytest.mark.parametrize("fault", ["none", "no_inboxes", "reauthorization", "suspended_account"])
    def test_healthy_bodies_are_as_published(self, chatwoot: Chatwoot, path: str, fault: str) -> None:
        document = load("chatwoot.json")
        chatwoot.fault = fault
        headers = {"Api-Access-Token": chatwoot.token}
        toggle = "/api/v1/accounts/1/conversations/1/toggle_status"
        self.ask(chatwoot, toggle, headers, method="POST", json={"status": "open"})
        answer = self.ask(chatwoot, path, headers)
        if path.endswith("reporting_events"):  # nothing was resolved yet
            self.ask(chatwoot, toggle, headers, method="POST", json={"status": "resolved"})
            answer = self.ask(chatwoot, path, headers)
        assert answer.status == 200
        assert_as_published(document, CHATWOOT[path], "get", answer)

    @pytest.mark.parametrize("headers", [{}, {"Api-Access-Token": "wrong-token"}])
    @pytest.mark.parametrize("path", ["/api/v1/profile", "/api/v1/accounts/1"])
    def test_refusals_are_as_published(self, chatwoot: Chatwoot, headers: dict[str, str], path: str) -> None:
        answer = self.ask(chatwoot, path, headers)
        assert answer.status == 401
        assert_as_published(load("chatwoot.json"), CHATWOOT[path], "get", answer)

    @pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("not_found", 404)])
    def test_other_refusals_are_as_published(self, chatwoot: Chatwoot, fault: str, status: int) -> None:
        chatwoot.fault = fault
        answer = self.ask(chatwoot, "/api/v1/accounts/1/inboxes", {"Api-Access-Token": chatwoot.token})
        assert answer.status == status
        assert_as_published(load("chatwoot.json"), CHATWOOT["/api/v1/accounts/1/inboxes"], "get", answer)

    def test_toggling_is_as_published(self, chatwoot: Chatwoot) -> None:
        path = "/api/v1/accounts/1/conversations/1/toggle_status"
        answer = self.ask(chatwoot, path, {"Api-Access-Token": chatwoot.token}, method="POST", json={"status": "open"})
        assert_as_published(load("chatwoot.json"), CONVERSATION + "/toggle_status", "post", answer)

    @pytest.mark.parametrize("spelling", ["Api-Access-Token", "api_access_token"])
    def test_the_token_is_taken_in_both_spellings(self, chatwoot: Chatwoot, spelling: str) -> None:
        assert self.ask(chatwoot, "/api/v1/profile", {spelling: chatwoot.token}).status == 200

    def test_health_is_a_constant_and_api_says_what_is_failing(self, chatwoot: Chatwoot) -> None:
        chatwoot.fault = "failing_data"
        health, api = (read_json(self.ask(chatwoot, path, {}).body) for path in ("/health", "/api"))
        assert health == {"status": "woot"}
        assert (api["data_services"], api["queue_services"]) == ("failing", "ok")


class TestPubler:
    def ask(self, one: Publer, path: str, headers: dict[str, str]) -> Answer:
        [answer] = ask(site(one, headers), [Question(name="x", path=path)], concurrency=1)
        return answer

    @pytest.mark.parametrize("path", PUBLER)
    def test_healthy_bodies_are_as_published(self, publer: Publer, path: str) -> None:
        assert_as_published(load("publer.yml"), path, "get", self.ask(publer, path, publer_headers(publer)))

    @pytest.mark.parametrize("path", PUBLER)
    @pytest.mark.parametrize("scheme", ["Bearer", "Bearer-API wrong"])
    def test_refusals_are_as_published(self, publer: Publer, path: str, scheme: str) -> None:
        token = f"Bearer {publer.token}" if scheme == "Bearer" else "Bearer-API wrong-key"
        answer = self.ask(publer, path, publer_headers(publer, Authorization=token))
        assert answer.status == 401
        assert_as_published(load("publer.yml"), path, "get", answer)

    def test_a_foreign_workspace_is_refused_as_published(self, publer: Publer) -> None:
        answer = self.ask(publer, "/accounts", publer_headers(publer, **{"Publer-Workspace-Id": "other"}))
        assert answer.status == 403
        assert_as_published(load("publer.yml"), "/accounts", "get", answer)

    def test_the_hundred_and_first_request_in_two_minutes_is_refused(self, publer: Publer) -> None:
        answers = ask(site(publer, publer_headers(publer)), [Question(name="x", path="/users/me")] * 101, concurrency=4)
        assert sorted(answer.status or 0 for answer in answers) == [200] * 100 + [429]
        [refused] = [answer for answer in answers if answer.status == 429]
        assert read_json(refused.body) == {"error": "Rate limit exceeded. Retry later."}
        assert refused.headers["x-ratelimit-remaining"] == "0"


def test_the_key_of_a_wrong_certificate_does_not_lie_about(tmp_path: Path) -> None:
    with Chatwoot(fault="wrong_certificate", folder=tmp_path) as one:
        [answer] = ask(site(one, {}), [Question(name="x", path="/health")], concurrency=1)
        assert str(answer.failure) == "certificate not trusted"
        assert list(tmp_path.iterdir()) == []
