"""What each exposed function does for whom, as the task rls will find it: the words of rls.functions, and what to decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lib.clients.postgres.rls.calls import observe_functions
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.functions import read_functions, read_held_roles
from lib.clients.postgres.rls.probe import Prepare
from lib.core.errors import DatabaseError
from lib.core.results import Outcome
from lib.core.wording import format_count, plain_text
from lib.tasks.rls.judge_calls import CallCell, call_cells
from lib.transport.database import Database

EXAMPLE = re.compile(r", for example [^;]*")
"""The row that a phrase names: another one in another run."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """words: function -> role -> own or any. notes: function -> what was seen of it. beyond: (function, role) -> what it does
    past the matrix. untried: (function, role) -> why no call says anything. problems: a sentence when none could be called.
    """

    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    beyond: Mapping[tuple[str, str], str] = field(default_factory=dict)
    untried: Mapping[tuple[str, str], str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def find_calls(database: Database, rls: Rls, prepare: Prepare | None, *, emit: Callable[[str], None]) -> Calls:
    """Return what the exposed functions do for each role under policies, called and undone.

    rls: the section as it will be written. What can't be tried is declared as `any`, with the reason: nobody knows better.
    """
    held = read_held_roles(database, [identity.role for identity in rls.identities.values()])
    functions = [one for one in read_functions(database, rls.schemas, held) if one.roles]
    if not functions or not rls.matrix:
        return Calls()
    emit(f"calling {format_count(len(functions), 'function')}")
    try:
        seen = observe_functions(database, rls, prepare=prepare)
    except DatabaseError as exc:
        return Calls(problems=(f"The exposed functions could not be called: {plain_text(exc.message, limit=200).rstrip('.')}.",))
    return calls_of(call_cells(rls, functions, held, seen))


def calls_of(cells: list[CallCell]) -> Calls:
    """Return what cells that nobody declared say. A function with its caller's rights needs a row only where it goes beyond."""
    words: dict[str, dict[str, str]] = {}
    notes: dict[str, list[str]] = {}
    beyond: dict[tuple[str, str], str] = {}
    untried: dict[tuple[str, str], str] = {}
    for cell in cells:
        name = cell.function.display_name
        if cell.outcome is Outcome.PASS:
            if cell.function.is_definer and cell.role in cell.function.roles:
                words.setdefault(name, {})[cell.role] = "own"
            continue
        words.setdefault(name, {})[cell.role] = "any"
        kept = beyond if cell.outcome is Outcome.FAIL else untried
        kept[name, cell.role] = note = EXAMPLE.sub("", cell.note)
        notes.setdefault(name, []).append(f"{cell.role}: {note}")
    said = {name: plain_text("; ".join(each), limit=200) for name, each in notes.items()}
    return Calls(words=words, notes=said, beyond=beyond, untried=untried)
