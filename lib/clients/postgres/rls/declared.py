"""What every role is declared to be able to do to every table: the section `rls` of params."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

from pydantic import Field, model_validator

from lib.core.section import Section

Verb = Literal["select", "insert", "update", "delete"]
Call = Literal["deny", "own", "any"]


class Identity(Section):
    """The identity a probe acts as: a database role, with the claims PostgREST would set."""

    role: str  # the database role: anon, authenticated, service_role, or one of the project's
    sub: str | None = None  # the user's id, as `auth.uid()` gives it
    claims: dict[str, object] = Field(default_factory=dict)  # further claims of the token, as `auth.jwt()` gives them


class Rls(Section):
    """What 02_rls expects every role to be able to do to every table.

    scopes: table -> name -> the rows meant, as an SQL predicate over the table's columns; `:uid` is the
        identity's `sub`.
    matrix: table -> role -> verb -> `allow`, `deny` or a scope. An update may say `a -> b`: the rows of
        `a` may be changed, and must be in `b` afterwards; `a` alone means that they must stay in `a`.
    columns: table -> role -> verb -> the columns that it is granted on, where that is not all of them.
    functions: function -> role -> `deny` (may not execute it), `own` (may, and what it returns and changes stays within what
        the matrix gives the caller), or `any` (may, and goes beyond the policies on purpose, as a public statistic does).
    function_arguments: function -> lists of arguments to call it with, each an SQL literal; others are made up.
    Tables are spelled `schema.table`, functions `schema.function(type, type)`, quoted where SQL needs it.
    """

    schemas: list[str] = Field(min_length=1)  # schemas exposed through the API
    statement_timeout_s: float = Field(gt=0)  # longest one statement may take, s
    identities: dict[str, Identity] = Field(default={})  # name -> who is tried, one of each role at least
    scopes: dict[str, dict[str, str]] = Field(default={})
    matrix: dict[str, dict[str, dict[Verb, str]]] = Field(default={})
    columns: dict[str, dict[str, dict[Verb, list[str]]]] = Field(default={})
    functions: dict[str, dict[str, Call]] = Field(default={})
    function_arguments: dict[str, list[list[str]]] = Field(default={})

    @model_validator(mode="after")
    def check_matrix(self) -> Self:
        problems = [problem for table in self.matrix for problem in matrix_problems(self, table)]
        problems += [f"scopes name {table}, which the matrix does not" for table in self.scopes if table not in self.matrix]
        problems += [f"columns name {table}, which the matrix does not" for table in self.columns if table not in self.matrix]
        problems += [
            f"columns of {table}: delete is granted on whole rows"
            for table, roles in self.columns.items()
            if any("delete" in verbs for verbs in roles.values())
        ]
        problems += function_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self


@cache
def split_scope(declared: str) -> tuple[str, str]:
    """Return the rows a verb may reach and the rows it may leave behind: `a -> b` or `a` for both."""
    reached, arrow, left = (part.strip() for part in declared.partition("->"))
    return reached, left if arrow else reached


def matrix_problems(rls: Rls, table: str) -> list[str]:
    """Return a line for each word of one table's row that is not valid."""
    known = {"allow", "deny", *rls.scopes.get(table, {})}
    roles = {identity.role for identity in rls.identities.values()}
    taken = [name for name in rls.scopes.get(table, {}) if name in ("allow", "deny")]
    problems = [f"scope '{name}' of {table} has a reserved name" for name in taken]
    for role, verbs in rls.matrix[table].items():
        if role not in roles:
            problems.append(f"{table}: no identity has the role {role}")
        for verb, declared in verbs.items():
            if "->" in declared and verb != "update":
                problems.append(f"{table}, {role}, {verb}: only an update may say 'a -> b'")
            words = sorted(set(split_scope(declared)) - known)
            problems += [f"{table}, {role}, {verb}: '{word}' is not one of {', '.join(sorted(known))}" for word in words]
    return problems


def function_problems(rls: Rls) -> list[str]:
    """Return a line for each name of the declared functions that is not valid."""
    known = {identity.role for identity in rls.identities.values()}
    problems = [
        f"{function}: no identity has the role {role}"
        for function, said in rls.functions.items()
        for role in said
        if role not in known
    ]
    unknown = [function for function in rls.function_arguments if function not in rls.functions]
    return [*problems, *(f"function_arguments name {function}, which functions does not" for function in unknown)]
