"""promtool: rules checked, unit tests run, and what it computes along a test's series read back.

promtool has no machine-readable output for a query, so each query is written as an expectation that cannot hold:
what promtool says it got is the answer.
Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/, and 2.42 to 3.5 themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lib.clients.prometheus.generations import Version, format_version
from lib.core.errors import CommandError
from lib.core.paths import ROOT
from lib.core.wording import plain_text
from lib.transport.process import CommandRun, run_command

KEPT = ROOT / ".tools" / "prometheus" / "promtool"
"""Where `make setup` puts it when it is not on PATH."""
VERSION = re.compile(r"version (\d{1,4})\.(\d{1,4})")
FASTEST = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
"""The writer in C is ten times as fast: a task asks hundreds of queries, each with every sample of a test's series."""
VERSION_TIMEOUT_S = 30.0
FOUND = re.compile(r"SUCCESS: (\d{1,9}) rules? found")
FAILURE = re.compile(
    r"(?:name: (?P<name>[^\n]{0,999}?),?\n)?\s*alertname: (?P<alert>[^\n]{1,999}?), time: (?P<time>\w+)", re.MULTILINE
)
ANSWER = re.compile(r'expr: "(?P<expression>(?:[^"\\]|\\.)*)", time: (?P<time>\w+),\s+exp: [^\n]*\n\s+got: (?P<got>[^\n]*)')
SAMPLE = re.compile(r'\{(?P<labels>(?:[^"{}]|"(?:[^"\\]|\\.)*")*)\} (?P<value>[-+.\w]+)')
LAZY_COLLECTOR = {"GOGC": "400"}
"""A run of unit tests needs little memory and makes much garbage: collecting it a quarter as often saves a fifth of its CPU.

Source: https://go.dev/doc/gc-guide#GOGC
"""
NEVER = "what_no_rule_says"
"""A metric that no answer can be, so that promtool always prints what it got."""


@dataclass(frozen=True, kw_only=True)
class FailedExpectation:
    """One expectation of a unit test that did not come true."""

    test: str
    alert: str
    time: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """What an expression comes to along one test's series, at one moment.

    test: the test's place among those queried. at_s: seconds after the first sample.
    """

    test: int
    expression: str
    at_s: int


@dataclass(frozen=True, kw_only=True)
class Promtool:
    """A promtool of this machine. version: major and minor, None when it does not say. features: Prometheus's feature flags."""

    path: Path
    version: Version | None = None
    features: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"promtool {format_version(self.version)}" if self.version else "this promtool"

    def command(self, *words: str) -> list[str | Path]:
        """Return a command of it, with the feature flags."""
        flags = [f"--enable-feature={','.join(self.features)}"] if self.features else []
        return [self.path, *flags, *words]


def find_promtool(features: Sequence[str] = ()) -> Promtool:
    """Return the newest promtool of those on PATH and where setup put one. Raises CommandError when there is none."""
    places = [Path(folder) / "promtool" for folder in os.get_exec_path() if folder] + [KEPT]
    found = [path for path in dict.fromkeys(places) if path.is_file() and os.access(path, os.X_OK)]
    if not found:
        raise CommandError(
            "promtool was not found on PATH or in .tools, so no rule can be checked.",
            fix="Run `make setup`, or install Prometheus (Homebrew: brew install prometheus).",
        )
    # Of two that are alike the first one on PATH, as a shell would take it.
    known = [Promtool(path=path, version=read_version(path), features=tuple(features)) for path in found]
    return max(known, key=lambda one: one.version or (0, 0))


@cache
def read_version(path: Path) -> Version | None:
    """Return major and minor of a promtool; None when it does not say."""
    try:
        run = run_command([path, "--version"], timeout_s=VERSION_TIMEOUT_S)
    except CommandError:
        return None
    said = VERSION.search(run.stdout + run.stderr)
    return (int(said[1]), int(said[2])) if said else None


