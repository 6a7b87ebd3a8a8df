"""What a branch may do, as the project's own policy file says it: read strictly, all problems reported at once."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from lib.core.errors import CommandError, CommandTimeout, TargetError
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import name_some, plain_text
from lib.transport.process import run_command

FILE = ".github/launch-policy.yml"
"""From the project's root; the page, `make guardrails` and the workflow all read this one."""


LONGEST_PATTERN = 1_000
"""Characters of one pattern."""
MOST_PATTERNS = 500
LONGEST_SEARCHED = 1_000_000
"""Characters of what a branch says of itself that are searched."""
PATTERN_TIMEOUT_S = 10.0
"""A pattern that ends at all takes a few milliseconds."""
MOST_SIGNS = 2
"""Of `*` and `**` in a pattern that is matched in one go."""
KNOWN = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin)
found = re.search(pattern, text)
print(json.dumps(found.group() if found else None))
"""


def compiled(pattern: str) -> str:
    """Return the pattern. Raises ValueError when it is not a regular expression, or longer than people write one."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"not a regular expression: {exc}") from exc
    return pattern


def paths(patterns: list[str]) -> list[str]:
    """Return patterns of paths. Raises ValueError for what is longer than people write."""
    if len(patterns) > MOST_PATTERNS or any(len(one) > LONGEST_PATTERN for one in patterns):
        raise ValueError(f"at most {MOST_PATTERNS} patterns of {LONGEST_PATTERN} characters")
    return patterns


Patterns = Annotated[list[str], AfterValidator(paths)]
"""Patterns of paths or names, as `matches` takes them."""

ScopeName = Literal["directories", "files", "minutes", "tokens", "tools", "directions"]
"""A constraint of a direction, as an exception names it."""

DEFAULT_POLICY = """
branch: {pattern: ".*"}
change:
  max_files: 1000000
  allowed_paths: ["**"]
  wide_change: {label: wide-change, trailer: Wide-change, min_reason_characters: 15}
issue: {pattern: ".*"}
secrets:
  env_files: [.env, .env.*, "*.env"]
  allowed_files: ["**/.env.example", "**/.env.sample", "**/.env.template", "**/.env.*.example"]
  keys: ["*_TOKEN", "*_API_KEY", "*_SECRET", "*_PASSWORD", "*_PRIVATE_KEY", DATABASE_URL, "*_DATABASE_URL"]
markdown: {allowed: ["**"], archive: docs/archive}
workflows: .github/workflows
"""
"""What holds for a project that says nothing: no credential in what a branch adds. The rest is not judged then."""


