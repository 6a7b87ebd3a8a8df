"""A notification sent to see whether it arrives: marked as a dry run, about a made-up failure."""

from __future__ import annotations

from datetime import UTC, datetime

from lib.core.incidents import Episode, Failure, Plan
from lib.core.results import Outcome
from lib.core.wording import outcome_word

CHECK, TITLE = "health.chatwoot_token_accepted", "Chatwoot accepts our token, for our account"


def example_plan(run_id: str) -> Plan:
    """Return a failure as it would be told, marked as an example."""
    detail = "An example: GET /api/v1/profile: token not accepted. Next: make a new token and store it where it is read."
    failure = Failure(check=CHECK, title=TITLE, subject="chatwoot", word=outcome_word(Outcome.FAIL), detail=detail)
    episode = Episode(subject="chatwoot", opened_at=datetime.now(UTC), run_id=run_id, failing=(CHECK,))
    return Plan(opened=(episode,), failures=(failure,), is_dry_run=True)
