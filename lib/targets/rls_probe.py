"""Observe an RLS matrix by really trying: every verb, as every identity, on every declared table.

All of it happens in one REPEATABLE READ transaction that is always rolled back, in a number of round
trips that does not grow with the matrix. Inserts still draw sequence values, and triggers with effects
outside the database would fire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lib.database import Database, read_query
from lib.errors import DatabaseError, TargetError
from lib.results import Outcome
from lib.sections import Identity, Rls, split_scope
from lib.targets import rls_classes
from lib.targets.rls_attempts import Attempt, Subject, claims_of, samples
from lib.targets.rls_classes import Cell, Observation, judge_cell
from lib.targets.rls_facts import Access, ProbedTable, read_access, read_tables, resolve_tables

VERBS = ("select", "insert", "update", "delete")
WHOLE_TABLE_ROWS = 50_000
"""Rows. Writes are tried on every row of a table up to this size, on samples of each region beyond it."""
LOCK_TIMEOUT_S = 2
"""Seconds a probe waits for a row that somebody else holds; then its cell can't be told."""

Key = tuple[str, ...]
Answers = Mapping[Key, DictRow]


def observe_matrix(database: Database, rls: Rls, *, verbs: Sequence[str] = VERBS) -> list[Cell]:
    """Return one Cell a declared table, role and verb, as it is in this database, in declared order.

    Tables that do not exist are left out; tables without row level security are cells with outcome skip.
    Two databases behave alike when `(table, role, verb, observed, refused_by)` of their cells are equal.
    Raises TargetError when the connected user can't see past policies or can't act as the roles.
    """
    tables = read_tables(database, rls.schemas)
    found = resolve_tables(rls.matrix, tables)
    access = read_access(database, rls.schemas, [identity.role for identity in rls.identities.values()])
    with rolled_back(database, statement_timeout_s=rls.statement_timeout_s) as connection:
        may_quieten = look_around(connection, database, rls.identities)
        subjects = list(name_subjects(rls, found, access, may_quieten=may_quieten))
        observed = Probe(connection, subjects, rls, verbs).observe()
    return [
        cell
        for name, table in found.items()
        for role, declared in rls.matrix[name].items()
        for cell in judge_row(rls, name, table, role, {verb: declared[verb] for verb in declared if verb in verbs}, observed)
    ]


def judge_row(
    rls: Rls, name: str, table: ProbedTable, role: str, declared: Mapping[str, str], observed: Mapping[Key, Observation]
) -> Iterator[Cell]:
    """Yield the cells of one table and role."""
    identities = {who: one for who, one in rls.identities.items() if one.role == role}
    users = {identity.sub for identity in identities.values() if identity.sub is not None}
    scopes = rls.scopes.get(name, {})
    for verb in VERBS:
        if verb not in declared:
            continue
        base = {"table": table.shown, "role": role, "verb": verb, "declared": declared[verb]}
        reached = split_scope(declared[verb])[0]
        if not table.rls_enabled:
            yield Cell(**base, observed="allow", outcome=Outcome.SKIP, detail="RLS is off: judged by rls.every_table_enabled")
            continue
        seen = [(observed[name, who, verb], one.sub is not None) for who, one in identities.items()]
        cell = judge_cell((table.shown, role, verb), declared[verb], scopes, seen)
        if reached in scopes and rls_classes.UID.search(scopes[reached]) and len(users) < 2 and cell.outcome is Outcome.PASS:
            yield Cell(**base, observed=cell.observed, outcome=Outcome.ERROR, detail=f"{reached} was tried as fewer than two users")
        else:
            yield cell


@contextmanager
def rolled_back(database: Database, *, statement_timeout_s: float) -> Iterator[psycopg.Connection[DictRow]]:
    """Yield a connection inside one bounded REPEATABLE READ transaction that is rolled back whatever happens."""
    with database.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            limits = {
                "statement_timeout": f"{round(statement_timeout_s * 1000)}",
                "lock_timeout": f"{LOCK_TIMEOUT_S * 1000}",
                "row_security": "on",
                "standard_conforming_strings": "on",
            }
            # The transaction's own id is drawn at once: new rows are known by not being older than it.
            connection.execute(
                "select pg_catalog.pg_current_xact_id(), set_config(name, value, true) from jsonb_each_text(%s) as limits (name, value)",
                [Jsonb(limits)],
            )
            connection.execute(read_query("rls", "install_attempts"))
            yield connection
        finally:
            if not connection.closed:
                connection.rollback()


