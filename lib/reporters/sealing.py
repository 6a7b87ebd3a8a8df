"""How a run is sealed: by which key, whether the project trusts it, and what the signed manifest says of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from lib.core.make_commands import make_command, pack_word
from lib.core.verdict import GateInput
from lib.core.wording import as_sentence
from lib.evidence.log import EvidenceLine
from lib.evidence.manifest import seal_run
from lib.evidence.trust import FOLDER, NOBODY, Standing, TrustList
from lib.reporters.report import RunReport
from lib.reporters.statements import state_run
from lib.run.order import enter_started, seal_in_order
from lib.run.run_file import RunFile
from lib.run.signing import open_signer
from lib.run.trusted_keys import read_trusted_keys
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL

POLICY_VERSION = 1
"""Of what a manifest keeps so that its verdict can be come to again (`lib.reporters.decide_again`)."""


@dataclass(frozen=True, kw_only=True)
class Sealer:
    """Who signs a run, and whom its project trusts. signer: None when no key can be used; then nothing is sealed."""

    signer: CryptoSigner | None = field(default=None, repr=False)
    trust: TrustList = NOBODY

    def standing(self, at: datetime) -> Standing:
        """Return what the project says of the key, at the moment that the run ended."""
        return self.trust.judge(self.signer.public_key.keyid, at) if self.signer else Standing(keyid="", problem="not signed")

    def seal(self, report: RunReport, *, unkept: Sequence[EvidenceLine]) -> str:
        """Seal the run, enter it in the order of runs, and return the manifest's sha256 in hex.

        Raises WorkbookError or OSError when that can't be done.
        """
        about, folder = about_run(report, unkept), report.run.run_folder
        signer = self.signer or open_signer(self.trust)

        def seal(previous: Mapping[str, str] | None) -> str:
            said = {**about, "previous": previous}
            state_run(report, said, signer)
            return seal_run(folder, said, signer)

        return seal_in_order(folder, report.verdict.word, signer, self.trust, seal)


def open_sealer(pack: Path, *, at: datetime) -> Sealer:
    """Return who signs a run of this project at a moment. Raises WorkbookError when nobody can, or the trust list is wrong."""
    trust = read_trusted_keys(pack)
    return Sealer(signer=open_signer(trust, at=at), trust=trust)


def enter_run(run: RunFile, *, at: datetime) -> list[str]:
    """Enter a run that starts in the order of runs; return one sentence for each earlier run that is not as it was entered.

    Raises WorkbookError or OSError when that can't be done.
    """
    trust = read_trusted_keys(run.pack)
    return enter_started(run.run_folder, open_signer(trust, at=at), trust)


def format_standing(report: RunReport) -> str:
    """Return in one sentence that nobody stands for the run, with the fix; '' where the project trusts its signer."""
    one = report.signed_by
    if one is None or one.is_trusted:
        return ""
    pack = pack_word(report.run.pack)
    if one.signer:
        fix = f"{make_command('rotate-key', NAME=one.signer, PACK=pack, APPLY='1')}, commit {FOLDER}, run again."
        return f"{as_sentence(one.problem)[:-1]}: the project does not trust it, so this run can't be a GO. Fix: {fix}"
    command = make_command("key", NAME="release-bot", PACK=pack, APPLY="1")
    return (
        f"Signed by a throw-away key that {FOLDER} of the project does not name: nobody can tell who stands for this run, "
        f"so it can't be a GO. Fix: {command}, commit {FOLDER}, run again."
    )


def about_run(report: RunReport, unkept: Sequence[EvidenceLine] = ()) -> dict[str, Any]:
    """Return what the signed statement says of the run. unkept: lines of evidence that no disk took."""
    run, outcome = report.run, report.outcome
    return {
        "run_id": run.run_id,
        "project": run.project,
        "environment": run.environment,
        "verdict": report.verdict.word,
        "rehearsal": run.rehearsal,
        "partial": outcome.partial,
        "not_applicable": run.not_applicable,
        "unconfirmed": list(run.unconfirmed),
        **report.waived.record,
        "finished": outcome.finished,
        "pack": run.pack.name,
        "pack_commit": report.commit,
        "started_at": outcome.started_at.isoformat(),
        "ended_at": outcome.ended_at.isoformat(),
        "tasks": list(run.tasks),
        "inputs": {} if outcome.leaks else dict(outcome.inputs),
        "reused": {one.task.name: one.reused for one in report.tasks if one.reused},
        "resumed_at": [moment.isoformat() for moment in outcome.resumed_at],
        "signer": signer_of(report.signed_by),
        "policy": policy_of(report, unkept),
    }


def signer_of(one: Standing | None) -> Mapping[str, Any] | None:
    """Return who signed, as the manifest says it; None of a run that was told of nobody."""
    return None if one is None else {"name": one.signer, "keyid": one.keyid, "is_trusted": one.is_trusted}


def policy_of(report: RunReport, unkept: Sequence[EvidenceLine] = ()) -> dict[str, Any]:
    """Return all but the evidence that a run's verdict rests on, as plain JSON. unkept: lines of evidence that no disk took."""
    counted = {**{line.check: line.judged for line in unkept}, **report.proved}
    return {
        "version": POLICY_VERSION,
        "gates": sorted(report.gate_ids),
        "twin_proof": TWIN_IS_FAITHFUL.id,
        "vouched": report.is_vouched,
        "shelf_life": report.run.shelf_life.model_dump(),
        "counted": {check: as_json(one) for check, one in sorted(counted.items())},
        "unkept": sorted({line.check for line in unkept}),
    }


def as_json(one: GateInput) -> dict[str, Any]:
    """Return one result as the verdict takes it."""
    return {
        "outcome": one.outcome.value,
        "gate": one.gate,
        "provenance": one.provenance.value,
        "skipped_because": one.skipped_because.value if one.skipped_because else None,
        "is_hidden": one.is_hidden,
        "is_waived": one.is_waived,
        "is_reused": one.is_reused,
    }
