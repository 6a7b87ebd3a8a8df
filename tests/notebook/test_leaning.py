"""A result about an embedded database says which stand-ins of extensions it leans on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lib.core.results import Outcome, Provenance
from lib.evidence.log import EvidenceLine
from lib.notebook.leaning import as_leaning, read_leaning
from lib.transport.database import Database


def line(subject: str = "database", provenance: Provenance = Provenance.EMBEDDED, detail: str = "") -> EvidenceLine:
    return EvidenceLine(
        run_id="r", environment="local", task="rls", check="rls.x", result=Outcome.PASS, gate=True, subject=subject,
        provenance=provenance, detail=detail, started_at=datetime(2026, 11, 1, tzinfo=UTC), duration_s=0.1,
    )  # fmt: skip


def test_a_fresh_project_leans_on_nothing(hosted_database: Database) -> None:
    assert read_leaning(hosted_database) == ()


def test_what_a_project_created_is_named(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create extension pg_cron; create extension citext with schema extensions; create extension pgmq")
    assert read_leaning(hosted_database) == ("pg_cron", "pgmq")


@pytest.mark.parametrize(
    "used",
    [
        "select vault.create_secret('x', 'name')",
        "create function public.f() returns text language sql as $$ select decrypted_secret from vault.decrypted_secrets $$",
    ],
)
def test_the_vault_counts_where_the_project_uses_it(hosted_database: Database, used: str) -> None:
    with hosted_database.connect() as connection:
        connection.execute(used)
    assert read_leaning(hosted_database) == ("supabase_vault",)


def test_a_word_that_only_looks_alike_is_no_use(hosted_database: Database) -> None:
    with hosted_database.connect() as connection:
        connection.execute("create function public.vaulted() returns text language sql as $$ select 'vaulted' $$")
    assert read_leaning(hosted_database) == ()


def test_a_database_that_does_not_answer_names_nothing(hosted_database: Database) -> None:
    assert read_leaning(hosted_database.named("nowhere")) == ()


@pytest.mark.parametrize("subject", ["database", "twin"])
def test_an_embedded_result_becomes_a_simulated_one_and_says_why(subject: str) -> None:
    found = as_leaning(line(subject, detail="Seen."), ("pg_cron", "pgmq"))
    assert found.provenance is Provenance.SIMULATED
    assert found.detail == "Seen. Leans on the stand-in of pg_cron, pgmq: see docs/embedded-platform.md."


@pytest.mark.parametrize(
    ("subject", "provenance", "names"),
    [
        ("project", Provenance.EMBEDDED, ("pgmq",)),
        ("database", Provenance.LIVE, ("pgmq",)),
        ("database", Provenance.TWIN, ("pgmq",)),
        ("database", Provenance.EMBEDDED, ()),
    ],
)
def test_other_results_stay_as_they_are(subject: str, provenance: Provenance, names: tuple[str, ...]) -> None:
    assert as_leaning(line(subject, provenance), names) == line(subject, provenance)
