"""The expressions of policies as trees of `or` and `and`, with the user spelled `:uid`. Pure.

Texts come from PostgreSQL's own deparser, so each construct has one spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lib.clients.postgres.statements import Token, read_tokens

TRUE, FALSE = "true", "false"

KEYWORDS = frozenset(
    {
        "SELECT", "FROM", "WHERE", "AND", "OR", "IN", "EXISTS", "NOT", "ANY", "ALL", "ARRAY", "IS", "NULL", "JOIN", "LEFT", "ON",
        "AS", "DISTINCT", "CASE", "WHEN", "THEN", "ELSE", "END", "LIMIT", "ORDER", "BY", "GROUP", "HAVING", "UNION",
    }
)  # fmt: skip
"""Words that the deparser spells in capitals, and a person need not."""

UID = "auth.uid()"
JWT = (
    r"(?:auth\.jwt\(\)|\( SELECT auth\.jwt\(\) AS \w+\)|\(?current_setting\('request\.jwt\.claims'::text(?:, true)?\)\)?::jsonb?)"
)
SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\( SELECT auth\.(uid|role|email)\(\) AS \w+\)"), r"auth.\1()"),
    (re.compile(rf"\({JWT} ->> 'sub'::text\)"), "(auth.uid()::text)"),
    (re.compile(rf"{JWT} ->> 'sub'::text"), "auth.uid()::text"),
    (re.compile(rf"\({JWT} ->> 'role'::text\)"), "auth.role()"),
    (re.compile(r"\(\(?auth\.uid\(\)::text\)?\)::uuid"), UID),
    (re.compile(r"\( SELECT auth\.uid\(\)::text AS \w+\)"), "auth.uid()::text"),
    (re.compile(r"(?<![\w\"])\(auth\.uid\(\)\)"), UID),
    (re.compile(r"(?<![\w\"])\(auth\.uid\(\)::text\)(?= =)"), "auth.uid()::text"),
)
"""How the caller is spelled, and the one spelling that is used from here on."""

SAME_TEXTS = re.compile(r"^\(?'([^']*)'::text\)? (=|<>) \(?'([^']*)'::text\)?$")
NULL_TEST = re.compile(r"^auth\.uid\(\)(?:::text)? IS (NOT )?NULL$")
ROLE_LIST = re.compile(r"^'([^']*)'::text = ANY \(ARRAY\[(.+)\]\)$")
USER = re.compile(r"auth\.uid\(\)")


@dataclass(frozen=True)
class Node:
    """An `or`, an `and`, or with neither a condition of its own, as text."""

    joins: str
    parts: tuple[Node, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        if not self.joins:
            return self.text
        return f" {self.joins} ".join(f"({part})" if part.joins else str(part) for part in self.parts)


def leaf(text: str) -> Node:
    return Node("", text=text)


def flatten(text: str) -> str:
    """Return SQL on one line, literals as they are."""
    kept = [" " if token.sort in ("space", "comment") else token.text for token in read_tokens(text)]
    return re.sub(r"\( (?!SELECT)", "(", "".join(kept)).strip()


def respell(text: str, *, role: str) -> str:
    """Return an expression with the one spelling of the caller, whose role is known."""
    for pattern, spelling in SPELLINGS:
        text = pattern.sub(spelling, text)
    return text.replace("auth.role()", f"'{role}'::text")


def parse(text: str) -> Node:
    """Return an expression as a tree."""
    text = strip_parentheses(text.strip())
    for word in ("OR", "AND"):
        parts = split_at(text, word)
        if len(parts) > 1:
            return join(word.lower(), [parse(part) for part in parts])
    return leaf(text)


def strip_parentheses(text: str) -> str:
    """Return an expression without parentheses around all of it."""
    while (
        text.startswith("(")
        and text.endswith(")")
        and closes_at(text) == len(text) - 1
        and not text.startswith(("( SELECT", "(SELECT"))
    ):
        text = text[1:-1].strip()
    return text


def closes_at(text: str) -> int:
    """Return where the first parenthesis closes."""
    depth = 0
    for token in read_tokens(text):
        depth += (token.text == "(") - (token.text == ")") if token.sort == "sign" else 0
        if depth == 0 and token.sort == "sign" and token.text == ")":
            return token.start
    return -1


def split_at(text: str, word: str) -> list[str]:
    """Return the parts between a word that stands outside of parentheses, brackets and `case`."""
    parts, depth, begin = [], 0, 0
    for token in read_tokens(text):
        if token.sort == "sign":
            depth += (token.text in "([") - (token.text in ")]")
        elif token.sort == "word":
            depth += (token.text == "CASE") - (token.text == "END")
            if depth == 0 and token.text == word:
                parts.append(text[begin : token.start])
                begin = token.end
    return [*parts, text[begin:]]


def join(word: str, parts: Sequence[Node]) -> Node:
    """Return the parts joined, equal ones once, constants folded."""
    idle, decisive = (FALSE, TRUE) if word == "or" else (TRUE, FALSE)
    flat = [inner for part in parts for inner in (part.parts if part.joins == word else (part,))]
    kept = list(dict.fromkeys(part for part in flat if part.text != idle or part.joins))
    if any(part.text == decisive and not part.joins for part in kept):
        return leaf(decisive)
    if len(kept) < 2:
        return kept[0] if kept else leaf(idle)
    return Node(word, tuple(kept))


def fold(node: Node, *, has_user: bool) -> Node:
    """Return the tree with what is known of the caller put in: whether there is a user at all."""
    if node.joins:
        return join(node.joins, [fold(part, has_user=has_user) for part in node.parts])
    text = tidy(simplify(node.text))
    node = leaf(text)
    if text.startswith("NOT "):
        inner = fold(parse(text[4:]), has_user=has_user)
        return leaf({TRUE: FALSE, FALSE: TRUE}.get(inner.text, text)) if not inner.joins else node
    if match := SAME_TEXTS.match(text):
        return leaf(TRUE if (match[1] == match[3]) == (match[2] == "=") else FALSE)
    if match := ROLE_LIST.match(text):
        return leaf(TRUE if f"'{match[1]}'::text" in match[2].split(", ") else FALSE)
    if match := NULL_TEST.match(text):
        return leaf(TRUE if has_user == bool(match[1]) else FALSE)
    if not has_user and is_nobodys(text):
        return leaf(FALSE)
    return node


def is_nobodys(text: str) -> bool:
    """Return whether a condition compares with the user and so holds for no row where there is none."""
    return bool(USER.search(text)) and not re.search(r"\bNOT\b|<>|\bNULL\b|coalesce|\bOR\b|DISTINCT", text, re.IGNORECASE)


def simplify(text: str) -> str:
    """Return an expression whose queries say nothing that goes without saying, once arguments stand in them."""
    out, at = [], 0
    while (begin := text.find("WHERE (", at)) >= 0:
        inner = text[begin + 6 :]
        end = closes_at(inner)
        if end < 0:
            break
        tree = simplify_tree(parse(inner[: end + 1]))
        out.append(text[at:begin].rstrip() if str(tree) == TRUE else f"{text[at:begin]}WHERE {tree}")
        at = begin + 6 + end + 1
    return "".join([*out, text[at:]])


def simplify_tree(node: Node) -> Node:
    """Return the condition of a query without comparisons that a NULL or a literal decides."""
    if node.joins:
        return join(node.joins, [simplify_tree(part) for part in node.parts])
    if re.fullmatch(r"\(?NULL::[\w.\"]+\)? IS NULL", node.text) or re.fullmatch(r"'[^']*'::[\w.\"]+ IS NOT NULL", node.text):
        return leaf(TRUE)
    if re.fullmatch(r"'[^']*'::[\w.\"]+ IS NULL", node.text) or re.fullmatch(r"\S+ = NULL::[\w.\"]+", node.text):
        return leaf(FALSE)
    return leaf(tidy(simplify(node.text)))


def tidy(text: str) -> str:
    """Return a condition without what only wraps it: `(select (exists (...)) as "exists") = true` is that `exists`."""
    if text.endswith(" = true") and is_whole(bare := strip_parentheses(text.removesuffix(" = true"))):
        text = bare
    while text.startswith(("(SELECT ", "( SELECT ")) and is_balanced(text):
        said = split_at(text[1:-1].strip().removeprefix("SELECT "), "AS")
        inner = strip_parentheses(said[0].strip())
        if len(said) != 2 or len(split_at(inner, "FROM")) > 1:
            break
        text = inner
    return text


def is_whole(text: str) -> bool:
    """Return whether a condition is a query or an `exists`, nothing beside it."""
    return text.startswith(("(SELECT ", "( SELECT ", "EXISTS (")) and is_balanced(text)


def is_balanced(text: str) -> bool:
    """Return whether the first parenthesis closes at the end."""
    begin = text.index("(")
    return closes_at(text[begin:]) == len(text) - begin - 1


def as_predicate(text: str) -> str:
    """Return an expression as a scope's predicate: the user is `:uid`, compared the way a person would write it."""
    text = re.sub(r"\bauth\.uid\(\)(::text)? = ((?:\w+\.)*\w+(?:::text)?)(?![\w.(])", r"\2 = :uid", text)
    text = re.sub(r"(= |<> )(?:auth\.uid\(\)(?:::text)?|\(auth\.uid\(\)(?:::text)?\))(?![:\w])", r"\1:uid", text)
    text = re.sub(r"('(?:[^']|'')*')::text\b", r"\1", text.replace("auth.uid()", ":uid::uuid"))
    spelled = [
        token.text.lower() if token.text in KEYWORDS and token.sort == "word" else token.text for token in read_tokens(text)
    ]
    return re.sub(r"\( (?=select)", "(", "".join(spelled))


