"""The caller has one spelling, trees fold what is known, and a predicate reads as a person would write it."""

from __future__ import annotations

import pytest

from lib.onboarding.expressions import as_predicate, fold, parse, respell
from lib.onboarding.scope_names import name_scope


@pytest.mark.parametrize(
    ("said", "predicate"),
    [
        ("auth.uid() = user_id", "user_id = :uid"),
        ("user_id = ( SELECT auth.uid() AS uid)", "user_id = :uid"),
        ("(auth.jwt() ->> 'sub'::text)::uuid = user_id", "user_id = :uid"),
        ("user_id = auth.uid() AND auth.role() = 'authenticated'::text", "user_id = :uid"),
        ("published OR user_id = auth.uid()", "published or user_id = :uid"),
        ("auth.uid() IS NOT NULL", "true"),
        ("auth.role() = 'service_role'::text", "false"),
        ("is_member(auth.uid(), team)", "is_member(:uid::uuid, team)"),
    ],
)
def test_every_spelling_of_the_caller_is_the_same(said: str, predicate: str) -> None:
    tree = fold(parse(respell(said, role="authenticated")), has_user=True)
    assert as_predicate(str(tree)) == predicate


@pytest.mark.parametrize(
    ("said", "rows"),
    [("user_id = auth.uid()", "false"), ("auth.uid() IS NULL", "true"), ("public OR user_id = auth.uid()", "public")],
)
def test_nobody_owns_nothing(said: str, rows: str) -> None:
    assert str(fold(parse(said), has_user=False)) == rows


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("user_id = auth.uid()", "own"),
        ("is_published OR user_id = auth.uid()", "published_or_own"),
        ("status = 'live'::text", "live"),
        ("sharing <> 'private'::text", "not_private"),
        (
            "EXISTS (SELECT 1 FROM public.account_user m WHERE m.account_id = t.account_id AND m.user_id = auth.uid())",
            "account_member",
        ),
        (
            "team_id IN (SELECT m.team_id FROM public.members m WHERE m.user_id = auth.uid() AND m.role = 'owner'::text)",
            "team_owner",
        ),
    ],
)
def test_scopes_are_named_as_a_person_would(said: str, name: str) -> None:
    assert name_scope(parse(said), table="t", verb="select") == name
