"""The probe tells what a role can really do: by policy, by grant, by trigger, or that it can't be told."""

from __future__ import annotations

from typing import Any

import pytest

from lib.clients.postgres.rls import session as rls_session
from lib.clients.postgres.rls import trial as rls_trials
from lib.clients.postgres.rls.classify import Cell
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.errors import DatabaseError, TargetError
from lib.core.results import Outcome
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, CAT, IDENTITIES, NOTES, VERBS, apply, every_verb, roles, section


@pytest.fixture
def notes(hosted_database: Database) -> Database:
    apply(hosted_database, NOTES)
    return hosted_database


def observe(database: Database, **changes: Any) -> dict[tuple[str, str], Cell]:
    """Return the cells of the one declared table by role and verb."""
    return {(cell.role, cell.verb): cell for cell in observe_matrix(database, section(**changes))}


def users(database: Database, verb: str, **changes: Any) -> Cell:
    return observe(database, **changes)["authenticated", verb]


def outcomes(database: Database, **changes: Any) -> set[Outcome]:
    return {cell.outcome for cell in observe(database, **changes).values()}


def declare(**verbs: str) -> dict[str, Any]:
    """Return a matrix that declares these verbs otherwise than `own` for users."""
    return {"public.notes": roles({**every_verb("own"), **verbs})}


class TestPolicies:
    def test_own_rows_are_observed_as_own(self, notes: Database) -> None:
        cells = observe(notes)
        assert {cell.outcome for cell in cells.values()} == {Outcome.PASS}
        assert [cells["authenticated", verb].observed for verb in VERBS] == ["own"] * 4
        assert [cells["service_role", verb].observed for verb in VERBS] == ["allow"] * 4
        assert [cells["anon", verb].refused_by for verb in VERBS] == ["grant"] * 4

    @pytest.mark.parametrize("verb", VERBS)
    def test_an_always_true_policy_is_observed_as_allow(self, notes: Database, verb: str) -> None:
        clause = "with check (true)" if verb == "insert" else "using (true)"
        apply(notes, f"create policy open on public.notes for {verb} to authenticated {clause}")
        cells = observe(notes)
        wrong = {key for key, cell in cells.items() if cell.outcome is not Outcome.PASS}
        assert wrong == {("authenticated", verb)}
        assert cells["authenticated", verb].outcome is Outcome.FAIL
        assert cells["authenticated", verb].observed == "allow"
        assert "outside of what is declared (own)" in cells["authenticated", verb].detail

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_policy_that_is_gone_is_observed_as_deny(self, notes: Database, verb: str) -> None:
        name = {"select": "notes_read", "insert": "notes_add", "update": "notes_change", "delete": "notes_drop"}[verb]
        apply(notes, f"drop policy {name} on public.notes")
        cell = users(notes, verb)
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "deny")

    def test_a_hole_of_one_row_is_seen_and_named(self, notes: Database) -> None:
        apply(
            notes, f"create policy hole on public.notes for select to authenticated using (owner = '{CAT}' and title = 'note 2')"
        )
        cell = users(notes, "select")
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "other")
        assert "1 of them outside of what is declared (own), such as id 8" in cell.detail

    def test_the_right_number_of_wrong_rows_is_not_own(self, notes: Database) -> None:
        apply(
            notes,
            "drop policy notes_read on public.notes",
            f"create policy swapped on public.notes for select to authenticated using (owner = '{CAT}')",
        )
        assert users(notes, "select").outcome is Outcome.FAIL

    def test_a_policy_that_holds_for_one_user_only_fails(self, notes: Database) -> None:
        apply(
            notes, f"create policy ana_sees_all on public.notes for select to authenticated using ((select auth.uid()) = '{ANA}')"
        )
        cell = users(notes, "select")
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "other")
        assert dict(cell.by_identity) == {"ana": "allow", "ben": "own"}

    def test_two_policies_that_add_up_to_own_are_own(self, notes: Database) -> None:
        apply(
            notes,
            "drop policy notes_read on public.notes",
            "create policy one on public.notes for select to authenticated using (owner = auth.uid() and id % 2 = 0)",
            "create policy two on public.notes for select to authenticated using (owner = auth.uid() and id % 2 = 1)",
        )
        assert users(notes, "select").outcome is Outcome.PASS

    def test_a_restrictive_policy_narrows(self, notes: Database) -> None:
        apply(notes, "create policy strict on public.notes as restrictive for delete to authenticated using (id < 3)")
        cell = users(notes, "delete")
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "other")
        assert "of what is declared (own)" in cell.detail

    def test_a_leftover_claim_of_the_session_does_not_win(self, notes: Database, postgres_server: EmbeddedPostgres) -> None:
        superuser = postgres_server.database(notes.name, role="supabase_admin")
        apply(superuser, f"alter database {notes.name} set request.jwt.claim.sub = '{CAT}'")
        assert outcomes(notes) == {Outcome.PASS}


