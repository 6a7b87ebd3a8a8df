"""Is a twin the target in everything that is looked at on it? Every difference is named, with whether it matters.

Compared: the major version, extensions with their versions, the pack's objects one by one, roles with attributes and
memberships, default privileges, settings. An extension that only one side has matters when the pack uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lib.clients.postgres.dumps import LEFT_OUT_SCHEMAS, read_server_major
from lib.clients.postgres.extension_uses import find_uses
from lib.clients.postgres.likeness import (
    ATTRIBUTES,
    LIBRARIES,
    SESSION_SETTINGS,
    read_memberships,
    read_roles,
    read_session,
    read_settings,
)
from lib.clients.postgres.schema import compare_schemas, kind_of, read_schema
from lib.clients.postgres.statements import strip_comments
from lib.clients.postgres.twin import Twin, read_outside
from lib.core.results import Facts_co, Findings, Outcome, Result
from lib.transport.database import Database, read_query

NOT_OBJECTS = ("extension", "event_trigger", "default_privileges")
"""Kinds of the schema that are compared by themselves."""

VERSION = "PostgreSQL"
NOT_THERE = "not there"
UNUSED = "nothing here uses it"
MOST_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """One thing that is not the same on both sides; None on the side that lacks it.

    kind: what it is, in the plural. why: who uses it, or why it does not matter.
    """

    kind: str
    what: str
    target: str | None
    twin: str | None
    matters: bool = True
    why: str = ""

    @property
    def display_name(self) -> str:
        """The divergence as one clause."""
        if self.kind == VERSION:
            return f"the target is PostgreSQL {self.target} and the twin {self.twin}"
        if self.twin is None:
            said = f"the twin lacks {self.what}"
        elif self.target is None:
            said = f"only the twin has {self.what}"
        elif len(self.target) + len(self.twin) > 120:
            said = f"{self.what} is another"
        else:
            said = f"{self.what} is {self.target} on the target and {self.twin} on the twin"
        return f"{said} ({self.why})" if self.why else said


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What a comparison of target and twin found. compared: kind -> how many were compared."""

    target_version: str
    twin_version: str
    compared: Mapping[str, int]
    divergences: tuple[Divergence, ...]

    @property
    def decisive(self) -> list[Divergence]:
        """The divergences on which something rests that is looked at."""
        return [one for one in self.divergences if one.matters]

    @property
    def is_faithful(self) -> bool:
        return not self.decisive

    @property
    def account(self) -> str:
        """What matters as one sentence, the first few by name; '' for a faithful twin."""
        named = [one.display_name for one in self.decisive]
        more = f"; and {len(named) - MOST_NAMED:,} more" if len(named) > MOST_NAMED else ""
        said = "; ".join(named[:MOST_NAMED]) + more
        return f"{said[0].upper()}{said[1:]}." if said else ""


def measure_fidelity(target: Database, twin: Twin, *, schemas: Sequence[str], texts: Mapping[str, str]) -> Fidelity:
    """Compare a target with the twin made from it.

    schemas: the pack's. texts: file name -> SQL that will be run on the twin.
    Raises DatabaseError.
    """
    versions = [str(one.value("select current_setting('server_version')")).split()[0] for one in (target, twin.database)]
    majors = [read_server_major(one) for one in (target, twin.database)]
    texts = {name: strip_comments(text) for name, text in texts.items()}
    compared: dict[str, int] = {}
    found = [Divergence(kind=VERSION, what=VERSION, target=versions[0], twin=versions[1])] if majors[0] != majors[1] else []
    found += compare_extensions(target, twin.database, schemas, texts, compared)
    found += compare_roles(target, twin, texts, compared)
    owner = partial(Divergence, kind="objects", target="a superuser", twin=twin.role)
    found += [owner(what=f"the owner of {name}") for name in twin.reowned]
    found += compare_settings(target, twin, compared)
    if majors[0] == majors[1]:  # each version writes definitions in its own way
        found += compare_objects(target, twin, schemas, compared)
    found += name_missing(twin, found)
    return Fidelity(target_version=versions[0], twin_version=versions[1], compared=compared, divergences=tuple(found))


