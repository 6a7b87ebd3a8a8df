"""What of a fleet need not be run again: members whose inputs are the same as those of their last committed run.

All of them are digested in this one process. Only a rehearsal is ever reused: a live target can change with no file changing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from lib.core.errors import WorkbookError
from lib.run.fleet import Outcome
from lib.run.fleet_commit import MANIFEST, Committed
from lib.run.fleet_plan import Member
from lib.run.inputs import digest_code, digest_inputs
from lib.run.params import load_params
from lib.run.production import is_production
from lib.tasks.index import SUMMARY, all_tasks, use_own_tasks
from lib.transport.storage import Storage


def digest_members(members: Iterable[Member]) -> dict[str, str | None]:
    """Return member's name -> what `digest_member` says of it; the workbook's own code is read once for all of them."""
    code = digest_code()
    return {one.name: digest_member(one, code=code) for one in members}


def digest_member(member: Member, *, code: str | None = None) -> str | None:
    """Return the digest of all that a rehearsal of this member rests on; None when it can't be told, and its run says why."""
    try:
        params = load_params(member.environment, pack=member.pack, variables={})
        tasks = [one for one in all_tasks() if not member.only or one.name in member.only or one == SUMMARY]
        parts = {
            "only": sorted(member.only),
            "variables": dict(member.variables),
            "inputs": digest_inputs(params, tasks, code=code),
        }
    except (WorkbookError, OSError):
        return None
    finally:
        use_own_tasks(())
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def longest_age_h(member: Member) -> float:
    """Return how old a member's results may be to stand for new ones, h: what its settings say of the fact that spoils first."""
    params = load_params(member.environment, pack=member.pack, variables={})
    return min(params.run.reuse_max_age_h, params.shelf_life.shortest_h)


def latest_of(member: Member) -> str:
    """Return the file that says what was committed last of a member."""
    return f"{member.project}/{member.environment}/latest.json"


def keep_latest(storage: Storage, outcome: Outcome, inputs: str | None) -> None:
    """Keep what was committed of a member as its last. inputs: None when they changed while it ran."""
    if outcome.committed is not None and outcome.committed.finished:
        content = json.dumps({"committed": asdict(outcome.committed), "inputs": inputs}, indent=2, sort_keys=True) + "\n"
        storage.write(latest_of(outcome.member), content.encode())


def find_reusable(
    storage: Storage, member: Member, inputs: str | None, *, set_at_worker: Collection[str], max_age_h: float, now: datetime
) -> Outcome | None:
    """Return the last result of a member when it may stand for a new one; None when it has to be run.

    That takes the same inputs, a rehearsal then and now, no failure, an age within max_age_h, a folder
    that is still what was committed, and an environment that is not production. set_at_worker: variables that the workers have.
    """
    if inputs is None or is_production(member.environment) or any(one in set_at_worker for one in member.variables.values()):
        return None
    if set(member.variables) - member.optional:
        return None
    last = read_latest(storage, member)
    if last is None or last[1] != inputs:
        return None
    committed = last[0]
    age = now - datetime.fromisoformat(committed.ended_at)
    is_fit = committed.exit_code == 0 and committed.finished and not committed.is_live
    if not is_fit or not timedelta(0) <= age <= timedelta(hours=max_age_h):
        return None
    manifest = storage.read(f"{committed.folder}/{MANIFEST}")
    if manifest is None or hashlib.sha256(manifest).hexdigest() != committed.manifest_sha256:
        return None
    return Outcome(member=member, committed=committed, reused=True)


def read_latest(storage: Storage, member: Member) -> tuple[Committed, str | None] | None:
    """Return what was committed last of a member, and its inputs; None when nothing that can be read is there."""
    content = storage.read(latest_of(member))
    try:
        kept = json.loads(content or b"")
        return Committed(**kept["committed"]), kept["inputs"]
    except (ValueError, KeyError, TypeError):
        return None


def choose_reused(
    storage: Storage,
    members: Iterable[Member],
    digests: dict[str, str | None],
    *,
    set_at_worker: Collection[str],
) -> dict[str, Outcome]:
    """Return member's name -> its last result, of those that need not be run again."""
    now = datetime.now(UTC)
    found = {}
    for one in members:
        limit = longest_age_h(one) if digests[one.name] else 0.0
        found[one.name] = find_reusable(storage, one, digests[one.name], set_at_worker=set_at_worker, max_age_h=limit, now=now)
    return {name: outcome for name, outcome in found.items() if outcome is not None}
