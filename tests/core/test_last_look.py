"""The last look reads every file, wherever the credential is in it, and what it found is its owner's alone afterwards."""

from __future__ import annotations

import base64
import gzip
import json
import zipfile
from pathlib import Path

import pytest

from lib.core import last_look
from lib.core.last_look import UNREAD, Leak, lock_away, look_once_more
from lib.core.redact import KNOWN, redact, redact_all, register_secrets

SECRET = "Xy7'of-a-vault&9f1c"


@pytest.fixture(autouse=True)
def one_secret() -> None:
    register_secrets([SECRET])


def test_a_clean_folder_has_no_leak(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing; sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    (tmp_path / "b.json").write_text(json.dumps({"token": "expired", "digest": "9f86d081884c7d65"}))
    assert look_once_more(tmp_path) == ()


def test_each_file_is_named_with_how_many_and_which_and_never_the_value(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text(f"{SECRET} and {SECRET} and sbp_0123456789abcdef0123")
    [leak] = look_once_more(tmp_path)
    assert leak == Leak(file="deep/a.txt", count=3, kinds=("Supabase key", KNOWN))
    assert SECRET not in str(leak)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.with_suffix(".html").write_text("<td>Xy7&#39;of-a-vault&amp;9f1c</td>"),
        lambda path: path.with_suffix(".jsonl").write_text(json.dumps({"a": 1}) + "\n" + json.dumps({"b": [SECRET]}) + "\n"),
        lambda path: path.with_suffix(".ipynb").write_text(json.dumps({"source": [f"x = '{SECRET[:9]}\n", f"{SECRET[9:]}'"]})),
        lambda path: path.with_suffix(".eml").write_text(base64.encodebytes(f"hello {SECRET} there".encode()).decode()),
        lambda path: path.with_suffix(".gz").write_bytes(gzip.compress(SECRET.encode())),
        lambda path: path.with_suffix(".bin").write_bytes(b"\xff\xfe" + SECRET.encode("utf-16-le")),
        lambda path: path.with_suffix(".dump").write_bytes(b"\0\xff\x80" + SECRET.encode() + b"\0"),
    ],
)
def test_it_is_found_in_every_kind_of_file(tmp_path: Path, write: object) -> None:
    write(tmp_path / "file")  # type: ignore[operator]
    [leak] = look_once_more(tmp_path)
    assert KNOWN in leak.kinds


def test_it_is_found_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", f"{'x' * 1000}{SECRET}")
    assert [leak.file for leak in look_once_more(tmp_path)] == ["a.zip"]


def test_a_random_value_under_a_telling_key_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"deep": [{"api_token": "9f1c7e0b5a3d"}]}, indent=2))
    assert [leak.kinds for leak in look_once_more(tmp_path)] == [("value beside a telling name",)]


def test_a_secret_between_two_stretches_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_look, "CHUNK", 1000)
    monkeypatch.setattr(last_look, "OVERLAP", 200)
    for before in (990, 999, 1500, 2995):
        (tmp_path / f"{before}.txt").write_text(" " * before + SECRET + " " * 700)
    assert len(look_once_more(tmp_path)) == 4


def test_a_file_that_cannot_be_read_whole_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 1000)[:15])
    monkeypatch.setattr(last_look, "MOST_UNPACKED", 5000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"x" * 100_000))
    assert [(leak.file, leak.count, leak.kinds) for leak in look_once_more(tmp_path)] == [
        ("bomb.gz", 0, (UNREAD,)),
        ("cut.gz", 0, (UNREAD,)),
    ]


def test_what_was_redacted_is_clean(tmp_path: Path) -> None:
    data = {"detail": f"it said {SECRET}", "api_token": "9f1c7e0b5a3d", "lines": [f"-- {SECRET[:9]}\n", SECRET[9:]]}
    (tmp_path / "a.json").write_text(json.dumps(redact_all(data)))
    (tmp_path / "a.txt").write_text(redact(f"export X_TOKEN=9f1c7e0b5a3d {SECRET}"))
    assert look_once_more(tmp_path) == ()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "outside.txt").write_text(SECRET)
    (tmp_path / "run" / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert look_once_more(tmp_path / "run") == ()
    mode = (tmp_path / "outside.txt").stat().st_mode
    lock_away(tmp_path / "run")
    assert (tmp_path / "outside.txt").stat().st_mode == mode


def test_what_is_locked_away_is_its_owners_alone(tmp_path: Path) -> None:
    deep = tmp_path / "run" / "artifacts" / "rls"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("x")
    lock_away(tmp_path / "run")
    modes = {
        path.relative_to(tmp_path).as_posix(): oct(path.stat().st_mode & 0o777)
        for path in (tmp_path / "run", deep, deep / "a.txt")
    }
    assert modes == {"run": "0o700", "run/artifacts/rls": "0o700", "run/artifacts/rls/a.txt": "0o600"}
