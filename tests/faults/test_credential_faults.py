"""Whole runs on a faulty vault: the right check fails, the run says NO-GO, and no byte it wrote holds a value."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from tests.support.launch import Done, run_lib


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """Return a run on a pack whose staging and production have one key in common."""
    folder = tmp_path_factory.mktemp("shared")
    pack = folder / "pack"
    shutil.copytree(ROOT / "pack", pack)
    vault = pack / "vault" / "occ"
    production = json.loads((vault / "production" / "publer.json").read_text())
    staging = json.loads((vault / "staging" / "publer.json").read_text())
    (vault / "production" / "publer.json").write_text(json.dumps({**production, "api_key": staging["api_key"]}))
    return run_lib("staging", "--pack", str(pack), "--only", "credentials", rendered=folder / "rendered"), pack


def test_one_value_in_two_environments_stops_the_launch_by_one_check(shared: tuple[Done, Path]) -> None:
    done, _ = shared
    assert done.exit_code == 1, done.said
    failed = {check for check, result in done.results.items() if result == "fail"}
    assert failed == {"credentials.environments_share_no_value"}


def test_no_value_is_in_any_byte_that_the_run_wrote_or_said(shared: tuple[Done, Path]) -> None:
    done, pack = shared
    values = [line for path in (pack / "vault").rglob("*.*") for line in lines_of(path) if "fake" in line or "bm90" in line]
    assert len(values) > 12
    forms = {
        form for value in values for form in (value, json.dumps(value)[1:-1], base64.b64encode(value.encode()).decode()[:-4])
    }
    written = [path for path in done.folder.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    assert written
    leaks = [path.name for path in written if any(form.encode() in path.read_bytes() for form in forms)]
    assert leaks == []
    assert not any(form in done.said for form in forms)


def lines_of(path: Path) -> list[str]:
    """Return the values of a file, taken out of it by other means than the workbook's own."""
    text = path.read_text()
    if path.suffix == ".json":
        return [str(value) for value in json.loads(text).values()]
    if path.suffix == ".env":
        pairs = [line.partition("=")[2] for line in text.splitlines() if "=" in line]
        return [pair.strip('"').replace('\\"', '"') for pair in pairs]
    return [line for line in text.splitlines() if not line.startswith("-----")]
