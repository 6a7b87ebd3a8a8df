"""Several files written together: every one, or none, whichever write fails."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.core import all_or_none
from lib.core.all_or_none import write_together


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.md").write_bytes(b"old\r\n")
    (tmp_path / "older.md").write_bytes(b"older")
    (tmp_path / "older.md").chmod(0o640)
    return tmp_path


def wanted(folder: Path) -> dict[Path, bytes]:
    return {
        folder / "old.md": b"new\r\n",
        folder / "deep/er/made.md": b"made",
        folder / "older.md": b"newer",
        folder / "deep/made.md": b"too",
    }


def test_every_file_is_written_with_its_mode_and_nothing_is_left_beside(folder: Path) -> None:
    write_together(wanted(folder))
    assert contents(folder) == {
        "deep": None, "deep/er": None, "deep/er/made.md": b"made", "deep/made.md": b"too", "old.md": b"new\r\n",
        "older.md": b"newer",
    }  # fmt: skip
    assert stat.S_IMODE((folder / "older.md").stat().st_mode) == 0o640


def failing(step: Callable[..., Any], at: int) -> tuple[Callable[..., Any], list[int]]:
    """Return the step, failing the `at`th time alone, and a list of how often it was called."""
    calls: list[int] = []

    def fail(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        return step(*arguments, **named)

    return fail, calls


@pytest.mark.parametrize("step", ["stage", "put", "make_folders", "write_all"])
def test_whichever_write_fails_every_file_is_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before = contents(folder)
    for at in range(1, len(wanted(folder)) + 1):
        fail, calls = failing(getattr(all_or_none, step), at)
        with monkeypatch.context() as patched:
            patched.setattr(all_or_none, step, fail)
            with pytest.raises(OSError, match="No space left") as caught:
                write_together(wanted(folder))
        assert len(calls) == at
        assert caught.value.filename == str([*wanted(folder)][at - 1])
        assert contents(folder) == before, f"{step} {at}"


def test_whichever_rename_fails_every_file_is_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder)
    for at in range(1, len(wanted(folder)) + 1):
        fail, calls = failing(Path.replace, at)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", fail)
            with pytest.raises(OSError, match="No space left"):
                write_together(wanted(folder))
        assert len(calls) >= at
        assert contents(folder) == before, at


def test_a_read_only_file_is_refused_and_the_others_stay(folder: Path) -> None:
    (folder / "older.md").chmod(0o444)
    before = contents(folder)
    with pytest.raises(OSError, match="read-only"):
        write_together(wanted(folder))
    assert contents(folder) == before


def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "link.md").symlink_to("old.md")
    write_together({folder / "link.md": b"through"})
    assert (folder / "link.md").readlink() == Path("old.md")
    assert (folder / "old.md").read_bytes() == b"through"


def test_a_folder_that_somebody_else_used_meanwhile_is_not_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(path: Path, undo: object) -> None:
        (path.parent / "theirs.md").write_text("theirs")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(all_or_none, "put", put)
    with pytest.raises(OSError, match="No space left"):
        write_together({folder / "deep/made.md": b"made"})
    assert (folder / "deep/theirs.md").read_text() == "theirs"
