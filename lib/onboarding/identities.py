"""Whom the matrix is tried as: visitors, two users who differ, the service, and the roles that a project's policies name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.core.errors import DatabaseError
from lib.onboarding.made_rows import made_users
from lib.transport.database import Database, quote_name, read_query

API_ROLES = ("anon", "authenticated", "service_role")

PLATFORM_ROLES = frozenset(
    {
        "postgres", "dashboard_user", "authenticator", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin",
        "supabase_functions_admin", "supabase_replication_admin", "supabase_read_only_user", "supabase_realtime_admin",
        "pgbouncer", "public",
    }
)  # fmt: skip
"""Roles that no request to the API has."""

SEED_USERS = 200
"""Users of a seed that are looked at to find two who differ."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One user. is_made: not in the seed. claims: what the user's token would say besides its subject and role."""

    name: str
    id: str
    email: str
    is_made: bool
    claims: Mapping[str, object]


def choose_people(
    database: Database, again: Database, links: Sequence[tuple[str, str]], *, lasts: Callable[[str], bool]
) -> list[Person]:
    """Return both identities and an outsider: users of the seed that differ most, else made ones.

    again: the project applied a second time; a user with another id there would be nobody in the next run.
    links: (table, column) of the columns that hold users. lasts: whether an id that both have is the same in every run.
    """
    lasting = {one.id for one in read_users(again) if lasts(one.id)}
    found = [one for one in read_users(database) if one.id in lasting]
    chosen = choose_two(found, read_holdings(database, links)) if len(found) > 1 else found[:1]
    spare = [one for one in found if one not in chosen][:1] if len(chosen) == 2 else []
    made = [
        Person(
            name=email.partition("@")[0].removeprefix("rehearsal-"), id=user, email=email, is_made=True, claims={"email": email}
        )
        for user, email in made_users(4)
    ]
    people = [*chosen, *made[: 2 - len(chosen)]]
    outsider = spare or made[2 - len(chosen) : 3 - len(chosen)]
    return named_apart([*people, *outsider])


def named_apart(people: Sequence[Person]) -> list[Person]:
    """Return the people with names that nobody else has, none of them a role's."""
    taken = {"anon", "service"}
    apart = []
    for one in people:
        name, number = one.name, 2
        while name in taken:
            name, number = f"{one.name}_{number}", number + 1
        taken.add(name)
        apart.append(Person(name=name, id=one.id, email=one.email, is_made=one.is_made, claims=one.claims))
    return apart


def read_users(database: Database) -> list[Person]:
    """Return the users that the seed or a migration made, oldest first."""
    rows = database.rows(read_query(__package__, "users"), most=SEED_USERS)
    return [
        Person(
            name=name_of(row["email"] or "", number),
            id=row["id"],
            email=row["email"] or "",
            is_made=False,
            claims=claims_of(row),
        )
        for number, row in enumerate(rows, start=1)
    ]


def name_of(email: str, number: int) -> str:
    """Return what a user is called: the first part of the address, else a number."""
    name = re.sub(r"[^a-z0-9]+", "_", email.partition("@")[0].lower()).strip("_")
    return name[:30] or f"user_{number}"


def claims_of(row: Mapping[str, Any]) -> dict[str, object]:
    """Return the claims of a user's token, without those that are empty."""
    metadata = {"app_metadata": row["app_metadata"], "user_metadata": row["user_metadata"]}
    return {**({"email": row["email"]} if row["email"] else {}), **{name: value for name, value in metadata.items() if value}}


def read_holdings(database: Database, links: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """Return for each user what refers to them: the columns, and the rows' other keys."""
    held: dict[str, set[str]] = {}
    for table, column in links:
        query = (
            f"select {quote_name(column)}::text as who, to_jsonb(t) - {literal(column)} as kept from {table} t "
            f"where {quote_name(column)} is not null limit 5000"
        )
        try:
            rows = database.rows(query.replace(":", "\\:"))
        except DatabaseError:
            continue
        for row in rows:
            keys = {f"{table} {name} {value}" for name, value in row["kept"].items() if name.endswith("_id") and value}
            held.setdefault(row["who"], set()).update({f"{table}.{column}", *keys})
    return held


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def choose_two(people: Sequence[Person], held: Mapping[str, set[str]]) -> list[Person]:
    """Return the user that most refers to, and the one who shares least with them and still has much."""

    def columns(one: Person) -> set[str]:
        return {item for item in held.get(one.id, set()) if " " not in item}

    def shared(one: Person, other: Person) -> int:
        return len({item for item in held.get(one.id, set()) & held.get(other.id, set()) if " " in item})

    first = max(people, key=lambda one: len(columns(one)))
    rest = [one for one in people if one is not first]
    second = max(rest, key=lambda one: (len(columns(one)), -shared(one, first)))
    return [first, second]


def identities_of(people: Sequence[Person], roles: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the section rls.identities: a visitor, two users, the service, and two users for each further role."""
    found: dict[str, dict[str, object]] = {"anon": {"role": "anon"}}
    users = people[:2]
    found |= {one.name: {"role": "authenticated", "sub": one.id, "claims": dict(one.claims)} for one in users}
    found["service"] = {"role": "service_role"}
    for role in roles:
        found |= {f"{one.name}_as_{role}": {"role": role, "sub": one.id, "claims": dict(one.claims)} for one in users}
    return found


def find_custom_roles(database: Database, named: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the roles of policies that a request can have and that can be tried here, and those that can't be tried."""
    wanted = sorted({*named} - {*API_ROLES} - PLATFORM_ROLES)
    if not wanted:
        return [], []
    rows = database.rows(read_query(__package__, "settable_roles"), roles=wanted)
    settable = [row["name"] for row in rows if row["is_settable"]]
    return settable, [role for role in wanted if role not in settable]
