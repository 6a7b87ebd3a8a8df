"""Pages: what they say, and that nothing put into them can act, fetch, leak or swell."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook, new_output

from lib.core import redact
from lib.core.known_secrets import Needles
from lib.core.results import Outcome, Provenance
from lib.core.verdict import State, Verdict
from lib.evidence.log import EvidenceLine
from lib.reporters.html.model import CheckRow, FileLink, LaunchRow, ProofLink, TaskRow
from lib.reporters.html.render import file_href, gather_alike, hash_of, render_index, render_task_page, script
from tests.support import sample_pages as sample

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(2)</script>",
    "{{ 7 * 191 }}{% raw %}",
    "<svg/onload=alert(3)>",
    "javascript:alert(4)",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\u202egnp.exe\u202c\u2066",
    "https://evil.example/beacon.png",
)
FETCHING = ("src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "xlink:href")


class Inspector(HTMLParser):
    """Lists what on a page could run, fetch or lead away."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.tags: list[str] = []
        self.problems: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script" and self.rawdata[self.offset_here() :].startswith(f"<script>{script()}</script>"):
            return  # the one of ours: the page's policy lets no other run
        if tag in {"script", "iframe", "object", "embed", "form", "base", "audio", "video", "input"}:
            self.problems.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name == "style" and not re.fullmatch(r"flex-grow:\d+", value or "")):
                self.problems.append(f"{tag} {name}")
            if name in FETCHING and not (value or "").startswith("data:image/"):
                self.problems.append(f"{tag} {name}={value}")
            if name == "href":
                self.links.append(value or "")
                if tag == "link" and value != "data:,":
                    self.problems.append(f"link {value}")
                if not re.match(r"(?:\./|#|https?://|mailto:|data:,$|[\w./-]+$)", value or ""):
                    self.problems.append(f"{tag} href={value}")

    def offset_here(self) -> int:
        """Return where the tag that is being read begins."""
        line, column = self.getpos()
        return sum(len(one) + 1 for one in self.page.split("\n")[: line - 1]) + column


