"""The pages over runs: every project, every run of an environment, and an environment beside the next one.

Made anew from the history after each run; what they say is no evidence, and nothing rests on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from lib.core.files import write_whole
from lib.core.redact import redact_all
from lib.core.results import Outcome
from lib.core.verdict import State, Verdict
from lib.core.visible import inert_json
from lib.core.wording import format_duration, format_time, outcome_word
from lib.evidence.history import History
from lib.evidence.log import EvidenceLine, read_evidence
from lib.evidence.past_runs import KeptRun, KeptTask, Wavering, list_runs, list_tasks, list_wavering
from lib.reporters.comparison import Difference, Turn, as_json, compare, count_turns, describe, say_result, title_of
from lib.reporters.html.overview_model import (
    AllRuns,
    Bar,
    ComparedPage,
    ComparedRow,
    EnvironmentPage,
    EnvironmentRow,
    RunCell,
    Strip,
    WaveringRow,
)
from lib.reporters.html.render import VERDICT_LOOKS, render_over_runs
from lib.tasks.index import all_tasks

INDEX = "index.html"
MOST_BARS = 30
"""Runs in a task's small multiple."""
MOST_ROWS = 200
"""Runs in a table."""
USUAL_ORDER = ("local", "staging", "production")
"""How environments follow each other on the way to a launch; others come between, by name."""
LOOKS = {verdict.word: look for verdict, look in VERDICT_LOOKS.items()}
TURN_LOOKS = {Turn.WORSE: "fail", Turn.BETTER: "pass", Turn.LESS_REAL: "error", Turn.OTHER: "skip", Turn.SAME: "skip"}
FLATTEST = 0.15


def write_overviews(history: History, rendered: Path, project: str, environment: str) -> None:
    """Write the pages that a run of this project and environment changes. Raises OSError or WorkbookError when one can't be."""
    every = list_runs(history)
    own = [run for run in every if run.project == project]
    compared = write_comparisons(rendered, project, own)
    write_environment(history, rendered, [run for run in own if run.environment == environment], compared)
    pages = sorted(rendered.glob("*/compare-*.html"))
    all_runs = AllRuns(
        rows=environment_rows(rendered, every),
        compared=[(title_from(page), page.relative_to(rendered).as_posix()) for page in pages],
    )
    write_whole(rendered / INDEX, render_over_runs("overview", all=all_runs))


def environment_rows(rendered: Path, runs: Iterable[KeptRun]) -> list[EnvironmentRow]:
    """Return one row a project and environment, by name and in the order of a launch. runs: the newest first."""
    groups: dict[tuple[str, str], list[KeptRun]] = {}
    for run in runs:
        groups.setdefault((run.project, run.environment), []).append(run)
    rows = []
    for (project, environment), found in sorted(groups.items(), key=lambda one: (one[0][0], place_of(one[0][1]))):
        whole = next((run for run in found if run.finished and not run.partial), None)
        rows.append(
            EnvironmentRow(
                project=project,
                environment=environment,
                newest=run_cell(found[0], rendered, f"{project}/{environment}/"),
                last_whole=run_cell(whole, rendered, f"{project}/{environment}/") if whole and whole is not found[0] else None,
                runs=len(found),
                page=f"{project}/{environment}/{INDEX}",
            )
        )
    return rows


def place_of(environment: str) -> tuple[int, str]:
    """Return where an environment stands on the way to a launch."""
    last = len(USUAL_ORDER) - 1
    place = USUAL_ORDER.index(environment) if environment in USUAL_ORDER else last - 1
    return (place if place < last else last + 1), environment


def run_cell(run: KeptRun, rendered: Path, below: str) -> RunCell:
    """Return one run as a table shows it. below: the way from the page to the folder of its environment's runs."""
    notes = [] if run.finished else ["unfinished"]
    notes += ["only some tasks"] if run.partial else []
    is_there = (rendered / run.project / run.environment / run.run_id / INDEX).exists()
    return RunCell(
        run_id=run.run_id,
        verdict=run.verdict,
        look=LOOKS.get(run.verdict, LOOKS[Verdict.BLOCKED.word]),
        started_at=run.started_at.isoformat(),
        duration_s=run.duration_s,
        commit=run.commit_id,
        notes=notes,
        page=f"{below}{run.run_id}/{INDEX}" if is_there else "",
    )


def write_environment(history: History, rendered: Path, runs: Sequence[KeptRun], compared: Mapping[str, str]) -> None:
    """Write the page over every run of one environment. runs: the newest first, one at least."""
    first = runs[0]
    lately = [run for run in runs if run.finished][:MOST_BARS][::-1]
    page = EnvironmentPage(
        project=first.project,
        environment=first.environment,
        runs=[run_cell(run, rendered, "") for run in runs[:MOST_ROWS]],
        left_out=len(runs[MOST_ROWS:]),
        strips=draw_strips(lately, list_tasks(history, [run.run_id for run in lately]), rendered),
        wavering=[wavering_row(one) for one in list_wavering(history, runs[:MOST_ROWS])],
        compared=compared.get(first.environment, ""),
    )
    write_whole(rendered / first.project / first.environment / INDEX, render_over_runs("environment", here=page))


