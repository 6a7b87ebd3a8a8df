"""What is tried of an unknown project: its schemas, their tables, whom they are tried as, and what its policies say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from pathlib import Path

from lib.clients.postgres.dumps import LEFT_OUT_SCHEMAS, PLATFORM_SCHEMAS
from lib.clients.postgres.rls.catalogue import PLATFORM_SCHEMAS as PLATFORM_POLICIES
from lib.clients.postgres.rls.catalogue import ProbedTable, read_tables
from lib.clients.supabase.project_config import read_config, read_section
from lib.core.errors import TargetError
from lib.onboarding.applied import AppliedProject
from lib.onboarding.expressions import flatten, respell
from lib.onboarding.identities import API_ROLES, Person, choose_people, find_custom_roles
from lib.onboarding.made_rows import RowMaker
from lib.onboarding.policies import PolicyBook, quote_where_needed, read_book
from lib.onboarding.row_catalogue import USERS, MadeTable, read_row_catalogue
from lib.onboarding.token_claims import EMAIL, Claim, Places, choose_values, find_claims, places_of, put
from lib.transport.database import Database, read_query

PLATFORM = frozenset({*PLATFORM_SCHEMAS, *LEFT_OUT_SCHEMAS, "supabase_migrations", "pg_catalog", "information_schema"})
"""Schemas that are the platform's, whatever a project keeps in them."""

DEFAULT_API_SCHEMAS = ("public", "graphql_public")
"""What the API serves where config.toml does not say. Source: the CLI's own template."""

COMPARED = re.compile(
    r"""(?:\w+\.)*"?(\w+)"?\)?(?:::[\w ."]+?)? (?:=|<>|IN|>=|<=|>|<) (?:ANY )?\(?(?:ARRAY\[)?('(?:[^']|'')*'[^()]*)"""
)
LITERAL = re.compile(r"'((?:[^']|'')*)'")
WITH_USER = re.compile(
    r"""auth\.uid\(\)\)?(?:::text)?\)? = (?:ANY )?\(?(?:\w+\.)*"?(\w+)"?"""
    r"""|(?:\w+\.)*"?(\w+)"?\)?(?:::text)? = \(?\(?auth\.uid\(\)"""
)
NAMED = re.compile(r'"?([A-Za-z_]\w*)"?')


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """exposed, owned: schemas. unlisted: those of them that an API role may use although config.toml does not list them.

    claimed: what rows of each user have in columns that policies compare with the user's token.
    roles: of policies, beyond the API's own. untried_roles: those that can't be acted as here.
    """

    exposed: tuple[str, ...]
    owned: tuple[str, ...]
    unlisted: tuple[str, ...]
    tables: Sequence[ProbedTable]
    people: Sequence[Person]
    roles: Sequence[str]
    untried_roles: Sequence[str]
    book: PolicyBook
    catalogue: Mapping[str, MadeTable]
    claimed: Places

    @cached_property
    def user_columns(self) -> dict[str, list[str]]:
        """Table -> its columns that its own policies compare with the caller."""
        return {name: compared_columns(self.book, name) for name in self.catalogue}


def read_scenery(applied: AppliedProject, pack: Path) -> Scenery:
    """Return what is to be tried. Raises DatabaseError when the catalogue can't be read."""
    database = applied.database
    owned, used = read_schemas(database)
    listed = read_api_schemas(pack, applied.problems)
    exposed = tuple(name for name in listed if name not in PLATFORM)
    unlisted = tuple(name for name in used if name not in exposed)
    schemas = (*exposed, *unlisted)
    present = {row["name"] for row in database.rows("select nspname::text as name from pg_catalog.pg_namespace")}
    schemas = tuple(name for name in schemas if name in present)
    tables = read_tables(database, schemas)
    everywhere = sorted({*owned, *schemas})
    # Policies on the platform's own tables are the project's, too.
    guarded = [*everywhere, *PLATFORM_POLICIES]
    roles = read_policy_roles(database, guarded)
    usable, untried = find_custom_roles(database, roles)
    book = read_book(database, tables, schemas=guarded, roles=[*API_ROLES, *usable], functions_in=everywhere)
    with database.connect() as connection:
        catalogue = read_row_catalogue(connection, everywhere)
    links = [
        (name, column)
        for name, table in catalogue.items()
        if name != USERS
        for column in dict.fromkeys((*table.own_users, *compared_columns(book, name)))
        if column in table.columns
    ]
    for name, column in links:
        book.owners[name] = [*book.owners.get(name, ()), quote_where_needed(column)]
    people = choose_people(database, applied.again.launcher, links, lasts=applied.lasts)
    people, claimed = give_claims([trim_claims(one, book) for one in people], applied, book, catalogue)
    return Scenery(
        exposed=schemas or ("public",),
        owned=tuple(owned) or ("public",),
        unlisted=unlisted,
        tables=tables,
        people=people,
        claimed=claimed,
        roles=usable,
        untried_roles=untried,
        book=book,
        catalogue=catalogue,
    )