def everywhere(text: str) -> tuple[str, str]:
    """Return a task page and a summary with the text in every field that takes one."""
    hostile_row = CheckRow(
        check=text,
        title=text,
        task=text,
        outcome=Outcome.FAIL,
        gate=True,
        provenance=Provenance.EMBEDDED,
        observed={text: [text]},
        expected=text,
        unit=text,
        detail=text,
        fix=(text,),
        command=text,
        exit_code=1,
        started_at=text,
        duration_s=1.0,
        artifacts=(FileLink(path=text, about=text, sha256=text),),
        subject=text,
        see=text,
    )
    header = sample.header(
        environment=text,
        run_id=text,
        title=text,
        task=text,
        sentence=text,
        started_at=text,
        pack=text,
        commit=text,
        notebook=text,
        checks=(hostile_row, replace(hostile_row, gate=False), replace(hostile_row, outcome=Outcome.PASS)),
    )
    bundle = {"text/html": f"<p>{text}</p><table><caption>{text}</caption><tr><td>{text}</td></tr></table>"}
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# {text}\n\n## {text}\n\n{text}\n\n[{text}]({text}) ![{text}]({text})\n\n```\n{text}\n```"),
            sample.code(f"name = {text!r}  # {text}", tags=("parameters",)),
            sample.code(
                text,
                new_output("stream", name="stdout", text=text),
                new_output("display_data", data=bundle),
                new_output("display_data", data={"text/plain": text}),
                new_output("display_data", data={"text/markdown": f"[{text}]({text}) {text}"}),
                new_output("display_data", data={"application/javascript": text}),
                new_output("display_data", data={"image/png": text}),
                new_output(
                    "display_data",
                    data={"image/svg+xml": f"<svg>{text}</svg>"},
                    metadata={"image/svg+xml": {"alt": text, "caption": text}},
                ),
                new_output("error", ename=text, evalue=text, traceback=[text, text]),
            ),
        ]
    )
    task = TaskRow(task=text, title=text, state=State.FAILED, counts={"fail": 1}, page=text)
    item = LaunchRow(
        number=1, title=text, state=State.PASSED, detail=f"{text} Fix: {text}", provenance=Provenance.SIMULATED,
        proofs=(ProofLink(title=text, page=text, outcome=Outcome.PASS),),
    )  # fmt: skip
    summary = sample.summary(
        header=header, tasks=(task,), previous=text, files=(FileLink(path=text, about=text, sha256=text),),
        launch_list=(item, replace(item, state=State.ABSENT)), tally=text,
    )  # fmt: skip
    return render_task_page(notebook, header), render_index(notebook, summary)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {
        "task": render_task_page(sample.rls_notebook(), sample.header()),
        "summary": render_index(sample.summary_notebook(), sample.summary()),
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_inert_in_every_field(text: str) -> None:
    for page in everywhere(text):
        assert Inspector(page).problems == []
        assert "\x1b" not in page and "\u202e" not in page and "\u2066" not in page
        assert "1337" not in page  # 7 * 191: a template would have worked it out


def test_text_survives_escaped() -> None:
    page, _ = everywhere('<b>bold & "quoted"</b>')
    assert "&lt;b&gt;bold &amp; &#34;quoted&#34;&lt;/b&gt;" in page


def test_ten_megabytes_are_cut_with_a_note() -> None:
    for page in everywhere("Aé" * 5_000_000):
        assert len(page.encode()) < 1_000_000
        assert "cut: 10,000,000 characters in all" in page


def test_known_secrets_are_struck_from_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", Needles(redact.known_secrets()))
    redact.register_secrets(["correct-horse-battery"])
    for page in everywhere("it is correct-horse-battery"):
        assert redact.find_secrets(page.encode()) == 0


@pytest.mark.parametrize("kind", ["task", "summary"])
def test_page_can_fetch_and_run_nothing(pages: dict[str, str], kind: str) -> None:
    found = Inspector(pages[kind])
    assert found.problems == []
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{hash_of(script())}';" in pages[kind]
    assert pages[kind].count("<script") == 1
    assert "url(" not in pages[kind] and "@import" not in pages[kind]


@pytest.mark.parametrize("kind", ["task", "summary"])
def test_page_is_small(pages: dict[str, str], kind: str) -> None:
    without_figures = re.sub(r'src="data:[^"]*"', "", pages[kind])
    assert len(without_figures.encode()) < 100_000
    assert len(pages[kind].encode()) < 300_000


@pytest.mark.parametrize("kind", ["task", "summary"])
def test_page_has_the_bones_of_a_document(pages: dict[str, str], kind: str) -> None:
    tags = Inspector(pages[kind]).tags
    assert [tags.count(tag) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert tags.count("table") <= tags.count("caption") + 2  # parameters and markdown tables have their own heading
    assert not re.search(r"<th\b(?![^>]*scope)[^>]*>", pages[kind])


def test_every_result_is_on_its_page_failures_first(pages: dict[str, str]) -> None:
    text = pages["task"]
    order = sorted((text.index(row.check), row.outcome.value) for row in sample.rls_rows())
    assert [outcome for _, outcome in order] == ["fail", "error", "fail", "skip", "pass", "pass", "pass"]


def test_the_fix_is_set_apart(pages: dict[str, str]) -> None:
    assert '<div class="fix"><b>Fix</b> wrap the call as (select auth.uid()).</div>' in pages["task"]


def test_rehearsal_is_told_on_every_page_and_only_then(pages: dict[str, str]) -> None:
    live = render_task_page(sample.rls_notebook(), sample.header(rehearsed=False))
    assert all("<strong>REHEARSAL</strong>" in page for page in pages.values())
    assert "REHEARSAL" not in live


def test_unfinished_run_says_so() -> None:
    assert "UNFINISHED" in render_task_page(None, sample.header(finished=False))


def test_page_without_notebook_or_results_is_whole() -> None:
    page = render_task_page(None, sample.header(checks=(), verdict=Verdict.BLOCKED, commit=None, notebook=None))
    assert "Nothing checked is not ready." in page
    assert "BLOCKED" in page and "How it was found" not in page


def test_summary_without_notebook_is_whole() -> None:
    page = render_index(None, sample.summary(changes=None, files=()))
    assert "There is no earlier finished run of staging to compare with." in page
    assert "Backup and restore" in page and "manifest.json" in page


def test_summary_links_each_task_and_names_each_obstacle(pages: dict[str, str]) -> None:
    assert "./rls.html" in Inspector(pages["summary"]).links
    assert "free at least 1.2 GB in the work folder, run again." in pages["summary"]


def test_one_reason_that_stops_many_checks_is_told_once_with_all_their_names() -> None:
    reason = "`flyctl status` failed: no such app."
    same = [sample.row(f"fly.check_{place}", Outcome.ERROR, title=f"Title {place}", detail=reason) for place in range(3)]
    others = [
        sample.row("alerts.same_words", Outcome.ERROR, title="Another task", detail=reason),
        sample.row("fly.advice", Outcome.ERROR, title="Only advice", detail=reason, gate=False),
        sample.row("fly.failed_a", Outcome.FAIL, title="Failed", detail=reason),
        sample.row("fly.failed_b", Outcome.FAIL, title="Failed too", detail=reason),
        sample.row("fly.mute_a", Outcome.ERROR, title="No reason", detail=""),
        sample.row("fly.mute_b", Outcome.ERROR, title="No reason either", detail=""),
    ]
    assert [len(group) for group in gather_alike([*same, *others])] == [3, 1, 1, 1, 1, 1, 1]
    summary = replace(sample.summary(), header=replace(sample.summary().header, checks=(*same, *others)))
    page = render_index(None, summary)
    obstacles = page.partition('id="obstacles"')[2].partition("</section>")[0]
    assert obstacles.count("failed: no such app.") == 4, "the group, the other task's, and the two that failed"
    assert "For the same reason 2 more checks could not be determined:" in obstacles
    assert all(one.title in obstacles and one.check in obstacles for one in same)


def test_cells_the_head_already_says_are_left_out(pages: dict[str, str]) -> None:
    assert "said above" not in pages["summary"]
    assert "Each task" not in pages["summary"]
    assert "NotReadyError" not in pages["task"]


def test_unexpected_error_in_a_hidden_cell_is_shown() -> None:
    error = new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["line 1"])
    page = render_task_page(new_notebook(cells=[sample.code("1/0", error, tags=("remove-cell",))]), sample.header())
    assert "The notebook stopped here: ZeroDivisionError" in page and "Show traceback" in page


def test_parameters_in_force_are_the_injected_ones(pages: dict[str, str]) -> None:
    text = re.sub(r"<[^>]+>", " ", pages["task"])
    assert re.search(r"environment\s+&#39;staging&#39;\s+set for this run\s+name of a file in params/", text)
    assert re.search(r"statement_timeout_s\s+10\s+s, longest one probe may take", text)


def test_figure_is_an_inert_image_with_its_words(pages: dict[str, str]) -> None:
    assert 'alt="2 of 112 probes differ from what is declared' in pages["task"]
    assert "<b>Figure 1.</b> What each identity can really do" in pages["task"]
    assert 'src="data:image/svg+xml;base64,' in pages["task"]


def test_oversized_output_is_named_not_shown() -> None:
    big = new_output("display_data", data={"text/html": "<table>" + "<tr><td>x</td></tr>" * 20_000 + "</table>"})
    page = render_task_page(new_notebook(cells=[sample.code("big", big)]), sample.header())
    assert "A table of 380 kB is left out of this page." in page


def test_many_outputs_stay_within_the_page_budget() -> None:
    table = "<table><caption>c</caption>" + "<tr><td>some text in a cell</td></tr>" * 4_000 + "</table>"
    outputs = [new_output("display_data", data={"text/html": table}) for _ in range(40)]
    page = render_task_page(new_notebook(cells=[sample.code("many", *outputs)]), sample.header())
    assert len(page) < 1_700_000 and "is left out of this page" in page


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "\\\\host\\share"])
def test_link_out_of_the_run_leads_nowhere(path: str) -> None:
    assert file_href(path) == "#"