class TestUpdates:
    def test_an_update_that_reads_nothing_shows_what_select_policies_hide(self, notes: Database) -> None:
        apply(notes, "create policy wide on public.notes for update to authenticated using (true)")
        cell = users(notes, "update")
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "allow")

    def test_carrying_rows_out_of_the_scope_fails_and_names_the_column(self, notes: Database) -> None:
        apply(
            notes,
            "drop policy notes_change on public.notes",
            "create policy loose on public.notes for update to authenticated using (owner = auth.uid()) with check (true)",
        )
        cell = users(notes, "update")
        assert (cell.outcome, cell.observed) == (Outcome.FAIL, "other")
        assert "by column owner" in cell.detail

    def test_a_trigger_that_pins_the_column_is_no_leak(self, notes: Database) -> None:
        apply(
            notes,
            "drop policy notes_change on public.notes",
            "create policy loose on public.notes for update to authenticated using (owner = auth.uid()) with check (true)",
            "create function public.pin() returns trigger language plpgsql as 'begin new.owner := old.owner; return new; end'",
            "create trigger pin before update on public.notes for each row execute function public.pin()",
        )
        assert users(notes, "update").outcome is Outcome.PASS

    def test_rows_may_leave_for_the_scope_that_is_declared(self, notes: Database) -> None:
        own_short = "owner = auth.uid() and title <> 'note 1'"
        apply(
            notes,
            "drop policy notes_change on public.notes",
            f"create policy finish on public.notes for update to authenticated "
            f"using ({own_short}) with check (owner = auth.uid())",
        )
        scopes = {"public.notes": {"own": "owner = :uid", "own_open": "owner = :uid and title <> 'note 1'"}}
        assert users(notes, "update", scopes=scopes, matrix=declare(update="own_open -> own")).outcome is Outcome.PASS
        stricter = users(notes, "update", scopes=scopes, matrix=declare(update="own_open"))
        assert stricter.outcome is Outcome.FAIL
        assert "by column title" in stricter.detail

    def test_columns_that_are_not_granted_are_left_alone(self, notes: Database) -> None:
        apply(notes, "revoke update on public.notes from authenticated", "grant update (title) on public.notes to authenticated")
        assert outcomes(notes) == {Outcome.PASS}


