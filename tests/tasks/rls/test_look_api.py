"""Both ways agree on a clean project; what only a request meets is found, named, and gone when it is repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from lib.core.results import Findings, Outcome, Provenance, Result, SkipReason
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.embedded.vendors.postgrest import Postgrest
from lib.tasks.rls import looks as rls
from lib.tasks.rls.task import Rls
from lib.transport.context import Context, Service
from tests.support.rls_samples import apply

GUARD = (
    "create or replace function public.guard() returns void language plpgsql set search_path = '' as $$ begin {body} end $$",
    "revoke execute on function public.guard() from public",
    "grant execute on function public.guard() to anon, authenticated, service_role",
    "alter role authenticator in database {database} set pgrst.db_pre_request = 'public.guard'",
)
"""What the project calls before every request."""


@pytest.fixture
def api(context: Context[Rls], postgres_server: EmbeddedPostgres) -> Iterator[Postgrest]:
    url = postgres_server.url_for(name_of(context), role="supabase_admin")
    with Postgrest(url, schemas=("public",), folder=context.work) as running:
        yield running


@pytest.fixture
def asked(context: Context[Rls], api: Postgrest) -> Context[Rls]:
    return replace(context, services={"api": Service(name="api", parts=api.parts)})


def name_of(context: Context[Rls]) -> str:
    return urlsplit(context.target.url).path.strip("/")


def guard(context: Context[Rls], body: str) -> None:
    apply(context.target, *(one.format(body=body, database=name_of(context)) for one in GUARD))


def look(context: Context[Rls]) -> Findings[None]:
    return rls.look_at_api(context, matrix=rls.look_at_matrix(context).facts)


def result_of(context: Context[Rls]) -> Result:
    (result,) = look(context).results
    return result


def test_on_a_clean_project_both_ways_agree_and_no_row_is_changed(asked: Context[Rls]) -> None:
    before = asked.target.rows("select * from public.notes order by id")
    found = look(asked)
    (result,) = found.results
    assert (result.outcome, result.observed, result.provenance) == (Outcome.PASS, 0, Provenance.SIMULATED), result.detail
    assert {row["verb"] for row in found.rows} == {"select", "insert", "update", "delete"}
    assert {row["identity"] for row in found.rows} == {"anon", "ana", "ben", "service"}
    assert {row["came out"] for row in found.rows} == {"agrees"}
    about = {(row["verb"], row["rows"]) for row in found.rows if row["identity"] == "ana" and row["table"] == "public.notes"}
    both = {(verb, f"a row that it {word}") for verb in ("insert", "update", "delete") for word in ("reaches", "does not reach")}
    assert about == {("select", "all rows"), *both}
    assert asked.target.rows("select * from public.notes order by id") == before


def test_a_function_before_each_request_that_refuses_is_found_until_repaired(asked: Context[Rls]) -> None:
    guard(asked, "if current_setting('role') = 'service_role' then raise insufficient_privilege; end if;")
    result = result_of(asked)
    assert result.outcome is Outcome.FAIL
    assert "service select on public.notes reaches no row over HTTP and 9 rows in SQL" in result.detail
    assert "pre-request function" in result.fix[0]
    guard(asked, "null;")  # it is called all the same, and refuses nobody
    assert result_of(asked).outcome is Outcome.PASS


def test_a_policy_that_opens_for_a_request_alone_is_found_until_repaired(asked: Context[Rls]) -> None:
    policy = "create policy by_request on public.notes for select to authenticated using ({})"
    method = "coalesce(current_setting('request.method', true), '')"
    apply(asked.target, policy.format(f"{method} = 'GET'"))
    result = result_of(asked)
    assert result.outcome is Outcome.FAIL
    assert "ana select on public.notes reaches 9 rows over HTTP and 3 rows in SQL" in result.detail
    apply(asked.target, "drop policy by_request on public.notes")
    # A policy that reads the request and opens nothing is no difference.
    apply(asked.target, policy.format(f"{method} = 'NEVER'"))
    assert result_of(asked).outcome is Outcome.PASS


def test_a_schema_that_the_api_does_not_expose_is_found(asked: Context[Rls]) -> None:
    apply(asked.target, f"alter role authenticator in database {name_of(asked)} set pgrst.db_schemas = 'storage'")
    result = result_of(asked)
    assert result.outcome is Outcome.FAIL and "PGRST106" in result.detail


def test_an_api_that_takes_no_token_of_ours_is_undetermined_and_names_no_secret(asked: Context[Rls], api: Postgrest) -> None:
    wrong = {**api.parts, "jwt_secret": "another secret of the same length, or so"}
    result = result_of(replace(asked, services={"api": Service(name="api", parts=wrong)}))
    assert result.outcome is Outcome.ERROR
    assert "PGRST301" in result.detail and result.fix
    assert wrong["jwt_secret"] not in str(result) and api.anon_key not in str(result)


def test_an_api_that_does_not_answer_is_undetermined(asked: Context[Rls], api: Postgrest) -> None:
    gone = {**api.parts, "url": "http://127.0.0.1:9"}
    result = result_of(replace(asked, services={"api": Service(name="api", parts=gone)}))
    assert result.outcome is Outcome.ERROR and "connection refused" in result.detail


def test_where_sql_determined_nothing_that_is_said_once(asked: Context[Rls]) -> None:
    for nothing in (None, []):
        (result,) = rls.look_at_api(asked, matrix=nothing).results
        assert (result.outcome, result.see) == (Outcome.SKIP, "rls.matrix_matches_declared")


def test_a_project_without_a_guarded_table_has_nothing_to_ask(asked: Context[Rls]) -> None:
    facts = rls.look_at_matrix(asked).facts
    for table in asked.settings.matrix:
        apply(asked.target, f"alter table {table} disable row level security")
    (result,) = rls.look_at_api(asked, matrix=facts).results
    assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_DUE)


def test_cells_that_sql_did_not_determine_are_not_compared(asked: Context[Rls]) -> None:
    facts = rls.look_at_matrix(asked).facts or []
    unclear: list[Any] = [{**cell, "observed": "error"} if cell["verb"] == "delete" else cell for cell in facts]
    found = rls.look_at_api(asked, matrix=unclear)
    assert "delete" not in {row["verb"] for row in found.rows}
    (result,) = found.results
    assert result.outcome is Outcome.PASS


@pytest.mark.parametrize("lacking", ["url", "anon_key", "jwt_secret", None])
def test_an_api_that_is_not_named_whole_is_not_asked(context: Context[Rls], api: Postgrest, lacking: str | None) -> None:
    services = {"api": Service(name="api", parts={**api.parts, lacking: ""})} if lacking else {}
    result = result_of(replace(context, services=services))
    assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_DUE)
    assert "jwt_secret" in result.detail


def test_a_live_api_is_only_read(asked: Context[Rls], api: Postgrest, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = rls.look_at_matrix(asked).facts
    live = replace(asked, embedded=frozenset(), is_rehearsal=False, provenances={"database": Provenance.LIVE})
    methods = []
    serve = api.serve

    def note(request: Any, body: bytes) -> Any:
        methods.append((request.method, request.query_params.get("limit"), len(body)))
        return serve(request, body)

    monkeypatch.setattr(api, "serve", note)
    monkeypatch.setattr("lib.tasks.rls.look_api.refuse_unpushed", lambda _: None)
    found = rls.look_at_api(live, matrix=facts)
    (result,) = found.results
    assert (result.outcome, result.provenance) == (Outcome.PASS, Provenance.LIVE), result.detail
    assert set(methods) == {("GET", "0", 0)}
    assert "the live API" in result.detail
    # People write meanwhile: another number of rows is no difference there, rows where there must be none are.
    apply(
        live.target, "create policy wide on public.notes for select to anon using (true)", "grant select on public.notes to anon"
    )
    (result,) = rls.look_at_api(live, matrix=facts).results
    assert result.outcome is Outcome.FAIL and "anon select on public.notes reaches 9 rows over HTTP" in result.detail
