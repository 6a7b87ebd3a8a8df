"""What a request asks for, who may ask, and which status each error has, as PostgREST's documentation says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.clients.supabase.rest_api import encode, sign_token
from lib.embedded.vendors.postgrest_requests import Refused, parse_call, read_token, status_of

SECRET = "a secret of the tests, long enough"
NOW = datetime.now(UTC)
SCHEMAS = ("public", "api")


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("08006", 503), ("09000", 500), ("0LP01", 403), ("0P000", 403), ("23503", 409), ("23505", 409), ("23502", 400),
        ("25006", 405), ("25001", 500), ("28P01", 403), ("2D000", 500), ("38000", 500), ("39000", 500), ("3B001", 500),
        ("40001", 500), ("53400", 500), ("53300", 503), ("54001", 500), ("55006", 500), ("57014", 500), ("58000", 500),
        ("F0000", 500), ("HV000", 500), ("P0001", 400), ("P0002", 500), ("XX000", 500), ("42883", 404), ("42P01", 404),
        ("42P17", 500), ("22P02", 400), ("PT402", 402), ("", 400),
    ],
)  # fmt: skip
def test_each_error_has_the_status_that_the_documentation_says(sqlstate: str, status: int) -> None:
    assert status_of(sqlstate, is_anonymous=False) == status_of(sqlstate, is_anonymous=True) == status


def test_a_missing_right_is_403_with_a_token_and_401_without() -> None:
    assert (status_of("42501", is_anonymous=False), status_of("42501", is_anonymous=True)) == (403, 401)


def test_a_token_of_ours_gives_its_claims_and_none_is_nobody() -> None:
    token = sign_token({"role": "authenticated", "sub": "me"}, SECRET, now=datetime.now(UTC))
    claims = read_token(f"Bearer {token}", SECRET)
    assert (claims["role"], claims["sub"]) == ("authenticated", "me")
    assert read_token("", SECRET) == {}


def unsigned(head: dict[str, Any]) -> str:
    return ".".join([*(encode(json.dumps(one).encode()) for one in (head, {"role": "service_role"})), ""])


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (sign_token({"role": "service_role"}, "another secret", now=NOW), "PGRST301"),
        (unsigned({"alg": "none"}), "PGRST301"),
        (unsigned({"alg": "HS256"}), "PGRST301"),
        ("not a token", "PGRST301"),
        ("a.b.c", "PGRST301"),
        (sign_token({"role": "service_role"}, SECRET, now=NOW - timedelta(hours=1)), "PGRST303"),
    ],
)
def test_a_token_that_is_not_valid_is_refused(token: str, code: str) -> None:
    with pytest.raises(Refused) as raised:
        read_token(f"Bearer {token}", SECRET)
    assert (raised.value.status, raised.value.body["code"]) == (401, code)


def call(method: str = "GET", query: bytes = b"", body: bytes = b"", **headers: str) -> Any:
    return parse_call(method, "notes", query, {name.replace("_", "-"): value for name, value in headers.items()}, body, SCHEMAS)


def test_the_schema_is_the_first_unless_the_profile_of_the_method_names_another() -> None:
    assert call().schema == call(content_profile="api").schema == "public"
    assert call(accept_profile="api").schema == call("DELETE", content_profile="api").schema == "api"
    with pytest.raises(Refused, match="Invalid schema: auth") as raised:
        call(accept_profile="auth")
    assert (raised.value.status, raised.value.body["code"]) == (406, "PGRST106")


def test_names_and_values_never_become_part_of_the_statement() -> None:
    odd = call("PATCH", b"%22id%22%22; drop%22=eq.1%27--", b'{"ti\\"tle": "x"}')
    assert odd.filters == (('id""; drop', "1'--"),)
    assert '"public"."notes"."id""""; drop" = %s' in odd.sql
    assert "1'--" not in odd.sql and '"ti""tle"' in odd.sql and odd.binds == ['{"ti\\"tle": "x"}', "1'--"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"query": b"id=gt.1"}, "PGRST100"),
        ({"query": b"limit=all"}, "PGRST100"),
        ({"method": "POST", "body": b""}, "PGRST102"),
        ({"method": "PATCH", "body": b"[1]"}, "PGRST102"),
        ({"method": "POST", "body": b"{"}, "PGRST102"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_code(given: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as raised:
        call(**given)
    assert (raised.value.status, raised.value.body["code"]) == (400, code)


def test_the_range_says_the_total_only_where_it_was_asked_for() -> None:
    assert call(prefer="count=exact").content_range({"total": 5, "sent": 2}) == "0-1/5"
    assert call(prefer="count=exact", query=b"limit=0").content_range({"total": 5, "sent": 0}) == "*/5"
    assert call().content_range({"total": 5, "sent": 2}) == "0-1/*"
    assert call("DELETE", prefer="count=exact").content_range({"total": 0}) == "*/0"
