"""A database server that several stacks use: each gets a fresh database of its own, and takes it away when it is done."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from lib.core.background import Background
from lib.core.breakages import note_breakage
from lib.core.files import write_whole
from lib.embedded.leftovers import process_start
from lib.embedded.postgres.hosted import copy_database
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.transport.database import Database

PREFIX = "lab"
"""What the names of the databases begin with that stacks were given."""
ENDED = "its process ended"


@dataclass(frozen=True, kw_only=True)
class Lent:
    """A running server, as another process needs to know it. passwords: role -> password.

    holder_pid, holder_started: the process that keeps it running; with it the server is gone.
    """

    host: str
    port: int
    bin_dir: str
    major: int
    auto_expose_new_tables: bool
    passwords: dict[str, str] = field(repr=False)
    server_pid: int
    server_started: str
    holder_pid: int
    holder_started: str

    @classmethod
    def of(cls, server: EmbeddedPostgres) -> Lent:
        """Return what another process needs to know of a server that this one runs."""
        pid, own = server.pid, os.getpid()
        return cls(
            host=server.host,
            port=server.port,
            bin_dir=str(server.bin_dir),
            major=server.major,
            auto_expose_new_tables=server.auto_expose_new_tables,
            passwords=server.passwords,
            server_pid=pid,
            server_started=process_start(pid) or "",
            holder_pid=own,
            holder_started=process_start(own) or "",
        )

    @classmethod
    def read(cls, path: Path) -> Lent | None:
        """Return the server that a file describes; None when there is none, or it or its holder has ended."""
        try:
            lent = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return lent if lent.is_alive else None

    @property
    def is_alive(self) -> bool:
        return (process_start(self.server_pid), process_start(self.holder_pid)) == (self.server_started, self.holder_started)

    def write(self, path: Path) -> None:
        """Put it where other processes of this user find it, and nobody else may read it."""
        write_whole(path, json.dumps(asdict(self)), mode=0o600)


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs of a lent server, where its holder has them."""

    bin_dir: Path
    major: int


class LentPostgres(EmbeddedPostgres):
    """A server of another process, as one stack sees it: `postgres_url` is a fresh database that nobody else has.

    `stop` removes what this stack made, and leaves the server running.
    """

    def __init__(self, lent: Lent, *, state_dir: Path) -> None:
        super().__init__(
            state_dir,
            Programs(bin_dir=Path(lent.bin_dir), major=lent.major),  # type: ignore[arg-type]
            auto_expose_new_tables=lent.auto_expose_new_tables,
        )
        self.lent = lent
        self.host, self.port, self._passwords = lent.host, lent.port, dict(lent.passwords)
        self.own = f"{PREFIX}_{os.getpid()}_{secrets.token_hex(4)}"
        self.drop_abandoned()
        super().create_hosted_database(self.own)
        self._watch = Background(self.watch_server, name=f"watch-{lent.server_pid}")
        self._watch.start()

    @property
    def postgres_url(self) -> str:
        """This stack's database as `postgres`, the role a project's owner gets; holds a password."""
        return self.url_for(self.own)

    def create_hosted_database(self, name: str, *, auto_expose_new_tables: bool | None = None) -> Database:
        """Make a fresh hosted database that this stack alone knows, and return it, as `postgres`."""
        return super().create_hosted_database(f"{self.own}_{name}", auto_expose_new_tables=auto_expose_new_tables)

    def drop_database(self, name: str) -> None:
        """Remove a database that this stack made; a missing one is fine."""
        super().drop_database(f"{self.own}_{name}")

    def has_template(self, name: str) -> bool:
        """Return whether there is a prepared database of this name."""
        return bool(self._admin.value("select count(*) from pg_catalog.pg_database where datname = :name", name=name))

    def start_from(self, name: str) -> None:
        """Replace this stack's database by a copy of a prepared one."""
        super().drop_database(self.own)
        copy_database(self._admin, self.own, template=name, owner="postgres")

    def keep_as(self, name: str) -> None:
        """Keep this stack's database as it is now for stacks to come. Raises DatabaseError while somebody is connected to it."""
        copy_database(self._admin, name, template=self.own, owner="postgres")

    def drop_abandoned(self) -> None:
        """Remove the databases of processes that ended without doing so."""
        for name in self.names_like(f"{PREFIX}\\_%"):
            pid = name.split("_")[1]
            if not (pid.isdigit() and psutil.pid_exists(int(pid))):
                super().drop_database(name)

    def names_like(self, pattern: str) -> list[str]:
        found = self._admin.rows("select datname from pg_catalog.pg_database where datname like :pattern", pattern=pattern)
        return [row["datname"] for row in found]

    def watch_server(self) -> None:
        """Note when the server ended although this stack still uses it."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.lent.server_pid).wait()
        if not self._is_ending and self.work.exists():
            note_breakage(self.work, "database", ENDED, is_final=True)

    def stop(self) -> None:
        """Remove this stack's databases; a server that is gone took them along."""
        self._is_ending = True
        if self.lent.is_alive:
            for name in self.names_like(self.own.replace("_", "\\_") + "%"):
                super().drop_database(name)
