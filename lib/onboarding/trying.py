"""Every cell of the matrix, proposed from grants and policies, tried, and corrected by what was seen until it holds.

What is written down has passed the very probe that the task rls runs: a cell that does not pass is given as an explicit set of
rows, or left out with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lib.clients.postgres.rls.attempt import Attempt, bind_uid, claims_of
from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.clients.postgres.rls.probe import Prepare, observe_matrix, rolled_back, run_attempts
from lib.clients.postgres.rls.trial import VERBS
from lib.core.errors import DatabaseError
from lib.core.results import Outcome
from lib.onboarding.expressions import TRUE, Node, leaf
from lib.onboarding.inlining import functions_in
from lib.onboarding.policies import PolicyBook, Proposal, as_proposal, bare_name, predicate_of, propose, word_of
from lib.onboarding.scope_names import free_name, name_scope
from lib.transport.database import Database

STATEMENT_TIMEOUT_S = 20.0
"""Seconds for one batch of attempts; a table that takes longer is tried alone, then given up."""

ALONE_TIMEOUT_S = 6.0
"""Seconds for the attempts on a single table once a batch with it took too long."""

PATH = "public, extensions"
"""Where names are looked up in a scope's predicate, as far as they are not qualified."""

ROUNDS = 6
"""Times that proposals are corrected."""

CANCELLED = "57014"
"""SQLSTATE of a statement that took too long."""

Key = tuple[str, str, str]
"""(table, role, verb)"""

Suggest = Callable[[str, bool], Sequence[Node]]
"""Returns conditions for a table by its name, and whether the caller is a user."""

Found = TypeVar("Found")


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


def start_draft(
    book: PolicyBook,
    *,
    schemas: Sequence[str],
    identities: Mapping[str, Mapping[str, object]],
    tables: Sequence[ProbedTable],
    access: Mapping[tuple[str, str], Access],
    suggest: Suggest,
) -> Draft:
    """Return the matrix as grants and policies say it, with what else each cell may be.

    suggest: returns what a table itself suggests for its cells, which goes before what leans on the project's own functions.
    """
    needed = {one.display_name: one for one in tables if one.needs_row}
    draft = Draft(schemas=schemas, identities=identities, tables=needed, access=access)
    with_user = {str(one["role"]) for one in identities.values() if one.get("sub")}
    for name, table in needed.items():
        for role in draft.roles:
            for verb in VERBS:
                key = (name, role, verb)
                found = list(propose(book, table, access[role, name], verb, has_user=role in with_user))
                guessed: list[Proposal] = []
                if found[0].tree is not None and functions_in(predicate_of(found[0].tree), book.functions):
                    own = [as_proposal(tree) for tree in suggest(name, role in with_user)]
                    moving = [as_proposal(tree, keeps=leaf(TRUE)) for tree in suggest(name, role in with_user)]
                    guessed = [*own, *(moving if verb == "update" else ())]
                said = list(dict.fromkeys(draft.word_for(key, one) for one in found))
                words = list(dict.fromkeys([*(draft.word_for(key, one) for one in guessed), *said]))
                if guessed:
                    draft.suggested[key] = frozenset(words) - frozenset(said)
                draft.words[key], draft.waiting[key] = words[0], words[1:]
    return draft


def forget_invalid(draft: Draft, database: Database, prepare: Prepare | None = None) -> None:
    """Forget scopes that the server can't read as a condition, or can't answer, and the proposals that name them."""
    for name, scope in find_invalid(draft, database, prepare, [name for name in draft.scopes if name not in draft.lost]):
        draft.scopes[name].pop(scope, None)
    for key, word in draft.words.items():
        known = {"allow", "deny", *draft.scopes.get(key[0], {})}
        valid = [one for one in (word, *draft.waiting[key]) if {part.strip() for part in one.split("->")} <= known]
        draft.words[key], draft.waiting[key] = (valid or ["deny"])[0], valid[1:]


