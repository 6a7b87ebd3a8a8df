"""What a run's evidence makes of each item of the launch list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lib.core.launch_items import LaunchItem
from lib.core.results import Outcome, SkipReason, least_real
from lib.core.verdict import GateInput, State, sum_up
from lib.core.wording import WORST_FIRST, as_sentence, format_count, outcome_word, skip_word
from lib.evidence.log import EvidenceLine
from lib.reporters.html.model import LaunchRow, ProofLink
from lib.reporters.summary import NOTHING
from lib.tasks.index import SUMMARY, every_check, task_named

OTHER_GATES = "Other gates: everything else that stops the launch"
"""The line of the gates that no item names."""


def judge_items(
    items: Iterable[LaunchItem], lines: Sequence[EvidenceLine], proved: Mapping[str, GateInput] = NOTHING
) -> tuple[LaunchRow, ...]:
    """Return what the evidence makes of each item, and at the end of the gates that belong to none, if there are any.

    proved: what counts in the place of a line, by its check: it was proved in another environment.
    """
    found = {line.check: line for line in lines}
    items = tuple(items)
    rows = [
        row_without_checks(item)
        or judge_item(item.number, item.title, item.checks, [found[check] for check in item.checks if check in found], proved)
        for item in items
    ]
    listed = {check for item in items for check in item.checks}
    others = [line for line in lines if line.gate and line.check not in listed and not is_apart(line)]
    return (*rows, *([judge_item(None, OTHER_GATES, [line.check for line in others], others, proved)] if others else []))


def row_without_checks(item: LaunchItem) -> LaunchRow | None:
    """Return what an item comes to that no check proves: it never passes, whatever the run found. None for any other."""
    if item.manual is not None:
        owner, how = item.manual.owner, item.manual.how
        return LaunchRow(number=item.number, title=item.title, state=State.BY_HAND, by=owner, detail=as_sentence(how))
    if item.not_ours:
        return LaunchRow(number=item.number, title=item.title, state=State.NOT_OURS, by=item.not_ours)
    return None


def is_apart(line: EvidenceLine) -> bool:
    """Return whether there was nothing to look at; the page says so in its own place."""
    return line.skipped_because is SkipReason.NOT_APPLICABLE


def judge_item(
    number: int | None,
    title: str,
    checks: Sequence[str],
    lines: Sequence[EvidenceLine],
    proved: Mapping[str, GateInput] = NOTHING,
) -> LaunchRow:
    """Return what an item's checks come to together.

    lines: of the item's checks that have a result.
    """
    judged = [proved.get(line.check, line.judged) for line in lines]
    absent = [check for check in checks if check not in {line.check for line in lines}]
    state = sum_up(judged, is_whole=not absent)
    return LaunchRow(
        number=number,
        title=title,
        state=state,
        detail=format_why(lines, absent, state, proved),
        provenance=least_real(one.provenance for one in judged if one.outcome is not Outcome.SKIP),
        proofs=tuple(proof_of(task, lines) for task in dict.fromkeys(line.task for line in lines)),
    )


TELLING = {State.FAILED: Outcome.FAIL, State.NOT_DETERMINED: Outcome.ERROR}
"""What an item came to -> the results that explain it; else its skipped ones do."""


def format_why(
    lines: Sequence[EvidenceLine], absent: Sequence[str], state: State, proved: Mapping[str, GateInput] = NOTHING
) -> str:
    """Return why an item has not passed, or what of it was skipped; '' when all of it passed."""
    telling = TELLING.get(state, Outcome.SKIP)
    own = [line for line in lines if line.check not in proved]
    shown = [line for line in own if line.result is telling] or [line for line in own if line.result is Outcome.SKIP]
    elsewhere = [line for line in lines if line.check in proved]
    checks = every_check()
    said = [f"{format_count(len(elsewhere), 'check')}: {elsewhere[0].detail.partition('. ')[0]}."] if elsewhere else []
    sources = dict.fromkeys(line.reused_from.run_id for line in lines if line.reused_from is not None)
    many = sum(line.reused_from is not None for line in lines)
    said += [f"{format_count(many, 'check')} reused from run {', '.join(sources)}."] if many else []
    said += [
        f"{checks[one.check].title if one.check in checks else one.check}: {result_word(one)}. {one.sentence}".strip()
        for one in shown[:2]
    ]
    said += [f"And {format_count(len(shown) - 2, 'more check')}."] if len(shown) > 2 else []
    if absent and state in (State.ABSENT, State.IN_PART):
        tasks = dict.fromkeys(task_named(check.partition(".")[0]).title for check in absent)
        said.append(f"Not part of this run: {', '.join(tasks)}. Fix: Run it, or run without ONLY.")
    return " ".join(said)


def result_word(line: EvidenceLine) -> str:
    """Return what one check of an item came to, in a word or two; of a skip, why."""
    return skip_word(line.skipped_because) if line.result is Outcome.SKIP else outcome_word(line.result)


def proof_of(task: str, lines: Sequence[EvidenceLine]) -> ProofLink:
    """Return the page where an item's checks of one task are read, and the worst that they came to."""
    results = {line.result for line in lines if line.task == task}
    worst = next(outcome for outcome in WORST_FIRST if outcome in results)
    page = "index.html#story" if task == SUMMARY.name else f"{task}.html#results"
    return ProofLink(title=task_named(task).title, page=page, outcome=worst)


COUNTED_APART = (
    State.FAILED,
    State.NOT_DETERMINED,
    State.IN_PART,
    State.NOT_APPLICABLE,
    State.ABSENT,
    State.BY_HAND,
    State.NOT_OURS,
)
"""What an item came to that has not passed, in the order that a tally says it."""


def count_items(rows: Sequence[LaunchRow]) -> str:
    """Return how many items came to what: "16 of 18 passed (all only in rehearsal), 1 failed, 1 not in this run"."""
    passed = sum(row.state is State.PASSED for row in rows)
    rehearsed = sum(row.is_only_rehearsed for row in rows)
    how = f" ({'all' if rehearsed == passed else rehearsed} only in rehearsal)" if rehearsed else ""
    parts = [f"{passed} of {len(rows)} passed{how}"]
    for state in COUNTED_APART:
        number = sum(row.state is state for row in rows)
        parts += [f"{number} {state.value}"] if number else []
    return ", ".join(parts)


def item_table(rows: Iterable[LaunchRow]) -> list[dict[str, Any]]:
    """Return one row an item, as a notebook shows it."""
    return [
        {
            "item": row.number,
            "what the launch asks for": row.title,
            "result": row.came_to,
            "looked at": "" if row.provenance is None else row.provenance.value,
            "why": row.detail.partition(" Fix: ")[0],
        }
        for row in rows
    ]
