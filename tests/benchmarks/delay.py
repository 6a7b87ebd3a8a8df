"""A proxy on this machine's loopback that holds back each byte for half a round trip, as a long line does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"
CHUNK = 64 * 1024


@contextmanager
def delayed(port: int, *, round_trip_s: float) -> Iterator[int]:
    """Yield the port of a proxy before another port of this machine; it ends with the block."""
    loop = asyncio.new_event_loop()
    ready, where = threading.Event(), []

    async def serve() -> None:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(HOST, port)
            await asyncio.gather(carry(reader, far_writer, round_trip_s / 2), carry(far_reader, writer, round_trip_s / 2))

        server = await asyncio.start_server(meet, HOST, 0)
        where.append(server.sockets[0].getsockname()[1])
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    thread = threading.Thread(target=run_until_stopped, args=(loop, serve), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield where[0]
    finally:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join()


def run_until_stopped(loop: asyncio.AbstractEventLoop, serve: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run the proxy's loop until its tasks are cancelled, and then until they have ended."""
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(serve())
    for task in asyncio.all_tasks(loop):
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
    loop.run_until_complete(asyncio.sleep(0))  # what was closed lets go of its socket in the loop's next turn
    loop.close()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Carry one direction: many bytes may be under way at once, each arrives `delay_s` after it was sent."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    delivery = asyncio.create_task(deliver())
    try:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                under_way.put_nowait((loop.time() + delay_s, data))
        under_way.put_nowait((loop.time() + delay_s, b""))
        with suppress(ConnectionError):
            await delivery
    finally:
        writer.close()
