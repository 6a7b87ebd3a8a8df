"""What looks like a credential and can't be one is passed over; everything else beside it is still found."""

from __future__ import annotations

import random
import string
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.git_added import AddedLine
from lib.tasks.guardrails.policy import DEFAULT_POLICY, parse_policy
from lib.tasks.guardrails.secret_scan import find_env_files, find_secrets, is_alphabet, names_itself

RULES = parse_policy(DEFAULT_POLICY).secrets
TOKEN = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=40))
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def kinds(folder: Path, path: str, *lines: str) -> list[str]:
    added = [AddedLine(path=path, line=number, text=text) for number, text in enumerate(lines, start=1)]
    folder.mkdir(exist_ok=True)
    return [one.kind for one in find_secrets(added, RULES, folder=folder)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pnpm-lock.yaml", f"    resolution: {{integrity: sha512-{TOKEN}{TOKEN}==}}"),
        ("web/yarn.lock", f'  resolved "https://registry/x.tgz#{TOKEN}"'),
        ("index.html", f'<script integrity="sha384-{TOKEN}{TOKEN}"></script>'),
        ("a.ts", 'const chars = "ABCDEFGHJKLMNPQRSTUVWXY3456789"'),
        ("a.ts", '[KEYS.OPENAI_API_KEY]: "openai_api_key",'),
        ("keys.ts", 'OPENAI_API_KEY = "OPENAI_API_KEY",'),
        ("supabase/config.toml", 'secret = "env(SUPABASE_AUTH_EXTERNAL_APPLE_SECRET)"'),
        ("a.ts", "const apiKey = process.env.OPENAI_API_KEY"),
        (".env.example", "OPENAI_API_KEY="),
        ("supabase/functions/.env.example", f"STRIPE_API_KEY={TOKEN}"),
    ],
)
def test_what_can_not_be_a_credential_is_passed_over(tmp_path: Path, path: str, line: str) -> None:
    assert kinds(tmp_path / "s", path, line) == []


@pytest.mark.parametrize(
    ("path", "is_found"), [(".env.example", False), ("a/b/.env.sample", False), (".env", True), ("a/.env", True)]
)
def test_an_example_of_settings_is_no_file_of_credentials(path: str, is_found: bool) -> None:
    assert bool(find_env_files({path: "A"}, RULES)) is is_found


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pnpm-lock.yaml", f"token: {JWT}"),
        ("a.ts", f'const key = "{TOKEN}"'),
        ("a.ts", f'OPENAI_API_KEY = "{TOKEN}"'),
        ("a.ts", 'password = "hunter2-of-ours"'),
        ("a.ts", 'password = "super-secret-password"'),
        ("a.ts", 'password = "example-of-our-own-9f"'),
        ("index.html", f'<script integrity="sha384-{TOKEN}{TOKEN}" data-key="{TOKEN[::-1]}"></script>'),
        ("supabase/migrations/1_a.sql", f"'{JWT}'"),
        ("keys.ts", 'OPENAI_API_KEY = "key-of-1234567890"'),
    ],
)
def test_a_credential_beside_it_is_found(tmp_path: Path, path: str, line: str) -> None:
    assert kinds(tmp_path / "s", path, line) != []


@given(st.text(string.ascii_letters + string.digits + "+/", min_size=16, max_size=64))
def test_a_random_value_is_no_list_of_characters_unless_it_is_in_order(value: str) -> None:
    if is_alphabet(value):
        assert sum(first < second for first, second in pairwise(value)) >= 0.8 * (len(value) - 1)


@given(st.text(string.ascii_letters + string.digits, min_size=8, max_size=40))
def test_a_value_that_is_not_the_settings_name_is_none(value: str) -> None:
    if names_itself(value, f'token = "{value}"'):
        assert value.lower() in "token"
