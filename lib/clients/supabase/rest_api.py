"""A project's REST API: who asks it by which token, what is asked of it about one table, and what its answers mean.

It is PostgREST behind Supabase's gateway. Every request asks for the exact count, for no rows, and for its transaction to be
rolled back. Whether the last is done is the server's setting: so only reading is asked of one that is live.
Source: https://docs.postgrest.org/en/v14/references/api/preferences.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from lib.core.plain_json import load_json
from lib.core.wording import plain_text
from lib.transport.retry import RetryPolicy
from lib.transport.web_types import Answer, Question, Site

PATH = "/rest/v1/"
PREFER = "count=exact, tx=rollback, return=minimal"
LIVES = timedelta(minutes=10)
"""How long a token of ours is valid: longer than the look takes, and no longer than it must be."""
MOST_BYTES = 200_000
"""Of an answer's body: no rows are asked for, so that only errors have one."""
REFUSED = frozenset({"42501", "PGRST106", "PGRST205", "42P01"})
"""Codes of an API that does not let an identity do it: no right, the schema is not exposed, the table is unknown there."""
REACHED = frozenset({"23503", "23505", "23P01"})
"""Codes of a write that every policy let through, and that a key or a constraint of the table stopped afterwards."""
TOKEN = frozenset({"PGRST300", "PGRST301", "PGRST302", "PGRST303"})
"""Codes of a token that the API does not take."""
TOTAL = re.compile(r"/(\d{1,18})$")


class Meaning(StrEnum):
    """What an answer says of the rights of who asked."""

    ROWS = "rows"  # so many rows were reached
    REFUSED = "refused"  # the API, a right or a policy said no
    UNCLEAR = "unclear"  # something else stopped it


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One answer, read. rows: that were reached; said: what the API answered, for a person."""

    meaning: Meaning
    rows: int = 0
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class RestApi:
    """Where a project's API is, and what opens it: the key of its gateway, and the secret that tokens are signed with."""

    url: str
    anon_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)

    def site(self, claims: Mapping[str, Any], *, schema: str, now: datetime, timeout_s: float) -> Site:
        """Return the API as somebody with these claims asks it about one schema."""
        token = sign_token({"aud": "authenticated", **claims}, self.jwt_secret, now=now)
        return Site(
            name="the project's API",
            base_url=self.url,
            headers={
                "apikey": self.anon_key,
                "Authorization": f"Bearer {token}",
                "Accept-Profile": schema,
                "Content-Profile": schema,
                "Prefer": PREFER,
            },
            retry=RetryPolicy(
                attempts=3, timeout_s=timeout_s, deadline_s=2 * timeout_s, max_body_bytes=MOST_BYTES, max_retry_after_s=5
            ),
        )


def sign_token(claims: Mapping[str, Any], secret: str, *, now: datetime) -> str:
    """Return a signed token with these claims, valid from now on for some minutes (RFC 7519, HS256)."""
    times = {"iat": int(now.timestamp()), "exp": int((now + LIVES).timestamp())}
    parts = [encode(json.dumps(one, sort_keys=True).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, {**claims, **times})]
    signed = ".".join(parts)
    return f"{signed}.{encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def encode(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def ask_count(table: str, *, column: str) -> Question:
    """Return what asks how many rows of a table are seen. column: one that may be read; no row is sent."""
    return Question(name="select", path=f"{PATH}{quote(table, safe='')}?select={quote(quote_column(column), safe='')}&limit=0")


def ask_insert(table: str, row: Mapping[str, Any]) -> Question:
    """Return what asks to insert a row."""
    return Question(name="insert", path=f"{PATH}{quote(table, safe='')}", method="POST", json=dict(row))


def ask_update(table: str, key: Mapping[str, Any], change: Mapping[str, Any]) -> Question:
    """Return what asks to change the row with this key."""
    return Question(name="update", path=path_of(table, key), method="PATCH", json=dict(change))


def ask_delete(table: str, key: Mapping[str, Any]) -> Question:
    """Return what asks to delete the row with this key."""
    return Question(name="delete", path=path_of(table, key), method="DELETE")


def path_of(table: str, key: Mapping[str, Any]) -> str:
    """Return the path of the rows whose columns have these values."""
    filters = "&".join(f"{quote(quote_column(name), safe='')}=eq.{quote(spell(value), safe='')}" for name, value in key.items())
    return f"{PATH}{quote(table, safe='')}?{filters}"


def quote_column(name: str) -> str:
    """Return a column's name as PostgREST takes it: quoted where it has a character that means something there."""
    plain = re.fullmatch(r"\w+", name) is not None
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return name if plain else f'"{escaped}"'


def spell(value: Any) -> str:
    """Return a JSON value as a filter compares with it."""
    return value if isinstance(value, str) else json.dumps(value)


def read_answer(answer: Answer) -> Reading:
    """Return what an answer says of the rights of who asked."""
    if answer.failure is not None or answer.status is None:
        return Reading(meaning=Meaning.UNCLEAR, said=answer.failure.value if answer.failure else "no answer")
    code, message = read_error(answer)
    said = " ".join(filter(None, (f"HTTP {answer.status}", code, message)))
    if answer.question.method == "POST" and answer.status == 201:
        return Reading(meaning=Meaning.ROWS, rows=1, said=said)
    if answer.is_whole:
        total = TOTAL.search(answer.headers.get("content-range", ""))
        if total is None:
            return Reading(meaning=Meaning.UNCLEAR, said=f"{said}, without a count of the rows")
        return Reading(meaning=Meaning.ROWS, rows=int(total[1]), said=said)
    if code in REACHED:
        return Reading(meaning=Meaning.ROWS, rows=1, said=said)
    is_read_refused = answer.question.method == "GET" and answer.status in (400, 403, 404, 406) and bool(code)
    if code in REFUSED or (is_read_refused and code not in TOKEN):
        return Reading(meaning=Meaning.REFUSED, said=said)
    return Reading(meaning=Meaning.UNCLEAR, said=said)


def read_error(answer: Answer) -> tuple[str, str]:
    """Return the code and the message of an error; '' where there is none that can be read."""
    try:
        body = load_json(answer.body) if answer.body else None
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("code") or ""), plain_text(str(body.get("message") or ""), limit=160)
