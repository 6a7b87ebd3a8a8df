"""Values for made rows: plausible, deterministic, no real person's. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from lib.clients.postgres.rls.attempt import quote_text
from lib.onboarding.row_catalogue import CheckRule, MadeColumn

NAMESPACE = uuid.UUID("5b1f6f0e-6d3c-5b7e-9d53-3a1c0f1d2b4a")
"""Under which the ids of made rows are derived from their table and number."""

FIRST_NUMBER = 900_001
FIRST_SMALL_NUMBER = 30_001
"""Where made keys begin, beyond what a seed's sequences reach; a smallint ends at 32,767."""

LITERAL = re.compile(r"'((?:[^']|'')*)'")
NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")

TEXTS = (
    "abc", "abcdef", "abc-def", "abc_def", "Abc", "ABC", "a1", "abc123", "12345", "1", "0", "#336699", "+15555550100",
    "rehearsal@example.com", "https://example.com/1", "2026-01", "2026-01-01", "10:00", "A", "AB", "US", "us", "en", "USD",
    "usd", "UTC", "a", "ab", "a b", "", "x" * 8, "x" * 12, "x" * 20, "x" * 32, "x" * 40, "x" * 64, "1.0.0", "v1", "/a", "a/b",
    "a.b", "example.com", "00000000-0000-4000-8000-000000000001", "sk_1", "{}", "[]",
)  # fmt: skip
NUMBERS = ("1", "0", "2", "3", "5", "10", "50", "100", "1000", "-1", "0.5", "12", "24", "2026")
TIMES = ("2026-01-01", "2026-06-01", "2027-01-01", "2099-01-01", "2000-01-01")
DOCUMENTS = ("{}", "[]", '"a"', "1", "true", "null")
"""What is tried in turn for a column that a check constraint restricts."""

BY_NAME: tuple[tuple[str, str], ...] = (
    (r"e_?mail", "rehearsal-{n}@example.com"),
    (r"url|link|website|avatar|image|href", "https://example.com/{n}"),
    (r"slug|handle|user_?name|subdomain|key", "rehearsal-{n}"),
    (r"phone", "+1555010{n:04d}"),
    (r"colou?r", "#336699"),
    (r"currency", "usd"),
    (r"country", "US"),
    (r"locale|lang", "en"),
    (r"time_?zone|^tz$", "UTC"),
)

BY_TYPE = {
    "boolean": "false",
    "json": "'{{}}'",
    "jsonb": "'{{}}'",
    "bytea": "'\\x00'",
    "xml": "'<a/>'",
    "inet": "'192.0.2.1'",
    "cidr": "'192.0.2.0/24'",
    "macaddr": "'00:00:5e:00:53:01'",
    "interval": "'1 day'",
    "time without time zone": "'10:00'",
    "time with time zone": "'10:00+00'",
    "point": "'(0,0)'",
    "tsvector": "''",
    "bit": "B'0'",
    "money": "1",
    "daterange": "'[2026-01-{d:02d},2026-01-{d:02d}]'",
    "tstzrange": "'[2026-01-{d:02d} 10:00+00,2026-01-{d:02d} 11:00+00)'",
    "tsrange": "'[2026-01-{d:02d} 10:00,2026-01-{d:02d} 11:00)'",
    "int4range": "'[{n},{n}]'",
    "int8range": "'[{n},{n}]'",
    "numrange": "'[{n},{n}]'",
}


def made_id(table: str, number: int) -> str:
    """Return the deterministic uuid of one made row."""
    return str(uuid.uuid5(NAMESPACE, f"{table} {number}"))


def make_key(column: MadeColumn, table: str, number: int) -> str | None:
    """Return the value of a key column, None where its type says nothing of keys."""
    if column.base_type == "uuid":
        return quote_text(made_id(f"{table}.{column.name}", number))
    if column.base_type in ("bigint", "integer", "numeric"):
        return str(FIRST_NUMBER + number)
    if column.base_type == "smallint":
        return str(FIRST_SMALL_NUMBER + number)
    return None


