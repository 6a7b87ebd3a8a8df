"""What one look brought back, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lib.core.results import Outcome
from lib.core.wording import format_value, gate_word, outcome_symbol, outcome_word, plain_text, skip_word
from lib.display.tables import Table
from lib.evidence.log import EvidenceLine

MOST_FIXES = 12
"""Things to do shown of one result; `keep_whole` keeps no more."""
STYLE = """<style>
.launch-look { --pass: #14603f; --fail: #a11b14; --error: #7a4b00; --skip: #4d5966; --soft: #52606d; --line: #e1e5ea; }
body[data-jp-theme-light="false"] .launch-look, body.vscode-dark .launch-look {
  --pass: #7fd3a8; --fail: #ff9d94; --error: #f2c265; --skip: #b4bec9; --soft: #a7b2bd; --line: #4a5663; }
.launch-look { margin: 0 0 .8em; line-height: 1.45; }
.launch-look .band { background: #123a69; color: #fff; padding: .35em .8em; margin: 0 0 .7em; }
.launch-look .band b { letter-spacing: .1em; margin-right: .5em; }
.launch-look ul.looked { list-style: none; margin: 0; padding: 0; }
.launch-look ul.looked > li { border-left: 4px solid var(--skip); padding: .1em 0 .2em .8em; margin: 0 0 .6em; }
.launch-look ul.looked > li.pass { border-color: var(--pass); } .launch-look ul.looked > li.fail { border-color: var(--fail); }
.launch-look ul.looked > li.error { border-color: var(--error); }
.launch-look .outcome { font-weight: 700; } .launch-look .pass .outcome { color: var(--pass); }
.launch-look .fail .outcome { color: var(--fail); } .launch-look .error .outcome { color: var(--error); }
.launch-look .skip .outcome { color: var(--skip); }
.launch-look .facts, .launch-look code.id { color: var(--soft); font-size: .92em; }
.launch-look p { margin: .15em 0; overflow-wrap: anywhere; }
.launch-look .fix b { margin-right: .3em; }
</style>"""
"""The page's colours, on a light and a dark ground; each pair of them is readable (WCAG AA)."""


def worth(line: EvidenceLine) -> str:
    """Return what a pass is worth, behind its title: " · 24 of 24 faults found"; '' where no fault was tried."""
    return f" · {line.faults.words}" if line.faults and line.faults.words else ""


@dataclass(frozen=True, kw_only=True)
class LookResult:
    """What one look brought back, as a notebook shows it: a line a check, then the rows.

    facts: plain data for a later look or a figure; None when the look could not be made.
    table: the rows; `frame` is all of them as a pandas DataFrame, to go on with: `task.look(...).frame.sort_values(...)`.
    band: what a rehearsal says of itself. is_whole: whether all of each result is shown: seen, expected, detail, fix. A page
    has its own table of results, so a run's notebook shows the lines alone.
    """

    lines: Sequence[EvidenceLine]
    titles: Sequence[str]
    table: Table
    facts: Any
    band: str = ""
    is_whole: bool = False

    @property
    def frame(self) -> Any:
        """Every row as a pandas DataFrame, for exploring further."""
        return self.table.frame

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        rows = self.table._repr_mimebundle_(**options) if self.table.rows else {"text/html": "", "text/plain": ""}
        said = list(zip(self.lines, self.titles, strict=True))
        if self.is_whole:
            html, text = whole_html(said, self.band), whole_text(said, self.band)
        else:
            html = f'<ul class="looked">{"".join(f"<li>{head_html(line, title)}</li>" for line, title in said)}</ul>'
            text = "\n".join(head_text(line, title) for line, title in said)
        return {
            "text/html": f"{html}{rows['text/html']}",
            "text/plain": "\n".join(part for part in (text, rows["text/plain"]) if part),
        }

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]


def head_html(line: EvidenceLine, title: str) -> str:
    """Return the first line of a result: how it ended, of what, and what a pass is worth."""
    word = f"{outcome_symbol(line.result)} {outcome_word(line.result)}"
    return f'<span class="outcome {line.result}">{word}</span> {escape(title)}{escape(worth(line))}'


def head_text(line: EvidenceLine, title: str) -> str:
    return f"{outcome_symbol(line.result)} {title}{worth(line)}"


def facts_of(line: EvidenceLine) -> str:
    """Return what was seen and expected, whether it stops the launch, and where it was looked at, in one line."""
    seen = []
    if line.observed is not None:
        seen.append(f"seen: {format_value(line.observed, line.unit)}")
    if line.expected is not None:
        seen.append(f"expected: {format_value(line.expected, line.unit)}")
    reason = [skip_word(line.skipped_because)] if line.result is Outcome.SKIP else []
    return " · ".join([*seen, *reason, gate_word(line.gate), line.provenance.value])


def whole_html(said: Sequence[tuple[EvidenceLine, str]], band: str) -> str:
    """Return all that each result says, as HTML whose every value is escaped."""
    items = "".join(f'<li class="{line.result}">{item_html(line, title)}</li>' for line, title in said)
    above = f'<p class="band"><b>REHEARSAL</b>{escape(band)}</p>' if band else ""
    return f'<div class="launch-look">{STYLE}{above}<ul class="looked">{items}</ul></div>'


def item_html(line: EvidenceLine, title: str) -> str:
    parts = [f"<p>{head_html(line, title)}</p>"]
    parts.append(f'<p class="facts">{escape(plain_text(facts_of(line)))} · <code class="id">{escape(line.check)}</code></p>')
    if line.detail:
        parts.append(f"<p>{escape(plain_text(line.detail))}</p>")
    if line.result is not Outcome.PASS:
        parts += [f'<p class="fix"><b>Fix:</b>{escape(plain_text(one))}</p>' for one in line.fix[: MOST_FIXES + 1]]
    return "".join(parts)


def whole_text(said: Sequence[tuple[EvidenceLine, str]], band: str) -> str:
    """Return the same as plain text."""
    lines = [f"REHEARSAL {band}"] if band else []
    for line, title in said:
        lines += [head_text(line, title), f"    {plain_text(facts_of(line))}"]
        lines += [f"    {plain_text(line.detail)}"] if line.detail else []
        lines += [f"    Fix: {plain_text(one)}" for one in line.fix] if line.result is not Outcome.PASS else []
    return "\n".join(lines)
