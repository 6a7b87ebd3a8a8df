"""The project's own configuration of Alertmanager: where each of its alerts goes, by the labels that its rule gives it.

Source: https://prometheus.io/docs/alerting/latest/configuration/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.clients.prometheus.rule_file import AlertRule, mappings, texts
from lib.clients.prometheus.scrape_config import MOST_FILES
from lib.clients.prometheus.server_config import FILLED_LATER
from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_text_file
from lib.core.plain_yaml import PlainYamlError, load_yaml
from lib.core.wording import plain_text

FOLDERS = ("", "alertmanager", "prometheus", "monitoring", "monitoring/alertmanager", "deploy/alertmanager", "observability",
           "observability/alertmanager", "ops")  # fmt: skip
NAMES = ("alertmanager*.yml", "alertmanager*.yaml")
MATCHER = re.compile(r"^\s*[\"']?([\w.]+)[\"']?\s*(=~|!~|!=|=)\s*(?:\"(.*)\"|'(.*)'|(.*?))\s*$", re.DOTALL)
LONGEST_PATTERN = 200
BLOCK = re.compile(r"\{\{-?\s*(if|range|with|define|block|end)\b")
DEEPEST = 32


def find_delivery_problems(pack: Path, alerts: Sequence[AlertRule]) -> list[str]:
    """Return why an Alertmanager with the project's own configuration tells nobody of an alert; nothing without one."""
    problems = list[str]()
    for path, document in read_configurations(pack):
        name = path.relative_to(pack).as_posix()
        said = [*receiver_problems(document), *template_problems(path, document, pack)]
        problems += [f"{name}: {one}" for one in said or silent_alerts(document, alerts)]
    return problems


def read_configurations(pack: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield each configuration of Alertmanager that can be read; those that are completed later are left out."""
    for folder in FOLDERS:
        try:
            paths = list_files(pack / folder, root=pack, pattern=NAMES)[:MOST_FILES]
        except TargetError:  # no folder of that name that can be read
            continue
        for path in paths:
            try:
                text = read_text_file(path, root=pack)
                document = load_yaml(text)
            except (TargetError, PlainYamlError):
                continue
            if isinstance(document, dict) and "route" in document and not FILLED_LATER.search(re.sub(r"\{\{.*?\}\}", "", text)):
                yield path, document


def receiver_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the receivers that a route names and that are not there."""
    known = [str(one.get("name")) for one in mappings(document.get("receivers"))]
    route = document.get("route")
    if not isinstance(route, dict) or not route.get("receiver"):
        yield "its route names no receiver"
        return
    for one in walk_routes(route):
        if "receiver" in one and str(one["receiver"]) not in known:
            yield f"a route leads to {plain_text(str(one['receiver']), limit=80)}, which is no receiver"


def walk_routes(route: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield a route and all below it."""
    yield route
    for one in mappings(route.get("routes")) if depth < DEEPEST else ():
        yield from walk_routes(one, depth + 1)


def template_problems(path: Path, document: Mapping[str, Any], pack: Path) -> Iterator[str]:
    """Yield the templates of the project in which a block does not end, or ends twice."""
    for pattern in document.get("templates") or []:
        folder = (path.parent / str(pattern)).parent
        if not folder.is_dir() or not folder.resolve().is_relative_to(pack.resolve()):
            continue
        for template in list_files(folder, root=pack, pattern=(Path(str(pattern)).name,))[:MOST_FILES]:
            if said := template_problem(read_text_file(template, root=pack)):
                yield f"{template.relative_to(pack).as_posix()} {said}"


def template_problem(text: str) -> str:
    """Return what is wrong with a template's form; '' for nothing that is seen here."""
    bare = re.sub(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", "", text, flags=re.DOTALL)
    if bare.count("{{") != bare.count("}}"):
        return "has a bracket that does not end"
    words = BLOCK.findall(bare)
    open_blocks = sum(word != "end" for word in words) - words.count("end")
    return "has a block without its end" if open_blocks > 0 else "has an end too many" if open_blocks < 0 else ""


def silent_alerts(document: Mapping[str, Any], alerts: Sequence[AlertRule]) -> Iterator[str]:
    """Yield the alerts that reach no receiver that tells anybody."""
    telling = {
        str(one.get("name")) for one in mappings(document.get("receivers"))
        if any(key.endswith("_configs") and value for key, value in one.items())
    }  # fmt: skip
    for alert in alerts:
        labels = {"alertname": alert.name, **alert.labels}
        reached = receivers_of(document["route"], labels, "")
        if reached is not None and not telling & set(reached):
            yield f"{alert.name} goes to {plain_text(', '.join(dict.fromkeys(reached)), limit=120)}, which tells nobody"


def receivers_of(route: Mapping[str, Any], labels: Mapping[str, str], above: str, depth: int = 0) -> list[str] | None:
    """Return the receivers of an alert with these labels; None where that cannot be told. above: of the route's parent."""
    own = str(route.get("receiver") or above)
    found: list[str] = []
    for one in mappings(route.get("routes")) if depth < DEEPEST else ():
        takes = matches(one, labels)
        below = receivers_of(one, labels, own, depth + 1) if takes else []
        if takes is None or below is None:
            return None
        found += below
        if takes and not one.get("continue"):
            break
    return found or [own]


def matches(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool | None:
    """Return whether a route takes an alert with these labels; None where that depends on labels of its series."""
    wanted = [(name, "=", value) for name, value in texts(route.get("match")).items()]
    wanted += [(name, "=~", value) for name, value in texts(route.get("match_re")).items()]
    for one in route.get("matchers") or []:
        for part in str(one).strip("{} ").split(",") if "{" in str(one) else [str(one)]:
            found = MATCHER.match(part)
            if found is None:
                return None
            wanted.append((found[1], found[2], next((text for text in found.groups()[2:] if text is not None), "")))
    answers = [holds(labels, *one) for one in wanted]
    if False in answers:
        return False
    return None if None in answers else True


def holds(labels: Mapping[str, str], name: str, sign: str, value: str) -> bool | None:
    """Return whether one matcher takes an alert; None where its series may bring that label, or the pattern can't be tried."""
    has = labels.get(name)
    if has is None or "{{" in has:
        return None
    if sign in ("=", "!="):
        return (has == value) is (sign == "=")
    if len(value) > LONGEST_PATTERN or re.search(r"\)[*+{]", value):
        return None
    try:
        return (re.fullmatch(value, has) is not None) is (sign == "=~")
    except re.error:
        return None
