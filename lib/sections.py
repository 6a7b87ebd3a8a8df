"""What each section of params/<environment>.yaml may say: names, types, units, meaning.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verb = Literal["select", "insert", "update", "delete"]


class Section(BaseModel):
    """One part of a params file: unknown keys and wrong types are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Migrations(Section):
    """What 01_migrations holds the pack's migrations to."""

    max_exclusive_lock_ms: float = Field(gt=0)  # longest ACCESS EXCLUSIVE on a table with rows, ms
    max_blocked_ms: float = Field(gt=0)  # longest a background statement may wait, ms
    scales: list[int] = Field(min_length=1)  # rehearse at these multiples of the seed's rows
    schemas: list[str] = Field(min_length=1)  # schemas the pack owns
    lock_wait_s: float = Field(gt=0)  # how long to wait for another run on the same target, s
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s


class Identity(Section):
    """Whom a probe pretends to be: a database role, with the claims PostgREST would set."""

    role: str
    sub: str | None = None
    claims: dict[str, object] = Field(default_factory=dict)


class Rls(Section):
    """What 02_rls expects every role to be able to do to every table.

    scopes: table -> name -> the rows meant, as an SQL predicate over the table's columns; `:uid` is the
        identity's `sub`.
    matrix: table -> role -> verb -> `allow`, `deny` or a scope. An update may say `a -> b`: the rows of
        `a` may be changed, and must be in `b` afterwards; `a` alone means that they must stay in `a`.
    Tables are spelled `schema.table`, quoted where SQL needs it.
    """

    schemas: list[str] = Field(min_length=1)  # schemas exposed through the API
    statement_timeout_s: float = Field(gt=0)  # longest one statement may take, s
    identities: dict[str, Identity]
    scopes: dict[str, dict[str, str]]
    matrix: dict[str, dict[str, dict[Verb, str]]]

    @model_validator(mode="after")
    def check_matrix(self) -> Self:
        problems = [problem for table in self.matrix for problem in matrix_problems(self, table)]
        problems += [f"scopes name {table}, which the matrix does not" for table in self.scopes if table not in self.matrix]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def split_scope(declared: str) -> tuple[str, str]:
    """Return the rows a verb may reach and the rows it may leave behind: `a -> b` or `a` for both."""
    reached, arrow, left = (part.strip() for part in declared.partition("->"))
    return reached, left if arrow else reached


def matrix_problems(rls: Rls, table: str) -> list[str]:
    """Return a line for each word of one table's row that says nothing."""
    known = {"allow", "deny", *rls.scopes.get(table, {})}
    roles = {identity.role for identity in rls.identities.values()}
    taken = [name for name in rls.scopes.get(table, {}) if name in ("allow", "deny")]
    problems = [f"scope '{name}' of {table} has a word of its own meaning" for name in taken]
    for role, verbs in rls.matrix[table].items():
        if role not in roles:
            problems.append(f"{table}: no identity has the role {role}")
        for verb, declared in verbs.items():
            if "->" in declared and verb != "update":
                problems.append(f"{table}, {role}, {verb}: only an update may say 'a -> b'")
            words = sorted(set(split_scope(declared)) - known)
            problems += [f"{table}, {role}, {verb}: '{word}' is not one of {', '.join(sorted(known))}" for word in words]
    return problems


class Seed(Section):
    """What 03_seed expects the database to hold after the fixtures were applied."""

    schemas: list[str] = Field(min_length=1)  # schemas whose tables are counted and digested
    reserved_email_domains: list[str] = Field(min_length=1)  # domains a fixture's e-mail may be under
    command_timeout_s: float = Field(gt=0)  # longest one CLI call may take, s
    expected_counts: dict[str, int]  # table -> rows


class BackupRestore(Section):
    """What 08_backup_restore holds a backup and its restore to."""

    rto_s: float = Field(gt=0)  # longest a restore may take, s
    rpo_s: float = Field(gt=0)  # oldest the newest good backup may be, s
    jobs: int = Field(ge=1)  # parallel workers of pg_dump and pg_restore
    keep_last: int = Field(ge=1)  # this many newest good backups are always kept
    keep_days: float = Field(gt=0)  # older ones go
    command_timeout_s: float = Field(gt=0)  # longest one dump or restore may take, s


SECTIONS: dict[str, type[Section]] = {
    "migrations": Migrations,
    "rls": Rls,
    "seed": Seed,
    "backup_restore": BackupRestore,
}
"""Task name -> the model of its section."""


def parameter_names(section: type[Section]) -> list[str]:
    """Return the fields that are the notebook's parameters: scalars and lists of scalars."""
    return [name for name, field in section.model_fields.items() if "dict" not in str(field.annotation)]
