"""What a deployment runbook says of people and times: who is mailed, when a deploy may happen, which guardrails it rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.core.wording import join_words
from lib.display.markdown import find_links, is_in_files, linked_path

DAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip
ANY_TIME = "No deployment window is declared: a deploy may happen at any time."
MAILED = {
    "success": re.compile(r"\bsucc(?:ess|eed)", re.IGNORECASE),
    "failure": re.compile(r"\bfail", re.IGNORECASE),
    "rollback": re.compile(r"\brol(?:l|led) ?-?back", re.IGNORECASE),
}
"""What people are mailed about -> how a line about it is recognised."""
PERSON = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bNOTIFY_EMAIL\b")
ON_MAIL = re.compile(r"^(#+) .*\b(?:e-?mail(?:ed|s)?|mail(?:ed|s)?|notif\w+)\b", re.IGNORECASE)


def find_unmailed(text: str) -> list[str]:
    """Return of which endings the runbook does not say who is mailed: a line each, below a heading on mail, with an address."""
    lines = section_on_mail(text)
    return [ending for ending, word in MAILED.items() if not any(word.search(line) and PERSON.search(line) for line in lines)]


def section_on_mail(text: str) -> list[str]:
    """Return the lines below the first heading on who is mailed, up to the next heading of its level or above."""
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if opening := ON_MAIL.match(line):
            level = len(opening[1])
            ends = (at for at, one in enumerate(lines) if at > place and re.match(rf"#{{1,{level}}} ", one))
            return lines[place + 1 : next(ends, len(lines))]
    return []


def format_window(window: Mapping[str, Any] | None) -> str:
    """Return when a deploy may happen, as one sentence. window: as the settings have it; None when none is declared."""
    if not window:
        return ANY_TIME
    days = [DAYS.get(str(day), str(day)) for day in window.get("days") or ()]
    when = join_words(days) if days else "Every day"
    closed = [str(day).replace("..", " to ") for day in window.get("closed") or ()]
    apart = f", but not on {join_words(closed)}" if closed else ""
    return f"{when}, from {window.get('opens')} to {window.get('until')}, time zone {window.get('time_zone')}{apart}."


def find_window_problem(text: str, window: Mapping[str, Any] | None) -> str:
    """Return that the runbook does not say when a deploy may happen as the settings have it, '' when it does."""
    if not window:
        return ""
    wanted = format_window(window)
    said = " ".join(text.split())
    return "" if wanted in said else f"It does not say when a deploy may happen as deploy_rehearsal.window has it: {wanted}"


def find_guardrails_problem(text: str, folder: Path, pack: Path, document: str) -> str:
    """Return that the runbook does not link to the feature pack's guardrail document, '' when it does or none is named.

    folder: the runbook's. document: its path in the pack.
    """
    if not document:
        return ""
    linked = {linked_path(address, folder) for address in find_links(text) if is_in_files(address)}
    return "" if linked_path(document, pack) in linked else f"It has no link to {document}, the guardrails of the feature pack."


def find_word_problems(text: str, folder: Path, pack: Path, *, document: str, window: Mapping[str, Any] | None) -> Sequence[str]:
    """Return what the runbook leaves open about people, times and guardrails, a sentence each."""
    unmailed = find_unmailed(text)
    found = (
        f"It does not say who is mailed on {join_words(unmailed)}." if unmailed else "",
        find_window_problem(text, window),
        find_guardrails_problem(text, folder, pack, document),
    )
    return [problem for problem in found if problem]
