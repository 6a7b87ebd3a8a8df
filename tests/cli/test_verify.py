"""Verify says the first thing first: who signed, and whether that counts. Then everything that does not hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lib.__main__ import main
from lib.cli.keys import as_pem
from lib.cli.verify import CHANGED, UNKNOWABLE, verify
from lib.core.errors import WorkbookError
from lib.core.results import Outcome
from lib.evidence.log import append_line
from lib.evidence.manifest import load_signer, seal_run
from lib.reporters.sealing import about_run
from lib.run import signing, signing_variable
from tests.support.report_worlds import GATE, result, world
from tests.support.trust_worlds import REVOKED, entry, write_entry


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a place where nothing is known of any key but those that a test makes."""
    for name in ("SIGNING_KEY", "READINESS_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(signing_variable, "TAKEN", [])
    monkeypatch.setattr(signing, "BEFORE", tmp_path / "none.pem")
    monkeypatch.setattr(signing, "IN_CHECKOUT", tmp_path / "none" / "key.pem")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def run(home: Path) -> Path:
    """Return a sealed run of the environment staging, with its project `pack` beside, which trusts nobody yet."""
    return seal(home)


def seal(home: Path, key: str = "key.pem", **changes: Any) -> Path:
    report = world(home, {GATE: result(GATE, Outcome.FAIL)})
    for line in report.lines:
        append_line(report.run.run_folder, line)
    about = {**json.loads(json.dumps(about_run(report))), **changes}
    seal_run(report.run.run_folder, about, load_signer(home / key))
    return report.run.run_folder


def trusted(home: Path, **changes: Any) -> str:
    write_entry(home / "pack", entry(home / "key.pem", **changes))
    return str(home / "pack")


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.replace("\n  ", " ").splitlines()


def test_a_trusted_signer_comes_first_and_then_what_the_run_says(
    run: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(str(run), pack=trusted(home)) == 0
    first, second, *_ = said(capsys)
    assert first == "signed by release-bot, trusted by launch/trusted_keys"
    assert second.startswith(
        "project pack, environment staging, run 20261126T120000Z-aaaa, verdict NO-GO, commit none, ended 26 Nov 2026"
    )


def test_an_unknown_signer_is_refused(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_entry(home / "pack", entry(home / "other.pem"))
    assert verify(str(run), pack=str(home / "pack")) == CHANGED
    lines = said(capsys)
    assert lines[0] == f"signed by a key that launch/trusted_keys does not name: {entry(home / 'key.pem').key.keyid[:16]}"
    assert "nobody here knows whose key it is" in lines[-1] and "KEY=" in lines[-1]


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"revoked": REVOKED}, "signed by release-bot, whose key was revoked on 2026-11-26: the laptop was stolen"),
        ({"until": "2026-11-25"}, "signed by release-bot after its key's end, 2026-11-25"),
        ({"since": "2026-11-27"}, "signed by release-bot before its key became valid, 2026-11-27"),
    ],
)
def test_a_signer_whose_key_does_not_count_is_refused(
    run: Path, home: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], first: str
) -> None:
    assert verify(str(run), pack=trusted(home, **changes)) == CHANGED
    assert said(capsys)[0] == first


def test_by_the_key_inside_alone_nothing_verifies(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(run)) == UNKNOWABLE == 2
    [line] = said(capsys)
    assert "can't be checked: nothing here says whose signature counts" in line and "verifies" not in line


def test_a_key_that_is_given_counts_alone(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "theirs.pub").write_text(as_pem(load_signer(home / "key.pem")))
    (home / "other.pub").write_text(as_pem(load_signer(home / "other.pem")))
    assert verify(str(run), key=str(home / "theirs.pub")) == 0
    assert said(capsys)[0] == f"signed by the key, trusted by {home / 'theirs.pub'}"
    assert verify(str(run), key=str(home / "other.pub"), pack=trusted(home)) == CHANGED
    assert said(capsys)[0].startswith(f"signed by another key than {home / 'other.pub'}")


