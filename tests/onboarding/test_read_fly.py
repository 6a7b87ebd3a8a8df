"""Apps, their roles and their checks, from every shape of fly.toml that people write."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.onboarding.read_fly import check_paths, read_config, read_fly_configs, role_of
from lib.onboarding.tree import walk_project
from tests.support.onboarding_worlds import write


@pytest.mark.parametrize(
    ("name", "app", "role"),
    [
        ("fly.toml", "shop", "production"),
        ("fly.production.toml", "shop", "production"),
        ("apps/api/fly.toml", "shop-api", "production"),
        ("fly.staging.toml", "shop", "staging"),
        ("fly.toml", "shop-stg", "staging"),
        ("fly.toml", "stagecraft", "production"),
        ("fly.preview.toml", "shop-pr", "other"),
        ("fly.toml", "latest-news", "production"),
        ("fly.previous-schema.toml", "shop-previous-schema", "previous"),
    ],
)
def test_an_app_is_known_by_its_config_or_its_name(name: str, app: str, role: str) -> None:
    assert role_of(name, app) == role


def test_checks_of_every_kind_give_paths_once() -> None:
    document = {
        "http_service": {"checks": [{"path": "/a"}, {"path": "/a", "method": "get"}, {"method": "POST", "path": "/post"}]},
        "services": [{"http_checks": [{"path": "/b"}, {}]}, {"tcp_checks": [{}]}],
        "checks": {"one": {"type": "http", "path": "/c"}, "two": {"type": "tcp"}, "odd": 3},
    }
    assert list(dict.fromkeys(check_paths(document))) == ["/a", "/b", "/", "/c"]


@pytest.mark.parametrize(
    "odd", [{"http_service": 1}, {"services": "x"}, {"checks": []}, {"http_service": {"checks": [{"path": 7}]}}]
)
def test_odd_checks_give_none(odd: dict[str, object]) -> None:
    assert list(check_paths(odd)) == []


def test_configs_are_found_in_folders_but_not_in_packages(tmp_path: Path) -> None:
    app = 'app = "{}"\n'
    files = {"fly.toml": "one", "apps/api/fly.toml": "two", "deploy/fly.staging.toml": "three", "node_modules/x/fly.toml": "no"}
    write(tmp_path, {name: app.format(word) for name, word in files.items()} | {"other/fly.toml": "[env]\n"})
    problems: list[str] = []
    found = read_fly_configs(walk_project(tmp_path), problems)
    assert [one.app for one in found] == ["one", "three", "two"]
    assert problems == ["other/fly.toml names no app, so it was left out."]


def test_old_spellings_are_read_as_flyctl_reads_them() -> None:
    document = {
        "app": "a",
        "services": {"internal_port": "80", "http_checks": {"path": "/up", "interval": 10_000}},
        "checks": [{"name": "alive", "type": "http", "path": "/alive", "port": 80}],
    }
    assert read_config("fly.toml", document).paths == ("/up", "/alive")