def check_rules(promtool: Promtool, rules: Path, *, timeout_s: float) -> CommandRun:
    """Return what `promtool check rules` said; duplicates count as errors, which they do not by default."""
    return run_command(promtool.command("check", "rules", "--lint-fatal", rules.name), cwd=rules.parent, timeout_s=timeout_s)


def count_rules(run: CommandRun) -> int:
    """Return how many rules a finished `check rules` found."""
    return sum(int(number) for number in FOUND.findall(run.whole_stdout))


def run_tests(promtool: Promtool, *tests: Path, timeout_s: float) -> CommandRun:
    """Return what `promtool test rules` said of one file or of several in the same folder."""
    words = promtool.command("test", "rules", *(one.name for one in tests))
    return run_command(words, cwd=tests[0].parent, timeout_s=timeout_s, env=LAZY_COLLECTOR)


def read_failures(run: CommandRun) -> list[FailedExpectation]:
    """Return the expectations of alerts that did not come true, in promtool's order."""
    said = run.stdout + run.stderr
    return [
        FailedExpectation(test=match["name"] or "", alert=match["alert"], time=match["time"]) for match in FAILURE.finditer(said)
    ]


def run_queries(
    promtool: Promtool,
    rules: Sequence[Path],
    tests: Sequence[Mapping[str, Any]],
    queries: Sequence[Query],
    *,
    evaluation_interval: str,
    group_order: Sequence[str] = (),
    folder: Path,
    timeout_s: float,
) -> list[list[tuple[str, float]]]:
    """Return the answer to each query, in order: (labels, value) of every series; empty for nothing.

    rules: every rule file that the tests are about. tests: interval and input_series of each, as in a unit test file.
    group_order: names of groups, in the order in which they are evaluated.
    folder: where the file with the queries is written. All of them are made in one run of promtool.
    """
    written: list[dict[str, Any]] = [{"interval": test["interval"], "input_series": test["input_series"]} for test in tests]
    for number, query in enumerate(queries):
        expectation = {
            "expr": f"# {number}\n{query.expression}",
            "eval_time": f"{query.at_s}s",
            "exp_samples": [{"labels": NEVER, "value": 0}],
        }
        written[query.test].setdefault("promql_expr_test", []).append(expectation)
    head = {"rule_files": [str(one) for one in rules], "evaluation_interval": evaluation_interval}
    document = {**head, "group_eval_order": list(group_order), "tests": written}
    path = folder / "queries.test.yml"
    path.write_text(yaml.dump(document, Dumper=FASTEST, sort_keys=False, allow_unicode=True), encoding="utf-8")
    run = run_tests(promtool, path, timeout_s=timeout_s)
    answers = dict(read_answers(run.stdout + run.stderr))
    missing = [number for number in range(len(queries)) if number not in answers]
    if missing:
        said = (run.stderr or run.stdout).strip()[:400]
        raise CommandError(
            f"promtool gave no answer about {queries[missing[0]].expression}: {said}",
            fix=f"Run promtool test rules {path.name} by hand.",
        )
    return [answers[number] for number in range(len(queries))]


def read_answers(said: str) -> Iterable[tuple[int, list[tuple[str, float]]]]:
    """Yield each query's number with what promtool got. Raises CommandError for a value that is no number."""
    for match in ANSWER.finditer(said):
        # The expression is quoted as Go does, its line end an escape.
        number = re.match(r"# (\d{1,9})\\n", match["expression"])
        if number:
            yield int(number[1]), [(one["labels"], read_value(one["value"])) for one in SAMPLE.finditer(match["got"])]


def read_value(text: str) -> float:
    """Return a sample's value as Go prints it: a number, +Inf, -Inf or NaN. Raises CommandError."""
    try:
        return float(text)
    except ValueError:
        said = plain_text(text, limit=40)
        raise CommandError(f"promtool printed the value {said}, which is no number.", fix="Check promtool's version.") from None