def wavering_row(one: Wavering) -> WaveringRow:
    """Return a check that wavers as the page shows it."""
    results = [(result, outcome_word(Outcome(result))) for _, result in one.results]
    return WaveringRow(check=one.check, title=title_of(one.check), commit=one.commit_id, results=results)


def draw_strips(runs: Sequence[KeptRun], found: Iterable[KeptTask], rendered: Path) -> list[Strip]:
    """Return one small multiple a task. runs: the oldest first; one in which the task was no part has no bar."""
    kept = {(one.run_id, one.task): one for one in found}
    titles = {task.name: task.title for task in all_tasks()}
    names = [name for name in titles if any(task == name for _, task in kept)]
    names += sorted({task for _, task in kept} - set(names))
    return [draw_strip(titles.get(name, name), [(run, kept.get((run.run_id, name))) for run in runs], rendered) for name in names]


def draw_strip(title: str, found: Sequence[tuple[KeptRun, KeptTask | None]], rendered: Path) -> Strip:
    """Return one task over time."""
    timed = [one.duration_s for _, one in found if one and one.duration_s is not None]
    longest = max(timed, default=None)
    bars, counts = [], dict.fromkeys(State, 0)
    for run, one in found:
        state = state_of(one.results if one else {})
        counts[state] += 1
        took = one.duration_s if one else None
        said = f"{format_time(run.started_at)}: {state.value}" + (f", {format_duration(took)}" if took is not None else "")
        part = took / longest if took is not None and longest else (0.5 if one else 0.0)
        bars.append(Bar(state=state, height=max(part, FLATTEST) if one else 0.0, said=said))
    named = ", ".join(f"{many} {state.value}" for state, many in counts.items() if many)
    return Strip(
        title=title,
        bars=bars,
        usual_s=median(timed) if timed else None,
        longest_s=longest,
        said=f"{title}, the last {len(bars)} runs: {named}.",
    )


def state_of(results: Mapping[str, int]) -> State:
    """Return what a task's gates came to together. results: result word -> how many."""
    order = {
        Outcome.FAIL: State.FAILED,
        Outcome.ERROR: State.NOT_DETERMINED,
        Outcome.PASS: State.PASSED,
        Outcome.SKIP: State.NOT_APPLICABLE,
    }
    return next((state for outcome, state in order.items() if results.get(outcome.value)), State.ABSENT)


def write_comparisons(rendered: Path, project: str, runs: Iterable[KeptRun]) -> dict[str, str]:
    """Write each environment's newest whole run beside the next environment's; return environment -> page, from its folder."""
    newest: dict[str, KeptRun] = {}
    for run in runs:
        folder = rendered / project / run.environment / run.run_id
        if run.finished and not run.partial and folder.is_dir():
            newest.setdefault(run.environment, run)
    pages: dict[str, str] = {}
    for first, second in pairwise(sorted(newest, key=place_of)):
        name = f"compare-{first}-to-{second}"
        sides = [
            Side(
                name=run.environment,
                cell=run_cell(run, rendered, f"{run.environment}/"),
                lines=read_evidence(rendered / project / run.environment / run.run_id),
            )
            for run in (newest[first], newest[second])
        ]
        write_comparison(rendered / project / name, sides[0], sides[1])
        pages |= {first: f"../{name}.html", second: f"../{name}.html"}
    return pages


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two runs that are compared. name: as a person says it."""

    name: str
    cell: RunCell
    lines: Sequence[EvidenceLine]


def write_comparison(stem: Path, before: Side, after: Side) -> list[Difference]:
    """Write two runs side by side as <stem>.html and <stem>.json, and return what differs, what is worse first."""
    found = compare(before.lines, after.lines)
    counts, sentence = count_turns(found), describe(found, before.name, after.name)
    is_worse = bool(counts[Turn.WORSE])
    page = ComparedPage(
        title=f"{before.name} and {after.name}, side by side",
        sentence=sentence,
        names=(before.name, after.name),
        runs=(before.cell, after.cell),
        counts=[(turn.value, many) for turn, many in counts.items()],
        rows=[
            ComparedRow(
                check=one.check,
                title=title_of(one.check),
                gate=one.gate,
                turn=one.turn.value,
                look=TURN_LOOKS[one.turn],
                before=say_result(one.before),
                after=say_result(one.after),
            )
            for one in found
            if one.turn is not Turn.SAME
        ],
        look="fail" if is_worse else "pass",
    )
    about = {"before": before.cell.run_id, "after": after.cell.run_id, "sentence": sentence, "is_worse": is_worse}
    data = json.dumps(redact_all(as_json(found, about)), indent=2, ensure_ascii=False, default=str)
    write_whole(stem.with_name(f"{stem.name}.json"), (inert_json(data) + "\n").encode())
    write_whole(stem.with_name(f"{stem.name}.html"), render_over_runs("comparison", here=page, data=f"{stem.name}.json"))
    return found


def title_from(page: Path) -> str:
    """Return what a comparison's page is called, by its name."""
    first, _, second = page.stem.removeprefix("compare-").partition("-to-")
    return f"{page.parent.name}: {first} and {second}"