@pytest.mark.parametrize("text", ["no key", "", "ab" * 31, "\x00"])
def test_a_key_that_can_not_be_read_is_one_sentence_and_code_2(
    run: Path, home: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bad.pub").write_text(text)
    assert main(["verify", str(run), "--key", str(home / "bad.pub")]) == 2
    assert main(["verify", str(run), "--key", str(home / "missing.pub")]) == 2
    found = capsys.readouterr().err
    assert found.count("can't be used") == 2 and "Traceback" not in found


def test_a_key_of_ones_own_counts_where_the_project_names_none(
    run: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(home / "key.pem"))
    assert verify(str(run)) == 0
    assert said(capsys)[0].startswith("signed by a key of yours, trusted by this machine alone")
    write_entry(home / "pack", entry(home / "other.pem"))
    assert verify(str(run), pack=str(home / "pack")) == CHANGED, "where it names some, they alone count"


def test_a_changed_file_is_named(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "evidence.jsonl").write_text((run / "evidence.jsonl").read_text().replace("fail", "pass"))
    assert verify(str(run), pack=trusted(home)) == CHANGED
    assert f"{run.name}: evidence.jsonl was changed after the run" in said(capsys)


def test_a_broken_signature_comes_first(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    envelope = json.loads((run / "manifest.dsse.json").read_text())
    envelope["signatures"][0]["sig"] = "00" + envelope["signatures"][0]["sig"][2:]
    (run / "manifest.dsse.json").write_text(json.dumps(envelope, indent=2, sort_keys=True) + "\n")
    assert verify(str(run), pack=trusted(home)) == CHANGED
    assert said(capsys)[0].startswith("the signature does not hold")


def test_a_run_that_was_copied_among_those_of_another_environment_or_project_does_not_verify(
    run: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = trusted(home)
    for place, wrong in (
        (run.parent.parent / "production" / run.name, "it is of the environment staging, and lies among the runs of production"),
        (
            run.parent.parent.parent / "other" / "staging" / run.name,
            "it is of the project pack, and lies among the runs of other",
        ),
        (run.parent / "20261126T130000Z-bbbb", f"it is the run {run.name}, in a folder called 20261126T130000Z-bbbb"),
    ):
        shutil.copytree(run, place)
        assert verify(str(place), pack=pack) == CHANGED
        assert f"{place.name}: {wrong}" in said(capsys)
        shutil.rmtree(place)


def test_a_run_that_was_passed_on_lies_by_itself(run: Path, home: Path) -> None:
    place = home / "mail" / run.name
    shutil.copytree(run, place)
    assert verify(str(place), pack=trusted(home)) == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"verdict": "GO"}, "the manifest says GO, and its evidence comes to NO-GO"),
        ({"environment": "production"}, "it is of the environment production, and lies among the runs of staging"),
    ],
)
def test_what_is_signed_and_not_true_is_found(
    home: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], problem: str
) -> None:
    run = seal(home, **changes)
    assert verify(str(run), pack=trusted(home)) == CHANGED
    assert f"{run.name}: {problem}" in said(capsys)


def test_another_project_is_not_asked_whom_it_trusts(run: Path, home: Path) -> None:
    (home / "elsewhere").mkdir()
    write_entry(home / "elsewhere", entry(home / "key.pem"))
    with pytest.raises(WorkbookError, match="its runs are called elsewhere"):
        verify(str(run), pack=str(home / "elsewhere"))


def test_without_a_seal_it_is_code_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "empty").mkdir()
    assert main(["verify", str(home / "empty")]) == 2
    assert "no readable seal" in capsys.readouterr().err


def test_a_trust_list_that_is_wrong_is_code_2(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_entry(home / "pack", entry(home / "key.pem")).write_text("signer: a\n")
    assert main(["verify", str(run), "--pack", str(home / "pack")]) == 2
    assert "public_key: field required" in capsys.readouterr().err
