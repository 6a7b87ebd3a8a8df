"""pgTAP's results as JUnit: each test a case, what proves nothing is skipped, a file that broke is an error."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lib.tasks.rls.pgtap_junit import format_pgtap
from lib.tasks.rls.tap_output import TapFile, TapRun, read_run


def file_of(*lines: str, error: str = "", counted: int | None = None) -> TapFile:
    tests = sum(line.startswith(("ok", "not ok")) for line in lines)
    run = TapRun(counted=tests if counted is None else counted, error=error, duration_s=0.25)
    run.print(list(lines))
    return read_run("supabase/tests/one.sql", run)


def counts(text: str) -> dict[str, str]:
    root = ElementTree.fromstring(text.encode())
    return {word: root.attrib[word] for word in ("tests", "failures", "errors", "skipped")}


def outcomes(text: str) -> dict[str, str]:
    cases = ElementTree.fromstring(text.encode()).iter("testcase")
    return {str(case.get("name")): ",".join(part.tag for part in case) for case in cases}


def test_each_test_is_a_case_of_its_files_suite() -> None:
    text = format_pgtap([file_of("1..2", "ok 1 - one", "not ok 2 - two"), file_of("1..1", "ok 1 - three")])
    assert outcomes(text) == {"1 - one": "", "2 - two": "failure", "1 - three": ""}
    assert counts(text) == {"tests": "3", "failures": "1", "errors": "0", "skipped": "0"}
    assert ElementTree.fromstring(text.encode())[0].attrib["time"] == "0.250"


def test_what_proves_nothing_is_skipped() -> None:
    text = format_pgtap([file_of("1..3", "ok 1 # SKIP no", "not ok 2 - two # TODO later", "ok 3 - three")])
    assert [*outcomes(text).values()] == ["skipped", "skipped", ""]
    assert "still to do, and failing" in text


@pytest.mark.parametrize(
    ("lines", "error", "said"),
    [
        (("1..2", "ok 1 - one"), "", "planned 2 tests and ran 1"),
        (("1..1", "ok 1 - one"), "one.sql:3: no", "broke after"),
        ((), "", "ran no test"),
    ],
)
def test_a_file_that_did_not_run_to_its_end_is_an_error(lines: tuple[str, ...], error: str, said: str) -> None:
    text = format_pgtap([file_of(*lines, error=error)])
    assert outcomes(text)["the file runs to its end"] == "error" and said in text
    assert counts(text)["errors"] == "1"


def test_a_hostile_name_stays_text() -> None:
    text = format_pgtap([file_of("1..1", 'not ok 1 - </testcase>"\x01\ufffe &amp; <x>')])
    assert len(outcomes(text)) == 1 and counts(text)["failures"] == "1"


def test_a_credential_in_a_name_is_withheld() -> None:
    assert "hunter2" not in format_pgtap([file_of("1..1", "not ok 1 - postgresql://u:hunter2hunter2@db.example.com/x")])
