"""A trust list says of each signature whether it counts, and takes nothing that two people could read in two ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from lib.cli.keys import format_entry
from lib.core.errors import ParamsError
from lib.evidence.manifest import load_signer
from lib.evidence.trust import TrustList, parse_trust_list
from tests.support.trust_worlds import REVOKED, entry, trust

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    load_signer(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def keyid(key: Path) -> str:
    return load_signer(key).public_key.keyid


def test_a_named_key_counts_in_its_time(key: Path) -> None:
    found = trust(entry(key)).judge(keyid(key), NOON)
    assert found.is_trusted and found.sentence == "signed by release-bot, trusted by launch/trusted_keys"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"since": "2026-11-28"}, "signed by release-bot before its key became valid, 2026-11-28"),
        ({"until": "2026-11-26"}, "signed by release-bot after its key's end, 2026-11-26"),
        ({"until": "2026-11-27T12:00:00+00:00"}, "signed by release-bot after its key's end, 2026-11-27T12:00:00+00:00"),
        ({"revoked": REVOKED}, "signed by release-bot, whose key was revoked on 2026-11-26: the laptop was stolen"),
    ],
)
def test_out_of_its_time_or_revoked_it_does_not(key: Path, changes: dict[str, str], said: str) -> None:
    found = trust(entry(key, **changes)).judge(keyid(key), NOON)  # type: ignore[arg-type]
    assert not found.is_trusted and found.sentence == said


def test_a_day_counts_to_its_end(key: Path) -> None:
    one = trust(entry(key, until="2026-11-27"))
    assert one.judge(keyid(key), datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)).is_trusted
    assert not one.judge(keyid(key), datetime(2026, 11, 28, tzinfo=UTC)).is_trusted


def test_a_revocation_voids_what_was_signed_before_it(key: Path) -> None:
    assert not trust(entry(key, revoked=REVOKED)).judge(keyid(key), datetime(2026, 2, 1, tzinfo=UTC)).is_trusted


def test_a_key_that_no_list_names_does_not_count(key: Path, tmp_path: Path) -> None:
    other = keyid(tmp_path / "other.pem")
    assert (
        trust(entry(key)).judge(other, NOON).sentence == f"signed by a key that launch/trusted_keys does not name: {other[:16]}"
    )
    assert trust().judge(other, NOON).sentence == f"signed by a key that nobody here knows: {other[:16]}"


def test_a_revocation_elsewhere_narrows_and_nothing_else_there_widens(key: Path, tmp_path: Path) -> None:
    committed, other = trust(entry(key)), entry(tmp_path / "other.pem")
    narrowed = committed.narrowed_by([entry(key, revoked=REVOKED), other])
    assert not narrowed.judge(keyid(key), NOON).is_trusted
    assert not narrowed.judge(keyid(tmp_path / "other.pem"), NOON).is_trusted
    assert committed.narrowed_by([entry(key, until="2099-01-01")]) == committed


@given(st.integers(-800, 800), st.booleans(), st.integers(1, 400), st.integers(1, 400))
def test_no_moment_and_no_key_is_trusted_but_the_named_one_in_its_time(
    tmp_path_factory: pytest.TempPathFactory, hours: int, is_revoked: bool, before: int, after: int
) -> None:
    home = tmp_path_factory.getbasetemp() / "law"
    since, until = NOON - timedelta(hours=before), NOON + timedelta(hours=after)
    one = entry(home / "key.pem", since=since.isoformat(), until=until.isoformat(), revoked=REVOKED if is_revoked else None)
    at = NOON + timedelta(hours=hours)
    assert trust(one).judge(one.key.keyid, at).is_trusted == (since <= at < until and not is_revoked)
    assert not trust(one).judge(keyid(home / "other.pem"), at).is_trusted


def read(text: str, name: str = "a.yaml", **more: str) -> TrustList:
    return parse_trust_list({name: text, **{f"{one}.yaml": said for one, said in more.items()}})


@pytest.mark.parametrize("revoked", [None, REVOKED])
def test_a_written_entry_reads_back(key: Path, revoked: object) -> None:
    one = entry(key, revoked=revoked)  # type: ignore[arg-type]
    [back] = read(format_entry(one)).keys
    assert back.key.keyid == one.key.keyid and (back.first, back.last, back.revoked) == (one.first, one.last, one.revoked)


def test_a_key_in_hex_is_the_same_key(key: Path) -> None:
    signer = load_signer(key)
    text = f"signer: a\npublic_key: {signer.public_key.keyval['public']}\nvalid_from: 2026-01-01\nvalid_until: 2027-01-01\n"  # type: ignore[attr-defined]
    assert read(text).keys[0].key.keyid == signer.public_key.keyid


def other_curve() -> str:
    pem = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return "".join(f"  {line}\n" for line in pem.decode().splitlines())


WRONG = {
    "dates reversed": (lambda text: text.replace('"2027-01-01"', '"2025-01-01"'), "the end is not after the start"),
    "no day": (lambda text: text.replace('"2027-01-01"', '"soon"'), 'valid_until: "soon" is not a day or moment'),
    "no zone": (lambda text: text.replace('"2027-01-01"', '"2027-01-01T10:00:00"'), "does not say its time zone"),
    "not Ed25519": (lambda text: text.partition("  --")[0] + other_curve() + "valid_" + text.partition("valid_")[2], "Ed25519"),
    "no key": (lambda text: text.replace("BEGIN PUBLIC KEY", "BEGIN NOTHING"), "it is not a public key in PEM"),
    "unknown name": (lambda text: text + "trusted: yes\n", "trusted: extra inputs are not permitted"),
    "missing": (lambda text: text.replace("signer: release-bot\n", ""), "signer: field required"),
    "twice": (lambda text: text + "signer: other\n", "the key 'signer' is there twice"),
    "no reason": (lambda text: text + 'revoked: {"on": 2026-11-26}\n', "revoked.reason: field required"),
    "empty": (lambda text: "", "signer: field required"),
    "no mapping": (lambda text: "- a\n", "signer: field required"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_be_meant_is_one_sentence_with_its_file_and_fix(key: Path, name: str) -> None:
    change, said = WRONG[name]
    with pytest.raises(ParamsError) as found:
        read(change(format_entry(entry(key))))  # type: ignore[no-untyped-call]
    assert any(said in one for one in found.value.problems), found.value.problems
    assert all(one.startswith("launch/trusted_keys/a.yaml: ") and "Fix: " in one for one in found.value.problems)


def test_two_files_that_name_one_key_are_refused(key: Path) -> None:
    with pytest.raises(ParamsError, match=r"b\.yaml: it names the same key as a\.yaml"):
        read(format_entry(entry(key)), b=format_entry(entry(key, signer="other")))


def test_a_private_key_is_refused_without_a_word_of_it(key: Path) -> None:
    pem = "".join(f"  {line}\n" for line in key.read_text().splitlines())
    text = f"signer: a\npublic_key: |\n{pem}valid_from: 2026-01-01\nvalid_until: 2027-01-01\n"
    with pytest.raises(ParamsError, match="it is a private key; replace it at once") as found:
        read(text)
    assert key.read_text().splitlines()[1][:20] not in str(found.value)