def find_invalid(draft: Draft, database: Database, prepare: Prepare | None, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield table and scope of each predicate that fails; a table whose predicates take too long is given up."""
    people = [Identity.model_validate(dict(one)) for one in draft.identities.values() if one.get("sub")][:1]
    somebody = people[0] if people else Identity(role="anon")
    asked: dict[tuple[str, ...], Attempt | None] = {
        (name, scope): Attempt(act=read_all(draft.tables[name], predicate, somebody), claims=claims_of(somebody), path=PATH)
        for name in names
        for scope, predicate in draft.scopes[name].items()
    }
    timeout_s = STATEMENT_TIMEOUT_S if len(names) > 1 else ALONE_TIMEOUT_S
    try:
        with rolled_back(database, statement_timeout_s=timeout_s, prepare=prepare) as connection:
            answers = run_attempts(connection, asked)
    except DatabaseError as exc:
        yield from halve(draft, names, exc, lambda half: find_invalid(draft, database, prepare, half))
        return
    yield from ((name, scope) for (name, scope), answer in answers.items() if answer["phase"] != "done")


def halve(
    draft: Draft, names: Sequence[str], exc: DatabaseError, again: Callable[[Sequence[str]], Iterable[Found]]
) -> Iterator[Found]:
    """Yield what is found in each half of some tables when all of them together failed; a single one is given up."""
    if len(names) < 2:
        draft.lost.update(dict.fromkeys(names, why_lost(exc)))
        return
    middle = len(names) // 2
    for half in (names[:middle], names[middle:]):
        yield from again(half)


def why_lost(exc: DatabaseError) -> str:
    """Return why a table could not be tried, as the end of a sentence."""
    if exc.sqlstate == CANCELLED:
        return f"it did not answer within {ALONE_TIMEOUT_S:g} s, so a policy, trigger or function of it waits or never ends"
    return exc.message


def read_all(table: ProbedTable, predicate: str, identity: Identity) -> str:
    """Return a statement that has the server answer a predicate for every row of a table."""
    return f"select count(*) from {table.sql} where ({bind_uid(predicate, identity)}\n)"


def skip_empty(draft: Draft, database: Database) -> None:
    """Note the cells that no row can tell, of tables without one: they need not be tried before rows are made."""
    names = [name for name in draft.tables if draft.needs_row(name)]
    asked = " union all ".join(
        f"select {number} as number where not exists (select from {draft.tables[name].sql})" for number, name in enumerate(names)
    )
    empty = [names[row["number"]] for row in database.rows(asked.replace(":", "\\:"))] if asked else []
    draft.unclear.update({key: "the table has no row" for name in empty for key in draft.needs_row(name)})


def try_draft(draft: Draft, database: Database, prepare: Prepare | None, *, emit: Callable[[str], None]) -> None:
    """Try the open tables, less those that wait for rows, and correct what does not hold, until nothing more can be corrected."""
    waiting = {table for table, *_ in draft.unclear}
    for number in range(ROUNDS):
        names = [name for name in draft.open_tables() if name not in waiting]
        if not names:
            return
        if number == 0:
            emit(f"trying {sum(len(list(draft.keys(name))) for name in names)} cells")
        changed = [judge(draft, cell) for cell in observe(draft, database, prepare, names)]
        if not any(changed):
            return


def observe(draft: Draft, database: Database, prepare: Prepare | None, names: Sequence[str]) -> Iterator[Cell]:
    """Yield the cells of some tables as the probe sees them; tables that take too long are found by halves and given up."""
    if not names:
        return
    timeout_s = STATEMENT_TIMEOUT_S if len(names) > 1 else ALONE_TIMEOUT_S
    try:
        cells = observe_matrix(database, draft.section(names, timeout_s=timeout_s, widely=True), prepare=prepare)
    except DatabaseError as exc:
        yield from halve(draft, names, exc, lambda half: observe(draft, database, prepare, half))
        return
    yield from cells


def judge(draft: Draft, cell: Cell) -> bool:
    """Note what was seen of a cell; return whether something else is to be tried for it."""
    key = (cell.table, cell.role, cell.verb)
    guesses = draft.suggested.pop(key, frozenset()) if key in draft.refuted else frozenset()
    draft.settled.discard(key)
    draft.unclear.pop(key, None)
    draft.refuted.pop(key, None)
    if cell.outcome in (Outcome.PASS, Outcome.SKIP):
        draft.settled.add(key)
        return False
    if cell.outcome is Outcome.ERROR:
        draft.unclear[key] = cell.detail
        return bool(guesses)
    draft.refuted[key] = cell.detail
    seen = [name for name in cell.observed.split(" or ") if name in ("allow", "deny") or name in draft.scopes.get(cell.table, {})]
    known = [word for word in draft.waiting[key] if word not in guesses or word.split(" ")[0] in seen]
    better = [word for word in known if word.split(" ")[0] in seen] or seen[:1] or known[:1]
    better = [word for word in better if word != draft.words[key]] or known[:1]
    if not better:
        return False
    draft.words[key] = better[0]
    draft.waiting[key] = [word for word in known if word != better[0]]
    return True