def test_link_to_a_file_of_the_run_is_relative_and_quoted() -> None:
    assert file_href("artifacts/rls/a b.json") == "./artifacts/rls/a%20b.json"
    assert file_href("javascript:alert(1)").startswith("./javascript%3A")


@pytest.mark.parametrize(
    ("commit", "shown"),
    [("4c0c4b8f1d2e7a90", "4c0c4b8f1d2e"), ("4c0c4b8f1d2e+", "4c0c4b8f1d2e+"), ("4c0c4b8f1d2e7a90+", "4c0c4b8f1d2e+")],
)
def test_commit_keeps_its_mark_of_changes(commit: str, shown: str) -> None:
    assert f"<code>{shown}</code>" in render_task_page(None, sample.header(commit=commit))


def test_same_input_gives_the_same_page(pages: dict[str, str]) -> None:
    assert render_task_page(sample.rls_notebook(), sample.header()) == pages["task"]


def test_notebook_is_left_as_it_was() -> None:
    notebook = sample.rls_notebook()
    before = json.dumps(notebook, sort_keys=True)
    render_task_page(notebook, sample.header())
    assert json.dumps(notebook, sort_keys=True) == before


def test_row_has_a_place_for_all_that_a_line_of_evidence_says() -> None:
    renamed: dict[str, Any] = {"outcome": "result"}
    named = {renamed.get(field.name, field.name) for field in fields(CheckRow)} - {"title", "items", "age_s"}
    assert named == set(EvidenceLine.model_fields) - {"schema_version", "run_id", "project", "environment"}


