"""What a rehearsal could not record is in no count, and the sentence about every migration is then no pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lib.clients.postgres.fidelity import Fidelity
from lib.clients.supabase.migration_files import MigrationSet
from lib.core.permissions import Refusal
from lib.core.results import Outcome, Result
from lib.tasks.migrations.apply import ApplyFailure
from lib.tasks.migrations.judge import judge_history
from lib.tasks.migrations.judge_locks import judge_background, judge_locks
from lib.tasks.migrations.judge_push import plan_push
from lib.tasks.migrations.judge_rehearsal import judge_rollbacks, judge_with_rows
from lib.tasks.migrations.recordings import Lock, Recording
from lib.tasks.migrations.rehearsal import FirstPass, Rehearsal
from lib.tasks.migrations.rollbacks import TriedRollback
from lib.tasks.migrations.scale_rows import Filled
from lib.tasks.migrations.scaled_pass import ScaledPass

A, B = "1_a.sql", "2_b.sql"
SAME = Fidelity(target_version="17.6", twin_version="17.6", compared={}, divergences=())


def failure(file: str, sqlstate: str = "23502") -> ApplyFailure:
    return ApplyFailure(file=file, index=0, statement="alter table", line=1, sqlstate=sqlstate, said="no")


def lock(*, rows: int = 9, table: str = "public.notes") -> Lock:
    return Lock(table=table, mode="AccessExclusive", index=0, line=1, held_ms=1.0, rows=rows, is_new=False, patience_s=2)


def recording(file: str, *, failed: ApplyFailure | None = None, locks: tuple[Lock, ...] = (lock(),)) -> Recording:
    return Recording(
        migration=file, scale=1, time_ms=1.0, failure=failed, locks=locks, waits=(), tables_with_rows=1, background=5, refused={}
    )


def rehearsal(
    *recordings: Recording,
    applied: tuple[str, ...] = (A, B),
    fills: tuple[Filled, ...] = (),
    target_has_rows: bool = False,
    seed_problem: str = "",
) -> Rehearsal:
    stopped = None if applied == (A, B) else failure(B)
    rollbacks = tuple(TriedRollback(migration=name, found=True) for name in applied)
    return Rehearsal(
        files=(A, B), from_nothing=False, missing=(), target_before={},
        target_has_rows=target_has_rows, seed_problem=seed_problem,
        first=FirstPass(applied=applied, failure=stopped, before={}, after={}, rollbacks=rollbacks),
        scaled=(ScaledPass(scale=1, recordings=recordings or (recording(A), recording(B)), fills=fills),), twin=SAME,
    )  # fmt: skip


def judge(seen: Rehearsal) -> dict[str, Result]:
    """Return what the checks of recorded files come to."""
    findings = [judge_locks(seen, limit_ms=200), judge_background(seen, limit_ms=2000), judge_rollbacks(seen, since="")]
    results = [*(one for found in findings for one in found.results), judge_with_rows(seen)]
    return {one.check.removeprefix("migrations."): one for one in results}


def see(results: dict[str, Result]) -> dict[str, str | None]:
    return {check: one.see for check, one in results.items() if one.outcome is not Outcome.PASS}


LOCKS, WAITS, ROWS, BACK = (
    "no_long_exclusive_lock",
    "background_work_not_blocked",
    "applies_with_rows",
    "rollbacks_restore_schema",
)


def test_every_file_recorded_passes() -> None:
    results = judge(rehearsal())
    assert see(results) == {}
    assert (results[BACK].observed, results[BACK].expected) == (2, 2)
    assert (results[ROWS].observed, results[ROWS].expected) == (2, 2)


def test_files_after_one_that_failed_hide_every_sentence_about_all() -> None:
    results = judge(rehearsal(recording(A), applied=(A,)))
    assert see(results) == dict.fromkeys((LOCKS, WAITS, BACK, ROWS), "migrations.applies_on_twin")
    for one in results.values():
        assert (one.observed, one.expected) == (1, 2)
        assert B in one.detail


def test_a_file_that_the_work_of_others_ended_hides_its_locks() -> None:
    seen = rehearsal(recording(A), recording(B, failed=failure(B, "40P01")), recording(B, locks=()))
    results = judge(seen)
    assert results[WAITS].outcome is Outcome.FAIL
    assert (results[LOCKS].see, results[ROWS].see) == ("migrations.background_work_not_blocked",) * 2


@pytest.mark.parametrize(("has_rows", "hidden"), [(True, "migrations.applies_on_twin"), (False, None)])
def test_a_file_that_rows_break_hides_its_locks_where_the_target_has_rows(has_rows: bool, hidden: str | None) -> None:
    seen = rehearsal(recording(A), recording(B, failed=failure(B)), recording(B, locks=(lock(rows=0),)), target_has_rows=has_rows)
    results = judge(seen)
    assert results[ROWS].outcome is Outcome.FAIL
    assert results[LOCKS].see == hidden
    if not has_rows:  # then no table of the launch has rows, and nobody can be blocked
        assert results[LOCKS].outcome is Outcome.PASS
        assert "The target holds no row, and on rows 2_b.sql fails" in results[LOCKS].detail


def test_files_that_a_scale_never_came_to_are_not_recorded() -> None:
    results = judge(rehearsal(recording(A, failed=failure(A)), recording(A, failed=failure(A))))
    assert results[LOCKS].see == "migrations.applies_with_rows"
    assert f"After a file that failed: {B}." in results[LOCKS].detail


def test_a_locked_table_that_could_not_be_filled_is_an_error_and_one_without_seed_rows_is_named() -> None:
    empty = (recording(A), recording(B, locks=(lock(rows=0, table="public.tags"),)))
    unfilled = judge(rehearsal(*empty, fills=(Filled(table="public.tags", rows=0, problem="it did not fit"),)))
    assert {unfilled[check].outcome for check in (LOCKS, WAITS, ROWS)} == {Outcome.ERROR}
    assert "public.tags (it did not fit)" in unfilled[LOCKS].detail
    named = judge(rehearsal(*empty))
    assert named[LOCKS].outcome is Outcome.PASS
    assert "The seed has no row for public.tags." in named[LOCKS].detail


def test_half_a_seed_is_an_error() -> None:
    assert judge(rehearsal(seed_problem="b.sql could not be loaded"))[LOCKS].outcome is Outcome.ERROR


def test_a_long_lock_is_found_beside_what_was_not_recorded() -> None:
    seen = rehearsal(recording(A, locks=(replace(lock(), held_ms=9000.0),)), applied=(A,))
    assert judge(seen)[LOCKS].outcome is Outcome.FAIL


@pytest.mark.parametrize(("unfit", "cause"), [(("b.sql",), "migrations.names_are_valid"), ((), None)], ids=["skipped", "clean"])
def test_a_file_that_no_push_applies_is_still_left(unfit: Sequence[str], cause: str | None) -> None:
    migrations = MigrationSet(files=(), unfit=tuple(unfit), rollbacks={})
    left = plan_push([], Refusal(reason="No.", fix=""), migrations).results[2]
    assert (left.outcome is Outcome.PASS, left.see) == (cause is None, cause)


def test_two_files_of_one_applied_version_hide_the_drift() -> None:
    result = judge_history([], [], [], 2, shared=["1_a.sql", "1_b.sql"])
    assert (result.outcome, result.see) == (Outcome.SKIP, "migrations.versions_are_unique")
    assert judge_history(["0"], [], [], 2, shared=["1_a.sql"]).outcome is Outcome.FAIL
