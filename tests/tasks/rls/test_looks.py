"""Each RLS check passes on a clean context and fails, alone and naming the object, for its own reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.core.errors import TargetError
from lib.core.results import Look, Outcome, Result, SkipReason
from lib.tasks.rls import looks as rls
from lib.tasks.rls.task import API_AGREES_WITH_SQL, CHECKS, TWIN_GRANTS_THE_SAME, Rls
from lib.transport.context import Context
from tests.support.rls_samples import IDENTITIES, NOTES, TEST, apply, every_verb, roles
from tests.support.rls_samples import clean_section as section

LOOKS: tuple[Look[..., Any], ...] = (
    rls.look_at_tables,
    rls.look_at_views,
    rls.look_at_functions,
    rls.look_at_calls,
    rls.look_at_matrix,
    rls.look_at_roles,
    rls.look_at_grants,
    rls.look_at_defaults,
    rls.look_at_pgtap,
)


def look_at_all(context: Context[Rls]) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for look in LOOKS:
        findings = look(context)
        found |= {result.check: result for result in findings.results}
        if look is rls.look_at_matrix:  # the project's API is compared with what was seen
            found |= {result.check: result for result in rls.look_at_api(context, matrix=findings.facts).results}
    return {check.id: found[check.id] for check in CHECKS}


def failing(context: Context[Rls]) -> dict[str, str]:
    """Return the detail of each check that failed; each names what is wrong, so that a waiver can cover that and no more."""
    failed = {check: result for check, result in look_at_all(context).items() if result.outcome is Outcome.FAIL}
    assert all(result.objects for result in failed.values()), failed
    return {check: result.detail for check, result in failed.items()}


def only_failure(context: Context[Rls], *statements: str) -> tuple[str, str]:
    """Apply a fault and return the one check that fails for it, with its detail."""
    apply(context.target, *statements)
    found = failing(context)
    assert len(found) == 1, found
    return next(iter(found.items()))


def declaring(context: Context[Rls], **changes: Any) -> Context[Rls]:
    return replace(context, settings=section(**changes))


def test_a_clean_context_passes_every_check(context: Context[Rls]) -> None:
    found = look_at_all(context)
    assert list(found) == [check.id for check in CHECKS]
    for check in (TWIN_GRANTS_THE_SAME, API_AGREES_WITH_SQL):  # nothing was restored here, and no API stands here
        skipped = found.pop(check.id)
        assert (skipped.outcome, skipped.skipped_because) == (Outcome.SKIP, SkipReason.NOT_DUE)
    assert {check: result.outcome for check, result in found.items()} == dict.fromkeys(found, Outcome.PASS)


def test_every_finding_says_what_to_do_next(context: Context[Rls]) -> None:
    apply(
        context.target,
        "alter table public.notes disable row level security",
        "alter view public.titles set (security_invoker = false)",
        "alter function public.count_notes() reset search_path",
        "create table public.more ()",
        "revoke select on public.notes from authenticated",
        "grant truncate on public.notes to anon",
    )
    wrong = [result for result in look_at_all(context).values() if result.outcome is not Outcome.PASS]
    assert all(result.fix for result in wrong if result.outcome is not Outcome.SKIP)


class TestEveryTableEnabled:
    def test_a_table_with_rls_off_fails_here_alone_until_repaired(self, context: Context[Rls]) -> None:
        check, detail = only_failure(context, "alter table public.notes disable row level security")
        assert check == "rls.every_table_enabled"
        assert "public.notes (4 policies not enforced)" in detail
        apply(context.target, "alter table public.notes enable row level security")
        assert failing(context) == {}

    def test_a_partition_with_rls_off_fails_although_its_parent_has_it(self, context: Context[Rls]) -> None:
        apply(
            context.target,
            "create table public.parts (n int) partition by list (n)",
            "alter table public.parts enable row level security",
            "create table public.part_1 partition of public.parts for values in (1)",
        )
        found = failing(context)
        assert "public.part_1" in found["rls.every_table_enabled"]

    def test_tables_of_extensions_and_of_other_schemas_do_not_count(self, context: Context[Rls]) -> None:
        apply(
            context.target, "create schema private", "create table private.free ()", "create extension citext with schema public"
        )
        assert failing(context) == {}

    def test_no_table_at_all_is_an_error(self, context: Context[Rls]) -> None:
        empty = declaring(context, schemas=["graphql_public"])
        found = look_at_all(empty)
        assert found["rls.every_table_enabled"].outcome is Outcome.ERROR
        assert found["rls.matrix_matches_declared"].outcome is Outcome.ERROR
        assert found["rls.grants_match_declared"].outcome is Outcome.ERROR


class TestNoPolicyWithoutRls:
    def test_a_policy_on_a_private_table_without_rls_fails_here_alone(self, context: Context[Rls]) -> None:
        check, detail = only_failure(
            context, "create schema private", "create table private.t ()", "create policy idle on private.t using (true)"
        )
        assert check == "rls.no_policy_without_rls"
        assert "private.t (idle)" in detail
        apply(context.target, "alter table private.t enable row level security")
        assert failing(context) == {}

    def test_an_exposed_table_is_left_to_the_other_check(self, context: Context[Rls]) -> None:
        apply(context.target, "alter table public.notes disable row level security")
        result = look_at_all(context)["rls.no_policy_without_rls"]
        assert (result.outcome, result.see) == (Outcome.SKIP, "rls.every_table_enabled")
        assert "public.notes" in result.detail

    def test_no_policy_anywhere_is_a_skip(self, context: Context[Rls]) -> None:
        apply(context.target, *(f"drop policy notes_{name} on public.notes" for name in ("read", "add", "change", "drop")))
        assert look_at_all(context)["rls.no_policy_without_rls"].outcome is Outcome.SKIP


class TestEveryTableIsDeclared:
    def test_an_undeclared_table_fails_here_alone_until_declared(self, context: Context[Rls]) -> None:
        check, detail = only_failure(
            context,
            "create table public.extra (id int)",
            "alter table public.extra enable row level security",
            "revoke all on public.extra from anon, authenticated, service_role",
        )
        assert check == "rls.every_table_is_declared"
        assert "public.extra" in detail
        hidden = {one.check: one.see for one in look_at_all(context).values() if one.see}
        speak_of_all = (
            "rls.functions_keep_to_matrix",
            "rls.matrix_matches_declared",
            "rls.grants_match_declared",
            "rls.no_spare_grants",
        )
        assert hidden == dict.fromkeys(speak_of_all, "rls.every_table_is_declared")
        closed = roles(every_verb("deny"), service_role=every_verb("deny"))
        assert failing(declaring(context, matrix={"public.notes": roles(), "public.extra": closed})) == {}

    def test_a_declared_table_that_is_not_there_fails(self, context: Context[Rls]) -> None:
        gone = {"public.notes": roles(), "public.gone": roles(every_verb("deny"))}
        assert failing(declaring(context, matrix=gone)).keys() == {"rls.every_table_is_declared"}

    def test_a_policy_on_files_of_storage_needs_a_row_and_is_tried(self, context: Context[Rls]) -> None:
        apply(context.target, "create policy open on storage.objects for all to anon using (true)")
        assert "storage.objects" in failing(context)["rls.every_table_is_declared"]
        closed = roles(every_verb("deny"), service_role=every_verb("allow"))
        found = failing(declaring(context, matrix={"public.notes": roles(), "storage.objects": closed}))
        assert "anon select on storage.objects reaches every row (declared: deny): " in found["rls.matrix_matches_declared"]
        apply(context.target, "drop policy open on storage.objects")
        assert failing(declaring(context, matrix={"public.notes": roles(), "storage.objects": closed})) == {}

    def test_a_role_or_verb_left_out_fails(self, context: Context[Rls]) -> None:
        gaps = roles()
        del gaps["anon"]["delete"]
        detail = failing(declaring(context, matrix={"public.notes": gaps}))["rls.every_table_is_declared"]
        assert "public.notes anon delete" in detail

    def test_a_view_and_a_guarded_partition_need_no_row(self, context: Context[Rls]) -> None:
        parts = "create table public.parts (n int) partition by list (n)"
        apply(
            context.target,
            parts,
            "create table public.part_1 partition of public.parts for values in (1)",
            "alter table public.parts enable row level security",
            "alter table public.part_1 enable row level security",
            "revoke all on public.parts, public.part_1 from anon, authenticated, service_role",
        )
        closed = roles(every_verb("deny"), service_role=every_verb("deny"))
        assert failing(declaring(context, matrix={"public.notes": roles(), "public.parts": closed})) == {}

    def test_an_empty_matrix_is_an_error(self, context: Context[Rls]) -> None:
        found = look_at_all(declaring(context, matrix={}, scopes={}))
        errors = {check for check, result in found.items() if result.outcome is Outcome.ERROR}
        assert errors == {
            "rls.every_table_is_declared",
            "rls.functions_keep_to_matrix",
            "rls.probes_could_be_made",
            "rls.matrix_matches_declared",
            "rls.grants_match_declared",
            "rls.no_spare_grants",
        }


class TestViews:
    @pytest.mark.parametrize("options", ["reset (security_invoker)", "set (security_invoker = false)"])
    def test_a_view_with_its_owners_rights_fails_here_alone(self, context: Context[Rls], options: str) -> None:
        check, detail = only_failure(context, f"alter view public.titles {options}")
        assert check == "rls.views_are_security_invoker"
        assert "public.titles" in detail
        apply(context.target, "alter view public.titles set (security_invoker = true)")
        assert failing(context) == {}

    @pytest.mark.parametrize("spelled", ["on", "true", "1", "yes"])
    def test_every_spelling_of_yes_counts(self, context: Context[Rls], spelled: str) -> None:
        apply(context.target, f"alter view public.titles set (security_invoker = {spelled})")
        assert failing(context) == {}

    @pytest.mark.parametrize("inner", ["view", "materialized view"])
    def test_a_view_that_passes_on_what_an_unexposed_one_reads_fails(self, context: Context[Rls], inner: str) -> None:
        apply(
            context.target,
            "create schema inside",
            "grant usage on schema inside to authenticated",
            f"create {inner} inside.notes as select * from public.notes",
            "create view public.outer_notes with (security_invoker = true) as select * from inside.notes",
            "revoke all on public.outer_notes from anon, authenticated",
            "grant select on public.outer_notes to authenticated",
        )
        assert failing(context) == {}
        check, detail = only_failure(context, "grant select on inside.notes to authenticated")
        assert (check, "view public.outer_notes" in detail) == ("rls.views_are_security_invoker", True)

    def test_a_rule_that_writes_with_its_owners_rights_fails(self, context: Context[Rls]) -> None:
        rule = "create rule adds as on delete to public.titles do instead delete from public.notes where id = old.id"
        apply(context.target, "drop view public.titles")
        apply(context.target, "create view public.titles with (security_invoker = true) as select * from public.notes")
        apply(
            context.target,
            rule,
            "revoke all on public.titles from anon, authenticated",
            "grant select on public.titles to authenticated",
        )
        assert failing(context) == {}
        check, detail = only_failure(context, "grant delete on public.titles to authenticated")
        assert (check, "view with a rule public.titles" in detail) == ("rls.views_are_security_invoker", True)

    def test_a_materialized_view_fails_only_for_who_may_read_it(self, context: Context[Rls]) -> None:
        apply(
            context.target,
            "create materialized view public.kept as select 1 as one",
            "revoke all on public.kept from anon, authenticated",
        )
        assert failing(context) == {}
        check, detail = only_failure(context, "grant select on public.kept to authenticated")
        assert (check, "materialized view public.kept" in detail) == ("rls.views_are_security_invoker", True)

    def test_no_view_is_a_skip(self, context: Context[Rls]) -> None:
        apply(context.target, "drop view public.titles")
        assert look_at_all(context)["rls.views_are_security_invoker"].outcome is Outcome.SKIP


class TestDefinerFunctions:
    def test_a_definer_function_without_a_path_fails_here_alone(self, context: Context[Rls]) -> None:
        check, detail = only_failure(context, "alter function public.count_notes() reset search_path")
        assert check == "rls.definer_functions_fix_search_path"
        assert "public.count_notes()" in detail
        apply(context.target, "alter function public.count_notes() set search_path = public, pg_temp")
        assert failing(context) == {}

    def test_another_setting_is_no_search_path(self, context: Context[Rls]) -> None:
        apply(
            context.target,
            "alter function public.count_notes() reset search_path",
            "alter function public.count_notes() set work_mem = '8MB'",
        )
        assert "rls.definer_functions_fix_search_path" in failing(context)

    def test_an_invoker_function_needs_none(self, context: Context[Rls]) -> None:
        apply(context.target, "create function public.plain() returns int language sql as 'select 1'")
        assert failing(context) == {}

    def test_a_definer_in_a_schema_that_is_not_exposed_counts(self, context: Context[Rls]) -> None:
        apply(
            context.target, "create schema private", "create procedure private.run() language sql security definer as 'select 1'"
        )
        assert "procedure private.run()" in failing(context)["rls.definer_functions_fix_search_path"]

    def test_none_at_all_is_a_skip(self, context: Context[Rls]) -> None:
        apply(context.target, "drop function public.count_notes()")
        assert look_at_all(context)["rls.definer_functions_fix_search_path"].outcome is Outcome.SKIP


class TestMatrix:
    def test_an_always_true_policy_fails_here_alone_until_dropped(self, context: Context[Rls]) -> None:
        check, detail = only_failure(context, "create policy open on public.notes for select to authenticated using (true)")
        assert check == "rls.matrix_matches_declared"
        assert "authenticated select on public.notes reaches every row (declared: own): " in detail
        assert "outside of what is declared (own), such as id" in detail
        apply(context.target, "drop policy open on public.notes")
        assert failing(context) == {}

    def test_the_heat_map_has_a_cell_an_identity_and_verb(self, context: Context[Rls]) -> None:
        apply(context.target, "create policy open on public.notes for select to authenticated using (true)")
        facts = rls.look_at_matrix(context).facts
        assert len(facts) == 16
        assert {"table": "public.notes", "identity": "ben", "verb": "select", "expected": "own", "observed": "allow"} in facts

    def test_the_table_has_a_row_a_role_and_says_what_differs(self, context: Context[Rls]) -> None:
        apply(context.target, "create policy open on public.notes for select to authenticated using (true)")
        rows = {row["role"]: row for row in rls.look_at_matrix(context).rows}
        assert rows["authenticated"]["select"] == "allow (declared own)"
        assert rows["authenticated"]["insert"] == "own"
        assert rows["anon"]["delete"] == "deny (no grant)"

    def test_a_table_that_is_not_guarded_hides_the_sentence_about_all_of_them(self, context: Context[Rls]) -> None:
        both = declaring(context, matrix={"public.notes": roles(), "public.more": roles()}, scopes={
            "public.notes": {"own": "owner = :uid"}, "public.more": {"own": "owner = :uid"},
        })  # fmt: skip
        more = NOTES.replace("public.notes", "public.more").replace("notes_", "more_")
        apply(context.target, more, "alter table public.more disable row level security")
        found = look_at_all(both)
        assert found["rls.every_table_enabled"].outcome is Outcome.FAIL
        for name in ("matrix_matches_declared", "probes_could_be_made"):
            result = found[f"rls.{name}"]
            assert (result.outcome, result.see) == (Outcome.SKIP, "rls.every_table_enabled")
            assert (result.observed, result.expected) == (12, 24), "the whole number of cells is still what is spoken of"
        apply(context.target, "alter table public.more enable row level security")
        assert look_at_all(both)["rls.matrix_matches_declared"].outcome is Outcome.PASS

    def test_where_no_table_is_guarded_that_is_said_once(self, context: Context[Rls]) -> None:
        apply(context.target, "alter table public.notes disable row level security")
        found = look_at_all(context)
        assert [check for check, result in found.items() if result.outcome is Outcome.ERROR] == []
        for name in ("matrix_matches_declared", "probes_could_be_made"):
            assert (found[f"rls.{name}"].outcome, found[f"rls.{name}"].see) == (Outcome.SKIP, "rls.every_table_enabled")

    def test_rows_that_tell_nothing_are_an_error_of_the_probe_alone(self, context: Context[Rls]) -> None:
        apply(context.target, "delete from public.notes")
        found = look_at_all(context)
        assert [check for check, result in found.items() if result.outcome is Outcome.ERROR] == ["rls.probes_could_be_made"]
        assert found["rls.matrix_matches_declared"].see == "rls.probes_could_be_made"
        assert "authenticated insert on public.notes" in found["rls.probes_could_be_made"].detail

    def test_an_identity_without_its_role_is_an_error(self, context: Context[Rls]) -> None:
        with pytest.raises(TargetError, match="ghost"):
            rls.look_at_matrix(declaring(context, identities={**IDENTITIES, "ghost": {"role": "ghost"}}))


class TestGrants:
    def test_a_missing_grant_fails_here_alone_until_granted(self, context: Context[Rls]) -> None:
        check, detail = only_failure(context, "revoke update on public.notes from authenticated")
        assert check == "rls.grants_match_declared"
        assert "authenticated lacks update on public.notes" in detail
        apply(context.target, "grant update on public.notes to authenticated")
        assert failing(context) == {}

    def test_a_closed_schema_is_named_once(self, context: Context[Rls]) -> None:
        apply(context.target, "create schema inner_room", "alter table public.notes set schema inner_room")
        closed = declaring(
            context,
            schemas=["inner_room"],
            scopes={"inner_room.notes": {"own": "owner = :uid"}},
            matrix={"inner_room.notes": roles()},
        )
        assert "usage of its schema" in failing(closed)["rls.grants_match_declared"]

    def test_a_serial_column_needs_its_sequence(self, context: Context[Rls]) -> None:
        check, detail = only_failure(
            context,
            "create sequence public.notes_seq owned by public.notes.id",
            "revoke all on sequence public.notes_seq from authenticated",
        )
        assert (check, "public.notes_seq" in detail) == ("rls.grants_match_declared", True)

    def test_a_grant_on_some_columns_fails_until_these_are_declared(self, context: Context[Rls]) -> None:
        check, detail = only_failure(
            context,
            "revoke update on public.notes from authenticated",
            "grant update (title) on public.notes to authenticated",
        )
        assert check == "rls.grants_match_declared"
        assert "authenticated may update only title, which rls.columns does not declare (public.notes)" in detail
        declared = declaring(context, columns={"public.notes": {"authenticated": {"update": ["title"]}}})
        assert failing(declared) == {}
        apply(context.target, "grant update (owner) on public.notes to authenticated")
        assert "may update owner, which is not declared" in failing(declared)["rls.grants_match_declared"]
        apply(context.target, "revoke update (title, owner) on public.notes from authenticated")
        apply(context.target, "grant update (id) on public.notes to authenticated")
        assert "may not update title, which is declared" in failing(declared)["rls.grants_match_declared"]
        apply(context.target, "grant update on public.notes to authenticated")
        assert "may update every column, declared title" in failing(declared)["rls.grants_match_declared"]

    @pytest.mark.parametrize(("grant", "said"), [
        ("insert", "anon has insert"), ("truncate", "anon has truncate"), ("trigger", "anon has trigger"),
        ("references", "anon has references"),
    ])  # fmt: skip
    def test_a_spare_grant_only_advises(self, context: Context[Rls], grant: str, said: str) -> None:
        check, detail = only_failure(context, f"grant {grant} on public.notes to anon")
        assert (check, said in detail) == ("rls.no_spare_grants", True)
        assert not next(one for one in CHECKS if one.id == check).gate

    def test_what_everybody_is_granted_is_named_first(self, context: Context[Rls]) -> None:
        check, detail = only_failure(context, "grant truncate on public.notes to public")
        assert (check, detail.startswith("everybody has truncate on public.notes")) == ("rls.no_spare_grants", True)
        fix = look_at_all(context)[check].fix
        assert "revoke truncate on public.notes from public;" in fix

    def test_a_missing_role_is_an_error(self, context: Context[Rls]) -> None:
        with pytest.raises(TargetError, match="ghost"):
            rls.look_at_grants(declaring(context, identities={**IDENTITIES, "ghost": {"role": "ghost"}}))


class TestPgtap:
    def test_a_failing_test_fails_here_alone_and_is_named(self, context: Context[Rls]) -> None:
        path = context.pack / "supabase" / "tests" / "notes.test.sql"
        path.write_text(TEST.replace("has_table('notes')", "has_table('novels')"))
        found = failing(context)
        assert found.keys() == {"rls.pgtap_tests_pass"}
        assert "supabase/tests/notes.test.sql: 1: Table novels should exist" in found["rls.pgtap_tests_pass"]
        path.write_text(TEST)
        assert failing(context) == {}

    def test_a_file_without_a_test_fails(self, context: Context[Rls]) -> None:
        (context.pack / "supabase" / "tests" / "empty.sql").write_text("-- later\n")
        assert "ran no test" in failing(context)["rls.pgtap_tests_pass"]

    def test_no_file_at_all_is_an_error(self, context: Context[Rls]) -> None:
        (context.pack / "supabase" / "tests" / "notes.test.sql").unlink()
        assert look_at_all(context)["rls.pgtap_tests_pass"].outcome is Outcome.ERROR

    def test_what_every_file_said_is_kept(self, context: Context[Rls]) -> None:
        kept = rls.look_at_pgtap(context).artifacts
        assert list(kept) == ["tap-01-notes.test.sql.txt", "pgtap.junit.xml"]
        assert '<testsuite name="supabase/tests/notes.test.sql"' in kept["pgtap.junit.xml"]
        assert "ok 1 - Table notes should exist" in kept["tap-01-notes.test.sql.txt"]
