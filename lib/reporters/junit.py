"""A run as JUnit's XML, which every CI shows: one test suite a task, one test case a check.

The file is red exactly when the verdict is NO-GO or BLOCKED. A gate that failed is a `failure`, one that was not determined an
`error`. What stops no launch is `skipped` with the reason: advisory checks that failed, gates that are waived, and what was not
looked at. What keeps a verdict from being given and is no check's own has a case in a suite of its own, `run`;
items of the launch list that no check proves are skipped in another, `launch_list`.
Source: https://github.com/windyroad/JUnit-Schema and https://llg.cubic.org/docs/junit/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from lib.core.files import write_whole
from lib.core.results import Outcome
from lib.core.verdict import Verdict
from lib.core.wording import format_value, gate_word, outcome_word, plain_text, skip_word
from lib.evidence.log import EvidenceLine
from lib.reporters.html.model import LaunchRow
from lib.reporters.places import Place, find_places, list_places
from lib.reporters.report import RunReport
from lib.reporters.summary import TaskSummary
from lib.tasks.index import every_check

FILE = "junit.xml"
RUN_SUITE = "run"
LIST_SUITE = "launch_list"
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 has no way to write. Source: https://www.w3.org/TR/xml/#charsets."""
RED = (Verdict.NO_GO, Verdict.BLOCKED)


def write_junit(report: RunReport) -> None:
    """Write the run's test cases into its folder."""
    write_whole(report.run.run_folder / FILE, format_junit(report))


def format_junit(report: RunReport) -> bytes:
    """Return the run as JUnit's XML."""
    files = list_places(report.run.pack)
    root = ElementTree.Element("testsuites", name=clean(f"launch readiness: {report.run.project} {report.run.environment}"))
    for one in report.tasks:
        lines = report.lines_of(one.task)
        add_suite(root, report, one, {line.check: find_places(line, files) for line in lines}, lines)
    add_items(root, report.items)
    if report.verdict in RED and root.find(".//failure") is None and root.find(".//error") is None:
        add_verdict(root, report)
    sum_up(root, report.outcome.duration_s)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def add_suite(
    root: ElementTree.Element,
    report: RunReport,
    one: TaskSummary,
    places: dict[str, tuple[Place, ...]],
    lines: Sequence[EvidenceLine],
) -> None:
    """Add one task's suite. places: check -> where its finding lies in the project."""
    started = one.started_at or report.outcome.started_at
    suite = ElementTree.SubElement(root, "testsuite", name=clean(one.task.name), timestamp=f"{started:%Y-%m-%dT%H:%M:%S}")
    add_properties(suite, {"title": one.task.title, "state": one.state.value, **reused_words(one.reused), **about_run(report)})
    for line in lines:
        add_case(suite, report, line, places[line.check])
    sum_up(suite, one.duration_s)


def add_items(root: ElementTree.Element, items: Sequence[LaunchRow]) -> None:
    """Add a suite of the launch list's items that no check proves, each skipped: by hand, or not ours. None of them is a pass."""
    apart = [item for item in items if item.by]
    if not apart:
        return
    suite = ElementTree.SubElement(root, "testsuite", name=LIST_SUITE)
    for item in apart:
        case = ElementTree.SubElement(suite, "testcase", name=f"item {item.number}", classname=LIST_SUITE, time="0")
        message = f"{item.title}: {item.came_to}. {item.detail}".strip()
        ElementTree.SubElement(case, "skipped", message=clean(message))
    sum_up(suite, None)


def about_run(report: RunReport) -> dict[str, str]:
    """Return what each suite says of the run it is from."""
    run, outcome = report.run, report.outcome
    said = {"run_id": run.run_id, "project": run.project, "environment": run.environment, "verdict": report.verdict.word}
    marks = {"rehearsal": run.rehearsal, "partial": outcome.partial, "unfinished": not outcome.finished}
    return {**said, **{name: "yes" for name, is_so in marks.items() if is_so}}


def reused_words(said: str) -> dict[str, str]:
    """Return where and when reused results were found, as a property; nothing when they were found in this run."""
    return {"reused": said} if said else {}


