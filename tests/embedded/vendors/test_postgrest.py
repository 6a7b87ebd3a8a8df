"""The stand-in of the REST API keeps PostgREST's rules: roles by token, rights and policies, statuses and codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from lib.clients.supabase.rest_api import PREFER, sign_token
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.embedded.vendors.postgrest import Postgrest
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, NOTES, apply

ANA_CLAIMS = {"role": "authenticated", "sub": ANA}


@pytest.fixture
def api(hosted_database: Database, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Postgrest]:
    apply(hosted_database, NOTES)
    url = postgres_server.url_for(urlsplit(hosted_database.url).path.strip("/"), role="supabase_admin")
    with Postgrest(url, schemas=("public",), folder=tmp_path) as running:
        yield running


def ask(
    api: Postgrest, method: str, path: str, *, claims: dict[str, Any] | None = None, json: Any = None, **headers: str
) -> httpx.Response:
    token = {"Authorization": f"Bearer {sign_token(claims, api.jwt_secret, now=datetime.now(UTC))}"} if claims else {}
    sent = {"apikey": api.anon_key, "Prefer": PREFER, **token, **headers}
    return httpx.request(method, f"{api.base_url}/rest/v1/{path}", headers=sent, json=json, trust_env=False)


def told(answer: httpx.Response) -> tuple[int, str]:
    """Return the status, and the code of an error or the range of what was reached."""
    return answer.status_code, answer.headers.get("content-range") or str(answer.json().get("code"))


def test_each_identity_reads_what_its_policies_let_it(api: Postgrest) -> None:
    path = "notes?select=id&limit=0"
    assert told(ask(api, "GET", path, claims=ANA_CLAIMS)) == (200, "*/3")
    assert told(ask(api, "GET", path, claims={"role": "service_role"})) == (200, "*/9")
    assert told(ask(api, "GET", path)) == (401, "42501")
    assert told(ask(api, "GET", path, claims={"role": "anon"})) == (401, "42501")
    rows = ask(api, "GET", f"notes?select=id,owner&owner=eq.{ANA}", claims=ANA_CLAIMS).json()
    assert [row["owner"] for row in rows] == [ANA] * 3


def test_writes_are_let_through_or_refused_and_rolled_back(api: Postgrest, hosted_database: Database) -> None:
    def row(owner: str, **more: Any) -> dict[str, Any]:
        return {"owner": owner, "title": "new", **more}

    def write(method: str, path: str, **given: Any) -> tuple[int, str]:
        return told(ask(api, method, path, claims=ANA_CLAIMS, **given))

    assert write("POST", "notes", json=row(ANA)) == (201, "*/1")
    assert write("POST", "notes", json=row(BEN)) == (403, "42501")
    assert write("POST", "notes", json=row(ANA, id=1)) == (409, "23505")
    assert write("POST", "notes", json=row(ANA, nothing=1)) == (400, "PGRST204")
    assert write("POST", "notes", json={"owner": ANA}) == (400, "23502")
    assert write("PATCH", f"notes?owner=eq.{ANA}", json={"title": "x"}) == (204, "0-2/3")
    assert write("PATCH", f"notes?owner=eq.{BEN}", json={"title": "x"}) == (204, "*/0")
    assert write("DELETE", f"notes?owner=eq.{ANA}") == (204, "0-2/3")
    assert hosted_database.value("select count(*) from public.notes where title like 'note %'") == 9


def test_a_write_is_kept_where_nobody_asks_for_it_to_be_undone(api: Postgrest, hosted_database: Database) -> None:
    ask(api, "DELETE", f"notes?owner=eq.{ANA}", claims=ANA_CLAIMS, Prefer="count=exact")
    assert hosted_database.value("select count(*) from public.notes") == 6


def test_no_key_no_table_no_schema_no_role(api: Postgrest) -> None:
    assert ask(api, "GET", "notes", apikey="wrong").status_code == 401
    assert told(ask(api, "GET", "nothing", claims=ANA_CLAIMS)) == (404, "PGRST205")
    assert told(ask(api, "GET", "notes", claims=ANA_CLAIMS, **{"Accept-Profile": "auth"})) == (406, "PGRST106")
    assert told(ask(api, "GET", "notes", claims={"role": "postgres"})) == (403, "42501")
    assert ask(api, "GET", "notes", claims={"role": "no_such_role"}).status_code in (400, 403)


def test_a_token_that_another_signed_is_refused(api: Postgrest) -> None:
    token = sign_token({"role": "service_role"}, "another secret", now=datetime.now(UTC))
    assert told(ask(api, "GET", "notes", Authorization=f"Bearer {token}")) == (401, "PGRST301")


def test_the_database_knows_the_request(api: Postgrest, hosted_database: Database) -> None:
    settings = ("request.jwt.claims", "request.method", "request.path", "request.headers", "role")
    words = ", ".join(f"'{name}', current_setting('{name}', true)" for name in settings)
    apply(
        hosted_database,
        f"create view public.request with (security_invoker = true) as select json_build_object({words}) as said",
        "grant select on public.request to authenticated",
    )
    said = ask(api, "GET", "request", claims=ANA_CLAIMS, **{"X-Mine": "yes"}).json()[0]["said"]
    assert json.loads(said["request.jwt.claims"])["sub"] == ANA
    assert (said["request.method"], said["request.path"], said["role"]) == ("GET", "/request", "authenticated")
    headers = json.loads(said["request.headers"])
    assert headers["x-mine"] == "yes" and not {"apikey", "authorization"} & headers.keys()


def test_reading_is_read_only_and_the_role_does_not_stay(api: Postgrest, hosted_database: Database) -> None:
    apply(
        hosted_database,
        "create function public.write() returns int language sql as 'delete from public.notes; select 1'",
        "create view public.trap with (security_invoker = true) as select public.write() as one",
        "grant select on public.trap to service_role",
    )
    assert told(ask(api, "GET", "trap", claims={"role": "service_role"})) == (405, "25006")
    assert told(ask(api, "GET", "notes?select=id&limit=0")) == (401, "42501")


def test_what_the_database_says_of_its_api_counts(api: Postgrest, hosted_database: Database) -> None:
    name = urlsplit(hosted_database.url).path.strip("/")
    apply(
        hosted_database,
        "create schema api",
        "create function public.guard() returns void language plpgsql as $$ begin "
        "if current_setting('request.method') = 'DELETE' then raise sqlstate 'PT402' using message = 'pay'; end if; end $$",
        f"alter role authenticator in database {name} set pgrst.db_pre_request = 'public.guard'",
    )
    assert told(ask(api, "GET", "notes?select=id&limit=0", claims=ANA_CLAIMS)) == (200, "*/3")
    assert told(ask(api, "DELETE", f"notes?owner=eq.{ANA}", claims=ANA_CLAIMS)) == (402, "PT402")
    apply(hosted_database, f"alter role authenticator in database {name} set pgrst.db_schemas = 'api'")
    assert told(ask(api, "GET", "notes", claims=ANA_CLAIMS)) == (404, "PGRST205")


def test_what_breaks_in_it_is_noted_and_names_no_secret(api: Postgrest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(api, "connect", fail)
    answer = ask(api, "GET", "notes", claims=ANA_CLAIMS)
    assert answer.status_code == 501 and "REST API stand-in broke" in answer.text
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "broken on purpose" in kept and api.jwt_secret not in kept and api.anon_key not in kept
    assert api.jwt_secret not in repr(api.database)
