"""What a project's policies say: for each role and verb of a table, the rows meant, as an SQL predicate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.onboarding.expressions import FALSE, TRUE, Node, as_predicate, flatten, fold, join, leaf, parse, respell
from lib.onboarding.inlining import Inlined, inline, read_functions
from lib.transport.database import Database, read_query

EVERYBODY = "public"

NAME = r'(?:\w+|"(?:[^"]|"")+")'
ASKED = re.compile(
    rf"(?P<before>\b(?:FROM|JOIN) \(*)(?P<table>{NAME}\.{NAME})"
    r"(?P<alias> (?!(?:WHERE|JOIN|LEFT|RIGHT|FULL|CROSS|INNER|ON|ORDER|GROUP|LIMIT)\b)\w+)?(?!\w)"
)
"""A table that a query asks, with its alias, as the deparser spells them."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy. verb: `*` for all. roles: `public` for everybody. reaches, keeps: USING and WITH CHECK, None where absent."""

    table: str
    name: str
    verb: str
    is_permissive: bool
    roles: tuple[str, ...]
    reaches: str | None
    keeps: str | None

    def serves(self, verb: str) -> bool:
        return self.verb in ("*", verb)

    def expression(self, *, keeps: bool) -> str:
        """Return USING, or with `keeps` what rows must be in afterwards."""
        said = (self.keeps if self.keeps is not None else self.reaches) if keeps else self.reaches
        return said if said is not None else TRUE


@dataclass(frozen=True, kw_only=True)
class PolicyBook:
    """All policies of the exposed tables, with what is needed to read them.

    columns: table -> its columns as SQL spells them. members: role -> the roles whose policies apply to it.
    owners: table -> its columns that hold a user, as SQL spells them.
    """

    policies: Mapping[str, Sequence[Policy]]
    functions: Mapping[str, Sequence[Inlined]]
    columns: Mapping[str, Sequence[str]]
    members: Mapping[str, frozenset[str]]
    tables: Mapping[str, ProbedTable] = field(default_factory=dict)
    owners: dict[str, Sequence[str]] = field(default_factory=dict)

    def applying(self, table: str, role: str, verb: str) -> list[Policy]:
        """Return the policies of a table that apply to a role and verb."""
        known = self.members.get(role, frozenset({role}))
        return [one for one in self.policies.get(table, ()) if one.serves(verb) and known & {*one.roles}]

    def said(
        self,
        table: ProbedTable,
        role: str,
        verb: str,
        *,
        has_user: bool,
        keeps: bool = False,
        inlined: bool = True,
        narrowed: bool = False,
    ) -> Node:
        """Return what the policies let a role do, as one tree: any permissive one, and every restrictive one.

        inlined: with what the project's functions ask in place of their calls. narrowed: with only the rows that the role
        may read in place of each table that a policy itself asks.
        """
        found = self.applying(table.display_name, role, verb)
        trees = {True: [], False: []}  # type: dict[bool, list[Node]]
        for one in found:
            text = respell(flatten(one.expression(keeps=keeps)), role=role)
            if narrowed:
                text = self.narrow(text, role, has_user=has_user)
            if inlined:
                text = inline(text, self.functions, table=bare_name(table), columns=self.columns.get(table.display_name, ()))
            trees[one.is_permissive].append(fold(parse(respell(text, role=role)), has_user=has_user))
        return join("and", [join("or", trees[True]), *trees[False]])

    def narrow(self, text: str, role: str, *, has_user: bool) -> str:
        """Return an expression in which each table that it asks is cut down to the rows that the role may read."""

        def cut(match: re.Match[str]) -> str:
            table = self.tables.get(match["table"])
            if table is None or not table.rls_enabled:
                return match.group()
            rows = self.said(table, role, "select", has_user=has_user)
            alias = match["alias"] or f" {bare_name(table)}"
            return f"{match['before']}(SELECT * FROM {match['table']} WHERE ({rows})){alias}"

        return ASKED.sub(cut, text)


def bare_name(table: ProbedTable) -> str:
    """Return a table's name without its schema, as SQL spells it."""
    name = table.name
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'


