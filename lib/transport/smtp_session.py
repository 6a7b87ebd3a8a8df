"""A session with a mail server that answers as it likes: each reply bounded, and the whole of them in time.

`smtplib` reads a reply line by line for as long as lines come, and its time-out is that of one silence.
Source: RFC 5321, 4.2 (replies), 4.5.3.1.5 (a reply line has at most 512 bytes); RFC 3207, 6 (nothing said before TLS counts).
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from typing import Any

LONGEST_LINE = 4096
"""Bytes of one line of a reply, eight times what the standard allows."""
MOST_LINES = 200
"""Lines of one reply: extensions come one a line, and there are about fifty."""
REPLY = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class NotSmtp(smtplib.SMTPException):
    """What the server said is no SMTP; the message says in which respect, without a word of it."""


class Session(smtplib.SMTP):
    """An SMTP session that ends within deadline_s, whatever the server says. timeout: longest silence."""

    def __init__(self, *given: Any, deadline_s: float, **named: Any) -> None:
        self._ends = time.monotonic() + deadline_s
        self._held = bytearray()
        try:
            super().__init__(*given, **named)
        except BaseException:  # nobody has the session yet who could let go of its connection
            self.close()
            raise

    def wait_at_most(self) -> None:
        """Let the socket wait no longer than the session lasts. Raises TimeoutError when that is over."""
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the session's time is over")
        assert self.sock is not None
        self.sock.settimeout(min(self.timeout, left_s))

    def send(self, s: Any) -> None:
        """Say something, when the server has said nothing that was not asked for."""
        if self._held:
            raise self.broken("it answers before it is asked")
        if self.sock is not None:
            self.wait_at_most()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and text of one reply. Raises NotSmtp, TimeoutError or SMTPServerDisconnected."""
        said, code = [], b""
        for _ in range(MOST_LINES):
            reply = REPLY.fullmatch(self.read_line())
            if reply is None or (code and reply[1] != code):
                raise self.broken("a reply is no code and text")
            code = reply[1]
            said.append((reply[3] or b"").strip(b" \t\r\n"))
            if reply[2] != b"-":
                return int(code), b"\n".join(said)
        raise self.broken(f"a reply has more than {MOST_LINES} lines")

    def read_line(self) -> bytes:
        """Return the next line of a reply."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > LONGEST_LINE:
                raise self.broken(f"a line of a reply has more than {LONGEST_LINE} bytes")
            self.wait_at_most()
            assert self.sock is not None
            try:
                said = self.sock.recv(LONGEST_LINE)
            except TimeoutError:
                self.close()
                raise
            except OSError as exc:
                self.close()
                raise smtplib.SMTPServerDisconnected("the connection broke") from exc
            if not said:
                self.close()
                raise smtplib.SMTPServerDisconnected("the connection was closed")
            self._held += said
        line = bytes(self._held[:end]).rstrip(b"\r")
        del self._held[: end + 1]
        return line

    def broken(self, what: str) -> NotSmtp:
        """Return the error for a server that is not followed any further."""
        self.close()
        return NotSmtp(what)

    def close(self) -> None:
        """Let go of the connection and of what it still said."""
        self._held.clear()
        super().close()


class SessionTls(Session, smtplib.SMTP_SSL):
    """The same with TLS from the start."""

    def __init__(self, *given: Any, context: ssl.SSLContext, **named: Any) -> None:
        super().__init__(*given, context=context, **named)
