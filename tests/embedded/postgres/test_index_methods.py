"""pgvector's index methods take their settings, beside each other and beside bloom itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.embedded.postgres.binaries import find_binaries
from lib.embedded.postgres.index_methods import AFTER, NAMES, SETTINGS, bind_own_names, dynamic_entries, write_index_methods
from lib.embedded.postgres.versions import MAJORS

TEXT = NAMES + AFTER[0]
ELF = b"\x7fELF\x02\x01"

TOOLS = Path(__file__).resolve().parents[3] / ".tools"


def bloom_of(major: int) -> bytes:
    return (find_binaries(TOOLS, major).server / "lib/postgresql/bloom.so").read_bytes()


def changes(one: bytes, other: bytes) -> list[int]:
    """Return the places at which two files of one length differ."""
    return [place for place, (was, now) in enumerate(zip(one, other, strict=True)) if was != now]


@pytest.mark.parametrize("major", MAJORS)
def test_a_copy_differs_in_its_names_alone(tmp_path: Path, major: int) -> None:
    whole = bloom_of(major)
    (tmp_path / "bloom.so").write_bytes(whole)
    assert write_index_methods(tmp_path) == tuple(SETTINGS)
    bound = (tmp_path / "bloom.so").read_bytes()
    assert len(changes(whole, bound)) == 1, "the kind of one entry"
    for method, names in SETTINGS.items():
        copy = (tmp_path / f"stand_in_{method}.so").read_bytes()
        start = whole.index(NAMES)
        assert copy[start : start + len(names)] == names
        assert all(start <= place < start + len(names) for place in changes(bound, copy))


def test_the_installed_library_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed/bloom.so").write_bytes(bloom_of(15))
    (tmp_path / "bloom.so").symlink_to(tmp_path / "installed/bloom.so")
    write_index_methods(tmp_path)
    assert (tmp_path / "installed/bloom.so").read_bytes() == bloom_of(15)


def test_the_list_of_a_library_still_ends(tmp_path: Path) -> None:
    tags = [tag for _, tag in dynamic_entries(bind_own_names(bloom_of(15)))]
    assert 16 in tags
    assert 0 in tags[tags.index(16) :]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xcf\xfa\xed\xfe" + TEXT, b"\x7fELF\x02\x01", b"\x7fELF\x01\x01" + TEXT, ELF + TEXT * 2, ELF + NAMES + b"key"],
    ids=["nothing", "macOS", "no names", "32 bits", "twice", "something else after"],
)
def test_a_library_that_is_not_as_expected_is_left_alone(tmp_path: Path, content: bytes) -> None:
    if content:
        (tmp_path / "bloom.so").write_bytes(content)
    assert write_index_methods(tmp_path) == ()
    assert list(tmp_path.glob("stand_in_*")) == []
