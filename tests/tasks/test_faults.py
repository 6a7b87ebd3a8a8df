"""A change is made to a copy, and to nothing else: neither the project nor what its links lead to."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.errors import TargetError
from lib.core.results import Findings
from lib.tasks.faults import Scene, open_base, put_files, with_file, with_files
from lib.transport.context import Context


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/seed.sql").write_text("select 'mine';")
    return tmp_path / "outside"


@pytest.fixture
def scene(tmp_path: Path, outside: Path) -> Any:
    pack = tmp_path / "pack"
    (pack / "supabase").mkdir(parents=True)
    (pack / "supabase/seed.sql").symlink_to(outside / "seed.sql")
    (pack / "linked").symlink_to(outside)
    (pack / "plain.txt").write_text("plain")
    (pack / ".git").mkdir()
    context: Context[Any] = Context.__new__(Context)
    object.__setattr__(context, "pack", pack)
    object.__setattr__(context, "work", tmp_path / "work")
    (tmp_path / "work").mkdir()
    with ExitStack() as standing:
        yield Scene(context=context, found=Findings(results=[]), standing=standing, base=open_base)


@pytest.fixture(autouse=True)
def replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a context that has two fields alone another pack."""

    def change(one: Any, **given: Any) -> Any:
        if not isinstance(one, Context):
            return replace(one, **given)
        other: Context[Any] = Context.__new__(Context)
        for name, value in {"pack": one.pack, "work": one.work, **given}.items():
            object.__setattr__(other, name, value)
        return other

    monkeypatch.setattr("lib.tasks.faults.replace", change)


def test_a_file_is_changed_in_a_copy_and_brought_back(scene: Scene) -> None:
    pack = scene.context.pack
    with with_files({"plain.txt": "changed", "new/file.txt": b"new"})(scene) as changed:
        copy = changed.context.pack
        assert copy != pack and not (copy / ".git").exists()
        assert (copy / "plain.txt").read_text() == "changed" and (copy / "new/file.txt").read_bytes() == b"new"
    with with_file("other.txt", "x")(scene) as changed:
        assert changed.context.pack == copy
        assert (copy / "plain.txt").read_text() == "plain" and not (copy / "new/file.txt").exists()
    assert (pack / "plain.txt").read_text() == "plain" and not (pack / "new").exists()


def test_a_link_is_replaced_and_never_written_through(scene: Scene, outside: Path) -> None:
    with with_file("supabase/seed.sql", "select 'changed';")(scene) as changed:
        assert (changed.context.pack / "supabase/seed.sql").read_text() == "select 'changed';"
        assert (outside / "seed.sql").read_text() == "select 'mine';"
    assert (outside / "seed.sql").read_text() == "select 'mine';"


@pytest.mark.parametrize("path", ["linked/seed.sql", "../pack/plain.txt", "linked/new/file"])
def test_a_path_that_leads_out_of_the_copy_is_refused(scene: Scene, outside: Path, path: str) -> None:
    with pytest.raises(TargetError, match="leads out of the copy"), with_file(path, "changed")(scene):
        pass
    assert [one.name for one in outside.iterdir()] == ["seed.sql"]
    assert (outside / "seed.sql").read_text() == "select 'mine';"


def test_none_removes_a_file(tmp_path: Path) -> None:
    put_files(tmp_path, {"a": "1"})
    put_files(tmp_path, {"a": None, "b": None})
    assert list(tmp_path.iterdir()) == []
