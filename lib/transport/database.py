"""Connections and queries to Postgres, with clear errors when it does not answer.

TLS is required for every host but this machine. Passwords leave this module only as environment variables
for programs that need them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import psycopg
import sqlalchemy
from psycopg.rows import DictRow, dict_row
from sqlalchemy.pool import NullPool

from lib.core.errors import DatabaseError, ParamsError
from lib.core.redact import REDACTED, redact, register_secrets

CONNECT_TIMEOUT_S = 10
"""Seconds to wait for a server to answer; a healthy one on another continent needs less than one."""

Session = psycopg.Connection[DictRow]
"""An open connection whose rows are dicts, as `Database.connect` yields it."""

TLS_MODES = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Database:
    """One Postgres database, known by its URL; printing it never shows the password."""

    url: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", check_url(self.url))
        if self.password:
            register_secrets([self.password])

    def __repr__(self) -> str:
        return f"Database({self.display_name})"

    @property
    def display_name(self) -> str:
        """The URL with its password redacted."""
        return mask_url(self.url)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "localhost"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 5432

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.url).path.lstrip("/")) or "postgres"

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.url).username or "postgres")

    @property
    def password(self) -> str | None:
        password = urlsplit(self.url).password
        return unquote(password) if password else None

    def named(self, name: str) -> Database:
        """Return the database of another name on the same server, as the same user."""
        parts = urlsplit(self.url)
        return Database(urlunsplit(parts._replace(path=f"/{name}")))

    @cached_property
    def engine(self) -> sqlalchemy.Engine:
        """The SQLAlchemy engine; each use opens and closes its own connection."""
        return sqlalchemy.create_engine("postgresql+psycopg://", creator=self.open, poolclass=NullPool)

    @property
    def libpq_environment(self) -> dict[str, str]:
        """What psql, pg_dump and pg_restore need to connect, the password included: never for argv."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.name,
            "PGPASSWORD": self.password or "",
            "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
            "PGAPPNAME": "launch-readiness",
        }
        options = dict(parse_qsl(urlsplit(self.url).query))
        if "sslmode" in options:
            values["PGSSLMODE"] = options["sslmode"]
        if "sslrootcert" in options:
            values["PGSSLROOTCERT"] = options["sslrootcert"]
        return values

    def open(self) -> psycopg.Connection[Any]:
        """Return a new psycopg connection. Raises DatabaseError when the connection fails."""
        try:
            return psycopg.connect(self.url, connect_timeout=CONNECT_TIMEOUT_S, application_name="launch-readiness")
        except psycopg.Error as exc:
            raise connect_error(self, exc) from None

    @contextmanager
    def connect(self, *, autocommit: bool = False) -> Iterator[psycopg.Connection[DictRow]]:
        """Yield a connection whose rows are dicts; commits at the end, rolls back on any error.

        Raises DatabaseError for everything the server refuses, with its SQLSTATE.
        """
        connection = self.open()
        try:
            connection.row_factory = dict_row
            connection.autocommit = autocommit
            with as_database_error(self), connection:
                yield connection
        finally:
            connection.close()

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return every row of one query, as dicts; `:name` in the query binds a parameter."""
        with as_database_error(self), self.engine.connect() as connection:
            answer = connection.execute(sqlalchemy.text(query), parameters)
            return [dict(row) for row in answer.mappings()]

    def value(self, query: str, **parameters: Any) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        rows = self.rows(query, **parameters)
        return next(iter(rows[0].values())) if rows else None


class KeptSession:
    """One connection that is used again and again, opened when it is first asked for, and anew when it was lost meanwhile.

    It commits each statement by itself, and prepares none: what it asks about changes between its statements.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection: psycopg.Connection[Any] | None = None

    def open(self) -> psycopg.Connection[Any]:
        """Return the connection; its rows are dicts. Raises DatabaseError when it can't be opened."""
        if self._connection is None or self._connection.closed:
            connection = self.database.open()
            connection.row_factory = dict_row
            connection.prepare_threshold = None
            connection.autocommit = True
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def read_query(package: str, name: str) -> str:
    """Return the text of sql/<name>.sql beside the modules of a package."""
    return (resources.files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def check_url(url: str) -> str:
    """Return the URL in libpq's spelling, with TLS required for other machines.

    Raises ParamsError when it is not a Postgres URL, or allows an unencrypted connection over a network.
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme.partition("+")[0]
    if scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise ParamsError(f"'{mask_url(url)}' is not a Postgres URL. Write postgresql://user:password@host:5432/database.")
    options = dict(parse_qsl(parts.query))
    if not is_loopback(parts.hostname) and options.setdefault("sslmode", "require") not in TLS_MODES:
        raise ParamsError(
            f"{mask_url(url)} sets sslmode={options['sslmode']}, which may send data unencrypted. "
            "Use sslmode=require or stricter: only addresses of this machine may be used without TLS."
        )
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(options)))


def mask_url(url: str) -> str:
    """Return the URL with the password, if any, redacted."""
    parts = urlsplit(url)
    if parts.password is None:
        return redact(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{REDACTED}@{host}"))


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect_error(database: Database, exc: psycopg.Error) -> DatabaseError:
    """Return the error for a connection that failed."""
    seen = redact(str(exc)).strip().partition("\n")[0].removeprefix("connection failed: ").rstrip(".")
    return DatabaseError(
        f"Could not connect to {database.display_name}: {seen or type(exc).__name__}.",
        sqlstate=exc.sqlstate,
        fix="Check that the server runs, and that the address and the credentials are right.",
    )


@contextmanager
def as_database_error(database: Database) -> Iterator[None]:
    """Turn what the driver raises inside into a DatabaseError that names the database."""
    try:
        yield
    except (psycopg.Error, sqlalchemy.exc.DBAPIError) as exc:
        cause = exc.orig if isinstance(exc, sqlalchemy.exc.DBAPIError) and exc.orig else exc
        sqlstate = getattr(cause, "sqlstate", None)
        said = redact(str(cause)).strip().partition("\n")[0]
        raise DatabaseError(
            f"{database.display_name} refused a query: {said} (SQLSTATE {sqlstate or 'unknown'}).",
            sqlstate=sqlstate,
            fix="Check the privileges of the user, and whether the object exists.",
        ) from exc


@lru_cache(maxsize=4096)
def quote_name(*parts: str) -> str:
    """Return a dotted name as SQL identifiers, quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
