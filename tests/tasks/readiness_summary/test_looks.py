"""The run's own checks: a task that fell silent and a credential that was kept are both found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lib.core import redact
from lib.core.known_secrets import Needles
from lib.core.last_look import look_once_more
from lib.core.paths import ROOT
from lib.core.results import Outcome, Provenance, Result, SkipReason
from lib.tasks.readiness_summary import judge as paper
from lib.tasks.readiness_summary.looks import (
    judge_leaks,
    judge_results,
    look_at_dry_run,
    look_at_nights,
    look_at_runbook,
    look_for_credentials,
)
from lib.transport.context import Context
from tests.support.credential_worlds import copy_pack, open_world

SECRET = "hunter2hunter2"
EXPECTED = {"rls": ["rls.a", "rls.b"], "seed": ["seed.a"]}


@pytest.fixture(autouse=True)
def only_known_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_known", Needles())
    yield


def judge_files(folder: Path, contents: dict[str, bytes]) -> Result:
    """Return the result for a folder of these files."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return judge_leaks(look_once_more(folder), files=len(contents)).results[0]


def test_every_check_with_a_result_passes() -> None:
    result = judge_results(EXPECTED, {"rls.a", "rls.b", "seed.a"}).results[0]
    assert (result.outcome, result.observed) == (Outcome.PASS, 3)


def test_a_check_without_a_result_fails_naming_it() -> None:
    result = judge_results(EXPECTED, {"rls.a", "seed.a"}).results[0]
    assert result.outcome is Outcome.FAIL
    assert "rls.b" in result.detail


def test_a_result_nobody_expected_changes_nothing() -> None:
    assert judge_results(EXPECTED, {"rls.a", "rls.b", "seed.a", "else.c"}).results[0].outcome is Outcome.PASS


def test_no_task_at_all_is_an_error() -> None:
    assert judge_results({}, {"rls.a"}).results[0].outcome is Outcome.ERROR


def test_a_kept_credential_fails_naming_the_file_but_not_the_value(tmp_path: Path) -> None:
    redact.register_secrets([SECRET])
    result = judge_files(tmp_path, {"a.json": f'{{"x": "{SECRET}"}}'.encode(), "b.txt": b"clean"})
    assert (result.outcome, result.observed) == (Outcome.FAIL, ["a.json"])
    assert SECRET not in result.detail


def test_clean_files_pass_and_look_alikes_do_not_fire(tmp_path: Path) -> None:
    redact.register_secrets([SECRET])
    assert judge_files(tmp_path, {"a.txt": b"hunter2 and hunter2-hunter2"}).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "kept",
    [
        b"see postgresql://postgres:pass-word@db.example.com/postgres",
        b"apikey: eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJlLWhlcmU",
        b"token sbp_0123456789abcdef0123",
        b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    ],
)
def test_a_credential_nobody_registered_is_found_by_its_shape(kept: bytes, tmp_path: Path) -> None:
    assert judge_files(tmp_path, {"a.txt": kept}).outcome is Outcome.FAIL


def test_words_about_credentials_and_struck_ones_are_not_credentials(tmp_path: Path) -> None:
    said = b"Basic authentication, a Bearer credential; postgresql://postgres:[redacted]@127.0.0.1/x and user@example.com"
    assert judge_files(tmp_path, {"a.txt": said}).outcome is Outcome.PASS


def test_a_file_that_cannot_be_read_whole_is_no_pass(tmp_path: Path) -> None:
    result = judge_files(tmp_path, {"a.gz": b"\x1f\x8bcut off"})
    assert (result.outcome, result.detail[:26]) == (Outcome.ERROR, "a.gz could not be read who")


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    assert judge_files(tmp_path, {}).outcome is Outcome.ERROR


def test_files_of_the_same_name_are_each_read(tmp_path: Path) -> None:
    redact.register_secrets([SECRET])
    files = {"run/artifacts/health/a.json": SECRET, "run/artifacts/seed/a.json": "clean", "work/a.json": "clean"}
    for place, text in files.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        path.write_text(text)
    nowhere: Any = SimpleNamespace(services={})
    [result] = look_for_credentials(nowhere, folder=tmp_path / "run", beside=tmp_path / "work").results
    assert (result.outcome, result.observed) == (Outcome.FAIL, ["run/artifacts/health/a.json"])


