"""One data folder and the PostgreSQL server that runs in it, from initdb to "ready"."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lib.core.errors import WorkbookError
from lib.core.run_mark import run_mark
from lib.embedded.memory import put_into_memory
from lib.embedded.ports import HOST
from lib.embedded.postgres.overlay import Overlay
from lib.embedded.state_folders import can_walk, server_user

START_TIMEOUT_S = 60
"""Seconds for the server to accept connections; it takes about 0.2, but the machine may be busy."""

POLL_S = 0.01
"""Seconds between two polls of a starting server; short compared with the 0.2 s that it takes."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
"""The whole environment of the server's programs: no PG* variable or locale of the current user."""

SETTINGS = """
listen_addresses = '{host}'
unix_socket_directories = ''
shared_preload_libraries = 'pg_stat_statements'
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = 'warning'
log_checkpoints = off
log_min_error_statement = 'panic'  # a failing statement may hold a secret
wal_level = 'logical'              # as hosted; a publication warns below it
max_connections = 100
max_wal_senders = 4
max_replication_slots = 4
max_locks_per_transaction = 256
shared_buffers = '128MB'
dynamic_shared_memory_type = 'mmap'  # in the data folder, which goes with a killed server, too
jit = off
# The data is deleted after the run, so nothing protects it against a crash of the machine.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_init_zero = off
wal_recycle = off
max_wal_size = '4GB'
checkpoint_timeout = '1h'
"""

FEW_ROUNDS = "scram_iterations=1"
"""The password of our own superuser is hashed this often, not 4,096 times, which costs each connection 3 ms of the client's CPU.

That many protect a password which can be guessed; the server's are 24 random bytes, and live as long as it does.
"""

SETTINGS_FROM = {
    16: "scram_iterations = 4096  # drivers of a project's programs refuse fewer: pgjdbc does\n",
    18: "io_method = 'sync'  # no worker processes for data that is cached anyway\n",
}
"""Major version -> settings that exist only from it on."""

SETTINGS_IN_MEMORY = "max_wal_size = '512MB'  # the log of changes takes memory, too\n"


def init_data(data_dir: Path, overlay: Overlay, *, superuser: str, password: str, in_memory: bool = False) -> None:
    """Make an empty data folder, owned by the server's user, that asks every connection for a password.

    in_memory: whether it may lie in memory, where that has room.
    Raises WorkbookError when the server's user can't reach the folder, has no name, or initdb fails.
    """
    check_account()
    if not can_walk(data_dir.parent):
        raise WorkbookError(
            f"The embedded database runs as '{server_user()}', who can't enter {data_dir.parent}.",
            fix="Put its state in a folder that every user may enter, such as below /tmp.",
        )
    if not (in_memory and put_into_memory(data_dir)):
        data_dir.mkdir(mode=0o700)
    password_file = data_dir.with_name("password")
    password_file.touch(mode=0o600, exist_ok=False)
    password_file.write_text(password, encoding="utf-8")
    if (user := server_user()) is not None:
        shutil.chown(data_dir, user)
        shutil.chown(password_file, user)
    command = [
        str(overlay.program("initdb")), "-D", str(data_dir), "-U", superuser, "--pwfile", str(password_file),
        "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--no-instructions", *version_options(overlay.major),
    ]  # fmt: skip
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **as_server(overlay.loader_environment)
    )
    password_file.unlink()
    if done.returncode != 0:
        raise WorkbookError(
            f"The embedded PostgreSQL could not make its data folder {data_dir}: {last_line(done.stdout)}.",
            fix=f"Check the free space and the permissions: ls -ld {data_dir}",
        )
    with (data_dir / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(SETTINGS.format(host=HOST))
        file.writelines(lines for since, lines in SETTINGS_FROM.items() if overlay.major >= since)
        file.writelines(SETTINGS_IN_MEMORY if data_dir.is_symlink() else ())


def version_options(major: int) -> list[str]:
    """Return initdb's options for a quick password, the locale C.UTF-8, and no checksums, as this major version spells them."""
    rounds = ["--set", FEW_ROUNDS] if major >= 16 else []
    if major < 17:  # the builtin provider is new in 17; macOS calls the same character types UTF-8
        return [*rounds, "--locale=C", f"--lc-ctype={'UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}"]
    checksums = ["--no-data-checksums"] if major >= 18 else []  # off by default before
    return [*rounds, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *checksums]


def check_account() -> None:
    """Raise WorkbookError when we run under a number without a name, which initdb refuses."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise WorkbookError(
            f"The embedded database can't run as user id {os.geteuid()}, which has no account on this machine.",
            fix="Run as a user with an account (in a container, add it to /etc/passwd).",
        ) from None


def launch_server(data_dir: Path, overlay: Overlay, *, port: int, log_path: Path) -> subprocess.Popen[bytes]:
    """Start the server's process, in its own session, so that a Ctrl-C in the terminal does not reach it."""
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [overlay.program("postgres"), "-D", data_dir, "-p", str(port)],
            stdout=log, stderr=log, start_new_session=True, **as_server(overlay.loader_environment),
        )  # fmt: skip


def wait_ready(process: subprocess.Popen[bytes], data_dir: Path, *, log_path: Path) -> bool:
    """Return True once the server accepts connections, False if it ended because its port was taken.

    Raises WorkbookError with the last line of its log when it ends otherwise or takes START_TIMEOUT_S.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if says_ready(process.pid, data_dir):
            return True
        time.sleep(POLL_S)
    log = log_path.read_bytes()
    if process.poll() is not None and b"could not create any TCP/IP sockets" in log:
        return False
    seen = "ended" if process.poll() is not None else f"was not ready in {START_TIMEOUT_S} s"
    raise WorkbookError(
        f"The embedded PostgreSQL {seen} while starting in {data_dir}: {last_line(log)}.",
        fix="Check free space and memory, then run again.",
    )


def says_ready(pid: int, data_dir: Path) -> bool:
    """Return whether this server wrote that it is ready, so that no other on its port is mistaken for it."""
    # Source: src/include/utils/pidfile.h; line 1 is the pid, line 8 the status.
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def as_server(environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Return how a program of the server is run: as its user, without our environment."""
    user = server_user()
    groups: dict[str, Any] = {"group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    return {
        "env": {**ENVIRONMENT, **run_mark(), **environment},
        "cwd": "/",
        "stdin": subprocess.DEVNULL,
        "user": user,
        **groups,
    }


def last_line(output: bytes) -> str:
    """Return the last line that is not blank, for a message."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
