"""What GitHub makes of a workflow beyond its schema: jobs that need each other, schedules, files it calls, shell in `run`.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax; POSIX crontab for schedules;
what actionlint calls job-needs, events and shellcheck has the same aim.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.clients.workflow_finding import WorkflowFinding
from lib.core.errors import CommandError
from lib.core.wording import join_words, plain_text
from lib.transport.process import run_command

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES = {
    "month": {name: place for place, name in enumerate(MONTHS, start=1)},
    "weekday": {name: place for place, name in enumerate(WEEKDAYS)},
}
LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
LONGEST_CRON = 200
LONGEST_SCRIPT = 100_000
"""Characters of one `run` that are looked at."""
MOST_SCRIPTS = 400
EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
CONTEXTS = frozenset(
    ["github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"]
)
KNOWN_SHELLS = frozenset(["bash", "sh", "pwsh", "powershell", "cmd", "python"])
"""What GitHub knows by name; any other is given as a command with {0}."""
SHELL_TIMEOUT_S = 10.0
SHELLS = {"bash": ("-n",), "sh": ("--posix", "-n")}
"""Shell -> the options by which bash reads a script of it and runs nothing."""


def find_rule_breaches(file: str, document: Any, *, root: Path) -> Iterator[WorkflowFinding]:
    """Yield why GitHub does not take a workflow, or never runs it, though its schema does. root: the project's folder."""
    if not isinstance(document, dict):
        return
    jobs = {str(name): job for name, job in mapping(document.get("jobs")).items() if isinstance(job, dict)}
    for words in (*needs_problems(jobs), *cron_problems(document), *called_problems(jobs, root), *step_rule_problems(jobs)):
        yield WorkflowFinding(file=file, rule="rules", severity="High", line=None, words=plain_text(words, limit=300))


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return a list; a single text as a list of it."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def needs_problems(jobs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the jobs that need one that is not there, and those that wait for each other."""
    needs = {name.lower(): [str(one).lower() for one in listed(job.get("needs"))] for name, job in jobs.items()}
    for name, wanted in needs.items():
        if missing := [one for one in wanted if one not in needs]:
            yield f"job {name} needs {join_words(missing)}, which is no job of the workflow"
    if circle := find_circle(needs):
        yield f"jobs wait for each other: {' needs '.join(circle)}"


def find_circle(needs: Mapping[str, list[str]]) -> list[str]:
    """Return jobs that need each other in a circle, the first one at the end again; [] when none do."""
    done: set[str] = set()
    for start in needs:
        path = [(start, iter(needs[start]))] if start not in done else []
        while path:
            job = next(path[-1][1], None)
            names = [name for name, _ in path]
            if job is None:
                done.add(path.pop()[0])
            elif job in names:
                return [*names[names.index(job) :], job]
            elif job in needs and job not in done:
                path.append((job, iter(needs[job])))
    return []


def cron_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with each schedule."""
    for one in listed(mapping(document.get("on")).get("schedule")):
        if isinstance(one, dict) and "cron" in one and (problem := cron_problem(str(one["cron"]))):
            yield f"cron {plain_text(str(one['cron']), limit=60)}: {problem}"


def cron_problem(cron: str) -> str:
    """Return why a schedule is not one, or never comes; '' for a good one."""
    words = cron[:LONGEST_CRON].split()
    if len(words) != len(FIELDS):
        return f"it has {len(words)} fields, not 5"
    values: dict[str, set[int]] = {}
    for word, (name, low, high) in zip(words, FIELDS, strict=True):
        try:
            values[name] = read_field(word, name, low, high)
        except ValueError as exc:
            return f"{name} {exc}"
    is_any_weekday = words[4].startswith("*")
    if is_any_weekday and not any(min(values["day"]) <= LONGEST_MONTHS.get(month, 31) for month in values["month"]):
        return "no such day ever comes"
    return ""


def read_field(word: str, name: str, low: int, high: int) -> set[int]:
    """Return the numbers that a field of a schedule stands for. Raises ValueError, which says what is wrong."""
    found: set[int] = set()
    for part in word.split(","):
        whole, slash, step = part.partition("/")
        if slash and not (step.isdigit() and int(step) > 0):
            raise ValueError(f"has the step {step or 'nothing'}")
        first, dash, last = ("*", "", "") if whole == "*" else whole.partition("-")
        begin = low if first == "*" else read_number(first, name)
        end = high if first == "*" or (slash and not dash) else read_number(last, name) if dash else begin
        if begin < low or end > high:
            raise ValueError(f"{part} is not within {low} to {high}")
        if begin > end:
            raise ValueError(f"{part} ends before it begins")
        found.update(range(begin, end + 1, int(step) if slash else 1))
    return found


def read_number(word: str, name: str) -> int:
    """Return a number of a schedule's field, or of a month's or weekday's name. Raises ValueError."""
    known = NAMES.get(name, {})
    if word.lower() in known:
        return known[word.lower()]
    if not (word.isascii() and word.isdigit()):
        raise ValueError(f"{word or 'nothing'} is no number")
    return int(word)


def called_problems(jobs: Mapping[str, Mapping[str, Any]], root: Path) -> Iterator[str]:
    """Yield the workflows and actions of the project that a job calls and that are not there."""
    for name, job in jobs.items():
        called = [job.get("uses"), *(step.get("uses") for step in listed(job.get("steps")) if isinstance(step, dict))]
        checked_out = any(
            mapping(step.get("with")).get("repository") for step in listed(job.get("steps")) if isinstance(step, dict)
        )
        for one in called:
            # With the files of another repository beside it a path says nothing of this project.
            if isinstance(one, str) and one.startswith("./") and not checked_out and not is_there(root, one):
                yield f"job {name} uses {one}, which is not in the project"


