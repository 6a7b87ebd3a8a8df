"""Claims that policies read from the caller's token: which, what they are compared with, and values that rows have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lib.core.errors import DatabaseError
from lib.onboarding.expressions import JWT, flatten
from lib.onboarding.policies import PolicyBook
from lib.onboarding.row_catalogue import MadeTable
from lib.onboarding.row_values import made_id
from lib.transport.database import Database, quote_name

KEY = r"'((?:[^']|'')+)'::text"
READ = rf"\(*{JWT}(?P<path>(?:\)* ->>? {KEY})+)\)*(?:::\w+)?\)*"
READS = re.compile(READ.replace("(?P<path>", "("))
STEP = re.compile(rf"->>? {KEY}")
COLUMN = r'\(*(?:\w+\.)*"?(\w+)"?\)*(?:::\w+)?\)*'
WITH_COLUMN = (re.compile(rf"(?<![\w.\"]){COLUMN} = {READ}"), re.compile(rf"{READ} = {COLUMN}(?![\w(.])"))
WITH_LITERAL = re.compile(rf"{READ} (?:=|<>) (?:ANY )?\(?(?:ARRAY\[)?((?:'(?:[^']|'')*'(?:::[\w ]+)?(?:, )?)+)")
LITERAL = re.compile(r"'((?:[^']|'')*)'")

USUAL = frozenset({("sub",), ("role",), ("aal",), ("is_anonymous",), ("amr",), ("session_id",), ("iss",), ("exp",), ("iat",)})
"""Claims that every token has, whatever the project."""

EMAIL = ("email",)

Path = tuple[str, ...]
Places = dict[str, dict[str, dict[str, str]]]
"""table -> column -> user -> the value that the user's token has for it."""


@dataclass(kw_only=True)
class Claim:
    """One claim. path: its keys from the token's root. columns: (table, column) compared with it. literals: texts that are."""

    path: Path
    columns: list[tuple[str, str]] = field(default_factory=list)
    literals: list[str] = field(default_factory=list)


def find_claims(book: PolicyBook, catalogue: Mapping[str, MadeTable]) -> list[Claim]:
    """Return the claims that policies, or functions that they may call, read, and what these are compared with."""
    found: dict[Path, Claim] = {}
    for table, text in texts_by_table(book):
        for match in READS.finditer(text):
            found.setdefault(path_of(match[1]), Claim(path=path_of(match[1])))
        for path, column in compared_with(text):
            near = [table] if table in catalogue and column in catalogue[table].columns else []
            tables = near or [name for name, one in catalogue.items() if column in one.columns and name in text]
            found[path].columns += [(name, column) for name in tables]
        for match in WITH_LITERAL.finditer(text):
            found[path_of(match["path"])].literals += LITERAL.findall(match[match.lastindex or 0])
    return [one for path, one in found.items() if path not in USUAL]


def texts_by_table(book: PolicyBook) -> Iterator[tuple[str, str]]:
    """Yield every expression on one line, with the table whose policy it is; '' for a function's query."""
    for table, policies in book.policies.items():
        yield from ((table, flatten(text)) for one in policies for text in (one.reaches, one.keeps) if text)
    yield from (("", flatten(one.query)) for found in book.functions.values() for one in found)


def compared_with(text: str) -> Iterator[tuple[Path, str]]:
    """Yield each claim that a text compares with a column, and that column."""
    text = re.sub(rf"\( ?SELECT ({READS.pattern})(?: AS \"?[?\w]+\"?)?\)", r"\1", text)
    for number, pattern in enumerate(WITH_COLUMN):
        for match in pattern.finditer(text):
            groups = [one for one in match.groups() if one]
            yield path_of(match["path"]), groups[0] if number == 0 else groups[-1]


def path_of(text: str) -> Path:
    """Return the keys that a chain of arrows names."""
    return tuple(STEP.findall(text))


def choose_values(
    claims: Sequence[Claim], database: Database, catalogue: Mapping[str, MadeTable], *, lasts: Callable[[str], bool]
) -> Iterator[tuple[Claim, list[str]]]:
    """Yield each claim with a value for each of three users: of rows that are there and last, else made ones."""
    for one in claims:
        if one.path == EMAIL:
            continue
        if one.columns:
            there = [
                value for place in one.columns for value in read_values(database, *origin(catalogue, *place)) if lasts(value)
            ]
            table, column = origin(catalogue, *one.columns[0])
            made = [make_claim(catalogue, table, column, number) for number in range(3)]
            yield one, [*dict.fromkeys([*there[:3], *made])][:3]
        else:
            yield one, [*dict.fromkeys([*one.literals, "other", "none", "nobody"])][:3]


def origin(catalogue: Mapping[str, MadeTable], table: str, column: str) -> tuple[str, str]:
    """Return where a column's values come from: the key that it refers to, followed to the end."""
    for _ in range(4):
        found = next((one for one in catalogue[table].references if column in one.columns and one.parent in catalogue), None)
        if found is None or (found.parent, found.keys[found.columns.index(column)]) == (table, column):
            break
        table, column = found.parent, found.keys[found.columns.index(column)]
    return table, column


def read_values(database: Database, table: str, column: str) -> list[str]:
    """Return the first values of a column; none where they can't be read."""
    name = quote_name(column)
    query = f"select {name}::text as value from {table} where {name} is not null group by 1 order by 1 limit 3"
    try:
        return [row["value"] for row in database.rows(query.replace(":", "\\:"))]
    except DatabaseError:
        return []


def make_claim(catalogue: Mapping[str, MadeTable], table: str, column: str, number: int) -> str:
    """Return a value that a column may have, and that no row has yet."""
    made = catalogue[table].columns[column]
    if made.base_type == "uuid":
        return made_id(f"{table}.{column} claim", number)
    if made.labels:
        return made.labels[number % len(made.labels)]
    return str(910_001 + number) if made.category == "N" else f"rehearsal-{number + 1}"


def places_of(
    chosen: Sequence[tuple[Claim, Sequence[str]]], catalogue: Mapping[str, MadeTable], users: Sequence[str], emails: Sequence[str]
) -> Places:
    """Return what each user's rows have in each column that is compared with a claim, and in the key that it refers to."""
    found: Places = {}
    for claim, values in chosen:
        for place in claim.columns:
            for table, column in {place, origin(catalogue, *place)}:
                given = emails if claim.path == EMAIL else values
                found.setdefault(table, {})[column] = dict(zip(users, given, strict=False))
    return found


def put(claims: Mapping[str, object], path: Path, value: str) -> dict[str, object]:
    """Return claims with one more value at a path of keys."""
    inner = claims.get(path[0])
    held: Mapping[str, object] = inner if isinstance(inner, Mapping) else {}
    return {**claims, path[0]: value if len(path) == 1 else put(held, path[1:], value)}
