"""The walk of docs/how-to/new-task.md, in a copy of this checkout: written, found, run, and held by the same tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.cli.new_task import add_to_list, free_number, new_task
from lib.core.environment import BYTE_CODE, clean
from lib.core.errors import ParamsError
from lib.core.paths import ROOT


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a copy of this checkout with one more task in it."""
    copy = tmp_path_factory.mktemp("walk") / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    for name in (".venv", ".tools"):
        (copy / name).symlink_to((ROOT / name).resolve())
    share_byte_code(copy)
    done = run(copy, "-m", "lib", "new-task", "cdn_cache")
    assert done.returncode == 0, done.stderr
    yield copy
    shutil.rmtree(BYTE_CODE / copy.relative_to("/"), ignore_errors=True)


def share_byte_code(copy: Path) -> None:
    """Let the copy have the packages' compiled modules, and a copy of ours: compiling them takes longer than a run."""
    (copy / ".run").mkdir()
    (copy / ".run" / "pycache").symlink_to(BYTE_CODE)
    for name in ("lib", "tests"):
        ours, theirs = (BYTE_CODE / (folder / name).relative_to("/") for folder in (ROOT, copy))
        if ours.is_dir():
            shutil.copytree(ours, theirs)


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean(os.environ), "PYTHONPATH": str(copy)}
    return subprocess.run([sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, timeout=280)


def test_the_new_task_is_listed(checkout: Path) -> None:
    assert "cdn_cache.files_are_there (gate)" in run(checkout, "-m", "lib", "list").stdout


def test_the_new_task_runs_and_passes(checkout: Path) -> None:
    done = run(checkout, "-m", "lib", "run", "local", "--only", "cdn_cache")
    assert done.returncode == 0, done.stdout + done.stderr
    [folder] = [path for path in checkout.glob("rendered/*/local/2*") if path.is_dir()]
    lines = [json.loads(line) for line in (folder / "evidence.jsonl").read_text().splitlines()]
    assert [(line["check"], line["result"]) for line in lines if line["task"] == "cdn_cache"] == [
        ("cdn_cache.files_are_there", "pass")
    ]
    assert (folder / "cdn_cache.html").exists()


def test_the_structure_tests_and_its_own_hold(checkout: Path) -> None:
    assert run(checkout, "-m", "lib", "list", "--write").returncode == 0
    tests = ["tests/test_names.py", "tests/test_layers.py", "tests/tasks/cdn_cache", "tests/cli/test_list_checks.py"]
    done = run(checkout, "-m", "pytest", "-q", *tests, "tests/notebooks", "notebooks/10_cdn_cache.ipynb")
    assert done.returncode == 0, done.stdout[-3000:]


def test_style_and_types_hold(checkout: Path) -> None:
    ours = ["lib/tasks/cdn_cache", "tests/tasks/cdn_cache", "lib/tasks/index.py"]
    for tool in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = run(checkout, "-m", *tool, *(ours[:1] if tool == ["mypy"] else ours))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "Rls", "9lives", "a-b", "class", "json", "x" * 31, "../evil", "a__b", "a_", "rls"])
def test_a_name_that_can_not_be_one_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "lib/tasks/rls").mkdir(parents=True)
    with pytest.raises(ParamsError, match="Fix:"):
        new_task(name, root=tmp_path)
    assert not list(tmp_path.rglob("*.py"))


def test_numbers_and_places_are_free_ones(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    for name in ("01_a.ipynb", "03_b.ipynb", "99_readiness_summary.ipynb"):
        (tmp_path / "notebooks" / name).touch()
    assert free_number(tmp_path) == "02"
    before = (ROOT / "lib/tasks/index.py").read_text()
    after = add_to_list(before, "cdn_cache")
    assert sorted(set(after.splitlines()) - set(before.splitlines())) == [
        "    cdn_cache.TASK,",
        "from lib.tasks.cdn_cache import task as cdn_cache",
    ]