def test_a_value_that_only_the_vault_knows_is_found(tmp_path: Path) -> None:
    pack, kept, beside = copy_pack(tmp_path), tmp_path / "kept", tmp_path / "beside"
    for folder in (kept, beside):
        folder.mkdir()
    key = (pack / "vault/occ/local/tile_signing_key.txt").read_text()
    with open_world(tmp_path, pack) as context:
        (kept / "clean.txt").write_text("placeholders: changeme, your-api-key")
        assert look_for_credentials(context, folder=kept, beside=beside).results[0].outcome is Outcome.PASS
        (kept / "line.txt").write_text(max(key.splitlines(), key=len))
        result = look_for_credentials(context, folder=kept, beside=beside).results[0]
    assert (result.outcome, result.observed) == (Outcome.FAIL, ["kept/line.txt"])


def test_a_vault_that_cannot_be_read_is_no_pass_and_named(tmp_path: Path) -> None:
    pack, kept = copy_pack(tmp_path), tmp_path / "kept"
    kept.mkdir()
    (kept / "clean.txt").write_text("nothing")
    with open_world(tmp_path, pack) as context:
        (pack / "vault/occ/local/publer.json").write_text("{")
        result = look_for_credentials(context, folder=kept, beside=kept).results[0]
    assert (result.outcome, result.observed) == (Outcome.ERROR, "none in 1 files")
    assert result.detail.startswith("Not all of the vault could be read: local.")


HEALTH = ("health.a", "health.b")
NOTE = "# Note\n\n## Migration status\n\n- ✓ **One**: passed\n- ✗ **Two**: failed\n\n## Tasks\n\n**Three**\n"
ENTRY = "## x\n\n### What was run\n\n[Seed](a.html)\n\n### Evidence\n\n[e](e.jsonl)\n\n### What is left\n\n- `seed.a` failed\n"
RUNBOOK = """# Deployment
make staging-readiness first. [After](#guardrails)
<!-- measured: here --><!-- /measured -->
## When a deploy may happen
## Guardrails
.github/launch-policy.yml
flyctl checks list --app x
flyctl deploy --app x --image y
scripts/ops/rollback-production.sh --to v1
RESTORE_POINT=x
"""


def links_data(**changes: Any) -> str:
    links = [{"check": check, "artifacts": ["../artifacts/health/a.json"]} for check in HEALTH]
    return json.dumps({"links": links, "is_stale": False, "stale_after_h": 26, "run_id": "r", **changes})


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "artifacts" / "health").mkdir(parents=True)
    (tmp_path / "artifacts" / "health" / "a.json").write_text("{}")
    return tmp_path / "docs"  # not there yet, as in a run that goes on


def test_a_note_that_tells_every_migration_check_passes_and_one_that_leaves_one_out_fails_naming_it() -> None:
    assert paper.judge_note(NOTE, ["One", "Two"]).outcome is Outcome.PASS
    result = paper.judge_note(NOTE, ["One", "Two", "Three"])
    assert (result.outcome, result.observed) == (Outcome.FAIL, 2)
    assert "Three" in result.detail  # it stands under another heading


def test_qa_links_to_fresh_evidence_pass(docs: Path) -> None:
    assert paper.judge_qa(links_data(), docs, HEALTH, "r").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_stale": True}, "older than 26 h"),
        ({"run_id": "older"}, "of the run older"),
        ({"links": [{"check": "health.a", "artifacts": ["../artifacts/health/a.json"]}]}, "without a link: health.b"),
        ({"links": [{"check": check, "artifacts": ["../gone.json"]} for check in HEALTH]}, "gone: ../gone.json"),
        ({"links": [{"check": check, "artifacts": []} for check in HEALTH]}, "no artifact is linked"),
    ],
)
def test_qa_links_that_say_nothing_of_today_fail(docs: Path, changes: dict[str, Any], said: str) -> None:
    result = paper.judge_qa(links_data(**changes), docs, HEALTH, "r")
    assert result.outcome is Outcome.FAIL
    assert said in result.detail


def test_no_health_evidence_at_all_is_an_error(docs: Path) -> None:
    assert paper.judge_qa('{"links": []}', docs, HEALTH, "r").outcome is Outcome.ERROR


def test_an_entry_is_whole_or_fails_naming_what_it_lacks() -> None:
    assert paper.judge_entry(ENTRY, ["Seed"], ["seed.a"]).outcome is Outcome.PASS
    lacking = paper.judge_entry(ENTRY, ["Seed", "Alerts"], ["seed.a", "rls.b"])
    assert lacking.outcome is Outcome.FAIL
    assert "the task Alerts" in lacking.detail and "rls.b" in lacking.detail
    assert paper.judge_entry("", [], []).outcome is Outcome.FAIL


