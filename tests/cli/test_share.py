"""A run as one zip and a PDF: whole, the same bytes each time, and never with a credential or after a change."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from lib.cli import share as sharing
from lib.cli.share import share, write_zip
from lib.core.errors import ParamsError
from lib.evidence.manifest import seal_run, verify_run
from lib.run.signing import open_signer, own_keys

TOKEN = "ghp_" + "Zk3" * 12


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "local" / "20261126T090000Z-aaaa"
    (folder / "artifacts" / "rls").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>A run</title><h1>REHEARSED</h1>")
    (folder / "artifacts" / "rls" / "matrix.json").write_text("{}\n")
    (folder / "evidence.jsonl").write_text('{"check": "rls.a"}\n')
    seal_run(folder, {"run_id": folder.name}, open_signer())
    return folder


def test_the_zip_is_whole_verifies_once_unpacked_and_is_always_the_same(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert write_zip(run, first) == write_zip(run, second) == sum(path.is_file() for path in run.rglob("*"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        archive.extractall(tmp_path / "elsewhere")
    assert verify_run(tmp_path / "elsewhere" / run.name, keys=own_keys()).problems == ()


def test_where_both_files_are_is_said(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(map(shutil.which, sharing.BROWSERS)):
        pytest.skip("no Chromium on PATH: install chromium to run the browser tests")
    assert share(str(run)) == 0
    stem = run.parent.parent / "shared" / f"local-{run.name}"
    assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert f"{stem}.zip" in capsys.readouterr().out
    monkeypatch.setattr(sharing, "BROWSERS", ("no-such-browser",))
    assert share(str(run)) == 0
    assert "No PDF: it needs Chromium." in capsys.readouterr().out


def test_a_run_that_was_changed_or_holds_a_credential_is_not_passed_on(run: Path) -> None:
    (run / "evidence.jsonl").write_text('{"check": "rls.b"}\n')
    with pytest.raises(ParamsError, match="does not verify"):
        share(str(run))
    (run / "artifacts" / "rls" / "log.txt").write_text(f"token {TOKEN}\n")
    seal_run(run, {"run_id": run.name}, open_signer())
    with pytest.raises(ParamsError, match="credential"):
        share(str(run))
    assert not (run.parent.parent / "shared").exists()
