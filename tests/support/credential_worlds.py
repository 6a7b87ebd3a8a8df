"""A whole small world for the credentials' checks: a pack's vault, Fly.io and GitHub stood up as a run does, faults by params."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lib.core.errors import TargetError
from lib.core.paths import ROOT
from lib.core.redact import register_secrets
from lib.core.results import Findings
from lib.run.params import Params, load_params
from lib.run.run_file import world_of
from lib.run.stack import new_run_id, stand_up_targets
from lib.tasks.credentials import looks as credentials
from lib.tasks.credentials.task import CHECKS
from lib.transport.context import World


def copy_pack(folder: Path) -> Path:
    """Return a copy of what this task looks at in the sample pack, its vault the owner's alone."""
    pack = folder / "pack"
    shutil.copytree(ROOT / "pack" / "vault", pack / "vault")
    shutil.copytree(ROOT / "pack" / "app", pack / "app")
    for path in (ROOT / "pack").glob("fly*.toml"):
        shutil.copy(path, pack)
    for path in (pack / "vault").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return pack


def load(folder: Path, pack: Path, **changes: Mapping[str, Any]) -> Params:
    """Return the params of an environment that is local's with these changes."""
    params = folder / "params"
    params.mkdir(exist_ok=True)
    shutil.copy(ROOT / "params" / "local.yaml", params)
    (params / "faulty.yaml").write_text(yaml.safe_dump({"extends": "local", **changes}))
    return load_params("faulty", pack=str(pack), variables={}, folder=params)


@contextmanager
def open_world(folder: Path, pack: Path, **changes: Mapping[str, Any]) -> Iterator[World]:
    from datetime import UTC, datetime

    about = {"run_id": new_run_id(datetime.now(UTC)), "run_folder": folder, "rendered": folder / "rendered", "tasks": ()}
    with stand_up_targets(load(folder, pack, **changes), {"vault", "fly", "github"}, **about) as run:  # type: ignore[arg-type]
        register_secrets(run.secrets)
        yield world_of(run, "credentials", {})


def look(world: World, look_at: Callable[..., Findings], **facts: Any) -> Findings:
    """Make one look as the session does: one that can't be made is an error of each check it declared."""
    from lib.core.results import unseen

    try:
        return look_at(world, **facts)
    except TargetError as exc:
        return Findings(results=[unseen(check, str(exc)) for check in look_at.check_ids])  # type: ignore[attr-defined]


def look_at_all(world: World) -> dict[str, Findings]:
    """Make every look of the notebook, in its order."""
    vault = look(world, credentials.look_at_vault)
    return {
        "vault": vault,
        "permissions": look(world, credentials.look_at_permissions),
        "environments": look(world, credentials.look_at_environments),
        "fly": look(world, credentials.look_at_fly, vault=vault.facts),
        "github": look(world, credentials.look_at_github, vault=vault.facts),
    }


def not_passed(found: Mapping[str, Findings]) -> dict[str, str]:
    """Return every check that did not pass, with what it came to."""
    results = [result for findings in found.values() for result in findings.results]
    assert sorted(result.check for result in results) == sorted(check.id for check in CHECKS)
    return {
        result.check.removeprefix("credentials."): result.outcome.value for result in results if result.outcome.value != "pass"
    }
