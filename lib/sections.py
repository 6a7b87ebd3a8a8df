"""What each section of params/<environment>.yaml may say: names, types, units, meaning.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations

from pydantic import Field

from lib.core.section import Section


class Alerts(Section):
    """What 07_alerts holds the pack's Prometheus rules to."""

    rules: str  # the rule file, in the pack
    tests: str  # its unit tests, in the pack
    severities: list[str] = Field(min_length=1)  # an alert has one of these
    test_margin_percent: float = Field(gt=0, le=50)  # unit tests must notice a threshold moved by this, %
    scrape_interval_s: float = Field(gt=0)  # of Prometheus: how long a bad sample may go unseen, s
    group_wait_s: float = Field(ge=0)  # of Alertmanager: how long it gathers alerts before it sends them, s
    command_timeout_s: float = Field(gt=0)  # longest one promtool call may take, s
    thresholds: dict[str, float] = Field(min_length=1)  # alert -> the value beyond which it must fire


class RehearsedBranch(Section):
    """What a rehearsal calls the branch that it makes from a pack which is none itself."""

    branch: str = Field(min_length=1)
    message: str = Field(min_length=1)


class Guardrails(Section):
    """Which branch 09_guardrails looks at, and which commands it runs; what a branch may do is in the pack's policy file."""

    base: str = Field(min_length=1)  # the branch it is compared with
    pull_request: str  # the file of GitHub's event, for what the pull request says; empty: there is none
    commands: list[str] = Field(min_length=1)  # scripts of the project's package.json
    command_limit_s: float = Field(gt=0)  # longest one of them may take, s
    command_jobs: int = Field(ge=1, le=16)  # of them at a time
    rehearsal: RehearsedBranch
