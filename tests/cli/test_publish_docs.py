"""A run's documents in the pack: shown first, written when asked, appended and never rewritten, their links sound."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from lib.cli.publish_docs import publish_docs
from lib.core import all_or_none
from lib.core.errors import ParamsError
from lib.core.paths import ROOT
from lib.core.results import Outcome, Result
from lib.display.markdown import find_links
from lib.tasks.readiness_summary.attachments import find_published_problems
from lib.tasks.readiness_summary.links import broken_links
from tests.support.paper_worlds import AT, PUSH, finish_run, make_pack

FIRST, SECOND = "20261124T021458Z-abcd", "20261124T031458Z-bcde"
SUMMARY = "docs/runbooks/devops_execution_summary.md"
RUNBOOK = "docs/runbooks/production_deployment.md"
QA = "docs/qa_daily_links.md"
DAY = "feedback/devops/2026-11-24.md"
PUSHED = f"artifacts/ops/{FIRST}/migrations/push.txt"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path)


@pytest.fixture(autouse=True)
def apply(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APPLY", "1")
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "key.pem"))  # which signs what finish_run makes


def publish(home: Path, pack: Path, run: str = "") -> int:
    return publish_docs("staging", pack=pack, run=run, rendered=home / "rendered", home=home)


def contents(pack: Path) -> dict[str, bytes]:
    return {path.relative_to(pack).as_posix(): path.read_bytes() for path in sorted(pack.rglob("*")) if path.is_file()}


def test_a_dry_run_shows_the_diff_and_writes_nothing(
    tmp_path: Path, pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPLY")
    finish_run(tmp_path, FIRST, pack=pack)
    before = contents(pack)
    assert publish(tmp_path, pack) == 0
    said = capsys.readouterr().out
    assert contents(pack) == before
    assert f"--- /dev/null\n+++ b/{DAY}\n" in said
    assert f"--- a/{RUNBOOK}\n+++ b/{RUNBOOK}\n" in said and "-Not measured yet.\n" in said
    assert said.endswith(f"Dry run: nothing was written. APPLY=1 writes 5 files, from {FIRST}.\n")


def test_every_document_is_written_and_every_link_leads_somewhere(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    assert publish(tmp_path, pack) == 0
    assert set(contents(pack)) == {SUMMARY, RUNBOOK, QA, DAY, PUSHED}
    assert (pack / PUSHED).read_text() == PUSH
    assert f"[{PUSHED}](../../{PUSHED}), sha256 `" in (pack / DAY).read_text()
    for place in (SUMMARY, RUNBOOK, QA, DAY):
        text = (pack / place).read_text()
        assert broken_links(text, (pack / place).parent) == [], place
        assert "](" in text or place == RUNBOOK
    assert f"](../../../rendered/pack/staging/{FIRST}/index.html)" in (pack / SUMMARY).read_text()
    assert "| rollback, from the command until every machine is healthy | 1.25 s | 5 s | passed |" in (pack / RUNBOOK).read_text()


def test_the_same_run_twice_changes_nothing(tmp_path: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    after = contents(pack)
    assert publish(tmp_path, pack) == 0
    assert contents(pack) == after
    assert capsys.readouterr().out.endswith(f"Nothing to write: pack has all that {FIRST} says.\n")


def test_a_second_run_of_the_day_is_appended_and_words_written_by_hand_stay(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    day = pack / DAY
    by_hand = day.read_bytes() + "\r\nSaid by hand: caf\u00e9 \u2713, no line end".encode()
    day.write_bytes(by_hand)
    finish_run(tmp_path, SECOND, pack=pack, at=AT + timedelta(hours=1))
    publish(tmp_path, pack)
    assert day.read_bytes().startswith(by_hand + b"\n\n<!-- run " + SECOND.encode())
    assert day.read_text().count("# DevOps feedback of") == 1
    assert publish(tmp_path, pack, run=str(tmp_path / "rendered" / pack.name / "staging" / FIRST)) == 0
    assert day.read_text().count("<!-- run ") == 2
    assert (pack / RUNBOOK).read_text().endswith("## After\n\nBy hand.\n")


def test_an_entry_that_was_corrected_by_hand_is_not_put_right(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    corrected = (pack / DAY).read_text().replace("### What is left", "### What is left, by Ann")
    (pack / DAY).write_text(corrected)
    publish(tmp_path, pack)
    assert (pack / DAY).read_text() == corrected


def test_a_pack_outside_of_the_checkout_gets_words_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "home" / "key.pem"))
    far = make_pack(tmp_path / "far")
    finish_run(tmp_path / "home", FIRST, pack=far)
    publish(tmp_path / "home", far)
    for place in (SUMMARY, DAY, QA):
        text = (far / place).read_text()
        assert [one for one in find_links(text) if "artifacts/ops" not in one] == [], place
        assert broken_links(text, (far / place).parent) == [], place
        assert "rendered" not in text, place
    assert "Evidence: index.html, evidence.jsonl, manifest.json." in (far / SUMMARY).read_text()


def test_only_a_whole_run_is_published(tmp_path: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    finish_run(tmp_path, SECOND, pack=pack, at=AT + timedelta(hours=1), partial=True)
    publish(tmp_path, pack)
    assert f"from {FIRST}." in capsys.readouterr().out


def test_a_file_keeps_its_mode(tmp_path: Path, pack: Path) -> None:
    (pack / RUNBOOK).chmod(0o600)
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    assert stat.S_IMODE((pack / RUNBOOK).stat().st_mode) == 0o600


def refusal(home: Path, pack: Path, run: str = "") -> str:
    before = contents(pack)
    with pytest.raises(ParamsError) as caught:
        publish(home, pack, run)
    [problem] = caught.value.problems
    assert "\n" not in problem and "Fix: " in problem
    assert contents(pack) == before, "something was written all the same"
    return problem


def test_without_a_run_nothing_is_published(tmp_path: Path, pack: Path) -> None:
    assert "no whole finished run of staging" in refusal(tmp_path, pack)


def test_a_run_that_was_changed_by_hand_is_not_published(tmp_path: Path, pack: Path) -> None:
    failing = Result(check="rls.pgtap_tests_pass", outcome=Outcome.FAIL)
    run = finish_run(tmp_path, FIRST, pack=pack, said={failing.check: failing})
    note = run.run_folder / "docs/devops_execution_summary.md"
    note.write_text(note.read_text().replace("failed", "passed"))
    assert "does not verify" in refusal(tmp_path, pack)


def test_a_run_that_a_stranger_signed_is_not_published(tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "other.pem"))  # whoever publishes has another key
    assert "was not published, since it was signed by a key that" in refusal(tmp_path, pack)


def test_a_run_of_another_pack_is_not_published(tmp_path: Path, pack: Path) -> None:
    run = finish_run(tmp_path, FIRST, pack=pack)
    other = tmp_path / "other"
    (other / "docs").mkdir(parents=True)
    assert "no whole finished run of staging" in refusal(tmp_path, other)
    assert "is of the pack pack, not of other" in refusal(tmp_path, other, run=str(run.run_folder))


def test_a_pack_without_docs_is_told(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    finish_run(tmp_path, FIRST, pack=pack)
    assert "has no folder docs" in refusal(tmp_path, pack)


def test_a_day_that_is_no_text_is_left_alone(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    (pack / DAY).parent.mkdir(parents=True)
    (pack / DAY).write_bytes(b"\xff\xfe caf\xe9")
    assert "is no UTF-8 text" in refusal(tmp_path, pack)


def test_a_link_out_of_the_pack_is_not_followed(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    (tmp_path / "outside").mkdir()
    (pack / "feedback").symlink_to(tmp_path / "outside")
    assert "leads out of pack" in refusal(tmp_path, pack)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_pack_that_takes_no_file_is_told(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    (pack / "feedback").write_text("a file where a folder belongs")  # as root every folder is writable
    assert "feedback/devops/2026-11-24.md" in refusal(tmp_path, pack)


DIRECTION, REPORT = "docs/directions/ops.md", "docs/qa/daily.md"
ROOM = "<!-- launch results: here -->\n<!-- /launch results -->\n"


def join(pack: Path, *, direction: str | None = f"# Direction\n\n{ROOM}\n## Links\n", report: str | None = "# Daily\n") -> None:
    """Let the project name a direction and QA's own report, with these texts."""
    for place, text in ((DIRECTION, direction), (REPORT, report)):
        if text is not None:
            (pack / place).parent.mkdir(parents=True, exist_ok=True)
            (pack / place).write_bytes(text.encode())
    (pack / "launch").mkdir()
    (pack / "launch/launch_list.yaml").write_text(f"document: {DIRECTION}\nitems: []\n")
    (pack / "launch/project.yaml").write_text(f"name: pack\nreadiness_summary: {{documents: {{qa_report: {REPORT}}}}}\n")


