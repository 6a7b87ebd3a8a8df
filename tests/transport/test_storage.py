"""Storage by its URL: what is refused before anything is written, and the one write of which exactly one succeeds."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.core.errors import ParamsError, TargetError
from lib.transport.storage import open_storage


@pytest.mark.parametrize("url", ["s3://key:hunter2@bucket/x", "https://u@host/x", "s3://bucket/x?token=hunter2"])
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ParamsError) as caught:
        open_storage(url)
    assert "hunter2" not in str(caught.value)
    assert "AWS_ACCESS_KEY_ID" in str(caught.value)


@pytest.mark.parametrize("url", ["nothing-of-the-kind://x", "s3://bucket/x"])
def test_a_kind_of_storage_that_is_not_installed_is_one_sentence(url: str) -> None:
    with pytest.raises(ParamsError, match=r"Fix: Install what opens it"):
        open_storage(url)


@pytest.mark.parametrize("kind", ["folder", "file", "memory"])
def test_of_many_writers_one_is_told_that_it_was_first(kind: str, tmp_path: Path) -> None:
    url = {"folder": str(tmp_path / "r"), "file": f"file://{tmp_path}/r", "memory": f"memory://{secrets.token_hex(6)}"}[kind]
    storage = open_storage(url)
    with ThreadPoolExecutor(8) as executor:
        told = list(executor.map(lambda number: storage.write_new("a/claim", str(number).encode()), range(16)))
    assert sum(told) == 1
    assert storage.read("a/claim") == str(told.index(True)).encode()


def test_what_is_not_there_reads_as_none_and_is_removed_in_peace(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "r"))
    assert storage.read("no/thing") is None
    storage.remove("no/thing")
    assert not storage.exists("no/thing")


def test_a_folder_that_takes_nothing_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("a file")
    with pytest.raises(TargetError, match="can't be written to"):
        open_storage(str(tmp_path / "r")).write("a/b", b"c")
