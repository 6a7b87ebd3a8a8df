"""A server's data lies in memory where that has room, and nothing of it stays there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.core.paths import ROOT
from lib.embedded import memory
from lib.embedded.leftovers import clean_leftovers, new_lease, read_lease, remove_folder, write_lease
from lib.embedded.memory import free_memory_of, has_room, make_small_folder, own_memory, put_into_memory, sweep_memory
from lib.embedded.postgres.server import start_postgres

GONE = 2**22 + 7
"""No process has this number: the system gives none so high."""


@pytest.fixture
def mount(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that stands for what is kept in memory, with all the room there is."""
    there = base / "memory"
    there.mkdir(mode=0o755)
    monkeypatch.setattr(memory, "MOUNT", there)
    monkeypatch.setattr(memory, "ROOM", 2**20)
    monkeypatch.setattr(memory, "USUAL", base)
    yield there


def state_of(base: Path) -> Path:
    state = base / "one"
    state.mkdir(mode=0o711)
    return state


def test_a_servers_data_lies_in_memory_while_it_runs_and_goes_with_it(base: Path, mount: Path) -> None:
    with start_postgres(base / "one", tools=ROOT / ".tools", in_memory=True) as server:
        assert server.data_dir.is_symlink() and server.data_dir.resolve().is_relative_to(mount)
        assert (server.data_dir / "PG_VERSION").exists()
        assert server.database().value("show max_wal_size") == "512MB"
    assert not (base / "one").exists() and not list(own_memory().iterdir())


def test_a_server_that_may_hold_much_keeps_its_data_on_the_disk(base: Path, mount: Path) -> None:
    with start_postgres(base / "one", tools=ROOT / ".tools") as server:
        assert not server.data_dir.is_symlink() and not list(mount.iterdir())


def test_small_copies_lie_in_memory_and_go_with_the_state_folder(base: Path, mount: Path) -> None:
    state = state_of(base)
    assert put_into_memory(state / "data")
    small = make_small_folder(state)
    assert small.is_relative_to(mount) and small.stat().st_mode & 0o777 == 0o700
    (small / "copy").write_text("x")
    write_lease(state, new_lease(os.getpid(), state / "data"))
    remove_folder(state)
    assert not state.exists() and not list(own_memory().iterdir())


def test_small_copies_lie_in_the_state_folder_without_room(base: Path, mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROOM", 2**62)
    small = make_small_folder(state_of(base))
    assert small == (base / "one" / "small").resolve() and small.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_run_had_in_memory_is_removed_by_the_next(base: Path, mount: Path) -> None:
    state = state_of(base)
    assert put_into_memory(state / "data")
    write_lease(state, new_lease(GONE, state / "data"))
    assert read_lease(state) is not None
    assert clean_leftovers(base) == [state]
    assert not list(own_memory().iterdir())


def test_what_belongs_to_no_state_folder_any_more_is_swept_and_the_rest_stays(base: Path, mount: Path) -> None:
    one, two = base / "one", base / "two"
    for state in (one, two):
        state.mkdir()
        assert put_into_memory(state / "data")
    (one / "data").unlink()
    one.rmdir()
    sweep_memory()
    assert not (own_memory() / memory.mark_of(one)).exists()
    assert (two / "data").is_dir()
    free_memory_of(two)
    free_memory_of(two)
    assert not (two / "data").exists()


def test_without_room_it_is_the_disk(base: Path, mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROOM", 2**62)
    assert not put_into_memory(state_of(base) / "data") and not list(mount.iterdir())


def test_a_container_with_little_memory_has_no_room(mount: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_room()
    (tmp_path / "limit").write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "limit",))
    assert not has_room()
    (tmp_path / "limit").write_text("max\n")
    assert has_room()


def test_where_somebody_named_a_place_it_is_there(base: Path, mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "USUAL", base / "elsewhere")
    assert not put_into_memory(state_of(base) / "data") and not list(mount.iterdir())


def test_a_machine_without_such_a_place_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "MOUNT", tmp_path / "nothing")
    assert not has_room()
    sweep_memory()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_that_somebody_else_made_first_is_not_used(base: Path, mount: Path) -> None:
    planted = mount / f"launch-workbook-{os.geteuid()}"
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    assert not put_into_memory(state_of(base) / "data")
