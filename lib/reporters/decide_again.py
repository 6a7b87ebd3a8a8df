"""A run's verdict once more, from its evidence and the policy that its manifest keeps: nobody need believe the word.

Pure. What counts in a line's place, since another environment proved it or the project waives it, is in the manifest; it may make
nothing of a line but what a waiver or a promotion can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import REAL, GateInput, Verdict, decide
from lib.evidence.ages import ShelfLife
from lib.evidence.log import FILE, EvidenceLine


def from_json(check: str, said: Mapping[str, Any]) -> GateInput:
    """Return a result as a manifest keeps it. Raises ValueError, KeyError or TypeError for what is none."""
    reason = said["skipped_because"]
    return GateInput(
        check=check,
        outcome=Outcome(said["outcome"]),
        gate=bool(said["gate"]),
        provenance=Provenance(said["provenance"]),
        skipped_because=SkipReason(reason) if reason else None,
        is_hidden=bool(said["is_hidden"]),
        is_waived=bool(said["is_waived"]),
        is_reused=bool(said["is_reused"]),
    )


def decide_again(about: Mapping[str, Any], lines: Sequence[EvidenceLine]) -> Verdict:
    """Return what the evidence comes to under the manifest's policy. Raises ValueError, KeyError or TypeError for none."""
    policy = about["policy"]
    lines = as_they_count(about, lines)
    counted = {check: from_json(check, said) for check, said in policy["counted"].items()}
    judged = [counted.pop(line.check, line.judged) for line in lines]
    return decide(
        [*judged, *counted.values()],
        gates=policy["gates"],
        partial=about["partial"],
        finished=about["finished"],
        unconfirmed=bool(about["unconfirmed"]),
        vouched=policy["vouched"],
        twin_proof=policy["twin_proof"],
    )


def as_they_count(about: Mapping[str, Any], lines: Sequence[EvidenceLine]) -> list[EvidenceLine]:
    """Return the lines with what was too old at the run's end as not determined. Raises ValueError, KeyError or TypeError."""
    if "shelf_life" not in about["policy"]:
        return list(lines)  # of an older workbook
    shelf_life, ended_at = ShelfLife.model_validate(about["policy"]["shelf_life"]), datetime.fromisoformat(about["ended_at"])
    return [shelf_life.judge(line, ended_at) for line in lines]


def find_contradictions(about: Mapping[str, Any], lines: Sequence[EvidenceLine]) -> Iterator[str]:
    """Yield one sentence for each way a run's evidence is not about what its manifest says, or comes to another verdict."""
    for name in ("run_id", "project", "environment"):
        others = {getattr(line, name) for line in lines} - {about.get(name), ""}
        if others:
            yield f"{FILE} has lines of the {name.replace('_', ' ')} {min(others)}, and the manifest is of {about.get(name)}"
    if "policy" not in about:
        return  # of an older workbook
    try:
        verdict = decide_again(about, lines).word
        wrong = list(find_wrongly_counted(about["policy"], as_they_count(about, lines)))
    except (ValueError, KeyError, TypeError, AttributeError):
        yield "the policy that the manifest keeps can't be read"
        return
    yield from wrong
    if verdict != about.get("verdict"):
        yield f"the manifest says {about.get('verdict')}, and its evidence comes to {verdict}"


def find_wrongly_counted(policy: Mapping[str, Any], lines: Sequence[EvidenceLine]) -> Iterator[str]:
    """Yield one sentence for each result that counts as what neither a waiver nor another environment can make of it."""
    found = {line.check: line for line in lines}
    for check, said in policy["counted"].items():
        line, one = found.get(check), from_json(check, said)
        if line is None:
            is_right = check in policy["unkept"]
        elif one.is_waived:
            is_right = one.outcome is line.result and one.gate == line.gate
        else:
            is_right = line.judged.is_untried and one.outcome is Outcome.PASS and one.provenance in REAL and one.gate == line.gate
        if not is_right:
            yield f"{check} counts as {one.outcome.value}, which its evidence does not bear out"
