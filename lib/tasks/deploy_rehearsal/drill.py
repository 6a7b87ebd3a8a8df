"""One timed drill: an app and its database are damaged, and the pack's rollback script brings both back.

It is made on an app without users that has a database of its own. The restore point is taken first; it is a folder as the
script wants it: `dump/` in pg_dump's directory format, and a manifest with the rows of each table and the sha256 of each file.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.clients.fly.flyctl import AppState, Fly, deploy, read_app, said_by
from lib.clients.postgres.digests import digest_tables, export_snapshot, open_reading
from lib.clients.postgres.dumps import PLATFORM_RECORDS, dump_database, read_scope
from lib.core.busyness import QUIET, Control
from lib.core.errors import CommandError, DatabaseError
from lib.core.files import write_whole
from lib.tasks.deploy_rehearsal.allowed import drill_url, open_fly
from lib.tasks.deploy_rehearsal.rollback import (
    ReleaseSnapshot,
    RollbackPlan,
    diff_snapshots,
    keep_config,
    plan_rollback,
    run_rollback,
    snapshot_release,
)
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls, make_smoke_calls, wait_clearly
from lib.tasks.deploy_rehearsal.task import SCHEMAS, DeployRehearsal
from lib.transport.context import Context
from lib.transport.control import ControlClock
from lib.transport.database import Database, quote_name
from lib.transport.process import FollowedRun, path_after

DUMP_JOBS = 2
LOCK_WAIT = "10s"
"""How long the damage waits for the app's own statements: it has no users."""
RESTORED_INFIX = "_restored_"
"""What the script's verified copies are called: <database>_restored_<time>."""


@dataclass(frozen=True, kw_only=True)
class DrillPlan:
    """What is damaged and brought back, decided before anything is changed.

    config, image: what is deployed in the place of what runs. folder: for the restore point and the script's own state, new.
    """

    fly: Fly
    database: Database
    schemas: Sequence[str]
    config: str
    image: str
    endpoints: Sequence[str]
    health_timeout_s: float
    limit_s: float
    programs: Path
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Drill:
    """What came of it.

    before, damaged, after: the whole release and its data; after is None when it could not be read. took_s: from the trigger of
    the script until it ended and the app had answered. rollback_failure: why the script did not end. control: of that time.
    """

    before: ReleaseSnapshot
    damaged: ReleaseSnapshot
    after: ReleaseSnapshot | None
    smoke_before: SmokeCalls
    smoke_damaged: SmokeCalls
    smoke_after: SmokeCalls | None
    damage: str
    command: str
    rollback: FollowedRun | None
    rollback_failure: str = ""
    took_s: float = 0.0
    control: Control = QUIET

    @property
    def harmed(self) -> tuple[str, ...]:
        """The components that the damage changed."""
        return tuple(one.component for one in diff_snapshots(self.before, self.damaged))


def plan_drill(context: Context[DeployRehearsal]) -> DrillPlan:
    """Return the drill of the app on the previous schema; what is live keeps its restore point beyond the run."""
    settings = context.settings
    return DrillPlan(
        fly=open_fly(context, settings.previous_schema_app), database=Database(drill_url(context)),
        schemas=context.borrow(SCHEMAS), config=settings.config, image=settings.image, endpoints=settings.endpoints,
        health_timeout_s=settings.health_timeout_s, limit_s=settings.drill_limit_s, programs=context.programs.postgres_bin,
        folder=(context.work if "fly" in context.embedded else context.kept) / "drill",
    )  # fmt: skip


def plan_drill_rollback(plan: DrillPlan, state: AppState) -> RollbackPlan:
    """Return the script's rollback of app and database. Raises CommandError when flyctl does not say the app's config."""
    rollback = plan_rollback(
        plan.fly, state, config=str(keep_config(plan.fly, plan.folder)), pack=plan.fly.folder, kept=plan.folder,
        strategy="immediate", limit_s=max(1.0, plan.limit_s),
    )  # fmt: skip
    point = ("--database", str(restore_point(plan)), "--yes-overwrite")
    variables = {"DATABASE_URL": plan.database.url, "PATH": path_after(plan.programs)}
    return RollbackPlan(argv=(*rollback.argv, *point), pack=rollback.pack, kept=rollback.kept, variables=variables)


def restore_point(plan: DrillPlan) -> Path:
    return plan.folder / "point"


def find_start(plan: DrillPlan) -> AppState:
    """Return the app as the drill finds it: one release on every machine, healthy. Raises CommandError when it is not so.

    Nor is a drill begun over one that was not finished: its restore point may be the only one.
    """
    if restore_point(plan).exists():
        raise CommandError(
            f"An earlier drill of {plan.fly.app} did not bring everything back; its restore point is {restore_point(plan)}.",
            fix=f"Bring app and database back by it, then remove {plan.folder}.",
        )
    state = read_app(plan.fly)
    if state.running is not None:
        wait_clearly(plan.fly, state.running.image, timeout_s=plan.health_timeout_s)
        state = read_app(plan.fly)
    if state.running is None or not state.is_healthy or len(state.images) != 1:
        raise CommandError(
            f"{plan.fly.app} does not run one healthy release, so a drill could prove nothing.",
            fix=f"Deploy what runs in production to {plan.fly.app}.",
        )
    return state


