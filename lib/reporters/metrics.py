"""A run's verdict and figures as metrics: valid OpenMetrics, and what node_exporter's textfile collector takes.

All are gauges without timestamps: the collector's format knows neither `info` nor `stateset`, and refuses timestamps. A state is
one series a state, 1 for the one that is so, as a state set would be.
Sources: https://prometheus.io/docs/specs/om/open_metrics_spec/, https://github.com/prometheus/node_exporter#textfile-collector.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lib.core.files import write_whole
from lib.core.results import Outcome, Provenance
from lib.core.verdict import State, Verdict
from lib.core.wording import plain_text
from lib.reporters.faults import add_up
from lib.reporters.report import RunReport

FILE = "metrics.prom"
PREFIX = "launch_readiness"
LONGEST_LABEL = 200
"""Characters of one label's value."""

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric: its name, what it says, and its samples. unit: the end of its name, when it has one."""

    name: str
    help: str
    samples: tuple[tuple[Labels, float], ...]


def write_metrics(report: RunReport) -> None:
    """Write the run's metrics into its folder."""
    write_whole(report.run.run_folder / FILE, format_metrics(report))


def format_metrics(report: RunReport) -> str:
    """Return the run's metrics as text."""
    base = {"project": report.run.project, "environment": report.run.environment}
    parts = [format_family(one, base) for one in list_families(report) if one.samples]
    return "".join(parts) + "# EOF\n"


def list_families(report: RunReport) -> Iterator[Family]:
    """Yield every metric of a run."""
    yield from about_run(report)
    yield from about_gates(report)
    yield from about_tasks(report)
    yield from about_faults(report)


def about_run(report: RunReport) -> Iterator[Family]:
    """Yield the verdict, and when the run was and how it ended."""
    run, outcome = report.run, report.outcome
    states = tuple(({"verdict": one.word}, float(one is report.verdict)) for one in Verdict)
    yield Family(name="verdict", help="The verdict: 1 for the one that was given.", samples=states)
    about = {
        "run_id": run.run_id,
        "commit": report.commit or "",
        "rehearsal": said(run.rehearsal),
        "partial": said(outcome.partial),
    }
    yield Family(name="run_about", help="The run that these figures are of; always 1.", samples=((about, 1.0),))
    yield single("run_finished", "Whether the run came to its end.", float(outcome.finished))
    yield single("run_start_timestamp_seconds", "When the run began, seconds since 1970.", outcome.started_at.timestamp())
    yield single("run_end_timestamp_seconds", "When the run ended, seconds since 1970.", outcome.ended_at.timestamp())
    yield single("run_duration_seconds", "How long the run took.", outcome.duration_s)
    yield single("unconfirmed_expectations", "Expectations that nobody has confirmed.", len(run.unconfirmed))
    yield single("waived_gates", "Failing gates that the project waives.", len(report.waived.covered))


def about_gates(report: RunReport) -> Iterator[Family]:
    """Yield how many gates, checks and items of the launch list came to what, and each check by itself."""
    gates = tuple(({"result": word}, float(number)) for word, number in report.gates.items())
    yield Family(name="gates", help="Gates by what they count as for the verdict.", samples=gates)
    counted = Counter((line.result, line.provenance) for line in report.lines)
    pairs = [(outcome, one) for outcome in Outcome for one in Provenance]
    kinds = tuple(({"result": result.value, "provenance": one.value}, float(counted[result, one])) for result, one in pairs)
    yield Family(name="checks", help="Checks by their result and by where they were performed.", samples=kinds)
    each = tuple(
        ({"task": line.task, "check": line.check, "gate": said(line.gate), "result": line.result.value}, 1.0)
        for line in {line.check: line for line in report.lines}.values()
    )
    yield Family(name="check_result", help="The result of each check; always 1.", samples=each)
    states = Counter(row.state for row in report.items)
    items = tuple(({"state": state.value}, float(states[state])) for state in State)
    yield Family(name="launch_items", help="Items of the launch list by what they came to.", samples=items)
    yield single(
        "launch_items_rehearsed", "Items that passed, but only in rehearsal.", sum(row.is_only_rehearsed for row in report.items)
    )
    for name, help_text in {"observed": "What a check measured.", "expected": "What a check expected."}.items():
        yield Family(name=f"check_{name}", help=f"{help_text} In its own unit.", samples=tuple(figures(report, name)))