def test_the_direction_and_qas_report_are_filled_between_their_marks(tmp_path: Path, pack: Path) -> None:
    join(pack)
    finish_run(tmp_path, FIRST, pack=pack)
    assert publish(tmp_path, pack) == 0
    direction, report = (pack / DIRECTION).read_text(), (pack / REPORT).read_text()
    assert direction.startswith("# Direction\n\n<!-- launch results: here -->\nRun `" + FIRST)
    assert direction.endswith("\n<!-- /launch results -->\n\n## Links\n")
    assert "| 18 |" in direction and f"](../../../rendered/pack/staging/{FIRST}/" in direction
    assert report.startswith("# Daily\n\n<!-- health links: ") and report.endswith("<!-- /health links -->\n")
    assert "\n## Vendor health of staging: links for QA\n" in report and "To take them out, delete the two comments" in report
    for place in (DIRECTION, REPORT):
        assert broken_links((pack / place).read_text(), (pack / place).parent) == [], place
    after = contents(pack)
    assert publish(tmp_path, pack) == 0
    assert contents(pack) == after


def test_taken_out_as_the_note_says_qas_report_is_as_it_was(tmp_path: Path, pack: Path) -> None:
    join(pack)
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    text = (pack / REPORT).read_text()
    start, end = text.index("<!-- health links"), text.index("<!-- /health links -->\n") + len("<!-- /health links -->\n")
    assert (text[:start] + text[end:]).rstrip("\n") + "\n" == "# Daily\n"


