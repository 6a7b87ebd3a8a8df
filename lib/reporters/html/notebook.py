"""A notebook's cells as safe pieces of a page: prose, folded code, tables, figures, errors.

Whatever a cell put out is treated as hostile: text is escaped and redacted, HTML is reduced to plain
tables and prose, pictures become inert images. Nothing here can fetch or run anything.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import nh3
from markupsafe import Markup, escape
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode

from lib.core.redact import redact
from lib.core.wording import format_size, plain_text
from lib.reporters.html.parameters import Parameter, read_parameters
from lib.reporters.html.prose import Heading, render_prose

HIDDEN_CELL_TAGS = frozenset({"in-header", "remove-cell", "parameters", "injected-parameters", "papermill-error-cell-tag"})
"""Cells the page leaves out: what its head says already, and papermill's own banners; `remove-cell` is Jupyter Book's."""
HIDDEN_OUTPUT_TAG, HIDDEN_CODE_TAG = "remove-output", "remove-input"
TELLING_TAG = "telling"
"""The cell whose figure stands beside the results; without one the first figure does."""
SHOWN_ABOVE = Markup('<p class="moved"><a href="#telling">{}</a> stands beside the results.</p>')
QUIET_ERROR = "NotReadyError"
"""The gate's own error repeats the verdict at the top of the page."""
PAGE_BUDGET = 1_500_000
"""Bytes of outputs on one page; the rest is named and stays in the notebook file."""
OUTPUT_LIMITS = {"text/html": 200_000, "image/svg+xml": 400_000, "image/png": 600_000, "image/jpeg": 600_000}
"""Bytes of one output, by kind, above which a browser on a phone gets slow."""
LONGEST_STREAM = 8_000
"""Characters of printed text shown of one output."""
PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
SHOWN_FIRST = (*PICTURES, "text/html", "text/markdown", "text/plain")
NOTHING = Markup("")
FIGURE, TALL = "<figure", '<figure class="tall">'
TALLEST_PT = 420
"""Height of a figure, in points, beyond which it stands behind the results: they are not pushed off the screen."""
SVG_HEIGHT = re.compile(r'<svg[^>]*?\bheight="(\d{1,6}(?:\.\d+)?)pt"')
MANY_COLUMNS = 4
"""Columns from which a table is wider than a phone."""
SCROLLS = '<p class="hint">This table is wider than the screen: it scrolls sideways.</p>'

