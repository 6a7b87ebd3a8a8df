"""Fixtures for every test: one real server a session (with pytest-xdist: one a worker), one database a test."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lib.core import redact
from lib.core.known_secrets import Needles
from lib.embedded.leftovers import clean_leftovers
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import own_folder, state_base, temp_root
from lib.transport.database import Database
from tests.support.quick_logins import hash_once

CHECKOUT = Path(__file__).resolve().parent.parent

settings.register_profile("without a clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")
"""A law holds on a busy machine, too: no test rests on how long one takes."""


@pytest.fixture(autouse=True)
def secrets_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has redacted, such as an address with the password `secret`, is no secret of the next."""
    monkeypatch.setattr(redact, "_known", Needles(redact.known_secrets()))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """Yield the session's server; tests make databases of their own on it and change nothing else."""
    base = state_base(CHECKOUT)
    clean_leftovers(base)
    with start_postgres(base / f"tests-{secrets.token_hex(4)}", tools=CHECKOUT / ".tools") as server:
        yield hash_once(server)


@pytest.fixture(scope="session")
def postgres_18_server() -> Iterator[EmbeddedPostgres]:
    """Yield a server of version 18, beside the session's own of the default version, for the tests that need both."""
    with start_postgres(state_base(CHECKOUT) / f"tests-{secrets.token_hex(4)}", tools=CHECKOUT / ".tools", major=18) as server:
        yield hash_once(server)


ONLY_THERE = {
    "there_only.control": "default_version = '1.0'\nrelocatable = true\ntrusted = true\n",
    "there_only--1.0.sql": "create type shape as enum ('round'); create function shape_of(int) returns text language sql "
    "as 'select null::text';",
}
"""An extension that `other_server` has, and no other."""


@pytest.fixture(scope="session")
def other_server() -> Iterator[EmbeddedPostgres]:
    """Yield a second server of the default version, with an extension of its own, for targets that twins are not beside."""
    with start_postgres(state_base(CHECKOUT) / f"tests-{secrets.token_hex(4)}", tools=CHECKOUT / ".tools") as server:
        for name, text in ONLY_THERE.items():
            file = server.state_dir / "overlay/share/postgresql/extension" / name
            file.write_text(text)
            file.chmod(0o644)
        yield hash_once(server)


@pytest.fixture
def hosted_database_18(postgres_18_server: EmbeddedPostgres) -> Iterator[Database]:
    """Yield a fresh hosted database of version 18 as `postgres`, dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_18_server.create_hosted_database(name)
    postgres_18_server.drop_database(name)


@pytest.fixture
def hosted_database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    """Yield a fresh hosted database as `postgres`, dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.create_hosted_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def base() -> Iterator[Path]:
    """Yield an empty folder for the servers that a test starts itself, which the server's user may walk into."""
    folder = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    yield folder
    shutil.rmtree(folder)
