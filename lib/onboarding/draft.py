"""The matrix of an unknown project while it is found: scopes, words, and what is known of each cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.trial import VERBS
from lib.onboarding.policies import Proposal, bare_name, predicate_of, word_of
from lib.onboarding.scope_names import free_name, name_scope
from lib.tasks.rls.judge_grants import columns_of

Key = tuple[str, str, str]
"""(table, role, verb)"""


@dataclass(kw_only=True)
class Draft:
    """The matrix while it is found.

    scopes: table -> name -> predicate. words: cell -> what it is thought to be. waiting: cell -> proposals not tried yet.
    settled: cells that passed. unclear: cell -> why no row tells. lost: table -> why it can't be tried at all.
    suggested: cell -> words that its table suggests, until they were tried all at once.
    proved: tables of which every cell passed where the project was applied a second time, with the rows that there are now.
    """

    schemas: Sequence[str]
    identities: Mapping[str, Mapping[str, object]]
    tables: Mapping[str, ProbedTable]
    access: Mapping[tuple[str, str], Access]
    scopes: dict[str, dict[str, str]] = field(default_factory=dict)
    words: dict[Key, str] = field(default_factory=dict)
    waiting: dict[Key, list[str]] = field(default_factory=dict)
    settled: set[Key] = field(default_factory=set)
    unclear: dict[Key, str] = field(default_factory=dict)
    refuted: dict[Key, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    suggested: dict[Key, frozenset[str]] = field(default_factory=dict)

    @property
    def roles(self) -> list[str]:
        return list(dict.fromkeys(str(one["role"]) for one in self.identities.values()))

    def keys(self, table: str) -> Iterator[Key]:
        """Yield the cells of one table."""
        yield from ((table, role, verb) for role in self.roles for verb in VERBS)

    def open_tables(self) -> list[str]:
        """Return the tables with a cell that has not passed."""
        return [name for name in self.tables if name not in self.lost and not self.is_settled(name)]

    def is_settled(self, table: str) -> bool:
        """Return whether every cell of a table passed when it was tried last."""
        return all(key in self.settled for key in self.keys(table))

    def reopen(self) -> None:
        """Forget what passed, since there are other rows now."""
        self.settled.clear()
        self.proved.clear()

    def needs_row(self, table: str) -> list[Key]:
        """Return the cells of a table that only a row can tell: neither grants nor a lack of policies decide them."""
        if not self.tables[table].rls_enabled:
            return []
        held = ((key, self.access[key[1], table]) for key in self.keys(table))
        return [key for key, one in held if one.may(key[2]) and one.held_by_policies and key[2] in one.permitted_verbs]

    def section(self, names: Iterable[str], *, timeout_s: float, widely: bool = False) -> Rls:
        """Return the section rls for some tables, with the words so far and only the scopes that they use.

        widely: with the scopes that a refuted cell's table suggests, so that the probe says which of them fit.
        """
        matrix, scopes = {}, {}
        for name in names:
            rows = {
                role: {verb: self.words[name, role, verb] for verb in VERBS if (name, role, verb) in self.words}
                for role in self.roles
            }
            matrix[name] = {role: verbs for role, verbs in rows.items() if verbs}
            words = [word for verbs in rows.values() for word in verbs.values()]
            if widely:
                asking = [key for key in self.keys(name) if key in self.refuted and key in self.suggested]
                words += [word for key in asking for word in self.waiting[key]]
            used = {part.strip() for word in words for part in word.split("->")}
            scopes[name] = {scope: text for scope, text in self.scopes.get(name, {}).items() if scope in used}
        return Rls.model_validate(
            {
                "schemas": list(self.schemas),
                "statement_timeout_s": timeout_s,
                "identities": {name: dict(one) for name, one in self.identities.items()},
                "scopes": {name: one for name, one in scopes.items() if one},
                "matrix": matrix,
            }
        )

    def partial_columns(self) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Return table -> role -> verb -> the columns that it is granted on, of what is allowed and not granted on all."""
        found: dict[str, dict[str, dict[str, list[str]]]] = {}
        for (table, role, verb), word in self.words.items():
            held = columns_of(verb, self.access[role, table]) if word != "deny" and self.access[role, table].may(verb) else None
            if held is not None:
                found.setdefault(table, {}).setdefault(role, {})[verb] = held
        return found

    def shorten_names(self) -> None:
        """Drop the scopes that no cell names, and a number after a name that needs none any more."""
        for table, scopes in self.scopes.items():
            mine = [key for key in self.words if key[0] == table]
            used = {part.strip() for key in mine for part in self.words[key].split("->")}
            kept = {name: text for name, text in scopes.items() if name in used}
            plain = {name: re.sub(r"_\d+$", "", name) for name in kept}
            renamed = {name: bare for name, bare in plain.items() if bare not in kept and [*plain.values()].count(bare) == 1}
            self.scopes[table] = {renamed.get(name, name): text for name, text in kept.items()}
            for key in mine:
                parts = [part.strip() for part in self.words[key].split("->")]
                self.words[key] = " -> ".join(renamed.get(part, part) for part in parts)

    def word_for(self, key: Key, proposal: Proposal) -> str:
        """Return a proposal as a word of the matrix, its scopes named and noted."""
        reached = proposal.word if proposal.tree is None else self.scope(key, proposal.tree)
        if proposal.keeps is None or reached == "deny":
            return reached
        kept = word_of(proposal.keeps) or self.scope(key, proposal.keeps)
        return reached if kept == reached else f"{reached} -> {kept}"

    def scope(self, key: Key, tree: object) -> str:
        """Return the name of a condition among the table's scopes, noted under it."""
        table, _, verb = key
        known = self.scopes.setdefault(table, {})
        predicate = predicate_of(tree)  # type: ignore[arg-type]
        name = free_name(name_scope(tree, table=bare_name(self.tables[table]), verb=verb), predicate, known)  # type: ignore[arg-type]
        known[name] = predicate
        return name