def add_case(suite: ElementTree.Element, report: RunReport, line: EvidenceLine, places: tuple[Place, ...]) -> None:
    """Add one check's case, with its result, and what it says."""
    titles = every_check()
    title = titles[line.check].title if line.check in titles else line.check
    case = ElementTree.SubElement(
        suite, "testcase", name=clean(line.check), classname=clean(line.task), time=f"{line.duration_s:.3f}"
    )
    if places:
        case.set("file", clean(places[0].path))
        if places[0].line is not None:
            case.set("line", str(places[0].line))
    kind = gate_word(line.gate)
    page = f"{line.task}.html#{line.check}"
    about = {"title": title, "gate": kind, "provenance": line.provenance.value, "page": page}
    add_properties(case, {**about, **({"reused_from": line.reused_from.run_id} if line.reused_from else {})})
    add_result(case, report, line, title)
    ElementTree.SubElement(case, "system-out").text = clean(tell(line, title, page, places))


def add_result(case: ElementTree.Element, report: RunReport, line: EvidenceLine, title: str) -> None:
    """Add what a check came to; a pass, and what another environment proved, needs no element."""
    counts_as = report.proved.get(line.check, line.judged)
    if counts_as.outcome is Outcome.PASS:
        return
    word = skip_word(line.skipped_because) if line.result is Outcome.SKIP else outcome_word(line.result)
    message = clean(f"{title}: {word}. {plain_text(line.detail)}".strip())
    if line.result is Outcome.SKIP:
        ElementTree.SubElement(case, "skipped", message=message)
    elif not line.gate or counts_as.is_waived:
        why = "waived" if counts_as.is_waived else "advisory, stops no launch"
        ElementTree.SubElement(case, "skipped", message=clean(f"({why}) {message}"))
    else:
        tag = "failure" if line.result is Outcome.FAIL else "error"
        found = ElementTree.SubElement(case, tag, message=message, type=word)
        found.text = clean("\n".join([plain_text(line.detail), *(f"Fix: {plain_text(one)}" for one in line.fix)]))


def tell(line: EvidenceLine, title: str, page: str, places: tuple[Place, ...]) -> str:
    """Return what a case says beside its result: seen, expected, what to do, where to read on."""
    rows = [title]
    rows += [f"Seen: {format_value(line.observed, line.unit)}"] if line.observed is not None else []
    rows += [f"Expected: {format_value(line.expected, line.unit)}"] if line.expected is not None else []
    rows += [plain_text(line.detail)] if line.detail else []
    rows += [f"Fix: {plain_text(one)}" for one in line.fix]
    rows += [f"At: {one.path}" + (f":{one.line}" if one.line is not None else "") for one in places]
    return "\n".join([*rows, f"Page: {page}"])


def add_verdict(root: ElementTree.Element, report: RunReport) -> None:
    """Add why there is no verdict, where no check says it."""
    suite = ElementTree.SubElement(root, "testsuite", name=RUN_SUITE)
    case = ElementTree.SubElement(suite, "testcase", name="verdict", classname=RUN_SUITE, time="0")
    tag = "failure" if report.verdict is Verdict.NO_GO else "error"
    ElementTree.SubElement(case, tag, message=clean(f"{report.verdict.word}: {report.sentence}"), type=report.verdict.word)
    sum_up(suite, None)


def add_properties(parent: ElementTree.Element, said: dict[str, str]) -> None:
    """Add names and values."""
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in said.items():
        ElementTree.SubElement(properties, "property", name=name, value=clean(value))


def sum_up(element: ElementTree.Element, duration_s: float | None) -> None:
    """Say how many cases an element holds, and how many came to what. duration_s: None when nothing was looked at."""
    counted = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counted.items():
        element.set(name, str(len(element.findall(f".//{tag}"))))
    element.set("time", f"{duration_s or 0:.3f}")


def clean(text: str) -> str:
    """Return a text with each character that XML can't hold written as an escape."""
    return NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", plain_text(text, limit=LONGEST))


LONGEST = 12_000
"""Characters of one text; the whole is in evidence.jsonl."""
