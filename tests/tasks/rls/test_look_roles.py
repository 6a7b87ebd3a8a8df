"""A role of the API that bypasses policies, owns tables, or can become one that does is found; hosted's own roles are fine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lib.core.results import Outcome, Result
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.rls.look_roles import look_at_roles
from lib.tasks.rls.task import Rls
from lib.transport.context import Context
from tests.support.rls_samples import IDENTITIES, apply, clean_section


def look(context: Context[Rls]) -> Result:
    return look_at_roles(context).results[0]


@contextmanager
def changed(server: EmbeddedPostgres, context: Context[Rls], change: str, back: str) -> Iterator[None]:
    """Change roles of the whole server, and change them back."""
    admin = server.database(role="supabase_admin").named(context.target.name)
    apply(admin, change)
    try:
        yield
    finally:
        apply(admin, back)


def test_hosted_roles_are_fine(context: Context[Rls]) -> None:
    result = look(context)
    assert (result.outcome, result.observed) == (Outcome.PASS, 3)


@pytest.mark.parametrize(
    ("change", "back", "said"),
    [
        ("alter role authenticated bypassrls", "alter role authenticated nobypassrls", "authenticated is past every policy"),
        ("alter role anon createrole", "alter role anon nocreaterole", "anon is able to make and grant roles"),
        (
            "grant service_role to authenticated",
            "revoke service_role from authenticated",
            "authenticated is a member of service_role, which is past every policy",
        ),
        (
            "grant authenticated to anon",
            "revoke authenticated from anon",
            "anon is a member of authenticated, which is signed in",
        ),
        (
            "create role between; grant between to anon; grant pg_read_all_data to between",
            "drop role between",
            "anon is a member of pg_read_all_data through between, which is able to use every table",
        ),
        (
            "grant pg_read_all_data to authenticator",
            "revoke pg_read_all_data from authenticator",
            "authenticator is a member of pg_read",
        ),
    ],
)
def test_a_role_that_policies_do_not_hold_for_is_found_until_it_is_put_right(
    context: Context[Rls], postgres_server: EmbeddedPostgres, change: str, back: str, said: str
) -> None:
    with changed(postgres_server, context, change, back):
        result = look(context)
        assert result.outcome is Outcome.FAIL
        assert said in result.detail
        assert result.fix
    assert look(context).outcome is Outcome.PASS


def test_the_owner_of_an_exposed_table_is_not_held_by_its_policies(
    context: Context[Rls], postgres_server: EmbeddedPostgres
) -> None:
    table = "alter table public.notes owner to"
    with changed(postgres_server, context, f"{table} authenticated", f"{table} postgres"):
        assert "authenticated is the owner of public.notes" in look(context).detail


def test_a_harmless_membership_is_fine_and_a_role_of_ones_own_is_looked_at(
    context: Context[Rls], postgres_server: EmbeddedPostgres
) -> None:
    own = replace(context, settings=clean_section(identities={**IDENTITIES, "ed": {"role": "editor"}}))
    assert look(own).outcome is Outcome.ERROR
    with changed(postgres_server, context, "create role editor; grant authenticated to editor", "drop role editor"):
        assert look(own).outcome is Outcome.PASS
        apply(postgres_server.database(role="supabase_admin"), "alter role editor bypassrls")
        assert "editor is past every policy" in look(own).detail
