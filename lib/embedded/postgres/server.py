"""The embedded PostgreSQL: started for one run on a free loopback port, removed after it."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from lib.clients.postgres.launch_role import OWNER, launch_password
from lib.core.background import Background, describe_exit, watch_exit
from lib.core.breakages import note_breakage
from lib.core.errors import WorkbookError
from lib.embedded.leftovers import end_process, new_lease, process_start, remove_folder, write_lease
from lib.embedded.ports import HOST, free_port
from lib.embedded.postgres import hosted
from lib.embedded.postgres.binaries import Binaries, find_binaries
from lib.embedded.postgres.cluster import init_data, launch_server, wait_ready
from lib.embedded.postgres.overlay import write_overlay
from lib.embedded.postgres.own_installation import OwnInstallation, read_installation
from lib.embedded.postgres.versions import DEFAULT_MAJOR
from lib.transport.database import Database

SUPERUSER = "supabase_admin"

PORT_ATTEMPTS = 5
"""A free port may be taken by another program before the server binds it, but hardly five times in a row."""


class EmbeddedPostgres:
    """A running server whose databases look like a hosted Supabase project; use it in a `with`."""

    host = HOST

    def __init__(
        self,
        state_dir: Path,
        binaries: Binaries | OwnInstallation,
        *,
        auto_expose_new_tables: bool,
        work: Path | None = None,
        in_memory: bool = False,
    ) -> None:
        self.state_dir = state_dir
        self.in_memory = in_memory
        self.work = work or state_dir / "work"
        self.data_dir = state_dir / "data"
        self.log_path = state_dir / "postgres.log"
        self.bin_dir = binaries.bin_dir
        self.major = binaries.major
        self.port = 0
        self.auto_expose_new_tables = auto_expose_new_tables
        self._binaries = binaries
        own = secrets.token_urlsafe(24)
        self._passwords = {SUPERUSER: own, OWNER: launch_password(own, OWNER)}
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: Background | None = None
        self._is_ending = False

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({self.host}:{self.port}, {self.state_dir})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process of the running server."""
        assert self._process is not None
        return self._process.pid

    @property
    def passwords(self) -> dict[str, str]:
        """Role -> password, for whoever the server is lent to."""
        return dict(self._passwords)

    @property
    def postgres_url(self) -> str:
        """The database `postgres` as `postgres`, the role a project's owner gets; holds a password."""
        return self.url_for("postgres")

    @property
    def superuser_url(self) -> str:
        """The database `postgres` as `supabase_admin`, which no project's owner can be; holds a password."""
        return self.url_for("postgres", role=SUPERUSER)

    def url_for(self, name: str, *, role: str = "postgres") -> str:
        """Return the URL of one database, with the password of `postgres` or `supabase_admin`."""
        # sslmode: the server has no TLS, and CLI 2 connects without TLS only when the URL says so.
        return f"postgresql://{role}:{self._passwords[role]}@{self.host}:{self.port}/{name}?sslmode=disable"

    def database(self, name: str = "postgres", *, role: str = "postgres") -> Database:
        """Return one database of this server."""
        return Database(self.url_for(name, role=role))

    def create_hosted_database(self, name: str, *, auto_expose_new_tables: bool | None = None) -> Database:
        """Make a fresh hosted database and return it, as `postgres`.

        auto_expose_new_tables: whether new tables in public are granted to the API roles at once, as
        hosted projects did before 2026; None means as the server was started.
        """
        exposed = self.auto_expose_new_tables if auto_expose_new_tables is None else auto_expose_new_tables
        hosted.create_hosted_database(self._admin, name, auto_expose_new_tables=exposed)
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and end its sessions; a missing one is fine."""
        hosted.drop_database(self._admin, name)

    def start(self, *, owner_pid: int, choose_port: Callable[[], int]) -> None:
        """Make the data folder, start the server in it and make its databases look hosted."""
        lease = new_lease(owner_pid, self.data_dir)
        write_lease(self.state_dir, lease)
        overlay = write_overlay(self._binaries, self.state_dir / "overlay")
        init_data(self.data_dir, overlay, superuser=SUPERUSER, password=self._passwords[SUPERUSER], in_memory=self.in_memory)
        for _ in range(PORT_ATTEMPTS):
            self.port = choose_port()
            self._process = launch_server(self.data_dir, overlay, port=self.port, log_path=self.log_path)
            pid = self._process.pid
            write_lease(self.state_dir, replace(lease, server_pid=pid, server_started=process_start(pid)))
            if wait_ready(self._process, self.data_dir, log_path=self.log_path):
                break
            self.log_path.write_bytes(b"")
        else:
            raise WorkbookError(
                f"The embedded PostgreSQL found its port on {HOST} taken {PORT_ATTEMPTS} times in a row.",
                fix="Find the program that takes every free port on loopback: ss -ltnp",
            )
        hosted.set_up_hosting(
            self._admin,
            postgres_password=self._passwords[OWNER],
            auto_expose_new_tables=self.auto_expose_new_tables,
        )
        assert self._process is not None
        self._watch = watch_exit(self._process, self.report_exit)

    def report_exit(self, code: int) -> None:
        """Write a note when the server ended unexpectedly."""
        if not self._is_ending:
            note_breakage(self.work, "database", describe_exit(code), is_final=True)

    def stop(self) -> None:
        """End the server and remove its state; calling it again does nothing."""
        self._is_ending = True
        if self._process is not None:
            if self._process.poll() is None:
                end_process(psutil.Process(self._process.pid))
            self._process.wait()
            if self._watch is not None:
                self._watch.finish()
            self._process = None
        if self.state_dir.exists():
            remove_folder(self.state_dir)

    @property
    def _admin(self) -> Database:
        return self.database("template1", role=SUPERUSER)


def start_postgres(
    state_dir: Path,
    *,
    tools: Path,
    major: int = DEFAULT_MAJOR,
    owner_pid: int | None = None,
    auto_expose_new_tables: bool = False,
    choose_port: Callable[[], int] = free_port,
    installation: Path | None = None,
    in_memory: bool = False,
) -> EmbeddedPostgres:
    """Start a server of one version whose every database looks hosted, and return it once it accepts connections.

    state_dir: a folder that does not exist yet, in one made by `state_base`; removed by `stop`.
    tools: the folder that holds `node_modules`.
    major: the PostgreSQL version, one of `MAJORS`.
    owner_pid: the process whose death makes the folder a leftover; None means this one.
    auto_expose_new_tables: whether new tables in public are granted to the API roles at once, as
    hosted projects did before 2026.
    installation: the folder of programs of an installation of the user's own, used instead of the packages; its version
    is then the server's.
    in_memory: whether its data may lie in memory; not for a server that twins of a live database may fill.
    Raises WorkbookError when a package is missing or the server does not start; nothing is left then.
    """
    binaries = find_binaries(tools, major) if installation is None else read_installation(installation, tools=tools)
    state_dir = state_dir.resolve()
    try:
        state_dir.mkdir(mode=0o711)
    except OSError as exc:
        raise WorkbookError(
            f"The embedded PostgreSQL can't make its folder {state_dir}: {exc.strerror}.",
            fix="remove what is there, or choose another folder.",
        ) from exc
    state_dir.chmod(0o711)  # mkdir's mode is cut by the umask
    server = EmbeddedPostgres(state_dir, binaries, auto_expose_new_tables=auto_expose_new_tables, in_memory=in_memory)
    try:
        server.start(owner_pid=owner_pid or os.getpid(), choose_port=choose_port)
    except BaseException:
        server.stop()
        raise
    return server