def run_attempts(connection: psycopg.Connection[DictRow], attempts: Mapping[Key, Attempt | None]) -> dict[Key, DictRow]:
    """Run the attempts in one round trip and return each one's answer; those that are None have none."""
    plan = {key: attempt for key, attempt in attempts.items() if attempt is not None}
    if not plan:
        return {}
    rows = connection.execute(
        "select * from pg_temp.launch_attempts(%s) order by number", [Jsonb([attempt.as_json() for attempt in plan.values()])]
    ).fetchall()
    return dict(zip(plan, rows, strict=True))


def look_around(connection: psycopg.Connection[DictRow], database: Database, identities: Mapping[str, Identity]) -> bool:
    """Return whether triggers can be switched off here, having made sure that a probe can work at all.

    Raises TargetError when policies apply to the connected user, or a role can't be taken on.
    """
    row = connection.execute(
        "select current_user::text as name, rolsuper or rolbypassrls as sees_all from pg_catalog.pg_roles where rolname = current_user"
    ).fetchone()
    if row is None or not row["sees_all"]:
        raise DatabaseError(
            f"{database.shown} was opened as a user that row level security applies to, so hidden rows can't be told "
            "from missing ones. Next: connect as postgres, or as another role with BYPASSRLS."
        )
    attempts = {
        (name,): Attempt(act="select", role=identity.role, claims=claims_of(identity), path="public")
        for name, identity in identities.items()
    }
    answers = run_attempts(connection, {**attempts, ("", "quiet"): Attempt(act="select", claims="{}", path="public", quiet=True)})
    stopped = [f"{name} ({answers[(name,)]['message']})" for name in identities if answers[(name,)]["phase"] != "done"]
    if stopped:
        raise TargetError(
            f"{row['name']} can't act as {', '.join(stopped)} on {database.shown}. "
            "Next: grant it these roles, or correct the identities in params."
        )
    return bool(answers["", "quiet"]["phase"] == "done")


def name_subjects(
    rls: Rls, found: Mapping[str, ProbedTable], access: Mapping[tuple[str, str], Access], *, may_quieten: bool
) -> Iterator[tuple[str, str, Subject]]:
    """Yield declared table, identity and Subject for whatever is to be tried."""
    for name, table in found.items():
        for who, identity in rls.identities.items():
            if table.rls_enabled and identity.role in rls.matrix[name]:
                yield name, who, Subject(
                    identity=identity,
                    table=table,
                    access=access[identity.role, table.shown],
                    scopes=rls.scopes.get(name, {}),
                    may_quieten=may_quieten,
                )


