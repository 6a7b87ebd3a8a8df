"""Which failures a person was notified of: kept beside the history of runs, by project and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from lib.core.incidents import Incident
from lib.evidence.history import in_utc
from lib.evidence.history_schema import METADATA

OLDER = "episodes"
"""The table of an older workbook, which said no project."""
INCIDENTS = sa.Table(
    "incidents",
    METADATA,
    sa.Column("project", sa.String(80), primary_key=True),
    sa.Column("environment", sa.String(40), primary_key=True),
    sa.Column("live", sa.Boolean, primary_key=True),
    sa.Column("subject", sa.String(60), primary_key=True),
    sa.Column("opened_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.Column("failing", sa.JSON, nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True)),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
)


def has_older_incidents(engine: sa.Engine) -> bool:
    """Return whether an older workbook kept incidents here."""
    return sa.inspect(engine).has_table(OLDER)


def take_over_older(engine: sa.Engine, owners: Mapping[str, str], project: str) -> None:
    """Bring over what an older workbook kept, in whose table no project was said; then the old table goes.

    owners: run's id -> project. project: of what no run is known of.
    """
    METADATA.create_all(engine, tables=[INCIDENTS])
    if not has_older_incidents(engine):
        return
    older = sa.Table(OLDER, sa.MetaData(), *(sa.Column(one.name, one.type) for one in INCIDENTS.columns if one.name != "project"))
    with engine.begin() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(older)).mappings()]
        if rows:
            connection.execute(sa.insert(INCIDENTS), [{**row, "project": owners.get(row["run_id"], project)} for row in rows])
        older.drop(connection)


def open_incidents(engine: sa.Engine, project: str, environment: str, *, live: bool) -> list[Incident]:
    """Return the failures of an environment's services that are not over; a rehearsal's are not a live run's."""
    wanted = sa.select(INCIDENTS).where(
        INCIDENTS.c.project == project,
        INCIDENTS.c.environment == environment,
        INCIDENTS.c.live == live,
        INCIDENTS.c.closed_at.is_(None),
    )
    METADATA.create_all(engine, tables=[INCIDENTS])
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(INCIDENTS.c.subject)).mappings().all()
    return [
        Incident(
            subject=row["subject"],
            opened_at=in_utc(row["opened_at"]),
            run_id=row["run_id"],
            failing=tuple(row["failing"]),
            notified_at=in_utc(row["told_at"]) if row["told_at"] else None,
        )
        for row in rows
    ]


def keep_incidents(
    engine: sa.Engine,
    project: str,
    environment: str,
    *,
    live: bool,
    going_on: Sequence[Incident],
    over: Sequence[Incident],
    now: datetime,
) -> None:
    """Keep which failures go on and which are over, all or nothing."""
    with engine.begin() as connection:
        for closed_at, incidents in ((None, going_on), (now, over)):
            for incident in incidents:
                key = {
                    "project": project,
                    "environment": environment,
                    "live": live,
                    "subject": incident.subject,
                    "opened_at": incident.opened_at,
                }
                facts = {"run_id": incident.run_id, "failing": list(incident.failing), "told_at": incident.notified_at}
                connection.execute(sa.delete(INCIDENTS).where(*(INCIDENTS.c[name] == value for name, value in key.items())))
                connection.execute(sa.insert(INCIDENTS), {**key, **facts, "closed_at": closed_at})
