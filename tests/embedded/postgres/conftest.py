"""What the tests of extensions share: on each version of PostgreSQL, one database where `postgres` asked for all of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.embedded.postgres.server import start_postgres
from lib.embedded.postgres.versions import MAJORS
from lib.embedded.state_folders import state_base
from tests.support.tried_extensions import Tried, try_all

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session", params=MAJORS)
def tried(request: pytest.FixtureRequest) -> Iterator[Tried]:
    """Yield a server of each version with every extension of hosted in one database, created by `postgres`.

    The servers are these tests' own: some extensions make roles, which every database of a server has.
    """
    name = f"tests-{secrets.token_hex(4)}"
    with start_postgres(state_base(CHECKOUT) / name, tools=CHECKOUT / ".tools", major=request.param) as server:
        yield try_all(server)
