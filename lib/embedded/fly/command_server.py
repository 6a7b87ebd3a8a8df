"""Does the commands of `flyctl`, each in a process of its own: forked, so that none imports anything. Linux only.

It is forked from the platform's process before that knows anything, has one thread, and ends with the platform. A command ends
when who asked for it is gone, as it would if it were that process.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from lib.embedded.fly.thin_command import ADDRESS, PID_BYTES, SIZE_BYTES, receive

KILL_WITH_PARENT = 1
"""PR_SET_PDEATHSIG. Source: include/uapi/linux/prctl.h"""
LONGEST_ADDRESS = 100
"""Characters of a socket's path that every Linux takes."""


def serve_commands(folder: Path) -> None:
    """Fork the server of this platform's commands, where a process may be forked and its socket has room."""
    path = str(folder / ADDRESS)
    if sys.platform != "linux" or len(os.fsencode(path)) > LONGEST_ADDRESS:
        return
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    parent = os.getpid()
    if os.fork() == 0:
        be_server(listening, parent)
    listening.close()


def be_server(listening: socket.socket, parent: int) -> NoReturn:
    """Fork a process for each command, until the platform has ended."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(KILL_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1):  # the platform's own: what it is told, and where its owner waits for it
            os.dup2(nowhere, number)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a command but who asked for it
        from lib.embedded.fly import actions, command  # noqa: F401 - imported once here, and in no command

        while os.getppid() == parent:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                be_command(connection)
            connection.close()
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def be_command(connection: socket.socket) -> NoReturn:
    """Be one command: in the folder, and with the input and output, of who asks for it."""
    code = 1
    try:
        argv = take_over(connection)
        from lib.embedded.fly.command import main

        code = main(argv)
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    end(connection, code)


def take_over(connection: socket.socket) -> list[str]:
    """Take the place of who asks, and return the arguments."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said, files, _, _ = socket.recv_fds(connection, SIZE_BYTES, 3)
    said += receive(connection, SIZE_BYTES - len(said)) if len(said) < SIZE_BYTES else b""
    request = receive(connection, int.from_bytes(said, "big"))
    if len(files) < 3 or not request:
        os._exit(1)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    cwd, *words = request.split(b"\0")
    os.chdir(cwd)
    end_with_asker(connection)
    connection.sendall(os.getpid().to_bytes(PID_BYTES, "big"))
    return [os.fsdecode(word) for word in words]


def end_with_asker(connection: socket.socket) -> None:
    """Have the system end this process as soon as the other end of the connection is closed."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    try:
        gone = connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        gone = False
    if gone:
        os._exit(1)


def end(connection: socket.socket, code: int) -> NoReturn:
    """Say how this command ended, and end."""
    try:
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        connection.sendall(bytes([code & 0xFF]))
    except OSError:
        pass  # who asked is gone
    os._exit(code & 0xFF)
