"""`make init PACK=... BASELINE=1`: the gates that fail today become waivers, each with an owner and a last day.

A project with a past starts from what it is; what fails anew is a NO-GO from then on. Nothing that is waived already is waived
for longer: that is for a person to decide, in launch/waivers.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.core.make_commands import make_command
from lib.core.results import Outcome
from lib.core.visible import plain_line, say
from lib.core.wording import format_count
from lib.evidence.findings import describe_finding, finding_keys
from lib.evidence.log import EvidenceLine, read_evidence
from lib.run.params import load_params
from lib.run.project import find_project
from lib.run.waivers import FILE, LONGEST_DAYS, Waiver, format_waivers, load_waivers

REASON = "It failed when this project was first looked at."
NOBODY = "nobody yet"
"""The owner of a waiver whose project names none."""


def write_baseline(environment: str, *, pack: Path, rendered: Path) -> int:
    """Add a waiver for each thing that a gate found wrong in the project's newest whole run, print them, and return 0.

    Raises WorkbookError when there is no such run.
    """
    params = load_params(environment, pack=str(pack))
    latest = rendered / find_project(rendered, params.pack) / environment / "latest"
    if not latest.exists():
        raise WorkbookError(
            f"There is no whole run of {environment} to take a baseline from.",
            fix=f"Run `{make_command('readiness', ENV=environment, PACK=str(pack))}` first.",
        )
    known = load_waivers(params.pack)
    new = list(find_new(read_evidence(latest), known, owners=params.owners, today=datetime.now(UTC).date()))
    if not new:
        say(f"Nothing failed that is not waived already: {FILE} stays as it is.")
        return 0
    write_whole(params.pack / FILE, format_waivers([*known, *new]))
    say(f"{format_count(len(new), 'finding')} of failing gates waived until {new[0].until}, in {FILE}:")
    for one in new:
        say(plain_line(f"  {one.check}: {one.object}"))
    say("Next: name an owner and a reason for each, and repair them before that day. What fails anew is a NO-GO.")
    return 0


def find_new(
    lines: Iterable[EvidenceLine], known: Iterable[Waiver], *, owners: Mapping[str, str], today: date
) -> Iterable[Waiver]:
    """Return a waiver for each object of a failing gate that no waiver speaks of."""
    spoken = {(one.check, one.object) for one in known}
    for line in (one for one in lines if one.gate and one.result is Outcome.FAIL):
        keys = () if (line.check, describe_finding(line)) in spoken else finding_keys(line)
        for key in (one for one in keys if (line.check, one) not in spoken):
            yield Waiver(
                check=line.check,
                object=key,
                reason=REASON,
                who=owners.get(line.task) or owners.get("default") or NOBODY,
                granted=today.isoformat(),
                until=(today + timedelta(days=LONGEST_DAYS)).isoformat(),
            )
