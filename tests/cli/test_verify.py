"""A run that another's key signed is told from one that was changed, and neither verifies."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.cli.verify import CHANGED, verify
from lib.evidence.manifest import load_signer, seal_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "20261126T120000Z-aaaa"
    folder.mkdir()
    (folder / "index.html").write_text("<p>a page</p>")
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "key.pem"))
    seal_run(folder, {"verdict": "GO"}, load_signer(tmp_path / "key.pem"))
    return folder


def test_a_run_of_ours_verifies_until_a_file_is_changed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(run)) == 0
    assert "signed by a key of yours" in capsys.readouterr().out
    (run / "index.html").write_text("<p>another</p>")
    assert verify(str(run)) == CHANGED == 1
    assert "does not verify: 1 problem. Don't rely on it" in capsys.readouterr().out


def test_a_run_of_another_is_said_to_be_one(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = load_signer(tmp_path / "other.pem")
    seal_run(run, {"verdict": "GO"}, other)
    assert verify(str(run)) == CHANGED
    said = capsys.readouterr().out
    assert f"signed by the key {other.public_key.keyid[:16]}, which is not known here" in said
    assert "SIGNING_KEY" in said and "does not hold" not in said and "run again" not in said
    (run / "index.html").write_text("<p>another</p>")
    assert verify(str(run)) == CHANGED
    assert "Don't rely on it" in capsys.readouterr().out
