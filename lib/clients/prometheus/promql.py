"""What can be read off a PromQL expression without evaluating it: its metrics, and its threshold.

promtool parses expressions but does not give the tree away, so this reads tokens. It relies on
promtool having accepted the expression.
Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and .../operators/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    | (?P<number>(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<comparison>==|!=|>=|<=|>|<)
    | (?P<match>=~|!~|=)
    | (?P<mark>[-+*/%^(){}\[\],@])
    | (?P<space>\s+)""",
    re.VERBOSE,
)
AGGREGATIONS = frozenset(
    ("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile")
)
LABEL_LISTS = frozenset(("by", "without", "on", "ignoring", "group_left", "group_right"))
WORDS = frozenset(("and", "or", "unless", "bool", "offset", "start", "end", "atan2", "inf", "nan")) | LABEL_LISTS
OPEN, CLOSE = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True, kw_only=True)
class Selector:
    """One metric named in an expression, with the labels that its matchers speak of."""

    metric: str
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An expression that compares with one number: `left operator limit`.

    start, end: where the number stands in the expression.
    """

    left: str
    operator: str
    limit: float
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Token:
    """One word of an expression: its kind, text, place, and how many brackets it stands in."""

    kind: str
    text: str
    start: int
    depth: int


def read_tokens(expression: str) -> list[Token]:
    """Return the words of an expression, without spaces and comments. Raises ValueError at what is no word."""
    tokens, place, depth = [], 0, 0
    while place < len(expression):
        match = TOKEN.match(expression, place)
        if match is None:
            raise ValueError(f"'{expression[place]}' at position {place} is no PromQL")
        kind, text = str(match.lastgroup), match.group()
        depth -= text in CLOSE
        if kind not in ("space", "comment"):
            tokens.append(Token(kind=kind, text=text, start=place, depth=depth))
        depth += text in OPEN
        place = match.end()
    return tokens


def write_on_one_line(expression: str) -> str:
    """Return the expression without comments, each stretch of space as one; as it is when it is no PromQL."""
    words: list[str] = []
    place = 0
    while place < len(expression):
        match = TOKEN.match(expression, place)
        if match is None:
            return expression
        is_space = match.lastgroup in ("space", "comment")
        if not (is_space and words[-1:] == [" "]):
            words.append(" " if is_space else match.group())
        place = match.end()
    return "".join(words).strip()


def find_selectors(expression: str) -> list[Selector]:
    """Return every metric that an expression names, in order, with the labels of its matchers."""
    return list(walk_selectors(read_tokens(expression)))


def walk_selectors(tokens: Sequence[Token]) -> Iterator[Selector]:
    place = 0
    while place < len(tokens):
        token = tokens[place]
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if token.kind == "name" and token.text.lower() in LABEL_LISTS and after == "(":
            place = close_of(tokens, place + 1)
        elif token.text == "[":
            place = close_of(tokens, place)
        elif token.text == "{" or (token.kind == "name" and after == "{"):
            opened = place if token.text == "{" else place + 1
            place = close_of(tokens, opened)
            yield from selector_of(token.text if token.kind == "name" else "", tokens[opened + 1 : place])
        elif token.kind == "name" and after != "(" and token.text.lower() not in WORDS | AGGREGATIONS:
            yield Selector(metric=token.text, labels=())
        place += 1


def selector_of(name: str, matchers: Sequence[Token]) -> Iterator[Selector]:
    """Give the selector of a metric and what stands in its braces; none when no metric is named."""
    labels = []
    for place, token in enumerate(matchers[:-2]):
        if token.kind == "name" and matchers[place + 1].text in ("=", "!=", "=~", "!~"):
            if token.text == "__name__":
                name = matchers[place + 2].text[1:-1] if matchers[place + 1].text == "=" else name
            else:
                labels.append(token.text)
    if name:
        yield Selector(metric=name, labels=tuple(labels))


def close_of(tokens: Sequence[Token], opened: int) -> int:
    """Return where the bracket that opens at a token is closed."""
    depth = tokens[opened].depth
    return next(
        (place for place in range(opened + 1, len(tokens)) if tokens[place].text in CLOSE and tokens[place].depth == depth),
        len(tokens) - 1,
    )


def find_comparison(expression: str) -> Comparison | None:
    """Return the comparison with a number that an expression ends in; None when it has none, or more than one."""
    tokens = read_tokens(expression)
    outer = [token for token in tokens if token.depth == 0]
    compared = [place for place, token in enumerate(outer) if token.kind == "comparison"]
    joined = any(token.text.lower() in ("and", "or", "unless") for token in outer if token.kind == "name")
    if len(compared) != 1 or joined:
        return None
    operator, rest = outer[compared[0]], outer[compared[0] + 1 :]
    sign = -1.0 if [token.text for token in rest[:1]] == ["-"] else 1.0
    number = rest[1:] if sign < 0 else rest
    if len(number) != 1 or number[0].kind != "number" or not is_number(number[0].text):
        return None
    return Comparison(
        left=expression[: operator.start].strip(),
        operator=operator.text,
        limit=sign * float(number[0].text),
        start=rest[0].start,
        end=number[0].start + len(number[0].text),
    )


def is_number(text: str) -> bool:
    """Return whether a number token is a plain number, not a duration."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def with_limit(expression: str, comparison: Comparison, limit: float) -> str:
    """Return the expression with another number to compare with."""
    return f"{expression[: comparison.start]}{limit:.12g}{expression[comparison.end :]}"
