"""The summary and the annotations of GitHub Actions: what matters first, each at its place, and no text that does anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lib.core.results import Outcome
from lib.core.visible import plain_line
from lib.reporters.github import code, escape_data, escape_property, format_summary, list_annotations
from tests.support.report_worlds import ADVISORY, GATE, HOSTILE, MIGRATION, red, result, world

LIMIT = 65_536
"""Characters of a comment on GitHub."""


class Command(NamedTuple):
    kind: str
    properties: dict[str, str]
    message: str


def read_command(line: str) -> Command:
    """Return a command as the runner reads it. Source: actions/runner, ActionCommand.cs, TryParseV2."""
    assert line.startswith("::") and "\n" not in line and "\r" not in line
    head, message = line[2:].split("::", 1)
    kind, _, rest = head.partition(" ")
    pairs = [one.split("=", 1) for one in rest.split(",") if one]

    def unescape(text: str) -> str:
        for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(escape, char)
        return text

    return Command(kind, {name: unescape(value) for name, value in pairs}, unescape(message))


def test_each_cause_is_an_annotation_at_its_place_worst_first(tmp_path: Path) -> None:
    first, second = map(read_command, list_annotations(red(tmp_path)))
    assert (first.kind, first.properties["file"], first.properties["line"]) == ("error", MIGRATION, "1")
    assert first.properties["title"] == f"{GATE} failed" and "Fix: revoke it;" in first.message
    assert (second.kind, "file" in second.properties) == ("warning", False)


def test_a_waived_gate_is_a_warning_and_a_green_run_has_none(tmp_path: Path) -> None:
    [one] = list_annotations(world(tmp_path, {GATE: result(GATE, Outcome.FAIL, detail="known")}, waived=GATE))
    assert read_command(one).kind == "warning"
    assert list_annotations(world(tmp_path / "green")) == []


@given(st.text())
def test_no_text_begins_a_command_or_ends_its_own(text: str) -> None:
    line = f"::error file={escape_property(text)}::{escape_data(text)}"
    assert "\n" not in line.replace("\r", "\n")
    command = read_command(line)
    assert command.message == text and command.properties["file"] == plain_line(text)


def test_hostile_text_is_one_line_without_control_characters(tmp_path: Path) -> None:
    for line in list_annotations(red(tmp_path)):
        assert not re.search(r"[\x00-\x1f]", line)


def test_the_summary_says_what_to_do_worst_first_with_who_and_what_then(tmp_path: Path) -> None:
    said = format_summary(red(tmp_path))
    assert said.startswith("## NO-GO: pack, staging\n\nNot ready: 1 of ")
    assert said.index(GATE) < said.index(ADVISORY) < said.index("### Tasks") < said.index("### Launch list")
    assert f"`{MIGRATION}:1`" in said and "`ana@example.com`" in said and "**Then:** `make readiness ENV=staging ONLY=rls" in said
    assert "1 check can't be judged before: `migrations.rollbacks_restore_schema`." in said
    assert "| ✗ | Row level security | failed |" in said and "17 s" in said
    assert "To look at the live services, set `STAGING_DATABASE_URL`." in said


def test_marks_are_said_first(tmp_path: Path) -> None:
    said = format_summary(world(tmp_path, outcome={"finished": False, "partial": True}))
    assert said.index("**UNFINISHED.**") < said.index("**REHEARSAL.**") < said.index("**PARTIAL.**") < said.index("### Tasks")
    assert "UNFINISHED" not in format_summary(world(tmp_path / "whole"))


def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path) -> None:
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(format_summary(red(tmp_path)))
    outside = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not re.search(r"@\w", outside), "a mention notifies somebody"
    assert set(re.findall(r"<(\w+)", html)) <= {
        "h2", "h3", "p", "strong", "ol", "li", "br", "code", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip


def test_it_fits_into_a_comment_however_long_the_texts_are(tmp_path: Path) -> None:
    long = "word " * 5_000
    said = {
        check: result(check, Outcome.FAIL, detail=f"{check} {long}", fix=(long,) * 9)
        for check in (GATE, ADVISORY, *(f"seed.{name}" for name in ("checks_hold", "row_counts_match", "foreign_keys_hold")))
    }
    assert len(format_summary(world(tmp_path, said))) < LIMIT


@given(st.text(alphabet=st.sampled_from("`a |\\"), max_size=20).filter(lambda text: text.strip("` ")))
def test_code_stays_code(text: str) -> None:
    html = MarkdownIt("commonmark").render(f"x {code(text)} y")
    assert html.count("<code>") == 1 and html.startswith("<p>x <code>") and html.endswith("</code> y</p>\n"), HOSTILE
