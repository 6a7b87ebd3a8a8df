"""Tokens are signed as RFC 7519 says, questions are spelled as PostgREST takes them, and answers are read for what they mean."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lib.clients.supabase.rest_api import (
    Meaning,
    RestApi,
    ask_count,
    ask_delete,
    ask_insert,
    ask_update,
    read_answer,
    sign_token,
)
from lib.transport.web_types import Answer, Failure, Question

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SECRET = "Zq7xK2mP9wLr4Zq7xK2mP9wLr4"


def test_a_token_has_its_claims_its_times_and_a_signature_that_holds() -> None:
    head, claims, signature = sign_token({"role": "anon", "sub": "me"}, SECRET, now=NOW).split(".")
    read = [json.loads(urlsafe_b64decode(part + "==")) for part in (head, claims)]
    assert read[0] == {"alg": "HS256", "typ": "JWT"}
    assert read[1] == {"role": "anon", "sub": "me", "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 600}
    wanted = hmac.new(SECRET.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert urlsafe_b64decode(signature + "==") == wanted


def test_secrets_are_in_no_repr() -> None:
    api = RestApi(url="https://ref.example.com", anon_key="the anon key", jwt_secret=SECRET)
    site = api.site({"role": "anon"}, schema="public", now=NOW, timeout_s=5)
    assert SECRET not in repr(api) + repr(site) and "the anon key" not in repr(api) + repr(site)
    assert SECRET not in str(site.headers)
    assert (site.headers["Accept-Profile"], site.headers["Content-Profile"]) == ("public", "public")
    assert "tx=rollback" in site.headers["Prefer"]


def test_odd_names_and_values_are_spelled_so_that_they_stay_what_they_are() -> None:
    odd = ask_delete("a b/ü", {'x,"y': "1&2", "n": 7})
    assert urlsplit(odd.path).path == "/rest/v1/a%20b%2F%C3%BC"
    assert parse_qsl(urlsplit(odd.path).query) == [('"x,\\"y"', "eq.1&2"), ("n", "eq.7")]
    assert parse_qsl(urlsplit(ask_count("notes", column="my id").path).query) == [("select", '"my id"'), ("limit", "0")]
    methods = [one.method for one in (ask_insert("t", {"a": 1}), ask_update("t", {"a": 1}, {"b": 2}), odd)]
    assert methods == ["POST", "PATCH", "DELETE"]


def answer(method: str, status: int | None, *, code: str = "", total: str = "", failure: Failure | None = None) -> Any:
    body = json.dumps({"code": code, "message": "said"}).encode() if code else b""
    return Answer(
        question=Question(name="x", path="/", method=method),
        asked_at=NOW,
        status=status,
        headers={"content-range": total} if total else {},
        body=body,
        failure=failure,
    )


@pytest.mark.parametrize(
    ("given", "meaning", "rows"),
    [
        (answer("GET", 200, total="*/7"), Meaning.ROWS, 7),
        (answer("GET", 206, total="0-0/9"), Meaning.ROWS, 9),
        (answer("GET", 200, total="*/*"), Meaning.UNCLEAR, 0),
        (answer("GET", 200), Meaning.UNCLEAR, 0),
        (answer("POST", 201, total="*/1"), Meaning.ROWS, 1),
        (answer("POST", 409, code="23505"), Meaning.ROWS, 1),
        (answer("DELETE", 409, code="23503"), Meaning.ROWS, 1),
        (answer("PATCH", 204, total="*/0"), Meaning.ROWS, 0),
        (answer("POST", 403, code="42501"), Meaning.REFUSED, 0),
        (answer("GET", 401, code="42501"), Meaning.REFUSED, 0),
        (answer("GET", 404, code="PGRST205"), Meaning.REFUSED, 0),
        (answer("GET", 406, code="PGRST106"), Meaning.REFUSED, 0),
        (answer("GET", 400, code="P0001"), Meaning.REFUSED, 0),
        (answer("POST", 400, code="P0001"), Meaning.UNCLEAR, 0),
        (answer("POST", 400, code="23502"), Meaning.UNCLEAR, 0),
        (answer("GET", 401, code="PGRST301"), Meaning.UNCLEAR, 0),
        (answer("GET", 401), Meaning.UNCLEAR, 0),
        (answer("GET", 500, code="57014"), Meaning.UNCLEAR, 0),
        (answer("GET", 429), Meaning.UNCLEAR, 0),
        (answer("GET", None, failure=Failure.REFUSED), Meaning.UNCLEAR, 0),
        (answer("GET", 200, total="*/7", failure=Failure.TRUNCATED), Meaning.UNCLEAR, 0),
    ],
)
def test_an_answer_is_read_for_what_it_means(given: Any, meaning: Meaning, rows: int) -> None:
    read = read_answer(given)
    assert (read.meaning, read.rows) == (meaning, rows)
