"""What a target's names, times and digests say of a credential, and what they cannot show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.clients.fly.digest_notes import LastSynced
from lib.clients.vault.declared import Declared
from lib.clients.vault.folder import VaultValue
from lib.clients.vault.vault_copy import VaultCopy, is_placeholder, shared_values
from lib.core.results import Outcome
from lib.tasks.credentials.drift import Actual, Drift, State, compare
from lib.tasks.credentials.judge import TargetChecks, judge_apart, judge_rotation, judge_target
from lib.tasks.credentials.sync import plan_steps
from lib.tasks.credentials.task import (
    GITHUB_AS_NEW_AS_VAULT,
    GITHUB_HAS_EVERY_CREDENTIAL,
    GITHUB_HAS_NOTHING_UNDECLARED,
)

NOON = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
GITHUB = TargetChecks(
    title="GitHub",
    every_credential=GITHUB_HAS_EVERY_CREDENTIAL,
    nothing_undeclared=GITHUB_HAS_NOTHING_UNDECLARED,
    as_new_as_vault=GITHUB_AS_NEW_AS_VAULT,
    age_unknown="it has no time.",
    age_fix="Set it again.",
)
WORDS = ["changeme", "your-api-key", "null", "xxx"]


def drift(actual: list[Actual], *, declared: tuple[str, ...] = ("A_KEY",), any_case: bool = True, **more: object) -> list[Drift]:
    given = {"vault": {"A_KEY": NOON}, "allowed": ["OWN_TOKEN"], **more}
    return compare(declared, actual, where="repository", any_case=any_case, **given)  # type: ignore[arg-type]


def states(drifts: list[Drift]) -> dict[str, State]:
    return {one.name: one.state for one in drifts}


@pytest.mark.parametrize(
    ("actual", "state"),
    [
        (Actual(name="A_KEY", updated_at=NOON + HOUR), State.CURRENT),
        (Actual(name="a_key", updated_at=NOON + HOUR), State.CURRENT),
        (Actual(name="A_KEY", updated_at=NOON.replace(microsecond=0)), State.CURRENT),
        (Actual(name="A_KEY", updated_at=NOON - timedelta(seconds=2)), State.OLDER),
        (Actual(name="A_KEY", digest="d1"), State.UNKNOWN),
    ],
)
def test_a_copy_is_as_old_as_its_time_says(actual: Actual, state: State) -> None:
    assert states(drift([actual])) == {"A_KEY": state}


@pytest.mark.parametrize(
    ("digest", "changed_at", "state"),
    [("d1", NOON, State.CURRENT), ("d1", NOON - HOUR, State.OLDER), ("d2", NOON, State.CHANGED)],
)
def test_a_digest_says_what_the_last_sync_noted(digest: str, changed_at: datetime, state: State) -> None:
    last_synced = {"A_KEY": LastSynced(digest="d1", changed_at=changed_at)}
    assert states(drift([Actual(name="A_KEY", digest=digest)], last_synced=last_synced)) == {"A_KEY": state}


def test_what_nobody_declared_is_reported_and_what_is_allowed_is_not_a_finding() -> None:
    found = drift([Actual(name="A_KEY", updated_at=NOON + HOUR), Actual(name="OLD_TOKEN"), Actual(name="own_token")])
    assert states(found) == {"A_KEY": State.CURRENT, "OLD_TOKEN": State.UNDECLARED, "own_token": State.ALLOWED}


def test_another_spelling_on_fly_is_one_finding_not_two() -> None:
    found = drift([Actual(name="a_key", digest="d")], any_case=False)
    assert states(found) == {"A_KEY": State.MISSING}
    assert found[0].note == "it is spelled a_key there"


def test_a_copy_of_what_the_vault_lacks_is_not_judged_by_age() -> None:
    assert states(drift([Actual(name="A_KEY", updated_at=NOON)], vault={})) == {"A_KEY": State.NOT_IN_VAULT}


def outcomes(drifts: list[Drift]) -> list[Outcome]:
    return [result.outcome for result in judge_target(GITHUB, drifts)]


def test_each_kind_of_drift_fails_its_own_check_alone() -> None:
    good = Actual(name="A_KEY", updated_at=NOON + HOUR)
    two = {"vault": {"A_KEY": NOON, "B_KEY": NOON}, "declared": ("A_KEY", "B_KEY")}
    clean, fail = Outcome.PASS, Outcome.FAIL
    assert outcomes(drift([good])) == [clean, clean, clean]
    assert outcomes(drift([good, Actual(name="OWN_TOKEN")])) == [clean, clean, clean]
    assert outcomes(drift([good], **two)) == [fail, clean, Outcome.SKIP]
    assert outcomes(drift([good, Actual(name="MORE")])) == [clean, fail, clean]
    assert outcomes(drift([Actual(name="A_KEY", updated_at=NOON - HOUR)])) == [clean, clean, fail]


def test_a_copy_that_is_missing_or_that_the_vault_lacks_hides_the_age_and_names_the_cause() -> None:
    good = Actual(name="A_KEY", updated_at=NOON + HOUR)
    missing = judge_target(GITHUB, drift([good], vault={"A_KEY": NOON, "B_KEY": NOON}, declared=("A_KEY", "B_KEY")))[2]
    assert (missing.see, missing.observed, missing.expected) == (GITHUB.every_credential.id, 1, 2)
    there = Actual(name="B_KEY", updated_at=NOON + HOUR)
    drifts = drift([good, there], vault={"A_KEY": NOON}, declared=("A_KEY", "B_KEY"))
    assert judge_target(GITHUB, drifts)[2].see == "credentials.every_value_in_vault"
    assert (
        judge_target(GITHUB, drifts, {"B_KEY": "credentials.no_placeholder_values"})[2].see == "credentials.no_placeholder_values"
    )


def test_a_secret_in_other_capitals_is_no_pass_of_what_nobody_declared() -> None:
    results = judge_target(GITHUB, drift([Actual(name="a_key", digest="d")], any_case=False))
    assert (results[0].outcome, results[1].outcome, results[1].see) == (Outcome.FAIL, Outcome.SKIP, GITHUB.every_credential.id)


def test_what_is_allowed_without_being_declared_is_named() -> None:
    found = judge_target(GITHUB, drift([Actual(name="A_KEY", updated_at=NOON + HOUR), Actual(name="OWN_TOKEN")]))[1]
    assert found.detail.endswith("Allowed without being declared: OWN_TOKEN.")


def test_an_unknown_age_is_a_skip_and_never_a_pass() -> None:
    assert outcomes(drift([Actual(name="A_KEY", digest="d")])) == [Outcome.PASS, Outcome.PASS, Outcome.SKIP]


def test_nothing_declared_is_an_error_and_so_is_nothing_to_compare() -> None:
    assert outcomes(drift([Actual(name="MORE")], declared=())) == [Outcome.ERROR] * 3
    assert outcomes(drift([])) == [Outcome.FAIL, Outcome.PASS, Outcome.ERROR]


def test_a_plan_sets_what_differs_and_removes_nothing() -> None:
    found = drift([Actual(name="A_KEY", updated_at=NOON + HOUR), Actual(name="MORE")], declared=("A_KEY", "B_KEY"))
    assert [(step.name, step.target) for step in plan_steps([("github_repository", one) for one in found])] == [
        ("B_KEY", "github_repository")
    ]


PASSPHRASES = [
    "correct-horse-battery-staple",
    "sk_live_4fj3kd8",
    "sb_publishable_abcdefgh",
    "my4tokenhere",
    "fo1-0000",
    "a.b.c.d",
]


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "CHANGE_ME!",
        "<token>",
        "${TOKEN}",
        "{{ token }}",
        "your api key",
        "xxx",
        "******",
        "00000000",
        "abc12",
        " \n",
        "NULL",
        "your_chatwoot_token_here",
        "your-token-here",
        "insert-api-key",
        "Put your key here",
        "replace_with_real_password",
        "example-webhook-key",
        "sk_live_xxxxxxxx",
        "ghp_XXXXXXXXXXXXXXXX",
    ],
)
def test_a_placeholder_is_known(value: str) -> None:
    assert is_placeholder(value, WORDS)


@pytest.mark.parametrize("value", ["changeme-7f3a9c", "s3cr3t-real-one", "a<b>c<d", "{not a template", "aaaaab", *PASSPHRASES])
def test_a_value_that_only_looks_like_one_is_let_pass(value: str) -> None:
    assert not is_placeholder(value, WORDS)


def copy(**values: str) -> VaultCopy:
    declared = [
        Declared(name=name, place=name, needed_by=("fly",), max_age=HOUR, may_be_shared=name == "SHARED")
        for name in ("ONE", "TWO", "SHARED")
    ]
    found = {name: VaultValue(place=name, value=value, changed_at=NOON) for name, value in values.items()}
    return VaultCopy(declared=tuple(declared), values=found)


def test_one_value_in_two_environments_is_found_whatever_its_name() -> None:
    staging, production = copy(ONE="same-same-1", TWO="other-1"), copy(ONE="other-2", TWO="same-same-1\n")
    assert shared_values({"staging": staging, "production": production}, WORDS) == [("staging", "ONE", "production", "TWO")]


def test_placeholders_shared_ones_and_twice_in_one_environment_are_no_finding() -> None:
    first = copy(ONE="changeme", TWO="twice-twice", SHARED="of-all-of-them")
    second = copy(ONE="changeme", TWO="else-else-2", SHARED="of-all-of-them")
    assert shared_values({"a": first, "b": second}, WORDS) == []
    assert shared_values({"a": copy(ONE="twice-twice", TWO="twice-twice")}, WORDS) == []


def test_a_credential_is_overdue_by_its_own_age() -> None:
    held = copy(ONE="real-real-1", TWO="changeme")
    assert [one.name for one in held.overdue(NOON + HOUR + timedelta(seconds=1), WORDS)] == ["ONE"]
    assert held.overdue(NOON + HOUR, WORDS) == []


def test_a_value_without_a_time_is_no_credential_that_was_rotated_in_time() -> None:
    held = copy(ONE="real-real-1", TWO="real-real-2", SHARED="real-real-3")
    assert judge_rotation(held, WORDS, NOON).outcome is Outcome.PASS
    dateless = {**held.values, "TWO": VaultValue(place="TWO", value="real-real-2", changed_at=None)}
    result = judge_rotation(VaultCopy(declared=held.declared, values=dateless), WORDS, NOON)
    assert (result.outcome, result.observed, result.expected) == (Outcome.ERROR, 2, 3)
    assert "when TWO last changed" in result.detail


def test_environments_are_apart_only_when_each_has_values() -> None:
    full, other = copy(ONE="a-value-1", TWO="a-value-2", SHARED="both-both"), copy(ONE="b-value-1", TWO="", SHARED="both-both")
    passed = judge_apart([], {"local": full, "staging": other}, "local", WORDS)
    assert (passed.outcome, passed.observed, passed.expected) == (Outcome.PASS, 2, 2)
    assert passed.detail.endswith("Shared, as declared: SHARED. Not there yet: TWO of staging.")
    hidden = judge_apart([], {"local": other, "staging": full}, "local", WORDS)
    assert (hidden.outcome, hidden.see) == (Outcome.SKIP, "credentials.every_value_in_vault")
    empty = judge_apart([], {"local": full, "staging": full, "production": copy()}, "local", WORDS)
    assert (empty.outcome, empty.observed, empty.expected) == (Outcome.ERROR, 2, 3)


def test_no_value_is_in_any_repr() -> None:
    assert "real-real-1" not in repr(copy(ONE="real-real-1"))
