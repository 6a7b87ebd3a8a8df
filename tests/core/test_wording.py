"""The one formatter: every verdict, value, time and size in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lib.core import wording
from lib.core.results import Outcome
from lib.core.verdict import Verdict


@pytest.mark.parametrize(
    ("verdict", "counts", "flags", "said"),
    [
        (
            Verdict.GO,
            {"pass": 9},
            {},
            "Ready to launch: all 9 gates passed, on the live services or on a copy shown to be like them.",
        ),
        (
            Verdict.GO,
            {"pass": 9},
            {"promoted": "proved on staging, run r, 3 h ago"},
            "Ready to launch: all 9 gates passed, here or proved on staging, run r, 3 h ago.",
        ),
        (
            Verdict.REHEARSED,
            {"pass": 1},
            {},
            "1 gate passed and none failed, but not all of them on the live services. It can't be a GO.",
        ),
        (
            Verdict.PARTIAL,
            {"pass": 9, "skip": 3},
            {"partial": True, "untried": 2},
            "9 gates passed and none failed, but 2 gates would have to write where it is not allowed and only some of the tasks "
            "ran. It can't be a GO.",
        ),
        (Verdict.NO_GO, {"pass": 7, "fail": 1}, {}, "Not ready: 1 of 8 gates failed."),
        (
            Verdict.NO_GO,
            {"fail": 2, "error": 3},
            {"partial": True},
            "Not ready: 2 of 5 gates failed, and 3 could not be determined. Only some of the tasks ran.",
        ),
        (Verdict.BLOCKED, {"pass": 7, "error": 1}, {}, "No verdict yet: 1 gate could not be determined. Unknown is not ready."),
        (Verdict.BLOCKED, {}, {}, "No verdict yet: not one gate passed. Nothing checked is not ready."),
    ],
)
def test_verdict_says_what_it_means_and_why(verdict: Verdict, counts: dict[str, int], flags: dict[str, bool], said: str) -> None:
    assert wording.verdict_sentence(verdict, counts, **flags) == said


def test_every_outcome_has_a_word_and_a_symbol_of_its_own() -> None:
    assert len({wording.outcome_word(outcome) for outcome in Outcome}) == 4
    assert len({wording.outcome_symbol(outcome) for outcome in Outcome}) == 4


def test_counts_come_worst_first_and_leave_out_none() -> None:
    assert wording.format_counts({"pass": 1204, "fail": 1, "skip": 0, "error": 2}) == "1 failed, 2 not determined, 1,204 passed"
    assert wording.format_counts({}) == "nothing was checked"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, None, "—"),
        (None, "rows", "—"),
        (True, None, "yes"),
        (0, "rows", "0 rows"),
        (1204, "rows", "1,204 rows"),
        (1.5, "ms", "1.5 ms"),
        (0.1 + 0.2, None, "0.3"),
        (60, "s", "1 min"),
        (4_096, "bytes", "4.1 kB"),
        ("", None, "(empty)"),
        ([], None, "none"),
        ({}, None, "none"),
        (["a", 2], None, "a, 2"),
        ({"ideas": 3, "votes": None}, None, "ideas: 3, votes: —"),
        ({"deep": {"x": [1]}}, None, '{"deep": {"x": [1]}}'),
        ("v2", "version", "v2 version"),
        (float("inf"), None, "inf"),
    ],
)
def test_value_reads_as_a_person_writes_it(value: Any, unit: str | None, shown: str) -> None:
    assert wording.format_value(value, unit) == shown


def test_long_value_is_cut_and_says_so() -> None:
    shown = wording.format_value("x" * 10_000_000)
    assert len(shown) < 300 and shown.endswith("(cut: 10,000,000 characters in all)")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "—"),
        (0, "0 s"),
        (0.0004, "0.4 ms"),
        (0.23, "230 ms"),
        (0.9999, "1.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (65, "1 min 05 s"),
        (7_800, "2 h 10 min"),
        (4 * 86_400, "4 d 0 h"),
    ],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert wording.format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (None, "—"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (73e6, "73 MB"),
        (5e15, "5,000 TB"),
    ],
)
def test_size(size: float | None, shown: str) -> None:
    assert wording.format_size(size) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, "—"),
        ("2026-11-23T12:45:00+01:00", "23 Nov 2026, 11:45:00 UTC"),
        ("2026-11-23T11:45:00Z", "23 Nov 2026, 11:45:00 UTC"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2 Jan 2026, 03:04:05 UTC"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5))), "2 Jan 2026, 08:04:05 UTC"),
        ("soon", "soon"),
    ],
)
def test_time_is_always_utc(moment: Any, shown: str) -> None:
    assert wording.format_time(moment) == shown


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "\\x1b]0;title\\x07after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\\x1b]8;;http://x\\x1b\\link\\x1b]8;;\\x1b\\"),
        ("a\r\nb\tc\0", "a\nb\tc\\x00"),
        ("exe.\u202efdp", "exe.\\u202efdp"),
        ("caf\u00e9 \u2713", "caf\u00e9 \u2713"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
    ],
)
def test_plain_text_holds_nothing_unseen(text: str, clean: str) -> None:
    assert wording.plain_text(text) == clean


def test_words_are_joined() -> None:
    assert [wording.join_words(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_credential_is_struck_before_a_cut_can_halve_it() -> None:
    url = "postgresql://postgres:hunter2-hunter2@db.example.com/x"
    for before in range(0, 80):
        assert "hunter2" not in wording.plain_text("x " * (before // 2) + url, limit=80)
        assert "hunter2" not in wording.plain_text("x " * (4200 + before) + url + "y" * 10_000, limit=4000)


def test_credential_is_struck_though_terminal_codes_run_through_it() -> None:
    assert "hunter2" not in wording.plain_text("postgresql://postgres:hun\x1b[1mter2-hunter2\x1b[0m@db.example.com/x")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcde"), "a, b, c, d and e"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_many_names_are_counted(names: list[str], said: str) -> None:
    assert wording.name_some(names) == said