class Probe:
    """One run over all subjects, in four round trips: regions, whole tables, single rows, hand-overs."""

    def __init__(
        self,
        connection: psycopg.Connection[DictRow],
        subjects: Sequence[tuple[str, str, Subject]],
        rls: Rls,
        verbs: Sequence[str],
    ) -> None:
        self.connection = connection
        self.subjects = subjects
        self.rls = rls
        self.verbs = verbs
        self.answers: dict[Key, DictRow] = {}

    def observe(self) -> dict[Key, Observation]:
        """Return the observation of each declared table, identity and verb."""
        for plan in (self.plan_regions, self.plan_tables, self.plan_rows):
            attempts: dict[Key, Attempt | None] = {}
            for name, who, subject in self.subjects:
                for step, attempt in plan(name, who, subject):
                    attempts[name, who, *step] = attempt
            self.answers.update(run_attempts(self.connection, attempts))
        return {
            (name, who, verb): self.read(name, who, verb, subject)
            for name, who, subject in self.subjects
            for verb in self.verbs
        }

    def plan_regions(self, name: str, who: str, subject: Subject) -> Iterator[tuple[Key, Attempt]]:
        yield ("regions",), subject.regions()

    def plan_tables(self, name: str, who: str, subject: Subject) -> Iterator[tuple[Key, Attempt | None]]:
        """Yield what is tried on whole tables, and the proofs of what is tried on rows."""
        regions = self.regions(name, who)
        rows = sum(total for total, *_ in regions.values())
        if "select" in self.verbs:
            yield ("select",), subject.select()
        if rows <= WHOLE_TABLE_ROWS and "update" in self.verbs:
            quiet = subject.modes("update")[0]
            yield ("update",), subject.update(quiet=quiet)
            yield ("update", "unread"), subject.update_unread(quiet=quiet)
        if rows <= WHOLE_TABLE_ROWS and "delete" in self.verbs:
            yield ("delete",), subject.delete(quiet=subject.modes("delete")[0])
        if "insert" in self.verbs:
            yield ("insert", "blank"), subject.insert_blank()
            for _, place in samples(regions):
                for quiet in subject.modes("insert"):
                    yield ("without", place, str(quiet)), subject.region_without(place, quiet=quiet)
                    yield ("proof", place, str(quiet)), subject.insert_again(place, quiet=quiet, as_role=False)
        if "update" in self.verbs:
            for step, attempt in self.hand_overs(name, subject, regions, as_role=False):
                yield ("moves", *step), attempt

    def plan_rows(self, name: str, who: str, subject: Subject) -> Iterator[tuple[Key, Attempt | None]]:
        """Yield what is tried row by row: proven inserts and hand-overs, and writes that failed as a whole."""
        regions = self.regions(name, who)
        if "insert" in self.verbs:
            for _, place in samples(regions):
                quiet = self.proven_mode(name, who, subject, place)
                if quiet is not None:
                    yield ("insert", place), subject.insert_again(place, quiet=quiet, as_role=True)
        for verb, build in (("update", subject.update_row), ("delete", subject.delete_row)):
            whole = self.answers.get((name, who, verb))
            if verb in self.verbs and subject.access.may(verb) and (whole is None or whole["phase"] != "done"):
                for _, place in samples(regions):
                    for quiet in subject.modes(verb):
                        yield (verb, place, str(quiet)), build(place, quiet=quiet)
        if "update" in self.verbs:
            for step, attempt in self.hand_overs(name, subject, regions, as_role=True):
                proof = self.answers[name, who, "moves", *step]
                if leaves(proof, self.target_scope(name, subject), subject):
                    yield ("moved", *step), attempt

    def regions(self, name: str, who: str) -> dict[str, Any]:
        """Return region -> [rows, first place, last place]; none when the scopes could not be counted."""
        return self.answers[name, who, "regions"]["measured"] or {}

    def target_scope(self, name: str, subject: Subject) -> str:
        """Return the class that an update must leave rows in, as declared; `allow` when anything goes."""
        declared = self.rls.matrix[name][subject.identity.role].get("update", "allow")
        return split_scope(declared)[1]

    def hand_overs(
        self, name: str, subject: Subject, regions: Mapping[str, Any], *, as_role: bool
    ) -> Iterator[tuple[Key, Attempt]]:
        """Yield attempts to carry a row out of the scope that updates are declared to keep it in."""
        declared = self.rls.matrix[name][subject.identity.role].get("update", "allow")
        reached, left = split_scope(declared)
        scopes = list(subject.scopes)
        inside = [spot for spot in regions if rls_classes.is_member(spot, reached, scopes)]
        outside = [spot for spot in regions if not rls_classes.is_member(spot, left, scopes)]
        if left in ("allow", "deny") or not inside or not outside:
            return
        quiet = subject.modes("update")[0]
        for spot in outside:
            donor = regions[spot][1]
            for column in subject.mentioned:
                if column.updatable:
                    for place in (regions[inside[0]][1], None):
                        key = (column.name, spot, "row" if place else "every row")
                        yield key, subject.hand_over(place, donor, column, quiet=quiet, as_role=as_role)

    def proven_mode(self, name: str, who: str, subject: Subject, place: str) -> bool | None:
        """Return the first way in which taking the row away and putting it back works; None when none does."""
        for quiet in subject.modes("insert"):
            proof = self.answers[name, who, "proof", place, str(quiet)]
            if proof["phase"] == "done" and proof["touched"] == 1:
                return quiet
        return None

    def read(self, name: str, who: str, verb: str, subject: Subject) -> Observation:
        """Return what the answers say about one identity and verb."""
        counted = self.answers[name, who, "regions"]
        if counted["phase"] != "done":
            return Observation(identity=who, problem=f"the scopes can't be counted: {counted['message']}")
        readers = {"select": self.read_select, "insert": self.read_insert}
        seen = readers.get(verb, self.read_write)(name, who, verb, subject)
        return fix_by_catalogue(seen, verb, subject)

    def read_select(self, name: str, who: str, verb: str, subject: Subject) -> Observation:
        answer = self.answers[name, who, verb]
        if answer["phase"] == "done":
            return counted_regions(who, [answer])
        return refusal(who, verb, answer, subject, untouched(self.regions(name, who)))

    def read_write(self, name: str, who: str, verb: str, subject: Subject) -> Observation:
        """Read an UPDATE or DELETE: on the whole table where that went well, else row by row."""
        whole = self.answers.get((name, who, verb))
        unread = self.answers.get((name, who, verb, "unread"))
        if whole is not None and whole["phase"] != "done" and not subject.access.may(verb):
            return refusal(who, verb, whole, subject, untouched(self.regions(name, who)))
        tries = [answer for answer in (whole, unread) if answer is not None and answer["phase"] == "done"]
        seen = counted_regions(who, tries) if whole in tries else self.read_rows(name, who, verb, subject, tries)
        moved = sorted({key[3] for key, answer in self.answers.items() if key[:3] == (name, who, "moved") and
                        leaves(answer, self.target_scope(name, subject), subject)}) if verb == "update" else []  # fmt: skip
        return Observation(**{**vars(seen), "moved": tuple(moved)})

    def read_rows(
        self, name: str, who: str, verb: str, subject: Subject, also: Sequence[DictRow]
    ) -> Observation:
        """Read writes tried on single rows, whose whole-table form failed."""
        regions: dict[str, tuple[int, int]] = {}
        problem, refused_by, said = None, None, ""
        for spot, place in samples(self.regions(name, who)):
            tries = [self.answers.get((name, who, verb, place, str(quiet))) for quiet in subject.modes(verb)]
            answer = first_telling([one for one in tries if one is not None])
            rows, touched = regions.get(spot, (0, 0))
            if answer is None or not (answer["phase"] == "done" or is_refusal(answer)):
                problem = f"{verb} can't be tried: {answer['message'] if answer else 'no column can be assigned'}"
            elif answer["phase"] == "done":
                regions[spot] = (rows + 1, touched + (1 if answer["touched"] else 0))
            else:
                regions[spot] = (rows + 1, touched)
                refused_by, said = refused_by_whom(answer, verb, subject), answer["message"]
        for answer in also:
            for spot, (_, touched, _example) in answer["measured"].items():
                rows = regions.get(spot, (0, 0))[0]
                regions[spot] = (rows, rows) if touched and rows else regions.get(spot, (0, 0))
        return Observation(identity=who, regions=regions, refused_by=refused_by, said=said, problem=problem)

    def read_insert(self, name: str, who: str, verb: str, subject: Subject) -> Observation:
        """Read inserts: rows put back one by one, each in the region it would be new in."""
        regions: dict[str, tuple[int, int]] = {}
        blank = self.answers[name, who, "insert", "blank"]
        if blank["code"] == "42501" and not subject.access.may(verb):
            return refusal(who, verb, blank, subject, untouched(self.regions(name, who)))
        problems, example, refused_by, said = [], {}, None, ""
        for _, place in samples(self.regions(name, who)):
            quiet = self.proven_mode(name, who, subject, place)
            if quiet is None:
                last = self.answers[name, who, "proof", place, str(subject.modes("insert")[-1])]
                problems.append(f"no valid row could be built: {last['message']}")
                continue
            without, answer = self.answers[name, who, "without", place, str(quiet)], self.answers[name, who, "insert", place]
            spot = (without["witnessed"] or [""])[0]
            if answer["phase"] == "done" and answer["touched"]:
                is_same, row = answer["witnessed"] or ("true", "")
                arrived = spot if is_same == "true" else answer["measured"]
                rows, touched = regions.get(arrived, (0, 0))
                regions[arrived] = (rows + 1, touched + 1)
                example.setdefault(arrived, f"a copy of the row at {place}")
            elif answer["phase"] == "done" or is_refusal(answer):
                rows, touched = regions.get(spot, (0, 0))
                regions[spot] = (rows + 1, touched)
                refused_by, said = refused_by_whom(answer, verb, subject), answer["message"] or ""
            else:
                problems.append(f"insert can't be tried: {answer['message']}")
        if not regions and not problems and not (is_refusal(blank) and "insert" not in subject.access.permitted_verbs):
            problems.append("the table has no row to build a valid one from")
        accepted = any(touched for _, touched in regions.values())
        return Observation(
            identity=who,
            regions=regions,
            refused_by=None if accepted else refused_by,
            said=said,
            problem=problems[0] if problems and not regions else None,
            example=example,
        )


