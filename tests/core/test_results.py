"""What a check says of itself, and where a look at its subject is performed."""

from __future__ import annotations

import pytest

from lib.core.permissions import Refusal
from lib.core.results import PROJECT, RUN, TWIN, Check, Outcome, Provenance, SkipReason, find_provenance, least_real

CHECK = Check("task.it_holds", "It holds", subject="mail", fix="Do it.")


def test_a_skip_says_which_of_the_three_reasons_it_has() -> None:
    refusal = Refusal(reason="Not here.", fix="Allow it.")
    found = [CHECK.not_applicable("None."), CHECK.not_due("Nothing."), CHECK.not_allowed(refusal)]
    assert [one.skipped_because for one in found] == list(SkipReason)
    assert {one.outcome for one in found} == {Outcome.SKIP}
    assert (found[2].detail, found[2].fix) == ("Not here.", ("Allow it.",))


def test_what_another_check_hides_names_it() -> None:
    hidden = CHECK.hidden_by("task.cause", "Two of them.")
    assert (hidden.see, hidden.detail, hidden.fix) == ("task.cause", "Two of them. See task.cause.", ("Fix task.cause first.",))


@pytest.mark.parametrize(
    ("subject", "known", "where"),
    [
        (PROJECT, {}, Provenance.LIVE),
        (RUN, {"database": Provenance.EMBEDDED}, Provenance.LIVE),
        ("mail", {"mail": Provenance.LIVE}, Provenance.LIVE),
        ("mail", {"database": Provenance.LIVE}, Provenance.SIMULATED),
        (TWIN, {"database": Provenance.LIVE}, Provenance.TWIN),
        (TWIN, {"database": Provenance.EMBEDDED}, Provenance.EMBEDDED),
        (TWIN, {}, Provenance.SIMULATED),
    ],
)
def test_where_a_subject_is_looked_at(subject: str, known: dict[str, Provenance], where: Provenance) -> None:
    assert find_provenance(subject, known) is where


def test_the_least_real_counts() -> None:
    assert least_real([Provenance.LIVE, Provenance.TWIN]) is Provenance.TWIN
    assert least_real([Provenance.SIMULATED, Provenance.TWIN, Provenance.EMBEDDED]) is Provenance.SIMULATED
    assert least_real([]) is None
