"""A server of raw sockets that answers as no vendor should, and a library of such answers."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Script = Callable[[socket.socket], None]
"""What the server does with a connection, once it has been asked something."""
LONGEST_S = 30
"""Seconds that one connection is served at most."""
CASE = re.compile(rb"case-(\d+)")
GOOD = b'{"status": "woot"}'
BODIES: dict[str, bytes] = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and closed": b"[" * 900 + b"]" * 900,
    "a number of 5,000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "1e400": b'{"id": 1e400, "total_count": 1e400}',
    "NaN": b'{"id": NaN}',
    "a name twice": b'{"status": "woot", "status": "down"}',
    "half characters": b'{"status": "\\ud800", "secrets": [{"name": "\\udfff"}]}',
    "NUL": b'{"status": "\\u0000woot", "a": "\\u0000"}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "Latin-1": '{"status": "wööt"}'.encode("latin-1"),
    "nothing": b"",
    "null": b"null",
    "true": b"true",
    "a number": b"-0.0",
    "a text": b'"woot"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of nulls": b"[null, null]",
    "a list of lists": b"[[[]], [{}]]",
    "a text of 5 MB": b'{"status": "' + b"x" * 5_000_000 + b'"}',
    "a million items": b"[" + b"1," * 999_999 + b"1]",
    "300,000 objects": b'{"payload": [' + b"{}," * 299_000 + b"{}]}",
    "half of it": GOOD[:9],
    "two of them": GOOD + GOOD,
    "HTML": b"<!doctype html><title>Sign in</title>",
    "terminal codes": b'{"status": "\\u001b[2J\\u001b]0;GO Ready to launch\\u0007"}',
    "bad UTF-8": b'{"status": "\xff\xfe\xc0\x80"}',
    "text of metrics": b"# TYPE a wrong\na{b=} x\n",
    "a million series": b"".join(b'a{x="%d"} 1\n' % number for number in range(200_000)),
    "one line of labels": b"a{" + b",".join(b'l%d="v"' % number for number in range(100_000)) + b"} 1\n",
}
"""Whole answers by HTTP, of which none is one of a healthy vendor; flyctl prints the same."""


def head(status: str = "200 OK", *lines: str, length: int | None = None) -> bytes:
    """Return the head of an answer."""
    size = [f"content-length: {length}"] if length is not None else []
    return "\r\n".join([f"HTTP/1.1 {status}", "content-type: application/json", *lines, *size, "", ""]).encode("latin-1")


def whole(body: bytes, status: str = "200 OK", *lines: str) -> Script:
    """Answer with this body, and be ready for the next request."""
    return lambda connection: connection.sendall(head(status, *lines, length=len(body)) + body)


def send(*parts: bytes, endless: bytes = b"", pause_s: float = 0.0, hangs: bool = False) -> Script:
    """Send these parts, then one without end or nothing more; hang up, or wait for the other to do so."""

    def script(connection: socket.socket) -> None:
        until = time.monotonic() + LONGEST_S
        for part in parts:
            connection.sendall(part)
        while endless and time.monotonic() < until:
            connection.sendall(endless)
            time.sleep(pause_s)
        if hangs:
            connection.recv(65536)
        raise ConnectionAbortedError

    return script


def packed_zeros() -> bytes:
    """Return half a megabyte of gzip that unpacks to 512 MB."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(b"\0" * 1_000_000) for _ in range(512)), packer.flush()])


