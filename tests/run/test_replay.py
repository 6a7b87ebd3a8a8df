"""Kept runs are decided again by one pure function of what was found: a policy changes what it names, and says why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import GateInput, Verdict, decide
from lib.evidence.decisions import Decision
from lib.evidence.kept_results import WAIVED, KeptResult
from lib.run.policy import AS_IT_WAS, Policy, load_policy
from lib.run.replay import Replayed, as_counted, decide_again, replay
from lib.tasks.migrations.task import TWIN_IS_FAITHFUL

A, B, C = "rls.every_table_enabled", "seed.row_counts_match", "migrations.lint_is_clean"
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
WAIVER = {"check": A, "object": "public.a", "reason": "known since long", "who": "ana", "until": "2026-12-01"}


def kept(check: str, found: str = "pass", **facts: Any) -> KeptResult:
    return KeptResult(**{"check": check, "found": found, "gate": True, "provenance": "live", "result": found, **facts})


def failed(check: str = A, *keys: str, **facts: Any) -> KeptResult:
    return kept(check, "fail", keys=keys or ("public.a",), words="Off on public.a.", **facts)


def again(*results: KeptResult, verdict: str = "GO", **policy: Any) -> Replayed:
    about = {"run_id": "r", "started_at": AT, "partial": False, "finished": True, "unconfirmed": False}
    return decide_again(Decision(**about, verdict=verdict, results=results), Policy.model_validate(policy))


def test_without_a_policy_a_run_comes_out_as_it_did() -> None:
    one = again(kept(A), kept(B))
    assert (one.then, one.rules, one.now, one.is_otherwise, one.reasons) == ("GO", "GO", "GO", False, [])


@pytest.mark.parametrize(
    ("results", "then", "policy", "now", "why"),
    [
        ([failed(), kept(B)], "NO-GO", {"advisories": [A]}, "GO", f"{A}: is an advisory."),
        ([kept(A), failed(C, gate=False)], "GO", {"gates": [C]}, "NO-GO", f"{C}: is a gate, and came to fail."),
        ([failed(), kept(B)], "NO-GO", {"waivers": [WAIVER]}, "PARTIAL", f"{A}: waived by ana."),
        ([failed(counted_as=WAIVED), kept(B)], "PARTIAL", {"waivers": []}, "NO-GO", f"{A}: no waiver covers it."),
        ([kept(A, age_s=7200), kept(B)], "GO", {"max_age_h": {A: 1}}, "BLOCKED",
         f"{A}: looked at 2 h 00 min before the run's end, at most 1 h."),
        ([kept(A, age_s=7200, result="error"), kept(B)], "BLOCKED", {"max_age_h": {"default": 3}}, "GO",
         f"{A}: looked at 2 h 00 min before the run's end, within 3 h."),
        ([kept(A, provenance="embedded"), kept(B)], "REHEARSED", {"provenance": {A: ["live", "twin"]}}, "BLOCKED",
         f"{A}: passed embedded, and counts only live or twin."),
    ],
)  # fmt: skip
def test_each_rule_changes_what_it_names_and_says_why(
    results: list[KeptResult], then: str, policy: dict[str, Any], now: str, why: str
) -> None:
    one = again(*results, verdict=then, **policy)
    assert (one.rules, one.now) == (then, now)
    assert one.reasons == [why]


def test_a_waiver_covers_its_object_alone_until_its_last_day_and_what_it_hides() -> None:
    hidden = kept(B, "skip", skipped_because="not_due", see=A)
    assert again(failed(), hidden, kept(C), verdict="NO-GO", waivers=[WAIVER]).now == "PARTIAL"
    assert again(failed(A, "public.a", "public.b"), verdict="NO-GO", waivers=[WAIVER]).now == "NO-GO"
    late = {**WAIVER, "until": "2026-11-25"}
    assert again(failed(), verdict="NO-GO", waivers=[late]).now == "NO-GO"
    words = {**WAIVER, "object": "Off on public.a."}
    assert again(failed(), kept(B), verdict="NO-GO", waivers=[words]).now == "PARTIAL"


def test_what_is_too_old_to_be_a_failure_is_waived_by_nobody() -> None:
    one = again(failed(age_s=7200), kept(B), verdict="NO-GO", waivers=[WAIVER], max_age_h={"default": 1})
    assert one.now == "BLOCKED"


def test_what_another_environment_proved_still_counts() -> None:
    proved = kept(A, "skip", skipped_because="not_allowed", counted_as="live")
    assert again(proved, kept(B)).now == "GO"
    assert again(proved, kept(B), max_age_h={"default": 0.1}).now == "GO"


def test_a_run_whose_rules_have_changed_since_says_so() -> None:
    one = again(failed(), verdict="GO")
    assert one.is_otherwise
    assert one.reasons == ["What is kept of it is NO-GO by the rules of today, without any policy."]


def possible(one: KeptResult) -> KeptResult:
    """Only a failure, and what it hides, was ever waived."""
    is_odd = one.counted_as == WAIVED and one.result != "fail" and one.see is None
    return one._replace(counted_as=None) if is_odd else one


RESULTS = st.lists(
    st.builds(
        KeptResult,
        check=st.sampled_from([A, B, C, TWIN_IS_FAITHFUL.id]),
        found=st.sampled_from([one.value for one in Outcome]),
        gate=st.booleans(),
        provenance=st.sampled_from([one.value for one in Provenance]),
        result=st.sampled_from([one.value for one in Outcome]),
        skipped_because=st.sampled_from([None, *(one.value for one in SkipReason)]),
        see=st.sampled_from([None, A, B]),
        reused=st.booleans(),
        counted_as=st.sampled_from([None, WAIVED, "live"]),
    ).map(possible),
    max_size=6,
    unique_by=lambda one: one.check,
)


@given(RESULTS)
def test_the_verdict_is_that_of_the_same_pure_function(results: list[KeptResult]) -> None:
    judged: list[GateInput] = [as_counted(one) for one in results]
    expected = decide(judged, twin_proof=TWIN_IS_FAITHFUL.id).word
    assert again(*results).rules == again(*results).now == expected


@given(RESULTS)
def test_a_stricter_policy_never_makes_a_verdict_better(results: list[KeptResult]) -> None:
    order = [one.word for one in Verdict]
    one = again(*results, provenance={"default": ["live"]}, waivers=[])
    assert order.index(one.now) >= order.index(one.rules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gates: [rls.every_table_enable]", "did you mean rls.every_table_enabled?"),
        ("max_age: {default: 3}", "max_age: extra inputs are not permitted"),
        ("max_age_h: {default: -3}", "greater than 0"),
        ("provenance: {default: []}", "at least 1"),
        ("provenance: {default: [real]}", "'live', 'twin'"),
        (f"gates: [{A}]\nadvisories: [{A}]", "is among gates and advisories"),
        ("gates: [", "not valid YAML"),
    ],
)
def test_a_policy_that_says_something_else_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "strict.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        load_policy(tmp_path / "strict.yaml")
    [problem] = caught.value.problems
    assert problem.startswith("strict.yaml")
    assert said in problem


def test_an_empty_policy_changes_nothing_and_a_whole_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("")
    assert load_policy(path) == AS_IT_WAS
    path.write_text(
        f"gates: [{C}]\nprovenance: {{default: [live, twin]}}\nmax_age_h: {{{A}: 2, default: 24}}\nwaivers:\n"
        f"- {{check: {A}, object: public.a, reason: known since long, who: ana, until: '2026-12-01'}}\n"
    )
    found = load_policy(path)
    assert (found.max_age_h[A], found.waivers and found.waivers[0].who) == (2, "ana")
    assert replay([], found) == []
