"""A small context for the credentials' checks: a pack's vault, Fly.io and GitHub started as a run does, faults by params."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lib.core.paths import ROOT
from lib.core.redact import register_secrets
from lib.core.results import Findings, Look
from lib.run.layers import WORKBOOKS
from lib.run.params import Params, load_params
from lib.run.run_file import context_of
from lib.run.stack import new_run_id, start_stack_for
from lib.tasks.credentials import looks as credentials
from lib.tasks.credentials.task import CHECKS, Credentials
from lib.transport.context import Context
from tests.support.layered import copy_params, describe_project


def copy_pack(folder: Path) -> Path:
    """Return a copy of what this task looks at in the sample pack, its vault the owner's alone."""
    pack = folder / "pack"
    shutil.copytree(ROOT / "pack" / "vault", pack / "vault")
    shutil.copytree(ROOT / "pack" / "app", pack / "app")
    describe_project(pack)
    for path in (ROOT / "pack").glob("fly*.toml"):
        shutil.copy(path, pack)
    for path in (pack / "vault").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return pack


def load(folder: Path, pack: Path, **changes: Mapping[str, Any]) -> Params:
    """Return the params of an environment that is local's with these changes."""
    params = copy_params(folder / "params")
    own = {name: said for name, said in changes.items() if name in WORKBOOKS}
    (params / "faulty.yaml").write_text(yaml.safe_dump(own))
    (pack / "launch" / "faulty.yaml").write_text(yaml.safe_dump({name: changes[name] for name in changes.keys() - own.keys()}))
    return load_params("faulty", pack=str(pack), variables={}, folder=params)


@contextmanager
def open_world(folder: Path, pack: Path, **changes: Mapping[str, Any]) -> Iterator[Context[Credentials]]:
    from datetime import UTC, datetime

    about = {
        "run_id": new_run_id(datetime.now(UTC)),
        "run_folder": folder,
        "rendered": folder / "rendered",
        "tasks": (),
        "project": "pack",
    }
    with start_stack_for(load(folder, pack, **changes), {"vault", "fly", "github"}, about=about) as run:
        register_secrets(run.secrets)
        yield context_of(run, "credentials", {})


def look(context: Context[Credentials], look_at: Look[..., Any], **facts: Any) -> Findings[Any]:
    """Make one look as the session does: one that cannot be made is an error of each check it declared."""
    findings = look_at.attempt(context, **facts)
    assert [result.check for result in findings.results] == [check.id for check in look_at.checks]
    return findings


def look_at_all(context: Context[Credentials]) -> dict[str, Findings[Any]]:
    """Make every look of the notebook, in its order."""
    vault = look(context, credentials.look_at_vault)
    return {
        "vault": vault,
        "permissions": look(context, credentials.look_at_permissions),
        "environments": look(context, credentials.look_at_environments),
        "fly": look(context, credentials.look_at_fly, vault=vault.facts),
        "github": look(context, credentials.look_at_github, vault=vault.facts),
    }


def not_passed(found: Mapping[str, Findings[Any]]) -> dict[str, str]:
    """Return every check that did not pass, with what it came to."""
    results = [result for findings in found.values() for result in findings.results]
    assert sorted(result.check for result in results) == sorted(check.id for check in CHECKS)
    return {
        result.check.removeprefix("credentials."): result.outcome.value for result in results if result.outcome.value != "pass"
    }
