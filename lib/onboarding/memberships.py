"""Tables that say in which of several states a user is a member of a row: an editor of a team, an owner of an account. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lib.onboarding.row_catalogue import MadeTable
from lib.onboarding.row_plan import count_states

DEEPEST = 4
"""Tables above each other that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Memberships:
    """tables: by name. values: table -> column -> literals that policies compare it with.

    user_columns: table -> columns that policies compare with the caller.
    """

    tables: Mapping[str, MadeTable]
    values: Mapping[str, Mapping[str, Sequence[str]]]
    user_columns: Mapping[str, Sequence[str]]
    _counted: dict[str, int] = field(default_factory=dict)

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, table in self.tables.items():
            for parent in {one.parent for one in table.parents}:
                found.setdefault(parent, []).append(name)
        return found

    def count_states(self, name: str) -> int:
        """Return in how many states a user may be a member in a table; 0 for a table that is no membership."""
        if name not in self._counted:
            said = self.values.get(name, {})
            self._counted[name] = count_states(self.tables[name], said, self.user_columns.get(name, ()))
        return self._counted[name]

    def of(self, parent: str) -> list[str]:
        """Return the tables in which users are members of a table's rows."""
        return [name for name in self._children.get(parent, ()) if self.count_states(name)]

    def count_spare(self, parent: str) -> int:
        """Return how many more rows a table needs, so that a user can be a member in each state and one is left without."""
        return max((self.count_states(name) + 1 for name in self.of(parent)), default=0)

    def are_above(self, name: str, depth: int = DEEPEST) -> bool:
        """Return whether users are members of a table's rows or of the rows above them."""
        table = self.tables.get(name)
        if table is None or depth == 0:
            return False
        return bool(self.of(name)) or any(self.are_above(one.parent, depth - 1) for one in table.parents)
