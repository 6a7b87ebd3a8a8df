"""Where a project's Alertmanager sends its alerts: to a receiver that tells somebody, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus.alertmanager import find_delivery_problems, template_problem
from lib.clients.prometheus.rule_file import AlertRule

RECEIVERS = "receivers:\n- name: people\n  email_configs: [{to: a@example.com}]\n- name: nobody\n"


def problems(pack: Path, text: str, **labels: str) -> list[str]:
    (pack / "alertmanager.yml").write_text(text)
    said = labels or {"severity": "page"}
    return find_delivery_problems(
        pack, [AlertRule(name="High", expression="a > 1", hold_s=60, interval_s=60, labels=said, annotations={})]
    )


@pytest.mark.parametrize(
    "route",
    [
        "{receiver: people}",
        "{receiver: nobody, routes: [{receiver: people, matchers: ['severity=\"page\"']}]}",
        "{receiver: nobody, routes: [{receiver: people, match: {severity: page}}]}",
        "{receiver: nobody, routes: [{receiver: people, match_re: {severity: 'page|ticket'}}]}",
        "{receiver: people, routes: [{receiver: nobody, matchers: ['severity = info']}]}",
        "{receiver: people, routes: [{receiver: nobody, matchers: ['cluster = \"dev\"']}]}",  # its series decide
        "{receiver: people, routes: [{receiver: nobody, matchers: ['severity=page'], continue: true}, {matchers: []}]}",
    ],
)
def test_an_alert_that_somebody_is_told(tmp_path: Path, route: str) -> None:
    assert problems(tmp_path, f"route: {route}\n{RECEIVERS}") == []


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("{receiver: gone}", "a route leads to gone, which is no receiver"),
        ("{receiver: people, routes: [{receiver: gone, match: {a: b}}]}", "a route leads to gone"),
        ("{}", "its route names no receiver"),
        ("{receiver: nobody}", "High goes to nobody, which tells nobody"),
        ("{receiver: people, routes: [{receiver: nobody, matchers: ['severity=~\"page|x\"']}]}", "High goes to nobody"),
        ("{receiver: nobody, routes: [{receiver: people, matchers: ['severity=critical']}]}", "High goes to nobody"),
    ],
)
def test_an_alert_that_nobody_is_told(tmp_path: Path, route: str, said: str) -> None:
    [found] = problems(tmp_path, f"route: {route}\n{RECEIVERS}")
    assert said in found


def test_without_a_configuration_nothing_is_said(tmp_path: Path) -> None:
    assert find_delivery_problems(tmp_path, []) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{{ define "a" }}{{ range .Alerts }}{{ .Labels.x }}{{ end }}{{ end }}', ""),
        ("{{ if .x }}a{{ else if .y }}b{{ else }}c{{ end }}", ""),
        ("{{/* if */}}plain", ""),
        ('{{ define "a" }}{{ range .Alerts }}{{ end }}', "has a block without its end"),
        ("{{ .x }} {{ end }}", "has an end too many"),
        ("{{ .x", "has a bracket that does not end"),
    ],
)
def test_the_form_of_a_template(text: str, said: str) -> None:
    assert template_problem(text) == said


def test_a_broken_template_is_found(tmp_path: Path) -> None:
    (tmp_path / "mail.tmpl").write_text('{{ define "a" }}')
    assert problems(tmp_path, f"route: {{receiver: people}}\ntemplates: ['*.tmpl']\n{RECEIVERS}") == [
        "alertmanager.yml: mail.tmpl has a block without its end"
    ]
