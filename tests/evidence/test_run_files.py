"""Whatever lies in a run's folder is listed by its content or named for what it is; nothing is followed, and nothing hangs."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.core.files import write_whole
from lib.evidence.envelope import write_envelope
from lib.evidence.manifest import (
    ENVELOPE,
    MANIFEST,
    OLDER_TYPE,
    PAYLOAD_TYPE,
    UNFINISHED,
    as_text,
    load_signer,
    seal_run,
    verify_run,
)
from lib.evidence.run_files import OddFileError, list_run, read_regular


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def make_hard_link(path: Path) -> None:
    path.write_text("x")
    os.link(path, path.parents[2] / "second")


def make_with_mode(mode: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text("x")
        path.chmod(mode)

    return make


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "link": (lambda path: path.symlink_to("/etc/passwd"), "a link"),
    "link to a folder": (lambda path: path.symlink_to("/etc"), "a link"),
    "pipe": (os.mkfifo, "a named pipe"),
    "socket": (make_socket, "a socket"),
    "hard link": (make_hard_link, "a hard link: the same file has another name somewhere"),
    "setuid": (make_with_mode(0o4755), "a file with special rights (setuid, setgid or sticky)"),
    "sticky": (make_with_mode(0o1644), "a file with special rights (setuid, setgid or sticky)"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "artifacts" / "rls").mkdir(parents=True)
    (folder / "index.html").write_text("a page")
    (folder / "artifacts" / "rls" / "a.json").write_text("{}")
    return folder


def test_files_are_listed_by_their_content(folder: Path) -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    assert list_run(folder)["artifacts/rls/a.json"] == {"sha256": digest, "size_bytes": 2}
    assert list(list_run(folder)) == ["artifacts/rls/a.json", "index.html"]


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_of_its_own_is_named_refused_and_found(folder: Path, tmp_path: Path, name: str) -> None:
    make, kind = ODD[name]
    signer = load_signer(tmp_path / "key.pem")
    seal_run(folder, {"run_id": "x"}, signer)
    make(folder / "artifacts" / "odd")
    assert list_run(folder)["artifacts/odd"] == {"kind": kind}
    assert verify_run(folder).problems == (f"artifacts/odd is {kind}",)
    with pytest.raises(WorkbookError, match="a run's folder holds files of its own alone") as found:
        seal_run(folder, {"run_id": "x"}, signer)
    assert found.value.message.startswith(f"artifacts/odd is {kind}")


def test_a_name_that_is_no_text_is_refused_and_found(folder: Path, tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(folder) + b"/\xff", os.O_CREAT))
    assert {"kind": "something whose name is not text"} in list_run(folder).values()
    with pytest.raises(WorkbookError, match="whose name is not text"):
        seal_run(folder, {}, load_signer(tmp_path / "key.pem"))


def test_an_empty_folder_goes_before_the_seal_and_is_found_after_it(folder: Path, tmp_path: Path) -> None:
    (folder / "artifacts" / "none" / "at" / "all").mkdir(parents=True)
    seal_run(folder, {}, load_signer(tmp_path / "key.pem"))
    assert not (folder / "artifacts" / "none").exists() and verify_run(folder).problems == ()
    (folder / "artifacts" / "none").mkdir()
    assert verify_run(folder).problems == ("artifacts/none/ is an empty folder",)


def test_what_is_executable_is_listed_so(folder: Path, tmp_path: Path) -> None:
    (folder / "artifacts" / "rls" / "a.json").chmod(0o755)
    seal_run(folder, {}, load_signer(tmp_path / "key.pem"))
    assert verify_run(folder).problems == ()
    (folder / "index.html").chmod(0o755)
    (folder / "artifacts" / "rls" / "a.json").chmod(0o600)
    assert verify_run(folder).problems == (
        "artifacts/rls/a.json was changed after the run",
        "index.html was changed after the run",
    )


def test_the_seals_own_names_are_files_like_any_other_in_a_folder_below(folder: Path, tmp_path: Path) -> None:
    seal_run(folder, {}, load_signer(tmp_path / "key.pem"))
    (folder / "artifacts" / MANIFEST).write_text("{}")
    assert verify_run(folder).problems == (f"artifacts/{MANIFEST} is not in the manifest",)


def test_the_record_of_an_unfinished_run_is_sealed_with_it(folder: Path, tmp_path: Path) -> None:
    (folder / UNFINISHED).write_text("{}")
    seal_run(folder, {"finished": False}, load_signer(tmp_path / "key.pem"))
    assert verify_run(folder).problems == ()
    (folder / UNFINISHED).write_text("{ }")
    assert verify_run(folder).problems == (f"{UNFINISHED} was changed after the run",)
    (folder / UNFINISHED).unlink()
    assert verify_run(folder).problems == (f"{UNFINISHED} is missing",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every folder")
def test_a_folder_that_can_not_be_read_hides_nothing(folder: Path, tmp_path: Path) -> None:
    seal_run(folder, {}, load_signer(tmp_path / "key.pem"))
    (folder / "artifacts" / "rls").chmod(0)
    try:
        assert "artifacts/rls is a folder that can't be read (Permission denied)" in verify_run(folder).problems
    finally:
        (folder / "artifacts" / "rls").chmod(0o755)


def test_only_a_regular_file_of_a_bounded_length_is_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("index.html")
    with pytest.raises(OddFileError):
        read_regular(folder / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(folder / "link")
    with pytest.raises(OddFileError, match="longer than 3 bytes"):
        read_regular(folder / "index.html", limit=3)
    assert read_regular(folder / "index.html") == b"a page"


@pytest.mark.parametrize("name", [MANIFEST, ENVELOPE])
def test_a_pipe_in_the_place_of_the_seal_hangs_nobody(folder: Path, tmp_path: Path, name: str) -> None:
    seal_run(folder, {}, load_signer(tmp_path / "key.pem"))
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(WorkbookError, match="no readable seal"):
        verify_run(folder)


def test_what_an_older_workbook_sealed_still_verifies(folder: Path, tmp_path: Path) -> None:
    """It listed no executables and left empty folders: its manifest has no `listing`."""
    (folder / "index.html").chmod(0o755)
    (folder / "empty").mkdir()
    contents = {name: (folder / name).read_bytes() for name in ("index.html", "artifacts/rls/a.json")}
    files = {name: {"sha256": hashlib.sha256(one).hexdigest(), "size_bytes": len(one)} for name, one in contents.items()}
    digest = write_whole(folder / MANIFEST, as_text({"verdict": "GO", "files": files}))
    subject = [{"name": MANIFEST, "digest": {"sha256": digest}}]
    subject += [{"name": name, "digest": {"sha256": file["sha256"]}} for name, file in files.items()]
    payload = json.dumps(
        {"subject": subject, "predicateType": OLDER_TYPE, "predicate": {"verdict": "GO"}}, sort_keys=True
    ).encode()
    write_whole(folder / ENVELOPE, write_envelope(payload, PAYLOAD_TYPE, load_signer(tmp_path / "key.pem")))
    assert verify_run(folder).problems == ()
    (folder / "index.html").write_text("another")
    assert verify_run(folder).problems == ("index.html was changed after the run",)