def read_api_schemas(pack: Path, problems: list[str]) -> tuple[str, ...]:
    """Return `[api] schemas` of config.toml, the CLI's default where it does not say."""
    try:
        said = read_section(read_config(pack), "api").get("schemas", list(DEFAULT_API_SCHEMAS))
    except TargetError as exc:
        problems.append(exc.message)
        return DEFAULT_API_SCHEMAS
    return tuple(str(one) for one in said) if isinstance(said, list) else DEFAULT_API_SCHEMAS


def read_schemas(database: Database) -> tuple[list[str], list[str]]:
    """Return the schemas in which the project made objects, and those of them whose tables an API role may use."""
    rows = database.rows(read_query(__package__, "schemas"), platform=sorted(PLATFORM))
    return [row["name"] for row in rows], [row["name"] for row in rows if row["is_used"]]


def read_policy_roles(database: Database, schemas: Sequence[str]) -> list[str]:
    """Return the roles that policies of the schemas name."""
    rows = database.rows(read_query(__package__, "policy_roles"), schemas=list(schemas))
    return [row["name"] for row in rows]


def texts_of(book: PolicyBook) -> list[str]:
    """Return every expression of the project's policies, and every query that functions in them may ask."""
    said = [text for found in book.policies.values() for one in found for text in (one.reaches, one.keeps) if text]
    return [*said, *(one.query for found in book.functions.values() for one in found)]


def compared_values(book: PolicyBook) -> dict[str, list[str]]:
    """Return column name -> the literals that policies compare it with, and flags with none."""
    found: dict[str, list[str]] = {}
    for text in texts_of(book):
        for column, said in COMPARED.findall(text):
            found.setdefault(column, []).extend(LITERAL.findall(said))
        for word in NAMED.findall(text):
            found.setdefault(word, [])
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def values_of(scenery: Scenery) -> dict[str, dict[str, list[str]]]:
    """Return table -> column -> the literals that policies compare it with; of times only those of the table's own policies."""
    said = compared_values(scenery.book)
    found: dict[str, dict[str, list[str]]] = {}
    for name, table in scenery.catalogue.items():
        own = {
            word
            for one in scenery.book.policies.get(name, ())
            for text in (one.reaches, one.keeps)
            for word in NAMED.findall(text or "")
        }
        keyed = {column for one in table.references for column in one.columns}
        for column in table.columns.values():
            if column.name in said and column.name not in keyed and (column.category != "D" or column.name in own):
                found.setdefault(name, {})[column.name] = said[column.name]
    return found


def compared_columns(book: PolicyBook, table: str) -> list[str]:
    """Return the columns of a table that its own policies compare with the caller."""
    texts = [
        text
        for one in book.policies.get(table, ())
        for text in (one.reaches, one.keeps)
        if text and "SELECT" not in re.sub(r"SELECT \(*auth\.", "", text)
    ]
    flat = [respell(flatten(text), role="") for text in texts]
    return list(dict.fromkeys(name for text in flat for pair in WITH_USER.findall(text) for name in pair if name))


def trim_claims(person: Person, book: PolicyBook) -> Person:
    """Return a person with the claims that policies can ask for: all where one reads the token, else only the address."""
    if any("jwt" in text for text in texts_of(book)):
        claims: dict[str, object] = {"aal": "aal1", "is_anonymous": False, **person.claims}
    else:
        claims = {name: value for name, value in person.claims.items() if name == "email"}
    return Person(name=person.name, id=person.id, email=person.email, is_made=person.is_made, claims=claims)


def give_claims(
    people: Sequence[Person], applied: AppliedProject, book: PolicyBook, catalogue: Mapping[str, MadeTable]
) -> tuple[list[Person], Places]:
    """Return the people with values for the claims that policies ask for, and the columns that have these values."""
    claims = find_claims(book, catalogue)
    chosen = list(choose_values(claims, applied.database, catalogue, lasts=applied.lasts))
    mails: list[tuple[Claim, list[str]]] = [(one, []) for one in claims if one.path == EMAIL]
    given = [
        replace(one, claims=reduce(lambda said, pair: put(said, pair[0].path, pair[1][number]), chosen, one.claims))
        for number, one in enumerate(people)
    ]
    return given, places_of([*chosen, *mails], catalogue, [one.id for one in people], [one.email for one in people])


def open_maker(scenery: Scenery, applied: AppliedProject) -> RowMaker:
    """Return what makes rows for this project."""
    return RowMaker(
        tables=scenery.catalogue,
        again=applied.again.launcher,
        lasts=applied.lasts,
        claimed=scenery.claimed,
        users=[one.id for one in scenery.people],
        newcomers=[(one.id, one.email) for one in scenery.people if one.is_made],
        values=values_of(scenery),
        user_columns=scenery.user_columns,
    )
