"""The bounds that a direction sets to a branch, and what the branch itself says of each: pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lib.clients.git_added import AddedLine
from lib.core.direction import Direction, name_key
from lib.core.direction_fields import Field
from lib.core.direction_values import expand_braces, find_amounts
from lib.tasks.guardrails.policy import matches

SECTIONS = ("Constraints", "Scope", "Scope Card", "Guardrails")
BUDGET = ("budget", "limit", "time", "files", "tokens", "minutes", "max")
"""Words of a label whose line has amounts."""
UNITS = ("minutes", "tokens", "files")
TOUCHED = ("touched", "directories", "allowed paths", "folders")
TOOLS = ("tools", "tooling")
OTHERS = re.compile(
    r"\b(?:do not|don.t|never|without|no)\b[^.;]{0,40}\b(?:edit|touch|chang|modif)\w*\b[^.;]{0,20}\bother direction",
    re.IGNORECASE,
)
"""By which a direction says that a branch leaves the others alone."""
TRANSCRIPTS = ("artifacts/**", "feedback/**", "**/transcripts/**", "**/*transcript*")
"""Where a branch keeps what was typed and said."""
PROMPT = re.compile(r"^[\s>`]*\$ (?P<command>\S.*?)`?\s*$")
TOKENS = re.compile(r"^[\s>*_-]*tokens(?:[- ]used)?[*_]*\s*:[*_\s]*(\d[\d,_.]*)", re.IGNORECASE | re.MULTILINE)
BUILT_IN = frozenset(
    {"cd", "echo", "export", "set", "true", "false", "test", "[", "pwd", "exit", "source", ".", "printf", "read", "unset"}
)
"""What a shell does itself."""
RUN_BY = {".sh": "bash", ".bash": "bash", ".mjs": "node", ".js": "node", ".cjs": "node", ".py": "python3"}
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


@dataclass(frozen=True, kw_only=True)
class ScopeCard:
    """What a direction allows. None: it does not say. unread: labels that speak of a bound, and no bound was found in them."""

    directories: tuple[str, ...] | None = None
    files: int | None = None
    minutes: int | None = None
    tokens: int | None = None
    tools: tuple[str, ...] | None = None
    is_alone: bool = False
    unread: tuple[Field, ...] = ()


def read_card(direction: Direction) -> ScopeCard:
    """Return the bounds that a direction sets in its constraints."""
    fields = [one for name in SECTIONS for one in direction.fields_of(name)]
    touched = [one for one in fields if speaks_of(one, TOUCHED)]
    tools = [one for one in fields if speaks_of(one, TOOLS)]
    budgets = [one for one in fields if one not in (*touched, *tools) and speaks_of(one, BUDGET)]
    amounts = {one.line: amounts_of(one) for one in budgets}
    least = {unit: min((said[unit] for said in amounts.values() if unit in said), default=None) for unit in UNITS}
    sections = [section for name in SECTIONS if (section := direction.section(name)) is not None]
    unread = [one for one in (*touched, *tools) if not values_of(one)]
    return ScopeCard(
        directories=tuple(one for field in touched for one in values_of(field)) or None,
        tools=tuple(one for field in tools for one in values_of(field)) or None,
        files=least["files"],
        minutes=least["minutes"],
        tokens=least["tokens"],
        is_alone=any(OTHERS.search(section.text) for section in sections),
        unread=(*unread, *(one for one in budgets if not amounts[one.line])),
    )


def speaks_of(field: Field, words: Sequence[str]) -> bool:
    """Return whether a label is about one of these."""
    return any(re.search(rf"\b{word}", name_key(field.label)) for word in words)


def amounts_of(field: Field) -> dict[str, int]:
    """Return the amounts of a line; its label says the unit of a bare number: `Max files: 3`."""
    found = find_amounts(field.value)
    unit = next((one for one in UNITS if one in name_key(field.label)), "")
    bare = re.fullmatch(r"\D{0,3}([\d,._]+)", field.value.strip())
    return found or (find_amounts(f"{bare[1]} {unit}") if bare and unit else {})


def values_of(field: Field) -> list[str]:
    """Return what a line lists: what it sets as code, else what stands between commas."""
    return [one.strip() for one in (field.codes or field.value.split(",")) if one.strip().strip(".-–—")]


def is_touched(path: str, directories: Iterable[str]) -> bool:
    """Return whether a path is in one of the directories, or is one of the files named among them."""
    for one in (each for named in directories for each in expand_braces(named)):
        bare = one.removeprefix("./").rstrip("/")
        if matches(path, [bare, f"{bare}/**"]):
            return True
    return False


def find_tokens(messages: Sequence[str], added: Sequence[AddedLine]) -> int | None:
    """Return the tokens that a branch says it took: the more of its commits and its transcripts; None where it says nothing."""
    texts = {
        "commits": messages,
        "transcripts": list(dict.fromkeys(one.text for one in added if matches(one.path, TRANSCRIPTS))),
    }
    sums = [sum(found) for lines in texts.values() if (found := [*token_counts(lines)])]
    return max(sums, default=None)


def token_counts(texts: Iterable[str]) -> Iterator[int]:
    """Yield each number of tokens that texts say."""
    for text in texts:
        yield from (int(re.sub(r"\D", "", found)) for found in TOKENS.findall(text))


def find_commands(added: Sequence[AddedLine]) -> list[str] | None:
    """Return the commands that a branch's transcripts show, each once; None where it brings no transcript with one."""
    found = [match["command"] for one in added if matches(one.path, TRANSCRIPTS) and (match := PROMPT.match(one.text))]
    return list(dict.fromkeys(found)) or None


def strange_tools(command: str, allowed: Sequence[str]) -> list[str]:
    """Return the programs of one command line that are not among the tools."""
    return [words[0] for words in programs_of(command) if not is_allowed(words, allowed)]


def programs_of(command: str) -> Iterator[list[str]]:
    """Yield each program of a command line with its words: of pipes, lists and conditions, too."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in [*lexer, ";"]:
            if set(word) <= set("|&;()"):
                words = [*without_assignments(words)]
                if words:
                    yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote that nothing closes: its first word is known all the same
        yield command.split()


def without_assignments(words: Sequence[str]) -> Iterator[str]:
    """Yield a program and its words, without the variables set before it."""
    is_before = True
    for word in words:
        is_before = is_before and ASSIGNMENT.match(word) is not None
        if not is_before:
            yield word


def is_allowed(words: Sequence[str], allowed: Sequence[str]) -> bool:
    """Return whether a program is among the tools: by its name, or with its first words as `npx prettier` is."""
    name = words[0].rpartition("/")[2]
    if name in BUILT_IN:
        return True
    runner = next((tool for ending, tool in RUN_BY.items() if name.endswith(ending)), "") if "/" in words[0] else ""
    spelled = [name, *words[1:]]
    return any(spelled[: len(tool)] == tool or [runner] == tool for tool in (one.split() for one in allowed))
