"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from lib.clients.vault.declared import Credentials as Credentials
from lib.core.results import Check
from lib.tasks.base import Task

CHECKS: tuple[Check, ...] = (
    Check(id="credentials.every_value_in_vault", title="Every declared credential has a value in the vault", target="vault"),
    Check(id="credentials.no_placeholder_values", title="No value in the vault is a placeholder", target="vault"),
    Check(id="credentials.within_rotation_age", title="Every credential was rotated in time", gate=False, target="vault"),
    Check(id="credentials.vault_is_private", title="The vault's files are their owner's alone", gate=False, target="vault"),
    Check(id="credentials.environments_share_no_value", title="No two environments have a credential in common", target="vault"),
    Check(id="credentials.fly_has_every_credential", title="The Fly app has every credential it needs", target="fly"),
    Check(id="credentials.fly_has_nothing_undeclared", title="The Fly app has no secret that nobody declared", target="fly"),
    Check(id="credentials.fly_as_new_as_vault", title="No secret of the Fly app is older than the vault's copy", target="fly"),
    Check(id="credentials.github_has_every_credential", title="GitHub has every credential it needs", target="github"),
    Check(id="credentials.github_has_nothing_undeclared", title="GitHub has no secret that nobody declared", target="github"),
    Check(id="credentials.github_as_new_as_vault", title="No secret of GitHub is older than the vault's copy", target="github"),
)

TASK = Task(
    name="credentials",
    title="Credentials",
    notebook="05_credentials.ipynb",
    checks=CHECKS,
    targets=("vault", "fly", "github"),
)
