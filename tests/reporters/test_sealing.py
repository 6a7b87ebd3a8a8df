"""A run whose signer the project does not trust says so wherever it is read, and is no GO; its manifest can be judged again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lib.core.results import Outcome, Provenance
from lib.core.verdict import Verdict
from lib.evidence.manifest import load_signer, verify_run
from lib.evidence.trust import Standing
from lib.reporters import github
from lib.reporters.documents.note import execution_summary
from lib.reporters.pages import write_index, write_task_page
from lib.reporters.report import RunReport, report_run
from lib.reporters.sealing import Sealer, about_run, enter_run, format_standing, open_sealer
from lib.reporters.terminal import format_verdict
from lib.tasks.index import TASKS
from tests.support.paper_worlds import AT, all_lines
from tests.support.report_worlds import GATE, result, world
from tests.support.trust_worlds import REVOKED, entry, trust, write_entry

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "predicates" / "run-1.schema.json").read_text())
UNKNOWN = Standing(keyid="ab" * 32, problem="signed by a key that launch/trusted_keys does not name: abababababababab")
KNOWN = Standing(keyid="ab" * 32, signer="release-bot")
SAID = "Signed by a throw-away key that launch/trusted_keys of the project does not name"


def report(home: Path, signed_by: Standing | None, *, live: bool = True) -> RunReport:
    made = world(home)
    lines = [line.model_copy(update={"provenance": Provenance.LIVE if live else line.provenance}) for line in made.lines]
    return report_run(made.run, TASKS, lines, made.outcome, signed_by=signed_by)


def test_a_go_needs_somebody_who_stands_for_it(tmp_path: Path) -> None:
    one = report(tmp_path, KNOWN)
    assert one.verdict is Verdict.GO and format_standing(one) == ""
    other = report_run(one.run, TASKS, one.lines, one.outcome, signed_by=UNKNOWN)
    assert other.verdict is Verdict.PARTIAL
    assert "but the project does not trust the key that signs it. It can't be a GO." in other.sentence


def test_a_rehearsal_stays_a_rehearsal_and_says_it_too(tmp_path: Path) -> None:
    one = report(tmp_path, UNKNOWN, live=False)
    assert one.verdict is Verdict.REHEARSED
    assert format_standing(one).startswith(SAID)


def test_every_door_says_it_with_the_fix(tmp_path: Path) -> None:
    one = report(tmp_path, UNKNOWN)
    write_index(one, None)
    write_task_page(one, one.tasks[0], None)
    pages = [(one.run.run_folder / name).read_text() for name in ("index.html", f"{one.tasks[0].task.name}.html")]
    doors = [*pages, format_verdict(one, exit_code=0), execution_summary(one), github.format_summary(one)]
    for said in doors:
        assert "throw-away key" in said and "make key" in said and "release-bot" in said
    told = report_run(one.run, TASKS, one.lines, one.outcome, signed_by=KNOWN)
    write_index(told, None)
    assert "throw-away" not in (one.run.run_folder / "index.html").read_text()


def test_a_revoked_signer_is_named_with_its_reason(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    standing = trust(entry(key, revoked=REVOKED)).judge(entry(key).key.keyid, AT)
    said = format_standing(report(tmp_path, standing))
    assert "whose key was revoked on 2026-11-26: the laptop was stolen" in said and "make rotate-key NAME=release-bot" in said


def test_the_signer_is_judged_by_the_projects_list_and_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "key.pem"))
    made = world(tmp_path)
    assert not open_sealer(made.run.pack, at=AT).standing(AT).is_trusted
    write_entry(made.run.pack, entry(tmp_path / "key.pem"))
    sealer = open_sealer(made.run.pack, at=AT)
    assert sealer.standing(AT).sentence == "signed by release-bot, trusted by launch/trusted_keys"
    told = replace(made, signed_by=sealer.standing(AT))
    sealer.seal(told, unkept=())
    found = verify_run(made.run.run_folder)
    assert found.problems == () and found.signed_by == entry(tmp_path / "key.pem").key.keyid
    assert found.about["signer"] == {"name": "release-bot", "keyid": found.signed_by, "is_trusted": True}
    Draft202012Validator(SCHEMA).validate({name: value for name, value in found.about.items() if name != "files"})


def test_without_a_key_nothing_is_vouched_for() -> None:
    assert not Sealer().standing(AT).is_trusted


def test_the_manifest_keeps_all_that_the_verdict_rests_on(tmp_path: Path) -> None:
    policy = about_run(report(tmp_path, KNOWN))["policy"]
    assert policy["vouched"] and GATE in policy["gates"] and policy["counted"] == {} and policy["version"] == 1
    waived = world(tmp_path / "waived", {GATE: result(GATE, Outcome.FAIL)}, waived=GATE)
    assert about_run(waived)["policy"]["counted"][GATE]["is_waived"]
    assert len(all_lines(waived.run, {}, AT)) > len(policy["gates"])


def test_a_run_that_starts_is_told_of_earlier_ones_that_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "key.pem"))
    made = world(tmp_path)
    assert enter_run(made.run, at=AT) == []
    Sealer(signer=load_signer(tmp_path / "key.pem")).seal(made, unkept=())
    folder = made.run.run_folder
    later = made.run.model_copy(
        update={"run_id": "20261127T120000Z-bbbb", "run_folder": folder.with_name("20261127T120000Z-bbbb")}
    )
    later.run_folder.mkdir()
    shutil.rmtree(folder)
    assert enter_run(later, at=AT) == [f"run {folder.name} (REHEARSED) was removed without a note"]
