"""What every stand-in of a web service shares: an HTTP server on a free loopback port, and its faults.

The server runs in a thread of this process, so it ends with it. `fault` may be changed while it runs,
but for the faults of the connection, which are in the address from the start.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lib.core.background import Background
from lib.core.breakages import PARTS, describe_breakage, note_breakage
from lib.core.errors import WorkbookError
from lib.embedded.vendors.certificates import write_untrusted_certificate
from lib.embedded.vendors.faults import drop, drop_after_head, respond

HOST = "127.0.0.1"
START_TIMEOUT_S = 10
TICK_S = 0.1
"""Seconds between two looks at the date that uvicorn's answers carry: as often as it looks itself."""
BROKE = 501
"""The status of an answer that a bug of ours prevented: no vendor gives it, and it is not retried."""

Handler = Callable[[Request], Awaitable[tuple[int, Any]]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path of a stand-in: who answers it, and which field a `missing_field` takes away."""

    name: str
    path: str
    handler: Handler
    loses: str
    method: str = "GET"
    needs_token: bool = True


class WebServer(uvicorn.Server):
    """Ends as soon as it is told to.

    uvicorn itself looks every tenth of a second whether it is to end, and then waits another tenth for its connections:
    a run that stops five stand-ins, or a test that stops three, would wait a second for nothing.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Let no request go on, and end."""
        self.should_exit = self.force_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.tasks:
            await super().shutdown(sockets)  # it gives answers that are under way their tenth of a second
            return
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # a connection without a request is closed in the loop's next turn
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()  # whoever is there reads nothing: there is no end to wait for
        await asyncio.sleep(0)


@dataclass(kw_only=True)
class StandIn:
    """A running stand-in; use it in a `with`.

    at: names of the endpoints with the fault; none: all. asked: how often each endpoint was requested.
    busiest: most questions under way at once.
    planted: secret values in its answers, none of which may be kept by anybody.
    target: what it plays, for the note of what breaks; work: the private folder of that note, when it isn't `folder`.
    """

    endpoints: Sequence[Endpoint]
    fault: str
    at: Sequence[str]
    latency_ms: float
    folder: Path
    planted: list[str] = field(default_factory=list)
    prefix: str = ""
    target: str = ""
    work: Path | None = None
    asked: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    busiest: int = 0
    base_url: str = ""
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _thread: Background | None = None
    _held: socket.socket | None = None
    _started: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._held = bound_socket()
        port = self._held.getsockname()[1]
        scheme = "https" if self.fault in ("wrong_certificate", "dns") else "http"
        host = "stand-in.invalid" if self.fault == "dns" else HOST
        self.base_url = f"{scheme}://{host}:{port}{self.prefix}"
        if self.fault in ("refused", "dns"):
            return self  # the port is ours, and nobody listens
        self._held.listen(128)
        self._thread = Background(lambda: asyncio.run(self._serve()), name="stand-in", on_failure=self.break_down)
        self._thread.start()
        if not self._started.wait(START_TIMEOUT_S):
            self._held.close()
            raise WorkbookError(
                f"The {PARTS.get(self.target, 'stand-in')} did not start within {START_TIMEOUT_S} s.",
                fix="Check whether this machine is overloaded, then run again.",
            )
        if self._thread.failure is not None:
            self._held.close()
            raise WorkbookError(describe_breakage(self.target, self._thread.failure)) from self._thread.failure
        return self

    def report(self, raised: BaseException) -> str:
        """Keep a note of what broke in one answer, and return its sentence."""
        return note_breakage(self.work or self.folder, self.target, raised)

    def report_uncaught(self, raised: BaseException | None) -> None:
        """Keep a note of what broke where nothing of ours could catch it; a user who hung up does not count."""
        if raised is not None and not isinstance(raised, OSError):
            self.report(raised)

    def break_down(self, raised: BaseException) -> None:
        """Keep a note that the whole server is gone."""
        note_breakage(self.work or self.folder, self.target, raised, is_final=True)
        self._started.set()  # nobody need wait for it any longer

    def __exit__(self, *_: object) -> None:
        if self._loop and self._stop and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_TIMEOUT_S)
        if self._held:
            self._held.close()

    async def _serve(self) -> None:
        """Answer until stopped."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, context: self.report_uncaught(context.get("exception")))
        if self.fault not in ("hang_up", "reset"):
            await self._answer()
            return
        server = await asyncio.start_server(drop_after_head if self.fault == "reset" else drop, sock=self._held)
        self._started.set()
        await self._stop.wait()
        server.close()

    async def _answer(self) -> None:
        """Answer over HTTP until stopped."""
        assert self._held is not None
        assert self._stop is not None
        options: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False, "lifespan": "off"}
        certificate = write_untrusted_certificate(self.folder) if self.fault == "wrong_certificate" else {}
        options.update(certificate)
        web = WebServer(uvicorn.Config(self.app(), http="h11", ws="none", **options))
        serving = asyncio.create_task(web.serve(sockets=[self._held]))
        while not web.started and not serving.done():
            await asyncio.sleep(0.005)
        for path in certificate.values():
            Path(path).unlink()  # it is in memory now; a key that lies about is what a run warns of
        if not serving.done():
            self._started.set()
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        web.end()
        await serving
        if not stopping.done():
            raise RuntimeError("its web server ended by itself")

    def before(self, request: Request) -> Response | None:
        """Return an answer that comes before any endpoint's, or None."""
        return None

    def after(self) -> dict[str, str]:
        """Return the headers that every answer carries."""
        return {}

    def app(self) -> Starlette:
        """Return the application: every endpoint behind its fault."""
        routes = [
            Route(self.prefix + one.path, self._answering(one), methods=[one.method], name=one.name) for one in self.endpoints
        ]
        return Starlette(routes=routes)

    def _answering(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self.asked[endpoint.name] += 1
            self.under_way += 1
            self.busiest = max(self.busiest, self.under_way)
            try:
                return await self._in_time(endpoint, request)
            except ClientDisconnect:
                raise  # the client went away
            except Exception as exc:
                return PlainTextResponse(self.report(exc), status_code=BROKE)
            finally:
                self.under_way -= 1

        return answer

    async def _in_time(self, endpoint: Endpoint, request: Request) -> Response:
        """Return the endpoint's answer after the stand-in's latency, spoiled by its fault."""
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)
        refused = self.before(request)
        if refused is not None:
            return refused
        status, body = await endpoint.handler(request)
        is_sick = not self.at or endpoint.name in self.at
        response = await respond(
            self.fault if is_sick else "none",
            status,
            body,
            count=self.asked[endpoint.name],
            needs_token=endpoint.needs_token,
            loses=endpoint.loses,
        )
        response.headers.update(self.after())
        return response


def bound_socket() -> socket.socket:
    """Return a socket that holds a free port; until it listens, who connects is refused."""
    # The protocol by name: asyncio turns Nagle's delay off only on sockets that say TCP.
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    held.bind((HOST, 0))
    return held
