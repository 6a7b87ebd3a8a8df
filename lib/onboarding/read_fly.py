"""What a project's fly*.toml files say: apps, which of them is production, and what Fly.io asks them for.

Source: https://fly.io/docs/reference/configuration/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_toml import PlainTomlError, load_toml
from lib.embedded.fly.fly_toml import read_config as read_as_flyctl
from lib.onboarding.tree import Tree

LARGEST_BYTES = 1024 * 1024
FLY_FILES = ("fly.toml", "fly.*.toml", "fly-*.toml", "fly_*.toml", "*.fly.toml")
APP_NAME = re.compile(r"[a-z0-9-]{1,63}")
STAGING = re.compile(r"(?:^|[-_.])(?:staging|stage|stg|preprod|pre-prod|uat|qa)(?:[-_.]|$)")
PREVIOUS = re.compile(r"(?:^|[-_.])previous(?:[-_.]|$)")
OTHER = re.compile(r"(?:^|[-_.])(?:dev|develop|development|test|testing|preview|review|demo|sandbox|example|local)(?:[-_.]|$)")
PATH = re.compile(r"/[\w./~%?=&+@:,-]*")


@dataclass(frozen=True, kw_only=True)
class FlyConfig:
    """One config. role: production, staging, previous, other, by the names of file and app. paths: of its HTTP checks."""

    file: str
    app: str
    role: str
    paths: tuple[str, ...]
    image: str


def read_fly_configs(tree: Tree, problems: list[str]) -> tuple[FlyConfig, ...]:
    """Return every config that names an app, the nearest first; adds a sentence to problems for each other one."""
    found = []
    for name in find_fly_files(tree):
        try:
            document = load_toml(read_text_file(tree.root / name, root=tree.root, limit_bytes=LARGEST_BYTES))
            found.append(read_config(name, document))
        except PlainTomlError as exc:
            problems.append(f"{name} is not valid TOML: {exc}.")
        except TargetError as exc:
            problems.append(exc.message)
    return tuple(found)


def find_fly_files(tree: Tree) -> tuple[str, ...]:
    """Return the files that are called like a config of Fly.io's, whether they can be read or not."""
    return tuple(tree.called(*FLY_FILES))


def read_config(name: str, document: Mapping[str, Any]) -> FlyConfig:
    """Return what one config says. Raises TargetError when it names no app that Fly.io could have."""
    app = document.get("app")
    if not isinstance(app, str) or not APP_NAME.fullmatch(app):
        raise TargetError(f"{name} names no app, so it was left out.")
    # As flyctl reads it, old spellings and all; what it could not read is looked at as it stands.
    document = read_as_flyctl(document).said or document
    build = document.get("build")
    image = build.get("image") if isinstance(build, dict) else None
    return FlyConfig(
        file=name,
        app=app,
        role=role_of(name, app),
        paths=tuple(dict.fromkeys(check_paths(document))),
        image=image if isinstance(image, str) else "",
    )


def role_of(name: str, app: str) -> str:
    """Return what an app is for, by the name of its config, else by its own."""
    stem = PurePosixPath(name).name.removesuffix(".toml").replace("fly", "", 1).lower()
    for role, pattern in (("previous", PREVIOUS), ("staging", STAGING), ("other", OTHER)):
        if pattern.search(stem) or pattern.search(app):
            return role
    return "production"


def check_paths(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the path of each HTTP check, in the order written; those that ask by another method than GET are left out."""
    checks = [*dicts(table(document, "http_service").get("checks"))]
    checks += [one for service in dicts(document.get("services")) for one in dicts(service.get("http_checks"))]
    checks += [one for one in table(document, "checks").values() if isinstance(one, dict) and one.get("type") == "http"]
    for one in checks:
        path = one.get("path", "/")
        if str(one.get("method", "get")).lower() == "get" and isinstance(path, str) and PATH.fullmatch(path):
            yield path


def table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def dicts(value: object) -> list[Mapping[str, Any]]:
    """Return the tables of an array, or a lone table as one of them."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