class TestInserts:
    def test_a_trigger_that_sets_the_owner_keeps_inserts_own(self, notes: Database) -> None:
        apply(
            notes,
            "drop policy notes_add on public.notes",
            "create policy any_insert on public.notes for insert to authenticated with check (true)",
            "create function public.claim() returns trigger language plpgsql as "
            "'begin new.owner := coalesce(auth.uid(), new.owner); return new; end'",
            "create trigger claim before insert on public.notes for each row execute function public.claim()",
        )
        assert users(notes, "insert").outcome is Outcome.PASS

    def test_an_empty_table_is_inconclusive(self, notes: Database) -> None:
        apply(notes, "truncate public.notes")
        cells = observe(notes)
        assert {cells["authenticated", verb].outcome for verb in VERBS} == {Outcome.ERROR}
        assert cells["service_role", "insert"].outcome is Outcome.ERROR
        assert "no row to build a valid one from" in cells["service_role", "insert"].detail

    def test_an_empty_table_without_a_policy_is_closed_all_the_same(self, notes: Database) -> None:
        apply(notes, "truncate public.notes", *(f"drop policy {name} on public.notes" for name in ("notes_read", "notes_add")))
        cells = observe(notes, matrix=declare(select="deny", insert="deny"))
        assert cells["authenticated", "select"].outcome is Outcome.PASS
        assert (cells["authenticated", "insert"].outcome, cells["authenticated", "insert"].refused_by) == (Outcome.PASS, None)

    def test_a_row_that_can_not_be_valid_again_is_an_error_not_a_deny(self, notes: Database) -> None:
        apply(notes, "alter table public.notes add constraint frozen check (id > 1000) not valid")
        cell = users(notes, "insert", matrix=declare(insert="deny"))
        assert cell.outcome is Outcome.ERROR
        assert "frozen" in cell.detail

    def test_membership_of_oneself_is_judged_as_it_was_before(self, hosted_database: Database) -> None:
        apply(
            hosted_database,
            MEMBERS,
            "create policy join_any on public.members for insert to authenticated with check (usr = auth.uid())",
        )
        cell = users(hosted_database, "insert", **MEMBERS_DECLARED)
        assert cell.outcome is Outcome.FAIL
        assert cell.observed != "team"

    def test_membership_given_by_members_is_as_declared(self, hosted_database: Database) -> None:
        apply(
            hosted_database,
            MEMBERS,
            "create policy add_to_mine on public.members for insert to authenticated "
            "with check (team in (select public.my_teams()))",
        )
        assert users(hosted_database, "insert", **MEMBERS_DECLARED).outcome is Outcome.PASS


MEMBERS = f"""
create table public.members (team int, usr uuid, primary key (team, usr));
insert into public.members values (1, '{ANA}'), (1, '{CAT}'), (2, '{BEN}'), (2, '{CAT}');
alter table public.members enable row level security;
grant select, insert on public.members to authenticated, service_role;
create function public.my_teams() returns setof int language sql stable security definer set search_path = ''
  as 'select team from public.members where usr = auth.uid()';
create policy members_read on public.members for select to authenticated using (team in (select public.my_teams()));
"""
MEMBERS_DECLARED: dict[str, Any] = {
    "scopes": {"public.members": {"team": "team in (select m.team from public.members m where m.usr = :uid)"}},
    "matrix": {"public.members": {"authenticated": {"select": "team", "insert": "team"}}},
}


class TestGrants:
    def test_a_missing_grant_is_left_to_the_grants_check(self, notes: Database) -> None:
        apply(notes, "revoke delete on public.notes from authenticated")
        cell = users(notes, "delete")
        assert (cell.outcome, cell.refused_by) == (Outcome.SKIP, "grant")

    def test_a_refusal_by_policy_and_one_by_grant_are_distinguished(self, notes: Database) -> None:
        apply(notes, "grant select, insert, update, delete on public.notes to anon")
        cells = observe(notes)
        assert cells["anon", "insert"].refused_by == "policy"
        apply(notes, "revoke all on public.notes from anon")
        assert observe(notes)["anon", "insert"].refused_by == "grant"

    def test_column_grants_are_enough_to_see_rows(self, notes: Database) -> None:
        apply(
            notes,
            "revoke select on public.notes from authenticated",
            "grant select (title) on public.notes to authenticated",
            "update public.notes set title = title || id",
        )
        assert users(notes, "select").outcome is Outcome.PASS

    def test_a_policy_that_reads_a_closed_table_is_named(self, notes: Database) -> None:
        apply(
            notes,
            "create table public.secret (id int)",
            "drop policy notes_read on public.notes",
            "create policy broken on public.notes for select to authenticated using (exists (select from public.secret))",
        )
        cell = users(notes, "select")
        assert cell.outcome is Outcome.FAIL
        assert "permission denied for table secret" in cell.detail


