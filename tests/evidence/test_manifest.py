"""A seal tells every change of a run's files, and never cries wolf."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.core.errors import WorkbookError
from lib.evidence.manifest import ENVELOPE, MANIFEST, Verification, load_signer, seal_run, verify_run

ABOUT = {"run_id": "20261123T114500Z-abcd", "verdict": "REHEARSED"}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "index.html").write_text("<p>a page</p>")
    (folder / "artifacts" / "a.json").write_text("{}")
    seal_run(folder, ABOUT, load_signer(tmp_path / "key.pem"))
    return folder


def check(folder: Path) -> Verification:
    return verify_run(folder, keys=[load_signer(folder.parent / "key.pem").public_key])


def problems(folder: Path) -> tuple[str, ...]:
    return check(folder).problems


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


def test_a_run_sealed_by_another_key_is_found_and_the_key_named(sealed: Path, tmp_path: Path) -> None:
    other = load_signer(tmp_path / "other.pem")
    seal_run(sealed, ABOUT, other)
    found = check(sealed)
    assert found.problems == (f"it was signed by the key {other.public_key.keyid[:16]}, which is not known here",)
    assert found.is_unknown
    (sealed / "index.html").write_text("<p>a pagE</p>")
    assert check(sealed).problems[0] == "index.html was changed after the run" and not check(sealed).is_unknown


def test_another_key_that_passes_for_ours_is_a_signature_that_does_not_hold(sealed: Path, tmp_path: Path) -> None:
    ours = json.loads((sealed / ENVELOPE).read_text())
    seal_run(sealed, ABOUT, load_signer(tmp_path / "other.pem"))
    theirs = json.loads((sealed / ENVELOPE).read_text())
    theirs["signatures"][0]["keyid"] = ours["publicKey"]["keyid"]
    for key in (ours["publicKey"], {**theirs["publicKey"], "keyid": ours["publicKey"]["keyid"]}):
        (sealed / ENVELOPE).write_text(json.dumps({**theirs, "publicKey": key}))
        assert any("signature does not hold" in one for one in problems(sealed)) and not check(sealed).is_unknown


def test_a_signature_that_is_wrong_by_a_key_that_is_not_known_is_both(sealed: Path, tmp_path: Path) -> None:
    seal_run(sealed, ABOUT, load_signer(tmp_path / "other.pem"))
    envelope = json.loads((sealed / ENVELOPE).read_text())
    envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
    (sealed / ENVELOPE).write_text(json.dumps(envelope))
    assert [one.partition(":")[0].partition(" the key ")[0] for one in problems(sealed)] == [
        "the signature does not hold", "it was signed by",
    ]  # fmt: skip
    assert not check(sealed).is_unknown


def test_a_signature_that_is_wrong_by_our_own_key_speaks_of_no_other(sealed: Path) -> None:
    envelope = json.loads((sealed / ENVELOPE).read_text())
    envelope["signatures"][0]["sig"] = "00" + envelope["signatures"][0]["sig"][2:]
    (sealed / ENVELOPE).write_text(json.dumps(envelope))
    assert problems(sealed) == ("the signature does not hold: it is another's, or the statement was changed",)


@pytest.mark.parametrize(
    "key",
    [
        {},
        [],
        "x",
        {"keyval": {}, "keytype": "ed25519"},
        {"keyval": {"public": "x"}, "keytype": "ed25519"},
        {"keyval": {"public": "ab"}, "keytype": "ed25519"},
        {"keyval": {"public": None}, "keytype": "rsa"},
        {"keyval": {"public": "ab"}},
    ],
)
def test_an_envelope_without_a_key_is_no_seal(sealed: Path, key: object) -> None:
    envelope = json.loads((sealed / ENVELOPE).read_text())
    (sealed / ENVELOPE).write_text(json.dumps({**envelope, "publicKey": key}))
    with pytest.raises(WorkbookError, match="no readable seal"):
        problems(sealed)


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


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())])
def test_keys_of_other_kinds_sign_as_well(sealed: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    path = sealed.parent / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    seal_run(sealed, ABOUT, load_signer(path))
    assert problems(sealed) == () and verify_run(sealed).signed_by == load_signer(path).public_key.keyid


def test_a_folder_without_a_seal_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="no readable seal"):
        verify_run(tmp_path)


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    load_signer(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
