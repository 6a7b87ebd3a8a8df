"""What a branch may do, as the project's own policy file says it: read strictly, all problems reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lib.core.errors import TargetError

FILE = ".github/launch-policy.yml"
"""From the project's root; the page, `make guardrails` and the workflow all read this one."""


class Part(BaseModel):
    """One part of the file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BranchRules(Part):
    """How a branch may be called."""

    pattern: str

    @field_validator("pattern")
    @classmethod
    def check_pattern(cls, pattern: str) -> str:
        return compiled(pattern)


class WideChange(Part):
    """How a change of more files than usual is agreed on."""

    label: str = Field(min_length=1)
    trailer: str = Field(pattern=r"^[A-Za-z][A-Za-z-]*$")
    min_reason_characters: int = Field(ge=1)


class ChangeRules(Part):
    """How many files a branch may change, and which."""

    max_files: int = Field(ge=1)
    allowed_paths: list[str] = Field(min_length=1)
    wide_change: WideChange


class IssueRules(Part):
    """How a branch says which issue it belongs to."""

    pattern: str

    @field_validator("pattern")
    @classmethod
    def check_pattern(cls, pattern: str) -> str:
        return compiled(pattern)


class SecretRules(Part):
    """Which files hold credentials and may not be committed, and which settings may have no value in others."""

    env_files: list[str]  # by file name
    allowed_files: list[str]  # by path: not scanned
    keys: list[str]  # by name of the setting


class MarkdownRules(Part):
    """Where Markdown may be, and where strays are moved to."""

    allowed: list[str] = Field(min_length=1)
    archive: str = Field(pattern=r"^[^/.].*$")


class Policy(Part):
    """The whole policy file."""

    branch: BranchRules
    change: ChangeRules
    issue: IssueRules
    secrets: SecretRules
    markdown: MarkdownRules
    workflows: str


def compiled(pattern: str) -> str:
    """Return the pattern. Raises ValueError when it is not a regular expression."""
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"not a regular expression: {exc}") from exc
    return pattern


def parse_policy(text: str) -> Policy:
    """Return the policy. Raises TargetError with everything that is wrong."""
    try:
        document = yaml.safe_load(text)
        return Policy.model_validate(document)
    except yaml.YAMLError as exc:
        raise TargetError(f"{FILE} is not valid YAML: {' '.join(str(exc).split())[:300]}.", fix=f"Correct {FILE}.") from exc
    except ValidationError as exc:
        said = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg'].lower()}" for one in exc.errors())
        raise TargetError(f"{FILE} is not a valid policy: {said}.", fix=f"Correct {FILE}.") from exc


@cache
def path_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches a path: `*` and `?` stay within a folder, `**` crosses folders."""
    words = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(word, re.escape(word)) for word in words) + r"\Z", re.DOTALL)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path matches any of the patterns."""
    return any(path_pattern(pattern).match(path) for pattern in patterns)
