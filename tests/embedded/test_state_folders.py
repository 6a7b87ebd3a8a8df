"""State goes where the server's user can reach it, and nobody's own folders are changed for that."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.embedded.state_folders import can_walk, own_folder, readable_copy, state_base, temp_root

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Return an installation below a folder that only we may enter."""
    programs = tmp_path / "closed/programs"
    (programs / "bin").mkdir(parents=True)
    (programs / "bin/postgres").write_text("a program")
    (programs / "bin/postgres").chmod(0o700)
    (programs / "unneeded").mkdir()
    (programs / "share").mkdir()
    (programs / "share/file").write_text("some data")
    (programs / "share/file").chmod(0o600)
    (tmp_path / "closed").chmod(0o700)
    return programs


@pytest.fixture
def temporary(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `base` the temporary folder of this process; pytest has made its own before."""
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    return base


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_each_checkout_has_a_base_of_its_own(temporary: Path, tmp_path: Path) -> None:
    one, same, other = (state_base(tmp_path / name) for name in ("one", "one", "other"))
    assert one == same
    assert one != other
    assert one.parent == temporary


def test_base_lets_others_pass_but_not_look(temporary: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(state_base(tmp_path).stat().st_mode) == 0o711


def test_folder_that_is_a_link_is_refused(base: Path, tmp_path: Path) -> None:
    (base / "planted").symlink_to(tmp_path)
    with pytest.raises(WorkbookError, match="belongs to somebody else"):
        own_folder(base / "planted")


@as_root
def test_folder_of_somebody_else_is_refused(base: Path) -> None:
    (base / "planted").mkdir()
    os.chown(base / "planted", 65534, 65534)
    with pytest.raises(WorkbookError, match="belongs to somebody else"):
        own_folder(base / "planted")


@as_root
def test_closed_temporary_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert not can_walk(tmp_path)
    assert can_walk(temp_root())


def test_readable_installation_is_used_where_it_is(base: Path) -> None:
    (base / "bin").mkdir(mode=0o755)
    (base / "bin/postgres").write_text("a program")
    (base / "bin/postgres").chmod(0o755)
    assert readable_copy(base, ["bin"], sample="bin/postgres") == base


def test_installation_whose_path_the_server_can_not_spell_is_copied(temporary: Path) -> None:
    odd = temporary / "odd: o'clock"
    (odd / "bin").mkdir(parents=True)
    (odd / "bin/postgres").write_text("a program")
    copy = readable_copy(odd, ["bin"], sample="bin/postgres")
    assert copy != odd.resolve()
    assert (copy / "bin/postgres").read_text() == "a program"


@as_root
def test_closed_installation_is_copied_once_and_left_as_it_is(closed: Path, temporary: Path) -> None:
    before = modes(closed.parent)
    copy = readable_copy(closed, ["bin", "share"], sample="bin/postgres")
    assert temporary in copy.parents
    assert modes(copy) == {"bin": 0o755, "bin/postgres": 0o755, "share": 0o755, "share/file": 0o644}
    assert modes(closed.parent) == before

    (copy / "share/file").write_text("kept from the first time")
    assert readable_copy(closed, ["bin", "share"], sample="bin/postgres") == copy
    assert (copy / "share/file").read_text() == "kept from the first time"


@as_root
def test_changed_installation_is_copied_anew(closed: Path, temporary: Path) -> None:
    first = readable_copy(closed, ["bin", "share"], sample="bin/postgres")
    (closed / "bin/postgres").write_text("a newer program")
    assert readable_copy(closed, ["bin", "share"], sample="bin/postgres") != first
