"""What goes wrong in a project's rules and runbooks, as changes of a copy of them: each kind, at each of its alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from lib.clients.prometheus.exposition import MADE_OF_ALERTS, OWN_METRICS
from lib.clients.prometheus.promql import find_selectors
from lib.clients.prometheus.rule_file import AlertRule, read_rule_file
from lib.clients.prometheus.runbooks import find_runbook
from lib.core.pack_files import read_text_file
from lib.tasks.alerts import rule_changes as edits
from lib.tasks.alerts.rule_changes import Edit, with_edit
from lib.tasks.faults import Change, Fault, Scene, with_file

ADDED = "launch_fault"
"""A label, metric or value that no project has."""
EditOf = Callable[[str], Edit]
"""The edit of one alert, by its name."""


def alerts_of(scene: Scene) -> list[AlertRule]:
    """Return the alerts of a scene that can be read, each name once."""
    context = scene.context
    rules = scene.arguments.get("rules") or read_rule_file(context.pack / context.settings.rules, root=context.pack)
    return list({alert.name: alert for alert in rules.alerts if alert.name not in rules.unparsed}.values())


def of_each(
    edits_by_words: Mapping[str, EditOf], *, where: Callable[[AlertRule], bool] = lambda _: True
) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each edit of each alert, with its words. where: of which alerts."""

    def faults(scene: Scene) -> Iterator[Fault]:
        for alert in filter(where, alerts_of(scene)):
            for words, edit in edits_by_words.items():
                yield Fault(place=f"{alert.name} {words}", make=with_edit(edit(alert.name)))

    return faults


def is_compared(alert: AlertRule) -> bool:
    return edits.comparison_of({"expr": alert.expression})


def is_limited(scene: Scene) -> set[str]:
    """Return the alerts whose threshold is declared."""
    return set(scene.context.settings.thresholds)


def spoil_rules(scene: Scene) -> Iterator[Fault]:
    """Yield what Prometheus refuses."""
    spoiled: dict[str, EditOf] = {
        "has no expr": lambda name: edits.edit_rules(name, lambda rule: rule.pop("expr")),
        "has a bracket too many": lambda name: edits.rewrite(name, lambda text: f"{text} )"),
        "has a `for` that is none": lambda name: edits.edit_rules(name, lambda rule: rule.update({"for": "soon"})),
        "has a key that is none": lambda name: edits.edit_rules(name, lambda rule: rule.update({ADDED: 1})),
        "has a template that does not end": lambda name: edits.edit_rules(name, edits.put("annotations", ADDED, "{{ $value")),
        "is there twice": double_rule,
    }
    yield from of_each(spoiled)(scene)
    yield Fault(place="every group is empty", make=with_edit(lambda documents: documents.rules.update(groups=[])))


def double_rule(name: str) -> Edit:
    """Return the edit that writes the rules of an alert twice."""

    def edit(documents: edits.Documents) -> None:
        for group in documents.groups:
            group["rules"] += [dict(rule) for rule in group["rules"] if str(rule.get("alert")) == name]

    return edit


def lose_alerts(scene: Scene) -> Iterator[Fault]:
    """Yield each required alert gone, and renamed."""
    lost: dict[str, EditOf] = {
        "is gone": lambda name: lambda documents: remove_rules(documents, name),
        "is renamed": lambda name: edits.edit_rules(name, lambda rule: rule.update(alert=f"{name}Renamed")),
        "records instead": lambda name: edits.edit_rules(name, record_instead),
    }
    wanted = is_limited(scene)
    yield from of_each(lost, where=lambda alert: alert.name in wanted)(scene)


def remove_rules(documents: edits.Documents, name: str) -> None:
    """Take the rules of an alert out of every group; a rule that always holds keeps the groups from being empty."""
    for group in documents.groups:
        kept = [rule for rule in group["rules"] if str(rule.get("alert")) != name]
        group["rules"] = kept or [{"record": f"{ADDED}:one", "expr": "vector(1)"}]


def record_instead(rule: dict[str, Any]) -> None:
    """Let a rule record what it compares, and alert of nothing."""
    for key in ("alert", "for", "annotations", "keep_firing_for"):
        rule.pop(key, None)
    rule["record"] = f"{ADDED}:recorded"


SILENT: dict[str, EditOf] = {
    "has no severity": lambda name: edits.edit_rules(name, edits.put("labels", "severity", None)),
    "has another severity": lambda name: edits.edit_rules(name, edits.put("labels", "severity", ADDED)),
    "has no `for`": lambda name: edits.edit_rules(name, lambda rule: rule.pop("for", None)),
    "has `for: 0s`": lambda name: edits.edit_rules(name, lambda rule: rule.update({"for": "0s"})),
    "has no summary": lambda name: edits.edit_rules(name, edits.put("annotations", "summary", None)),
    "has an empty summary": lambda name: edits.edit_rules(name, edits.put("annotations", "summary", " ")),
    "names a label that no series has": lambda name: edits.edit_rules(name, forget_label),
}


