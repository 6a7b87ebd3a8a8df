"""Every byte of an envelope is bound: what reads the same and is spelled otherwise does not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope

from lib.evidence.envelope import open_envelope, write_envelope
from lib.evidence.manifest import load_signer, new_key, read_signer

TYPE = "application/vnd.test+json"
SIGNER = read_signer(new_key(), "here")
CONTENT = write_envelope(b'{"a": 1}', TYPE, SIGNER)


def holds(content: bytes) -> bool:
    try:
        opened = open_envelope(content, TYPE)
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        return False
    return not opened.problem and opened.key.keyid == SIGNER.public_key.keyid


@given(st.binary(max_size=300))
def test_what_is_written_opens(payload: bytes) -> None:
    opened = open_envelope(write_envelope(payload, TYPE, SIGNER), TYPE)
    assert (opened.payload, opened.problem, opened.key.keyid) == (payload, "", SIGNER.public_key.keyid)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_does_not_hold(at: int, by: int) -> None:
    assert holds(CONTENT)
    assert not holds(CONTENT[:at] + bytes([CONTENT[at] ^ by]) + CONTENT[at + 1 :])


@given(st.integers(0, len(CONTENT)), st.binary(min_size=1, max_size=3))
def test_something_more_anywhere_does_not_hold(at: int, more: bytes) -> None:
    assert not holds(CONTENT[:at] + more + CONTENT[at:])


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 5))
def test_something_less_anywhere_does_not_hold(at: int, count: int) -> None:
    assert not holds(CONTENT[:at] + CONTENT[at + count :])


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["signatures"].append({"keyid": "", "sig": ""}),
        lambda said: said["signatures"].append(said["signatures"][0]),
        lambda said: said["signatures"][0].update(cert="x"),
        lambda said: said.update(note="x"),
        lambda said: said["publicKey"].update(note="x"),
        lambda said: said["publicKey"].update(keyid="ab" * 32),
        lambda said: said.update(payloadType="text/plain"),
    ],
)
def test_nothing_more_is_passed_through(change: Any) -> None:
    said = json.loads(CONTENT)
    change(said)
    assert not holds((json.dumps(said, indent=2, sort_keys=True) + "\n").encode())


def test_an_envelope_of_another_kind_does_not_hold() -> None:
    assert "another kind" in open_envelope(CONTENT, "application/vnd.other+json").problem


def test_a_foreign_reader_opens_it(tmp_path: Path) -> None:
    said = json.loads(CONTENT)
    said.pop("publicKey")
    Envelope.from_dict(said).verify([SIGNER.public_key], threshold=1)
    assert load_signer(tmp_path / "key.pem").public_key.keyid != SIGNER.public_key.keyid
