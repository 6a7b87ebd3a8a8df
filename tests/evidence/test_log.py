"""Evidence survives being cut off, being written by many at once, and hostile content."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.core import redact
from lib.core.known_secrets import Needles
from lib.core.paths import ROOT
from lib.core.results import Check, Provenance
from lib.evidence.log import (
    FILE,
    EvidenceLine,
    append_bytes,
    append_line,
    as_bytes,
    evidence_schema,
    keep_artifact,
    line_of,
    read_evidence,
    read_log,
)

CHECK = Check(id="rls.every_table_enabled", title="Row level security is on for every table")


def line(**facts: object) -> EvidenceLine:
    result = CHECK.passed(**facts)
    return line_of(
        result,
        CHECK,
        run_id="20261123T114500Z-abcd",
        environment="local",
        provenance=Provenance.EMBEDDED,
        started_at=datetime(2026, 11, 23, 11, 45, tzinfo=UTC),
        duration_s=0.5,
    )


def test_lines_come_back_as_they_went_in(tmp_path: Path) -> None:
    written = [line(observed=n, expected=[1, {"a": None}]) for n in range(3)]
    for one in written:
        append_line(tmp_path, one)
    assert read_evidence(tmp_path) == written


def test_a_run_without_evidence_has_none(tmp_path: Path) -> None:
    assert read_evidence(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_cut_off_by_a_kill_loses_nothing_before_it(tmp_path: Path, cut: int) -> None:
    for _ in range(2):
        append_line(tmp_path, line())
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_evidence(tmp_path) == [line()] * (2 if cut == 1 else 1), "without its end of line alone, it is whole"


def test_a_torn_line_costs_that_line_alone_and_is_told(tmp_path: Path) -> None:
    for n in range(3):
        append_line(tmp_path, line(observed=n))
    path = tmp_path / FILE
    first, second, third = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + second[:50] + b"\n\0\xff\n" + third + b"\n")
    read = read_log(tmp_path)
    assert [one.observed for one in read.lines] == [0, 2]
    assert read.torn == (f"{FILE}, line 2", f"{FILE}, line 3")


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_what_follows_a_torn_line_begins_on_a_line_of_its_own(tmp_path: Path, cut: int) -> None:
    append_line(tmp_path, line(observed="first"))
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    append_line(tmp_path, line(observed="second"))
    assert "second" in [one.observed for one in read_log(tmp_path).lines]
    assert len(read_log(tmp_path).torn) == (cut > 1), "a line that lacks its end alone is whole"


def test_what_the_folder_cant_take_is_kept_beside_and_read_once(tmp_path: Path) -> None:
    closed, spare = tmp_path / "closed", tmp_path / "spare.jsonl"
    closed.mkdir()
    append_line(closed, line(observed=1), spare=spare)
    (closed / FILE).rename(closed / "was")
    (closed / FILE).mkdir()  # no file can be written there
    other = line(observed=2).model_copy(update={"check": "rls.other"})
    append_line(closed, other, spare=spare)
    with pytest.raises(OSError, match="directory"):
        append_line(closed, line(observed=3))
    (closed / FILE).rmdir()
    (closed / "was").rename(closed / FILE)
    spare.write_bytes((closed / FILE).read_bytes() + spare.read_bytes())
    assert [one.observed for one in read_log(closed, spare=spare).lines] == [1, 2]


def test_an_early_line_counts_until_its_final_one_is_there(tmp_path: Path) -> None:
    spare = tmp_path / "spare.jsonl"
    for n in (1, 2):
        append_bytes(spare, as_bytes(line(observed=n)))
    assert [one.observed for one in read_log(tmp_path, spare=spare).lines] == [2]
    append_line(tmp_path, line(observed=3), spare=spare)
    assert [one.observed for one in read_log(tmp_path, spare=spare).lines] == [3]


def test_short_writes_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    append_line(tmp_path, line(observed="x" * 500))
    keep_artifact(tmp_path, "rls", "a.txt", "y" * 500)
    monkeypatch.undo()
    assert [one.observed for one in read_evidence(tmp_path)] == ["x" * 500]
    assert (tmp_path / "artifacts/rls/a.txt").read_text() == "y" * 500


def test_lines_of_many_writers_stay_whole(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: append_line(tmp_path, line(observed="x" * 5000 + str(n))), range(100)))
    assert {one.observed[5000:] for one in read_evidence(tmp_path)} == {str(n) for n in range(100)}


def test_credentials_are_struck_before_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", Needles())
    redact.register_secrets(["hunter2hunter2"])
    result = CHECK.failed(observed={"a": "hunter2hunter2"}, detail="saw hunter2hunter2", command="psql hunter2hunter2")
    append_line(
        tmp_path,
        line_of(
            result,
            CHECK,
            run_id="r",
            environment="e",
            provenance=Provenance.LIVE,
            started_at=datetime.now(UTC),
            duration_s=0,
        ),
    )
    keep_artifact(tmp_path, "rls", "a.json", {"x": "hunter2hunter2"})
    keep_artifact(tmp_path, "rls", "b.txt", "hunter2hunter2")
    assert all(b"hunter2" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", "a/b", ".hidden"])
def test_an_artifact_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not an artifact"):
        keep_artifact(tmp_path, "rls", name, "x")


def test_a_line_of_an_older_workbook_stays_readable(tmp_path: Path) -> None:
    older = {
        "run_id": "r", "environment": "staging", "task": "rls", "check": "rls.x", "result": "skip", "gate": True,
        "provenance": "live", "detail": "Not asked. Next: Ask.", "started_at": "2026-11-20T00:00:00Z", "duration_s": 1.0,
    }  # fmt: skip
    (tmp_path / FILE).write_text(json.dumps(older) + "\n")
    [read] = read_evidence(tmp_path)
    assert (read.schema_version, read.project, read.subject, read.skipped_because) == (1, "", "", None)
    assert (read.detail, read.fix) == ("Not asked.", ("Ask.",))
    assert read.judged.is_untried, "a skip that does not say why is never taken for a pass"


def test_the_schema_kept_in_the_repository_is_the_models() -> None:
    kept = json.loads((ROOT / "lib" / "evidence" / "evidence.schema.json").read_text())
    assert kept == evidence_schema()


def test_a_line_from_before_there_was_a_fix_is_read_with_one(tmp_path: Path) -> None:
    append_line(tmp_path, line())
    data = json.loads((tmp_path / FILE).read_text())
    del data["fix"]
    data["detail"] = "It said no. Next: ask again."
    (tmp_path / FILE).write_text(json.dumps(data) + "\n")
    [old] = read_evidence(tmp_path)
    assert (old.detail, old.fix) == ("It said no.", ("ask again.",))