def compare_extensions(
    target: Database, twin: Database, schemas: Sequence[str], texts: Mapping[str, str], compared: dict[str, int]
) -> list[Divergence]:
    """Return the extensions that differ; one that is not installed counts only when a text names it."""
    question = read_query(__package__, "fidelity/extensions")
    theirs, ours = ({row["name"]: row for row in one.rows(question)} for one in (target, twin))
    installed = {name for side in (theirs, ours) for name, row in side.items() if row["schema"]}
    compared["extensions"] = len(installed)
    differing = [name for name in sorted(theirs.keys() | ours.keys()) if theirs.get(name) != ours.get(name)]
    uses = find_uses(target, twin, differing, schemas, texts) if differing else {}
    return [
        Divergence(
            kind="extensions",
            what=f"the extension {name}",
            target=describe_extension(theirs.get(name)),
            twin=describe_extension(ours.get(name)),
            matters=name in uses,
            why=uses.get(name, UNUSED),
        )
        for name in differing
        if name in installed or name in uses
    ]


def describe_extension(row: Mapping[str, Any] | None) -> str | None:
    """Return an extension's version and schema, or that it only could be created."""
    if row is None:
        return None
    said = f"{row['version']} in {row['schema']}" if row["schema"] else f"{row['version']}, not installed"
    return f"{said}, a stand-in" if row["stand_in"] else said


def compare_roles(target: Database, twin: Twin, texts: Mapping[str, str], compared: dict[str, int]) -> list[Divergence]:
    """Return the roles, attributes and memberships that differ."""
    theirs, ours = ({row["name"]: row for row in read_roles(one)} for one in (target, twin.database))
    compared["roles"] = len(theirs)
    found = [describe_superuser(twin)] if twin.superuser else []
    for name in sorted(theirs.keys() | ours.keys()):
        sides = [describe_role(side.get(name)) for side in (theirs, ours)]
        only_super = name in theirs and name in ours and all(theirs[name][one] == ours[name][one] for one in ATTRIBUTES)
        users = name_users(name, texts)
        matters = bool(users) or name == twin.role or (name in theirs and not only_super)
        if sides[0] != sides[1]:
            why = users or ("the launch runs as it" if name == twin.role else "" if matters else UNUSED)
            found.append(
                Divergence(kind="roles", what=f"the role {name}", target=sides[0], twin=sides[1], matters=matters, why=why)
            )
    return [*found, *compare_memberships(target, twin.database, theirs.keys() & ours.keys(), compared)]


def describe_superuser(twin: Twin) -> Divergence:
    """Return that the launch is a superuser on the target: on the scratch server it never is one, whatever that hides."""
    there, here, why = f"{twin.superuser}, a superuser", f"{twin.role}, no superuser", "no project runs as a superuser here"
    return Divergence(kind="roles", what="the role of the launch", target=there, twin=here, why=why)


def describe_role(row: Mapping[str, bool] | None) -> str | None:
    """Return a role's attributes as words."""
    return None if row is None else " ".join(one for one in ("superuser", *ATTRIBUTES) if row[one]) or "no attributes"


def name_users(name: str, texts: Mapping[str, str]) -> str:
    """Return which files name a role, as a clause; '' for none."""
    users = [file for file, text in texts.items() if re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text)]
    return f"named in {users[0]}" if users else ""


def compare_memberships(target: Database, twin: Database, roles: Iterable[str], compared: dict[str, int]) -> list[Divergence]:
    """Return the memberships of roles on both sides that differ."""
    theirs, ours, known = read_memberships(target), read_memberships(twin), set(roles)
    compared["memberships"] = len(theirs)
    words = ("may grant it", "inherits it", "may become it")
    return [
        Divergence(
            kind="memberships",
            what=f"the membership of {key[1]} in {key[0]}",
            target=", ".join(word for word, has in zip(words, theirs[key], strict=True) if has) if key in theirs else None,
            twin=", ".join(word for word, has in zip(words, ours[key], strict=True) if has) if key in ours else None,
        )
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key) and key[1] in known
    ]


