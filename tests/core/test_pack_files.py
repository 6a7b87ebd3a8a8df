"""What a project's folder may hold: only a regular file inside it is read, and whatever else is there is named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import TargetError
from lib.core.pack_files import DEPTH_LIMIT, decode_text, list_files, read_file, read_text_file


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    home = tmp_path / "pack"
    home.mkdir()
    return home


def refused(path: Path, pack: Path, **limits: int) -> str:
    with pytest.raises(TargetError) as caught:
        read_text_file(path, root=pack, **limits)
    assert caught.value.fix
    return caught.value.message


def test_regular_file_and_a_link_inside_the_project_are_read(pack: Path) -> None:
    (pack / "a.sql").write_bytes(b"\xef\xbb\xbfselect 'gr\xc3\xbc\xc3\x9fe';\r\n")
    (pack / "b.sql").symlink_to("a.sql")
    assert read_text_file(pack / "a.sql", root=pack) == read_text_file(pack / "b.sql", root=pack) == "select 'grüße';\r\n"


def test_everything_that_is_not_a_regular_file_is_named_without_waiting(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pack)  # the name of a socket has 107 bytes at most
    os.mkfifo(pack / "pipe.sql")
    (pack / "folder.sql").mkdir()
    (pack / "device.sql").symlink_to("/dev/zero")
    (pack / "dangling.sql").symlink_to("nowhere.sql")
    (pack / "loop.sql").symlink_to("loop.sql")
    (pack / "out.sql").symlink_to("/etc/passwd")
    (pack / "up").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.sql")
        said = {path.name: refused(path, pack) for path in list_files(pack, root=pack)}
    said["missing.sql"] = refused(pack / "missing.sql", pack)
    said["up"] = refused(pack / "up" / "pack" / ".." / "x.sql", pack)
    assert {name: text for name, text in said.items()} == {
        "pipe.sql": "pipe.sql is a named pipe, not a file.",
        "socket.sql": "socket.sql is a socket, not a file.",
        "device.sql": "device.sql is a link to something outside the project.",
        "dangling.sql": "dangling.sql is a link that leads nowhere: no such file or directory.",
        "loop.sql": "loop.sql is a link that leads nowhere: too many levels of symbolic links.",
        "out.sql": "out.sql is a link to something outside the project.",
        "missing.sql": "missing.sql could not be read: no such file or directory.",
        "up": "up/pack/../x.sql could not be read: no such file or directory.",
    }
    assert refused(pack / "folder.sql", pack) == "folder.sql is a folder, not a file."


def test_device_itself_is_named() -> None:
    assert refused(Path("/dev/zero"), Path("/dev")) == "zero is a device, not a file."


def test_file_that_nobody_may_read_is_named(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pack / "a.sql").write_text("select 1")

    def deny(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lib.core.pack_files.os.open", deny)  # the tests may run as root, who may read everything
    assert refused(pack / "a.sql", pack) == "a.sql could not be read: permission denied."


def test_sparse_file_of_two_gigabytes_is_not_read(pack: Path) -> None:
    with (pack / "big.sql").open("wb") as file:
        file.truncate(2 * 1024**3)
    assert refused(pack / "big.sql", pack) == "big.sql is 2.1 GB long, more than the 17 MB that are read."
    (pack / "small.sql").write_bytes(b"12345")
    assert read_file(pack / "small.sql", root=pack, limit_bytes=5) == b"12345"
    assert "more than the" in refused(pack / "small.sql", pack, limit_bytes=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"select 1;\n\nselect '\xff';", "x.sql is not UTF-8 text: byte 0xff at line 3."),
        (b"\xef\xbb\xbf\nselect '\xe4'", "x.sql is not UTF-8 text: byte 0xe4 at line 2."),
        ("select 1".encode("utf-16"), "x.sql is UTF-16 text, not UTF-8."),
        ("select 1".encode("utf-32"), "x.sql is UTF-32 text, not UTF-8."),
        ("select 1".encode("utf-16-le"), "x.sql has a NUL byte at line 1, so it is not text."),
        (b"select 1;\n\0", "x.sql has a NUL byte at line 2, so it is not text."),
    ],
)
def test_bytes_that_are_no_text_are_named_by_line(content: bytes, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        decode_text(content, "x.sql")
    assert caught.value.message == said


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_every_text_without_nul_is_read_as_it_was_written(text: str) -> None:
    assert decode_text(text.encode(), "x.sql") == text.removeprefix("\ufeff")


@given(st.binary())
def test_any_bytes_are_text_or_a_refusal(content: bytes) -> None:
    try:
        decode_text(content, "x.sql")
    except TargetError as exc:
        assert exc.message.startswith("x.sql ") and exc.message.isprintable()


def test_listing_is_by_name_and_pattern_and_never_through_links(pack: Path) -> None:
    for name in ("b.sql", "a.sql", "claude.md", "in/c.pg", "in/d.sql"):
        (pack / name).parent.mkdir(exist_ok=True)
        (pack / name).write_text("")
    (pack / "up").symlink_to(pack)
    (pack / "folder.sql").mkdir()

    def names(**how: object) -> list[str]:
        return [path.relative_to(pack).as_posix() for path in list_files(pack, root=pack, **how)]  # type: ignore[arg-type]

    assert names(pattern="*.sql") == ["a.sql", "b.sql", "folder.sql"]
    assert names() == ["a.sql", "b.sql", "claude.md", "up"]
    assert names(pattern=("*.sql", "*.pg"), recursive=True) == ["a.sql", "b.sql", "folder.sql", "in/c.pg", "in/d.sql"]
    assert list_files(pack / "none", root=pack) == []


def test_listing_is_bounded_and_names_what_is_odd(pack: Path, tmp_path: Path) -> None:
    deep = pack
    for _ in range(DEPTH_LIMIT + 2):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (pack / "many").mkdir()
    for number in range(4):
        (pack / "many" / f"{number}.sql").write_text("")
    (pack / "file").write_text("")
    (pack / "out").symlink_to(tmp_path)
    for wanted, folder, how in [
        ("d has folders more than 32 deep.", "d", {"recursive": True}),
        ("many holds more than 3 files.", "many", {"limit": 3}),
        ("file is not a folder.", "file", {}),
        ("out is a link to something outside the project.", "out", {}),
    ]:
        with pytest.raises(TargetError) as caught:
            list_files(pack / folder, root=pack, **how)  # type: ignore[arg-type]
        assert caught.value.message == wanted


@pytest.mark.parametrize("name", [b"a\n.sql", b"a\x1b[2J.sql", b"\xff.sql", "a\u202e.sql".encode()])
def test_name_that_nobody_could_read_is_refused_in_letters_that_can_be_read(pack: Path, name: bytes) -> None:
    (pack / os.fsdecode(name)).touch()
    with pytest.raises(TargetError, match="can't be shown") as caught:
        list_files(pack, root=pack, pattern="*.sql")
    assert caught.value.message.isprintable() and caught.value.message.isascii()