TAGS = {
    *("b", "br", "code", "em", "i", "kbd", "s", "small", "span", "strong", "sub", "sup", "a"),
    *("h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("details", "summary"),
}
ATTRIBUTES = {"a": {"href"}, "th": {"scope", "colspan", "rowspan"}, "td": {"colspan", "rowspan"}}
CLASSES = {
    "ul": {"looked"},
    "table": {"rows"},
    "th": {"number"},
    "td": {"number", "rest"},
    "details": {"cut"},
    "span": {"outcome", "pass", "fail", "skip", "error"},
}


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One cell as the page shows it."""

    prose: Markup = NOTHING
    code: Markup = NOTHING
    outputs: tuple[Markup, ...] = ()
    is_telling: bool = False


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a notebook shows, in order.

    title: its first heading, or ''. headings: the others, for the table of contents. telling: the figure that says most.
    """

    title: str = ""
    headings: tuple[Heading, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    passages: tuple[Passage, ...] = ()
    telling: Markup = NOTHING

    @property
    def is_tall(self) -> bool:
        return TALL in self.telling


@dataclass
class Numbers:
    """Counts what a page numbers, and what is left of its size."""

    tables: int = 0
    figures: int = 0
    budget: int = PAGE_BUDGET
    slugs: set[str] = field(default_factory=set)


def read_story(notebook: NotebookNode, *, has_results: bool = False) -> Story:
    """Return the notebook's story, every piece safe to put on a page as it is.

    has_results: whether the page has results beside which the telling figure stands; else it stays in its place.
    """
    numbers, title, headings, passages = Numbers(), "", [], []
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "markdown" and not tags & HIDDEN_CELL_TAGS:
            prose, found = render_prose(cell.source, numbers.slugs, drop_title=not title)
            title = title or next((heading.text for heading in found if heading.level == 1), "")
            headings += [heading for heading in found if heading.level > 1]
            passages.append(Passage(prose=prose))
        elif cell.cell_type == "code":
            passages.append(read_code_cell(cell, tags, numbers))
    telling, passages = take_telling(passages) if has_results else (NOTHING, passages)
    shown = tuple(passage for passage in passages if passage != Passage())
    return Story(title=title, headings=tuple(headings), parameters=read_parameters(notebook), passages=shown, telling=telling)


def take_telling(passages: Sequence[Passage]) -> tuple[Markup, list[Passage]]:
    """Return the figure that says most, and the passages with a link in its place."""
    pictured = [one for one in passages if any(FIGURE in output for output in one.outputs)]
    chosen = next((one for one in pictured if one.is_telling), pictured[0] if pictured else None)
    if chosen is None:
        return NOTHING, list(passages)
    figure = next(output for output in chosen.outputs if FIGURE in output)
    number = re.search(r"Figure \d+", figure)
    link = SHOWN_ABOVE.format(number[0] if number else "Its figure")
    moved = replace(chosen, outputs=tuple(link if output is figure else output for output in chosen.outputs))
    return figure, [moved if one is chosen else one for one in passages]


def read_code_cell(cell: NotebookNode, tags: set[str], numbers: Numbers) -> Passage:
    """Return a code cell with what it put out; of a hidden cell only an unexpected error is left."""
    outputs = cell.get("outputs", ())
    if tags & HIDDEN_CELL_TAGS:
        outputs = [one for one in outputs if one.output_type == "error" and one.get("ename") != QUIET_ERROR]
        return Passage(outputs=tuple(format_outputs(outputs, numbers)))
    if HIDDEN_OUTPUT_TAG in tags:
        outputs = [one for one in outputs if one.output_type == "error"]
    code = NOTHING if HIDDEN_CODE_TAG in tags or not cell.source.strip() else highlight(cell.source)
    return Passage(code=code, outputs=tuple(format_outputs(outputs, numbers)), is_telling=TELLING_TAG in tags)


def highlight(source: str) -> Markup:
    """Return Python source as coloured HTML; pygments escapes it."""
    paint = Highlight2HTML(pygments_lexer="python3")  # type: ignore[no-untyped-call]
    return Markup(paint(plain_text(source, limit=20_000)).replace("<pre>", '<pre tabindex="0">', 1))


def format_outputs(outputs: Iterable[Mapping[str, Any]], numbers: Numbers) -> Iterator[Markup]:
    """Yield each output as safe HTML, until the page's size is used up."""
    for output in outputs:
        shown = format_output(output, numbers)
        if len(shown) > numbers.budget:
            yield left_out("An output", len(shown))
            continue
        numbers.budget -= len(shown)
        if shown:
            yield shown


def format_output(output: Mapping[str, Any], numbers: Numbers) -> Markup:
    """Return one output as safe HTML, '' when there is nothing to see."""
    kind = output.get("output_type")
    if kind == "error":
        return format_error(output)
    if kind == "stream":
        return format_text(output.get("text", ""))
    data = output.get("data", {})
    chosen = next((mime for mime in SHOWN_FIRST if mime in data), None)
    if chosen is None:
        return NOTHING
    content = as_text(data[chosen])
    if len(content) > OUTPUT_LIMITS.get(chosen, len(content)):
        return left_out("A table" if chosen == "text/html" else "A picture", len(content))
    if chosen in PICTURES:
        about = output.get("metadata", {}).get(chosen, {})
        return format_picture(chosen, content, about, numbers)
    if chosen == "text/html":
        return format_html(content, numbers)
    if chosen == "text/markdown":
        return Markup('<div class="prose">{}</div>').format(render_prose(content, numbers.slugs)[0])
    return format_text(content)


def as_text(value: Any) -> str:
    """Return a notebook's text, which may be stored as a list of lines."""
    return "".join(value) if isinstance(value, list) else str(value)


def format_text(text: Any) -> Markup:
    """Return printed text as it was, without terminal codes."""
    clean = plain_text(as_text(text), limit=LONGEST_STREAM).strip("\n")
    return Markup('<pre class="printed" tabindex="0">{}</pre>').format(clean) if clean.strip() else NOTHING


def format_error(output: Mapping[str, Any]) -> Markup:
    """Return an error as a box a person can read, its traceback folded away."""
    name = plain_text(str(output.get("ename", "Error")), limit=80)
    message = plain_text(str(output.get("evalue", ""))) or "It gave no message."
    trace = plain_text("\n".join(map(str, output.get("traceback", ()))), limit=20_000)
    folded = (
        Markup('<details><summary>Show traceback</summary><pre tabindex="0">{}</pre></details>').format(trace) if trace else ""
    )
    box = '<div class="failure"><p class="label">The notebook stopped here: {}</p><p class="message">{}</p>{}</div>'
    return Markup(box).format(name, message, folded)


def format_picture(mime: str, content: str, about: Mapping[str, Any], numbers: Numbers) -> Markup:
    """Return a picture as an inert image with its caption and its text."""
    numbers.figures += 1
    height = SVG_HEIGHT.search(content[:2000])
    opening = Markup(TALL if height and float(height[1]) > TALLEST_PT else "<figure>")
    if mime == "image/svg+xml":
        content = b64encode(redact(content).encode()).decode()
    elif not re.fullmatch(r"[A-Za-z0-9+/=\s]*", content):
        return left_out("A picture that can't be read", len(content))
    number = f"Figure {numbers.figures}"
    alt = plain_text(str(about.get("alt") or "The notebook says nothing about what this figure shows."))
    caption = plain_text(str(about.get("caption") or ""))
    figure = (
        '{}<div class="scroll" role="region" tabindex="0" aria-label="{}"><img alt="{}" src="data:{};base64,{}"></div>'
        "<figcaption><b>{}.</b> {}</figcaption></figure>"
    )
    return Markup(figure).format(opening, number, alt, mime, "".join(content.split()), number, caption)


def format_html(content: str, numbers: Numbers) -> Markup:
    """Return HTML reduced to plain tables and prose: no scripts, styles, pictures, ids or handlers.

    Each table is numbered and scrolls inside a region of its own, so that the page never does.
    """
    clean = sanitise(plain_text(content, limit=OUTPUT_LIMITS["text/html"]))

    def frame(found: re.Match[str]) -> str:
        numbers.tables += 1
        number = f"Table {numbers.tables}"
        table = found[0].replace("<caption>", f"<caption><b>{number}.</b> ", 1)
        hint = SCROLLS if table.count('scope="col"') >= MANY_COLUMNS else ""
        return f'{hint}<div class="scroll" role="region" tabindex="0" aria-label="{number}">{table}</div>'

    shown = re.sub(r"<table\b.*?</table>", frame, clean, flags=re.DOTALL)
    return Markup('<div class="output">{}</div>').format(Markup(shown)) if clean.strip() else NOTHING


def sanitise(content: str) -> str:
    """Return HTML with only the tags, attributes and addresses that can do no harm."""
    return nh3.clean(
        content,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def left_out(what: str, size: int) -> Markup:
    """Return the note that stands for an output too large for a page."""
    note = "{} of {} is left out of this page. It is in the notebook file, linked below."
    return Markup('<p class="note">{}</p>').format(escape(note.format(what, format_size(size))))
