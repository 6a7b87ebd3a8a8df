"""The functions that an API role may call, as the catalogue has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lib.transport.database import Database, quote_name, read_query


@dataclass(frozen=True, kw_only=True)
class Param:
    """One argument that a call gives.

    type: spelled for a cast. base: the plain type's name, of an array that of its elements. category: PostgreSQL's letter.
    labels: of an enum. table: whose rows it takes, if a table's.
    """

    name: str
    type: str
    base: str
    category: str
    labels: tuple[str, ...]
    table: str | None
    is_variadic: bool


@dataclass(frozen=True, kw_only=True)
class ExposedFunction:
    """One function or procedure of an exposed schema; `display_name` is its name with its argument types.

    is_silent: it returns nothing. defaults: how many of the last arguments may be left out. source: its body.
    roles: those asked about that may execute it.
    """

    display_name: str
    long_name: str
    schema: str
    name: str
    kind: str
    is_definer: bool
    is_silent: bool
    defaults: int
    source: str
    params: tuple[Param, ...]
    roles: frozenset[str]

    @property
    def sql(self) -> str:
        """Its name without arguments, always quoted."""
        return quote_name(self.schema, self.name)

    def mentions(self, word: str) -> bool:
        """Whether its body has a word, such as a table's bare name."""
        return re.search(rf"(?<![\w$]){re.escape(word)}(?![\w$])", self.source, re.IGNORECASE) is not None


def read_functions(database: Database, schemas: Sequence[str], roles: Iterable[str]) -> list[ExposedFunction]:
    """Return every function of the schemas by name, with who of the roles may execute it; those of triggers can't be called."""
    rows = database.rows(read_query(__package__, "exposed_functions"), schemas=list(schemas), roles=sorted(set(roles)))
    return [
        ExposedFunction(
            display_name=row["display_name"],
            long_name=row["long_name"],
            schema=row["schema"],
            name=row["name"],
            kind=row["kind"],
            is_definer=row["is_definer"],
            is_silent=row["is_silent"],
            defaults=row["defaults"],
            source=row["source"],
            params=tuple(param_of(one) for one in row["params"]),
            roles=frozenset(row["roles"]),
        )
        for row in rows
    ]


def param_of(row: Mapping[str, object]) -> Param:
    """Return one argument as the query has it."""
    return Param(**{**row, "labels": tuple(row["labels"])})  # type: ignore[arg-type]


def spelled_alike(name: str) -> str:
    """Return a function's name as it is compared: spaces, and `public.` before a type, say nothing."""
    plain = re.sub(r"\s+", " ", name).strip()
    before, bracket, types = plain.partition("(")
    return before.strip() + bracket + re.sub(r"\bpublic\.", "", re.sub(r"\s*,\s*", ",", types)).replace(" )", ")")


def resolve_functions(names: Iterable[str], functions: Sequence[ExposedFunction]) -> dict[str, ExposedFunction]:
    """Return the declared names that name a function, with it: by its argument types, or by its arguments with their names."""
    known: dict[str, ExposedFunction] = {}
    for one in functions:
        known[spelled_alike(one.long_name)] = one
    for one in functions:
        known[spelled_alike(one.display_name)] = one
    return {name: known[spelled_alike(name)] for name in names if spelled_alike(name) in known}


def read_held_roles(database: Database, roles: Iterable[str]) -> list[str]:
    """Return those of the roles that policies hold for: neither superusers nor ones that bypass them."""
    query = (
        "select rolname::text as name from pg_catalog.pg_roles "
        "where rolname = any (cast(:roles as text[])) and not rolsuper and not rolbypassrls order by rolname"
    )
    return [row["name"] for row in database.rows(query, roles=sorted(set(roles)))]
