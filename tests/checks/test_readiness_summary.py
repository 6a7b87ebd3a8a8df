"""The run's own checks: a task that fell silent and a credential that was kept are both found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib import redact
from lib.checks.readiness_summary import judge_files, judge_results, look_for_credentials
from lib.results import Outcome

SECRET = "hunter2hunter2"
EXPECTED = {"rls": ["rls.a", "rls.b"], "seed": ["seed.a"]}


@pytest.fixture(autouse=True)
def only_known_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_known", set())
    yield


def test_every_check_with_a_result_passes() -> None:
    result = judge_results(EXPECTED, {"rls.a", "rls.b", "seed.a"}).results[0]
    assert (result.outcome, result.observed) == (Outcome.PASS, 3)


def test_a_check_without_a_result_fails_naming_it() -> None:
    result = judge_results(EXPECTED, {"rls.a", "seed.a"}).results[0]
    assert result.outcome is Outcome.FAIL
    assert "rls.b" in result.detail


def test_a_result_nobody_expected_changes_nothing() -> None:
    assert judge_results(EXPECTED, {"rls.a", "rls.b", "seed.a", "else.c"}).results[0].outcome is Outcome.PASS


def test_no_task_at_all_is_an_error() -> None:
    assert judge_results({}, {"rls.a"}).results[0].outcome is Outcome.ERROR


def test_a_kept_credential_fails_naming_the_file_but_not_the_value() -> None:
    redact.register_secrets([SECRET])
    result = judge_files({"a.json": f'{{"x": "{SECRET}"}}'.encode(), "b.txt": b"clean"}).results[0]
    assert (result.outcome, result.observed) == (Outcome.FAIL, ["a.json"])
    assert SECRET not in result.detail


def test_clean_files_pass_and_look_alikes_do_not_fire() -> None:
    redact.register_secrets([SECRET])
    assert judge_files({"a.txt": b"hunter2 and hunter2-hunter2"}).results[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    "kept",
    [
        b"see postgresql://postgres:pass-word@db.example.com/postgres",
        b"apikey: eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJlLWhlcmU",
        b"token sbp_0123456789abcdef0123",
        b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    ],
)
def test_a_credential_nobody_registered_is_found_by_its_shape(kept: bytes) -> None:
    assert judge_files({"a.txt": kept}).results[0].outcome is Outcome.FAIL


def test_words_about_credentials_and_struck_ones_are_not_credentials() -> None:
    said = b"Basic authentication, a Bearer credential; postgresql://postgres:[struck out]@127.0.0.1/x and user@example.com"
    assert judge_files({"a.txt": said}).results[0].outcome is Outcome.PASS


def test_nothing_to_read_is_an_error() -> None:
    assert judge_files({}).results[0].outcome is Outcome.ERROR


def test_files_of_the_same_name_are_each_read(tmp_path: Path) -> None:
    redact.register_secrets([SECRET])
    files = {"run/artifacts/health/a.json": SECRET, "run/artifacts/seed/a.json": "clean", "work/a.json": "clean"}
    for place, text in files.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        path.write_text(text)
    nowhere: Any = None
    [result] = look_for_credentials(nowhere, folder=tmp_path / "run", beside=tmp_path / "work").results
    assert (result.outcome, result.observed) == (Outcome.FAIL, ["run/artifacts/health/a.json"])