def test_links_that_lead_nowhere_fail_naming_document_and_link_and_no_document_is_an_error() -> None:
    assert paper.judge_links({"a.md": []}).outcome is Outcome.PASS
    result = paper.judge_links({"a.md": [], "b.md": ["x.html leads to no file"]})
    assert (result.outcome, result.observed) == (Outcome.FAIL, 1)
    assert "b.md: x.html leads to no file" in result.detail
    assert paper.judge_links({}).outcome is Outcome.ERROR


def test_a_runbook_that_tells_the_whole_flow_passes() -> None:
    assert paper.judge_runbook(RUNBOOK, "r.md", (), ()).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("## Guardrails", "## Rules", "a heading on guardrails"),
        (".github/launch-policy.yml", "a policy", "the policy that a branch must meet"),
        ("--image y", "", "the deploy of a named image"),
        ("scripts/ops/rollback-production.sh", "go back", "the rollback script"),
        ("<!-- measured", "<!-- times", "the place of the measured times"),
        ("RESTORE_POINT", "POINT", "the rollback of the data"),
        ("## When a deploy may happen", "When a deploy may happen", "when a deploy may happen"),
    ],
)
def test_a_runbook_that_leaves_a_part_out_fails_naming_it(was: str, now: str, said: str) -> None:
    result = paper.judge_runbook(RUNBOOK.replace(was, now), "r.md", (), ())
    assert result.outcome is Outcome.FAIL
    assert said in result.detail


def test_a_runbook_that_is_missing_or_names_what_is_not_there_fails() -> None:
    assert "has no r.md" in paper.judge_runbook(None, "r.md", (), ()).detail
    assert "Links that lead nowhere: x" in paper.judge_runbook(RUNBOOK, "r.md", ("x",), ()).detail
    assert "lacks what it names: scripts/y.sh" in paper.judge_runbook(RUNBOOK, "r.md", (), ("scripts/y.sh",)).detail


def test_the_sample_packs_runbook_tells_the_flow_and_names_only_what_is_there() -> None:
    text = (ROOT / "pack" / "docs/runbooks/production_deployment.md").read_text()
    named = paper.IN_PACK.findall(text)
    assert {"scripts/ops/rollback-production.sh", ".github/launch-policy.yml"} <= set(named)
    assert [name for name in named if not (ROOT / "pack" / name).exists()] == []
    assert paper.judge_runbook(text, "r.md", (), ()).outcome is Outcome.PASS


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def dry_run(**changes: Any) -> dict[str, Any]:
    return {"run_id": "d", "started_at": NOW - timedelta(days=1), "result": "pass", "provenance": "live", **changes}


@pytest.mark.parametrize(
    ("recorded", "outcome"),
    [
        ([dry_run()], Outcome.PASS),
        ([], Outcome.ERROR),
        ([dry_run(provenance="simulated")], Outcome.ERROR),
        ([dry_run(result="fail")], Outcome.FAIL),
        ([dry_run(started_at=NOW - timedelta(days=31))], Outcome.FAIL),
        ([dry_run(), dry_run(result="fail", started_at=NOW)], Outcome.FAIL),
        ([dry_run(result="fail", started_at=NOW - timedelta(days=2)), dry_run()], Outcome.PASS),
    ],
)
def test_only_a_fresh_live_delivered_dry_run_counts(recorded: list[dict[str, Any]], outcome: Outcome) -> None:
    result = paper.judge_recorded(
        recorded, environment="staging", like=Provenance.LIVE, now=NOW, fix="make notify-dry-run ENV=staging"
    )
    assert result.outcome is outcome
    assert outcome is Outcome.PASS or result.fix == ("make notify-dry-run ENV=staging",)


def test_what_is_not_part_of_the_run_is_skipped_with_its_reason() -> None:
    context = cast(Context, None)  # not looked at
    looks = (
        look_at_nights(context, is_whole=False),
        look_at_dry_run(context, is_whole=False, mail_problem="", recorded=(), run_id="r"),
        look_at_runbook(context, tasks=(), path="x.md"),
    )
    for findings in looks:
        assert {result.outcome for result in findings.results} == {Outcome.SKIP}
        assert {result.skipped_because for result in findings.results} == {SkipReason.NOT_DUE}


def test_without_mail_the_dry_run_leaves_the_word_to_the_mail_servers_own_check() -> None:
    [result] = look_at_dry_run(
        cast(Context, None), is_whole=True, mail_problem="health.mail_server_accepts_us", recorded=(), run_id="r"
    ).results
    assert result.outcome is Outcome.SKIP
    assert "health.mail_server_accepts_us" in result.detail
