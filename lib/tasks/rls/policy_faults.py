"""Every policy of the exposed tables, changed: each clause dropped, negated and split, each command and list of roles widened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lib.clients.postgres.rls.catalogue import PLATFORM_SCHEMAS, ProbedTable, read_access, read_tables, resolve_tables
from lib.tasks.faults import Fault, Scene, with_section, with_statements
from lib.transport.context import Context
from lib.transport.database import quote_name, read_query

VERBS = {"ALL": ("select", "insert", "update", "delete")}
ROLE_IS_SAID = re.compile(r"^\(*\s*(?:SELECT )?\(*auth\.role\(\)(?: AS role\))?\)* = 'authenticated'::text\)*$")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy of a table of the matrix. using, check: as the server spells them; None where it has none.

    said: the table's name in rls.matrix. is_used: whether a role that it is for may try one of its verbs at all.
    """

    table: ProbedTable
    said: str
    name: str
    command: str
    roles: tuple[str, ...]
    is_permissive: bool
    using: str | None
    check: str | None
    is_used: bool

    @property
    def place(self) -> str:
        return f"policy {self.name} on {self.table.display_name}"

    @property
    def sql(self) -> str:
        return f"{quote_name(self.name)} on {self.table.sql}"

    @property
    def verbs(self) -> tuple[str, ...]:
        return VERBS.get(self.command, (self.command.lower(),))

    @property
    def audience(self) -> str:
        """Its roles as `create policy` spells them."""
        return ", ".join("public" if role == "public" else quote_name(role) for role in self.roles)

    @property
    def clauses(self) -> Iterator[tuple[str, str]]:
        """Its clauses, each with the words that `alter policy` gives it by."""
        if self.using is not None:
            yield "using", self.using
        if self.check is not None:
            yield "with check", self.check


def read_policies(scene: Scene) -> list[Policy]:
    """Return the policies of the tables that the matrix declares and that have row level security on."""
    return scene.once("policies", lambda: list(find_policies(scene.context)))  # type: ignore[no-any-return]


def find_policies(context: Context[Any]) -> Iterator[Policy]:
    """Yield the policies of the tables that the matrix declares."""
    rls, database = context.settings, context.target
    found = resolve_tables(rls.matrix, read_tables(database, rls.schemas, rls.matrix))
    said = {table.display_name: name for name, table in found.items()}
    tables = {table.display_name: table for table in found.values()}
    roles = sorted({one.role for one in rls.identities.values()})
    access = read_access(database, rls.schemas, roles, rls.matrix)
    for row in database.rows(read_query(__package__, "policy_clauses"), schemas=[*rls.schemas, *PLATFORM_SCHEMAS]):
        table = tables.get(row["display_name"])
        if table is None or table.display_name not in said or not table.rls_enabled:
            continue
        held = [role for role in roles if "public" in row["roles"] or role in row["roles"]]
        verbs = VERBS.get(row["command"], (row["command"].lower(),))
        declared = rls.matrix[said[table.display_name]]
        yield Policy(
            table=table,
            said=said[table.display_name],
            name=row["name"],
            command=row["command"],
            roles=tuple(row["roles"]),
            is_permissive=row["is_permissive"],
            using=row["using"],
            check=row["check"],
            is_used=any(
                access[role, table.display_name].may(verb) and access[role, table.display_name].held_by_policies
                for role in held
                for verb in verbs
                if role in declared and (role, table.display_name) in access
            ),
        )


def one_table(policy: Policy) -> Callable[[Context[Any]], Context[Any]]:
    """Return what narrows a context to the matrix of a policy's own table."""

    def narrow(context: Context[Any]) -> Context[Any]:
        rls = context.settings
        return with_section(
            context,
            matrix={policy.said: rls.matrix[policy.said]},
            scopes={name: one for name, one in rls.scopes.items() if name == policy.said},
        )

    return narrow


def why_equal(policy: Policy, clause: str, now: str) -> str:
    """Return why nobody could tell a changed clause from the first, or ''."""
    if not policy.is_used:
        return "no role that it is for is granted one of its verbs"
    if bare(now) == bare(clause):
        return "the clause says so already"
    return ""


def bare(expression: str) -> str:
    """Return an expression without the brackets around it."""
    text = expression.strip()
    while text.startswith("(") and text.endswith(")") and closes_at_end(text):
        text = text[1:-1].strip()
    return text


def closes_at_end(text: str) -> bool:
    """Whether the bracket that an expression begins with closes at its very end."""
    return next((at for at, depth in depths(text) if depth == 0), len(text)) == len(text) - 1


def depths(text: str) -> Iterator[tuple[int, int]]:
    """Yield each place outside of quotes, and how deep in brackets it is, its own bracket counted."""
    depth, quote = 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
            continue
        if letter in "'\"":
            quote = letter
            continue
        depth += (letter == "(") - (letter == ")")
        yield at, depth


def split_terms(expression: str, word: str) -> list[str]:
    """Return the terms that AND or OR joins at the top of an expression as the server spells it; one when none does."""
    text = bare(expression)
    if re.search(r"\bCASE\b", text):
        return [text]
    joint, cuts = f" {word} ", []
    for at, depth in depths(text):
        if depth == 0 and text.startswith(joint, at):
            cuts.append(at)
    edges = [0, *(at + len(joint) for at in cuts)]
    return [text[begin:end].strip() for begin, end in zip(edges, [*cuts, len(text)], strict=True)]


def is_implied(term: str, others: Sequence[str], policy: Policy) -> bool:
    """Whether a term says nothing that the others, or the roles of its policy, do not say as well."""
    text = bare(term)
    if policy.roles == ("authenticated",) and ROLE_IS_SAID.match(term):
        return True
    if text.endswith(" IS NOT NULL"):
        named = bare(text.removesuffix(" IS NOT NULL"))
        return any(named in other and " = " in other for other in others)
    return term in others