def test_launch_list_shows_each_item_with_its_verdict_and_where_it_is_proved() -> None:
    proof = ProofLink(title="Row level security", page="rls.html#results", outcome=Outcome.PASS)
    items = (
        LaunchRow(number=2, title="The tests pass", state=State.PASSED, provenance=Provenance.LIVE, proofs=(proof,)),
        LaunchRow(number=3, title="Seeded", state=State.PASSED, provenance=Provenance.EMBEDDED),
        LaunchRow(number=4, title="Told", state=State.ABSENT, detail="Not part of this run. Fix: Run it."),
    )
    page = render_index(None, sample.summary(launch_list=items, tally="2 of 3 passed"))
    rows = [row for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if 'class="came-to"' in row and 'class="proofs"' in row]
    said = [("only in rehearsal" in row, "not in this run" in row) for row in rows]
    assert said == [(False, False), (True, False), (False, True)]
    assert 'href="./rls.html#results"' in rows[0]
    assert "2 of 3 passed" in page


def test_an_item_by_hand_names_who_does_it_and_one_that_is_not_ours_why() -> None:
    items = (
        LaunchRow(number=5, title="QA agrees", state=State.BY_HAND, by="ana <b>@example.com", detail="She signs the ticket."),
        LaunchRow(number=6, title="The site is told", state=State.NOT_OURS, by="the web team tells it"),
    )
    page = render_index(None, sample.summary(launch_list=items, tally="0 of 2 passed, 1 by hand, 1 not ours"))
    rows = [row for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if 'class="came-to"' in row and 'class="proofs"' in row]
    assert "by hand" in rows[0] and ": ana &lt;b&gt;@example.com" in rows[0] and "She signs the ticket." in rows[0]
    assert "not ours" in rows[1] and ": the web team tells it" in rows[1]
    assert not any("passed" in row for row in rows)


def test_a_tall_figure_stands_behind_the_results_and_another_before_them() -> None:
    for height, is_before in (("300pt", True), ("900.5pt", False), ("1..5pt", True)):
        data = {"image/svg+xml": f'<svg width="230pt" height="{height}"></svg>'}
        notebook = new_notebook(cells=[sample.code("figure", new_output("display_data", data=data))])
        page = render_task_page(notebook, sample.header(checks=(sample.row("rls.every_table_enabled"),)))
        assert (page.index('id="telling"') < page.index('class="findings"')) is is_before
        assert "stands beside the results" in page