def wire_cases() -> dict[str, Script]:
    """Return the answers that are bad as HTTP. None of them may pass for a healthy one."""
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    bomb = packed_zeros()
    return {
        "512 MB in gzip": whole(bomb, "200 OK", "content-encoding: gzip"),
        "512 MB in deflate": whole(zlib.compress(b"\0" * 100_000_000), "200 OK", "content-encoding: deflate"),
        "gzip in gzip": whole(gzip.compress(bomb), "200 OK", "content-encoding: gzip, gzip"),
        "empty members of gzip": whole(gzip.compress(b"") * 40_000, "200 OK", "content-encoding: gzip"),
        "gzip that is none": whole(GOOD, "200 OK", "content-encoding: gzip"),
        "gzip cut off": whole(gzip.compress(GOOD)[:-9], "200 OK", "content-encoding: gzip"),
        "brotli": whole(b"\x0b\x02\x80abc\x03", "200 OK", "content-encoding: br"),
        "zstd": whole(b"\x28\xb5\x2f\xfd" + b"\0" * 99, "200 OK", "content-encoding: zstd"),
        "an unknown encoding": whole(GOOD, "200 OK", "content-encoding: x-own"),
        "20,000 headers": send(head("200 OK", *[f"x-{number}: y" for number in range(20_000)]), GOOD),
        "a header of 8 MB": send(b"HTTP/1.1 200 OK\r\nx-a: " + b"y" * 8_000_000 + b"\r\n\r\n", GOOD),
        "a header without end": send(b"HTTP/1.1 200 OK\r\nx-a: ", endless=b"y" * 65536),
        "headers without end": send(b"HTTP/1.1 200 OK\r\n", endless=b"x-a: y\r\n" * 1000),
        "100 without end": send(endless=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        "103 slowly without end": send(endless=b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", pause_s=0.05),
        "101": send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: own\r\n\r\n", endless=b"x" * 999, pause_s=0.01),
        "a status line, drop by drop": send(endless=b"H", pause_s=0.05),
        "a body, drop by drop": send(head(length=100_000), endless=b"1", pause_s=0.05),
        "chunks without end": send(head("200 OK", "transfer-encoding: chunked"), endless=chunk),
        "chunks of one byte": send(head("200 OK", "transfer-encoding: chunked"), endless=b"1\r\nx\r\n" * 5000),
        "a chunk without a size": send(head("200 OK", "transfer-encoding: chunked"), b"zz\r\nabc\r\n"),
        "a chunk of 16 EB": send(head("200 OK", "transfer-encoding: chunked"), b"ffffffffffffffff\r\n", endless=b"x" * 65536),
        "trailers without end": send(head("200 OK", "transfer-encoding: chunked"), b"0\r\n", endless=b"x: y\r\n" * 1000),
        "too long a length": send(head(length=10**15), GOOD, hangs=True),
        "a length of words": send(head("200 OK", "content-length: many"), GOOD),
        "a negative length": send(head("200 OK", "content-length: -5"), GOOD),
        "two lengths": send(head("200 OK", "content-length: 5", "content-length: 9"), GOOD),
        "a body without end": send(head(), endless=b"x" * 65536),
        "HTTP/0.9": send(GOOD),
        "HTTP/9.9": send(b"HTTP/9.9 200 OK\r\n\r\n", b"{}"),
        "SSH": send(b"SSH-2.0-OpenSSH_9.2\r\n", hangs=True),
        "TLS": send(b"\x15\x03\x01\x00\x02\x02\x50"),
        "zeros": send(b"\0" * 100_000),
        "204 with a body": send(head("204 No Content", length=len(GOOD)), GOOD),
        "304 without a location": whole(b"", "304 Not Modified"),
        "302 without a location": whole(b"", "302 Found"),
        "302 to itself": whole(b"", "302 Found", "location: ?"),
        "302 to nonsense": whole(b"", "302 Found", "location: http://[::1"),
        "302 to a host of 60 KB": whole(b"", "302 Found", "location: https://" + "a" * 60_000),
        "302 to a file": whole(b"", "302 Found", "location: file:///etc/passwd"),
        "302 beyond ASCII": whole(b"", "302 Found", "location: http://\xe9\xff/\x80"),
        "300 with nothing": whole(b"{}", "300 Multiple Choices"),
        "999": whole(GOOD, "999 Request denied"),
        "status 42": send(b"HTTP/1.1 42 OK\r\n\r\n"),
        "a status of words": send(b"HTTP/1.1 OK OK\r\n\r\n"),
        "no reason": send(b"HTTP/1.1 500\r\n\r\n"),
        "429, retry after 1e400": whole(b"{}", "429 Slow", "retry-after: 1e400"),
        "429, retry in the year 99999": whole(b"{}", "429 Slow", "retry-after: Fri, 31 Dec 99999 23:59:59 GMT"),
        "429, retry after -1": whole(b"{}", "429 Slow", "retry-after: -1"),
        "429, odd limits": whole(b"{}", "429 Slow", "x-ratelimit-remaining: NaN", "x-ratelimit-reset: 1e999", "date: never"),
        "503, a huge limit": whole(b"{}", "503 Busy", "x-ratelimit-remaining: 999999999", "retry-after: 999999999"),
        "401 of 5 MB": whole(b'{"message": "' + b"x" * 5_000_000 + b'"}', "401 Unauthorized"),
        "500 of deep lists": whole(b"[" * 100_000, "500 Error"),
        "bytes in headers": whole(b"{}", "200 OK", "x-request-id: \xff\xfe\x80", "date: \x9b2J"),
        "a header with a NUL": send(b"HTTP/1.1 200 OK\r\nx-a: a\x00b\r\ncontent-length: 2\r\n\r\n{}"),
        "a folded header": send(b"HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 2\r\n\r\n{}"),
        "5,000 cookies": whole(b"{}", "200 OK", *["set-cookie: a=b; expires=x; path=/" for _ in range(2000)]),
        "an unknown charset": whole(b"{}", "200 OK", "content-type: application/json; charset=x-own-\x80"),
        "nothing at all": send(),
        "silence": send(hangs=True),
    }


class Server:
    """Answers each request by the case that its path names; `answers` may be filled while it runs."""

    def __init__(self) -> None:
        self.answers: dict[int, Script] = {}
        self.asked: list[bytes] = []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listening.accept()[0],), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection for as long as the answers allow."""
        with suppress(OSError), connection:
            connection.settimeout(LONGEST_S)
            while asked := read_request(connection):
                self.asked.append(asked[:2000])
                found = CASE.search(asked)
                self.answers[int(found[1])](connection) if found else whole(b"{}")(connection)

    def close(self) -> None:
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def read_request(connection: socket.socket) -> bytes:
    """Return one request's head, b'' when the other is gone; a short body is read with it."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        if not (said := connection.recv(65536)):
            return b""
        asked += said
    size = re.search(rb"(?i)content-length: (\d+)", asked)
    missing = int(size[1]) - len(asked.partition(b"\r\n\r\n")[2]) if size else 0
    while missing > 0:
        missing -= len(connection.recv(65536)) or missing
    return asked


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


def smtp_scripts() -> dict[str, list[bytes]]:
    """Return mail servers: what each says, first by itself, then after each command; the last without end."""
    hello, offer = b"220 hi\r\n", b"250-here\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"
    return {
        "an endless greeting": [b"220-hello\r\n" * 1000],
        "a line of 8 MB": [b"220 " + b"x" * 8_000_000 + b"\r\n"],
        "a line without end": [b"x" * 65536],
        "lines beyond ASCII": [b"220 \xff\xfe\r\n", b"250-\xe9\r\n250 \x00\r\n", b"\xff\r\n"],
        "an answer before the question": [hello + b"250 ok\r\n250 ok\r\n" * 1000],
        "HTTP": [b"HTTP/1.1 200 OK\r\n\r\n"],
        "challenges without end": [hello, offer, b"334 AAAA\r\n"],
        "a challenge that is none": [hello, offer, b"334 \xff!\r\n"],
        "no login": [hello, b"250 SIZE\r\n", b"250 ok\r\n"],
        "replies of many lines": [hello, b"250-x\r\n" * 1000],
        "421": [b"421 later\r\n"],
        "yes to everything, slowly": [b"2"],
    }


def mutations(value: Any) -> Iterator[Any]:
    """Yield a JSON value with one of its parts, at any level, replaced by what nobody expects there."""
    odd: list[Any] = [None, True, -1, 10**30, 1.5, "", "x" * 3000, [], {}, [None], {"a": {"a": {}}}, "9999-12-31T23:59:59-23:59"]
    yield from odd
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {key: item for key, item in value.items() if key != name}
            yield from ({**value, name: one} for one in mutations(inner))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], one, *value[place + 1 :]] for one in mutations(inner))


def as_answers(values: Iterable[Any]) -> Iterator[bytes]:
    for value in values:
        yield json.dumps(value).encode()
