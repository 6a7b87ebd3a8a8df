"""A fact is what a line states: every forged word of it is found, and nothing of the looking counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.results import Check, Outcome, Provenance, SkipReason
from lib.evidence.fact import MEASURED, STATED, digest_fact, is_same_fact, state_fact
from lib.evidence.log import EvidenceLine, ReusedFrom, line_of

CHECK = Check(id="rls.every_table_enabled", title="Row level security is on for every table", subject="database")
WHEN = datetime(2026, 11, 23, 11, 45, tzinfo=UTC)
FORGED: Mapping[str, Any] = {
    "objects": ("public.orders",),
    "check": "rls.no_policy_without_rls",
    "result": Outcome.FAIL,
    "skipped_because": SkipReason.NOT_DUE,
    "see": "seed.found",
    "gate": False,
    "subject": "project",
    "provenance": Provenance.LIVE,
    "observed": 1,
    "expected": {"tables": 7},
    "unit": "rows",
}
OF_THE_LOOKING: Mapping[str, Any] = {
    "run_id": "20261124T114500Z-abcd",
    "project": "other",
    "environment": "staging",
    "task": "seed",
    "detail": "The control was held up for 3 ms.",
    "fix": ("look",),
    "command": "pg_dump --port 5432",
    "exit_code": 0,
    "started_at": WHEN + timedelta(hours=3),
    "duration_s": 9.0,
    "artifacts": (),
    "faults": None,
    "reused_from": ReusedFrom(run_id="a", looked_at=WHEN),
    "again": "python -m lib look it",
    "as_of": WHEN,
    "schema_version": 9,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def line(**facts: Any) -> EvidenceLine:
    given = {"observed": 0, "expected": 0, "unit": "tables", **facts}
    return line_of(
        CHECK.passed(**given),
        CHECK,
        run_id="20261123T114500Z-abcd",
        environment="local",
        provenance=Provenance.EMBEDDED,
        started_at=WHEN,
        duration_s=0.5,
    )


@pytest.mark.parametrize("key", FORGED)
def test_every_forged_word_of_a_fact_is_found(key: str) -> None:
    forged = line().model_copy(update={key: FORGED[key]})
    assert digest_fact(forged, measured=False) != digest_fact(line(), measured=False)
    assert not is_same_fact([line()], [forged], measured=False)


@pytest.mark.parametrize("key", OF_THE_LOOKING)
def test_nothing_of_the_looking_counts(key: str) -> None:
    other = line(detail="as it was").model_copy(update={key: OF_THE_LOOKING[key]})
    assert is_same_fact([line()], [other], measured=False)


def test_every_key_of_a_line_is_stated_or_is_of_the_looking() -> None:
    assert FORGED.keys() == STATED
    assert EvidenceLine.model_fields.keys() - STATED <= OF_THE_LOOKING.keys()


def test_a_measured_figure_may_differ_and_nothing_else() -> None:
    assert is_same_fact([line(observed=12.1)], [line(observed=13.7)], measured=True)
    assert not is_same_fact([line(observed=12.1)], [line(observed=13.7)], measured=False)
    for key in FORGED.keys() - MEASURED:
        assert not is_same_fact([line()], [line().model_copy(update={key: FORGED[key]})], measured=True), key


def test_a_line_more_or_none_at_all_is_never_the_same() -> None:
    assert not is_same_fact([line(), line()], [line()], measured=False)
    assert not is_same_fact([], [], measured=False)
    assert is_same_fact([line(observed=1), line()], [line(), line(observed=1)], measured=False)


@given(JSON, JSON)
def test_two_observations_have_one_digest_only_when_they_are_the_same_json(one: Any, other: Any) -> None:
    first, second = (line().model_copy(update={"observed": value}) for value in (one, other))
    same = state_fact(first, measured=False) == state_fact(second, measured=False)
    assert same or digest_fact(first, measured=False) != digest_fact(second, measured=False)


@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_keys_does_not_count(observed: dict[str, Any]) -> None:
    turned = dict(reversed(observed.items()))
    first, second = (line().model_copy(update={"observed": value}) for value in (observed, turned))
    assert digest_fact(first, measured=False) == digest_fact(second, measured=False)
