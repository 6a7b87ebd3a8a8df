"""Each fault put into vault, Fly.io or GitHub is found by exactly its check, and no value is in anything said."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.clients.vault.vault_copy import read_copy
from lib.tasks.credentials import looks as credentials
from lib.tasks.credentials.audit import open_environment
from lib.tasks.credentials.task import Credentials
from lib.transport.context import Context
from tests.support.credential_worlds import copy_pack, look, look_at_all, not_passed, open_world

DAY_S = 86400


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return copy_pack(tmp_path)


def vault(pack: Path, environment: str = "local") -> Path:
    return pack / "vault" / "occ" / environment


def rewrite(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def token_of(pack: Path, environment: str) -> str:
    return str(json.loads((vault(pack, environment) / "publer.json").read_text())["api_key"])


def values_of(context: Context[Credentials]) -> list[str]:
    paths = [context.settings.vault_path, *context.settings.apart_from]
    copies = [read_copy(open_environment(context, path), context.settings) for path in paths]
    return [value.value for copy in copies for value in copy.values.values()]


@pytest.mark.parametrize("kind", ["folder", "hashicorp"])
def test_synced_targets_pass_and_show_no_value(tmp_path: Path, pack: Path, kind: str) -> None:
    with open_world(tmp_path, pack, embedded={"credentials": {"vault": kind}}) as context:
        found = look_at_all(context)
        values = values_of(context)
    assert not_passed(found) == ({} if kind == "folder" else {"vault_is_private": "skip"})
    assert len(values) == 18
    said = repr(found)
    assert [value for value in values if value.strip() in said or repr(value.strip())[1:-1] in said] == []
    assert credentials.sync_plan(found["fly"].facts, found["github"].facts) == []


def test_the_audits_report_names_what_is_missing_older_and_undeclared_and_where(tmp_path: Path, pack: Path) -> None:
    embedded = {
        "lacking": {"fly": ["TILE_SIGNING_KEY"], "github_environment": ["PUBLER_API_KEY"]},
        "undeclared": {"fly": ["LEFT_OVER"]},
        "old": {"github_repository": ["PACKAGE_READ_TOKEN"]},
    }
    with open_world(tmp_path, pack, embedded={"credentials": embedded}) as context:
        found = look_at_all(context)
        values = values_of(context)
    fly = found["fly"].artifacts["fly_drift.json"]
    github = found["github"].artifacts["github_drift.json"]
    app = f"Fly app {context.settings.fly_app}"
    assert fly["by_state"]["missing"] == [f"TILE_SIGNING_KEY ({app})"]
    assert fly["by_state"]["not declared"] == [f"LEFT_OVER ({app})"]
    assert github["by_state"]["missing"] == ["PUBLER_API_KEY (environment local)"]
    assert github["by_state"]["older than the vault's copy"] == ["PACKAGE_READ_TOKEN (repository)"]
    for report in (fly, github):
        assert report["looked_at"] == len(report["credentials"]) == sum(len(names) for names in report["by_state"].values()) > 0
        assert [value for value in values if value.strip() in json.dumps(report)] == []


def age_file(pack: Path) -> None:
    then = time.time() - 200 * DAY_S
    os.utime(vault(pack) / "chatwoot.env", (then, then))


REST_ON_VALUES = ("within_rotation_age", "environments_share_no_value", "fly_as_new_as_vault")
"""Checks that speak of every declared credential, and so of one that has no real value."""
NO_PLACEHOLDER = {"no_placeholder_values": "fail", **dict.fromkeys(REST_ON_VALUES, "skip")}
NO_VALUE = {"every_value_in_vault": "fail", "no_placeholder_values": "skip", **dict.fromkeys(REST_ON_VALUES, "skip")}

PACK_FAULTS: list[tuple[str, Callable[[Path], Any], dict[str, str]]] = [
    ("a value gone", lambda pack: (vault(pack) / "tile_signing_key.txt").unlink(), NO_VALUE),
    ("an empty value", lambda pack: (vault(pack) / "tile_signing_key.txt").write_text("\n"), NO_VALUE),
    (
        "a placeholder",
        lambda pack: (vault(pack) / "tile_signing_key.txt").write_text("TODO\n"),
        NO_PLACEHOLDER,
    ),
    ("an old value", age_file, {"within_rotation_age": "fail"}),
    ("a file that others read", lambda pack: (vault(pack) / "publer.json").chmod(0o644), {"vault_is_private": "fail"}),
    (
        "one value in staging and production",
        lambda pack: rewrite(vault(pack, "production") / "publer.json", token_of(pack, "production"), token_of(pack, "staging")),
        {"environments_share_no_value": "fail"},
    ),
    (
        "one value here and in staging",
        lambda pack: rewrite(vault(pack, "staging") / "publer.json", token_of(pack, "staging"), token_of(pack, "local")),
        {"environments_share_no_value": "fail"},
    ),
    ("no other one", lambda pack: vault(pack, "staging").rename(pack / "away"), {"environments_share_no_value": "error"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [one[1:] for one in PACK_FAULTS], ids=[one[0] for one in PACK_FAULTS])
def test_a_fault_in_the_vault_is_found_by_its_check(
    tmp_path: Path, pack: Path, change: Callable[[Path], Any], expected: dict[str, str]
) -> None:
    change(pack)
    with open_world(tmp_path, pack) as context:
        assert not_passed(look_at_all(context)) == expected


LACKS_ON_FLY = {"fly_has_every_credential": "fail", "fly_as_new_as_vault": "skip"}
LACKS_ON_GITHUB = {"github_has_every_credential": "fail", "github_as_new_as_vault": "skip"}

FAULTS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("lacking on Fly", {"lacking": {"fly": ["PUBLER_API_KEY"]}}, LACKS_ON_FLY),
    ("lacking on GitHub", {"lacking": {"github_environment": ["PUBLER_API_KEY"]}}, LACKS_ON_GITHUB),
    (
        "lacking in the repository",
        {"lacking": {"github_repository": ["PACKAGE_READ_TOKEN"]}},
        LACKS_ON_GITHUB,
    ),
    ("only on GitHub", {"undeclared": {"github_environment": ["LEFT_OVER_TOKEN"]}}, {"github_has_nothing_undeclared": "fail"}),
    (
        "only in the repository",
        {"undeclared": {"github_repository": ["LEFT_OVER_TOKEN"]}},
        {"github_has_nothing_undeclared": "fail"},
    ),
    ("allowed on GitHub", {"undeclared": {"github_repository": ["database_url"]}}, {}),
    ("only on Fly", {"undeclared": {"fly": ["LEFT_OVER_TOKEN"]}}, {"fly_has_nothing_undeclared": "fail"}),
    ("old on GitHub", {"old": {"github_environment": ["CHATWOOT_API_TOKEN"]}}, {"github_as_new_as_vault": "fail"}),
    ("old on Fly", {"old": {"fly": ["CHATWOOT_API_TOKEN"]}}, {"fly_as_new_as_vault": "fail"}),
    (
        "GitHub refuses the token",
        {"github_fault": "expired_token"},
        dict.fromkeys(["github_has_every_credential", "github_has_nothing_undeclared", "github_as_new_as_vault"], "error"),
    ),
]


@pytest.mark.parametrize(("switches", "expected"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS])
def test_a_fault_in_a_target_is_found_by_its_check(
    tmp_path: Path, pack: Path, switches: dict[str, Any], expected: dict[str, str]
) -> None:
    with open_world(tmp_path, pack, embedded={"credentials": switches}) as context:
        assert not_passed(look_at_all(context)) == expected


def test_without_notes_of_a_sync_the_age_on_fly_is_not_known_and_not_passed(tmp_path: Path, pack: Path) -> None:
    with open_world(tmp_path, pack) as context:
        next(context.work.glob("fly-secrets-*.json")).unlink()
        found = look_at_all(context)
    assert not_passed(found) == {"fly_as_new_as_vault": "skip"}
    assert "`make sync-credentials` with APPLY=1" in found["fly"].results[2].fix[0]
    assert len(credentials.sync_plan(found["fly"].facts)) == 5


def test_a_vault_that_cannot_be_read_is_an_error_and_the_names_are_judged_all_the_same(tmp_path: Path, pack: Path) -> None:
    with open_world(tmp_path, pack) as context:
        vault(pack).rename(pack / "moved")
        found = not_passed(look_at_all(context))
    of_vault = ["every_value_in_vault", "no_placeholder_values", "within_rotation_age", "environments_share_no_value"]
    assert {check: found[check] for check in of_vault} == dict.fromkeys(of_vault, "error")
    assert found.keys() - set(of_vault) == {"vault_is_private", "fly_as_new_as_vault", "github_as_new_as_vault"}
    assert "pass" not in found.values()


def test_an_app_that_fly_does_not_know_is_an_error(tmp_path: Path, pack: Path) -> None:
    with open_world(tmp_path, pack) as context:
        changed = context.settings.model_copy(update={"fly_app": "nobody-s"})
        other = Context(**{**vars(context), "settings": changed, "sections": {**context.sections, "credentials": changed}})
        found = look(other, credentials.look_at_fly, vault=None)
    assert {result.outcome.value for result in found.results} == {"error"}


def test_repaired_targets_pass_again(tmp_path: Path, pack: Path) -> None:
    key = vault(pack) / "publer.json"
    before = key.read_text()
    key.write_text('{"api_key": "changeme", "workspace_id": "fake-local-workspace"}')
    with open_world(tmp_path, pack) as context:
        found = look_at_all(context)
    assert not_passed(found) == {**NO_PLACEHOLDER, "github_as_new_as_vault": "skip"}
    results = {result.check: result for findings in found.values() for result in findings.results}
    for check in (*REST_ON_VALUES, "github_as_new_as_vault"):
        result = results[f"credentials.{check}"]
        assert result.see == "credentials.no_placeholder_values"
        assert "PUBLER_API_KEY" in result.detail and result.expected > 0
    key.write_text(before)
    with open_world(tmp_path, pack) as context:
        assert not_passed(look_at_all(context)) == {}
