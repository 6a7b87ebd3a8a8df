"""A policy may ask the rows that the same delete removes: then each row is tried alone, and only what goes alone counts."""

from __future__ import annotations

import pytest

from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, CAT, apply, every_verb, roles, section

OWNER = "exists (select from public.notes o where o.team = notes.team and o.owner = :uid and o.is_owner)"

MEMBERS = f"""
create table public.notes (team int, owner uuid, is_owner boolean not null, primary key (team, owner));
insert into public.notes values
  (1, '{ANA}', true), (1, '{BEN}', false), (1, '{CAT}', false),
  (2, '{BEN}', true), (2, '{ANA}', false), (2, '{CAT}', true), (3, '{CAT}', true);
create function public.owns(t int) returns boolean language sql volatile security definer set search_path = '' as
  $$ select exists (select from public.notes where team = t and owner = auth.uid() and is_owner) $$;
alter table public.notes enable row level security;
grant select, delete on public.notes to authenticated, service_role;
create policy r on public.notes for select to authenticated using (true);
create policy d on public.notes for delete to authenticated using (public.owns(team));
"""
"""Owners of a team remove its members, themselves too: whoever went first could not remove the rest."""


@pytest.fixture
def members(hosted_database: Database) -> Database:
    apply(hosted_database, MEMBERS)
    return hosted_database


def users_delete(database: Database) -> Cell:
    rls = section(
        scopes={"public.notes": {"own": "owner = :uid", "team_owner": OWNER}},
        matrix={"public.notes": roles({**every_verb("deny"), "select": "allow", "delete": "team_owner"})},
    )
    [cell] = [one for one in observe_matrix(database, rls) if (one.role, one.verb) == ("authenticated", "delete")]
    return cell


def test_rows_that_go_alone_are_within_reach(members: Database) -> None:
    assert (users_delete(members).outcome, users_delete(members).observed) == (Outcome.PASS, "team_owner")


def test_a_row_that_does_not_go_alone_either_is_out_of_reach_until_repaired(members: Database) -> None:
    apply(members, f"create policy spared on public.notes as restrictive for delete to authenticated using (owner <> '{CAT}')")
    cell = users_delete(members)
    assert cell.outcome is Outcome.FAIL
    assert "of what is declared (team_owner)" in cell.detail
    apply(members, "drop policy spared on public.notes")
    assert users_delete(members).outcome is Outcome.PASS


def test_what_is_outside_and_goes_is_found_as_ever(members: Database) -> None:
    apply(members, f"create policy more on public.notes for delete to authenticated using (team = 3 and owner = '{CAT}')")
    assert "outside of what is declared (team_owner)" in users_delete(members).detail