class Part(BaseModel):
    """One part of the file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BranchRules(Part):
    """How a branch may be called."""

    pattern: str  # a regular expression that the branch's name matches
    exceptions: Patterns = []  # names besides, as bots call their branches: dependabot/**

    @field_validator("pattern")
    @classmethod
    def check_pattern(cls, pattern: str) -> str:
        return compiled(pattern)


class WideChange(Part):
    """How a change of more files than usual is agreed on."""

    label: str = Field(min_length=1)  # of the pull request; its text has the reason
    trailer: str = Field(pattern=r"^[A-Za-z][A-Za-z-]*$")  # of a commit's message, with the reason behind it
    min_reason_characters: int = Field(ge=1)  # a shorter reason is none


class ChangeRules(Part):
    """How many files a branch may change, and which."""

    max_files: int = Field(ge=1)  # more need the opt-in of wide_change
    allowed_paths: Patterns = Field(min_length=1)  # patterns of paths that a branch may change
    wide_change: WideChange


class IssueRules(Part):
    """How a branch says which issue it belongs to."""

    pattern: str  # a regular expression that a commit's message or the pull request matches
    exceptions: Patterns = []  # names of branches that need none

    @field_validator("pattern")
    @classmethod
    def check_pattern(cls, pattern: str) -> str:
        return compiled(pattern)


class SecretRules(Part):
    """Which files hold credentials and may not be committed, and which settings may have no value in others."""

    env_files: Patterns  # by file name
    allowed_files: Patterns  # by path: not scanned
    keys: Patterns  # by name of the setting


class MarkdownRules(Part):
    """Where Markdown may be, and where strays are moved to."""

    allowed: Patterns = Field(min_length=1)  # patterns of paths where Markdown may be
    archive: str = Field(pattern=r"^[^/.].*$")  # the folder that `make tidy` moves strays to
    strays: Patterns = []  # patterns of Markdown files that are strays wherever they are
    strays_list: str = ""  # a file of the project with more of them, one a line


class ScopeRules(Part):
    """Which constraints of a direction a branch need not keep."""

    trailer: str = Field(default="Scope-exception", pattern=r"^[A-Za-z][A-Za-z-]*$")  # what the line of a commit begins with
    exceptions: dict[ScopeName, str] = {}  # constraint -> why no branch keeps it


class Policy(Part):
    """The whole policy file."""

    branch: BranchRules
    change: ChangeRules
    issue: IssueRules
    secrets: SecretRules
    markdown: MarkdownRules
    workflows: str  # the folder of the project's workflows
    scope: ScopeRules = ScopeRules()


def parse_policy(text: str) -> Policy:
    """Return the policy. Raises TargetError with everything that is wrong."""
    try:
        document = load_yaml(text)
        return Policy.model_validate(document)
    except PlainYamlError as exc:
        said = plain_text(str(exc), limit=300).rstrip(".")
        raise TargetError(f"{FILE} is not valid YAML: {said}.", fix=f"Correct {FILE}.") from exc
    except ValidationError as exc:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg'].lower()}" for one in exc.errors()]
        said = name_some([plain_text(one, limit=200) for one in problems])
        raise TargetError(f"{FILE} is not a valid policy: {said}.", fix=f"Correct {FILE}.") from exc


def search(pattern: str, text: str, *, where: str) -> str | None:
    """Return what a pattern of the policy finds first in a text, None for nothing.

    where: which pattern it is, as the file has it. In a process of its own: such a pattern may take for ever, and nothing
    else in this process would run meanwhile. Raises TargetError when it takes longer than PATTERN_TIMEOUT_S.
    """
    asked = json.dumps([pattern, text[:LONGEST_SEARCHED]])
    try:
        run = run_command([sys.executable, "-I", "-S", "-c", SEARCH], timeout_s=PATTERN_TIMEOUT_S, stdin=asked)
    except CommandTimeout as exc:
        raise TargetError(
            f"{FILE}: {where} did not come to an end within {PATTERN_TIMEOUT_S:g} s, so nothing can be said by it.",
            fix=f"Write {where} without a repetition inside of a repetition, such as (a+)+.",
        ) from exc
    if run.exit_code != 0:
        raise CommandError(f"{FILE}: {where} could not be tried (exit code {run.exit_code}).", fix="Run again.")
    found = json.loads(run.stdout)
    return None if found is None else str(found)


@cache
def path_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches a path: `*` and `?` stay within a folder, `**` crosses folders."""
    return re.compile("".join(KNOWN.get(word, re.escape(word)) for word in words_of(pattern)) + r"\Z", re.DOTALL)


@cache
def words_of(pattern: str) -> tuple[str, ...]:
    """Return a pattern of paths as its signs and what is between them."""
    return tuple(word for word in re.split(r"(\*\*/|\*\*|\*|\?)", pattern) if word)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path matches any of the patterns."""
    return any(matches_one(path, pattern) for pattern in patterns)


def matches_one(path: str, pattern: str) -> bool:
    """Return whether a path matches a pattern; with many signs step by step, since trying every way would not end."""
    if sum(word in ("**/", "**", "*") for word in words_of(pattern)) <= MOST_SIGNS:
        return path_pattern(pattern).match(path) is not None
    places = {0}
    for word in words_of(pattern):
        places = set(places_after(path, places, word))
    return len(path) in places


def places_after(path: str, places: Collection[int], word: str) -> Iterable[int]:
    """Return where in a path one may be after a word of a pattern, from these places."""
    first = min(places, default=len(path) + 1)
    if word == "**":
        return range(first, len(path) + 1)
    if word == "**/":
        return {*places, *(place for place in range(first + 1, len(path) + 1) if path[place - 1] == "/")}
    if word == "*":
        return stretch(path, places)
    if word == "?":
        return {place + 1 for place in places if place < len(path) and path[place] != "/"}
    return {place + len(word) for place in places if path.startswith(word, place)}


def stretch(path: str, places: Collection[int]) -> set[int]:
    """Return every place from one of these on to the end of its folder."""
    found: set[int] = set()
    inside = False
    for place in range(len(path) + 1):
        inside = place in places or (inside and path[place - 1] != "/")
        if inside:
            found.add(place)
    return found
