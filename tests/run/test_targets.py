"""The rehearsal rule with several targets: none set, all set, some set."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.run.params import load_params
from lib.run.targets import find_targets, spec_problems, variables_of
from tests.support.layered import copy_params

SPECS = {
    "database": "${X_DATABASE_URL}",
    "chatwoot": {"url": "${X_CHATWOOT_URL}", "token": "${X_CHATWOOT_TOKEN}", "account": "${X_CHATWOOT_ACCOUNT}"},
    "publer": {
        "url": "${X_PUBLER_URL:-https://app.publer.com/api/v1}",
        "token": "${X_PUBLER_KEY}",
        "workspace": "${X_PUBLER_SPACE}",
    },
    "mail": {"url": "${X_SMTP_URL}", "webhook": "${X_WEBHOOK:-}"},
}
REQUIRED = sorted(variables_of(SPECS) - {"X_PUBLER_URL", "X_WEBHOOK"})


def values(names: list[str]) -> dict[str, str]:
    return {name: f"https://{name.lower().replace('_', '-')}.example.com" for name in names}


def test_none_set_is_a_rehearsal_that_names_them_all() -> None:
    named = find_targets(SPECS, {})
    assert (named.rehearsal, dict(named.found), dict(named.missing)) == (True, {}, {})
    assert named.wanted == tuple(REQUIRED)


def test_all_set_is_live_with_defaults_filled_in() -> None:
    named = find_targets(SPECS, values(REQUIRED))
    assert (named.rehearsal, dict(named.missing)) == (False, {})
    assert named.found["publer"]["url"] == "https://app.publer.com/api/v1"
    assert named.found["mail"]["webhook"] == ""


def test_a_variable_with_a_default_alone_makes_nothing_live() -> None:
    assert find_targets(SPECS, {"X_PUBLER_URL": "https://other"}).rehearsal


@given(st.sets(st.sampled_from(REQUIRED), min_size=1))
def test_some_set_leaves_the_others_missing_by_name(given_names: set[str]) -> None:
    named = find_targets(SPECS, values(sorted(given_names)))
    lacking = {name for names in named.missing.values() for name in names}
    assert not named.rehearsal
    assert lacking == set(REQUIRED) - given_names
    assert named.found.keys() | named.missing.keys() == SPECS.keys()
    assert not named.found.keys() & named.missing.keys()


def test_an_embedded_target_stays_embedded_beside_live_ones() -> None:
    named = find_targets({**SPECS, "publer": "embedded"}, values(REQUIRED))
    assert "publer" not in named.found
    assert "publer" not in named.missing


@pytest.mark.parametrize(
    ("target", "spec", "said"),
    [
        ("chatwoot", "${X_CHATWOOT_URL}", "or its parts url, token, account"),
        ("chatwoot", {"url": "${A}", "token": "${B}"}, "the part 'account' is missing"),
        ("mail", {"url": "${A}", "webhook": "${B:-}", "port": "${C}"}, "unknown part 'port'"),
        ("mail", {"url": "smtp://u:hunter2@h", "webhook": "${B:-}"}, "an address or credential itself does not belong"),
        ("publer", {"url": "${A}", "token": "${B:-hunter2}", "workspace": "${C}"}, "a credential has no default"),
    ],
)
def test_a_spec_that_says_something_else_is_told_without_its_value(target: str, spec: object, said: str) -> None:
    [problem] = spec_problems("params/x.yaml", {target: spec})  # type: ignore[dict-item]
    assert said in problem
    assert "hunter2" not in problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_params(tmp_path)


def test_a_credential_too_short_to_be_one_is_refused(folder: Path) -> None:
    given_values = {"STAGING_PUBLER_API_KEY": "abc", "STAGING_PUBLER_WORKSPACE_ID": "w"}
    with pytest.raises(ParamsError, match="STAGING_PUBLER_API_KEY has fewer than 6 characters"):
        load_params("staging", variables=given_values, folder=folder)


def test_an_address_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(ParamsError, match="STAGING_SMTP_URL is no address"):
        load_params("staging", variables={"STAGING_SMTP_URL": "smtp://["}, folder=folder)


def test_notify_email_replaces_whom_params_name(folder: Path) -> None:
    params = load_params("staging", variables={"NOTIFY_EMAIL": "a@example.com, b@example.com"}, folder=folder)
    assert params.sections["health"].notify_to == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("wrong", ["nobody", "a@b.c\nBcc: x@y.z", "a@b.c;d@e.f"])
def test_notify_email_that_is_no_address_is_told(folder: Path, wrong: str) -> None:
    with pytest.raises(ParamsError, match="NOTIFY_EMAIL"):
        load_params("staging", variables={"NOTIFY_EMAIL": wrong}, folder=folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("embedded: {chatwoot: {fault: on_fire}}", "embedded.chatwoot.fault"),
        ("embedded: {publer: {fault: dead_workers}}", "embedded.publer.fault"),
        ("embedded: {mail: {fault: slow}}", "embedded.mail.fault"),
        ("embedded: {chatwoot: {at: [inbox]}}", "embedded.chatwoot.at"),
        ("health: {chatwoot: {alive: {path: /health, equals: {}}}}", "any would pass"),
        ("health: {chatwoot: {inboxes: {path: inboxes}}}", "health.chatwoot.inboxes.path"),
        ("health: {samples: 19}", "health.samples"),
    ],
)
def test_a_word_that_means_nothing_is_one_clear_line(folder: Path, text: str, said: str) -> None:
    (folder / "bad.yaml").write_text(f"extends: local\n{text}\n")
    with pytest.raises(ParamsError) as caught:
        load_params("bad", variables={}, folder=folder)
    assert any(said in problem for problem in caught.value.problems)


def test_an_endpoint_of_which_nothing_is_expected_is_refused(folder: Path) -> None:
    text = (folder / "defaults.yaml").read_text()
    (folder / "defaults.yaml").write_text(
        text.replace("alive: {path: /health, equals: {status: woot}}", "alive: {path: /health}")
    )
    with pytest.raises(ParamsError, match="any would pass"):
        load_params("local", variables={}, folder=folder)
