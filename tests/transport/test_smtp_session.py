"""Whatever a mail server says, the session ends in time, in little memory, with a MailError that says who is wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from lib.core.errors import MailError
from lib.transport.smtp import MailServer, open_mail_server, read_mail_url
from lib.transport.smtp_session import Session

EHLO = b"250-here\r\n250-AUTH CRAM-MD5 PLAIN LOGIN\r\n250 SIZE\r\n"
Script = Callable[[socket.socket], None]


@contextmanager
def serve(script: Script) -> Iterator[str]:
    """Yield the address of a server that does this with its one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)  # a client that ran out of time before it came leaves nobody to wait for

        def work() -> None:
            with suppress(OSError), listening.accept()[0] as connection:
                connection.settimeout(10)
                script(connection)

        thread = threading.Thread(target=work)
        thread.start()
        yield f"smtp://user:{'p' * 12}@127.0.0.1:{listening.getsockname()[1]}"
        thread.join(15)
        assert not thread.is_alive()


def say(*words: bytes) -> Script:
    """Answer each command with the next of these, then hold the line until the client is gone."""

    def script(connection: socket.socket) -> None:
        for word in words:
            connection.sendall(word)
            connection.recv(65536)
        connection.recv(65536)

    return script


def repeat(first: bytes, endless: bytes, *, pause_s: float = 0) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(endless)
            time.sleep(pause_s)

    return script


def try_session(url: str, *, starts_tls: bool = False, deadline_s: float = 1.0) -> MailError:
    server = read_mail_url(url)
    if starts_tls:
        server = MailServer(host=server.host, port=server.port, is_tls=False, starts_tls=True, user="u", password="p" * 12)
    with (
        pytest.raises(MailError) as caught,
        open_mail_server(server, timeout_s=0.5, deadline_s=deadline_s) as session,
    ):
        session.noop()
        raise AssertionError("the session was taken for a good one")
    return caught.value


@pytest.mark.parametrize(
    ("script", "answered", "said"),
    [
        (repeat(b"", b"220-hello\r\n"), True, "more than 200 lines"),
        (repeat(b"", b"220 " + b"x" * 65536), True, "more than 4096 bytes"),
        (repeat(b"220 ", b"x", pause_s=0.01), False, "did not answer in time"),
        (repeat(b"220-a\r\n", b"220-b\r\n", pause_s=0.02), False, "did not answer in time"),
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), True, "no code and text"),
        (say(b"SSH-2.0-OpenSSH_9.2\r\n"), True, "no code and text"),
        (say(b"999 hello\r\n"), True, "no code and text"),
        (say(b"220 \xff\xfe\x00\r\n", b"250-\xc3\xa9\r\n550 x\r\n"), True, "no code and text"),
        (say(b"220 hi\r\n250 ok\r\n"), True, "before it is asked"),
        (say(b"220 hi\r\n", EHLO, b"334 !!!\r\n", b"535 no\r\n", b"535 no\r\n", b"535 no\r\n"), True, "login"),
        (say(b"220 hi\r\n", EHLO, *[b"334 AAAA\r\n"] * 20), True, "login"),
        (say(b"220 hi\r\n", b"250 AUTH\r\n"), True, "no TLS or no login"),
        (say(b"220 hi\r\n", b"250-here\r\n250 AUTH GSSAPI X-OWN\r\n"), True, "offers no login"),
        (say(b"554 go away\r\n"), True, "refused the session (SMTP 554)"),
        (say(b"220 hi\r\n", b"500 what\r\n", b"500 what\r\n"), True, "refused the session (SMTP 500)"),
    ],
)
def test_what_is_no_smtp_is_told_in_time(script: Script, answered: bool, said: str) -> None:
    with serve(script) as url:
        error = try_session(url)
    assert (said in str(error), error.answered) == (True, answered), str(error)
    assert "pppp" not in str(error)


def test_a_connection_that_failed_at_its_greeting_is_let_go() -> None:
    with serve(repeat(b"220 ", b"x", pause_s=0.01)) as url:
        server = read_mail_url(url)
        session = Session.__new__(Session)
        with pytest.raises(TimeoutError):
            Session.__init__(session, server.host, server.port, "us", timeout=5, deadline_s=0)
        assert session.sock is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (say(b"220 hi\r\n", b"250-here\r\n250 SIZE\r\n"), "no TLS"),
        (say(b"220 hi\r\n", b"250-here\r\n250 STARTTLS\r\n", b"454 later\r\n"), "454"),
        (say(b"220 hi\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n"), ""),
        (say(b"220 hi\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 go\r\n", b"not TLS"), ""),
    ],
)
def test_the_password_is_not_said_without_tls(script: Script, said: str) -> None:
    with serve(script) as url:
        assert said in str(try_session(url, starts_tls=True))
