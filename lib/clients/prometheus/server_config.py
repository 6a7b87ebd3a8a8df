"""The project's own configuration of Prometheus: whether Prometheus takes it, and whether it loads the rules.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from lib.clients.prometheus.promtool import Promtool
from lib.clients.prometheus.scrape_config import FOLDERS, MOST_FILES, NAMES
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import name_some, plain_text
from lib.transport.process import run_command

OF_SERVER = frozenset({"global", "scrape_configs", "rule_files", "alerting", "remote_write", "remote_read"})
OF_OTHERS = frozenset({"groups", "tests", "spec", "kind", "services"})
FILLED_LATER = re.compile(r"\{\{|\$\{|<%|%\(|__[A-Z_]+__")
"""What another program completes before Prometheus reads the file."""
PLACES = ("Dockerfile*", "docker-compose*.y*ml", "compose*.y*ml", "*.tf", "fly*.toml", "Makefile", "*.sh", "values*.y*ml")
"""Files that may put the rules somewhere else, or under another name."""


def find_server_problems(pack: Path, rules: str, promtool: Promtool, *, timeout_s: float) -> list[str]:
    """Return why a Prometheus with the project's own configuration has not these rules; nothing without a configuration.

    rules: the rule file, in the project. Raises CommandError when promtool does not end.
    """
    problems, loading = list[str](), list[bool]()
    for path, document in read_configurations(pack):
        name = path.relative_to(pack).as_posix()
        run = run_command(promtool.command("check", "config", "--syntax-only", path.name), cwd=path.parent, timeout_s=timeout_s)
        if run.exit_code != 0:
            said = " ".join((run.stderr.strip() or run.stdout.strip()).split())
            problems.append(f"{name} is refused by Prometheus: {plain_text(said, limit=300).rstrip('.')}")
        elif "rule_files" in document or "alerting" in document:
            patterns = [str(one) for one in document.get("rule_files") or []]
            loading.append(any(loads(path, one, pack / rules) for one in patterns))
            if not loading[-1] and not is_placed_elsewhere(pack, path, rules):
                said = f"rule_files has {name_some(patterns)}" if patterns else "it has no rule_files"
                problems.append(f"{name} does not load {rules}: {said}")
    return problems if not any(loading) else [one for one in problems if "does not load" not in one]


def read_configurations(pack: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield each configuration of Prometheus as it is written; those that are completed later are left out."""
    for folder in FOLDERS:
        try:
            paths = list_files(pack / folder, root=pack, pattern=NAMES)[:MOST_FILES]
        except TargetError:  # no folder of that name that can be read
            continue
        for path in paths:
            try:
                text = read_text_file(path, root=pack)
            except TargetError:
                continue
            try:
                document = load_yaml(text)
            except PlainYamlError:
                document = {"global": None} if path.stem == "prometheus" else None
            is_server = isinstance(document, dict) and OF_SERVER & set(document) and not OF_OTHERS & set(document)
            if is_server and not FILLED_LATER.search(text):
                yield path, document


def loads(config: Path, pattern: str, rules: Path) -> bool:
    """Return whether an entry of rule_files takes a rule file: where it is in the project, or by its name alone elsewhere."""
    if fnmatchcase(rules.name, PurePosixPath(pattern).name):
        folder = PurePosixPath(pattern).parent
        return folder.is_absolute() or any(sign in str(folder) for sign in "*?[") or is_same(config.parent / folder, rules.parent)
    return False


def is_same(folder: Path, other: Path) -> bool:
    """Return whether a folder is another one, or is not in the project: then nobody knows what will be there."""
    return not folder.is_dir() or folder.resolve() == other.resolve()


def is_placed_elsewhere(pack: Path, config: Path, rules: str) -> bool:
    """Return whether a file of the project names the rules, so that they may be put where the configuration has them."""
    name = PurePosixPath(rules).name
    for folder in dict.fromkeys((pack, config.parent)):
        for path in list_files(folder, root=pack, pattern=PLACES)[:MOST_FILES]:
            try:
                if name in read_text_file(path, root=pack):
                    return True
            except TargetError:
                continue
    return False
