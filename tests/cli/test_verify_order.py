"""Verify says where a run stands among the others, and finds a run that was removed, added, replaced, or moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lib.cli.remove_run import remove_run
from lib.cli.verify import CHANGED, verify
from lib.core.errors import ParamsError
from lib.evidence.manifest import load_signer
from lib.evidence.run_order import FILE, read_order, write_order
from lib.run import signing, signing_variable
from tests.support.kept_runs import keep_run
from tests.support.trust_worlds import entry, write_entry


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a place with a project `pack` that trusts key.pem, where no other key is known."""
    for name in ("SIGNING_KEY", "READINESS_SIGNING_KEY", "APPLY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.setattr(signing, "BEFORE", tmp_path / "none.pem")
    monkeypatch.setattr(signing, "IN_CHECKOUT", tmp_path / "none" / "key.pem")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write_entry(tmp_path / "pack", entry(tmp_path / "key.pem", since="2020-01-01", until="2099-01-01"))
    return tmp_path


def check(home: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = verify(str(run), pack=str(home / "pack"))
    return code, capsys.readouterr().out.replace("\n  ", " ")


def test_runs_that_were_left_alone_verify_and_say_where_they_stand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [keep_run(home, number) for number in (1, 2, 3)]
    keep_run(home, 4, is_sealed=False)
    for number, run in enumerate(runs, start=1):
        code, said = check(home, run, capsys)
        assert code == 0, said
        assert f"order: run {number} of 4 that were started here" in said


def test_a_no_go_that_was_deleted_shows_in_every_other_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = keep_run(home, 1), keep_run(home, 2, fails=True), keep_run(home, 3)
    shutil.rmtree(second)
    for run in (first, third):
        code, said = check(home, run, capsys)
        assert code == CHANGED and f"run {second.name} (NO-GO) was removed without a note" in said


def test_a_no_go_whose_place_another_run_takes_shows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = keep_run(home, 1), keep_run(home, 2, fails=True)
    shutil.rmtree(second)
    shutil.copytree(first, second)
    code, said = check(home, first, capsys)
    assert code == CHANGED and f"run {second.name} is not the one that was sealed as NO-GO: it was replaced" in said
    code, said = check(home, second, capsys)
    assert code == CHANGED and f"it is the run {first.name}, in a folder called {second.name}" in said


def test_a_list_that_is_gone_or_another_shows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = keep_run(home, 1), keep_run(home, 2, fails=True)
    place = first.parent
    kept = (place / FILE).read_bytes()
    opened = read_order(place)
    assert opened is not None
    shutil.rmtree(second)
    without = tuple(event for event in opened.order.events if event.run_id != second.name)
    write_order(place, opened.order.model_copy(update={"events": without}), load_signer(home / "other.pem"))
    code, said = check(home, first, capsys)
    assert code == CHANGED and f"{FILE} is signed by a key that launch/trusted_keys does not name" in said
    (place / FILE).write_bytes(kept.replace(b'"sig": "', b'"sig": "00'))
    code, said = check(home, first, capsys)
    assert code == CHANGED and f"{FILE}: the signature does not hold" in said
    (place / FILE).write_bytes(b"{}")
    assert check(home, first, capsys)[0] == CHANGED
    (place / FILE).unlink()
    (place / "latest").symlink_to(first.name)
    code, said = check(home, first, capsys)
    assert code == CHANGED and f"the order of runs, {FILE}, is missing beside it" in said


def test_a_list_of_another_place_shows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = keep_run(home, 1)
    other = home / "rendered" / "other" / "staging"
    shutil.copytree(first.parent, other)
    code, said = check(home, other / first.name, capsys)
    assert code == CHANGED and "is of pack and staging, not of the runs that it lies among" in said


def test_a_run_that_was_passed_on_says_that_its_order_is_not_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = keep_run(home, 1)
    place = home / "mail" / run.name
    shutil.copytree(run, place)
    code, said = check(home, place, capsys)
    assert code == 0 and "order: not known" in said


def test_a_run_is_removed_with_a_note_when_that_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = keep_run(home, 1, fails=True), keep_run(home, 2)
    (first.parent / "latest").symlink_to(second.name)
    pack = str(home / "pack")
    signer = home / "config" / "launch-readiness-workbook" / "keys" / "release-bot.pem"
    signer.parent.mkdir(parents=True)
    shutil.copy(home / "key.pem", signer)
    with pytest.raises(ParamsError, match="REASON= is empty"):
        remove_run(str(first), "", pack=pack)
    assert remove_run(str(first), "older than a year", pack=pack) == 0
    assert first.exists() and "Dry run" in capsys.readouterr().out
    monkeypatch.setenv("APPLY", "1")
    with pytest.raises(ParamsError, match="it is the latest finished run"):
        remove_run(str(second), "older than a year", pack=pack)
    assert remove_run(str(first), "older than\na year", pack=pack) == 0
    assert not first.exists()
    code, said = check(home, second, capsys)
    assert code == 0 and "order: run 2 of 2 that were started here, 1 of them removed with a note" in said
    found = read_order(second.parent)
    assert found is not None and found.order.events[-1].reason == "older than a year"


def test_a_run_of_before_there_was_an_order_needs_no_note(home: Path) -> None:
    older = home / "rendered" / "pack" / "staging" / "20200101T000000Z-aaaa"
    older.mkdir(parents=True)
    with pytest.raises(ParamsError, match="no order of runs lists it"):
        remove_run(str(older), "older than a year", pack=str(home / "pack"))


def test_the_manifest_names_the_run_before(home: Path) -> None:
    first, second = keep_run(home, 1), keep_run(home, 2)
    assert json.loads((first / "manifest.json").read_text())["previous"] is None
    assert json.loads((second / "manifest.json").read_text())["previous"]["run_id"] == first.name
