"""fly.toml with values that nobody expects: each key is refused by its name, in flyctl's words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.embedded.fly.fly_toml import TomlError, read_config, read_toml
from lib.embedded.fly.images import pack_image, releases_of
from lib.embedded.fly.start import describe_apps

GOOD = 'app = "idea-board"\n[http_service]\ninternal_port = 8080\nmin_machines_running = 2\n'
ODD = {
    "app = 5": "app must be a text",
    'app = "A B"': "app must be a name",
    "kill_signal = true": "kill_signal must be a text",
    'kill_signal = "SIGFOO"': "kill_signal must be one of",
    "kill_timeout = 1979-05-27": "invalid duration",
    'kill_timeout = "9999999h"': "not between 0",
    "kill_timeout = -1": "not between 0",
    "kill_timeout = true": "invalid duration",
    "env = 5": "env must be a section",
    "deploy = [1]": "deploy must be a section",
    "http_service = 1": "http_service must be a section",
    'nonsense = "x"': "unknown section 'nonsense'",
    "checks = []": "checks must be a section",
    "[checks]\na = 1": "checks.a must be a section",
    '[checks.a]\npath = "/a b"': "a.path must be a path",
    '[checks.a]\ninterval = "soon"': "invalid duration",
    "[deploy]\nstrategy = 1": "deploy.strategy must be a text",
    '[deploy]\nrelease_command = "a\\u0000b"': "release_command must be a text",
    '[env]\n"A=B" = "x"': "env must be variables by name",
    "[env]\nA = [1]": "env.A must be a text",
    "[http_service]\ninternal_port = true": "internal_port must be a whole number",
    "[http_service]\ninternal_port = 70000": "from 1 to 65535",
    "[http_service]\ninternal_port = 1\nmin_machines_running = 1e9": "min_machines_running must be a whole number",
    "[http_service]\ninternal_port = 1\nchecks = {}": "http_service.checks must be a list",
    "[http_service]\ninternal_port = 1\nchecks = [1]": "http_service.checks must be a section",
}


def config(text: str) -> str:
    """Return a config with a part of it replaced: its own app, and a service where the part has none."""
    head = "" if text.startswith("app") else 'app = "idea-board"\n'
    tail = "" if "http_service" in text else "\n[http_service]\ninternal_port = 8080\n"
    return f"{head}{text}{tail}"


@pytest.mark.parametrize("text", ODD)
def test_a_value_of_another_kind_is_refused_by_its_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "fly.toml").write_text(config(text))
    with pytest.raises(TomlError, match=ODD[text]):
        read_toml(tmp_path / "fly.toml")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["app", "primary_region", "kill_signal", "kill_timeout", "deploy", "env", "http_service", "checks", "mounts"]
)


@given(st.dictionaries(keys, values, max_size=6), values)
def test_whatever_stands_there_it_is_read_or_refused(said: dict[str, object], checks: object) -> None:
    document = {**said, "http_service": said.get("http_service", {"internal_port": 80, "checks": checks})}
    try:
        assert read_config(document, "").machines >= 1
    except TomlError as exc:
        assert str(exc)


def test_configs_that_name_no_app_are_named(tmp_path: Path) -> None:
    (tmp_path / "fly.toml").write_text(GOOD)
    (tmp_path / "fly.b.toml").write_text("[[[")
    (tmp_path / "fly.c.toml").write_text(GOOD)
    (tmp_path / "fly.d.toml").write_text(GOOD.replace('"idea-board"', '""'))
    os.mkfifo(tmp_path / "fly.e.toml")
    apps, problems = describe_apps(tmp_path, {})
    assert [Path(one["config"]).name for one in apps] == ["fly.c.toml"]
    assert [next(name for name in ("fly.b", "fly.d", "fly.e", "fly.toml") if name in one) for one in problems] == [
        "fly.b",
        "fly.d",
        "fly.e",
        "fly.toml",
    ]
    assert "names the app idea-board of fly.c.toml again" in problems[-1]


def test_an_image_has_regular_files_of_the_project_alone(tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "images/current").mkdir(parents=True)
    (app / "images/current/release.json").write_text("{}")
    assert releases_of(app) == ["current"]
    assert pack_image(app, "current") == pack_image(app, "current")
    (app / "images/current/x").symlink_to("/dev/zero")
    with pytest.raises(Exception, match="app/images/current/x is a link to something outside the project"):
        pack_image(app, "current")
