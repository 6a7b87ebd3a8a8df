"""Which outside systems an environment names, part by part: the rehearsal rule, and what may be called live.

A target is `embedded`, or each of its parts is the name of an environment variable as ${NAME}; a part
that is no secret may have a default, as ${NAME:-default}. None of the variables set is a rehearsal on
embedded parts, all set is live, some set leaves the targets without theirs named as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lib.core.redact import SHORTEST_SECRET, password_of

EMBEDDED = "embedded"
VARIABLE = re.compile(r"^\$\{([A-Z][A-Z0-9_]*)(?::-([^{}]*))?\}$")

PARTS: Mapping[str, tuple[str, ...]] = {
    "database": ("url", "api", "anon_key", "jwt_secret"),
    "chatwoot": ("url", "token", "account"),
    "publer": ("url", "token", "workspace"),
    "mail": ("url", "webhook"),
    "fly": ("url", "token"),
    "vault": ("url", "token"),
    "github": ("url", "token"),
}
"""Target -> the parts that reach and open it; one variable alone gives the `url`."""
OPTIONAL_PARTS = frozenset({"api", "anon_key", "jwt_secret"})
"""Parts that a file need not name: a project's REST API beside its database, and what opens it."""
MORE_PARTS: Mapping[str, tuple[str, ...]] = {"fly": ("drill_database", "metrics", "database_metrics")}
"""Target -> the parts that a file may leave out, addresses all: of the database that a drill of deploy_rehearsal may damage, of
Fly.io's Prometheus, and of Supabase's page of metrics with user and key."""
SECRET_PARTS = frozenset({"token", "webhook", "anon_key", "jwt_secret"})
"""Parts that are credentials by themselves; of the others only a password within a URL is."""

IS_LIVE = "is_live"
"""The one part that is no variable: true says that a service of one's own, at a private address, is the real one."""

Spec = str | Mapping[str, str | bool]


@dataclass(frozen=True, kw_only=True)
class Named:
    """The targets of one environment as its variables leave them.

    found: target -> part -> value, for live targets. missing: target -> the variables that are not set.
    wanted: every variable that decides whether this is a rehearsal.
    """

    found: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, tuple[str, ...]]
    wanted: tuple[str, ...]

    @property
    def rehearsal(self) -> bool:
        return not self.found and not self.missing


def parts_of(spec: Spec) -> Mapping[str, str]:
    """Return a target's parts as the file spells them; none for an embedded one."""
    if isinstance(spec, str):
        return {} if spec == EMBEDDED else {"url": spec}
    return {part: text for part, text in spec.items() if isinstance(text, str)}


def is_declared_live(spec: Spec) -> bool:
    """Return whether the file says that the target is the real one wherever it is."""
    return not isinstance(spec, str) and spec.get(IS_LIVE) is True


def spec_problems(where: str, specs: Mapping[str, Spec]) -> Iterator[str]:
    """Yield one line for each target or part that says something else than it may."""
    for target, spec in specs.items():
        if isinstance(spec, str) and len(set(PARTS[target]) - OPTIONAL_PARTS) > 1 and spec != EMBEDDED:
            yield f"{where}: targets.{target}: write `embedded`, or its parts {', '.join(PARTS[target])}, each as ${{NAME}}."
            continue
        for part, said in ({} if isinstance(spec, str) else spec).items():
            if (part == IS_LIVE) is not isinstance(said, bool):
                wanted = "true or false" if part == IS_LIVE else "the name of an environment variable as ${NAME}"
                yield f"{where}: targets.{target}.{part}: write {wanted}; saw {said!r}."
        parts = parts_of(spec)
        if not isinstance(spec, str) and "url" not in parts:
            yield f"{where}: targets.{target}: its part url is missing. Fix: Add it as ${{NAME}}."
        for part in parts:
            if part == IS_LIVE:
                continue
            known = (*PARTS[target], *MORE_PARTS.get(target, ()))
            if part not in known:
                yield f"{where}: targets.{target}: unknown part '{part}'; known parts: {', '.join(known)}."
            elif not VARIABLE.match(parts[part]):
                yield (
                    f"{where}: targets.{target}{'.' + part if not isinstance(spec, str) else ''}: "
                    "write `embedded`, or the name of an "
                    "environment variable as ${NAME}; an address or credential itself does not belong into this file."
                )
            elif part in SECRET_PARTS and parts[part].partition(":-")[2].rstrip("}"):
                yield f"{where}: targets.{target}.{part}: a credential has no default; write ${{NAME}} alone."
        for part in PARTS[target]:
            if parts and part not in parts and part not in OPTIONAL_PARTS:
                yield f"{where}: targets.{target}: the part '{part}' is missing. Fix: Add it as ${{NAME}}."


