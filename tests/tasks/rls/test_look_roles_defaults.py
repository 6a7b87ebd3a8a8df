"""Default privileges that open what is to come beyond the platform's own are named."""

from __future__ import annotations

from dataclasses import replace

from lib.core.results import Outcome, Result
from lib.tasks.rls.look_roles import look_at_defaults
from lib.tasks.rls.task import NEW_TABLES_START_CLOSED, Rls
from lib.transport.context import Context
from tests.support.rls_samples import apply, clean_section


def look(context: Context[Rls]) -> Result:
    return look_at_defaults(context).results[0]


def test_what_a_hosted_project_starts_with_is_fine_and_another_schema_opened_is_not(context: Context[Rls]) -> None:
    assert look(context).outcome is Outcome.PASS
    both = replace(context, settings=clean_section(schemas=["public", "api", "graphql_public"]))
    opening = "alter default privileges in schema api grant select on tables to anon"
    apply(context.target, "create schema api", opening)
    assert look(context).outcome is Outcome.PASS
    result = look(both)
    assert result.outcome is Outcome.FAIL
    assert not NEW_TABLES_START_CLOSED.gate
    assert "anon gets select on new tables of postgres in api" in result.detail
    apply(context.target, next(iter(result.fix)).rstrip(";"))
    assert look(both).outcome is Outcome.PASS


def test_everybody_and_every_schema_are_named(context: Context[Rls]) -> None:
    apply(context.target, "alter default privileges grant insert on tables to public")
    assert "public gets insert on new tables of postgres in every schema" in look(context).detail
    apply(context.target, "alter default privileges grant execute on functions to public")
    assert "functions" not in look(context).detail


def test_a_project_whose_config_closes_new_tables_may_not_open_them_by_default(context: Context[Rls]) -> None:
    opening = "alter default privileges in schema public grant all on tables to anon"
    apply(context.target, opening)
    assert look(context).outcome is Outcome.PASS
    (context.pack / "supabase" / "config.toml").write_text("[api]\nauto_expose_new_tables = false\n")
    assert "anon gets" in look(context).detail


def test_what_is_left_where_the_platform_closes_new_tables_is_its_own(context: Context[Rls]) -> None:
    (context.pack / "supabase" / "config.toml").write_text("[api]\nauto_expose_new_tables = false\n")
    assert look(context).outcome is Outcome.PASS
    apply(context.target, "alter default privileges in schema public grant usage on sequences to anon")
    assert "anon gets update, usage on new sequences of postgres in public" in look(context).detail
