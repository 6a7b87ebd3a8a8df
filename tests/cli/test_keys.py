"""A key is made, replaced and revoked by commands; a project is written to only when asked, and what it then trusts verifies."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lib.cli.keys import format_entry, make_key, revoke_key, rotate_key
from lib.cli.verify import CHANGED, verify
from lib.core.errors import ParamsError, WorkbookError
from lib.evidence.manifest import load_signer, seal_run
from lib.run import signing, signing_variable
from lib.run.signing import open_signer
from lib.run.trusted_keys import read_trusted_keys
from tests.support.trust_worlds import entry, write_entry

NAME = "release-bot"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder for settings; nothing of whoever runs the tests is in the way."""
    for name in ("SIGNING_KEY", "READINESS_SIGNING_KEY", "APPLY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.setattr(signing, "BEFORE", tmp_path / "none.pem")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "launch-readiness-workbook"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    pack = tmp_path / "project"
    pack.mkdir()
    return pack


def entry_of(pack: Path, name: str = NAME) -> Path:
    return pack / "launch" / "trusted_keys" / f"{name}.yaml"


def apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLY", "1")


def sealed(pack: Path, run_id: str = "20261127T120000Z-aaaa", ended_at: str | None = None) -> Path:
    """Return a run that whoever signs for this project now has signed."""
    from datetime import UTC, datetime

    folder = pack.parent / "passed-on" / run_id
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("a page")
    ended_at = ended_at or datetime.now(UTC).isoformat()
    seal_run(folder, {"run_id": run_id, "ended_at": ended_at, "verdict": "GO"}, open_signer(read_trusted_keys(pack)))
    return folder


def test_it_shows_what_it_would_write_and_writes_nothing_into_the_project(
    home: Path, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_key(NAME, pack=str(pack)) == 0
    said = capsys.readouterr().out
    assert "+signer: release-bot" in said and "BEGIN PUBLIC KEY" in said and "Dry run" in said
    assert list(pack.iterdir()) == []
    private = home / "keys" / "release-bot.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PRIVATE" not in said and private.read_text().splitlines()[1] not in said


def test_with_apply_the_same_key_is_trusted_and_signs(
    home: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(NAME, pack=str(pack))
    before = (home / "keys" / "release-bot.pem").read_bytes()
    apply(monkeypatch)
    assert make_key(NAME, pack=str(pack)) == 0
    assert (home / "keys" / "release-bot.pem").read_bytes() == before
    assert "It counts once it is committed" in capsys.readouterr().out
    assert make_key(NAME, pack=str(pack)) == 0
    assert "names it already" in capsys.readouterr().out
    folder = sealed(pack)
    capsys.readouterr()
    assert verify(str(folder), pack=str(pack)) == 0
    assert capsys.readouterr().out.splitlines()[0] == "signed by release-bot, trusted by launch/trusted_keys"
    assert verify(str(folder), key=str(home / "keys" / "release-bot.pub")) == 0


def test_a_project_that_knows_another_key_by_that_name_is_left_alone(
    home: Path, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_entry(pack, entry(tmp_path / "other.pem"))
    before = path.read_bytes()
    apply(monkeypatch)
    with pytest.raises(ParamsError, match="names another key"):
        make_key(NAME, pack=str(pack))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-x", "a b", "x" * 61])
def test_a_name_that_can_not_be_one_is_told(home: Path, pack: Path, name: str) -> None:
    with pytest.raises(ParamsError, match="a signer's name has"):
        make_key(name, pack=str(pack))


def test_without_a_folder_for_settings_it_says_so(home: Path, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    with pytest.raises(WorkbookError, match="no folder for the private key"):
        make_key(NAME, pack=str(pack))


def test_after_a_rotation_old_runs_still_verify_and_new_ones_are_signed_anew(
    home: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(monkeypatch)
    make_key(NAME, pack=str(pack))
    text = entry_of(pack).read_text()
    entry_of(pack).write_text(text.replace(text.partition("valid_from: ")[2].splitlines()[0], '"2026-01-01"'))
    older = sealed(pack, ended_at="2026-06-01T00:00:00+00:00")
    old_key = load_signer(home / "keys" / "release-bot.pem").public_key.keyid
    monkeypatch.delenv("APPLY")
    before = sorted(path.read_bytes() for path in pack.rglob("*.yaml"))
    assert rotate_key(NAME, pack=str(pack)) == 0
    assert "Dry run" in capsys.readouterr().out
    assert sorted(path.read_bytes() for path in pack.rglob("*.yaml")) == before
    apply(monkeypatch)
    assert rotate_key(NAME, pack=str(pack)) == 0
    newer = sealed(pack, "20261127T130000Z-bbbb")
    new_key = open_signer(read_trusted_keys(pack)).public_key.keyid
    assert new_key != old_key and len(read_trusted_keys(pack).keys) == 2
    assert (verify(str(older), pack=str(pack)), verify(str(newer), pack=str(pack))) == (0, 0)
    assert (home / "former").is_dir() and stat.S_IMODE(next((home / "former").iterdir()).stat().st_mode) == 0o600
    dated_on = sealed(pack, "20991127T130000Z-cccc", ended_at="2026-06-02T00:00:00+00:00")
    seal_run(
        dated_on,
        {"run_id": dated_on.name, "ended_at": "2099-01-01T00:00:00+00:00"},
        load_signer(next((home / "former").iterdir())),
    )
    capsys.readouterr()
    assert verify(str(dated_on), pack=str(pack)) == CHANGED
    assert "signed by release-bot after its key's end" in capsys.readouterr().out.splitlines()[0]


def test_a_revoked_key_voids_all_it_signed_and_signs_no_more(
    home: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(monkeypatch)
    make_key(NAME, pack=str(pack))
    folder = sealed(pack)
    with pytest.raises(ParamsError, match="REASON= is empty"):
        revoke_key(NAME, "  ", pack=str(pack))
    monkeypatch.delenv("APPLY")
    assert revoke_key(NAME, "the laptop was stolen", pack=str(pack)) == 0
    assert verify(str(folder), pack=str(pack)) == 0, "nothing was written"
    apply(monkeypatch)
    assert revoke_key(NAME, 'the "laptop": was\nstolen', pack=str(pack)) == 0
    assert revoke_key(NAME, "again and again", pack=str(pack)) == 0
    capsys.readouterr()
    assert verify(str(folder), pack=str(pack)) == CHANGED
    assert "whose key was revoked on " in capsys.readouterr().out.splitlines()[0]
    assert read_trusted_keys(pack).keys[0].revoked.reason == 'the "laptop": was stolen'  # type: ignore[union-attr]
    assert not (home / "keys" / "release-bot.pem").exists() and len(list((home / "revoked").iterdir())) == 1
    assert rotate_key(NAME, pack=str(pack)) == 0
    capsys.readouterr()
    assert verify(str(sealed(pack, "20261127T140000Z-dddd")), pack=str(pack)) == 0
    assert verify(str(folder), pack=str(pack)) == CHANGED, "a rotation forgives nothing"


@pytest.mark.parametrize("command", [lambda pack: rotate_key("x", pack=pack), lambda pack: revoke_key("x", "stolen", pack=pack)])
def test_what_the_project_does_not_name_can_not_be_rotated_or_revoked(
    home: Path, pack: Path, tmp_path: Path, command: object
) -> None:
    write_entry(pack, entry(tmp_path / "other.pem"))
    with pytest.raises(ParamsError, match=r"there is no launch/trusted_keys/x\.yaml in project \(there: release-bot\)"):
        command(str(pack))  # type: ignore[operator]


def test_the_text_of_an_entry_says_what_it_is(tmp_path: Path) -> None:
    assert format_entry(entry(tmp_path / "key.pem")).startswith("# Whose signature counts")