def run_drill(plan: DrillPlan, state: AppState, rollback: RollbackPlan) -> Drill:
    """Damage both, let the script bring both back, and return what came of it. state: from `find_start`.

    Raises TargetError when app or database can't be read or damaged.
    """
    before, smoke_before = snapshot_release(state, plan.database, plan.schemas), make_smoke_calls(state.url, plan.endpoints)
    take_restore_point(plan)
    copies = list_restored(plan.database)
    deploy_damage(plan)
    damage = damage_database(plan)
    smoke_damaged = make_smoke_calls(state.url, plan.endpoints)
    damaged = snapshot_release(read_app(plan.fly), plan.database, plan.schemas)
    run, failure, after, smoke_after = None, "", None, None
    with ControlClock() as clock:
        began_s = time.monotonic()
        try:
            run = run_rollback(plan.fly, rollback, timeout_s=plan.limit_s + plan.fly.timeout_s)
            smoke_after = make_smoke_calls(state.url, plan.endpoints)
        except CommandError as exc:
            failure = exc.message
        took_s, control = time.monotonic() - began_s, clock.since(began_s)
    with suppress(CommandError, DatabaseError):
        after = snapshot_release(read_app(plan.fly), plan.database, plan.schemas)
    drop_databases(plan.database, list_restored(plan.database) - copies)
    return Drill(
        before=before, damaged=damaged, after=after, smoke_before=smoke_before, smoke_damaged=smoke_damaged,
        smoke_after=smoke_after, damage=damage, command=rollback.display_name, rollback=run, rollback_failure=failure,
        took_s=took_s, control=control,
    )  # fmt: skip


def take_restore_point(plan: DrillPlan) -> None:
    """Dump the database as the workbook's backups are kept. Raises CommandError when pg_dump fails."""
    folder = restore_point(plan)
    folder.mkdir(mode=0o700, parents=True)
    with open_reading(plan.database, timeout_s=plan.fly.timeout_s) as reading:
        scope = read_scope(reading)
        run = dump_database(
            plan.database, folder / "dump", programs=plan.programs, snapshot=export_snapshot(reading), left_out=scope.left_out,
            jobs=DUMP_JOBS, timeout_s=plan.fly.timeout_s,
        )  # fmt: skip
        tables = digest_tables(reading, scope.taken)
    if run.exit_code != 0:
        raise CommandError(f"pg_dump of the drill's database ended with {run.exit_code}: {said_by(run)}.", fix="Run it by hand.")
    files = {f"dump/{one.name}": {"sha256": hashlib.sha256(one.read_bytes()).hexdigest()} for one in (folder / "dump").iterdir()}
    counted = [one for one in tables if one.kind == "r" and one.rows is not None and one.label not in PLATFORM_RECORDS]
    manifest = {"files": files, "tables": {one.label: {"rows": one.rows} for one in counted}}
    write_whole(folder / "manifest.json", json.dumps(manifest), mode=0o600)


def deploy_damage(plan: DrillPlan) -> None:
    """Deploy another release than the one that runs. Raises CommandError when flyctl gives no answer; health is not asked for."""
    run = deploy(
        plan.fly, plan.config, image=plan.image, strategy="immediate", wait_s=plan.health_timeout_s, timeout_s=plan.fly.timeout_s
    )
    if run.exit_code != 0:
        raise CommandError(f"{plan.image} could not be deployed to {plan.fly.app}: {said_by(run)}.", fix="Deploy it by hand.")


def damage_database(plan: DrillPlan) -> str:
    """Empty the table with most rows and what refers to it, and drop the next; return what was done, as a clause.

    Raises DatabaseError when there is no table with rows: nothing would be proved.
    """
    with open_reading(plan.database, timeout_s=plan.fly.timeout_s) as reading:
        found = [one for one in digest_tables(reading, plan.schemas) if one.kind == "r" and not one.is_partition]
    tables = sorted(found, key=lambda one: (-(one.rows or 0), one.label))
    if not tables or not tables[0].rows:
        raise DatabaseError("The drill's database has no rows, so a drill would prove nothing.", fix="Seed it.")
    names = [quote_name(one.schema, one.name) for one in tables[:2]]
    with plan.database.connect() as connection:
        connection.execute(f"set local lock_timeout = '{LOCK_WAIT}'")
        connection.execute(f"truncate {names[0]} cascade")
        for name in names[1:]:
            connection.execute(f"drop table {name} cascade")
    return " and ".join([f"{tables[0].label} emptied", *(f"{one.label} dropped" for one in tables[1:2])])


def list_restored(database: Database) -> set[str]:
    """Return the script's verified copies of this database on its server."""
    start = database.name + RESTORED_INFIX
    rows = database.rows("select datname from pg_database where starts_with(datname, :start)", start=start)
    return {str(row["datname"]) for row in rows}


def drop_databases(database: Database, names: set[str]) -> None:
    """Drop these databases of the server: the script leaves its verified copy for a person to look at."""
    with database.connect(autocommit=True) as connection:
        for name in sorted(names):
            connection.execute(f"drop database if exists {quote_name(name)}")