def compare_settings(target: Database, twin: Twin, compared: dict[str, int]) -> list[Divergence]:
    """Return the settings that differ: in the launch's session, and those that other roles and the database start with.

    The value of a setting that may be a secret is not shown.
    """
    session = read_session(target)
    with twin.connect_as_launcher() as connection:
        seen = {name: connection.execute("select current_setting(%s, true) as value", [name]).fetchone() for name in session}
    here = {name: row["value"] for name, row in seen.items() if row}
    theirs, ours = read_settings(target), read_settings(twin.database)
    compared["settings"] = len(session) + len(theirs)
    found = [
        Divergence(kind="settings", what=f"{name} of the launch", target=session[name], twin=here.get(name))
        for name in session
        if session[name] != here.get(name)
    ]
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) == ours.get(key):
            continue
        role, name = key
        is_library = name in LIBRARIES
        found.append(
            Divergence(
                kind="settings",
                what=f"{name} of {role or 'the database'}",
                target=show_value(name, theirs.get(key)),
                twin=show_value(name, ours.get(key)),
                matters=not is_library,
                why="it loads a library of the platform" if is_library else "",
            )
        )
    return found


def show_value(name: str, value: str | None) -> str | None:
    """Return a setting's value as a page may show it: one that nobody knows may be a secret."""
    is_known = name in (*SESSION_SETTINGS, *LIBRARIES)
    return value if value is None or is_known else "set"


def compare_objects(target: Database, twin: Twin, schemas: Sequence[str], compared: dict[str, int]) -> list[Divergence]:
    """Return the pack's objects and the default privileges that differ, and what the pack has outside its schemas."""
    theirs, ours = read_schema(target, schemas), read_schema(twin.database, schemas)
    outside, copied = read_outside(target, schemas), read_outside(twin.database, schemas)
    by_themselves = [key for key in theirs if kind_of(key) in NOT_OBJECTS]
    compared["objects"] = len(theirs) - len(by_themselves) + len(outside)
    compared["default privileges"] = sum(kind_of(key) == "default_privileges" for key in theirs)
    reason = twin.missing[0] if twin.missing else ""
    found = [
        Divergence(
            kind="default privileges" if kind_of(one.object) == "default_privileges" else "objects",
            what=one.object.replace("_", " ", kind_of(one.object).count("_")),
            target=one.first,
            twin=one.second,
            why=reason if one.second is None else "",
        )
        for one in compare_schemas(theirs, ours)
        if kind_of(one.object) not in NOT_OBJECTS or kind_of(one.object) == "default_privileges"
    ]
    for statement in sorted(outside.keys() ^ copied.keys()):
        place = outside.get(statement) or copied[statement]
        is_platforms = place in LEFT_OUT_SCHEMAS - {"realtime"}
        divergence = Divergence(
            kind="objects", what=f"`{statement}`", target="there", twin=None, matters=not is_platforms,
            why=f"{place} is the platform's own" if is_platforms else "",
        )  # fmt: skip
        found.append(divergence if statement in outside else replace(divergence, target=None, twin="there"))
    return found


def name_missing(twin: Twin, found: Sequence[Divergence]) -> list[Divergence]:
    """Return what could not be made on the twin and is in no divergence yet: a refusal of the server, a line each.

    Extensions have divergences of their own, and so has what differs object by object; a server of another version, on which
    objects are not compared, has only these lines.
    """
    if any(one.kind == "objects" and one.twin is None for one in found):
        return []
    return [
        Divergence(kind="objects", what=f"something of the target's: {line}", target="there", twin=None)
        for line in twin.missing
        if not line.lower().startswith(("create extension", "drop extension"))
    ]


def rest_on(findings: Findings[Facts_co], unlike: str, *, fix: str) -> Findings[Facts_co]:
    """Return findings of a look at a twin or copy as what they are worth.

    unlike: how it is not the target, as a sentence; '' when it is. Then each pass and fail becomes an `error`
    with that sentence and what was seen there; rows and artifacts stay.
    """
    return replace(findings, results=rest_results_on(findings.results, unlike, fix=fix)) if unlike else findings


def rest_results_on(results: Sequence[Result], unlike: str, *, fix: str) -> list[Result]:
    """Return results of a twin or copy as what they are worth, as `rest_on` does."""
    if not unlike:
        return list(results)
    said = {Outcome.PASS: "It passes there.", Outcome.FAIL: "It fails there"}
    return [
        one
        if one.outcome not in said
        else replace(
            one,
            outcome=Outcome.ERROR,
            detail=f"{unlike} {said[one.outcome]}{f': {one.detail}' if one.outcome is Outcome.FAIL and one.detail else ''}",
            fix=(fix,),
        )
        for one in results
    ]
