"""One thing wrong with a workflow file, whoever finds it."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("Unknown", "Informational", "Low", "Medium", "High")
"""zizmor's, from the least. Source: https://docs.zizmor.sh/usage/#filtering-results."""


@dataclass(frozen=True, kw_only=True)
class WorkflowFinding:
    """One thing wrong with a workflow file: the rule, how bad, where, and in words."""

    file: str
    rule: str
    severity: str
    line: int | None
    words: str

    def is_at_least(self, severity: str) -> bool:
        """Return whether it is as bad as this or worse; of a severity that is not known nobody can say less."""
        known = SEVERITIES.index(self.severity) if self.severity in SEVERITIES[1:] else len(SEVERITIES)
        return known >= SEVERITIES.index(severity)
