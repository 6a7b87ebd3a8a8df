"""What a request to PostgREST asks for, who may ask, and which status each error has. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from lib.transport.database import quote_name

ANON = "anon"
"""The role of a request without a token, as Supabase sets `db-anon-role`."""
STATUSES: tuple[tuple[str, int], ...] = (
    ("23503", 409), ("23505", 409), ("25006", 405), ("42883", 404), ("42P01", 404), ("42P17", 500), ("53400", 500),
    ("P0001", 400), ("08", 503), ("09", 500), ("0L", 403), ("0P", 403), ("25", 500), ("28", 403), ("2D", 500), ("38", 500),
    ("39", 500), ("3B", 500), ("40", 500), ("53", 503), ("54", 500), ("55", 500), ("57", 500), ("58", 500), ("F0", 500),
    ("HV", 500), ("P0", 500), ("XX", 500),
)  # fmt: skip
"""Beginning of a SQLSTATE -> status; the first that fits. Source: PostgREST's docs/references/errors.rst."""
RAISED = re.compile(r"PT([1-5]\d\d)")
"""A SQLSTATE by which a function of the project sets the status itself."""
LIST = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')


class Refused(Exception):
    """An error of PostgREST's own: status, and the body that tells it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "details": None, "hint": None, "message": message}


def status_of(sqlstate: str, *, is_anonymous: bool) -> int:
    """Return the status of an error of the database."""
    if sqlstate == "42501":
        return 401 if is_anonymous else 403
    raised = RAISED.fullmatch(sqlstate)
    if raised:
        return int(raised[1])
    return next((status for start, status in STATUSES if sqlstate.startswith(start)), 400)


def read_token(header: str, secret: str) -> dict[str, Any]:
    """Return the claims of a request's token; none without one. Raises Refused for one that is not valid."""
    kind, _, token = header.partition(" ")
    if not header or kind.lower() != "bearer":
        return {}
    try:
        head, claims, signature = token.split(".")
        told = json.loads(decode(head))
        wanted = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        found = json.loads(decode(claims))
        is_ours = told.get("alg") == "HS256" and hmac.compare_digest(wanted, decode(signature)) and isinstance(found, dict)
    except (ValueError, binascii.Error, AttributeError):
        is_ours, found = False, {}
    if not is_ours:
        raise Refused(401, "PGRST301", "No suitable key or wrong key type")
    if "exp" in found and not (isinstance(found["exp"], int | float) and found["exp"] > time.time()):
        raise Refused(401, "PGRST303", "JWT expired")
    return dict(found)


def decode(text: str) -> bytes:
    """Return base64url without padding as bytes. Raises ValueError for anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, understood.

    filters: (column, value) pairs that rows must equal. row: what is written. limit: rows that are sent at most.
    """

    method: str
    schema: str
    table: str
    columns: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    row: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    preferences: frozenset[str] = frozenset()

    def require_known(self, found: Mapping[str, Any] | None) -> None:
        """Raise Refused unless the database has the table, and each column that is written."""
        if found is None:
            raise Refused(404, "PGRST205", f"Could not find the table '{self.schema}.{self.table}' in the schema cache")
        for name in self.row:
            if name not in found["columns"]:
                said = f"Could not find the '{name}' column of '{self.table}' in the schema cache"
                raise Refused(400, "PGRST204", said)

    @property
    def name(self) -> str:
        return quote_name(self.schema, self.table)

    @property
    def where(self) -> str:
        """The condition, its values as parameters."""
        return " and ".join(f"{self.name}.{quote_name(column)} = %s" for column, _ in self.filters) or "true"

    @property
    def sql(self) -> str:
        """The statement, in PostgREST's own form: what is asked for as a source, and its rows counted beside it."""
        names = [quote_name(one) for one in self.row]
        given = f"json_populate_record(null::{self.name}, %s::json) as given"
        match self.method:
            case "GET":
                columns = ", ".join(f"{self.name}.{quote_name(one)}" for one in self.columns) or f"{self.name}.*"
                limit = "" if self.limit is None else f" limit {self.limit}"
                return (
                    f"with source as (select {columns} from {self.name} where {self.where}{limit}), "
                    f"counted as (select 1 from {self.name} where {self.where}) "
                    "select (select count(*) from counted) as total, count(*) as sent, "
                    "coalesce(json_agg(source), '[]')::text as body from source"
                )
            case "POST":
                values = ", ".join(f"given.{name}" for name in names)
                act = f"insert into {self.name} ({', '.join(names)}) select {values} from {given} returning 1"
            case "PATCH":
                changes = ", ".join(f"{name} = given.{name}" for name in names)
                act = f"update {self.name} set {changes} from {given} where {self.where} returning 1"
            case _:
                act = f"delete from {self.name} where {self.where} returning 1"
        return f"with source as ({act}) select count(*) as total, 0 as sent from source"

    @property
    def binds(self) -> list[str]:
        """The values of the statement's parameters."""
        values = [value for _, value in self.filters]
        if self.method == "GET":
            return values + values
        return ([json.dumps(dict(self.row))] if self.row else []) + values

    def content_range(self, found: Mapping[str, Any]) -> str:
        """Return the header that says how many rows there were; the total only where it was asked for."""
        total = str(found.get("total", 0)) if "count=exact" in self.preferences else "*"
        shown = int(found.get("sent", 0)) if self.method == "GET" else int(found.get("total", 0))
        return f"{f'0-{shown - 1}' if shown and self.method != 'POST' else '*'}/{total}"


def parse_call(method: str, table: str, query: bytes, headers: Mapping[str, str], body: bytes, schemas: Sequence[str]) -> Call:
    """Return what a request asks for. Raises Refused for what PostgREST would not take, or this stand-in does not know."""
    schema = headers.get("accept-profile" if method == "GET" else "content-profile") or schemas[0]
    if schema not in schemas:
        raise Refused(406, "PGRST106", f"Invalid schema: {schema}")
    given = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    limit = next((value for name, value in given if name == "limit"), None)
    select = next((value for name, value in given if name == "select"), "*")
    filters = [(unquote(name), value) for name, value in given if name not in ("limit", "select")]
    wrong = [value for _, value in filters if not value.startswith("eq.")]
    if wrong or (limit is not None and not limit.isdecimal()):
        raise Refused(400, "PGRST100", f"failed to parse filter ({(wrong or [str(limit)])[0]})")
    return Call(
        method=method,
        schema=schema,
        table=table,
        columns=() if select == "*" else tuple(unquote(one.strip()) for one in LIST.findall(select)),
        filters=tuple((name, value.removeprefix("eq.")) for name, value in filters),
        row=read_row(body) if method in ("POST", "PATCH") else {},
        limit=int(limit) if limit is not None else None,
        preferences=frozenset(one.strip() for one in headers.get("prefer", "").split(",")),
    )


def read_row(body: bytes) -> dict[str, Any]:
    """Return the one row of a body. Raises Refused for anything else."""
    try:
        row = json.loads(body)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not row:
        raise Refused(400, "PGRST102", "Empty or invalid json")
    return row


def unquote(name: str) -> str:
    """Return a column's name without the quotes that it may have."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
