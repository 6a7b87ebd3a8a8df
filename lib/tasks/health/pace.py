"""How patiently a vendor is asked: one request, and all of them together, beside the control of this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from lib.core.busyness import Control
from lib.tasks.health.task import Health
from lib.tasks.health.timing import FEWEST_SAMPLES
from lib.transport.control import ControlClock
from lib.transport.retry import RetryPolicy
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, Site


def ask_beside_control(
    site: Site, questions: Sequence[Question], *, concurrency: int, within_s: float = math.inf
) -> tuple[list[Answer], Control]:
    """Return the answers, and what the control met meanwhile. within_s: time for all of them."""
    with ControlClock() as clock:
        began_s = time.monotonic()
        answers = ask(site, questions, concurrency=concurrency, within_s=within_s)
        return answers, clock.since(began_s)


def time_for_samples_s(settings: Health) -> float:
    """Return the seconds in which a service must take its samples: enough for the fewest, each as slow as it may be."""
    return settings.deadline_s * math.ceil(FEWEST_SAMPLES / settings.concurrency)


def retry_policy_of(settings: Health, *, attempts: int | None = None) -> RetryPolicy:
    """Return how often and how long params let us try one request."""
    return RetryPolicy(
        attempts=attempts or settings.attempts,
        timeout_s=settings.timeout_s,
        deadline_s=settings.deadline_s,
        max_body_bytes=settings.max_body_bytes,
        max_retry_after_s=settings.max_retry_after_s,
    )
