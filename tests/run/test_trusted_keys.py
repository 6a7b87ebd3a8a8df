"""Only what a project has committed trusts a key; a revocation counts at once."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core.errors import WorkbookError
from lib.run.trusted_keys import read_trusted_keys
from tests.support.trust_worlds import REVOKED, entry, write_entry

AT = datetime(2026, 11, 27, tzinfo=UTC)


def git(pack: Path, *words: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(pack), *names, *words], check=True, capture_output=True)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a project below its repository's root, as many are."""
    pack = tmp_path / "repository" / "pack"
    pack.mkdir(parents=True)
    (pack / "README.md").write_text("a project\n")
    git(pack.parent, "init", "-q")
    commit(pack)
    return pack


def commit(pack: Path) -> None:
    git(pack.parent, "add", "--all")
    git(pack.parent, "commit", "-q", "-m", "now")


def trusted(pack: Path) -> list[str]:
    found = read_trusted_keys(pack)
    return [one.signer for one in found.keys if found.judge(one.key.keyid, AT).is_trusted]


def test_a_project_without_keys_trusts_nobody(pack: Path, tmp_path: Path) -> None:
    assert trusted(pack) == []
    assert trusted(tmp_path) == []


def test_outside_version_control_the_files_count(tmp_path: Path) -> None:
    write_entry(tmp_path, entry(tmp_path / "key.pem"))
    assert trusted(tmp_path) == ["release-bot"]


def test_a_key_counts_once_it_is_committed_and_as_it_is_committed(pack: Path, tmp_path: Path) -> None:
    path = write_entry(pack, entry(tmp_path / "key.pem"))
    assert trusted(pack) == []
    commit(pack)
    assert trusted(pack) == ["release-bot"]
    write_entry(pack, entry(tmp_path / "other.pem"))
    [one] = read_trusted_keys(pack).keys
    assert one.key.keyid == entry(tmp_path / "key.pem").key.keyid, "not the one that was put there since"
    path.unlink()
    assert trusted(pack) == ["release-bot"]


def test_in_a_repository_without_a_commit_nothing_counts(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write_entry(tmp_path, entry(tmp_path / "key.pem"))
    assert trusted(tmp_path) == []


def test_a_revocation_counts_before_it_is_committed(pack: Path, tmp_path: Path) -> None:
    write_entry(pack, entry(tmp_path / "key.pem"))
    commit(pack)
    write_entry(pack, entry(tmp_path / "key.pem", revoked=REVOKED))
    assert trusted(pack) == []


def test_what_is_wrong_is_said_committed_or_not(pack: Path, tmp_path: Path) -> None:
    path = write_entry(pack, entry(tmp_path / "key.pem"))
    commit(pack)
    path.write_text("signer: a\n")
    with pytest.raises(WorkbookError, match=r"release-bot\.yaml: public_key: field required"):
        read_trusted_keys(pack)
    commit(pack)
    write_entry(pack, entry(tmp_path / "key.pem"))
    with pytest.raises(WorkbookError, match=r"release-bot\.yaml: public_key: field required"):
        read_trusted_keys(pack)


def test_a_file_that_would_not_be_read_as_a_key_is_named(pack: Path, tmp_path: Path) -> None:
    path = write_entry(pack, entry(tmp_path / "key.pem"))
    path.rename(path.with_suffix(".yml"))
    with pytest.raises(WorkbookError, match=r"Rename it to release-bot\.yaml"):
        read_trusted_keys(pack)


def test_a_link_is_no_key(pack: Path, tmp_path: Path) -> None:
    path = write_entry(pack, entry(tmp_path / "key.pem"))
    path.rename(tmp_path / "outside.yaml")
    path.symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(WorkbookError, match="outside the project"):
        read_trusted_keys(pack)
    commit(pack)
    path.unlink()
    with pytest.raises(WorkbookError, match="something else than a file"):
        read_trusted_keys(pack)
