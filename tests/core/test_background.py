"""A thread's failure is not lost: neither that of its work nor that of an import beside other work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lib.core.background import Background, import_meanwhile


def fail() -> None:
    raise ValueError("lost")


def test_what_a_thread_raised_is_raised_where_it_is_finished_and_reported_at_once() -> None:
    seen: list[BaseException] = []
    thread = Background(fail, name="failing", on_failure=seen.append)
    thread.start()
    with pytest.raises(ValueError, match="lost"):
        thread.finish()
    assert [str(one) for one in seen] == ["lost"]


def test_a_module_is_imported_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_meanwhile.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    import_meanwhile("imported_meanwhile").finish()
    assert sys.modules.pop("imported_meanwhile").VALUE == 7


def test_a_module_that_cannot_be_imported_is_told_to_whoever_waits() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_meanwhile("no_such_module_anywhere").finish()
