"""Whatever is done to the runs of an environment, the order of runs shows it; and of those left alone it says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.core.errors import WorkbookError
from lib.evidence.manifest import load_signer
from lib.evidence.run_order import (
    FILE,
    Event,
    KeptRun,
    RunOrder,
    find_gaps,
    list_kept,
    read_order,
    read_payload,
    write_order,
    write_payload,
)

VERDICTS = ("GO", "NO-GO", "REHEARSED")
Kept = dict[str, KeptRun]


def name(number: int) -> str:
    return f"20261127T{number:06d}Z-aaaa"


def at(number: int) -> str:
    return f"2026-11-27T00:00:{number:02d}+00:00"


def world(plan: list[tuple[int, str]]) -> tuple[RunOrder, Kept]:
    """Return an order and its runs. plan: (number of a run, start, seal or remove), in the order in which it happens."""
    order, kept = RunOrder(project="p", environment="staging"), {}
    for step, (number, what) in enumerate(plan):
        run_id, verdict = name(number), VERDICTS[number % 3]
        if what in ("start", "resume"):
            order = order.with_event(Event(what="started", run_id=run_id, at=at(step)))
            kept[run_id] = KeptRun(manifest=None)
        elif what == "seal":
            about = {"run_id": run_id, "verdict": verdict, "previous": order.last_sealed, "step": step}
            kept[run_id] = KeptRun(manifest=json.dumps(about).encode())
            seal = Event(what="sealed", run_id=run_id, at=at(step), sha256=kept[run_id].sha256, verdict=verdict)
            order = order.with_event(seal)
        else:
            order = order.with_event(Event(what="removed", run_id=run_id, at=at(step), reason="old enough"))
            del kept[run_id]
    return order, kept


@st.composite
def plans(draw: st.DrawFn, *, sealed: int = 0) -> list[tuple[int, str]]:
    """Draw a history: runs that start, are sealed, resumed and sealed again, killed, and removed with a note, in any mixture.

    sealed: how many runs are kept with their seal at least; where fewer are, others are sealed after them.
    """
    steps: list[tuple[int, str]] = []
    alive: list[int] = []
    for number in range(draw(st.integers(1, 6))):
        steps.append((number, "start"))
        alive.append(number)
        for _ in range(draw(st.integers(0, 3))):
            one = draw(st.sampled_from(alive)) if alive else None
            if one is not None:
                what = draw(st.sampled_from(["seal", "seal", "resume", "remove"]))
                steps.append((one, what))
                if what == "remove":
                    alive.remove(one)
    missing = sealed - sum(run.is_sealed for run in world(steps)[1].values())
    for number in range(6, 6 + missing):
        steps += [(number, "start"), (number, "seal")]
    return steps


def gaps(order: RunOrder, kept: Kept) -> list[str]:
    return list(find_gaps(order, kept))


@given(plans())
def test_runs_that_were_left_alone_have_no_gap(plan: list[tuple[int, str]]) -> None:
    assert gaps(*world(plan)) == []
    assert list(find_gaps(*world(plan), is_deep=False)) == []


@given(plans(), st.data())
def test_a_removed_run_is_found_sealed_or_not(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    order, kept = world(plan)
    assume(kept)
    gone = data.draw(st.sampled_from(sorted(kept)))
    del kept[gone]
    [said] = gaps(order, kept)
    assert gone in said and "was removed without a note" in said


@given(plans(sealed=1), st.data())
def test_a_replaced_run_is_found(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    order, kept = world(plan)
    sealed = sorted(one for one, run in kept.items() if run.is_sealed)
    one = data.draw(st.sampled_from(sealed))
    kept[one] = KeptRun(manifest=data.draw(st.sampled_from([b"", b"{}", (kept[one].manifest or b"") + b" "])))
    assert any(one in said and "replaced" in said for said in gaps(order, kept))


@given(plans(sealed=1), st.data())
def test_a_run_without_its_seal_is_found(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    order, kept = world(plan)
    sealed = sorted(one for one, run in kept.items() if run.is_sealed)
    one = data.draw(st.sampled_from(sealed))
    kept[one] = KeptRun(manifest=None)
    assert [said.endswith("has lost its seal") and one in said for said in gaps(order, kept)] == [True]


@given(plans(sealed=2), st.data())
def test_any_other_order_of_the_folders_is_found(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    order, kept = world(plan)
    names = sorted(kept)
    shuffled = data.draw(st.permutations(names))
    moved = {new: kept[old] for new, old in zip(names, shuffled, strict=True)}
    assume(any(moved[one].manifest != kept[one].manifest for one in names))
    assert gaps(order, moved)


@given(plans(sealed=2), st.data())
def test_any_other_order_of_the_seals_contradicts_the_manifests(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    """As if whoever has the key had signed a list in another order: each manifest names the run that was sealed before it."""
    order, kept = world(plan)
    last = {event.run_id: number for number, event in enumerate(order.events) if event.what == "sealed"}
    places = [number for one, number in last.items() if one in kept and kept[one].is_sealed]
    first, second = sorted(data.draw(st.permutations(places))[:2])
    events = list(order.events)
    events[first], events[second] = events[second], events[first]
    assert gaps(order.model_copy(update={"events": tuple(events)}), kept)


@given(plans(sealed=1), st.data())
def test_an_entry_that_was_taken_out_is_found_while_the_run_is_there(plan: list[tuple[int, str]], data: st.DataObject) -> None:
    order, kept = world(plan)
    gone = data.draw(st.sampled_from(sorted(one for one, run in kept.items() if run.is_sealed)))
    events = tuple(event for event in order.events if event.run_id != gone)
    assert gaps(order.model_copy(update={"events": events}), kept)


@given(plans())
def test_a_run_that_comes_back_after_its_note_is_found(plan: list[tuple[int, str]]) -> None:
    order, kept = world(plan)
    removed = [event.run_id for event in order.events if event.what == "removed"]
    assume(removed)
    kept[removed[0]] = KeptRun(manifest=b"{}")
    assert any("is there again" in said for said in gaps(order, kept))


@given(plans())
def test_a_run_of_nobody_is_found_and_one_of_before_is_not(plan: list[tuple[int, str]]) -> None:
    order, kept = world(plan)
    assert gaps(order, {**kept, name(99): KeptRun(manifest=b'{"verdict": "GO"}')}) == []
    [said] = gaps(order, {**kept, name(99): KeptRun(manifest=b'{"verdict": "GO", "previous": null}')})
    assert said == f"run {name(99)} is not in the order of runs"


def test_a_list_that_was_begun_anew_says_so_for_good() -> None:
    order, kept = world([(1, "start"), (1, "seal")])
    begun = Event(what="begun", run_id="", at=at(0), reason="there was none")
    [said] = gaps(order.model_copy(update={"events": (begun, *order.events)}), kept)
    assert said == f"the order of runs was begun anew on {at(0)}, and what ran before is not known: there was none"


@given(plans())
def test_it_reads_back_in_its_one_spelling(plan: list[tuple[int, str]]) -> None:
    order, _ = world(plan)
    payload = write_payload(order)
    assert read_payload(payload) == order
    for other in (payload + b" ", payload.replace(b'", "', b'","', 1), payload.replace(b'"version": 1', b'"version": 1, "x": 1')):
        if other != payload:
            with pytest.raises(ValueError, match=r"."):
                read_payload(other)


def test_it_is_kept_signed_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    order, _ = world([(1, "start"), (1, "seal"), (2, "start")])
    signer = load_signer(tmp_path / "key.pem")
    assert read_order(tmp_path) is None
    write_order(tmp_path, order, signer)
    found = read_order(tmp_path)
    assert found is not None and (found.order, found.signed_by, found.problem) == (order, signer.public_key.keyid, "")
    content = (tmp_path / FILE).read_bytes()
    for place in range(0, len(content), 7):
        (tmp_path / FILE).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            other = read_order(tmp_path)
        except WorkbookError:
            continue
        assert other is not None and (other.problem or other.signed_by != found.signed_by), place


def test_what_is_no_list_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(WorkbookError, match=r"The order of runs .* can't be read"):
        read_order(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to("elsewhere")
    with pytest.raises(WorkbookError, match="can't be read"):
        read_order(tmp_path)


def test_folders_are_runs_and_links_are_not(tmp_path: Path) -> None:
    (tmp_path / name(1)).mkdir()
    (tmp_path / name(2)).symlink_to(name(1))
    (tmp_path / "kept").mkdir()
    assert {one: run.is_sealed for one, run in list_kept(tmp_path).items()} == {name(1): False}
