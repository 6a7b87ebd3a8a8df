"""Runs enter the order as they start and are sealed, two at once too; what others do to it is noted, and a run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from lib.evidence import run_order
from lib.evidence.manifest import ENVELOPE, MANIFEST, load_signer, seal_run, verify_run
from lib.evidence.run_order import FILE, find_gaps, list_kept, read_order
from lib.evidence.trust import TrustList
from lib.run import order as ordering
from lib.run.order import enter_removed, enter_started, seal_in_order
from tests.support.trust_worlds import REVOKED, entry, trust


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "rendered" / "project" / "staging"
    place.mkdir(parents=True)
    return place


def key_of(place: Path, name: str = "key.pem") -> tuple[CryptoSigner, TrustList]:
    home = place.parents[2]
    return load_signer(home / name), trust(entry(home / "key.pem"))


def start(place: Path, number: int, key: str = "key.pem") -> list[str]:
    folder = place / f"20261127T{number:06d}Z-aaaa"
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(f"page {number}")
    return enter_started(folder, *key_of(place, key))


def seal(place: Path, number: int, verdict: str = "NO-GO", key: str = "key.pem") -> str:
    folder = place / f"20261127T{number:06d}Z-aaaa"
    signer, trusted = key_of(place, key)

    def sealing(previous: Mapping[str, str] | None) -> str:
        return seal_run(folder, {"run_id": folder.name, "verdict": verdict, "finished": True, "previous": previous}, signer)

    return seal_in_order(folder, verdict, signer, trusted, sealing)


def gaps(place: Path) -> list[str]:
    found = read_order(place)
    assert found is not None and not found.problem
    return list(find_gaps(found.order, list_kept(place)))


def run_id(number: int) -> str:
    return f"20261127T{number:06d}Z-aaaa"


def test_each_manifest_names_the_run_before_it(place: Path) -> None:
    digests = []
    for number in (1, 2, 3):
        assert start(place, number) == []
        digests.append(seal(place, number))
    previous = [json.loads((place / run_id(number) / MANIFEST).read_text())["previous"] for number in (1, 2, 3)]
    assert previous == [None, {"run_id": run_id(1), "sha256": digests[0]}, {"run_id": run_id(2), "sha256": digests[1]}]
    assert gaps(place) == []


def test_a_deleted_no_go_leaves_a_trace_in_the_next_run_and_ever_after(place: Path) -> None:
    start(place, 1)
    seal(place, 1)
    shutil.rmtree(place / run_id(1))
    said = f"run {run_id(1)} (NO-GO) was removed without a note"
    assert start(place, 2) == [said]
    seal(place, 2, "GO")
    assert start(place, 3) == [said] and gaps(place) == [said]


def test_a_run_that_was_killed_and_deleted_leaves_one_too(place: Path) -> None:
    start(place, 1)
    shutil.rmtree(place / run_id(1))
    assert start(place, 2) == [f"run {run_id(1)} (never sealed) was removed without a note"]


def test_a_run_that_is_resumed_is_sealed_again_and_nothing_is_wrong(place: Path) -> None:
    start(place, 1)
    seal(place, 1, "BLOCKED")
    start(place, 2)
    seal(place, 2)
    for name in (MANIFEST, ENVELOPE):
        (place / run_id(1) / name).unlink()
    assert start(place, 1) == []
    seal(place, 1, "REHEARSED")
    assert gaps(place) == []


def test_a_note_is_accepted(place: Path) -> None:
    for number in (1, 2):
        start(place, number)
        seal(place, number)
    enter_removed(place / run_id(1), "older than a year", *key_of(place))
    shutil.rmtree(place / run_id(1))
    assert gaps(place) == [] and start(place, 3) == []
    found = read_order(place)
    assert found is not None and [event.reason for event in found.order.events if event.what == "removed"] == [
        "older than a year"
    ]


def test_two_runs_at_once_lose_no_entry(place: Path) -> None:
    key_of(place)  # made before, by one
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda number: (start(place, number), seal(place, number)), range(24)))
    assert gaps(place) == []
    found = read_order(place)
    assert found is not None and sum(event.what == "sealed" for event in found.order.events) == 24


def test_a_run_that_was_killed_between_its_seal_and_its_entry_is_taken_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place, 1)
    signer, _ = key_of(place)
    monkeypatch.setenv("SIGNING_KEY", str(place.parents[2] / "key.pem"))
    seal_run(place / run_id(1), {"run_id": run_id(1), "verdict": "GO", "previous": None}, signer)
    assert gaps(place) == [f"run {run_id(1)} has a seal that the order of runs does not know"]
    assert start(place, 2) == [] and gaps(place) == []


def test_a_forged_one_is_not(place: Path) -> None:
    start(place, 1)
    other = load_signer(place.parents[2] / "other.pem")
    seal_run(place / run_id(1), {"run_id": run_id(1), "verdict": "GO", "previous": None}, other)
    assert start(place, 2) == [f"run {run_id(1)} has a seal that the order of runs does not know"]


def test_a_list_that_can_not_be_written_leaves_no_seal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(place, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ordering, "write_order", full)
    with pytest.raises(OSError, match="No space"):
        seal(place, 1)
    assert not (place / run_id(1) / ENVELOPE).exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "there was no order.dsse.json, though runs were there that it had listed"),
        (lambda path: path.write_text("{"), "can't be read"),
        (lambda path: path.write_text(path.read_text().replace('"sig": "', '"sig": "00')), "the signature does not hold"),
    ],
)
def test_a_list_that_is_gone_or_broken_is_begun_anew_and_says_so(place: Path, damage: object, said: str) -> None:
    start(place, 1)
    seal(place, 1)
    damage(place / FILE)  # type: ignore[operator]
    [notice] = start(place, 2)
    assert notice.startswith("the order of runs was begun anew on") and said in notice
    seal(place, 2)
    assert len(gaps(place)) == 1 and verify_run(place / run_id(2)).problems == ()


def test_a_list_that_a_stranger_signed_is_not_taken_for_ours(place: Path) -> None:
    for number in (1, 2):
        start(place, number)
        seal(place, number)
    found = read_order(place)
    assert found is not None
    without = tuple(event for event in found.order.events if event.run_id != run_id(2))
    shutil.rmtree(place / run_id(2))
    run_order.write_order(place, found.order.model_copy(update={"events": without}), load_signer(place.parents[2] / "other.pem"))
    [notice] = start(place, 3)
    assert "begun anew" in notice and "signed by a key that launch/trusted_keys does not name" in notice
    assert len(list(place.glob(f"{FILE}.*"))) == 1, "what was there is kept beside"


def test_a_list_of_another_environment_is_not_taken_for_ours(place: Path) -> None:
    start(place, 1)
    seal(place, 1)
    other = place.parent / "production"
    other.mkdir()
    shutil.copy(place / FILE, other / FILE)
    [notice] = start(other, 1)
    assert "it is of project and staging" in notice


def test_runs_of_before_there_was_a_list_are_left_alone(place: Path) -> None:
    older = place / run_id(1)
    older.mkdir()
    (older / "index.html").write_text("a page")
    seal_run(older, {"run_id": run_id(1), "verdict": "GO"}, key_of(place)[0])
    assert start(place, 2) == []
    seal(place, 2)
    assert gaps(place) == []


def test_after_a_revocation_the_list_goes_on_by_another_key_and_says_so(place: Path) -> None:
    start(place, 1)
    seal(place, 1)
    home = place.parents[2]
    after = trust(entry(home / "key.pem", revoked=REVOKED), entry(home / "next.pem", signer="next"))
    folder = place / run_id(2)
    folder.mkdir()
    assert enter_started(folder, load_signer(home / "next.pem"), after) == []
    found = read_order(place)
    assert found is not None and found.signed_by == load_signer(home / "next.pem").public_key.keyid
    [note] = [event for event in found.order.events if event.what == "rekeyed"]
    assert note.reason == "signed by release-bot, whose key was revoked on 2026-11-26: the laptop was stolen"
    assert gaps(place) == []
    shutil.rmtree(place / run_id(1))
    assert gaps(place) == [f"run {run_id(1)} (NO-GO) was removed without a note"]
