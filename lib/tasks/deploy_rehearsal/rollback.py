"""The rollback of a deploy, and the snapshot of all that makes up a running release, before and after it.

Redeploying an old image restores neither environment, secrets, schema nor data, and fly.toml only because the one that
the release was deployed with is kept first; each is a component here, so that the one which was not restored is named.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.clients.fly.flyctl import AppState, Fly, said_by, short_digest
from lib.clients.postgres.digests import digest_tables, open_reading
from lib.clients.postgres.schema import read_schema
from lib.core.errors import CommandError
from lib.core.files import write_whole
from lib.transport.database import Database
from lib.transport.process import CommandRun, FollowedRun, follow_command, run_command

SCRIPT = Path("scripts/ops/rollback-production.sh")
"""In the pack: what an operator runs, and what is rehearsed."""
STATEMENT_TIMEOUT_S = 60
NAME_OF_APP = re.compile(r"^app\s*=.*\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class ReleaseSnapshot:
    """All that a running release is made of, as digests: component -> part -> digest. unread: tables that could not be read."""

    components: Mapping[str, Mapping[str, str]]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComponentChange:
    """One component that is not what it was; parts names what differs in it."""

    component: str
    parts: tuple[str, ...]


def snapshot_release(state: AppState, database: Database, schemas: Sequence[str]) -> ReleaseSnapshot:
    """Return what the release is made of now. Raises DatabaseError when the database does not answer."""
    with open_reading(database, timeout_s=STATEMENT_TIMEOUT_S) as connection:
        tables = digest_tables(connection, schemas)
    return ReleaseSnapshot(
        components={
            "image": {"digests": " ".join(state.images)},
            "machines": {"count": str(len(state.machines))},
            "config": {"digest": " ".join(sorted({machine.config_digest for machine in state.machines}))},
            "environment": join_env(state),
            "secrets": dict(state.secrets),
            "schema": {name: short_digest(text) for name, text in read_schema(database, schemas).items()},
            "data": {table.label: f"{table.rows} rows, {table.digest}" for table in tables if table.kind == "r"},
        },
        unread=tuple(table.label for table in tables if table.kind == "r" and table.rows is None),
    )


def join_env(state: AppState) -> dict[str, str]:
    """Return each variable's digest; those of machines that disagree side by side."""
    names = sorted({name for machine in state.machines for name in machine.env})
    return {name: " ".join(sorted({machine.env.get(name, "none") for machine in state.machines})) for name in names}


def diff_snapshots(before: ReleaseSnapshot, after: ReleaseSnapshot) -> list[ComponentChange]:
    """Return every component that is not what it was, in order."""
    changes = []
    for component, was in before.components.items():
        now = after.components.get(component, {})
        parts = tuple(part for part in sorted(was.keys() | now.keys()) if was.get(part) != now.get(part))
        if parts:
            changes.append(ComponentChange(component=component, parts=parts))
    return changes


def component_rows(before: ReleaseSnapshot, after: ReleaseSnapshot) -> list[dict[str, Any]]:
    """Return one row a component: how many parts it has, whether it was restored, which parts were not."""
    changed = {change.component: change.parts for change in diff_snapshots(before, after)}
    return [
        {
            "component": component,
            "parts": len(parts),
            "before = after": component not in changed,
            "differs": ", ".join(changed.get(component, ())) or None,
        }
        for component, parts in before.components.items()
    ]


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """How to restore the running release, known before anything is changed.

    argv: the command, to be run in the pack's folder; without --execute it is a dry run. variables: what the script needs
    besides, such as the database's address: never for argv.
    """

    argv: tuple[str, ...]
    pack: Path
    kept: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def display_name(self) -> str:
        """The command that restores the release, as a person pastes it in the pack's folder."""
        return shlex.join([*self.argv, "--execute"])


def keep_config(fly: Fly, kept: Path) -> Path:
    """Return the file with the config that the running release was deployed with, kept before anything is changed.

    Raises CommandError when flyctl does not say it.
    """
    argv: list[str | Path] = [fly.program, "config", "show", "--app", fly.app, "--toml"]
    run = run_command(argv, timeout_s=fly.timeout_s, env=fly.environment, cwd=fly.folder)
    if run.exit_code != 0 or not run.stdout.strip():
        raise CommandError(f"`flyctl config show` failed: {said_by(run)}.", fix="Run it by hand to see more.")
    path = kept / "rollback" / f"{fly.app}.before.toml"
    # Without the app's name, for --app says it: a config that names an app makes it production's.
    write_whole(path, NAME_OF_APP.sub("", run.whole_stdout, count=1), mode=0o600)
    return path


def plan_rollback(
    fly: Fly, state: AppState, *, config: str, pack: Path, kept: Path, strategy: str, limit_s: float
) -> RollbackPlan:
    """Return the rollback to what runs now, with the config it was deployed with. state.running must be known."""
    assert state.running is not None
    argv = [
        str(SCRIPT), "--app", fly.app, "--config", config, "--to", f"v{state.running.version}", "--digest", state.images[0],
        "--strategy", strategy, "--limit", f"{limit_s:.0f}",
    ]  # fmt: skip
    return RollbackPlan(argv=tuple(argv), pack=pack, kept=kept)


def script_environment(fly: Fly, rollback: RollbackPlan) -> dict[str, str]:
    """Return what the script needs to know; its lock and state outlive the run."""
    own = {"FLYCTL": str(fly.program), "ROLLBACK_STATE_DIR": str(rollback.kept / "rollback")}
    return {**fly.environment, **own, **rollback.variables}


def dry_run_rollback(fly: Fly, rollback: RollbackPlan) -> CommandRun:
    """Run the script dry: it looks at everything and changes nothing. Raises CommandError when it cannot be started."""
    return run_command(
        ["bash", *rollback.argv], timeout_s=fly.timeout_s * 5, env=script_environment(fly, rollback), cwd=rollback.pack
    )


def run_rollback(fly: Fly, rollback: RollbackPlan, *, timeout_s: float) -> FollowedRun:
    """Run the script for real. Raises CommandError when it cannot be started or takes too long."""
    # Our own deploy is over by now, however it ended; production was confirmed by ALLOW_WRITES.
    argv = ["bash", *rollback.argv, "--execute", "--take-over", "--confirm", fly.app]
    return follow_command(argv, timeout_s=timeout_s, env=script_environment(fly, rollback), cwd=rollback.pack)
