"""What the project's own Prometheus configuration puts on the series that it scrapes: the job, and static labels.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.clients.prometheus.rule_file import mappings, texts
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml

FOLDERS = ("", "prometheus", "monitoring", "monitoring/prometheus", "deploy/prometheus", "observability/prometheus", "ops")
"""Where projects keep it."""
NAMES = ("prometheus*.yml", "prometheus*.yaml")
MOST_FILES = 50


def read_scraped(pack: Path) -> dict[str, list[str]]:
    """Return label -> the values that the project's Prometheus configurations give it; empty without any that can be read."""
    found: dict[str, list[str]] = {}
    for document in read_configurations(pack):
        for one in mappings(document.get("scrape_configs")):
            if isinstance(one.get("job_name"), str):
                found.setdefault("job", []).append(one["job_name"])
            for static in mappings(one.get("static_configs")):
                targets = static.get("targets")
                found.setdefault("instance", []).extend(str(target) for target in (targets if isinstance(targets, list) else ()))
                for label, value in texts(static.get("labels")).items():
                    found.setdefault(label, []).append(value)
    return found


def read_configurations(pack: Path) -> Iterator[Mapping[str, Any]]:
    """Yield each configuration of Prometheus that can be read; the rules of such a name are none."""
    for folder in FOLDERS:
        try:
            paths = list_files(pack / folder, root=pack, pattern=NAMES)[:MOST_FILES]
        except TargetError:  # no folder of that name that can be read
            continue
        for path in paths:
            try:
                document = load_yaml(read_text_file(path, root=pack))
            except (TargetError, PlainYamlError):
                continue
            if isinstance(document, dict) and "scrape_configs" in document:
                yield document