def forget_label(rule: dict[str, Any]) -> None:
    """Let a rule take one value of all its series, and its summary name a label of theirs."""
    rule["expr"] = f"max({rule['expr']})"
    edits.put("annotations", "summary", "{{ $labels.tile }} is slow")(rule)


def break_runbooks(scene: Scene) -> Iterator[Fault]:
    """Yield the runbook of each alert that leads to a file of the project: its address broken, and its section."""
    pack = scene.context.pack
    for alert in alerts_of(scene):
        url = alert.annotations.get("runbook_url", "")
        if not url or find_runbook(pack, url):
            continue
        bare, _, anchor = url.partition("#")
        others = {"no": None, "an empty": "", "no section in its": bare, "another section in its": f"{bare}#{anchor}-{ADDED}"}
        others["another file in its"] = url.replace(bare.rpartition("/")[2], f"{ADDED}.md")
        for words, address in others.items():
            put = edits.put("annotations", "runbook_url", address)
            yield Fault(place=f"{alert.name}: {words} runbook_url", make=with_edit(edits.edit_rules(alert.name, put)))
        yield from break_sections(scene, alert, url)


def break_sections(scene: Scene, alert: AlertRule, url: str) -> Iterator[Fault]:
    """Yield the headings of an alert's runbook gone, and its file empty."""
    pack, path = scene.context.pack, urlsplit(url).path
    name = next((path[place:] for place, sign in enumerate(path) if sign == "/" and (pack / path[place + 1 :]).is_file()), path)
    name = name.lstrip("/")
    text = read_text_file(pack / name, root=pack)
    for words, content in {
        "is empty": "",
        "has no heading": text.replace("#", ""),
        "has headings alone": "".join(line for line in text.splitlines(True) if line.startswith("#")),
    }.items():
        yield Fault(place=f"{alert.name}: {name} {words}", make=with_file(name, content))


def comment(scene: Scene) -> Iterator[Fault]:
    """Yield the rules with a comment, and written otherwise."""
    name, pack = scene.context.settings.rules, scene.context.pack
    text = read_text_file(pack / name, root=pack)
    yield Fault(place="a comment", make=with_rule_text(name, f"# checked\n{text}\n# checked\n"))
    yield from of_each({"has a description": lambda alert: edits.edit_rules(alert, describe)})(scene)


def describe(rule: dict[str, Any]) -> None:
    """Give a rule one more annotation; in a test it would have to be expected, too."""
    edits.put("annotations", "description", "What it means is in the runbook.")(rule)


def with_rule_text(name: str, text: str) -> Change:
    """Return the change of a rule file's text, read again where the look was given the rules."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        with with_file(name, text)(scene) as copied:
            yield edits.with_rules_of(copied)

    return change


def miss_metrics(scene: Scene) -> Iterator[Fault]:
    """Yield each metric of each alert misspelt, and asked for a label or a value that no series has."""
    for alert in alerts_of(scene):
        for metric, labels in metrics_of(alert, scene):
            changes: dict[str, Callable[[str], str]] = {
                "misspelt": lambda text, metric=metric: edits.name_in(text, metric).sub(f"{metric}_{ADDED}", text),  # type: ignore[misc]
                "with a label that is not there": edits.add_matcher(metric, f'{ADDED}="x"'),
                "of a job that is not there": edits.add_matcher(metric, f'job="{ADDED}"'),
                "by a pattern that no value is like": edits.add_matcher(metric, f'{ADDED}=~"x.+"'),
            }
            changes |= {f"with another {label}": edits.add_matcher(metric, f'{label}="{ADDED}"') for label in labels}
            for words, change in changes.items():
                yield Fault(place=f"{alert.name}: {metric} {words}", make=with_edit(edits.rewrite(alert.name, change)))
        yield Fault(
            place=f"{alert.name}: by a label that is not there",
            make=with_edit(edits.rewrite(alert.name, lambda text: f"sum by ({ADDED}) ({text})")),
        )


def metrics_of(alert: AlertRule, scene: Scene) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the metrics that an alert names and the app exposes, with the labels that it asks for."""
    seen = {str(row["metric"]) for row in scene.rows if row.get("exposed") and row.get("alert") == alert.name}
    for selector in dict.fromkeys(find_selectors(alert.expression)):
        if not OWN_METRICS.match(selector.metric) and not MADE_OF_ALERTS.match(selector.metric) and selector.metric in seen:
            yield selector.metric, selector.labels


def ask_for_nothing(scene: Scene) -> Iterator[Fault]:
    """Yield each metric with a matcher that takes every series of it."""
    for alert in alerts_of(scene):
        for metric, _ in metrics_of(alert, scene):
            for matcher in (f'{ADDED}=""', f'{ADDED}!="x"', f'{ADDED}=~".*"'):
                change = edits.rewrite(alert.name, edits.add_matcher(metric, matcher))
                yield Fault(place=f"{alert.name}: {metric} with {matcher}", make=with_edit(change))
