"""A stand-in for a project's REST API: PostgREST's rules over the embedded database, behind a gateway that asks for a key.

It connects as `authenticator`, takes the role that a signed token claims, gives the request's claims, headers, method and path to
the database, calls the project's pre-request function, and answers with PostgREST's statuses and codes. Left out: embedding,
functions, every filter but `eq`, upserts, and what a role's own settings limit.
Source: https://docs.postgrest.org/en/v14/ (auth, transactions, errors), PostgREST's docs/references/errors.rst.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lib.embedded.vendors.fake_server import BROKE, StandIn
from lib.embedded.vendors.postgrest_requests import ANON, Call, Refused, parse_call, read_token, status_of
from lib.transport.database import Database, quote_name, read_query

METHODS = ["GET", "POST", "PATCH", "DELETE"]
CONNECTIONS = 4
"""Requests that are answered at once, each on a connection of its own; PostgREST's pool has ten."""
EXTRA_PATH = ("public", "extensions")
"""Schemas that are searched after the exposed one, as Supabase sets `db-extra-search-path`."""


class Postgrest(StandIn):
    """A running stand-in of the API of one database."""

    def __init__(self, database_url: str, *, schemas: Sequence[str], folder: Path) -> None:
        self.database = Database(database_url)
        self.schemas = tuple(schemas)
        self.anon_key, self.jwt_secret = f"sb_publishable_{secrets.token_urlsafe(24)}", secrets.token_urlsafe(32)
        self.config_query = read_query(__package__, "postgrest_config").encode()
        self.columns_query = read_query(__package__, "postgrest_columns").encode()
        self.idle: SimpleQueue[psycopg.Connection[DictRow]] = SimpleQueue()
        self.places = asyncio.Semaphore(CONNECTIONS)
        super().__init__(
            endpoints=[], fault="none", at=(), latency_ms=0, folder=folder, target="api",
            planted=[self.anon_key, self.jwt_secret],
        )  # fmt: skip

    @property
    def parts(self) -> dict[str, str]:
        """What reaches and opens it, as a live target's variables would say."""
        return {"url": self.base_url, "anon_key": self.anon_key, "jwt_secret": self.jwt_secret}

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        while True:
            try:
                self.idle.get_nowait().close()
            except Empty:
                return

    def app(self) -> Starlette:
        """Return the application: one path for every table."""
        return Starlette(routes=[Route("/rest/v1/{table}", self.answer, methods=METHODS)])

    async def answer(self, request: Request) -> Response:
        """Return the answer to one request; what breaks in here is noted, and is no answer of the API's."""
        body = await request.body()
        try:
            async with self.places:
                return await asyncio.to_thread(self.serve, request, body)
        except Exception as exc:
            return PlainTextResponse(self.report(exc), status_code=BROKE)

    def serve(self, request: Request, body: bytes) -> Response:
        """Return the answer to one request, as PostgREST gives it."""
        role = ANON
        try:
            if request.headers.get("apikey") != self.anon_key:
                return JSONResponse({"message": "Invalid API key", "hint": "Double check your API key."}, 401)
            claims = read_token(request.headers.get("authorization", ""), self.jwt_secret)
            role = str(claims.get("role") or ANON)
            return self.perform(request, body, {"role": ANON, **claims}, role)
        except Refused as exc:
            return JSONResponse(exc.body, exc.status)
        except psycopg.Error as exc:
            said = {name: getattr(exc.diag, name, None) for name in ("message_primary", "message_detail", "message_hint")}
            answer = {"code": exc.sqlstate, "details": said["message_detail"], "hint": said["message_hint"]}
            status = status_of(exc.sqlstate or "", is_anonymous=role == ANON)
            return JSONResponse({**answer, "message": said["message_primary"] or str(exc)}, status)

    def perform(self, request: Request, body: bytes, claims: Mapping[str, Any], role: str) -> Response:
        """Answer in one transaction of the role. Raises Refused, or psycopg's Error for what the database refuses."""
        connection = self.connect()
        try:
            config = connection.execute(self.config_query).fetchone() or {}
            schemas = [one.strip() for one in (config.get("schemas") or "").split(",") if one.strip()] or list(self.schemas)
            table, query = request.path_params["table"], request.scope["query_string"]
            call = parse_call(request.method, table, query, request.headers, body, schemas)
            call.require_known(connection.execute(self.columns_query, [call.schema, call.table]).fetchone())
            self.impersonate(connection, request, call, claims, role)
            if config.get("pre_request"):
                connection.execute(f"select {quote_name(*config['pre_request'].split('.'))}()".encode())
            found = connection.execute(call.sql.encode(), call.binds).fetchone() or {}
            undone = "tx=rollback" in call.preferences
            connection.rollback() if undone else connection.commit()
            applied = [one for one in ("count=exact", "return=minimal", "tx=rollback") if one in call.preferences]
            headers = {"Preference-Applied": ", ".join(applied), "Content-Range": call.content_range(found)}
            if call.method == "GET":
                return Response(found.get("body") or "[]", 200, headers, "application/json")
            return Response(status_code=201 if call.method == "POST" else 204, headers=headers)
        finally:
            if not connection.closed:
                connection.rollback()
                self.idle.put(connection)

    def impersonate(
        self, connection: psycopg.Connection[DictRow], request: Request, call: Call, claims: Mapping[str, Any], role: str
    ) -> None:
        """Take the role, and give the database what it may know of the request. Raises psycopg's Error for a role not granted."""
        headers = {name: value for name, value in request.headers.items() if name not in ("authorization", "apikey")}
        given = {
            "search_path": ", ".join(quote_name(one) for one in dict.fromkeys((call.schema, *EXTRA_PATH))),
            "request.jwt.claims": json.dumps(claims),
            "request.method": call.method,
            "request.path": f"/{call.table}",
            "request.headers": json.dumps(headers),
            "request.cookies": json.dumps(dict(request.cookies)),
            "role": role,
        }
        words = ", ".join("set_config(%s, %s, true)" for _ in given)
        with connection.pipeline():  # one round trip
            connection.execute("begin read only" if call.method == "GET" else "begin")
            connection.execute(f"select {words}".encode(), [one for pair in given.items() for one in pair])

    def connect(self) -> psycopg.Connection[DictRow]:
        """Return a connection that acts as `authenticator`, one that was used before where there is one."""
        try:
            return self.idle.get_nowait()
        except Empty:
            connection = self.database.open()
            connection.row_factory = dict_row
            connection.autocommit = True  # transactions are begun and ended in so many words
            connection.execute("set session authorization authenticator")
            return connection