class TestTriggersAndKeys:
    def test_children_do_not_hide_what_a_delete_policy_allows(self, notes: Database) -> None:
        apply(
            notes,
            "create table public.replies (note bigint references public.notes)",
            "insert into public.replies select id from public.notes",
        )
        assert users(notes, "delete").outcome is Outcome.PASS

    def test_a_trigger_that_refuses_everything_is_a_deny(self, notes: Database) -> None:
        apply(
            notes,
            "create function public.never() returns trigger language plpgsql as 'begin raise exception ''ledger''; end'",
            "create trigger never before delete on public.notes for each row execute function public.never()",
        )
        cell = users(notes, "delete", matrix=declare(delete="deny"))
        assert (cell.outcome, cell.refused_by) == (Outcome.PASS, "trigger")
        assert "ledger" in cell.detail

    def test_a_trigger_that_refuses_some_rows_is_tried_row_by_row(self, notes: Database) -> None:
        apply(
            notes,
            "create function public.guard() returns trigger language plpgsql as "
            "'begin if old.title = ''note 1'' then raise exception ''first notes stay''; end if; return old; end'",
            "create trigger guard before delete on public.notes for each row execute function public.guard()",
        )
        scopes = {"public.notes": {"own": "owner = :uid", "later": "owner = :uid and title <> 'note 1'"}}
        assert users(notes, "delete", scopes=scopes, matrix=declare(delete="later")).outcome is Outcome.PASS

    def test_big_tables_are_tried_on_samples(self, notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rls_trials, "WHOLE_TABLE_ROWS", 5)
        assert outcomes(notes) == {Outcome.PASS}
        apply(
            notes,
            "create policy wide on public.notes for delete to authenticated using (true)",
            "create policy see on public.notes for select to authenticated using (true)",
        )
        assert users(notes, "delete").observed == "allow"


class TestTelling:
    def test_rows_that_do_not_tell_two_scopes_apart_are_an_error(self, notes: Database) -> None:
        scopes = {"public.notes": {"own": "owner = :uid", "team": f"owner = :uid or owner = '{BEN[:-1]}f'"}}
        cell = users(notes, "select", scopes=scopes)
        assert (cell.outcome, cell.observed) == (Outcome.ERROR, "own or team")

    def test_one_user_alone_proves_no_scope(self, notes: Database) -> None:
        alone = {name: IDENTITIES[name] for name in ("anon", "ana", "service")}
        assert users(notes, "select", identities=alone).outcome is Outcome.ERROR

    def test_a_broken_predicate_is_an_error_that_says_so(self, notes: Database) -> None:
        cell = users(notes, "select", scopes={"public.notes": {"own": "ownr = :uid"}})
        assert cell.outcome is Outcome.ERROR
        assert "ownr" in cell.detail

    def test_a_table_without_rls_is_left_out(self, notes: Database) -> None:
        apply(notes, "alter table public.notes disable row level security")
        cells = observe(notes)
        assert {cell.outcome for cell in cells.values()} == {Outcome.SKIP}
        assert "rls.every_table_enabled" in cells["authenticated", "select"].detail

    def test_a_declared_table_that_is_not_there_has_no_cell(self, notes: Database) -> None:
        assert observe_matrix(notes, section(scopes={}, matrix={"public.gone": roles(every_verb("deny"))})) == []

    def test_a_row_that_somebody_holds_is_an_error(self, notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rls_session, "LOCK_TIMEOUT_S", 0.02)
        with notes.connect() as other:
            other.execute("select from public.notes for update")
            cells = observe(notes)
        assert cells["authenticated", "select"].outcome is Outcome.PASS
        assert cells["authenticated", "delete"].outcome is Outcome.ERROR
        assert "lock timeout" in cells["authenticated", "delete"].detail

    def test_only_the_verbs_asked_for_are_tried(self, notes: Database) -> None:
        assert {cell.verb for cell in observe_matrix(notes, section(), verbs=("select",))} == {"select"}


