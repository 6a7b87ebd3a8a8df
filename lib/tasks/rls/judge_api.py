"""Compares what an identity can do over HTTP with what it could in SQL. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lib.clients.postgres.rls.catalogue import Access, ProbedTable
from lib.clients.postgres.rls.classify import is_member
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.rls.samples import Region, Regions, count_in
from lib.clients.supabase.rest_api import Meaning, Reading, ask_count, ask_delete, ask_insert, ask_update
from lib.core.results import Json, Result
from lib.core.wording import format_count, name_some
from lib.tasks.rls.show import MatrixCell
from lib.tasks.rls.task import API_AGREES_WITH_SQL
from lib.transport.web_types import Question

ORDER = ("differs", "told nothing", "agrees")
WRITES = ("insert", "update", "delete")


@dataclass(frozen=True, kw_only=True)
class Try:
    """One question over HTTP. rows: how many it reaches by what was seen in SQL; about: which rows, for a person."""

    table: str
    who: str
    verb: str
    about: str
    rows: int
    question: Question

    @property
    def name(self) -> str:
        return f"{self.who} {self.verb} on {self.table}"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One question with its answer. is_exact: whether the number of rows must be the same, not just whether there are any."""

    tried: Try
    reading: Reading
    is_exact: bool

    @property
    def is_clear(self) -> bool:
        return self.reading.meaning is not Meaning.UNCLEAR

    @property
    def agrees(self) -> bool:
        seen, wanted = self.reading.rows, self.tried.rows
        return seen == wanted if self.is_exact else (seen > 0) == (wanted > 0)

    @property
    def word(self) -> str:
        if not self.is_clear:
            return "told nothing"
        return "agrees" if self.agrees else "differs"

    @property
    def phrase(self) -> str:
        seen = format_count(self.reading.rows, "row") if self.reading.meaning is Meaning.ROWS else "no row"
        wanted = format_count(self.tried.rows, "row") if self.tried.rows else "no row"
        return f"{self.tried.name} reaches {seen} over HTTP and {wanted} in SQL ({self.tried.about}; {self.reading.said})"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One identity and one table. name: as declared. classes: verb -> what was seen in SQL, of those that were determined."""

    who: str
    name: str
    table: ProbedTable
    access: Access
    regions: Regions
    scopes: Sequence[str]
    classes: Mapping[str, str]

    def reaches(self, verb: str, region: Region) -> bool:
        """Return whether the rows of a region are reached."""
        return is_member(region.letters, self.classes[verb], self.scopes)


def seen_classes(cells: Sequence[MatrixCell], rls: Rls, names: Mapping[str, str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return (table as declared, identity) -> verb -> the class seen in SQL, of cells in which one was determined.

    names: a table's name as the cells spell it -> as declared.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        name = names.get(cell["table"])
        if name is not None and cell["observed"] in {"allow", "deny", *rls.scopes.get(name, {})}:
            found.setdefault((name, cell["identity"]), {})[cell["verb"]] = cell["observed"]
    return found


def plan_tries(subject: Subject, *, writes: bool) -> Iterator[Try]:
    """Yield what one identity is asked to do with one table: read it, and write one row inside and one outside of its class."""
    readable = [name for name, (may_read, *_) in subject.access.columns.items() if may_read]
    if "select" in subject.classes:
        rows = count_in(subject.regions, subject.classes["select"], subject.scopes)
        first = (readable or [column.name for column in subject.table.columns])[0]
        question = ask_count(subject.table.name, column=first)
        yield Try(table=subject.name, who=subject.who, verb="select", about="all rows", rows=rows, question=question)
    key = [column.name for column in subject.table.columns if column.primary]
    if not writes or not key:
        return
    for verb in WRITES:
        if verb in subject.classes and (verb == "insert" or "select" in subject.classes):
            yield from plan_writes(subject, verb, key)


def plan_writes(subject: Subject, verb: str, key: Sequence[str]) -> Iterator[Try]:
    """Yield the writes of one verb: of a row that it reaches and of one that it does not, where there are such.

    A row that is there is inserted again: its key stops it only after every policy has let it through. A row is changed and
    deleted by its key, so that it must be seen, too.
    """
    inside = next((one for one in subject.regions if subject.reaches(verb, one)), None)
    outside = next((one for one in subject.regions if not subject.reaches(verb, one)), None)
    for region, about in ((inside, "a row that it reaches"), (outside, "a row that it does not reach")):
        question = None if region is None else write_of(subject, verb, key, region)
        if region is not None and question is not None:
            is_seen = verb == "insert" or subject.reaches("select", region)
            rows = int(is_seen and region is inside)
            yield Try(table=subject.name, who=subject.who, verb=verb, about=about, rows=rows, question=question)


def write_of(subject: Subject, verb: str, key: Sequence[str], region: Region) -> Question | None:
    """Return the question of one write; None where no column can be written that would tell."""
    table, row, access = subject.table, region.example, subject.access
    by_key = {name: row[name] for name in key}
    if verb == "delete":
        return ask_delete(table.name, by_key)
    place = {"insert": 1, "update": 2}[verb]
    # With no right at all everything is given, and refused for it.
    may = {name for name, rights in access.columns.items() if rights[place] or verb not in access.granted}
    if verb == "insert":
        given = {one.name: row[one.name] for one in table.columns if one.written and one.name in may}
        return ask_insert(table.name, given) if set(key) <= given.keys() else None
    changed = [one for one in table.columns if one.updatable and one.name in may]
    column = next((one.name for one in sorted(changed, key=lambda one: not one.free)), None)
    return None if column is None else ask_update(table.name, by_key, {column: row[column]})


def judge_api(compared: Sequence[Compared], *, where: str) -> Result:
    """Return whether both ways agree; an error where nothing could be compared. where: whose API it is."""
    clear = [one for one in compared if one.is_clear]
    wrong = [one for one in clear if not one.agrees]
    unclear = [one for one in compared if not one.is_clear]
    if wrong:
        return API_AGREES_WITH_SQL.failed(
            observed=len(wrong),
            expected=0,
            unit="differences",
            detail=f"{name_some([one.phrase for one in wrong], most=3)}.",
            objects=[one.tried.name for one in wrong],
        )
    if not clear or len(unclear) > len(clear):
        said = unclear[0].reading.said if unclear else "there is no table, identity and verb that SQL determined"
        return API_AGREES_WITH_SQL.errored(
            f"{len(unclear)} of {format_count(len(compared), 'request')} to {where} could not be read: {said}.",
            fix="Check the API's address, its key and the secret that its tokens are signed with.",
        )
    told = f"{format_count(len(clear), 'request')} to {where} came out as in SQL."
    if unclear:
        first = unclear[0]
        told += f" {format_count(len(unclear), 'request')} told nothing, such as {first.tried.name}: {first.reading.said}."
    return API_AGREES_WITH_SQL.passed(observed=0, expected=0, unit="differences", detail=told)


def api_rows(compared: Sequence[Compared]) -> list[dict[str, Json]]:
    """Return one row a question, those that differ first."""
    rows: list[dict[str, Json]] = []
    for one in sorted(compared, key=lambda one: ORDER.index(one.word)):
        rows.append(
            {
                "table": one.tried.table,
                "identity": one.tried.who,
                "verb": one.tried.verb,
                "rows": one.tried.about,
                "in SQL": one.tried.rows,
                "over HTTP": one.reading.rows if one.is_clear else None,
                "answer": one.reading.said,
                "came out": one.word,
            }
        )
    return rows
