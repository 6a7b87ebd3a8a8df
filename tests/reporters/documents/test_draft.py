"""What a run leaves in its docs: every link leads somewhere, what is left is named, and hostile results stay text."""

from __future__ import annotations

from pathlib import Path

import mistune
import pytest

from lib.core.results import Outcome, Result
from lib.evidence.log import read_evidence
from lib.tasks.index import TASKS
from lib.tasks.readiness_summary.links import broken_links
from tests.support.paper_worlds import drafts_of, finish_run, make_pack, run_in

RUN_ID = "20261124T021458Z-abcd"
HOSTILE = (
    "](../x.md) | [click](javascript:x) <script>alert(1)</script> `a` ![p](http://evil.example) https://evil.example\n## Heading"
)
BAD = {
    "rls.every_table_enabled": Result(
        check="rls.every_table_enabled", outcome=Outcome.FAIL, observed=HOSTILE, detail=HOSTILE, fix=(HOSTILE,)
    ),
    "migrations.found": Result(check="migrations.found", outcome=Outcome.ERROR, observed=[HOSTILE], unit=HOSTILE, detail=HOSTILE),
    "deploy_rehearsal.rollback_is_quick": Result(
        check="deploy_rehearsal.rollback_is_quick", outcome=Outcome.FAIL, observed=HOSTILE, expected=HOSTILE, unit="s"
    ),
}


def markdown(folder: Path) -> list[Path]:
    return sorted((folder / "docs").rglob("*.md"))


@pytest.mark.parametrize("said", [{}, BAD], ids=["all well", "hostile"])
def test_every_link_of_every_document_leads_somewhere(tmp_path: Path, said: dict[str, Result]) -> None:
    run = finish_run(tmp_path, RUN_ID, pack=make_pack(tmp_path), said=said)
    found = markdown(run.run_folder)
    assert [path.relative_to(run.run_folder / "docs").as_posix() for path in found] == [
        "devops_execution_summary.md", "feedback/devops/2026-11-24.md", "production_deployment.md", "qa_daily_links.md",
    ]  # fmt: skip
    for path in found:
        assert broken_links(path.read_text(), path.parent) == [], path.name


def test_hostile_results_stay_text(tmp_path: Path) -> None:
    run = finish_run(tmp_path, RUN_ID, pack=make_pack(tmp_path), said=BAD)
    clean = finish_run(tmp_path / "clean", RUN_ID, pack=make_pack(tmp_path / "clean"))
    for path in markdown(run.run_folder):
        html = str(mistune.create_markdown(escape=False, plugins=["table", "url"])(path.read_text()))
        assert "<script" not in html and "<img" not in html
        assert "javascript:" not in " ".join(html.split('"')[1::2])
        assert 'href="http' not in html
        was = (clean.run_folder / path.relative_to(run.run_folder)).read_text()
        assert path.read_text().count("\n#") == was.count("\n#"), "a result made a heading"


def test_the_entry_says_what_was_run_and_what_is_left(tmp_path: Path) -> None:
    run = finish_run(tmp_path, RUN_ID, pack=make_pack(tmp_path), said=BAD)
    text = (run.run_folder / "docs/feedback/devops/2026-11-24.md").read_text()
    assert text.startswith(f"# DevOps feedback of 24 Nov 2026\n\n<!-- run {RUN_ID} -->\n\n## 02:16 UTC, staging: NO-GO\n")
    for task in TASKS:
        assert f"[{task.title}](" in text
    left = text.partition("### What is left")[2]
    assert "- Item 2, The row level security tests pass: failed." in left
    assert all(f"`{check}`" in left for check in BAD)
    assert "only in rehearsal, to be proved live: 3, 4" in left


def test_the_note_tells_the_launch_list_and_the_migrations(tmp_path: Path) -> None:
    run = finish_run(tmp_path, RUN_ID, pack=make_pack(tmp_path))
    note = (run.run_folder / "docs/devops_execution_summary.md").read_text()
    assert "18 of 18 passed (all only in rehearsal)." in note
    assert note.count("| 1 | The idea pool") == 1
    assert len([line for line in read_evidence(run.run_folder) if line.task == "migrations"]) == note.count("\n- ✓ **")


def test_the_copy_of_the_runbook_has_no_link_that_leads_nowhere(tmp_path: Path) -> None:
    pack = make_pack(tmp_path)
    runbook = pack / "docs/runbooks/production_deployment.md"
    (pack / "docs/rules.md").write_text("# Rules\n")
    runbook.write_text(runbook.read_text() + "[the rules](../rules.md), [after](#after)\n")
    run = finish_run(tmp_path, RUN_ID, pack=pack)
    copy = run.run_folder / "docs/production_deployment.md"
    assert "the rules, [after](#after)\n" in copy.read_text()
    assert broken_links(copy.read_text(), copy.parent) == []


@pytest.mark.parametrize("added", ["<!-- measured -->\n", "<!-- /measured -->\n"])
def test_a_runbook_with_damaged_marks_gets_no_copy(tmp_path: Path, added: str) -> None:
    pack = make_pack(tmp_path)
    runbook = pack / "docs/runbooks/production_deployment.md"
    runbook.write_text(runbook.read_text() + added)
    assert "docs/production_deployment.md" not in drafts_of(run_in(tmp_path, RUN_ID, pack=pack), {})


def test_a_pack_without_a_runbook_gets_no_copy(tmp_path: Path) -> None:
    pack = tmp_path / "bare"
    pack.mkdir()
    assert "docs/production_deployment.md" not in drafts_of(run_in(tmp_path, RUN_ID, pack=pack), {})
