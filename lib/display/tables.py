"""Tables that a notebook shows: the same rows as escaped HTML, aligned text, or a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lib.core.results import Json, Outcome
from lib.core.wording import LONGEST_VALUE, format_count, format_value, outcome_symbol, outcome_word, plain_text
from lib.display.fold import fold_text

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 50
"""Rows shown; a longer table is read in its artifact, not on a page."""
WHOLE_CELL = 2_000
"""Characters of one cell that its fold opens."""
LARGEST_FOLDED = 120_000
"""Characters of a table's HTML beyond which cells are cut, so that no page has to leave the table out."""
LONGEST_TEXT_CELL = 60
"""Characters of one cell in the plain text form, so that a row stays on one terminal line."""
OUTCOMES = frozenset(outcome.value for outcome in Outcome)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows with a caption, shown by Jupyter, the page and the terminal alike.

    rows: one mapping an object, all with the same keys, values plain JSON.
    artifact: where the whole is kept when only the first `limit` rows are shown.
    """

    rows: Sequence[Mapping[str, Json]]
    caption: str
    limit: int = MOST_ROWS
    artifact: str | None = None

    @property
    def columns(self) -> list[str]:
        """The keys of the rows, in the order first met."""
        return list(dict.fromkeys(key for row in self.rows for key in row))

    @property
    def frame(self) -> pandas.DataFrame:
        """Every row as a DataFrame, for exploring further in a notebook."""
        import pandas  # costs 130 ms, and only a person exploring asks for it

        return pandas.DataFrame(list(self.rows), columns=self.columns)

    @property
    def rest(self) -> str:
        """The line that says what is not shown, or ''."""
        hidden = len(self.rows) - self.limit
        if hidden <= 0:
            return ""
        where = f"; the whole is in {self.artifact}" if self.artifact else ""
        return f"and {format_count(hidden, 'more row')}{where}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": table_html(self), "text/plain": table_text(self)}

    def __repr__(self) -> str:
        return table_text(self)


def make_table(rows: Iterable[Mapping[str, Json]], caption: str, *, limit: int = MOST_ROWS, artifact: str | None = None) -> Table:
    """Return the rows as a table that shows itself at the end of a cell."""
    return Table(rows=tuple(rows), caption=caption, limit=limit, artifact=artifact)


def heading(column: str) -> str:
    """Return a column's key as a reader sees it: `max_wait_ms` is "max wait ms"."""
    return plain_text(column.replace("_", " "), limit=80)


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numeric_columns(rows: Sequence[Mapping[str, Json]], columns: Iterable[str]) -> set[str]:
    """Return the columns that hold only numbers and unknowns, at least one number."""
    found = set()
    for column in columns:
        values = [row.get(column) for row in rows if row.get(column) is not None]
        if values and all(is_number(value) for value in values):
            found.add(column)
    return found


def table_html(table: Table) -> str:
    """Return the table as HTML of our own: caption, header scopes, every value escaped; a long one opens."""
    folded = _build_html(table, WHOLE_CELL)
    return folded if len(folded) <= LARGEST_FOLDED else _build_html(table, LONGEST_VALUE)


def _build_html(table: Table, whole: int) -> str:
    """Return the table as HTML. whole: characters of one cell that are kept."""
    shown, columns = table.rows[: table.limit], table.columns
    numeric = numeric_columns(shown, columns)
    head = "".join(f'<th scope="col"{_align(column in numeric)}>{escape(heading(column))}</th>' for column in columns)
    body = "".join(f"<tr>{_row_cells(row, columns, numeric, whole)}</tr>" for row in shown)
    if not table.rows:
        body = "<tr><td>nothing was found</td></tr>"
    more = f'<tr><td class="rest" colspan="{len(columns)}">{escape(table.rest)}</td></tr>' if table.rest else ""
    caption = escape(plain_text(table.caption))
    return f'<table class="rows"><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>'


def _align(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _row_cells(row: Mapping[str, Json], columns: Sequence[str], numeric: set[str], whole: int) -> str:
    """Return the cells of one row; the first names the row."""
    cells = []
    for place, column in enumerate(columns):
        value = row.get(column)
        text = fold_text(format_value(value, limit=whole), LONGEST_VALUE)
        if isinstance(value, str) and value in OUTCOMES:
            outcome = Outcome(value)
            text = f'<span class="outcome {value}">{outcome_symbol(outcome)} {outcome_word(outcome)}</span>'
        tag = "th" if place == 0 and column not in numeric else "td"
        scope = ' scope="row"' if tag == "th" else ""
        # The label is shown by the style sheet where a phone stacks the cells of a row.
        label = escape(heading(column))
        cells.append(f'<{tag}{scope}{_align(column in numeric)} data-label="{label}">{text}</{tag}>')
    return "".join(cells)


def table_text(table: Table) -> str:
    """Return the table as aligned plain text, for the terminal and for stored outputs."""
    shown, columns = table.rows[: table.limit], table.columns
    numeric = numeric_columns(shown, columns)
    grid = [[heading(column) for column in columns]]
    grid += [[_text_cell(row.get(column)) for column in columns] for row in shown]
    widths = [max((len(line[place]) for line in grid), default=0) for place in range(len(columns))]
    lines = [plain_text(table.caption)]
    for line in grid if table.rows else [["nothing was found"]]:
        cells = zip(line, widths or [0], columns or [""], strict=False)
        lines.append(
            "  ".join(text.rjust(width) if name in numeric else text.ljust(width) for text, width, name in cells).rstrip()
        )
    return "\n".join([*lines, table.rest] if table.rest else lines)


def _text_cell(value: Json) -> str:
    """Return one value on one line."""
    return " ".join(format_value(value, limit=LONGEST_TEXT_CELL).split())
