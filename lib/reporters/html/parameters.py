"""The parameters a notebook ran with, read from its own cells."""

from __future__ import annotations

import ast
import io
import tokenize
from contextlib import suppress
from dataclasses import dataclass

from nbformat import NotebookNode

from lib.core.wording import plain_text


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter in force.

    meaning: the comment beside its default. is_set: given for this run, not the notebook's default.
    """

    name: str
    value: str
    meaning: str = ""
    is_set: bool = False


def read_parameters(notebook: NotebookNode) -> tuple[Parameter, ...]:
    """Return each parameter with the value that was in force, in the order of the notebook's cell."""
    found: dict[str, Parameter] = {}
    for tag in ("parameters", "injected-parameters"):
        for cell in notebook.cells:
            if cell.cell_type == "code" and tag in cell.metadata.get("tags", ()):
                for one in read_assignments(cell.source, is_set=tag != "parameters"):
                    known = found.get(one.name)
                    is_set = one.is_set and (known is None or not same_literal(known.value, one.value))
                    meaning = one.meaning or (known.meaning if known else "")
                    found[one.name] = Parameter(name=one.name, value=one.value, meaning=meaning, is_set=is_set)
    return tuple(found.values())


def read_assignments(source: str, *, is_set: bool) -> list[Parameter]:
    """Return the plain `name = literal  # meaning` lines of a cell; a cell that is no Python gives none."""
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return []
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found = []
    for line in tree.body:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            target = line.targets[0] if isinstance(line, ast.Assign) else line.target
            if isinstance(target, ast.Name):
                value = format_literal(ast.get_source_segment(source, line.value) or "")
                meaning = plain_text(comments.get(line.end_lineno or 0, ""), limit=200)
                found.append(Parameter(name=target.id, value=value, meaning=meaning, is_set=is_set))
    return found


def format_literal(text: str) -> str:
    """Return a literal as its value reads, the same however it was quoted."""
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):  # an expression is shown as it is written
        text = repr(ast.literal_eval(text))
    return plain_text(text, limit=200)


def same_literal(one: str, other: str) -> bool:
    """Return whether two literals mean the same: 40 and 40.0 do."""
    try:
        return bool(ast.literal_eval(one) == ast.literal_eval(other))
    except (ValueError, SyntaxError):
        return one == other
