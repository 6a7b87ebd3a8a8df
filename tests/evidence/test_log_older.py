"""Evidence that older versions wrote still reads, verifies and renders; a newer one's is refused by one sentence.

The folders in `older/` were written by those versions themselves, and are kept to the byte.
"""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import SSlibKey

from lib.core.errors import WorkbookError
from lib.core.verdict import Verdict
from lib.evidence.decisions import read_decision
from lib.evidence.findings import finding_keys
from lib.evidence.log import FILE, SCHEMA_VERSION, read_evidence, read_log
from lib.evidence.manifest import verify_run
from lib.reporters.html.render import render_index
from lib.reporters.junit import format_junit
from lib.reporters.pages import summarize_run
from lib.reporters.report import report_run
from lib.reporters.sarif import make_sarif
from lib.run.endings import RunOutcome
from lib.tasks.index import TASKS
from tests.support.paper_worlds import make_pack, run_in

OLDER = Path(__file__).with_name("older")
EVIDENCE = list(range(1, SCHEMA_VERSION))


def folder_of(version: int) -> Path:
    """The run that a version wrote; a version without one is a promise that nobody holds."""
    [folder] = (OLDER / f"v{version}").glob("*Z-*")
    return folder


def keys_of(version: int) -> list[SSlibKey]:
    known = json.loads((OLDER / f"v{version}" / "key.json").read_text())
    return [SSlibKey.from_dict(known.pop("keyid"), known)]


@pytest.mark.parametrize("version", EVIDENCE)
def test_evidence_of_an_older_version_is_read_as_it_was_meant(version: int) -> None:
    log = read_log(folder_of(version))
    assert not log.torn
    assert {line.schema_version for line in log.lines} == {version}
    found = {line.check: line for line in log.lines}
    assert {check: line.result.value for check, line in found.items()} == {
        "rls.every_table_enabled": "fail",
        "rls.no_policy_without_rls": "skip",
        "seed.row_counts_match": "pass",
        "migrations.pushed_to_target": "skip",
        "health.chatwoot_available": "error",
        "migrations.lint_is_clean": "fail",
    }
    failed = found["rls.every_table_enabled"]
    assert failed.fix == ("alter table public.orders enable row level security;",)
    assert failed.detail == "Row level security is off on public.orders."
    assert finding_keys(failed) == ("public.orders",)
    assert found["migrations.pushed_to_target"].judged.is_untried
    assert (found["seed.row_counts_match"].faults is not None) is (version >= 3)
    assert (found["seed.row_counts_match"].reused_from is not None) is (version >= 4)


@pytest.mark.parametrize("version", EVIDENCE)
def test_a_run_of_an_older_version_verifies_and_a_changed_one_does_not(tmp_path: Path, version: int) -> None:
    run = shutil.copytree(folder_of(version), tmp_path / folder_of(version).name)
    assert verify_run(run, keys=keys_of(version)).problems == ()
    text = (run / FILE).read_text()
    (run / FILE).write_text(text.replace('"fail"', '"pass"', 1))
    assert verify_run(run, keys=keys_of(version)).problems


@pytest.mark.parametrize("version", EVIDENCE)
def test_evidence_of_an_older_version_renders(tmp_path: Path, version: int) -> None:
    lines = read_evidence(folder_of(version))
    run = run_in(tmp_path, folder_of(version).name, pack=make_pack(tmp_path))
    at = lines[0].started_at
    outcome = RunOutcome(started_at=at, ended_at=at + timedelta(minutes=1), finished=True, partial=False, rehearsed_for=())
    report = report_run(run, TASKS, lines, outcome)
    assert report.verdict is Verdict.NO_GO
    page = render_index(None, summarize_run(report))
    for said in (page, format_junit(report).decode(), json.dumps(make_sarif(report))):
        assert "Row level security is off on public.orders." in said


@pytest.mark.parametrize("version", EVIDENCE)
def test_a_run_of_an_older_version_is_decided_again(version: int) -> None:
    decision = read_decision(folder_of(version))
    assert decision is not None
    assert (decision.verdict, len(decision.results)) == ("NO-GO", 6)


@pytest.mark.parametrize("change", [{}, {"again": "x"}])
def test_evidence_of_a_newer_version_is_refused_by_one_sentence(tmp_path: Path, change: dict[str, str]) -> None:
    text = (folder_of(SCHEMA_VERSION - 1) / FILE).read_text().splitlines()
    newer = json.dumps({**json.loads(text[0]), "schema_version": SCHEMA_VERSION + 1, **change})
    (tmp_path / FILE).write_text("\n".join([*text[1:], newer]) + "\n")
    with pytest.raises(WorkbookError) as caught:
        read_log(tmp_path)
    assert f"has lines of form {SCHEMA_VERSION + 1}, of a newer workbook; this one knows forms up to {SCHEMA_VERSION}." in str(
        caught.value
    )
