"""Every cell of the matrix, proposed from grants and policies, tried, and corrected by what was seen until it holds.

What is written down has passed the very probe that the task rls runs: a cell that does not pass is given as an explicit set of
rows, or left out with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from lib.clients.postgres.rls.attempt import Attempt, bind_uid, claims_of
from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.declared import Identity
from lib.clients.postgres.rls.platform_rows import MADE_TABLES
from lib.clients.postgres.rls.probe import Prepare, observe_matrix, rolled_back, run_attempts
from lib.clients.postgres.rls.trial import VERBS
from lib.core.errors import DatabaseError
from lib.core.results import Outcome
from lib.onboarding.draft import Draft
from lib.onboarding.expressions import TRUE, Node, leaf
from lib.onboarding.inlining import functions_in
from lib.onboarding.policies import PolicyBook, Proposal, as_proposal, predicate_of, propose
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

Suggest = Callable[[str, bool], Sequence[Node]]
"""Returns conditions for a table by its name, and whether the caller is a user."""

Found = TypeVar("Found")


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
            answers = dict(run_attempts(connection, asked.items()))
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
    names = [name for name in draft.tables if draft.needs_row(name) and name not in MADE_TABLES]
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
        cells = observe_matrix(database, draft.section(names, timeout_s=timeout_s, widely=True), prepare=prepare, makes_rows=True)
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
