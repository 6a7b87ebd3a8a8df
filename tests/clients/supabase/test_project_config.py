"""What config.toml says, and what a broken one is called; a run starts in any case."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.clients.supabase.project_config import CONFIG, read_config, read_declared_major, require_config
from lib.core.errors import TargetError


def write(pack: Path, content: str | bytes) -> Path:
    (pack / CONFIG).parent.mkdir(exist_ok=True)
    (pack / CONFIG).write_bytes(content.encode() if isinstance(content, str) else content)
    return pack


def test_a_project_without_the_file_says_nothing(tmp_path: Path) -> None:
    require_config(tmp_path)
    assert (read_config(tmp_path), read_declared_major(tmp_path)) == ({}, None)


def test_the_version_is_read(tmp_path: Path) -> None:
    require_config(write(tmp_path, "[db]\nmajor_version = 17\n"))
    assert read_declared_major(tmp_path) == 17


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[db]\nmajor_version = 'seventeen'\n", "[db] major_version is 'seventeen', not a whole number"),
        ("[db]\nmajor_version = true\n", "[db] major_version is True"),
        ("[db\n", "at line 1"),
        ("db = 3\n", "db is not a table"),
        ("a = " + "[" * 20_000, "can't be read"),
        (b"\xff\xfe[db]", "UTF-16"),
        (b"x = '\xff'", "byte 0xff at line 1"),
        ("#" * 2_000_000, "more than the 1.0 MB"),
    ],
)
def test_a_broken_one_is_named_and_stops_no_start(tmp_path: Path, content: str | bytes, said: str) -> None:
    write(tmp_path, content)
    with pytest.raises(TargetError) as caught:
        require_config(tmp_path)
    assert said in caught.value.message
    assert caught.value.message.startswith(CONFIG)
    assert read_declared_major(tmp_path) is None


def test_a_pipe_or_a_link_out_of_the_project_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "supabase").mkdir()
    os.mkfifo(tmp_path / CONFIG)
    assert read_declared_major(tmp_path) is None
    (tmp_path / CONFIG).unlink()
    (tmp_path / CONFIG).symlink_to("/etc/passwd")
    with pytest.raises(TargetError, match="outside the project"):
        require_config(tmp_path)
