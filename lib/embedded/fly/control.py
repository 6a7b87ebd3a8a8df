"""How the command and the platform speak: one line of JSON each way, on loopback, with a key."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from lib.embedded.fly.errors import CommandError

HOST = "127.0.0.1"
ADDRESS = "address.json"
"""The private file in the platform's folder that holds the port and the key."""
LONGEST_LINE = 4 * 1024 * 1024
CALL_TIMEOUT_S = 60


class Refused(CommandError):
    """What the platform answered instead of doing it, in flyctl's words."""


class Broken(Exception):
    """The platform itself broke or is gone: a bug of ours, which says nothing about the app."""


def call(folder: Path, op: str, **arguments: Any) -> Any:
    """Call the platform whose folder this is. Raises Refused when it refuses, Broken when it cannot answer."""
    try:
        address = json.loads((folder / ADDRESS).read_text(encoding="utf-8"))
        with socket.create_connection((HOST, address["port"]), timeout=CALL_TIMEOUT_S) as connection:
            line = json.dumps({"key": address["key"], "op": op, "arguments": arguments})
            connection.sendall(line.encode() + b"\n")
            with connection.makefile("rb") as answer:
                said = json.loads(answer.readline() or b"{}")
    except (OSError, ValueError) as exc:
        raise no_answer(op, str(exc)) from exc
    if not said:
        raise no_answer(op, "the connection was closed")
    if "broke" in said:
        raise Broken(said["broke"])
    if "refused" in said:
        raise Refused(said["refused"])
    return said["value"]


def no_answer(op: str, why: str) -> Broken:
    """Return the error of an operation that the platform gave no answer to."""
    from lib.core.breakages import describe_breakage  # each command imports this module, and hardly one of them gets here

    return Broken(describe_breakage("fly", f"{op} got no answer: {why}"))
