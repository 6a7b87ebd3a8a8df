"""Credentials are known by name; settings and what every visitor sees are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.onboarding.read_credentials import PUBLIC, TELLING, name_of, read_credentials
from lib.onboarding.tree import walk_project
from tests.support.onboarding_worlds import write


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((one, True) for one in ("STRIPE_SECRET_KEY", "DATABASE_URL", "CHATWOOT_API_TOKEN", "SMTP_PASSWORD", "SENTRY_DSN")),
        *(
            (one, False)
            for one in ("PORT", "NODE_ENV", "MONKEY", "TOKENIZER_NAME", "NEXT_PUBLIC_SUPABASE_ANON_KEY", "VITE_API_KEY")
        ),
        ("SUPABASE_ANON_KEY", False),
        ("SUPABASE_SERVICE_ROLE_KEY", True),
    ],
)
def test_a_credential_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert (bool(TELLING.search(name)) and not PUBLIC.search(name)) is is_one


@pytest.mark.parametrize("file", [".env.example", ".env.sample", ".env.local.example", "apps/web/.env.example"])
def test_every_kind_of_example_is_read_but_never_a_real_env_file(tmp_path: Path, file: str) -> None:
    write(tmp_path, {file: "export A_TOKEN='x'\n# B_TOKEN=1\n", ".env": "REAL_TOKEN=1\n", ".env.local": "REAL_SECRET=1\n"})
    assert read_credentials(walk_project(tmp_path), []).examples == {"A_TOKEN": (file,)}


@pytest.mark.parametrize(
    ("place", "name"),
    [("app.env#KEY", "KEY"), ("publer.json#api_key", "PUBLER_API_KEY"), ("tile_key.txt", "TILE_KEY"), ("a.json#b.c", "A_B_C")],
)
def test_a_place_in_the_vault_has_a_name_in_the_targets(place: str, name: str) -> None:
    assert name_of(place) == name


def test_secrets_of_workflows_are_found_in_every_spelling(tmp_path: Path) -> None:
    text = "a: ${{ secrets.ONE }} ${{ secrets['TWO'] }} ${{ secrets.GITHUB_TOKEN }} ${{ my_secrets.NOT }}\n"
    write(tmp_path, {".github/workflows/a.yml": text, ".github/other.yml": "${{ secrets.THREE }}\n"})
    assert set(read_credentials(walk_project(tmp_path), []).workflows) == {"ONE", "TWO"}
