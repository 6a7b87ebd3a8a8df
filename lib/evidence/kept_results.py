"""One result as far as a verdict rests on it: what history keeps, so that a run can be decided again without its folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from lib.core.results import Outcome, Provenance
from lib.evidence.ages import age_s, looked_at
from lib.evidence.findings import describe_finding, finding_keys
from lib.evidence.log import EvidenceLine

WAIVED = "waived"
"""How a failure counted that the project had taken upon itself; a gate that was promoted says where it passed instead."""


class KeptResult(NamedTuple):
    """One result, as it was found and as it counted.

    found: its word in the evidence. result: the word that it counted as: what was too old was an error. see: the check whose
    finding hides its subject. age_s: since it was looked at, at the run's end. counted_as: WAIVED; or the provenance of
    the pass in another environment that stood for it; None for neither.
    keys: of a fail, what is wrong. words: of a fail, what it found, as an older waiver names it.
    """

    check: str
    found: str
    gate: bool
    provenance: str
    result: str
    skipped_because: str | None = None
    see: str | None = None
    reused: bool = False
    age_s: float = 0.0
    counted_as: str | None = None
    keys: tuple[str, ...] = ()
    words: str = ""

    @property
    def row(self) -> dict[str, Any]:
        """The columns of history that hold it, beside those that every version had."""
        return {
            "found": self.found,
            "skipped_because": self.skipped_because,
            "see": self.see,
            "reused": self.reused,
            "age_s": self.age_s,
            "counted_as": self.counted_as,
            "finding": {"keys": list(self.keys), "words": self.words} if self.keys else None,
        }


def keep_result(
    line: EvidenceLine,
    ended_at: datetime,
    *,
    result: Outcome | None = None,
    is_waived: bool = False,
    proved: Provenance | None = None,
) -> KeptResult:
    """Return what history keeps of a line as it was found.

    ended_at: when its run ended. result: what it counted as, where that is something else. proved: where it passed elsewhere.
    """
    failed = line.result.value == "fail"
    return KeptResult(
        check=line.check,
        found=line.result.value,
        gate=line.gate,
        provenance=line.provenance.value,
        result=(result or line.result).value,
        skipped_because=line.skipped_because.value if line.skipped_because else None,
        see=line.see,
        reused=line.reused_from is not None,
        age_s=round(age_s(looked_at(line), ended_at), 1),
        counted_as=WAIVED if is_waived else proved.value if proved else None,
        keys=finding_keys(line) if failed else (),
        words=describe_finding(line) if failed else "",
    )
