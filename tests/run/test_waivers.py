"""A waiver covers what was seen until its last day, changes no result, and never leads to a GO."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.results import Outcome, Provenance, Result
from lib.core.verdict import GateInput, Verdict, decide
from lib.evidence.findings import describe_finding
from lib.evidence.log import EvidenceLine, line_of
from lib.run.waivers import FILE, LONGEST_DAYS, NO_WAIVERS, CameTo, Waiver, apply_waivers, format_waivers, load_waivers
from lib.tasks.index import every_check

GRANTED = date(2026, 11, 26)
VIEWS = "rls.views_are_security_invoker"
ENTRY = {"check": VIEWS, "object": "2 of 5 views.", "reason": "they are internal", "who": "@team",
         "granted": "2026-11-26", "until": "2026-12-10"}  # fmt: skip


def line(check: str = VIEWS, outcome: Outcome = Outcome.FAIL, detail: str = "2 of 5 views.", **facts: object) -> EvidenceLine:
    return as_line(Result(check=check, outcome=outcome, detail=detail, **facts))  # type: ignore[arg-type]


def as_line(result: Result) -> EvidenceLine:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    about = {"run_id": "r", "environment": "x", "provenance": Provenance.LIVE, "started_at": at, "duration_s": 1}
    return line_of(result, every_check()[result.check], **about)  # type: ignore[arg-type]


def waiver(**changes: str) -> Waiver:
    return Waiver.model_validate({**ENTRY, **changes})


def test_it_covers_the_failure_that_was_seen() -> None:
    assert apply_waivers([waiver()], [line()], GRANTED).covered == {VIEWS: (waiver(),)}


@pytest.mark.parametrize("detail", ["3 of 5 views.", "2 of 6 views.", "2 of 5 views. And public.x.", ""])
def test_another_failure_of_the_same_check_is_new(detail: str) -> None:
    applied = apply_waivers([waiver()], [line(detail=detail)], GRANTED)
    assert (applied.covered, applied.that(CameTo.UNUSED)) == ({}, [waiver()])


def test_what_is_measured_anew_in_every_run_is_the_same_finding() -> None:
    seen = [describe_finding(line(detail=f"public.t was locked for {ms} ms, in {s} s.")) for ms, s in ((210, 1.5), ("1,240", 2))]
    assert seen[0] == seen[1]
    assert describe_finding(line(observed=3)) != describe_finding(line(observed=4))
    assert describe_finding(line(observed=3.2, unit="ms")) == describe_finding(line(observed=4.7, unit="ms"))


@pytest.mark.parametrize(("day", "is_covered"), [(-1, False), (0, True), (14, True), (15, False)])
def test_it_holds_from_its_first_day_to_its_last(day: int, is_covered: bool) -> None:
    applied = apply_waivers([waiver()], [line()], GRANTED + timedelta(days=day))
    assert bool(applied.covered) is is_covered
    assert applied.that(CameTo.EXPIRED) == ([waiver()] if day > 14 else [])


def test_a_pass_needs_none() -> None:
    applied = apply_waivers([waiver()], [line(outcome=Outcome.PASS)], GRANTED)
    assert (applied.covered, applied.told) == ({}, ((waiver(), CameTo.UNUSED),))


@pytest.mark.parametrize("lines", [[], [line(outcome=Outcome.ERROR)], [every_check()[VIEWS].not_applicable("No view.")]])
def test_a_check_that_was_not_judged_says_nothing_of_its_waiver(lines: list[EvidenceLine | Result]) -> None:
    found = [one if isinstance(one, EvidenceLine) else as_line(one) for one in lines]
    applied = apply_waivers([waiver()], [*found, line(check="rls.no_policy_without_rls", outcome=Outcome.PASS)], GRANTED)
    assert (applied.covered, applied.told) == ({}, ((waiver(), CameTo.UNJUDGED),))


def test_each_waiver_is_told_once() -> None:
    waivers = [waiver(), waiver(object="old", until="2026-11-26"), waiver(check="rls.no_policy_without_rls", object="1 policy.")]
    applied = apply_waivers(waivers, [line()], GRANTED + timedelta(days=1))
    assert [one for one, _ in applied.told] == waivers
    assert [what for _, what in applied.told] == [CameTo.COVERS, CameTo.EXPIRED, CameTo.UNJUDGED]
    assert {key: len(some) for key, some in applied.record.items()} == {"waivers": 1, "idle_waivers": 2}


def test_what_a_waived_failure_hides_is_waived_with_it() -> None:
    shown = every_check()["rls.no_policy_without_rls"].hidden_by(VIEWS, "It can't be told.")
    hidden = as_line(shown)
    assert apply_waivers([waiver()], [line(), hidden], GRANTED).hidden == {shown.check}
    assert apply_waivers([], [line(), hidden], GRANTED).hidden == frozenset()


SEED = "seed.row_counts_match"
THREE = [
    waiver(check=SEED, object="public.orders", granted="2026-11-26", until="2026-12-01"),
    waiver(check=SEED, object="public.votes", granted="2026-11-26", until="2026-12-10"),
    waiver(check=VIEWS, object="public.open_orders", granted="2026-11-26", until="2026-12-26"),
]


def three_failures(*more: str) -> list[EvidenceLine]:
    """A seed check that names its objects, and a check of views whose objects are read from its words."""
    counted = line(check=SEED, detail="Many.", objects=["public.votes", "public.orders", *more])
    views = line(
        detail="The policies are not applied to readers of view public.open_orders.", observed=4, expected=5, unit="objects"
    )
    return [counted, views, line(check="rls.no_policy_without_rls", outcome=Outcome.PASS)]


@pytest.mark.parametrize(
    ("day", "covered", "partly", "said"),
    [
        (0, {SEED, VIEWS}, {}, [CameTo.COVERS] * 3),
        (5, {SEED, VIEWS}, {}, [CameTo.COVERS] * 3),
        (6, {VIEWS}, {SEED: ("public.orders",)}, [CameTo.EXPIRED, CameTo.PARTLY, CameTo.COVERS]),
        (15, {VIEWS}, {}, [CameTo.EXPIRED, CameTo.EXPIRED, CameTo.COVERS]),
        (31, set(), {}, [CameTo.EXPIRED] * 3),
    ],
)
def test_three_waivers_through_their_expiry(
    day: int, covered: set[str], partly: dict[str, tuple[str, ...]], said: list[CameTo]
) -> None:
    lines = three_failures()
    applied = apply_waivers(THREE, lines, GRANTED + timedelta(days=day))
    assert (set(applied.covered), applied.partly) == (covered, partly)
    assert [what for _, what in applied.told] == said
    assert [one.result for one in lines] == [Outcome.FAIL, Outcome.FAIL, Outcome.PASS]


def test_a_waiver_for_one_object_does_not_cover_a_second_one() -> None:
    applied = apply_waivers(THREE, three_failures("public.labels"), GRANTED)
    assert (set(applied.covered), applied.partly) == ({VIEWS}, {SEED: ("public.labels",)})
    assert applied.hidden == NO_WAIVERS.hidden


def test_a_repaired_object_leaves_its_waiver_unused() -> None:
    [_, *rest] = three_failures()
    applied = apply_waivers(THREE, [line(check=SEED, objects=["public.votes"]), *rest], GRANTED)
    assert [what for _, what in applied.told] == [CameTo.UNUSED, CameTo.COVERS, CameTo.COVERS]


OLD = {"check": VIEWS, "seen": "2 of 5 views.", "reason": "they are internal", "owner": "@team",
       "granted": "2026-11-26", "until": "2026-12-10"}  # fmt: skip


def test_a_file_of_an_older_workbook_is_read_as_it_was_meant(tmp_path: Path) -> None:
    write_whole(tmp_path / FILE, yaml.safe_dump({"waivers": [OLD]}))
    assert load_waivers(tmp_path, today=GRANTED) == (waiver(),)


def test_one_that_ends_too_far_ahead_is_refused(tmp_path: Path) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != "granted"}
    write_whole(tmp_path / FILE, yaml.safe_dump({"waivers": [entry]}))
    assert load_waivers(tmp_path, today=date(2026, 11, 10))[0].granted is None
    with pytest.raises(ParamsError, match=r"more than 30 days from now\. Fix: Let it end on 2026-12-09 at the latest"):
        load_waivers(tmp_path, today=date(2026, 11, 9))


GATES = st.lists(
    st.builds(
        GateInput,
        check=st.sampled_from(["a", "b", "c", "d"]),
        outcome=st.sampled_from(Outcome),
        gate=st.booleans(),
        provenance=st.sampled_from(Provenance),
        is_waived=st.booleans(),
        is_hidden=st.booleans(),
    ),
    max_size=6,
)


@given(GATES)
def test_a_waiver_never_leads_to_a_go_and_never_past_what_is_not_waived(judged: list[GateInput]) -> None:
    verdict = decide(judged)
    without = decide([one for one in judged if not one.is_waived])
    if any(one.gate and one.is_waived for one in judged):
        assert verdict not in (Verdict.GO, Verdict.REHEARSED)
    if without in (Verdict.NO_GO,):
        assert verdict is Verdict.NO_GO
    if any(one.gate and one.outcome is Outcome.ERROR and not one.is_waived for one in judged):
        assert verdict in (Verdict.NO_GO, Verdict.BLOCKED)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"until": "2026-12-27"}, "must be within 30 days after granted"),
        ({"until": "2026-11-25"}, "must be within 30 days after granted"),
        ({"until": "tomorrow"}, "waivers.1.until"),
        ({"until": "2026-13-01"}, "waivers.1"),
        ({"who": ""}, "waivers.1.who"),
        ({"reason": "no"}, "waivers.1.reason"),
        ({"check": "rls.views_are_security_invokers"}, f"did you mean {VIEWS}?"),
        ({"check": "rls.no_spare_grants"}, "is an advisory"),
        ({"check": "readiness_summary.no_credential_was_kept"}, "speaks of the run itself"),
        ({"why": "x"}, "waivers.1.why"),
    ],
)
def test_a_waiver_that_says_something_else_is_one_line(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    write_whole(tmp_path / FILE, yaml.safe_dump({"waivers": [{**ENTRY, **changes}]}))
    with pytest.raises(ParamsError) as caught:
        load_waivers(tmp_path, today=GRANTED)
    [problem] = caught.value.problems
    assert problem.startswith(f"{FILE}: ")
    assert said in problem


def test_the_same_finding_is_waived_once(tmp_path: Path) -> None:
    write_whole(tmp_path / FILE, yaml.safe_dump({"waivers": [ENTRY, ENTRY]}))
    with pytest.raises(ParamsError, match="waived twice"):
        load_waivers(tmp_path, today=GRANTED)


def test_a_project_without_the_file_has_none_and_an_odd_one_is_told(tmp_path: Path) -> None:
    assert load_waivers(tmp_path) == ()
    write_whole(tmp_path / FILE, "")
    assert load_waivers(tmp_path) == ()
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(ParamsError, match="a named pipe"):
        load_waivers(tmp_path)


TEXTS = st.text(min_size=5, max_size=60).filter(lambda text: text.isprintable() and text.strip())


@given(st.lists(st.builds(lambda key, reason: waiver(object=key, reason=reason), TEXTS, TEXTS), max_size=4))
def test_what_is_written_reads_back_as_it_was(waivers: list[Waiver]) -> None:
    read = yaml.safe_load(format_waivers(waivers))["waivers"]
    assert [Waiver.model_validate(one) for one in read] == waivers
    assert LONGEST_DAYS == 30
