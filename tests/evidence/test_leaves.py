"""Every fact and file is a leaf; the root changes with each of them, and a withheld one says nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lib.evidence.leaves import Leaf, as_rows, find_root, from_rows, list_leaves

LEAF = st.builds(
    Leaf,
    kind=st.sampled_from(["fact", "file"]),
    name=st.text(min_size=1, max_size=8),
    salt=st.binary(min_size=16, max_size=16).map(bytes.hex),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
)


def plain_root(digests: list[bytes]) -> bytes:
    """RFC 6962 by levels: pairs are joined, and a last one without a partner goes up as it is."""
    while len(digests) > 1:
        pairs = [digests[at : at + 2] for at in range(0, len(digests), 2)]
        digests = [hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return digests[0]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_the_root_is_the_one_of_the_standard(digests: list[bytes]) -> None:
    assert find_root(digests) == plain_root(digests).hex()


def test_the_root_of_a_known_tree_is_the_published_one() -> None:
    """The tree heads that Certificate Transparency's own tests use."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(one)).digest() for one in inputs]
    assert find_root(leaves[:1]) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert find_root(leaves) == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.lists(LEAF, min_size=1, max_size=20), st.data())
def test_withholding_keeps_the_root_and_a_change_does_not(leaves: list[Leaf], data: st.DataObject) -> None:
    digests = [one.digest for one in leaves]
    one = data.draw(st.sampled_from(leaves))
    rows = as_rows(leaves, withheld=[one.name])
    kept = [bytes.fromhex(row["digest"]) if "digest" in row else from_rows([row])[0].digest for row in rows]
    assert find_root(kept) == find_root(digests)
    assert all(set(row) == {"digest"} for row, leaf in zip(rows, leaves, strict=True) if leaf.name == one.name)
    at = leaves.index(one)
    changed = [*digests[:at], replace(one, sha256=hashlib.sha256(one.sha256.encode()).hexdigest()).digest, *digests[at + 1 :]]
    assert find_root(changed) != find_root(digests)


def test_lines_and_files_are_leaves_and_what_speaks_of_them_is_none(tmp_path: Path) -> None:
    (tmp_path / "artifacts" / "rls").mkdir(parents=True)
    (tmp_path / "artifacts" / "rls" / "matrix.json").write_text("{}")
    (tmp_path / "evidence.jsonl").write_bytes(b'{"check": "rls.a"}\n\nno line\n{"check": "rls.b"}')
    (tmp_path / "leaves.json").write_text("[]")
    (tmp_path / "link").symlink_to("/etc/passwd")
    leaves = list_leaves(tmp_path, beside=["leaves.json"])
    assert [(one.kind, one.name) for one in leaves] == [
        ("fact", "line 3"),
        ("fact", "rls.a"),
        ("fact", "rls.b"),
        ("file", "artifacts/rls/matrix.json"),
    ]
    assert leaves[1].sha256 == hashlib.sha256(b'{"check": "rls.a"}').hexdigest()
    assert len({one.salt for one in leaves}) == len(leaves) and from_rows(as_rows(leaves)) == leaves


def test_the_root_of_nothing_is_the_standards() -> None:
    assert find_root([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
