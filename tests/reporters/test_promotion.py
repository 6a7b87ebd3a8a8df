"""Production reaches a GO by the proof of the same commit on staging, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.core.permissions import Refusal
from lib.core.results import Check, Outcome, Provenance, Result, SkipReason
from lib.core.verdict import Verdict
from lib.evidence.ages import ShelfLife
from lib.evidence.log import EvidenceLine, append_line, line_of
from lib.evidence.manifest import load_signer, seal_run
from lib.evidence.trust import NOBODY
from lib.reporters.promotion import Promotion, promote
from lib.reporters.summary import verdict_of
from lib.run.params_file import PromotesFrom
from lib.tasks.credentials.task import FLY_AS_NEW_AS_VAULT
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL
from lib.tasks.readiness_summary.task import NOTIFY_DRY_RUN_RECORDED
from tests.support.trust_worlds import REVOKED, entry, trust

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
COMMIT = "0123456789ab"
WANTED = PromotesFrom(environment="staging", max_age_h=24)
PUSHED = Check("migrations.pushed_to_target", "Pushed", subject="database")
DEPLOYED = Check("deploy_rehearsal.candidate_gets_healthy", "Healthy", subject="fly")
FAITHFUL = TWIN_IS_FAITHFUL
FOUND = Check("migrations.found", "Found", subject="project")
REFUSAL = Refusal(reason="Not here.", fix="Allow it.")


def line(check: Check, result: Result | None = None, how: Provenance = Provenance.LIVE, run_id: str = "r") -> EvidenceLine:
    return line_of(
        result or check.passed(), check, run_id=run_id, environment="staging", provenance=how, started_at=NOW, duration_s=1
    )


PASSED = (line(PUSHED), line(DEPLOYED, how=Provenance.TWIN), line(FAITHFUL, how=Provenance.TWIN), line(FOUND))
HERE = [line(FOUND), line(PUSHED, PUSHED.not_allowed(REFUSAL)), line(DEPLOYED, DEPLOYED.not_allowed(REFUSAL)), line(FAITHFUL)]
GATES = [PUSHED.id, DEPLOYED.id, FAITHFUL.id, FOUND.id]


def stage(
    folder: Path,
    run_id: str = "20261125T090000Z-aaaa",
    *,
    lines: Sequence[EvidenceLine] = PASSED,
    hours: float = 3,
    **changes: Any,
) -> Path:
    """Return a sealed staging run."""
    run = folder / "staging" / run_id
    run.mkdir(parents=True)
    for one in lines:
        append_line(run, one)
    about = {
        "environment": "staging", "finished": True, "partial": False, "pack_commit": COMMIT,
        "ended_at": (NOW - timedelta(hours=hours)).isoformat(), **changes,
    }  # fmt: skip
    seal_run(run, about, load_signer(folder / "key.pem"))
    return run


def ask(folder: Path, *, commit: str | None = COMMIT, lines: Sequence[EvidenceLine] = HERE, **changes: Any) -> Promotion:
    key = changes.pop("key", entry(folder / "key.pem"))
    trusted = trust(key) if key else NOBODY
    return promote(WANTED, lines, runs=folder / "staging", commit=commit, now=NOW, trust=trusted, **changes)


def verdict(promotion: Promotion, lines: Sequence[EvidenceLine] = HERE) -> Verdict:
    return verdict_of(lines, gates=GATES, proved=promotion.proved)


def test_the_same_commit_proved_on_staging_is_a_go(tmp_path: Path) -> None:
    stage(tmp_path)
    promotion = ask(tmp_path)
    assert verdict(promotion) is Verdict.GO
    assert promotion.sentence == "proved on staging, run 20261125T090000Z-aaaa, 3 h 00 min ago"
    told = promotion.tell(HERE[1])
    assert told.detail.startswith("Proved on staging, run 20261125T090000Z-aaaa, 3 h 00 min ago.")
    assert told.result is Outcome.SKIP, "the evidence stays as it was found"


def test_without_promotion_it_is_partial() -> None:
    assert verdict(Promotion()) is Verdict.PARTIAL
    assert promote(None, HERE, runs=Path("x"), commit=COMMIT, now=NOW, trust=NOBODY) == Promotion()


@pytest.mark.parametrize(
    ("made", "asked", "reason"),
    [
        ({}, {"commit": "ffffffffffff"}, "is of 0123456789ab, this one of ffffffffffff"),
        ({"pack_commit": f"{COMMIT}+"}, {}, "is of 0123456789ab+"),
        ({}, {"commit": f"{COMMIT}+"}, "changes that are not committed"),
        ({}, {"commit": None}, "not in version control"),
        ({"hours": 25}, {}, "more than 24 h"),
        ({"hours": -1}, {}, "more than 24 h"),
        ({"partial": True}, {}, "no finished whole run"),
        ({"finished": False}, {}, "no finished whole run"),
        ({"waivers": ["x"]}, {}, "has waivers"),
        ({"environment": "local"}, {}, "says that it is of local"),
        ({"ended_at": "soon"}, {}, "does not say when it ended"),
        ({}, {"key": None}, "launch/trusted_keys of the project names no key"),
    ],
)
def test_what_does_not_hold_is_said_and_it_stays_not_allowed(
    tmp_path: Path, made: dict[str, Any], asked: dict[str, Any], reason: str
) -> None:
    stage(tmp_path, **made)
    promotion = ask(tmp_path, **asked)
    assert verdict(promotion) is Verdict.PARTIAL
    assert reason in promotion.tell(HERE[1]).detail


def test_without_a_staging_run_nothing_is_proved(tmp_path: Path) -> None:
    assert verdict(ask(tmp_path)) is Verdict.PARTIAL


def test_a_run_that_was_changed_or_signed_by_another_key_proves_nothing(tmp_path: Path) -> None:
    run = stage(tmp_path)
    for key, said in (
        (entry(tmp_path / "other.pem"), "signed by a key that launch/trusted_keys does not name"),
        (entry(tmp_path / "key.pem", revoked=REVOKED), "whose key was revoked"),
        (entry(tmp_path / "key.pem", until="2026-11-24"), "after its key's end"),
    ):
        assert verdict(ask(tmp_path, key=key)) is Verdict.PARTIAL
        assert said in ask(tmp_path, key=key).tell(HERE[1]).detail
    (run / "evidence.jsonl").write_text((run / "evidence.jsonl").read_text().replace("It", "it") + "\n")
    promotion = ask(tmp_path)
    assert verdict(promotion) is Verdict.PARTIAL
    assert "does not verify" in promotion.tell(HERE[1]).detail


def test_the_newest_run_of_the_commit_counts_whatever_an_older_one_said(tmp_path: Path) -> None:
    stage(tmp_path)
    failed = [line(PUSHED, PUSHED.failed()), *PASSED[1:]]
    stage(tmp_path, "20261125T100000Z-bbbb", lines=failed, hours=2)
    promotion = ask(tmp_path)
    assert verdict(promotion) is Verdict.PARTIAL
    assert "run 20261125T100000Z-bbbb did not pass it" in promotion.tell(HERE[1]).detail


@pytest.mark.parametrize("how", [Provenance.EMBEDDED, Provenance.SIMULATED])
def test_what_was_rehearsed_on_staging_proves_nothing(tmp_path: Path, how: Provenance) -> None:
    stage(tmp_path, lines=[line(PUSHED, how=how), *PASSED[1:]])
    assert verdict(ask(tmp_path)) is Verdict.PARTIAL


def test_a_twin_that_was_not_shown_to_be_faithful_proves_nothing(tmp_path: Path) -> None:
    stage(tmp_path, lines=[one for one in PASSED if one.check != FAITHFUL.id])
    assert set(ask(tmp_path).proved) == {PUSHED.id}


@pytest.mark.parametrize("check", [FLY_AS_NEW_AS_VAULT, NOTIFY_DRY_RUN_RECORDED])
def test_what_speaks_of_the_environments_own_state_is_not_promoted(tmp_path: Path, check: Check) -> None:
    stage(tmp_path, lines=[*PASSED, line(check)])
    lines = [*HERE, line(check, check.not_allowed(REFUSAL))]
    promotion = ask(tmp_path, lines=lines)
    assert set(promotion.proved) == {PUSHED.id, DEPLOYED.id}
    assert verdict(promotion, lines) is Verdict.PARTIAL


def test_only_what_was_not_allowed_is_promoted(tmp_path: Path) -> None:
    stage(tmp_path)
    failed = [line(FOUND, FOUND.failed()), *HERE[1:]]
    assert verdict(ask(tmp_path, lines=failed), failed) is Verdict.NO_GO
    unknown = [line(FOUND, FOUND.errored("?")), *HERE[1:]]
    assert verdict(ask(tmp_path, lines=unknown), unknown) is Verdict.BLOCKED
    hidden = replace(PUSHED.hidden_by(FOUND.id, "No."), skipped_because=SkipReason.NOT_DUE)
    lines = [HERE[0], line(PUSHED, hidden), *HERE[2:]]
    assert verdict(ask(tmp_path, lines=lines), lines) is Verdict.BLOCKED


def test_what_was_found_too_long_ago_is_not_proved(tmp_path: Path) -> None:
    """The run itself is young enough; the policy for one of its facts is stricter."""
    old = PASSED[0].model_copy(update={"started_at": NOW - timedelta(hours=4)})
    stage(tmp_path, lines=[old, *PASSED[1:]])
    assert PUSHED.id in ask(tmp_path).proved
    strict = ask(tmp_path, shelf_life=ShelfLife(max_age_h_by_check={PUSHED.id: 3}))
    assert set(strict.proved) == {DEPLOYED.id}
    assert strict.refusals[PUSHED.id].endswith("that is too old. Looked at 4 h 00 min ago, at most 3 h.")


def test_a_twin_that_was_proved_faithful_too_long_ago_proves_nothing(tmp_path: Path) -> None:
    old = PASSED[2].model_copy(update={"started_at": NOW - timedelta(hours=4)})
    stage(tmp_path, lines=[*PASSED[:2], old, PASSED[3]])
    assert set(ask(tmp_path, shelf_life=ShelfLife(max_age_h=3.5)).proved) == {PUSHED.id}