def find_targets(specs: Mapping[str, Spec], values: Mapping[str, str]) -> Named:
    """Return the targets as the variables leave them; the specs have no problems."""
    wanted: list[str] = []
    found: dict[str, dict[str, str]] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    any_set = False
    for target, spec in specs.items():
        given: dict[str, str] = {}
        lacks: list[str] = []
        for part, text in parts_of(spec).items():
            name, default = VARIABLE.fullmatch(text).groups()  # type: ignore[union-attr]
            value = values.get(name, "").strip()
            if default is None:
                wanted.append(name)
                any_set = any_set or bool(value)
                if not value:
                    lacks.append(name)
            given[part] = value or default or ""
        if lacks:
            lacking[target] = tuple(lacks)
        elif given:
            found[target] = given
    names = tuple(sorted(dict.fromkeys(wanted)))
    return Named(found=found, missing=lacking, wanted=names) if any_set else Named(found={}, missing={}, wanted=names)


def value_problems(found: Mapping[str, Mapping[str, str]], specs: Mapping[str, Spec]) -> Iterator[str]:
    """Yield one line for each value that can't be an address, or is too short to be a credential.

    A credential of a few letters can't be redacted without redacting ordinary words, too.
    """
    for target, parts in found.items():
        names = {part: VARIABLE.fullmatch(text).group(1) for part, text in parts_of(specs[target]).items()}  # type: ignore[union-attr]
        if not is_address(parts["url"]):
            yield f"{names['url']} is no address: write one like scheme://host:port/."
        elif has_short_password(parts["url"]):
            yield f"{names['url']} {SHORT_PASSWORD}"
        for part in sorted(parts.keys() & set(MORE_PARTS.get(target, ()))):
            if parts[part] and not is_address(parts[part]):
                yield f"{names[part]} is no address: write one like scheme://host:port/."
            elif has_short_password(parts[part]):
                yield f"{names[part]} {SHORT_PASSWORD}"
        for part in sorted(SECRET_PARTS & parts.keys()):
            if parts[part] and len(parts[part]) < SHORTEST_SECRET:
                yield f"{names[part]} has fewer than {SHORTEST_SECRET} characters, which is no credential. Fix: Set the real one."


SHORT_PASSWORD = (
    f"has a password of fewer than {SHORTEST_SECRET} characters, which can't be kept out of what is shown. Fix: Set a longer one."
)


def has_short_password(text: str) -> bool:
    """Return whether an address has a password that is too short to be redacted."""
    return bool(0 < len(password_of(text) or "") < SHORTEST_SECRET) if "://" in text and is_address(text) else False


def is_address(text: str) -> bool:
    """Return whether a text can be taken apart as a URL."""
    try:
        return urlsplit(text).port is not False
    except ValueError:
        return False


def variables_of(specs: Mapping[str, Spec]) -> set[str]:
    """Return every variable that the targets name, with a default or without."""
    matches = (VARIABLE.match(text) for spec in specs.values() for text in parts_of(spec).values())
    return {match.group(1) for match in matches if match}