def changed_clause(policy: Policy, kind: str, clause: str, now: str, *, part: str = "", equivalent: str = "") -> Fault:
    """Return the fault that gives a policy another clause. part: of the clause, which is changed."""
    which = f"{kind} ({short(part)})" if part else kind
    return Fault(
        place=f"{which} of {policy.place}",
        make=with_statements(f"alter policy {policy.sql} {kind} ({now})"),
        equivalent=equivalent or why_equal(policy, clause, now),
        narrow=one_table(policy),
        part=policy.table.display_name,
    )


def short(text: str, most: int = 70) -> str:
    """Return a text that fits into a line."""
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def drop_clauses(scene: Scene) -> Iterator[Fault]:
    """Yield each policy's clause replaced by true."""
    for policy in read_policies(scene):
        for kind, clause in policy.clauses:
            yield changed_clause(policy, kind, clause, "true")


def negate_clauses(scene: Scene) -> Iterator[Fault]:
    """Yield each policy's clause turned round."""
    for policy in read_policies(scene):
        for kind, clause in policy.clauses:
            yield changed_clause(policy, kind, clause, f"not {clause}")


def drop_conditions(scene: Scene) -> Iterator[Fault]:
    """Yield each condition that is joined by AND left out, so that more rows get through."""
    for policy in read_policies(scene):
        for kind, clause in policy.clauses:
            terms = split_terms(clause, "AND")
            for term in terms if len(terms) > 1 else ():
                others = [one for one in terms if one is not term]
                said = "the other conditions say it as well" if is_implied(term, others, policy) else ""
                yield changed_clause(policy, kind, clause, " and ".join(others), part=term, equivalent=said)


def drop_alternatives(scene: Scene) -> Iterator[Fault]:
    """Yield each alternative that is joined by OR left out, so that fewer rows get through."""
    for policy in read_policies(scene):
        for kind, clause in policy.clauses:
            terms = split_terms(clause, "OR")
            for term in terms if len(terms) > 1 else ():
                others = [one for one in terms if one is not term]
                yield changed_clause(policy, kind, clause, " or ".join(others), part=term)


def widen_roles(scene: Scene) -> Iterator[Fault]:
    """Yield each table's verb opened to each role that policies hold for and that is denied it."""
    rls = scene.context.settings
    access = read_access(scene.context.target, rls.schemas, [one.role for one in rls.identities.values()], rls.matrix)
    for policy in {one.said: one for one in read_policies(scene)}.values():
        for role, declared in rls.matrix[policy.said].items():
            held = access[role, policy.table.display_name]
            for verb in [verb for verb in VERBS["ALL"] if declared.get(verb) == "deny" and held.held_by_policies]:
                clause = "with check (true)" if verb == "insert" else "using (true)"
                name = quote_name(f"launch {verb} for {role}")
                yield Fault(
                    place=f"{verb} on {policy.table.display_name} for {role}",
                    make=with_statements(f"create policy {name} on {policy.table.sql} for {verb} to {quote_name(role)} {clause}"),
                    equivalent="" if held.may(verb) else f"{role} is not granted it",
                    narrow=one_table(policy),
                    part=policy.table.display_name,
                )


def widen_commands(scene: Scene) -> Iterator[Fault]:
    """Yield each policy of one command for all commands.

    Where another policy opens the same verb to its roles already, it can't be said whether more rows get through: none is made.
    """
    for policy in read_policies(scene):
        if policy.command == "ALL" or not policy.is_permissive:
            continue
        opened = find_closed(scene, policy)
        if opened is None:
            continue
        clause, name = policy.using or policy.check or "true", quote_name(policy.name + " for all")
        yield Fault(
            place=f"command of {policy.place}",
            make=with_statements(f"create policy {name} on {policy.table.sql} to {policy.audience} using ({clause})"),
            equivalent="" if opened else "no role that it is for is granted another verb",
            narrow=one_table(policy),
            part=policy.table.display_name,
        )


def find_closed(scene: Scene, policy: Policy) -> set[str] | None:
    """Return the verbs that a policy's roles are granted and no policy opens to them; None when others open all of them."""
    rls = scene.context.settings
    roles = [role for role in rls.matrix[policy.said] if "public" in policy.roles or role in policy.roles]
    every = sorted({role for declared in rls.matrix.values() for role in declared})
    access = scene.once("access", lambda: read_access(scene.context.target, rls.schemas, every, rls.matrix))
    may = {verb for role in roles for verb in VERBS["ALL"] if access[role, policy.table.display_name].may(verb)}
    others = [one for one in read_policies(scene) if one.said == policy.said and one.is_permissive]
    open_ones = {verb for one in others for verb in one.verbs if "public" in one.roles or set(one.roles) & set(roles)}
    return (may - open_ones) or (None if may - set(policy.verbs) else set())


def remove_policies(scene: Scene) -> Iterator[Fault]:
    """Yield each policy removed: its rows are out of reach, or a restriction is gone."""
    for policy in read_policies(scene):
        yield Fault(
            place=policy.place,
            make=with_statements(f"drop policy {policy.sql}"),
            equivalent=why_equal(policy, "", "x"),
            narrow=one_table(policy),
            part=policy.table.display_name,
        )


def respell_clauses(scene: Scene) -> Iterator[Fault]:
    """Yield each clause in other words: nobody may reach another row by it."""
    for policy in read_policies(scene):
        for kind, clause in policy.clauses:
            yield Fault(
                place=f"{kind} of {policy.place}", make=with_statements(f"alter policy {policy.sql} {kind} (({clause}) and true)")
            )
