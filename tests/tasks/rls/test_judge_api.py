"""What is asked follows from what was seen in SQL, and an answer is a difference only where it is clear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.clients.postgres.rls.catalogue import Access, Column, ProbedTable
from lib.clients.postgres.rls.samples import Region
from lib.clients.supabase.rest_api import Meaning, Reading, ask_count
from lib.core.results import Outcome
from lib.tasks.rls.judge_api import Compared, Subject, Try, api_rows, judge_api, plan_tries

ID = Column(name="id", written=True, updatable=True, primary=True, free=False)
TITLE = Column(name="title", written=True, updatable=True, primary=False, free=True)
TABLE = ProbedTable(
    schema="public", name="notes", display_name="public.notes", rls_enabled=True, is_partition=False, policies=1,
    columns=(ID, TITLE), triggers=frozenset(),
)  # fmt: skip
ACCESS = Access(
    role="authenticated", table="public.notes", uses_schema=True, reads_all=True,
    granted=frozenset({"select", "insert", "update", "delete"}), columns={"id": (True,) * 3, "title": (True,) * 3},
    held_by_policies=True, permitted_verbs=frozenset(), closed_sequences=(),
)  # fmt: skip
OWN, OTHERS = (Region(letters=letters, rows=rows, example={"id": rows, "title": "x"}) for letters, rows in (("t", 3), ("f", 6)))
SUBJECT = Subject(
    who="ana", name="public.notes", table=TABLE, access=ACCESS, regions=(OTHERS, OWN), scopes=("own",),
    classes=dict.fromkeys(("select", "insert", "update", "delete"), "own"),
)  # fmt: skip


def planned(subject: Subject, *, writes: bool = True) -> dict[tuple[str, str], int]:
    return {(one.verb, one.about): one.rows for one in plan_tries(subject, writes=writes)}


def test_every_verb_is_asked_of_a_row_inside_and_one_outside() -> None:
    inside, outside = "a row that it reaches", "a row that it does not reach"
    wanted = {("select", "all rows"): 3}
    for verb in ("insert", "update", "delete"):
        wanted |= {(verb, inside): 1, (verb, outside): 0}
    assert planned(SUBJECT) == wanted
    assert planned(SUBJECT, writes=False) == {("select", "all rows"): 3}


def test_a_row_that_is_not_seen_is_not_changed_by_its_key() -> None:
    blind = replace(SUBJECT, classes={**SUBJECT.classes, "select": "deny", "update": "allow"})
    assert planned(blind)["update", "a row that it reaches"] == 0
    assert planned(blind)["insert", "a row that it reaches"] == 1


def test_what_sql_did_not_determine_is_not_asked() -> None:
    assert planned(replace(SUBJECT, classes={"select": "own"})) == {("select", "all rows"): 3}
    assert planned(replace(SUBJECT, classes={"delete": "own"})) == {}


def test_a_table_without_a_key_or_a_column_to_change_is_asked_for_less() -> None:
    keyless = replace(TABLE, columns=(replace(ID, primary=False), TITLE))
    assert planned(replace(SUBJECT, table=keyless)) == {("select", "all rows"): 3}
    closed = replace(ACCESS, columns={"id": (True, True, False), "title": (True, True, False)})
    assert not any(verb == "update" for verb, _ in planned(replace(SUBJECT, access=closed)))
    given = replace(ACCESS, columns={"id": (True, False, True), "title": (True,) * 3})
    assert not any(verb == "insert" for verb, _ in planned(replace(SUBJECT, access=given)))  # without its key a row would stay


def compared(rows: int, seen: int, *, meaning: Meaning = Meaning.ROWS, is_exact: bool = True) -> Compared:
    tried = Try(
        table="public.notes", who="ana", verb="select", about="all rows", rows=rows, question=ask_count("notes", column="id")
    )
    return Compared(tried=tried, reading=Reading(meaning=meaning, rows=seen, said="HTTP 200"), is_exact=is_exact)


@pytest.mark.parametrize(
    ("several", "outcome"),
    [
        ([compared(3, 3), compared(0, 0, meaning=Meaning.REFUSED)], Outcome.PASS),
        ([compared(3, 3), compared(3, 4)], Outcome.FAIL),
        ([compared(3, 0, meaning=Meaning.REFUSED)], Outcome.FAIL),
        ([compared(0, 1)], Outcome.FAIL),
        ([compared(3, 4, is_exact=False)], Outcome.PASS),
        ([compared(0, 4, is_exact=False)], Outcome.FAIL),
        ([compared(4, 0, is_exact=False)], Outcome.FAIL),
        ([compared(3, 3), compared(3, 0, meaning=Meaning.UNCLEAR)], Outcome.PASS),
        ([compared(3, 3), *[compared(3, 0, meaning=Meaning.UNCLEAR)] * 2], Outcome.ERROR),
        ([compared(3, 4), *[compared(3, 0, meaning=Meaning.UNCLEAR)] * 9], Outcome.FAIL),
        ([], Outcome.ERROR),
    ],
)
def test_clear_answers_decide_and_too_few_of_them_decide_nothing(several: list[Compared], outcome: Outcome) -> None:
    assert judge_api(several, where="the API").outcome is outcome


def test_what_told_nothing_is_said_and_differences_are_shown_first() -> None:
    several = [compared(3, 3), compared(3, 0, meaning=Meaning.UNCLEAR), compared(3, 9)]
    assert "1 request told nothing, such as ana select on public.notes" in judge_api(several[:2], where="the API").detail
    assert [row["came out"] for row in api_rows(several)] == ["differs", "told nothing", "agrees"]
