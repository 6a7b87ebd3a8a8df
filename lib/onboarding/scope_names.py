"""What a scope is called: as a person would, from the shape of its predicate. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lib.onboarding.expressions import JWT, Node

LONGEST_NAME = 48
"""Characters of a name made of several; beyond them it is called by what it is for."""

USER = r"(?:\(?auth\.uid\(\)(?:::text)?\)?)"
COLUMN = r'\(?(?:\w+\.)*"?\w+"?\)?(?:::text)?'
OWN = re.compile(rf"^(?:{USER} = {COLUMN}|{COLUMN} = {USER})$")
FLAG = re.compile(r'^(?:\w+\.)*"?(\w+)"?(?: = true| IS TRUE)?$')
NOT_FLAG = re.compile(r'^(?:NOT (?:\w+\.)*"?(\w+)"?|(?:\w+\.)*"?(\w+)"? = false)$')
EQUALS = re.compile(r"""^(?:\w+\.)*"?(\w+)"?(?:::text)? = '([^']{1,30})'(?:::[\w."]+(?: varying)?)?$""")
DIFFERS = re.compile(r"""^(?:\w+\.)*"?(\w+)"?(?:::text)? <> '([^']{1,30})'(?:::[\w."]+(?: varying)?)?$""")
ROLE = re.compile(r"""\w*(?:role|kind|level|permission|type)\w*"?\)?(?:::text)? (?:>=|=) (?:ANY \(ARRAY\[)?'([^']{1,30})'""")
TOKEN_KEY = re.compile(r"->> '(\w+)'::text")
ROLES = re.compile(r"'([^']{1,30})'::")
FROM = re.compile(r"\bFROM \(*(?:\w+\.)?\"?(\w+)\"?")
KEY = re.compile(r'\b(?:\w+\.)*"?(\w+?)_?[iI]d\b"?')
BEFORE_IN = re.compile(r'^(?:\w+\.)*"?(\w+)"? (?:IN|= ANY) ')
MEMBERSHIP = re.compile(r"member|user|role|team|collab|participant|share|access|permission|people|staff", re.IGNORECASE)


def name_scope(tree: Node, *, table: str, verb: str) -> str:
    """Return what the rows of a condition are called. table: the bare name of the table that it is about."""
    name = name_part(tree, table)
    return name if name and len(name) <= LONGEST_NAME else f"rows_to_{verb}"


def name_part(node: Node, table: str) -> str:
    """Return the name of a tree, '' when a part of it has none."""
    if not node.joins:
        return name_leaf(node.text, table)
    names = list(dict.fromkeys(name_part(part, table) for part in node.parts))
    if not all(names):
        return ""
    return f"_{node.joins}_".join(names)


def name_leaf(text: str, table: str) -> str:
    """Return the name of one condition."""
    if OWN.match(text):
        return "own"
    if match := re.fullmatch(r'"?(\w+?)(?:_id)?"? IS NOT NULL', text):
        return f"with_{slug(match[1])}"
    if match := NOT_FLAG.match(text):
        return f"not_{slug(match[1] or match[2])}"
    if match := FLAG.match(text):
        return slug(match[1].removeprefix("is_"))
    if match := EQUALS.match(text):
        return slug(match[2])
    if match := DIFFERS.match(text):
        return f"not_{slug(match[2])}"
    if (keys := TOKEN_KEY.findall(text)) and re.search(JWT, text) and "FROM" not in text:
        said = re.search(r"(?:=|<>) '(\w{1,30})'|'(\w{1,30})'::text =", text)
        key = re.sub(r"_id$", "", slug(keys[-1]))
        return f"with_{key}_{slug(said[1] or said[2])}" if said else f"own_{key}"
    if "SELECT" in text:
        return name_query(text, table)
    words = re.findall(r"[a-z_]\w*", re.sub(r"'[^']*'(?:::[\w.]+)?|::[\w.]+|\w+\.(?=\w)|\b\w+\(\)", " ", text))
    return (
        "by_"
        + slug(
            "_".join(
                dict.fromkeys(word for word in words if word not in ("auth", "and", "or", "true", "false", "interval", "now"))
            )
        )[:30]
        if words
        else ""
    )


def name_query(text: str, table: str) -> str:
    """Return the name of a condition that asks other rows: a membership, a parent of one's own, or something public."""
    asked = [name for name in FROM.findall(text) if name != "SELECT"]
    role = role_of(text)
    if not asked:
        return ""
    entity = entity_of(text, asked, table)
    if "auth.uid()" not in text:
        flags = [match for match in re.findall(r"(?:WHERE|AND) \(?(?:\w+\.)?(\w+)(?: = true)?(?=\)| AND|$)", text)]
        return f"{slug(flags[0].removeprefix('is_'))}_{entity}" if flags else f"in_{entity}"
    if any(MEMBERSHIP.search(name) for name in asked):
        return f"{entity}_{role}" if role else f"{entity}_member"
    return f"own_{entity}" if not role else f"{entity}_{role}"


def entity_of(text: str, asked: list[str], table: str) -> str:
    """Return what a query is about, in the singular: the key on the left of it, else the table it asks first."""
    if (left := BEFORE_IN.match(text)) and left[1] not in ("id", "uid", "uuid"):
        return slug(re.sub(r"_?[iI]d$", "", left[1]))
    keys = [
        slug(key) for key in KEY.findall(text) if key.strip("_") and slug(key) not in ("user", "u", "owner", "member", "profile")
    ]
    if keys:
        return keys[0]
    other = next((name for name in asked if name != table and not MEMBERSHIP.search(name)), table)
    return singular(slug(other))


def role_of(text: str) -> str:
    """Return the role that a query asks for, the first of several; '' when it asks for none."""
    match = ROLE.search(text)
    return slug(match[1]) if match else ""


def singular(name: str) -> str:
    """Return an English plural as its singular, roughly."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def slug(text: str) -> str:
    """Return a text as a part of a name."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def free_name(wanted: str, predicate: str, taken: Mapping[str, str]) -> str:
    """Return the name a predicate gets among a table's scopes: an equal predicate's own, else one that is free."""
    for name, text in taken.items():
        if text == predicate:
            return name
    base = wanted if wanted not in ("", "allow", "deny") else f"{wanted or 'some'}_rows"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