def read_book(
    database: Database,
    tables: Sequence[ProbedTable],
    *,
    schemas: Sequence[str],
    roles: Sequence[str],
    functions_in: Sequence[str],
) -> PolicyBook:
    """Return the policies of the schemas' tables. functions_in: the schemas whose functions may be called in them."""
    with database.connect() as connection:
        functions = read_functions(connection, functions_in)
        rows = connection.execute(read_query(__package__, "policies"), {"schemas": list(schemas)}).fetchall()
        members = read_members(connection, roles)
        connection.rollback()
    policies: dict[str, list[Policy]] = {}
    for row in rows:
        policies.setdefault(row["display_name"], []).append(policy_of(row))
    columns = {one.display_name: [quote_where_needed(column.name) for column in one.columns] for one in tables}
    named = {one.display_name: one for one in tables}
    return PolicyBook(policies=policies, functions=functions, columns=columns, members=members, tables=named)


def policy_of(row: Mapping[str, Any]) -> Policy:
    """Return one row of policies.sql as a Policy."""
    return Policy(
        table=row["display_name"],
        name=row["name"],
        verb=row["verb"],
        is_permissive=row["is_permissive"],
        roles=tuple(row["roles"]),
        reaches=row["reaches"],
        keeps=row["keeps"],
    )


def quote_where_needed(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'


def read_members(connection: psycopg.Connection[DictRow], roles: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the roles whose policies apply to each role."""
    rows = connection.execute(
        "select r.rolname as role, array_agg(h.rolname::text) as held from pg_catalog.pg_roles r join pg_catalog.pg_roles h "
        "on pg_catalog.pg_has_role(r.oid, h.oid, 'usage') where r.rolname = any (%s::text[]) group by r.rolname",
        [list(roles)],
    ).fetchall()
    return {row["role"]: frozenset({*row["held"], EVERYBODY}) for row in rows}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a cell is thought to be before it is tried. tree: the rows, for a name; None for deny and allow."""

    word: str
    tree: Node | None = None
    keeps: Node | None = None


def propose(book: PolicyBook, table: ProbedTable, access: Access, verb: str, *, has_user: bool) -> Iterator[Proposal]:
    """Yield what a cell may be, the likeliest first: as grants and policies say it."""
    if not access.may(verb):
        yield Proposal(word="deny")
        return
    if not table.rls_enabled or not access.held_by_policies:
        yield Proposal(word="allow")
        return
    for inlined, narrowed in ((True, False), (True, True), (False, False)):
        read = partial(book.said, table, access.role, has_user=has_user, inlined=inlined, narrowed=narrowed)
        yield from propose_said(read, verb)
    if verb == "insert" and "insert" in table.triggers:
        # A trigger may give a row that has no owner to whoever inserts it.
        yield from (as_proposal(leaf(f"{name} IS NOT NULL")) for name in book.owners.get(table.display_name, ()))


def propose_said(read: Callable[..., Node], verb: str) -> Iterator[Proposal]:
    """Yield what the policies that apply may come to. read: returns what they say of a verb, as a tree."""
    said = read(verb, keeps=verb == "insert")
    if verb == "update":
        yield from propose_update(said, read(verb, keeps=True))
    else:
        yield as_proposal(said)
    if verb in ("update", "delete"):
        seen = read("select")
        both = join("and", [said, seen])
        yield as_proposal(both)
        if verb == "update":
            yield as_proposal(both, keeps=leaf(TRUE))


def propose_update(said: Node, keeps: Node) -> Iterator[Proposal]:
    """Yield an update's rows, with where they must be afterwards when the policies say that otherwise."""
    yield as_proposal(said, keeps=None if keeps == said else keeps)
    if keeps != said:
        yield as_proposal(said)
    yield as_proposal(said, keeps=leaf(TRUE))


def as_proposal(tree: Node, keeps: Node | None = None) -> Proposal:
    """Return a tree as a proposal: constants are allow and deny."""
    word = word_of(tree)
    if word == "deny":
        return Proposal(word=word)
    return Proposal(word=word, tree=None if word else tree, keeps=keeps)


def word_of(tree: Node) -> str:
    """Return allow or deny for a constant, '' for a condition."""
    return {TRUE: "allow", FALSE: "deny"}.get(tree.text, "") if not tree.joins else ""


def predicate_of(tree: Node) -> str:
    """Return a tree as the predicate of a scope."""
    return as_predicate(str(tree))
