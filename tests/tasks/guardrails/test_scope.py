"""The bounds of a direction, and what a branch says of itself; words that only sound like a bound are none."""

from __future__ import annotations

import pytest

from lib.clients.git_added import AddedLine
from lib.core.direction import read_direction
from lib.tasks.guardrails.scope import ScopeCard, find_commands, find_tokens, is_touched, read_card, strange_tools

TOOLS = ("bash", "node", "npm", "npx prettier")


def card(*lines: str) -> ScopeCard:
    return read_card(read_direction("# D\n\n## Tasks\n\n- x\n\n## Constraints\n\n" + "\n".join(lines) + "\n"))


def test_every_bound_is_read() -> None:
    assert card(
        "- **Allowed Tools:** `bash`, `npx prettier`",
        "- **Touched Directories:** `docs/`,\n  `app/{a,b}.py`",
        "- **Budget:** ≤45 minutes, ≤5,000 tokens, ≤3 files modified/staged",
        "- **Guardrails:** Keep evidence, and do not edit other direction files.",
    ) == ScopeCard(
        directories=("docs/", "app/{a,b}.py"), files=3, minutes=45, tokens=5000, tools=("bash", "npx prettier"), is_alone=True
    )


def test_bounds_on_lines_of_their_own_and_without_marks_are_read() -> None:
    assert card("- Time limit: 2 hours", "- Max files: 3", "- Tools: bash, node") == ScopeCard(
        files=3, minutes=120, tools=("bash", "node")
    )


@pytest.mark.parametrize(
    "line", ["- **Guardrails:** Tell the owner within 5 minutes.", "- Be quick.", "- Edit other direction files."]
)
def test_what_only_sounds_like_a_bound_is_none(line: str) -> None:
    assert card(line) == ScopeCard()


@pytest.mark.parametrize("line", ["- **Budget:** small", "- **Touched Directories:** –"])
def test_a_bound_that_cannot_be_read_is_kept_as_such(line: str) -> None:
    assert len(card(line).unread) == 1


@pytest.mark.parametrize(
    ("path", "is_in"),
    [
        ("docs/a/b.md", True),
        ("docs.md", False),
        ("app/a.py", True),
        ("app/c.py", False),
        ("fly.toml", True),
        ("x/fly.toml", False),
    ],
)
def test_a_path_is_in_a_directory_or_named(path: str, is_in: bool) -> None:
    assert is_touched(path, ("docs/", "./app/{a,b}.py", "fly*.toml")) is is_in


@pytest.mark.parametrize(
    ("command", "strange"),
    [
        ("npm run ci", []),
        ("NODE_ENV=test npm run ci && cd app | bash x.sh", []),
        ("npx prettier --check .", []),
        ("npx eslint .", ["npx"]),
        ("npm ci; curl -s https://example.com | bash", ["curl"]),
        ("scripts/ops/check.sh --now", []),
        ("/usr/bin/python3 -c 'print(1)'", ["/usr/bin/python3"]),
        ("echo 'curl; wget'", []),
        ("wget 'never closed", ["wget"]),
    ],
)
def test_programs_that_are_no_tool_are_found(command: str, strange: list[str]) -> None:
    assert strange_tools(command, TOOLS) == strange


def added(path: str, *lines: str) -> list[AddedLine]:
    return [AddedLine(path=path, line=number, text=text) for number, text in enumerate(lines, start=1)]


def test_commands_are_read_in_transcripts_alone() -> None:
    assert find_commands(added("app/readme.txt", "$ curl x")) is None
    assert find_commands(added("artifacts/ops/run.txt", "> $ npm ci", "said $ 5", "$ npm ci")) == ["npm ci"]


def test_tokens_are_what_commits_or_transcripts_say_whichever_is_more() -> None:
    assert find_tokens(["Do it\n\nTokens: 1,200", "More\n\nTokens-used: 300"], []) == 1500
    assert find_tokens(["Do it\n\nTokens: 100"], added("feedback/x.md", "- **Tokens:** 4.200")) == 4200
    assert find_tokens(["Count the tokens: many"], added("app/x.py", "tokens: 5")) is None
