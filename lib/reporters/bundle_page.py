"""The page of a bundle: what the run says, fact by fact, what was withheld, and how to check it without trusting the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.core.verdict import Verdict
from lib.core.wording import WORST_FIRST, outcome_word
from lib.evidence.log import EvidenceLine
from lib.evidence.withhold import Withheld
from lib.reporters.html.render import VERDICT_LOOKS, render_over_runs
from lib.tasks.index import every_check


@dataclass(frozen=True, kw_only=True)
class FactRow:
    """One fact as the page shows it."""

    check: str
    title: str
    result: str
    gate: bool
    provenance: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class BundlePage:
    """The page. said: what the signed statement says of the run. keyid: of the key that signed it.

    withheld: names of facts and files that were left out on request. beside: file -> why it was left out with them.
    archive: the whole bundle as a data address; '' where it lies beside the page.
    """

    said: Mapping[str, Any]
    ended_at: datetime
    look: str
    keyid: str
    rows: Sequence[FactRow]
    withheld: int
    beside: Mapping[str, str]
    name: str
    archive: str = ""


def render_bundle(
    said: Mapping[str, Any], lines: Sequence[EvidenceLine], withheld: Withheld, *, keyid: str, name: str, archive: bytes = b""
) -> str:
    """Return the page over the facts that are shown. name: the bundle's, without an ending. archive: the zip to put into it."""
    verdict = next((one for one in Verdict if one.word == said.get("verdict")), Verdict.BLOCKED)
    page = BundlePage(
        said=said,
        ended_at=datetime.fromisoformat(said["ended_at"]),
        look=VERDICT_LOOKS[verdict],
        keyid=keyid,
        rows=[row_of(line) for line in sorted(lines, key=lambda line: WORST_FIRST.index(line.result))],
        withheld=len(withheld.leaves),
        beside=withheld.why,
        name=name,
        archive=f"data:application/zip;base64,{b64encode(archive).decode()}" if archive else "",
    )
    return render_over_runs("bundle", bundle=page)


def row_of(line: EvidenceLine) -> FactRow:
    """Return one fact as a row."""
    known = every_check()
    return FactRow(
        check=line.check,
        title=known[line.check].title if line.check in known else line.check,
        result=outcome_word(line.result),
        gate=line.gate,
        provenance=line.provenance.value,
        detail=line.sentence,
    )
