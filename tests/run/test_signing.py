"""The key outlives the checkout, an older one is still trusted, and a wrong one is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.evidence.manifest import load_signer
from lib.run import signing, signing_variable
from tests.support.trust_worlds import REVOKED, entry, trust


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SIGNING_KEY", raising=False)
    monkeypatch.delenv("READINESS_SIGNING_KEY", raising=False)
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(signing, "BEFORE", tmp_path / "checkout" / ".run" / "signing-key.pem")
    monkeypatch.setattr(signing, "IN_CHECKOUT", tmp_path / "checkout" / ".keys" / "signing-key.pem")
    return tmp_path


def test_it_is_made_once_in_the_users_folder_for_its_owner_alone(home: Path) -> None:
    first, second = signing.open_signer(), signing.open_signer()
    path = home / ".config" / "launch-readiness-workbook" / "signing-key.pem"
    assert first.public_key.keyid == second.public_key.keyid
    assert path.stat().st_mode & 0o077 == 0
    assert [key.keyid for key in signing.own_keys()] == [first.public_key.keyid]


def test_a_named_key_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(home / "own.pem"))
    assert signing.open_signer().public_key.keyid == load_signer(home / "own.pem").public_key.keyid
    assert not (home / ".config").exists()


@pytest.mark.parametrize("value", ["", "relative", "/nowhere/at/all"])
def test_without_a_home_it_lies_in_the_checkout(home: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HOME", value)
    signing.open_signer()
    assert signing.IN_CHECKOUT.exists()


def test_where_the_folder_for_settings_can_not_be_made_it_lies_in_the_checkout(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "can_make", lambda path: False)
    signing.open_signer()
    assert signing.IN_CHECKOUT.exists() and not (home / ".config").exists()


def test_an_older_key_becomes_the_key_or_stays_trusted(home: Path) -> None:
    older = load_signer(signing.BEFORE).public_key.keyid
    assert signing.open_signer().public_key.keyid == older, "what it signed still verifies"
    signing.BEFORE.unlink()
    other = load_signer(signing.BEFORE).public_key.keyid
    assert signing.open_signer().public_key.keyid == older
    assert {key.keyid for key in signing.own_keys()} == {older, other}


def test_what_is_no_key_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(home / "own.pem"))
    (home / "own.pem").write_text("no key")
    with pytest.raises(WorkbookError, match=r"own\.pem can't be used"):
        signing.open_signer()


def test_a_key_with_a_name_signs_where_the_project_trusts_it_and_nowhere_else(home: Path) -> None:
    keys = home / ".config" / "launch-readiness-workbook" / signing.NAMED
    mine, other = entry(keys / "release-bot.pem"), entry(keys / "another.pem", signer="another")
    throw_away = signing.open_signer().public_key.keyid
    assert throw_away not in (mine.key.keyid, other.key.keyid)
    at = datetime(2026, 11, 27, tzinfo=UTC)
    assert signing.open_signer(trust(mine), at=at).public_key.keyid == mine.key.keyid
    assert signing.open_signer(trust(other, mine), at=at).public_key.keyid == other.key.keyid
    assert signing.open_signer(trust(entry(keys / "release-bot.pem", revoked=REVOKED)), at=at).public_key.keyid == throw_away
    assert {mine.key.keyid, other.key.keyid, throw_away} == {one.keyid for one in signing.own_keys()}
