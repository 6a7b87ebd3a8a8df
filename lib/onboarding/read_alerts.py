"""Which Prometheus rule file a project has, its unit tests, and what each alert compares with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lib.clients.prometheus.promql import PromqlError, find_comparison
from lib.clients.prometheus.rule_file import AlertRule, mappings, read_rule_file
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.onboarding.tree import Tree

LARGEST_BYTES = 1024 * 1024
MOST_FILES = 400
"""YAML files that are opened; they are looked through the nearest first."""
LOOKS_LIKE_RULES = ("alert:", "record:")


@dataclass(frozen=True, kw_only=True)
class AlertFiles:
    """The rule file, its unit tests ('' when there are none), and what the rules say.

    others: rule files besides. thresholds: alert -> the number it compares with. without: alerts that compare with none.
    """

    rules: str
    tests: str
    others: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    without: tuple[str, ...] = ()


def read_alerts(tree: Tree, problems: list[str]) -> AlertFiles | None:
    """Return the project's alerts, None when it has none; adds a sentence for a rule file that can't be read.

    Where that is the only one, it is the project's all the same: the task then says what is wrong with it.
    """
    unread: list[str] = []
    documents = dict(read_documents(tree, problems, unread))
    rules = {name: one for name, one in documents.items() if count_alerts(one)}
    tests = {name: one for name, one in documents.items() if isinstance(one.get("tests"), list) and "rule_files" in one}
    if not rules:
        return AlertFiles(rules=unread[0], tests="") if unread else None
    tested = {rule: name for name, one in tests.items() for rule in tested_by(name, one) if rule in rules}
    chosen = max(rules, key=lambda name: (name in tested, count_alerts(rules[name]), -len(name)))
    others = tuple(name for name in rules if name != chosen)
    try:
        alerts = read_rule_file(tree.root / chosen, root=tree.root).alerts
    except TargetError as exc:
        problems.append(exc.message)
        return AlertFiles(rules=chosen, tests="")
    return summarise(chosen, tested.get(chosen, ""), others, alerts)


def read_documents(tree: Tree, problems: list[str], unread: list[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield each YAML file that may hold rules or their tests, with its content; those that can't be read go to unread."""
    names = [name for name in tree.called("*.yml", "*.yaml", "*.rules") if not name.startswith(".github/")]
    for name in names[:MOST_FILES]:
        text = read_or_say(tree, name, problems, unread)
        if not (text and (any(word in text for word in LOOKS_LIKE_RULES) or "rule_files" in text)):
            continue
        try:
            document = load_yaml(text)
        except PlainYamlError as exc:
            if "expr:" in text and "{{-" not in text:  # a Helm template is no YAML until it is rendered
                problems.append(f"{name} looks like Prometheus rules, and is not valid YAML: {exc}.")
                unread.append(name)
            continue
        if isinstance(document, dict):
            yield name, document


def read_or_say(tree: Tree, name: str, problems: list[str], unread: list[str]) -> str:
    """Return a file's text; '' of one that can't be read, which is said where its name is that of rules."""
    try:
        return read_text_file(tree.root / name, root=tree.root, limit_bytes=LARGEST_BYTES)
    except TargetError as exc:
        if any(word in name.lower() for word in ("alert", "prometheus", "rules")):
            problems.append(exc.message)
            unread.append(name)
        return ""


def count_alerts(document: Mapping[str, Any]) -> int:
    """Return how many alerts a document has."""
    return sum("alert" in rule for group in mappings(document.get("groups")) for rule in mappings(group.get("rules")))


def tested_by(name: str, document: Mapping[str, Any]) -> list[str]:
    """Return the rule files that unit tests name, from the project's root."""
    named = document.get("rule_files")
    folder = PurePosixPath(name).parent.as_posix()
    files = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    return [os.path.normpath(f"{folder}/{one}") for one in files]


def summarise(rules: str, tests: str, others: tuple[str, ...], alerts: Iterable[AlertRule]) -> AlertFiles:
    """Return what the alerts of the chosen file say."""
    limits = {one.name: limit_of(one) for one in alerts}
    return AlertFiles(
        rules=rules,
        tests=tests,
        others=others,
        severities=tuple(dict.fromkeys(one.labels["severity"] for one in alerts if one.labels.get("severity"))),
        thresholds={name: limit for name, limit in limits.items() if limit is not None},
        without=tuple(name for name, limit in limits.items() if limit is None),
    )


def limit_of(alert: AlertRule) -> float | None:
    """Return the number that an alert compares with; None when it compares with none, or can't be parsed here."""
    try:
        found = find_comparison(alert.expression)
    except PromqlError:
        return None
    return found.limit if found else None
