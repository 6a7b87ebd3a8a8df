"""What is not allowed, as a context has it."""

from __future__ import annotations

from lib.core.permissions import Act, Refusal, refuse


def refused(*acts: Act, environment: str = "staging") -> dict[Act, Refusal]:
    """Return the refusals of these acts, all there are when none is named, as a run without ALLOW_WRITES has them."""
    granted = frozenset(Act)
    return {act: refuse(act, environment=environment, granted=granted, asked=False) for act in acts or tuple(Act)}
