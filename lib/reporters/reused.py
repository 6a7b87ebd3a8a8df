"""How a run tells of results that it took over from an earlier one: which run looked, and how long ago. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from lib.core.wording import format_duration
from lib.evidence.log import EvidenceLine


def describe_reused(lines: Iterable[EvidenceLine], now: datetime) -> str:
    """Return where and when reused results were found, as the end of a sentence; '' when none of the lines is reused.

    The age is the oldest look's.
    """
    found = [line.reused_from for line in lines if line.reused_from is not None]
    if not found:
        return ""
    runs = ", ".join(dict.fromkeys(one.run_id for one in found))
    age_s = (now - min(one.looked_at for one in found)).total_seconds()
    return f"looked at in run {runs}, {format_duration(max(0.0, age_s))} ago"


def tell_reused(line: EvidenceLine, now: datetime) -> EvidenceLine:
    """Return a line that says first where it was found, when it was reused; its result stays what it is."""
    said = describe_reused([line], now)
    return line.model_copy(update={"detail": f"Reused: {said}. {line.detail}".strip()}) if said else line


def name_reused(reused: Mapping[str, str]) -> str:
    """Return which tasks were reused from where, each source once. reused: task's title -> where and when it was found."""
    titles: dict[str, list[str]] = {}
    for title, said in reused.items():
        titles.setdefault(said, []).append(title)
    return "; ".join(f"{', '.join(names)}: {said}" for said, names in titles.items())