def make_value(column: MadeColumn, table: str, number: int) -> str:
    """Return a value for a column, as an SQL literal."""
    if column.labels:
        return quote_text(column.labels[number % len(column.labels)] if column.is_unique else column.labels[0])
    if column.partition and (bound := LITERAL.search(column.partition) or NUMBER.search(column.partition)):
        return quote_text(bound.group(1) if bound.re is LITERAL else bound.group())
    if column.category == "A":
        return "'{}'"
    if column.base_type == "uuid":
        return quote_text(made_id(f"{table}.{column.name}", number))
    if column.category == "N" and column.base_type != "money":
        return str(number + 1)
    if column.category == "D":
        return BY_TYPE.get(column.base_type, "'2026-01-{d:02d}'").format(d=number % 28 + 1, n=number)
    if column.base_type in BY_TYPE:
        return BY_TYPE[column.base_type].format(d=number % 28 + 1, n=number)
    if vector := re.search(r"vector\((\d+)\)", column.type):
        return quote_text("[" + ",".join("0" * int(vector.group(1))) + "]")
    return quote_text(make_text(column, table, number))


def make_text(column: MadeColumn, table: str, number: int) -> str:
    """Return a text for a column, by what its name promises."""
    shape = next((shape for pattern, shape in BY_NAME if re.search(pattern, column.name, re.IGNORECASE)), None)
    bare = table.rpartition(".")[2].strip('"')
    text = shape.format(n=number) if shape else f"Rehearsal {bare} {number}"
    if column.longest and len(text) > column.longest:
        return f"{number:0{min(column.longest, 4)}d}"[-column.longest :]
    return text


def pool_of(column: MadeColumn, rule: CheckRule) -> list[str]:
    """Return values to try for a column that a check restricts, those that the check names first."""
    said = [quote_text(text.replace("''", "'")) for text in LITERAL.findall(rule.condition)]
    said += [text for text in NUMBER.findall(rule.condition)] if column.category == "N" else []
    usual: Sequence[str]
    if column.labels:
        usual = [quote_text(label) for label in column.labels]
    elif column.category == "B":
        usual = ["true", "false"]
    elif column.category == "N":
        usual = [
            *(str(int(text) + step) for text in NUMBER.findall(rule.condition) if "." not in text for step in (1, -1)),
            *NUMBERS,
        ]
    elif column.category == "D":
        usual = [quote_text(text) for text in TIMES]
    elif column.base_type in ("json", "jsonb"):
        usual = [quote_text(text) for text in DOCUMENTS]
    elif column.category == "A":
        usual = ["'{}'", "'{a}'", "'{1}'"]
    elif column.category == "S":
        usual = [quote_text(text) for text in TEXTS if not column.longest or len(text) <= column.longest]
    else:
        usual = []
    kept = [one for one in dict.fromkeys([*said, *usual]) if fits_type(one, column)]
    return kept if column.is_required else [*kept, "null"]


def fits_type(value: str, column: MadeColumn) -> bool:
    """Return whether a literal can be read as a value of the column at all."""
    bare = value.strip("'")
    if column.labels:
        return bare in column.labels
    if column.category == "N":
        return (
            re.fullmatch(r"-?\d+", bare) is not None if "int" in column.base_type else re.fullmatch(r"-?[\d.]+", bare) is not None
        )
    if column.category == "B":
        return bare in ("true", "false")
    if column.category == "D":
        return re.match(r"\d{4}-\d\d-\d\d", bare) is not None
    if column.base_type in ("json", "jsonb"):
        return bare in DOCUMENTS
    if column.base_type == "uuid":
        return re.fullmatch(r"[0-9a-f-]{36}", bare) is not None
    if column.category == "A":
        return bare.startswith("{")
    return True
