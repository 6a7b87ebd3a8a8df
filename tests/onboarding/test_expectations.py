"""What is written is what the tasks read: each section is taken by its own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lib.clients.postgres.rls.declared import Rls
from lib.clients.vault.declared import Credential
from lib.onboarding.expectations import expect
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.project_files import read_project
from lib.onboarding.yaml_text import to_data
from lib.tasks.index import SECTIONS
from tests.support.onboarding_worlds import make_supabase_project, make_whole_project, observation


def said(root: Path, observed: ObservedDatabase | None) -> dict[str, Any]:
    return to_data(expect("shop", read_project(root), observed).lines)


def test_every_key_is_one_that_its_task_reads(tmp_path: Path) -> None:
    data = said(make_whole_project(tmp_path), observation(rehearsal_rows="insert into notes values (9);"))
    for section, keys in data.items():
        if section not in ("name", "owners", "not_applicable"):
            assert set(keys) - {"rehearsal_rows"} <= set(SECTIONS[section].model_fields), section
    assert Rls.model_validate({**data["rls"], "statement_timeout_s": 1}).matrix == data["rls"]["matrix"]
    for one in data["credentials"]["declared"].values():
        Credential.model_validate(one)


def test_a_whole_project_is_expected_as_it_is(tmp_path: Path) -> None:
    data = said(make_whole_project(tmp_path), observation())
    assert data["deploy_rehearsal"] == {
        "app": "shop-staging",
        "config": "fly.toml",
        "image": "registry.fly.io/shop-staging:candidate",
        "production_apps": ["shop"],
        "endpoints": ["/up"],
        "previous_schema_app": "",
        "previous_migration": "",
    }
    assert data["alerts"]["thresholds"] == {"Slow": 0.5} and data["alerts"]["severities"] == ["page", "ticket"]
    assert data["credentials"]["declared"] == {
        "CHATWOOT_API_TOKEN": {"vault": "app.env#CHATWOOT_API_TOKEN", "needed_by": ["github_environment", "fly"]},
        "PUBLER_API_KEY": {"vault": "publer.json#api_key", "needed_by": ["fly"]},
    }
    assert data["guardrails"] == {"commands": ["test", "lint"]} and data["owners"] == {"default": "@shop/team"}
    assert data["seed"] == {"schemas": ["public"], "expected_counts": {"public.notes": 3}}


def test_a_database_that_could_not_be_observed_leaves_its_sections_alone(tmp_path: Path) -> None:
    files = read_project(make_supabase_project(tmp_path))
    for observed in (None, observation(problems=("The server stopped.",))):
        assert expect("x", files, observed).unseen == (("migrations",), ("seed",), ("rls",))
    told = observation(problems=("public.notes: what anon may select could not be told.",))
    assert ("rls", "matrix", "public.notes") in expect("x", files, told).unseen and ("rls",) not in expect(
        "x", files, told
    ).unseen
    assert expect("x", files, observation()).unseen == ()
    assert "rls" not in to_data(expect("x", files, None).lines)


def test_a_cell_told_by_rows_says_so(tmp_path: Path) -> None:
    observed = observation(unrecognised=frozenset({("public.notes", "authenticated", "select")}))
    [line] = [
        one
        for one in expect("x", read_project(make_supabase_project(tmp_path)), observed).lines
        if one.path[-1] == "authenticated"
    ]
    assert line.note == "select: the rows seen, no rule was recognised"


def test_only_what_was_read_for_sure_is_not_marked(tmp_path: Path) -> None:
    lines = expect("shop", read_project(make_whole_project(tmp_path)), observation()).lines
    sure = {".".join(one.path) for one in lines if one.is_sure}
    assert sure == {
        *("name", "owners.default", "migrations.rollbacks_from", "rls.schemas", "credentials.vault_folder"),
        *("deploy_rehearsal.previous_schema_app", "deploy_rehearsal.previous_migration", "alerts.rules", "alerts.tests"),
    }
