"""A lab's notebooks find one server, started by the first of them; it is gone with the lab, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.core.environment import lab_pack, lab_server
from lib.core.errors import WorkbookError
from lib.core.paths import ROOT
from lib.embedded.leftovers import process_start
from lib.embedded.postgres.lent import LentPostgres
from lib.embedded.state_folders import state_base
from lib.run.params import load_params
from lib.run.server_keeper import HELD
from lib.run.shared_server import Kind, Place, borrow, kind_for, start_keeper

WAIT_S = 60
"""Longest that anything here is waited for; it takes a second or two."""


def silent(_: str) -> None:
    pass


def wait_until(what: object) -> None:
    until = time.monotonic() + WAIT_S
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def lab() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that stands for a Jupyter server."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def kind_of(lab: subprocess.Popen[bytes], **given: object) -> Kind:
    asked = {"major": 17, "auto_expose_new_tables": False, "pack": "p", **given}
    return Kind.model_validate({"lab_pid": lab.pid, "lab_started": process_start(lab.pid), **asked})


def test_all_get_one_server_which_outlives_no_lab(lab: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Three notebooks open at once, a second keeper comes, the first is killed, and then the lab itself."""
    kind, said = kind_of(lab), list[str]()
    place = Place.of(kind)
    with ThreadPoolExecutor(3) as pool:
        lent = list(pool.map(lambda _: borrow(kind, said.append), range(3)))
    first = lent[0]
    assert len({(one.server_pid, one.port) for one in lent}) == 1
    assert said and set(said) == {"Starting PostgreSQL 17, once for this lab"}
    assert borrow(kind, lambda _: pytest.fail("it was started again")) == first
    assert start_keeper(kind).wait(WAIT_S) == HELD
    with LentPostgres(first, state_dir=tmp_path) as server:
        assert server.database(server.own).value("select 1") == 1
    os.kill(first.holder_pid, signal.SIGKILL)
    wait_until(lambda: process_start(first.holder_pid) is None)
    second = borrow(kind, silent)
    assert second.server_pid != first.server_pid and process_start(first.server_pid) is None
    lab.kill()
    lab.wait()
    wait_until(lambda: process_start(second.holder_pid) is None)
    assert process_start(second.server_pid) is None
    assert not (state_base(ROOT) / place.name).exists() and not place.server.exists()


def test_a_server_that_can_not_start_says_why(lab: subprocess.Popen[bytes]) -> None:
    with pytest.raises(WorkbookError, match=r"/nowhere"):
        borrow(kind_of(lab, installation="/nowhere"), silent)


def test_projects_and_labs_do_not_share_a_server(lab: subprocess.Popen[bytes]) -> None:
    places = {Place.of(kind_of(lab, **given)).name for given in ({}, {"pack": "q"}, {"major": 15}, {"lab_started": "x"})}
    assert len(places) == 4


def test_a_kernel_knows_the_lab_that_started_it() -> None:
    assert lab_server({"JPY_SESSION_NAME": "a.ipynb", "JPY_PARENT_PID": "4321"}) == 4321
    for outside in (
        {},
        {"JPY_PARENT_PID": "4321"},
        {"JPY_SESSION_NAME": "a.ipynb"},
        {"JPY_SESSION_NAME": "a", "JPY_PARENT_PID": "x"},
    ):
        assert lab_server(outside) is None
    assert (lab_pack({"LAUNCH_PACK": "/p"}), lab_pack({"LAUNCH_PACK": " "}), lab_pack({})) == ("/p", None, None)


def test_a_lab_that_has_ended_shares_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert kind_for(load_params("local", variables={}), ended.pid) is None
