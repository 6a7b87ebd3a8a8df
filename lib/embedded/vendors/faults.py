"""Every way in which an answer can go wrong on the wire, as a response that really does so."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

LONG_S = 120.0
"""Longer than anybody waits."""
DRIP_S = 0.2
"""Seconds between two bytes of a dripping answer: never silent for long, never done."""
TOO_LARGE_BYTES = 8_000_000
RETRY_LATER_S = 30
FLAKY_EVERY = 5
"""Every fifth answer of a flaky service is a 503."""


class Broken(Exception):
    """Raised in the middle of a body: the server then drops the connection."""


async def respond(fault: str, status: int, body: Any, *, count: int, needs_token: bool, loses: str) -> Response:
    """Return the healthy answer spoiled by a fault of the wire; other faults leave it as it is.

    count: how often this endpoint was requested. loses: the field that `missing_field` takes away.
    """
    text = json.dumps(body).encode()
    match fault:
        case "slow":
            await asyncio.sleep(LONG_S)
        case "slow_drip":
            return StreamingResponse(drip(text), headers=sized(text), media_type="application/json")
        case "truncated":
            return StreamingResponse(break_off(text), headers=sized(text), media_type="application/json")
        case "html":
            return HTMLResponse("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>")
        case "not_json":
            return Response(text[: max(1, len(text) // 2)], media_type="application/json")
        case "too_large":
            return StreamingResponse(pad(), media_type="application/json")
        case "redirect_elsewhere":
            return RedirectResponse("https://login.example.com/?next=api", status_code=302)
        case "forbidden" if needs_token:
            return JSONResponse({"errors": [], "description": "Access denied"}, 403)
        case "not_found":
            return JSONResponse({"error": "Resource could not be found"}, 404)
        case "rate_limited":
            return too_many(RETRY_LATER_S)
        case "rate_limited_once" if count == 1:
            return too_many(1)
        case "server_error":
            return PlainTextResponse("Internal Server Error", 500)
        case "unavailable":
            return PlainTextResponse("Service Unavailable", 503)
        case "flaky" if count % FLAKY_EVERY == 0:
            return PlainTextResponse("Service Unavailable", 503)
        case "missing_field" if status == 200:
            return JSONResponse(without(body, loses))
    return Response(status_code=204) if status == 204 else JSONResponse(body, status)


def too_many(retry_after_s: int) -> Response:
    return JSONResponse({"error": "Rate limit exceeded. Retry later."}, 429, {"Retry-After": str(retry_after_s)})


def without(body: Any, name: str) -> Any:
    """Return the body with one field gone, of each item when it is a list."""
    if isinstance(body, list):
        return [without(item, name) for item in body]
    return {key: value for key, value in body.items() if key != name}


def sized(text: bytes) -> Mapping[str, str]:
    return {"content-length": str(len(text))}


async def drip(text: bytes) -> AsyncIterator[bytes]:
    for place in range(len(text)):
        yield text[place : place + 1]
        await asyncio.sleep(DRIP_S)


async def break_off(text: bytes) -> AsyncIterator[bytes]:
    yield text[: len(text) // 2]
    raise Broken


async def pad() -> AsyncIterator[bytes]:
    yield b'{"padding": "'
    for _ in range(TOO_LARGE_BYTES // 65536):
        yield b"x" * 65536
        await asyncio.sleep(0)  # so that a reader who left is noticed
    yield b'"}'


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close each connection once a request has come."""
    await reader.read(65536)
    writer.close()


async def drop_after_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer, then reset the connection in the middle of the body."""
    await reader.read(65536)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n" + b'{"status": "wo')
    await writer.drain()
    await asyncio.sleep(0.02)  # a reset overtakes what was not read yet
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