def replace_calls(text: str, find: Callable[[str, list[str]], str | None]) -> str:
    """Return an expression with calls of functions replaced by what `find` returns for a name and its arguments.

    find: returns a query in parentheses, or None to leave the call as it is.
    """
    tokens = list(read_tokens(text))
    at, out = 0, []
    while at < len(tokens):
        call = read_call(tokens, at)
        if call is not None:
            name, end = call
            inner = text[tokens[end[0]].end : tokens[end[1]].start]
            arguments = [part.strip() for part in split_commas(replace_calls(inner, find))] if inner.strip() else []
            found = find(name, arguments)
            if found is not None:
                out.append(found)
                at = end[1] + 1
                continue
        out.append(tokens[at].text)
        at += 1
    return "".join(out)


def read_call(tokens: Sequence[Token], at: int) -> tuple[str, tuple[int, int]] | None:
    """Return the qualified name of a call that starts here, and the places of its parentheses; None for no call."""
    named = ("word", "name")
    kinds = [(token.sort, token.text) for token in tokens[at : at + 4]]
    if len(kinds) < 4 or kinds[0][0] not in named or kinds[1][1] != "." or kinds[2][0] not in named or kinds[3][1] != "(":
        return None
    if at and tokens[at - 1].text == ".":
        return None
    depth = 0
    for place in range(at + 3, len(tokens)):
        token = tokens[place]
        depth += (token.text == "(") - (token.text == ")") if token.sort == "sign" else 0
        if depth == 0:
            return f"{kinds[0][1]}.{kinds[2][1]}", (at + 3, place)
    return None


def split_commas(text: str) -> list[str]:
    """Return the parts between commas outside of parentheses and brackets."""
    parts, depth, begin = [], 0, 0
    for token in read_tokens(text):
        if token.sort == "sign":
            depth += (token.text in "([") - (token.text in ")]")
            if depth == 0 and token.text == ",":
                parts.append(text[begin : token.start])
                begin = token.end
    return [*parts, text[begin:]]