def step_rule_problems(jobs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what GitHub refuses of steps: an id given twice, an expression without its end, names that it does not know."""
    for name, job in jobs.items():
        steps = [one for one in listed(job.get("steps")) if isinstance(one, dict)]
        ids = [str(one["id"]).lower() for one in steps if one.get("id")]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            yield f"job {name} has several steps with the id {join_words(twice)}"
        if str(job.get("timeout-minutes")) == "0":
            yield f"job {name} has no time: timeout-minutes is 0"
        needs = {str(one).lower() for one in listed(job.get("needs"))}
        for part in (job, *steps):
            condition = str(part.get("if") or "")
            if "${{" not in condition:
                yield from (f"job {name}: {one}" for one in unknown_names(condition, ids, needs))
            if re.search(r"(?<![\w.])secrets\.", condition):
                yield f"job {name}: a condition can't ask for secrets"
            shell = str(part.get("shell") or "bash")
            if shell not in KNOWN_SHELLS and "{0}" not in shell and "${{" not in shell:
                yield f"job {name} has a shell that is not known: {shell[:60]}"
        for text in texts_of(job):
            if text.count("${{") > text.count("}}"):
                yield f"job {name}: an expression has no end: {text[:80]}"
            for expression in EXPRESSION.findall(text):
                yield from (f"job {name}: {one}" for one in unknown_names(expression, ids, needs))


def unknown_names(expression: str, ids: list[str], needs: set[str]) -> Iterator[str]:
    """Yield what an expression asks of a step or job that is not there, and contexts that GitHub does not have."""
    plain = re.sub(r"'(?:[^']|'')*'", "''", expression)
    for kind, known in (("steps", set(ids)), ("needs", needs)):
        for found in re.findall(rf"(?<![\w.]){kind}\.([\w-]+)", plain):
            if found.lower() not in known:
                yield f"{kind}.{found} is nothing that it knows"
    for found in re.findall(r"(?<![\w.\])'-])([A-Za-z_]\w*)\.[A-Za-z_*]", plain):
        if found.lower() not in CONTEXTS:
            yield f"{found} is no context of GitHub's"
    if re.search(r"(?<![=!<>])=(?!=)", plain):
        yield f"{expression.strip()[:80]} compares with one ="


def texts_of(part: object) -> Iterator[str]:
    """Yield every text of a job."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from texts_of(one)


def is_there(root: Path, called: str) -> bool:
    """Return whether a workflow, or a folder with an action, is in the project."""
    path = Path(os.path.normpath(root / called.partition("@")[0]))
    if "\0" in called or not path.is_relative_to(root) or "${{" in called:
        return True  # nothing can be said of it
    return path.is_file() or any((path / name).is_file() for name in ("action.yml", "action.yaml", "Dockerfile"))


def find_broken_scripts(file: str, document: Any) -> Iterator[WorkflowFinding]:
    """Yield each `run` of a workflow or action whose shell, or Python, cannot be parsed."""
    for count, (where, shell, script) in enumerate(scripts_of(document)):
        if count >= MOST_SCRIPTS:
            return
        if problem := script_problem(shell, EXPRESSION.sub("expression", script[:LONGEST_SCRIPT])):
            words = plain_text(f"{where}: {problem}", limit=300)
            yield WorkflowFinding(file=file, rule="shell", severity="High", line=None, words=words)


def scripts_of(document: Any) -> Iterator[tuple[str, str, str]]:
    """Yield where each `run` is, its shell, and what it runs; those whose shell nobody can know are left out."""
    whole = mapping(document)
    usual = default_shell(whole)
    for name, job in mapping(whole.get("jobs")).items():
        mine = default_shell(mapping(job)) or usual or shell_of_runner(mapping(job).get("runs-on"))
        yield from scripts_in(mapping(job).get("steps"), f"job {name}", mine)
    yield from scripts_in(mapping(whole.get("runs")).get("steps"), "the action", "")


def default_shell(part: Mapping[str, Any]) -> str:
    """Return the shell that a workflow or job runs its steps in, '' when it does not say."""
    return str(mapping(mapping(part.get("defaults")).get("run")).get("shell") or "")


def shell_of_runner(runner: object) -> str:
    """Return the shell of a runner; '' where it may be Windows, or nobody can know."""
    words = " ".join(map(str, listed(runner))).lower()
    return "bash" if words and "windows" not in words and "${{" not in words else ""


def scripts_in(steps: object, where: str, usual: str) -> Iterator[tuple[str, str, str]]:
    for number, step in enumerate(listed(steps), start=1):
        if isinstance(step, dict) and isinstance(step.get("run"), str):
            shell = str(step.get("shell") or usual).split()
            if shell:
                yield f"{where}, step {number}", Path(shell[0]).name, step["run"]


def script_problem(shell: str, script: str) -> str:
    """Return why a script cannot be parsed; '' when it can, and for a shell that is not known here."""
    if shell in ("python", "python3"):
        try:
            ast.parse(script)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            return f"Python cannot parse it: {exc}"
        return ""
    bash = shutil.which("bash")
    if shell not in SHELLS or bash is None:
        return ""
    try:
        run = run_command([bash, "--norc", *SHELLS[shell]], timeout_s=SHELL_TIMEOUT_S, stdin=script)
    except CommandError:
        return ""
    said = " ".join(re.sub(r"(?m)^\S*bash: ", "", run.stderr).split())
    return f"the shell cannot parse it: {said}" if run.exit_code else ""
