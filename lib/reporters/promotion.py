"""Promotion: what may not be tried in production counts as passed where the same commit passed it on staging.

Only a gate that is `not_allowed` here is promoted, and only by the newest finished whole run of the other environment of
the same commit: signed by a key that is trusted, not too old, without waivers, the gate passed there live or on a twin that was
shown to be faithful. Whatever does not hold is said, and the gate stays not allowed. A gate about the environment's own
state, such as the age of its secrets, is never promoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.results import Outcome
from lib.core.verdict import REAL, GateInput
from lib.core.wording import format_duration
from lib.evidence.ages import A_DAY, ShelfLife
from lib.evidence.log import EvidenceLine, read_evidence
from lib.evidence.manifest import ENVELOPE, MANIFEST, verify_run
from lib.evidence.trust import TrustList
from lib.run.params_file import PromotesFrom
from lib.tasks.index import every_check
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What another environment's run proves for this one.

    proved: check -> what counts in the place of its line. sentence: the run that proved it, as the end of a sentence.
    refusals: check -> why a gate that is not allowed here is not proved there.
    """

    proved: Mapping[str, GateInput] = field(default_factory=dict)
    sentence: str = ""
    refusals: Mapping[str, str] = field(default_factory=dict)

    def tell(self, line: EvidenceLine) -> EvidenceLine:
        """Return a line with what the other environment's run says about it; the evidence itself stays as it was found."""
        if line.check in self.proved:
            return line.model_copy(update={"detail": f"{self.sentence[:1].upper()}{self.sentence[1:]}. {line.detail}", "fix": ()})
        if line.check in self.refusals:
            return line.model_copy(update={"detail": f"{line.detail} {self.refusals[line.check]}".strip()})
        return line


NO_PROMOTION = Promotion()


def promote(
    wanted: PromotesFrom | None,
    lines: Sequence[EvidenceLine],
    *,
    runs: Path,
    commit: str | None,
    now: datetime,
    trust: TrustList,
    shelf_life: ShelfLife = A_DAY,
) -> Promotion:
    """Return what the other environment's newest run proves of the gates that were not allowed here.

    runs: the folder of the other environment's runs of this project. commit: of the pack, with `+` when it had changes.
    trust: whom the project trusts; without anybody nothing is proved. shelf_life: how old a fact may be here, wherever found.
    """
    checks = every_check()
    untried = [line for line in lines if line.gate and line.judged.is_untried and checks[line.check].promotes]
    if wanted is None or not untried:
        return NO_PROMOTION
    there = wanted.environment
    try:
        folder, about = find_proof(wanted, runs, commit=commit, now=now, trust=trust)
    except WorkbookError as exc:
        return Promotion(refusals=dict.fromkeys((line.check for line in untried), f"Not proved on {there}: {exc.message}"))
    found = {line.check: line for line in read_evidence(folder)}
    stale = {line.check: why for line in found.values() if (why := shelf_life.why_stale(line, now))}
    passed = [line.check for line in untried if is_proved(found.get(line.check))]
    proved = {check: found[check].judged for check in passed if check not in stale}
    if not is_proved(found.get(TWIN_IS_FAITHFUL.id)) or TWIN_IS_FAITHFUL.id in stale:
        proved = {check: one for check, one in proved.items() if one.provenance.value == "live"}
    age = format_duration((now - ended_at(about)).total_seconds())
    said = f"Not proved on {there}: run {folder.name} did not pass it there live or on a faithful twin."
    spoilt = {
        check: f"Not proved on {there}: run {folder.name} passed it, but that is too old. {stale[check]}"
        for check in passed
        if check in stale
    }
    return Promotion(
        proved=proved,
        sentence=f"proved on {there}, run {folder.name}, {age} ago",
        refusals={line.check: spoilt.get(line.check, said) for line in untried if line.check not in proved},
    )


def is_proved(line: EvidenceLine | None) -> bool:
    """Return whether a line is a pass on something real, looked at in its own run."""
    return line is not None and line.result is Outcome.PASS and line.provenance in REAL and line.reused_from is None


def find_proof(
    wanted: PromotesFrom, runs: Path, *, commit: str | None, now: datetime, trust: TrustList
) -> tuple[Path, dict[str, Any]]:
    """Return the newest finished whole run of this commit, and what its manifest says of it.

    Raises WorkbookError with the reason when there is none that counts.
    """
    there = wanted.environment
    if commit is None:
        raise WorkbookError("the project is not in version control, so nothing says that both runs are of the same state.")
    if commit.endswith("+"):
        raise WorkbookError("the project has changes that are not committed, so no run is of the same state.")
    if not trust.keys:
        raise WorkbookError(f"{trust.source} of the project names no key, so nobody's signature counts.")
    whole = [(folder, about) for folder, about in finished_runs(runs) if about.get("finished") and not about.get("partial")]
    if not whole:
        raise WorkbookError(f"there is no finished whole run of {there}.")
    same = [(folder, about) for folder, about in whole if about.get("pack_commit") == commit]
    if not same:
        seen = whole[0][1].get("pack_commit") or "no commit"
        raise WorkbookError(f"the newest whole run of {there} is of {seen}, this one of {commit}.")
    folder, about = same[0]
    age = now - ended_at(about)
    if age > timedelta(hours=wanted.max_age_h) or age < timedelta(0):
        said = format_duration(age.total_seconds())
        raise WorkbookError(f"run {folder.name} is {said} old, more than {wanted.max_age_h:g} h.")
    if about.get("environment") != there:
        raise WorkbookError(f"run {folder.name} says that it is of {about.get('environment')}.")
    if about.get("unconfirmed"):
        raise WorkbookError(f"run {folder.name} expects what nobody has confirmed.")
    if about.get("waivers"):
        raise WorkbookError(f"run {folder.name} has waivers.")
    verification = verify_run(folder)
    if verification.problems:
        raise WorkbookError(f"run {folder.name} does not verify: {verification.problems[0]}.")
    standing = trust.judge(verification.signed_by, ended_at(about))
    if not standing.is_trusted:
        raise WorkbookError(f"run {folder.name} does not count: {standing.problem}.")
    return folder, about


def finished_runs(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each sealed run of an environment, newest first, with what its manifest says; one that can't be read is left out."""
    for folder in sorted((path for path in runs.glob("*Z-*") if not path.is_symlink()), reverse=True):
        if (folder / ENVELOPE).is_file():
            try:
                about = json.loads((folder / MANIFEST).read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(about, dict):
                yield folder, about


def ended_at(about: Mapping[str, Any]) -> datetime:
    """Return when a run ended. Raises WorkbookError when its manifest does not say."""
    try:
        return datetime.fromisoformat(str(about["ended_at"]))
    except (KeyError, ValueError) as exc:
        raise WorkbookError("its manifest does not say when it ended.") from exc