class TestCanNotLook:
    def test_a_user_that_policies_apply_to_is_refused(self, notes: Database, postgres_server: EmbeddedPostgres) -> None:
        apply(
            notes,
            "drop role if exists plain",
            "create role plain login password 'plain-password' in role anon, authenticated, service_role",
        )
        plain = Database(notes.url.replace(notes.url.split("//")[1].split("@")[0], "plain:plain-password"))
        try:
            with pytest.raises(DatabaseError, match="Connect as postgres"):
                observe_matrix(plain, section())
        finally:
            apply(notes, "drop role plain")

    def test_a_role_that_is_not_there_is_named(self, notes: Database) -> None:
        ghosts = {**IDENTITIES, "ghost": {"role": "ghost_role"}}
        with pytest.raises(TargetError, match="ghost_role"):
            observe_matrix(notes, section(identities=ghosts))

    def test_a_probe_that_takes_too_long_is_ended(self, notes: Database) -> None:
        endless = {"public.notes": {"own": "(select count(*) from generate_series(1, 1000000000)) > 0"}}
        with pytest.raises(DatabaseError, match="statement timeout") as caught:
            observe_matrix(notes, section(scopes=endless, statement_timeout_s=0.05))
        assert caught.value.sqlstate == "57014"


class TestLeavesNothing:
    def test_no_row_no_function_and_no_lock_stays(self, notes: Database) -> None:
        seen = "select md5(string_agg(n::text, ',' order by id)) from public.notes n"
        before = notes.value(seen)
        observe(notes)
        assert notes.value(seen) == before
        assert notes.value("select count(*) from pg_proc where proname = 'launch_attempts'") == 0

    def test_the_superuser_sees_the_same(self, notes: Database, postgres_server: EmbeddedPostgres) -> None:
        superuser = postgres_server.database(notes.name, role="supabase_admin")
        assert observe_matrix(superuser, section()) == observe_matrix(notes, section())


class TestWritesThatDoMoreThanTheySay:
    """The number of rows that a write touched is believed only where nothing else can have touched any."""

    WRITES = "create function public.writes() returns {what} language plpgsql security definer as $$ begin {body} end $$;"
    TAKES = "update public.notes set title = title where id = (select min(id) from public.notes);"

    def test_a_trigger_that_writes_is_seen(self, notes: Database) -> None:
        body = f"{self.TAKES} return null;"
        apply(
            notes,
            "revoke update on public.notes from anon; grant update, select on public.notes to anon",
            self.WRITES.format(what="trigger", body=body),
            "create trigger zz after update on public.notes for each statement when (pg_trigger_depth() = 0) "
            "execute function public.writes()",
        )
        assert observe(notes)["anon", "update"].outcome is Outcome.FAIL

    FUNCTION = "create function public.{name}() returns boolean language {rest}"
    ASKS = FUNCTION.format(name="asks", rest="plpgsql stable as $$ begin return public.writes(); end $$")
    PARSED = FUNCTION.format(name="parsed", rest="sql stable begin atomic select public.writes(); end")
    ASKS_PARSED = FUNCTION.format(name="asks", rest="sql stable as 'select public.parsed()'")

    @pytest.mark.parametrize(("called", "more"), [("writes", ()), ("asks", (ASKS,)), ("asks", (PARSED, ASKS_PARSED))])
    def test_a_policy_that_writes_is_seen(self, notes: Database, called: str, more: tuple[str, ...]) -> None:
        apply(
            notes,
            "grant delete, select on public.notes to anon",
            self.WRITES.format(what="boolean", body=f"{self.TAKES} return false;"),
            *more,
            f"create policy zz on public.notes for delete to anon using (public.{called}())",
        )
        assert observe(notes)["anon", "delete"].outcome is Outcome.FAIL
