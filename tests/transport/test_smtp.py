"""Mail is handed in over TLS and logged in, or a sentence says who said no."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from lib.core.errors import MailError
from lib.embedded.vendors.certificates import write_untrusted_certificate
from lib.embedded.vendors.mail import MailSink
from lib.transport.smtp import MailServer, open_mail_server, read_mail_url, send_mail

PASSWORD = "a-password-of-the-test"


def message() -> EmailMessage:
    one = EmailMessage()
    one["From"], one["To"], one["Subject"] = "from@example.com", "to@example.com", "Größe"
    one.set_content("It fails.")
    return one


def try_to_send(url: str) -> None:
    with open_mail_server(read_mail_url(url), timeout_s=2) as session:
        send_mail(session, message(), ["to@example.com"])


def test_a_message_is_kept_as_received(tmp_path: Path) -> None:
    with MailSink(folder=tmp_path) as sink:
        try_to_send(sink.parts["url"])
    [kept] = tmp_path.glob("message-*.eml")
    assert b"Delivered-To: to@example.com" in kept.read_bytes()
    assert b"It fails." in kept.read_bytes()


@pytest.mark.parametrize(
    ("fault", "answered", "said"),
    [
        ("refused", False, "the connection was refused"),
        ("hang_up", False, "it did not answer in time"),
        ("rejects_login", True, "did not accept our login (SMTP 535)"),
        ("rejects_recipient", True, "refused to@example.com (SMTP 550)"),
        ("full", True, "refused the message (SMTP 452)"),
    ],
)
def test_each_way_of_failing_is_told_apart(tmp_path: Path, fault: str, answered: bool, said: str) -> None:
    with MailSink(fault=fault, folder=tmp_path) as sink, pytest.raises(MailError) as caught:
        try_to_send(sink.parts["url"])
    assert caught.value.answered is answered
    assert said in str(caught.value)
    assert sink.password not in str(caught.value)
    assert not list(tmp_path.glob("message-*.eml"))


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with MailSink(folder=tmp_path) as sink, pytest.raises(MailError, match="did not accept our login"):
        try_to_send(sink.parts["url"].replace(sink.password, "wrong-password"))


def test_without_login_nothing_is_taken(tmp_path: Path) -> None:
    with MailSink(folder=tmp_path) as sink, pytest.raises(MailError, match="SMTP 530"):
        try_to_send(sink.base_url.replace("http:", "smtp:"))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://u:p%40ss@mail.example.com", MailServer(host="mail.example.com", port=587, is_tls=False, starts_tls=True,
                                                                user="u", password="p@ss")),
        ("smtps://u:s3cret@mail.example.com", MailServer(host="mail.example.com", port=465, is_tls=True, starts_tls=False,
                                                                user="u", password="s3cret")),
        ("smtp://127.0.0.1:2525", MailServer(host="127.0.0.1", port=2525, is_tls=False, starts_tls=False)),
    ],
)  # fmt: skip
def test_an_address_says_how_it_is_encrypted(url: str, server: MailServer) -> None:
    assert read_mail_url(url) == server
    assert server.password == "" or server.password not in repr(server)


@pytest.mark.parametrize("url", ["", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://[", "smtp://host:port"])
def test_what_is_no_mail_address_is_told(url: str) -> None:
    with pytest.raises(MailError, match="Fix: Set it"):
        read_mail_url(url)


class Server:
    """A mail server that takes a login only after STARTTLS, with a certificate for localhost."""

    def __init__(self, folder: Path, *, offers_tls: bool = True) -> None:
        self.taken: list[bytes] = []
        self.offers_tls = offers_tls
        files = write_untrusted_certificate(folder)
        self.own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.own.load_cert_chain(files["ssl_certfile"], files["ssl_keyfile"])
        self.trusted = ssl.create_default_context(cafile=files["ssl_certfile"])
        self.port, self.loop, self.ready = 0, asyncio.new_event_loop(), threading.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.content)
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    def make(self) -> SMTP:
        context = self.own if self.offers_tls else None
        return SMTP(self, hostname="localhost", tls_context=context, authenticator=self.authenticate)

    async def serve(self) -> None:
        self.done = asyncio.Event()
        server = await self.loop.create_server(self.make, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.done.wait()
        server.close()


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    one = Server(tmp_path, offers_tls=getattr(request, "param", True))
    thread = threading.Thread(target=lambda: one.loop.run_until_complete(one.serve()))
    thread.start()
    assert one.ready.wait(5)
    yield one
    one.loop.call_soon_threadsafe(one.done.set)
    thread.join()
    one.loop.close()


def remote(server: Server) -> MailServer:
    """Return the server as one of another machine: STARTTLS comes first."""
    plain = read_mail_url(f"smtp://user:{PASSWORD}@localhost:{server.port}")
    return replace(plain, starts_tls=True)


def test_starttls_comes_before_the_login(server: Server) -> None:
    with open_mail_server(remote(server), timeout_s=5, context=server.trusted) as session:
        send_mail(session, message(), ["to@example.com"])
    assert len(server.taken) == 1


def test_a_certificate_that_is_not_trusted_stops_before_the_login(server: Server) -> None:
    with pytest.raises(MailError, match="certificate is not trusted") as caught, open_mail_server(remote(server), timeout_s=5):
        pass
    assert caught.value.answered is False


@pytest.mark.parametrize("server", [False], indirect=True)
def test_a_server_without_tls_never_gets_the_password(server: Server) -> None:
    with pytest.raises(MailError, match="offers no TLS"), open_mail_server(remote(server), timeout_s=5, context=server.trusted):
        pass
    assert server.taken == []
