"""One identity and one table: what is tried, round by round, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lib.clients.postgres.rls.attempt import Attempt
from lib.clients.postgres.rls.classify import is_member
from lib.clients.postgres.rls.clauses import stronger_of
from lib.clients.postgres.rls.declared import Verb, split_scope
from lib.clients.postgres.rls.mixing import hand_over, mixed_regions, pull, spread
from lib.clients.postgres.rls.statements import MOST_SINGLE, Subject

VERBS: tuple[Verb, ...] = ("select", "insert", "update", "delete")
WHOLE_TABLE_ROWS = 50_000
"""Rows. Writes are tried on every row of a table up to this size, on samples of each region beyond it."""

MOST_MOVED = 4
"""Rows of one table that are tried to be moved out of their scope by each value: one for each way of being in it."""

MOST_PULLED = 8
"""Regions of one table of which a row is tried to be taken over."""

Step = tuple[str, ...]
Answer = Mapping[str, Any]
"""A row of launch_attempts: phase, code, message, touched, witnessed, measured, broke, reached."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """All that is tried as one identity on one table.

    table: its name as declared. declared: verb -> class, for the verbs to try.
    answers: step -> its answer, filled in round by round.
    """

    table: str
    who: str
    subject: Subject
    declared: Mapping[str, str]
    answers: dict[Step, Answer] = field(default_factory=dict)

    @property
    def regions(self) -> Mapping[str, Sequence[Any]]:
        """Region -> [rows, first place, last place, the first row's values and name]; none where no scope could be counted."""
        return self.answers["regions",]["measured"] or {}

    @property
    def rows(self) -> int:
        return sum(rows for rows, *_ in self.regions.values())

    @property
    def samples(self) -> list[tuple[str, str]]:
        """Up to two rows a region, as region and place."""
        return [
            (region, place) for region, (_, first, last, *_) in sorted(self.regions.items()) for place in sorted({first, last})
        ]

    @property
    def insert_samples(self) -> list[tuple[str, str]]:
        """The samples, and beside them a row of each region for every value that decides."""
        spread = self.answers.get(("spread",))
        more = [(region, place) for region, place in (spread["measured"] or ())] if spread is not None else []
        return list(dict.fromkeys([*self.samples, *more]))

    @property
    def kept_in(self) -> str:
        """The class that an update must leave its rows in."""
        return split_scope(self.declared.get("update", "allow"))[1]

    def note(self, step: Step, answer: Answer) -> None:
        """Keep an answer. What reached none of the rows that were counted, or all, is known without having been measured."""
        if answer["reached"] is not None:
            is_whole = answer["reached"] == "all"
            known = {
                spot: [rows, rows if is_whole else 0, first[-1] if is_whole else None]
                for spot, (rows, _, _, first) in self.regions.items()
            }
            answer = {**answer, "measured": known}
        self.answers[step] = answer

    def may(self, verb: str) -> bool:
        """Whether the verb is to be tried and the grants allow it."""
        return verb in self.declared and self.subject.access.may(verb)

    def plan_regions(self) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield the first round: how many rows each region has."""
        yield ("regions",), self.subject.regions()
        if self.may("insert") and self.subject.access.held_by_policies:
            yield ("spread",), spread(self.subject)

    def plan_tables(self) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield the second round: what is tried on whole tables, and the proofs of later inserts."""
        subject = self.subject
        is_small = self.rows <= WHOLE_TABLE_ROWS
        update_quiet, delete_quiet = subject.modes("update")[0], subject.modes("delete")[0]
        if "select" in self.declared:
            yield ("select",), subject.select(rows=self.rows)
        if "update" in self.declared and (is_small or not self.may("update")):
            yield ("update",), subject.update(quiet=update_quiet, rows=self.rows)
        if self.may("update") and is_small and subject.access.held_by_policies:
            yield ("update", "unread"), subject.update_unread(quiet=update_quiet, rows=self.rows)
        if self.may("update"):
            yield from self.plan_hand_overs(update_quiet)
            yield from self.plan_pulls(update_quiet)
        if "delete" in self.declared and (is_small or not self.may("delete")):
            yield ("delete",), subject.delete(quiet=delete_quiet, rows=self.rows)
        if "insert" in self.declared:
            yield ("insert", "blank"), subject.insert_blank()
        if self.may("insert"):
            for _, place in self.insert_samples:
                for quiet in subject.modes("insert"):
                    yield ("proof", place, str(quiet)), subject.insert_proof(place, quiet=quiet)
                    if subject.reads_other_rows:
                        yield ("without", place, str(quiet)), subject.region_without(place, quiet=quiet)

    def plan_hand_overs(self, quiet: bool) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield attempts to move rows out of the class that updates are declared to keep them in."""
        scopes = list(self.subject.scopes)
        inside = self.inside
        outside = [spot for spot in sorted(self.regions) if not is_member(spot, self.kept_in, scopes)]
        if self.kept_in in ("allow", "deny") or not inside or not outside:
            return
        decides = {column.name for column in replace(self.subject, scopes={"": self.subject.scopes[self.kept_in]}).mentioned}
        for number, column in enumerate(self.subject.mentioned):
            if not column.updatable or column.name not in decides:
                continue
            # Donors with one value make one and the same update.
            for spot in {self.regions[spot][3][number]: spot for spot in reversed(outside)}.values():
                donor = self.regions[spot][1]
                yield ("moved", column.name, spot, "rows"), hand_over(self.subject, None, donor, column, quiet=quiet)
                for base in self.movable:
                    place = self.regions[base][1]
                    yield ("moved", column.name, spot, base), hand_over(self.subject, place, donor, column, quiet=quiet)

    @property
    def movable(self) -> list[str]:
        """Regions that updates reach, one for each way in which their rows are in the class that they must stay in."""
        scopes = list(self.subject.scopes)
        letters = [n for n, name in enumerate(scopes) if self.kept_in in (name, stronger_of(name))]
        ways = {tuple(spot[n] for n in letters): spot for spot in reversed(self.inside)}
        return list(ways.values())[-MOST_MOVED:]

    def plan_pulls(self, quiet: bool) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield attempts to take over rows that updates are declared not to reach."""
        reached, scopes = split_scope(self.declared["update"])[0], list(self.subject.scopes)
        inside = self.inside
        outside = [spot for spot in sorted(self.regions) if not is_member(spot, reached, scopes)]
        if reached in ("allow", "deny") or not inside or not outside or not self.subject.access.held_by_policies:
            return
        donor = self.regions[inside[0]][1]
        yield ("pulled",), pull(self.subject, None, donor, reached, quiet=quiet, rows=self.rows)
        for spot in outside[:MOST_PULLED]:
            yield ("pulled", spot), pull(self.subject, self.regions[spot][1], donor, reached, quiet=quiet)

    def broke_own(self, answer: Answer) -> bool:
        """Whether a write was refused by a key or check of its own table alone: the policies had let it pass before."""
        table, said = self.subject.table, answer["message"] or ""
        is_referenced = answer["code"] == "23503" and said.startswith(f'update or delete on table "{table.name}" violates')
        return answer["phase"] == "act" and (is_referenced or bool(answer["broke"] == f"{table.schema}.{table.name}"))

    def plan_rows(self) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield the third round: proven inserts, and row by row what did not succeed as a whole."""
        subject = self.subject
        if self.may("insert"):
            for _, place in self.insert_samples:
                quiet = self.proven_mode(place)
                if quiet is not None:
                    yield ("insert", place), subject.insert_again(place, quiet=quiet)
        if self.may("update"):
            for _, place in self.unreached:
                yield ("alone", place), subject.update_alone(place)
        for verb, build in (("update", subject.update_row), ("delete", subject.delete_row)):
            whole = self.answers.get((verb,))
            if self.may(verb) and (whole is None or whole["phase"] != "done"):
                for _, place in self.samples:
                    for quiet in subject.modes(verb):
                        yield (verb, place, str(quiet)), build(place, quiet=quiet)
        for spot in self.cut_short:
            yield ("places", spot), subject.places_in(spot)
        for step, answer in list(self.answers.items()):
            if step[0] == "moved" and self.broke_own(answer):
                for base in self.movable if step[3] == "rows" else [step[3]]:
                    places = [self.regions[spot][1] for spot in (base, step[2])]
                    yield ("would", *step[1:4], base), mixed_regions(subject, places, [step[1]])

    @property
    def inside(self) -> list[str]:
        """The regions that updates are declared to reach."""
        reached, scopes = split_scope(self.declared["update"])[0], list(self.subject.scopes)
        return [spot for spot in sorted(self.regions) if is_member(spot, reached, scopes)]

    def plan_single_deletes(self) -> Iterator[tuple[Step, Attempt | None]]:
        """Yield the fourth round: the rows that a delete should have reached, each alone.

        A policy may ask the very rows that the same statement deletes, such as one's own membership.
        """
        quiet = self.subject.modes("delete")[0]
        for spot in self.cut_short:
            places = self.answers["places", spot]["witnessed"] or []
            if len(places) <= MOST_SINGLE:
                yield from ((("one", spot, place), self.subject.delete_row(place, quiet=quiet)) for place in places)

    @property
    def cut_short(self) -> list[str]:
        """The regions that a delete of all rows was declared to reach, and did not reach whole."""
        whole = self.answers.get(("delete",))
        if whole is None or whole["phase"] != "done" or not self.may("delete"):
            return []
        declared, scopes = self.declared["delete"], list(self.subject.scopes)
        counted = (whole["measured"] or {}).items()
        return [spot for spot, (rows, touched, _) in counted if touched < rows and is_member(spot, declared, scopes)]

    @property
    def unreached(self) -> list[tuple[str, str]]:
        """The samples of regions that an update has not reached, where no update without reading could be made."""
        whole, unread = self.answers.get(("update",)), self.answers.get(("update", "unread"))
        is_shown = unread is not None and unread["phase"] == "done"
        if whole is None or is_shown or not self.subject.may_quieten or not self.subject.access.held_by_policies:
            return []
        reached = {spot: touched for spot, (_, touched, _) in (whole["measured"] or {}).items()}
        return [(spot, place) for spot, place in self.samples if reached.get(spot, 0) < self.regions[spot][0]]

    def proven_mode(self, place: str) -> bool | None:
        """Return the first way in which deleting a row and inserting it again works; None when none does."""
        for quiet in self.subject.modes("insert"):
            proof = self.answers["proof", place, str(quiet)]
            if proof["phase"] == "done" and proof["touched"] == 1:
                return quiet
        return None