def figures(report: RunReport, name: str) -> Iterator[tuple[Labels, float]]:
    """Yield each number that a check observed or expected, with its unit."""
    for line in {line.check: line for line in report.lines}.values():
        value = getattr(line, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield {"task": line.task, "check": line.check, "unit": line.unit or ""}, as_float(value)


def about_tasks(report: RunReport) -> Iterator[Family]:
    """Yield how each task ended, and how long it took."""
    states = tuple(
        ({"task": one.task.name, "state": state.value}, float(one.state is state)) for one in report.tasks for state in State
    )
    yield Family(name="task_state", help="What the gates of a task came to: 1 for the state that is so.", samples=states)
    took = tuple(({"task": one.task.name}, one.duration_s) for one in report.tasks if one.duration_s is not None)
    yield Family(name="task_duration_seconds", help="How long a task took.", samples=took)
    ages = tuple(
        (
            {"task": one.task.name, "run_id": line.reused_from.run_id},
            (report.ended_at - line.reused_from.looked_at).total_seconds(),
        )
        for one in report.tasks
        for line in report.lines_of(one.task)[:1]
        if line.reused_from is not None
    )
    yield Family(name="task_reused_age_seconds", help="How old results are that an earlier run found.", samples=ages)


def about_faults(report: RunReport) -> Iterator[Family]:
    """Yield what became of the faults made on purpose."""
    total = add_up(report.lines)
    ends = {
        "found": total.found,
        "elsewhere": total.elsewhere,
        "missed": len(total.missed),
        "equivalent": total.equivalent,
        "untried": total.untried,
    }
    samples = tuple(({"end": word}, float(number)) for word, number in ends.items())
    yield Family(name="faults", help="Faults made on purpose, by what became of them.", samples=samples)
    yield single("false_alarms", "Harmless changes that were taken for faults.", len(total.false_alarms))
    rates = tuple(
        ({"task": line.task, "check": line.check}, line.faults.rate)
        for line in {line.check: line for line in report.lines}.values()
        if line.faults is not None and line.faults.rate is not None
    )
    yield Family(name="check_kill_rate_ratio", help="The part of the faults made on purpose that a check found.", samples=rates)
    if total.rate is not None:
        yield single("kill_rate_ratio", "The part of all faults made on purpose that were found.", total.rate)


def single(name: str, help_text: str, value: float) -> Family:
    """Return a metric of one sample."""
    return Family(name=name, help=help_text, samples=(({}, float(value)),))


def said(is_so: bool) -> str:
    """Return yes or no, as a label says it."""
    return "yes" if is_so else "no"


def as_float(value: int | float) -> float:
    """Return a number as a metric can hold it; one beyond all bounds is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def format_family(one: Family, base: Labels) -> str:
    """Return one metric as text, base: labels of all its samples."""
    name = f"{PREFIX}_{one.name}"
    rows = [f"# TYPE {name} gauge", f"# HELP {name} {escape(one.help)}"]
    rows += [f"{name}{{{format_labels({**base, **labels})}}} {format_number(value)}" for labels, value in one.samples]
    return "\n".join(rows) + "\n"


def format_labels(labels: Labels) -> str:
    """Return labels as text."""
    pairs: Iterable[tuple[str, str]] = labels.items()
    return ",".join(f'{name}="{escape(plain_text(value, limit=LONGEST_LABEL))}"' for name, value in pairs)


def escape(text: str) -> str:
    """Return a text as it stands between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def format_number(value: float) -> str:
    """Return a number as both formats write it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
