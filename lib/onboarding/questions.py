"""Questions at the head of the file: what looks dangerous first, each on a comment line that waits for a person's answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from lib.core.visible import plain_line
from lib.onboarding.observed import Finding
from lib.onboarding.yaml_text import MARK, mark, spell_comment

QUESTION = re.compile(
    r"^# (?P<kind>DANGER|DECIDE)\? (?P<text>.*?)(?: Seen and accepted\.)?\s*(?:#\s*observed [-\d]+, unconfirmed)?\s*$"
)
ANSWER = " Seen and accepted."
"""What a question says once a person has accepted it."""


def spell_question(finding: Finding) -> str:
    """Return a question as it stands in the file, without its mark."""
    place = "" if finding.place and finding.place in finding.question else f"{finding.place}: "
    text = spell_comment(plain_line(f"{place if finding.place else ''}{finding.question}"))
    return f"# {'DANGER' if finding.danger else 'DECIDE'}? {text}"


def order_questions(findings: Iterable[Finding]) -> list[str]:
    """Return each question once, what looks dangerous first."""
    return list(dict.fromkeys(spell_question(one) for one in sorted(findings, key=lambda one: not one.danger)))


def bare_question(line: str) -> str:
    """Return a question's line without its answer and mark; '' for any other line."""
    found = QUESTION.match(line)
    return f"# {found['kind']}? {found['text']}" if found else ""


def is_danger(line: str) -> bool:
    return line.startswith("# DANGER? ")


def answered(line: str) -> str:
    """Return a question's line as it stands once a person has accepted what it says."""
    return bare_question(line) + ANSWER


def renew_questions(lines: Sequence[str], wanted: Sequence[str], *, day: str, keep: bool) -> list[str]:
    """Return a document's lines with its questions renewed: new ones added, unanswered ones that are no more removed.

    keep: nothing is removed, since not all could be looked at. An answered question is never changed.
    """
    kept = [line for line in lines if not is_gone(line, wanted) or keep]
    there = {bare_question(line) for line in kept}
    new = [f"{question}  {mark(day)}" for question in wanted if question not in there]
    place = find_place(kept)
    return [*kept[:place], *new, *kept[place:]]


def is_gone(line: str, wanted: Collection[str]) -> bool:
    """Return whether a line is a question that nobody answered and nothing asks any more."""
    question = bare_question(line)
    return bool(question) and bool(MARK.search(line)) and question not in wanted


def find_place(lines: Sequence[str]) -> int:
    """Return where new questions go: after the last one, else after the comments that the document opens with."""
    asked = [place for place, line in enumerate(lines) if bare_question(line)]
    if asked:
        return asked[-1] + 1
    return next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
