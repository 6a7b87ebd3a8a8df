"""What is attached to a feedback entry: the command, an excerpt that stays text, the path and the sha256."""

from __future__ import annotations

from pathlib import Path

import mistune
import pytest

from lib.evidence.log import keep_artifact
from lib.reporters.documents.attached import attachment, command_of
from tests.support.paper_worlds import make_pack, run_in

RUN_ID = "20261124T021458Z-abcd"


def attach(folder: Path, text: str) -> str:
    run = run_in(folder, RUN_ID, pack=make_pack(folder))
    one = keep_artifact(run.run_folder, "migrations", "push.txt", text)
    return "\n\n".join(attachment(run, one, run.run_folder / "docs/feedback/devops"))


def test_the_end_of_the_output_is_shown_with_its_path_and_sha256(tmp_path: Path) -> None:
    said = attach(tmp_path, "$ supabase db push '--remote=x' --yes\n" + "".join(f"line {number}\n" for number in range(20)))
    first, _, excerpt = said.partition("\n\n")
    assert first.startswith(f"- `supabase db push`: [artifacts/ops/{RUN_ID}/migrations/push.txt](../../../artifacts/migrations/")
    assert excerpt.splitlines()[1:-1] == [f"  line {number}" for number in range(12, 20)]


def test_no_line_of_an_entry_ends_with_white_space(tmp_path: Path) -> None:
    said = attach(tmp_path, "$ x\n\n  indented  \n\t\nend\n")
    assert [line for line in said.splitlines() if line != line.rstrip()] == []


def test_a_hostile_output_stays_text(tmp_path: Path) -> None:
    said = attach(
        tmp_path, f"$ x\n```\n````\n<script>alert(1)</script>\n<!-- run {RUN_ID} -->\n- `y`: artifacts/ops/x, sha256 `z`"
    )
    html = str(mistune.create_markdown(escape=False)(said))
    assert "<script" not in html and html.count("<pre>") == 1
    assert [line for line in said.splitlines() if line.startswith(("<!--", "- "))] == [said.splitlines()[0]]


def test_an_output_that_is_gone_is_named_without_an_excerpt(tmp_path: Path) -> None:
    run = run_in(tmp_path, RUN_ID, pack=make_pack(tmp_path))
    one = keep_artifact(run.run_folder, "migrations", "push.txt", "x")
    (run.run_folder / one.path).unlink()
    [line] = attachment(run, one, run.run_folder)
    assert line.endswith(f", sha256 `{one.sha256}`")


@pytest.mark.parametrize(
    ("first", "command"),
    [
        ("$ supabase db push '--remote=postgresql://x' --dry-run --agent no", "`supabase db push --dry-run`"),
        ("$ supabase db push --yes --include-seed --workdir /tmp/x", "`supabase db push --include-seed`"),
        ("$ npm run test:ci", "`npm run test:ci`"),
        ("$ flyctl deploy --app x --image y --strategy rolling", "`flyctl deploy --image y --strategy rolling`"),
        ("no command", "push.txt"),
    ],
)
def test_the_command_is_named_with_the_options_that_matter(first: str, command: str) -> None:
    assert command_of(f"{first}\nmore", "artifacts/migrations/push.txt") == command