def test_line_ends_mark_and_last_line_stay_as_they_are(tmp_path: Path, pack: Path) -> None:
    room = ROOM.replace("\n", "\r\n")
    join(pack, direction=f"\ufeff# Direction\r\n{room}By hand, no line end", report="# Daily\r\nno line end")
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    direction, report = (pack / DIRECTION).read_bytes(), (pack / REPORT).read_bytes()
    assert direction.startswith("\ufeff# Direction\r\n".encode()) and direction.endswith(b"\r\nBy hand, no line end")
    assert direction.count(b"\n") == direction.count(b"\r\n") > 18
    assert report.startswith(b"# Daily\r\nno line end\r\n\r\n<!-- health links")
    assert report.count(b"\n") == report.count(b"\r\n")


def test_a_direction_without_marks_stays_and_the_marks_are_told(
    tmp_path: Path, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    join(pack, direction="# Direction\n")
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    assert (pack / DIRECTION).read_text() == "# Direction\n"
    assert f"{DIRECTION} gets no results: it has no lines <!-- launch results -->" in capsys.readouterr().out


@pytest.mark.parametrize("room", [ROOM * 2, "<!-- launch results -->\n", "<!-- /launch results -->\n"])
def test_damaged_marks_keep_everything_from_being_written(tmp_path: Path, pack: Path, room: str) -> None:
    join(pack, direction=f"# Direction\n{room}")
    finish_run(tmp_path, FIRST, pack=pack)
    assert f"{DIRECTION}: line " in refusal(tmp_path, pack)


@pytest.mark.parametrize("lacking", ["direction", "report"])
def test_a_document_that_is_named_and_not_there_is_told(tmp_path: Path, pack: Path, lacking: str) -> None:
    join(pack, **{lacking: None})
    finish_run(tmp_path, FIRST, pack=pack)
    assert f"pack has no {DIRECTION if lacking == 'direction' else REPORT}" in refusal(tmp_path, pack)


@pytest.mark.parametrize("named", ["../x.md", "/etc/x.md", "x.txt", "[1]"])
def test_a_document_outside_of_the_project_is_refused(tmp_path: Path, pack: Path, named: str) -> None:
    join(pack)
    (pack / "launch/launch_list.yaml").write_text(f"document: {named}\nitems: []\n")
    finish_run(tmp_path, FIRST, pack=pack)
    assert "Name a Markdown file by its path in the project" in refusal(tmp_path, pack)


@pytest.mark.parametrize("place", [SUMMARY, RUNBOOK, QA, DAY, PUSHED, DIRECTION, REPORT])
def test_a_failure_at_any_file_leaves_every_file_as_it_was(
    tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    join(pack)
    finish_run(tmp_path, FIRST, pack=pack)
    put = all_or_none.put

    def fail(path: Path, undo: ExitStack) -> None:
        if path == pack / place:
            raise OSError(28, "No space left on device")
        put(path, undo)

    monkeypatch.setattr(all_or_none, "put", fail)
    said = refusal(tmp_path, pack)
    assert said.startswith(f"{place} can't be written into pack: No space left on device. No file was changed.")
    assert not [path for path in pack.rglob(".*")]


@pytest.mark.parametrize("place", [RUNBOOK, DIRECTION, REPORT])
def test_a_read_only_file_is_told_and_nothing_is_written(tmp_path: Path, pack: Path, place: str) -> None:
    join(pack)
    (pack / place).chmod(0o444)
    finish_run(tmp_path, FIRST, pack=pack)
    assert f"{place} can't be written into pack: it is read-only" in refusal(tmp_path, pack)


def test_a_link_within_the_pack_stays_a_link(tmp_path: Path, pack: Path) -> None:
    join(pack)
    (pack / REPORT).rename(pack / "docs/elsewhere.md")
    (pack / REPORT).symlink_to("../elsewhere.md")
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    assert (pack / REPORT).is_symlink() and "<!-- health links" in (pack / "docs/elsewhere.md").read_text()


def test_git_checkout_takes_each_file_back(tmp_path: Path, pack: Path) -> None:
    join(pack)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", pack, *words], check=True)
    before = {place: (pack / place).read_bytes() for place in (RUNBOOK, DIRECTION, REPORT)}
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    for place, text in before.items():
        assert (pack / place).read_bytes() != text
        subprocess.run(["git", "-C", pack, "checkout", "--", place], check=True, capture_output=True)
        assert (pack / place).read_bytes() == text


def test_the_runbook_tells_the_deployment_window_of_the_settings(tmp_path: Path, pack: Path) -> None:
    join(pack)
    runbook = pack / RUNBOOK
    runbook.write_text(runbook.read_text() + "\n<!-- deployment window -->\nold\n<!-- /deployment window -->\n")
    window = "deploy_rehearsal: {window: {days: [mon], opens: '09:00', until: '16:00', time_zone: Europe/Berlin}}\n"
    (pack / "launch/production.yaml").write_text(window)
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    assert "\nMonday, from 09:00 to 16:00, time zone Europe/Berlin.\n<!-- /deployment window -->\n" in runbook.read_text()


def test_what_is_attached_agrees_and_is_put_right_by_publishing_again(tmp_path: Path, pack: Path) -> None:
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    assert find_published_problems(pack) == (1, [])
    (pack / PUSHED).write_text("Finished, said by hand.")
    assert "is not what was attached" in find_published_problems(pack)[1][0]
    publish(tmp_path, pack)
    assert find_published_problems(pack) == (1, [])


def test_an_attached_file_is_shown_by_its_sha256_before_it_is_written(
    tmp_path: Path, pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPLY")
    finish_run(tmp_path, FIRST, pack=pack)
    publish(tmp_path, pack)
    digest = hashlib.sha256(PUSH.encode()).hexdigest()
    assert f"+++ b/{PUSHED}\n+({len(PUSH)} bytes, sha256 {digest})\n" in capsys.readouterr().out


def test_the_sample_packs_own_documents_lead_somewhere() -> None:
    for path in sorted((ROOT / "pack").rglob("*.md")):
        # Runs are not in version control: a link to one holds in the checkout it was made in.
        broken = [one for one in broken_links(path.read_text(), path.parent) if "/rendered/" not in one]
        assert broken == [], path
