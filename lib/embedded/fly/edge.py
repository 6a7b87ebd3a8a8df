"""The edge: users' requests to an app, each handed to one of its healthy machines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from lib.embedded.fly.control import HOST
from lib.embedded.fly.records import Machine

LONGEST_HEAD = 32_768
HEAD_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 2
WAKE_TIMEOUT_S, WAKE_LOOK_S = 10.0, 0.05
"""How long a user waits for a machine that their request woke, and between two looks at it."""
ANSWER_TIMEOUT_S = 30
NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""What a user gets while no machine of the app is healthy."""
CUT_OFF = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""What a user gets whose request a machine took and did not answer.

Source: https://fly.io/docs/reference/error-codes, PU02: the request was started, so no other machine gets it.
"""
BROKE = b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""What a user gets when the edge itself broke."""


class Edge:
    """The public address of one app on loopback."""

    def __init__(
        self,
        machines: Callable[[], Sequence[Machine]],
        wake: Callable[[], Awaitable[None]],
        on_break: Callable[[BaseException], None],
    ) -> None:
        """wake: starts what sleeps, if anything of the app may be started so."""
        self.machines = machines
        self.wake = wake
        self.on_break = on_break
        self.turn = 0
        self.server: asyncio.Server | None = None

    async def open(self) -> int:
        """Start to listen and return the port."""
        self.server = await asyncio.start_server(self.serve, HOST, 0, limit=LONGEST_HEAD)
        return int(self.server.sockets[0].getsockname()[1])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await self.answer(head))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the user went away or spoke no HTTP
        except Exception as exc:
            self.on_break(exc)
            writer.write(BROKE)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def answer(self, head: bytes) -> bytes:
        """Return the answer of the first machine that can be reached, in turn."""
        self.turn += 1
        routable = self.routable()
        if not routable:
            await self.wake()
            routable = await self.until_routable()
        for place in range(len(routable)):
            machine = routable[(self.turn + place) % len(routable)]
            said = await pass_on(head, machine.port)
            if said is not None:
                return said
        return NOBODY

    def routable(self) -> list[Machine]:
        return [machine for machine in self.machines() if machine.is_routable]

    async def until_routable(self) -> list[Machine]:
        """Return the machines that may be asked, once one that was woken may, or its time is over."""
        for _ in range(round(WAKE_TIMEOUT_S / WAKE_LOOK_S)):
            if self.routable() or not any(machine.is_waking for machine in self.machines()):
                break
            await asyncio.sleep(WAKE_LOOK_S)
        return self.routable()


async def pass_on(head: bytes, port: int) -> bytes | None:
    """Return the machine's answer to this request, a 502 when it breaks off; None when it cannot be reached."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return None
    try:
        writer.write(head)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await reader.read(-1) or CUT_OFF
    except (OSError, TimeoutError):
        return CUT_OFF
    finally:
        writer.close()
