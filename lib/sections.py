"""What each section of params/<environment>.yaml may say: names, types, units, meaning.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations

from pydantic import Field

from lib.core.section import Section


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
