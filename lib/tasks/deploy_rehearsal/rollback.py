"""The way back of a deploy as an equation: everything that makes up a running release, before and after.

Redeploying an old image brings back neither fly.toml nor environment, secrets, schema or data; each of them
is a member here, so that the one which did not come back is named.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.clients.fly.flyctl import AppState, Fly
from lib.clients.postgres.digests import digest_tables, open_reading
from lib.clients.postgres.schema import fingerprint, read_schema
from lib.transport.database import Database
from lib.transport.process import CommandRun, FollowedRun, follow_command, run_command

SCRIPT = Path("scripts/ops/rollback-production.sh")
"""In the pack: what an operator runs, and what is rehearsed."""
STATEMENT_TIMEOUT_S = 60


@dataclass(frozen=True, kw_only=True)
class Whole:
    """All that a running release is made of, as digests: member -> part -> digest."""

    members: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class MemberChange:
    """One member that is not what it was; parts names what differs in it."""

    member: str
    parts: tuple[str, ...]


def read_whole(state: AppState, database: Database, schemas: Sequence[str]) -> Whole:
    """Return what the release is made of now. Raises DatabaseError when the database does not say."""
    with open_reading(database, timeout_s=STATEMENT_TIMEOUT_S) as connection:
        tables = digest_tables(connection, schemas)
    return Whole(
        members={
            "image": {"digests": " ".join(state.images)},
            "machines": {"count": str(len(state.machines))},
            "config": {"digest": " ".join(sorted({machine.config_digest for machine in state.machines}))},
            "environment": join_env(state),
            "secrets": dict(state.secrets),
            "schema": {"fingerprint": fingerprint(read_schema(database, schemas))},
            "data": {table.label: f"{table.rows} rows, {table.digest}" for table in tables if table.kind == "r"},
        }
    )


def join_env(state: AppState) -> dict[str, str]:
    """Return each variable's digest; those of machines that disagree side by side."""
    names = sorted({name for machine in state.machines for name in machine.env})
    return {name: " ".join(sorted({machine.env.get(name, "none") for machine in state.machines})) for name in names}


def compare_wholes(before: Whole, after: Whole) -> list[MemberChange]:
    """Return every member that is not what it was, in order."""
    changes = []
    for member, was in before.members.items():
        now = after.members.get(member, {})
        parts = tuple(part for part in sorted(was.keys() | now.keys()) if was.get(part) != now.get(part))
        if parts:
            changes.append(MemberChange(member=member, parts=parts))
    return changes


def member_rows(before: Whole, after: Whole) -> list[dict[str, Any]]:
    """Return one row a member: how many parts it has, whether it came back, which parts did not."""
    changed = {change.member: change.parts for change in compare_wholes(before, after)}
    return [
        {
            "member": member,
            "parts": len(parts),
            "before = after": member not in changed,
            "differs": ", ".join(changed.get(member, ())) or None,
        }
        for member, parts in before.members.items()
    ]


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """How to bring the running release back, known before anything is changed.

    argv: the command, to be run in the pack's folder; without --execute it only says what it would do.
    """

    argv: tuple[str, ...]
    pack: Path
    kept: Path

    @property
    def shown(self) -> str:
        """The command that brings the release back, as a person pastes it in the pack's folder."""
        return shlex.join([*self.argv, "--execute"])


def plan_way_back(fly: Fly, state: AppState, *, config: str, pack: Path, kept: Path, strategy: str, limit_s: float) -> WayBack:
    """Return the way back to what runs now. state.running must be known."""
    assert state.running is not None
    argv = [
        str(SCRIPT), "--app", fly.app, "--config", config, "--to", f"v{state.running.version}", "--digest", state.images[0],
        "--strategy", strategy, "--limit", f"{limit_s:.0f}",
    ]  # fmt: skip
    return WayBack(argv=tuple(argv), pack=pack, kept=kept)


def script_environment(fly: Fly, way_back: WayBack) -> dict[str, str]:
    """Return what the script needs to know; its lock and state outlive the run."""
    return {**fly.environment, "FLYCTL": str(fly.program), "ROLLBACK_STATE_DIR": str(way_back.kept / "rollback")}


def try_way_back(fly: Fly, way_back: WayBack) -> CommandRun:
    """Run the script dry: it looks at everything and changes nothing. Raises CommandError when it can't be started."""
    return run_command(
        ["bash", *way_back.argv], timeout_s=fly.timeout_s * 5, env=script_environment(fly, way_back), cwd=way_back.pack
    )


def go_back(fly: Fly, way_back: WayBack, *, timeout_s: float) -> FollowedRun:
    """Run the script for real. Raises CommandError when it can't be started or takes too long."""
    # Our own deploy is over by now, however it ended; production was confirmed by ALLOW_WRITES.
    argv = ["bash", *way_back.argv, "--execute", "--take-over", "--confirm", fly.app]
    return follow_command(argv, timeout_s=timeout_s, env=script_environment(fly, way_back), cwd=way_back.pack)
