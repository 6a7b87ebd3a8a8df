"""A notification sent to see whether it arrives: marked as a dry run, about an invented failure."""

from __future__ import annotations

from datetime import UTC, datetime

from lib.core.incidents import FailedCheck, Incident, Plan
from lib.core.results import Outcome
from lib.core.wording import outcome_word

CHECK, TITLE = "example.chatwoot_token_accepted", "Chatwoot accepts our token, for our account"


def example_plan(run_id: str) -> Plan:
    """Return a failure as a person would be notified of it, marked as an example."""
    failure = FailedCheck(
        check=CHECK,
        title=TITLE,
        subject="chatwoot",
        word=outcome_word(Outcome.FAIL),
        detail="An example: GET /api/v1/profile: token not accepted.",
        fix=("Create a new token, and store it where it is read.",),
    )
    incident = Incident(subject="chatwoot", opened_at=datetime.now(UTC), run_id=run_id, failing=(CHECK,))
    return Plan(opened=(incident,), failures=(failure,), is_dry_run=True)
