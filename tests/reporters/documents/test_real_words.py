"""Commands as asked, beside those that were run: read from the run's own outputs, never from a list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.core.results import Outcome, Provenance
from lib.evidence.log import EvidenceLine, keep_artifacts, line_of
from lib.reporters.documents.real_words import ASKED, find_real_words, words_rows, words_table
from lib.tasks.index import every_check

OUTPUTS: dict[str, dict[str, Any]] = {
    "seed": {"push.txt": "$ supabase db push '--remote=x' --yes --include-seed\nSeeding\n"},
    "rls": {"pgtap.junit.xml": "<testsuites/>\n"},
    "deploy_rehearsal": {"deploy.txt": "$ flyctl deploy --app x --config fly.toml --image y:z --strategy rolling\n"},
}


def lines_of(folder: Path, outputs: dict[str, dict[str, Any]], outcome: Outcome = Outcome.PASS) -> list[EvidenceLine]:
    lines = []
    for one in ASKED:
        check = every_check()[one.check]
        kept = keep_artifacts(folder, check.task, outputs.get(check.task, {}))
        result = check.passed() if outcome is Outcome.PASS else check.failed(detail="no", fix="do")
        about: dict[str, Any] = {"run_id": "r", "environment": "local", "provenance": Provenance.EMBEDDED, "duration_s": 1}
        lines.append(line_of(result, check, **about, started_at=datetime(2026, 11, 24, tzinfo=UTC), artifacts=kept))
    return lines


def test_each_command_is_told_as_it_was_run(tmp_path: Path) -> None:
    assert {one.asked: one.run for one in find_real_words(tmp_path, lines_of(tmp_path, OUTPUTS))} == {
        "supabase db seed": "supabase db push --include-seed",
        "supabase test db": "each test file, statement by statement",
        "fly deploy --env production": "flyctl deploy --config fly.toml --image y:z --strategy rolling",
    }


def test_where_docker_is_the_command_itself_is_told(tmp_path: Path) -> None:
    outputs = {"rls": {**OUTPUTS["rls"], "test_db.txt": "$ supabase test db '--remote=x' --agent no\nResult: PASS\n"}}
    [_, found, _] = find_real_words(tmp_path, lines_of(tmp_path, outputs))
    assert (found.run, found.output) == ("supabase test db", "artifacts/rls/test_db.txt")


def test_what_was_not_run_is_not_claimed(tmp_path: Path) -> None:
    found = find_real_words(tmp_path, lines_of(tmp_path, {}, Outcome.FAIL))
    assert {(row["run in its place"], row["result"], row["evidence"]) for row in words_rows(found)} == {
        ("nothing in this run", "failed", "none")
    }
    assert find_real_words(tmp_path, []) == [] and words_table(tmp_path, [], tmp_path).startswith("None of their tasks")


def test_the_table_links_to_the_evidence(tmp_path: Path) -> None:
    table = words_table(tmp_path, find_real_words(tmp_path, lines_of(tmp_path, OUTPUTS)), tmp_path / "docs")
    assert "| `supabase db seed` | `supabase db push --include-seed` |" in table
    assert "| ✓ passed | [push.txt](../artifacts/seed/push.txt) |" in table
