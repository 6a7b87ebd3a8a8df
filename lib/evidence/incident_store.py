"""Which failures a person was notified of: kept beside the history of runs, by environment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from lib.core.incidents import Incident
from lib.evidence.history import METADATA, in_utc

INCIDENTS = sa.Table(
    "episodes",  # the table keeps the name it had before
    METADATA,
    sa.Column("environment", sa.String(40), primary_key=True),
    sa.Column("live", sa.Boolean, primary_key=True),
    sa.Column("subject", sa.String(60), primary_key=True),
    sa.Column("opened_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.Column("failing", sa.JSON, nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True)),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
)


def open_episodes(engine: sa.Engine, environment: str, *, live: bool) -> list[Incident]:
    """Return the failures of an environment's services that are not over; a rehearsal's are not a live run's."""
    wanted = sa.select(INCIDENTS).where(
        INCIDENTS.c.environment == environment, INCIDENTS.c.live == live, INCIDENTS.c.closed_at.is_(None)
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


def keep_episodes(
    engine: sa.Engine, environment: str, *, live: bool, going_on: Sequence[Incident], over: Sequence[Incident], now: datetime
) -> None:
    """Keep which failures go on and which are over, all or nothing."""
    with engine.begin() as connection:
        for closed_at, incidents in ((None, going_on), (now, over)):
            for incident in incidents:
                key = {"environment": environment, "live": live, "subject": incident.subject, "opened_at": incident.opened_at}
                facts = {"run_id": incident.run_id, "failing": list(incident.failing), "told_at": incident.notified_at}
                connection.execute(sa.delete(INCIDENTS).where(*(INCIDENTS.c[name] == value for name, value in key.items())))
                connection.execute(sa.insert(INCIDENTS), {**key, **facts, "closed_at": closed_at})