def counted_regions(who: str, answers: Sequence[DictRow]) -> Observation:
    """Return the observation of whole-table attempts: in each region the widest reach counts."""
    regions: dict[str, tuple[int, int]] = {}
    example: dict[str, str] = {}
    for answer in answers:
        for spot, (rows, touched, shown) in answer["measured"].items():
            regions[spot] = (rows, max(touched, regions.get(spot, (0, 0))[1]))
            if shown is not None:
                example[spot] = shown
    return Observation(identity=who, regions=regions, example=example)


def untouched(regions: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the regions with none of their rows touched."""
    return {spot: (counted[0], 0) for spot, counted in regions.items()}


def is_refusal(answer: DictRow) -> bool:
    """Whether a statement was refused by a privilege, a policy or a trigger's own rule, not for its values."""
    return answer["phase"] == "act" and answer["code"] in ("42501", "P0001")


def refused_by_whom(answer: DictRow, verb: str, subject: Subject) -> str | None:
    """Say what refused a statement; PostgreSQL gives grants and policies one SQLSTATE."""
    if not is_refusal(answer):
        return None
    if not subject.access.may(verb):
        return rls_classes.GRANT
    said = answer["message"] or ""
    if "row-level security" in said:
        return rls_classes.POLICY
    return rls_classes.OTHER if answer["code"] == "42501" and said.startswith("permission denied") else rls_classes.TRIGGER


def refusal(
    who: str, verb: str, answer: DictRow, subject: Subject, regions: Mapping[str, tuple[int, int]]
) -> Observation:
    """Return the observation of a statement that was stopped as a whole."""
    whom = refused_by_whom(answer, verb, subject)
    said = answer["message"] or ""
    if whom is None:
        return Observation(identity=who, problem=f"{verb} can't be tried: {said}")
    return Observation(identity=who, regions=regions, refused_by=whom, said=said)


def first_telling(answers: Sequence[DictRow]) -> DictRow | None:
    """Return the first answer that says something about rights, else the last."""
    return next((one for one in answers if one["phase"] == "done" or is_refusal(one)), answers[-1] if answers else None)


def leaves(answer: DictRow, target: str, subject: Subject) -> bool:
    """Whether an update went through and left a row outside the class."""
    if answer["phase"] != "done" or not answer["touched"]:
        return False
    return any(not rls_classes.is_member(spot, target, list(subject.scopes)) for spot in answer["measured"] or [])


def fix_by_catalogue(seen: Observation, verb: str, subject: Subject) -> Observation:
    """Add what the catalogue leaves no choice about, for tables whose rows don't tell.

    Without a permissive policy nothing passes; where policies do not apply, everything does.
    """
    if seen.problem is not None or seen.refused_by == rls_classes.GRANT:
        return seen
    if not subject.access.held_by_policies:
        return Observation(**{**vars(seen), "fixed": "allow"}) if seen.refused_by is None else seen
    if verb not in subject.access.permitted_verbs:
        return Observation(**{**vars(seen), "fixed": "deny"})
    return seen
