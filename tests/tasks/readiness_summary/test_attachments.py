"""What feedback entries attach: there as it was, or named; another run's, a changed, a missing and an unnamed file are found."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lib.core.results import Outcome, SkipReason
from lib.tasks.readiness_summary.attachments import (
    Attachment,
    find_published_problems,
    is_attached,
    judge_attachments,
    read_attachments,
)

RUN, OTHER = "20261124T021458Z-abcd", "20261124T031458Z-bcde"
TEXT = "$ npm run lint\nlint: 0 findings\n"
SHA = hashlib.sha256(TEXT.encode()).hexdigest()
SOURCE = "artifacts/guardrails/npm-lint.txt"
PLACE = f"artifacts/ops/{RUN}/guardrails/npm-lint.txt"
KEPT = {SOURCE: SHA}


def entry(*, run_id: str = RUN, place: str = PLACE, sha256: str = SHA) -> str:
    named = f"- `npm run lint`: [{place}](../../{place}), sha256 `{sha256}`"
    return f"# Day\n\n<!-- run {run_id} -->\n\n### Attached\n\n{named}\n\n  x\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that kept one output, in a project that published it."""
    for path in (tmp_path / "run" / SOURCE, tmp_path / "pack" / PLACE):
        path.parent.mkdir(parents=True)
        path.write_text(TEXT)
    (tmp_path / "pack/feedback/devops").mkdir(parents=True)
    (tmp_path / "pack/feedback/devops/2026-11-24.md").write_text(entry())
    return tmp_path


def judge(folder: Path, draft: str = "", kept: dict[str, str] | None = None) -> tuple[Outcome, str]:
    given = KEPT if kept is None else kept
    result = judge_attachments(draft or entry(), folder / "run", given, RUN, folder / "pack")
    return result.outcome, result.detail


def test_what_is_there_as_it_was_passes(folder: Path) -> None:
    assert judge(folder) == (Outcome.PASS, "")


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ("# Day\n", f"{SOURCE} is not attached"),
        (entry(sha256="0" * 64), f"{SOURCE} is not as the evidence has it"),
        (entry(place=PLACE.replace("lint", "fmt")), "npm-fmt.txt is not one of this run's outputs"),
        (entry().replace("- `npm", "`npm"), f"{SOURCE} is not attached"),
    ],
    ids=["not named", "another sha256", "another file", "a look-alike line"],
)
def test_a_draft_that_does_not_name_what_was_kept_fails(folder: Path, draft: str, said: str) -> None:
    outcome, detail = judge(folder, draft)
    assert outcome is Outcome.FAIL and said in detail


def test_an_output_that_changed_since_it_was_kept_fails(folder: Path) -> None:
    (folder / "run" / SOURCE).write_text("lint: 0 findings, said by hand\n")
    assert judge(folder) == (Outcome.FAIL, f"{SOURCE} is not as the evidence has it.")


def test_a_published_file_that_was_changed_is_found_and_put_back_passes(folder: Path) -> None:
    (folder / "pack" / PLACE).write_text("lint: fine\n")
    outcome, detail = judge(folder)
    assert outcome is Outcome.FAIL and f"{PLACE} is not what was attached" in detail
    (folder / "pack" / PLACE).write_text(TEXT)
    assert judge(folder) == (Outcome.PASS, "")


def test_a_published_file_that_is_gone_is_found(folder: Path) -> None:
    (folder / "pack" / PLACE).unlink()
    assert judge(folder) == (Outcome.FAIL, f"{PLACE} is missing.")


def test_a_file_that_no_entry_names_is_found_and_the_workflows_own_folder_is_left_alone(folder: Path) -> None:
    for name in (f"{RUN}/more.txt", f"{OTHER}/seed/push.txt", "health-123-1/chatwoot.json"):
        path = folder / "pack/artifacts/ops" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    outcome, detail = judge(folder)
    assert outcome is Outcome.FAIL
    assert f"artifacts/ops/{RUN}/more.txt is named by no entry" in detail and f"{OTHER}/seed/push.txt is named by no" in detail
    assert "health-123-1" not in detail


@pytest.mark.parametrize("place", [PLACE.replace(RUN, OTHER), f"artifacts/ops/{RUN}/../{OTHER}/x.txt"])
def test_another_runs_file_is_found(folder: Path, place: str) -> None:
    (folder / "pack/feedback/devops/2026-11-24.md").write_text(entry() + entry(place=place))
    outcome, detail = judge(folder)
    assert outcome is Outcome.FAIL and f"is not of the run {RUN}, whose entry names it" in detail


def test_an_entry_that_cannot_be_read_is_an_error(folder: Path) -> None:
    (folder / "pack/feedback/devops/2026-11-25.md").write_bytes(b"\xff\xfe")
    assert judge(folder)[0] is Outcome.ERROR


def test_a_link_out_of_the_project_is_not_followed(folder: Path) -> None:
    (folder / "pack" / PLACE).unlink()
    (folder / "pack" / PLACE).symlink_to(folder / "run" / SOURCE)
    assert judge(folder)[0] is Outcome.ERROR


def test_without_any_output_it_is_not_due(tmp_path: Path) -> None:
    result = judge_attachments("# Day\n", tmp_path, {}, RUN, tmp_path)
    assert (result.outcome, result.skipped_because) == (Outcome.SKIP, SkipReason.NOT_DUE)


def test_an_older_entry_without_attachments_is_no_fault(folder: Path) -> None:
    (folder / "pack/feedback/devops/2026-11-23.md").write_text(f"# Day\n\n<!-- run {OTHER} -->\n\nnothing attached\n")
    assert find_published_problems(folder / "pack") == (1, [])


def test_a_line_is_read_with_and_without_its_link() -> None:
    line = f"- `x`: {PLACE}, sha256 `{SHA}`"
    assert list(read_attachments(f"<!-- run {RUN} -->\r\n{line}\r\n")) == [Attachment(run_id=RUN, path=PLACE, sha256=SHA)]
    assert list(read_attachments(line)) == []  # of no run


def test_only_commands_output_is_attached() -> None:
    assert is_attached("artifacts/guardrails/npm-test-ci.txt") and is_attached("artifacts/migrations/push.txt")
    assert not is_attached("artifacts/guardrails/branch.json") and not is_attached("artifacts/rls/matrix.json")
