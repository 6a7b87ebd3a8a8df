"""`make remove-run`: a run's folder goes; the order of runs keeps, signed, that it was there and why. A plan unless APPLY=1."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from lib.cli.named_run import find_run
from lib.core.errors import ParamsError
from lib.core.make_commands import SAMPLE
from lib.core.visible import plain_line, say
from lib.evidence.run_order import FILE, read_kept, read_order
from lib.run.order import enter_removed
from lib.run.params import find_pack, is_apply
from lib.run.record import read_record
from lib.run.signing import open_signer
from lib.run.trusted_keys import read_trusted_keys

SHORTEST_REASON = 5
"""Characters of a reason that says anything."""


def remove_run(named: str, reason: str, *, pack: str) -> int:
    """Show which run would go, and with APPLY=1 note that in the order of runs and remove its folder. Return 0.

    Raises ParamsError for a run that is not there, still goes on, is the latest, or of before there was an order.
    """
    folder = find_run(named)
    if len(reason.strip()) < SHORTEST_REASON:
        raise ParamsError('REASON= is empty or too short. Fix: Say why, such as REASON="older than a year".')
    require_removable(folder)
    verdict = read_kept(folder).about.get("verdict", "never sealed")
    say(f"{plain_line(str(folder))} ({plain_line(str(verdict))}) goes, and {FILE} beside it keeps that, with the reason.")
    if not is_apply():
        say("Dry run: nothing was removed. APPLY=1 removes it.")
        return 0
    trust = read_trusted_keys(find_pack(pack, "") if pack else SAMPLE)
    enter_removed(folder, " ".join(reason.split()), open_signer(trust, at=datetime.now(UTC)), trust)
    shutil.rmtree(folder)
    say("Removed.")
    return 0


def require_removable(folder: Path) -> None:
    """Raise ParamsError when a run must stay."""
    latest = folder.parent / "latest"
    if latest.is_symlink() and latest.resolve() == folder:
        raise ParamsError(f"RUN={folder.name}: it is the latest finished run. Fix: Run again first, then remove it.")
    record = read_record(folder)
    if record is not None and not record.is_abandoned:
        raise ParamsError(f"RUN={folder.name}: it is still going on (process {record.owner_pid} on {record.host}).")
    found = read_order(folder.parent)
    if found is None or not found.order.knows(folder.name):
        raise ParamsError(f"RUN={folder.name}: no order of runs lists it, so no note is needed. Fix: Remove its folder by hand.")
