"""What the script `flyctl` starts: it has the platform's command server do the command, and ends as that did.

A command takes a few milliseconds, and to import what it needs ten times as long: so only what every Python has is imported here,
and of `signal` and `socket` only what they are made of. Where no server listens, the command is done in this process.
"""

from __future__ import annotations

import os
import sys
from _signal import SIGINT, SIGKILL, SIGTERM, signal  # type: ignore[import-not-found]
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

ADDRESS = "commands"
"""Name of the server's socket, in the platform's folder."""
SIZE_BYTES = 8
"""Bytes that say how long a request is."""
PID_BYTES = 4


def main(argv: list[str]) -> int:
    """Do one command and return its exit code. argv: the platform's folder, then flyctl's own arguments."""
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(f"{argv[0]}/{ADDRESS}")
        pid = begin(connection, argv)
    except OSError:
        pid = 0
    return end_with(connection, pid) if pid else do_here(argv)


def begin(connection: socket, argv: list[str]) -> int:
    """Send what is to be done, with our own input and output, and return the id of the process that does it; 0 for none."""
    request = b"\0".join([os.getcwdb(), *map(os.fsencode, argv)])  # noqa: PTH109 - pathlib is another import
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    connection.sendmsg([len(request).to_bytes(SIZE_BYTES, "big")], [(SOL_SOCKET, SCM_RIGHTS, files)])
    connection.sendall(request)
    return int.from_bytes(receive(connection, PID_BYTES), "big")


def end_with(connection: socket, pid: int) -> int:
    """Pass signals on to the process until it has ended, and return its exit code; killed as it was where it has none."""

    def pass_on(number: int, _: object) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return  # it has ended, and its code is on the way

    for number in (SIGINT, SIGTERM):
        signal(number, pass_on)
    code = receive(connection, 1)
    if not code:
        os.kill(os.getpid(), SIGKILL)
    return code[0]


def receive(connection: socket, size: int) -> bytes:
    """Return so many bytes, or none where the connection ends before."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def do_here(argv: list[str]) -> int:
    """Do the command in this process."""
    from lib.embedded.fly.command import main as do_command

    return do_command(argv)
