"""Functions that API roles may call are declared, in both directions, and give nobody more than the matrix does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lib.core.results import Outcome, Result, SkipReason
from lib.tasks.rls.look_calls import look_at_calls
from lib.tasks.rls.task import EXPOSED_FUNCTIONS_ARE_DECLARED, FUNCTIONS_KEEP_TO_MATRIX, Rls
from lib.transport.context import Context
from tests.support.rls_samples import apply, clean_section

ALL = (
    "create function public.all_notes() returns setof public.notes language sql security definer set search_path = '' "
    "as 'select * from public.notes'"
)
GUARDED = (
    "create function public.guarded(n text) returns int language plpgsql security definer set search_path = '' "
    "as $f$begin return ('x' || n)::int; end$f$"
)


def look(context: Context[Rls], functions: dict[str, Any] | None = None, **changes: Any) -> tuple[Result, Result]:
    """Return both results, with these functions declared beside the clean context's."""
    known = clean_section().functions
    declared, kept = look_at_calls(
        replace(context, settings=clean_section(functions={**known, **(functions or {})}, **changes))
    ).results
    return declared, kept


def test_a_definer_function_that_returns_every_row_fails_both_until_it_is_revoked(context: Context[Rls]) -> None:
    apply(context.target, ALL, "revoke execute on function public.all_notes() from authenticated, public", "grant execute on "
          "function public.all_notes() to anon")  # fmt: skip
    declared, kept = look(context)
    assert declared.outcome is Outcome.FAIL and "anon may call public.all_notes()" in declared.detail
    assert kept.outcome is Outcome.FAIL and "as anon it shows rows of public.notes out of reach, for example id" in kept.detail
    assert any("revoke execute on function public.all_notes() from anon" in one for one in kept.fix)
    apply(context.target, "revoke execute on function public.all_notes() from anon")
    assert {one.outcome for one in look(context)} == {Outcome.PASS}


def test_what_is_meant_to_go_beyond_is_declared_as_any_and_what_is_not_as_own(context: Context[Rls]) -> None:
    apply(context.target, ALL)
    assert {one.outcome for one in look(context, {"public.all_notes()": {"anon": "any", "authenticated": "any"}})} == {
        Outcome.PASS
    }
    declared, kept = look(context, {"public.all_notes()": {"anon": "any", "authenticated": "own"}})
    assert (declared.outcome, kept.outcome) == (Outcome.PASS, Outcome.FAIL)


def test_a_denied_function_may_not_be_executed_and_a_callable_one_must_be(context: Context[Rls]) -> None:
    _, kept = look(context, {"public.count_notes()": {"anon": "deny", "authenticated": "any"}})
    assert "anon by public.count_notes() is any, declared deny (it may execute it" in kept.detail
    apply(
        context.target,
        "grant execute on function public.count_notes() to authenticated",
        "revoke execute on function public.count_notes() from public, anon",
    )
    declared, kept = look(context, {"public.count_notes()": {"anon": "deny", "authenticated": "any"}})
    assert (declared.outcome, kept.outcome) == (Outcome.PASS, Outcome.PASS)
    _, kept = look(context, {"public.count_notes()": {"anon": "own", "authenticated": "any"}})
    assert "it may not execute it" in kept.detail


def test_a_declared_function_that_is_not_there_fails(context: Context[Rls]) -> None:
    declared, _ = look(context, {"public.gone(uuid)": {"anon": "deny"}})
    assert "public.gone(uuid)" in declared.detail and declared.outcome is Outcome.FAIL


def test_an_honest_undeclared_function_fails_only_to_be_declared_and_hides_the_rest(context: Context[Rls]) -> None:
    own = ALL.replace("public.notes'", "public.notes where owner = auth.uid()'").replace("all_notes", "my_notes")
    apply(context.target, own)
    declared, kept = look(context)
    assert (declared.outcome, kept.outcome, kept.see) == (Outcome.FAIL, Outcome.SKIP, EXPOSED_FUNCTIONS_ARE_DECLARED.id)
    assert {one.outcome for one in look(context, {"public.my_notes()": {"anon": "own", "authenticated": "own"}})} == {
        Outcome.PASS
    }


def test_a_function_of_which_no_call_goes_through_is_undetermined_until_arguments_are_given(context: Context[Rls]) -> None:
    apply(context.target, GUARDED)
    said = {"public.guarded(text)": {"anon": "own", "authenticated": "own"}}
    _, kept = look(context, said)
    assert kept.outcome is Outcome.ERROR and "no call of it went through" in kept.detail
    assert any("rls.function_arguments" in one for one in kept.fix)
    apply(context.target, "create or replace " + GUARDED.removeprefix("create ").replace("('x' || n)", "n"))
    _, kept = look(context, said, function_arguments={"public.guarded(text)": [["'7'"]]})
    assert kept.outcome is Outcome.PASS


def test_functions_of_triggers_and_those_that_nobody_may_call_need_no_row(context: Context[Rls]) -> None:
    apply(
        context.target,
        "revoke execute on function public.count_notes() from public, anon, authenticated",
        "create function public.on_change() returns trigger language plpgsql security definer set search_path = '' as "
        "'begin return null; end'",
    )
    found = look_at_calls(replace(context, settings=clean_section(functions={}))).results
    assert [one.check for one in found] == [EXPOSED_FUNCTIONS_ARE_DECLARED.id, FUNCTIONS_KEEP_TO_MATRIX.id]
    assert {one.skipped_because for one in found} == {SkipReason.NOT_APPLICABLE}


def test_what_calls_answer_stays_out_of_the_page(context: Context[Rls]) -> None:
    apply(context.target, ALL, "update public.notes set title = 'a secret of ' || owner")
    found = look_at_calls(context)
    assert "a secret" not in str(found.rows) + str(found.results)
