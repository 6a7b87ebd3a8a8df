"""Which failures a person was told of: kept beside the history of runs, by environment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from lib.core.incidents import Episode
from lib.evidence.history import METADATA, in_utc

EPISODES = sa.Table(
    "episodes",
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


def open_episodes(engine: sa.Engine, environment: str, *, live: bool) -> list[Episode]:
    """Return the failures of an environment's services that are not over; a rehearsal's are not a live run's."""
    wanted = sa.select(EPISODES).where(
        EPISODES.c.environment == environment, EPISODES.c.live == live, EPISODES.c.closed_at.is_(None)
    )
    METADATA.create_all(engine, tables=[EPISODES])
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(EPISODES.c.subject)).mappings().all()
    return [
        Episode(
            subject=row["subject"],
            opened_at=in_utc(row["opened_at"]),
            run_id=row["run_id"],
            failing=tuple(row["failing"]),
            told_at=in_utc(row["told_at"]) if row["told_at"] else None,
        )
        for row in rows
    ]


def keep_episodes(
    engine: sa.Engine, environment: str, *, live: bool, going_on: Sequence[Episode], over: Sequence[Episode], now: datetime
) -> None:
    """Keep which failures go on and which are over, all or nothing."""
    with engine.begin() as connection:
        for closed_at, episodes in ((None, going_on), (now, over)):
            for episode in episodes:
                key = {"environment": environment, "live": live, "subject": episode.subject, "opened_at": episode.opened_at}
                facts = {"run_id": episode.run_id, "failing": list(episode.failing), "told_at": episode.told_at}
                connection.execute(sa.delete(EPISODES).where(*(EPISODES.c[name] == value for name, value in key.items())))
                connection.execute(sa.insert(EPISODES), {**key, **facts, "closed_at": closed_at})
