"""The door to a mail server: TLS off this machine, logged in, and clear about who said no."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from lib.core.errors import MailError
from lib.core.redact import redact
from lib.transport.smtp_session import NotSmtp, Session, SessionTls
from lib.transport.tls import is_this_machine, trusted_context

PORTS = {"smtp": 587, "smtps": 465}
"""Submission with STARTTLS, and with TLS from the start. Source: RFC 8314, 3."""


TIMEOUTS = 4
"""A session has about ten short answers; a server that takes a whole time-out for each is not one to hand mail in at."""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed in, and as whom. starts_tls: a plain connection is turned into TLS before anything is said."""

    host: str
    port: int
    is_tls: bool
    starts_tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def display_name(self) -> str:
        return f"{self.host}:{self.port}"


def read_mail_url(url: str) -> MailServer:
    """Return the server that smtp://user:password@host:587 or smtps://...:465 names.

    Raises MailError for anything else. Only this machine's own server may do without TLS.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in PORTS or not host:
        raise MailError("The SMTP URL is not valid.", answered=False, fix="Set it to one like smtp://user:password@host:587.")
    return MailServer(
        host=host,
        port=port or PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        starts_tls=parts.scheme == "smtp" and not is_this_machine(host),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


@contextmanager
def open_mail_server(
    server: MailServer, *, timeout_s: float, deadline_s: float | None = None, context: ssl.SSLContext | None = None
) -> Iterator[smtplib.SMTP]:
    """Yield a session, encrypted and logged in; whatever goes wrong in it is a MailError.

    timeout_s: longest silence. deadline_s: the whole session; TIMEOUTS times the longest silence when None.
    context: what verifies the server, when not the usual authorities.
    """
    ends_s = deadline_s or TIMEOUTS * timeout_s
    session: smtplib.SMTP | None = None
    try:
        # The name is given: smtplib would else ask DNS for ours, which can take long.
        ours = socket.gethostname() or "localhost"
        if server.is_tls:
            trusted = context or trusted_context()
            session = SessionTls(server.host, server.port, ours, timeout=timeout_s, context=trusted, deadline_s=ends_s)
        else:
            session = Session(server.host, server.port, ours, timeout=timeout_s, deadline_s=ends_s)
        if server.starts_tls:
            session.starttls(context=context or trusted_context())
        if server.user:
            session.login(server.user, server.password)
        yield session
    except (OSError, smtplib.SMTPException, ValueError) as exc:  # ValueError: a challenge that is no base64, a user beyond ASCII
        raise explain(server, exc) from exc
    finally:
        if session is not None:
            close(session)


def close(session: smtplib.SMTP) -> None:
    """Say goodbye; one that is gone already is fine."""
    try:
        session.quit()
    except (OSError, smtplib.SMTPException):
        session.close()


def send_mail(session: smtplib.SMTP, message: EmailMessage, recipients: list[str]) -> None:
    """Hand in one message. Raises MailError when any recipient is refused, and then says which."""
    refused = session.send_message(message, to_addrs=recipients)
    if refused:
        raise MailError(
            f"The mail server took the message, but not for {', '.join(sorted(refused))}.",
            answered=True,
            fix="Check these addresses.",
        )


def explain(server: MailServer, exc: OSError | smtplib.SMTPException | ValueError) -> MailError:
    """Return what went wrong as one sentence, without anything that was sent."""
    if isinstance(exc, NotSmtp):
        return refusal(server, f"does not speak SMTP as it must: {exc}", 0, "see what listens there")
    if isinstance(exc, UnicodeError):
        return refusal(server, "takes no login beyond ASCII", 0, "use a user and password of plain letters and digits")
    if isinstance(exc, ValueError) and not isinstance(exc, OSError):  # a failed certificate is both
        return refusal(server, "does not speak SMTP as it must: its login can't be followed", 0, "see what listens there")
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        return refusal(server, "did not accept our login", exc.smtp_code, "renew the user and password in its address")
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        code = next(iter(exc.recipients.values()))[0]
        return refusal(server, f"refused {', '.join(sorted(exc.recipients))}", code, "check the addresses in health.notify_to")
    if isinstance(exc, smtplib.SMTPNotSupportedError):
        return refusal(server, "offers no TLS or no login", 0, "use a server that does, or an smtps:// address")
    if type(exc) is smtplib.SMTPException:  # none of its own ways to log in, or one with challenges without end
        return refusal(server, "offers no login that we can follow", 0, "use a server that takes PLAIN, LOGIN or CRAM-MD5")
    if isinstance(exc, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return refusal(server, "refused the session", exc.smtp_code, "read its log")
    if isinstance(exc, smtplib.SMTPResponseException):
        return refusal(server, "refused the message", exc.smtp_code, "read its log, and check health.notify_from")
    seen = {
        ssl.SSLCertVerificationError: "its certificate is not trusted",
        socket.gaierror: "its name was not found",
        ConnectionRefusedError: "the connection was refused",
        TimeoutError: "it did not answer in time",
        smtplib.SMTPServerDisconnected: "it disconnected",
    }
    said = next((text for kind, text in seen.items() if isinstance(exc, kind)), redact(type(exc).__name__))
    return MailError(
        f"The mail server {server.display_name} could not be used: {said}.",
        answered=False,
        fix="Check that it runs, and its address.",
    )


def refusal(server: MailServer, what: str, code: int, move: str) -> MailError:
    """Return the error for a server that answered, and said no."""
    said = f" (SMTP {code})" if code else ""
    return MailError(f"The mail server {server.display_name} {what}{said}.", answered=True, fix=f"{move}.")
