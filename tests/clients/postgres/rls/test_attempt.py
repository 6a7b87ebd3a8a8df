"""What the server keeps and undoes of single attempts, and which rows they begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lib.clients.postgres.rls.attempt import Attempt
from lib.clients.postgres.rls.catalogue import Access, ProbedTable, read_access, read_tables
from lib.clients.postgres.rls.mixing import spread
from lib.clients.postgres.rls.probe import observe_matrix, rolled_back, run_attempts
from lib.clients.postgres.rls.statements import Subject
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import NOTES, apply, section

KEEPS_ROWS = """
alter table public.notes add column gone boolean not null default false;
create function public.keep_row() returns trigger language plpgsql as $$
begin update public.notes set gone = true where id = old.id; return null; end $$;
create trigger keeps before delete on public.notes for each row execute function public.keep_row();
"""
"""A table from which nothing is ever deleted: rows are marked instead."""


@pytest.fixture
def notes(hosted_database: Database) -> Database:
    apply(hosted_database, NOTES)
    return hosted_database


def ask(database: Database, **fields: Any) -> Mapping[str, Any]:
    """Return the answer of one attempt as the connected user, which answers the row it begins with."""
    attempt = Attempt(act="select array[$1]", claims="{}", path="public", reads="texts", **fields)
    with rolled_back(database, statement_timeout_s=10) as connection:
        [(_, answer)] = run_attempts(connection, [(("one",), attempt)])
    return answer


class TestTheRowAnAttemptBeginsWith:
    REMOVES = "delete from public.notes where id = 1 returning title"

    def test_it_is_what_the_removal_answers(self, notes: Database) -> None:
        assert ask(notes, capture="select 'from capture'", remove=self.REMOVES, takes=True)["witnessed"] == ["note 1"]

    def test_where_a_trigger_keeps_it_capture_is_asked(self, notes: Database) -> None:
        apply(notes, KEEPS_ROWS)
        assert ask(notes, capture="select 'from capture'", remove=self.REMOVES, takes=True)["witnessed"] == ["from capture"]

    def test_a_row_that_is_nowhere_is_said_before_acting(self, notes: Database) -> None:
        removes, capture = self.REMOVES.replace("= 1", "< 0"), "select title from public.notes where id < 0"
        answer = ask(notes, capture=capture, remove=removes, takes=True)
        assert (answer["phase"], answer["message"]) == ("prepare", "the row to start from is gone")

    def test_a_removal_that_takes_nothing_leaves_capture_as_it_is(self, notes: Database) -> None:
        removes = "delete from public.notes where id = 1"
        assert ask(notes, capture="select title from public.notes where id = 1", remove=removes)["witnessed"] == ["note 1"]


@pytest.mark.parametrize("role", ["supabase_admin", "postgres"])
def test_inserts_are_tried_where_nothing_is_ever_deleted(notes: Database, postgres_server: Any, role: str) -> None:
    apply(notes, KEEPS_ROWS)
    cells = observe_matrix(postgres_server.database(notes.name, role=role), section(), verbs=("insert",))
    assert {(cell.role, cell.observed) for cell in cells} >= {("anon", "deny"), ("authenticated", "own")}
    assert {cell.outcome for cell in cells} == {Outcome.PASS}


class TestSpread:
    """Beside two rows a region, inserts are tried with rows that differ in what a column may hold."""

    def subject(self, database: Database, scope: str) -> Subject:
        tables: dict[str, ProbedTable] = {table.display_name: table for table in read_tables(database, ["public"])}
        access: dict[tuple[str, str], Access] = read_access(database, ["public"], ["authenticated"])
        return Subject(
            identity=section().identities["ana"],
            table=tables["public.notes"],
            access=access["authenticated", "public.notes"],
            scopes={"own": scope},
        )

    def test_nothing_differs_where_every_column_has_a_value_of_its_own(self, notes: Database) -> None:
        assert spread(self.subject(notes, "owner = :uid")) is None

    @pytest.mark.parametrize(
        ("change", "scope"),
        [
            ("alter table public.notes alter owner drop not null", "owner = :uid"),
            ("alter table public.notes add shared boolean not null default false", "owner = :uid or shared"),
        ],
    )
    def test_a_column_that_may_lack_one_or_has_few_is_looked_through(self, notes: Database, change: str, scope: str) -> None:
        apply(notes, change)
        assert spread(self.subject(notes, scope)) is not None
