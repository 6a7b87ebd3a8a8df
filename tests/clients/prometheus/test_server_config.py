"""A project's Prometheus has its rules, or the reason why not is said; what is completed later says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.prometheus.promtool import find_promtool
from lib.clients.prometheus.server_config import find_server_problems
from lib.core.errors import CommandError

try:
    find_promtool()
except CommandError as missing:
    pytestmark = pytest.mark.skip(reason=str(missing))

SCRAPE = "scrape_configs: [{job_name: app, static_configs: [{targets: ['app:8080']}]}]\n"


def problems(pack: Path, **files: str) -> list[str]:
    (pack / "rules.yml").write_text("groups: []\n")
    for name, text in files.items():
        path = pack / name.replace("__", "/").replace("_yml", ".yml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return find_server_problems(pack, "rules.yml", find_promtool(), timeout_s=20)


@pytest.mark.parametrize(
    "text",
    [
        f"{SCRAPE}rule_files: [rules.yml]\n",
        f"{SCRAPE}rule_files: ['*.yml']\n",
        f"{SCRAPE}rule_files: [/etc/prometheus/rules.yml]\n",
        f"{SCRAPE}rule_files: [other.yml, rules/*.yml]\n",
        SCRAPE,
        f"{SCRAPE}rule_files: ['${{RULES}}']\n",
        "groups: []\n",
    ],
)
def test_a_configuration_that_loads_the_rules_or_says_nothing_of_any(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, prometheus_yml=text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{SCRAPE}rule_files: [alerts.yml]\n", "does not load rules.yml: rule_files has alerts.yml"),
        (f"{SCRAPE}rule_files: ['*.yaml']\n", "does not load rules.yml"),
        (f"{SCRAPE}alerting: {{alertmanagers: []}}\n", "it has no rule_files"),
        ("scrape_configs: [{job: app}]\n", "is refused by Prometheus"),
        ("global: {scrape_interval: often}\n", "is refused by Prometheus"),
        (f"{SCRAPE}rule_files: [\n", "is refused by Prometheus"),
    ],
)
def test_a_configuration_that_does_not(tmp_path: Path, text: str, said: str) -> None:
    [found] = problems(tmp_path, prometheus_yml=text)
    assert said in found


def test_rules_that_are_put_under_another_name_are_left_alone(tmp_path: Path) -> None:
    text = f"{SCRAPE}rule_files: [/etc/prometheus/alerts.yml]\n"
    assert problems(tmp_path, prometheus_yml=text) != []
    (tmp_path / "Dockerfile").write_text("COPY rules.yml /etc/prometheus/alerts.yml\n")
    assert problems(tmp_path, prometheus_yml=text) == []


def test_one_of_two_configurations_is_enough(tmp_path: Path) -> None:
    loads, other = f"{SCRAPE}rule_files: [../rules.yml]\n", f"{SCRAPE}rule_files: [none.yml]\n"
    assert problems(tmp_path, monitoring__prometheus_yml=loads, prometheus_yml=other) == []
