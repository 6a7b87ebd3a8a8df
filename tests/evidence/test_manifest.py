"""A seal tells every change of a run's files, and never cries wolf."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.core.errors import WorkbookError
from lib.evidence.manifest import ENVELOPE, MANIFEST, load_signer, seal_run, verify_run

ABOUT = {"run_id": "20261123T114500Z-abcd", "verdict": "REHEARSED"}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "index.html").write_text("<p>a page</p>")
    (folder / "artifacts" / "a.json").write_text("{}")
    seal_run(folder, ABOUT, load_signer(tmp_path / "key.pem"))
    return folder


def problems(folder: Path) -> tuple[str, ...]:
    return verify_run(folder, keys=[load_signer(folder.parent / "key.pem").public_key]).problems


def test_an_untouched_run_verifies(sealed: Path) -> None:
    assert problems(sealed) == ()


def test_a_changed_file_is_named(sealed: Path) -> None:
    (sealed / "index.html").write_text("<p>a pagE</p>")
    assert problems(sealed) == ("index.html was changed after the run",)


def test_a_missing_and_an_added_file_are_named(sealed: Path) -> None:
    (sealed / "artifacts" / "a.json").rename(sealed / "artifacts" / "b.json")
    assert problems(sealed) == ("artifacts/a.json is missing", "artifacts/b.json is not in the manifest")


def test_a_manifest_made_to_fit_is_found_by_the_signature(sealed: Path) -> None:
    manifest = json.loads((sealed / MANIFEST).read_text())
    manifest["verdict"] = "GO"
    (sealed / MANIFEST).write_text(json.dumps(manifest))
    assert "the signed statement says other things of the run than manifest.json" in problems(sealed)


def test_a_run_sealed_by_another_key_is_found(sealed: Path, tmp_path: Path) -> None:
    seal_run(sealed, ABOUT, load_signer(tmp_path / "other.pem"))
    assert any("signature does not hold" in problem for problem in problems(sealed))


def test_an_envelope_of_another_run_is_found(sealed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("else")
    seal_run(other, ABOUT, load_signer(tmp_path / "key.pem"))
    (sealed / ENVELOPE).write_bytes((other / ENVELOPE).read_bytes())
    assert problems(sealed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_a_flipped_byte_anywhere_is_found(sealed: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(one for one in sealed.rglob("*") if one.is_file() and one.name != ENVELOPE)))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    path.write_bytes(before[:place] + bytes([before[place] ^ data.draw(st.integers(1, 255))]) + before[place + 1 :])
    try:
        assert found_out(sealed)
    finally:
        path.write_bytes(before)


def found_out(folder: Path) -> bool:
    try:
        return bool(problems(folder))
    except WorkbookError:
        return True


def test_a_folder_without_a_seal_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="no readable seal"):
        verify_run(tmp_path)


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    load_signer(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
