"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from lib.clients.vault.declared import Credentials as Credentials
from lib.core.results import Check
from lib.tasks.base import Task

EVERY_VALUE_IN_VAULT = Check(
    "credentials.every_value_in_vault",
    "Every declared credential has a value in the vault",
    subject="vault",
    fix="Put the missing value into the vault, or correct its place under credentials.declared.",
    doc="Reads the vault at the place of each declared credential, and counts those without a value. "
    "What the vault lacks no target can be given. "
    "That a value is there does not prove that the vendor accepts it.",
)
NO_PLACEHOLDER_VALUES = Check(
    "credentials.no_placeholder_values",
    "The vault has no placeholder for a declared credential",
    subject="vault",
    fix="Put the real value into the vault.",
    doc="Compares each value with credentials.placeholders, and with forms such as `<...>`; fewer than six characters count too. "
    "A forgotten `changeme` deploys without an error and fails at the vendor. "
    "A placeholder that nobody listed passes. Where a value is missing it is skipped: its own check fails.",
)
WITHIN_ROTATION_AGE = Check(
    "credentials.within_rotation_age",
    "Every credential was rotated in time",
    gate=False,
    subject="vault",
    fix="Rotate the credential at the vendor, put the new value into the vault, then run `make sync-credentials`.",
    doc="Compares the time since each value last changed with its maximum age. "
    "The longer a credential lives, the more people and machines have seen it. "
    "In a folder the age is that of the file, so a file that is written again without a new value looks rotated. "
    "Where a value is missing or a placeholder it is skipped, and where the vault shows no time it is an error.",
)
VAULT_IS_PRIVATE = Check(
    "credentials.vault_is_private",
    "The vault's files are their owner's alone",
    gate=False,
    subject="vault",
    fix="Run `chmod -R go= <the vault folder>`.",
    doc="Reads the mode of every file and folder of a vault that is a folder. "
    "On a shared machine others could read every credential. "
    "A HashiCorp Vault is skipped: its own policies, which are not looked at, decide who may read.",
)
ENVIRONMENTS_SHARE_NO_VALUE = Check(
    "credentials.environments_share_no_value",
    "No credential is in two environments, unless it is declared as shared",
    subject="vault",
    fix="Issue one credential for each environment, or declare it may_be_shared.",
    doc="Compares the values of this environment with those of credentials.apart_from, without showing any. "
    "A shared credential makes every leak in staging one in production. "
    "Two different tokens with the same rights are not noticed. What is declared as shared, and what another environment does "
    "not have yet, is named; an environment without any value is an error.",
)
FLY_HAS_EVERY_CREDENTIAL = Check(
    "credentials.fly_has_every_credential",
    "The Fly app has every credential it needs",
    subject="fly",
    about=("vault",),
    fix="Run `make sync-credentials` to see what it would set, then again with APPLY=1.",
    doc="Lists the Fly app's secrets by name, and looks for each that is declared for it. "
    "Without one the feature behind it fails in production. "
    "Fly.io shows names and digests, so a wrong value under the right name passes here.",
)
FLY_HAS_NOTHING_UNDECLARED = Check(
    "credentials.fly_has_nothing_undeclared",
    "The Fly app has no secret that nobody declared or allowed",
    subject="fly",
    about=("vault",),
    fix="Remove it there by hand, declare it, or name it in credentials.undeclared_allowed; a sync removes nothing.",
    doc="Lists the Fly app's secrets by name, and reports those that params neither declare nor allow. "
    "A forgotten secret is one that nobody rotates. "
    "A name in undeclared_allowed passes whatever it holds, and is named. A secret that differs from a declared one only by its "
    "capitals is judged by fly_has_every_credential, and this check is skipped.",
)
FLY_AS_NEW_AS_VAULT = Check(
    "credentials.fly_as_new_as_vault",
    "No secret of the Fly app is older than the vault's copy",
    subject="fly",
    about=("vault",),
    promotes=False,
    fix="Run `make sync-credentials` to see what it would set, then again with APPLY=1.",
    doc="Compares the digest that Fly.io shows with the one the last sync noted, and the times of the vault's copies. "
    "After a rotation an old copy stops working. "
    "Without a note the age is unknown, and the check is skipped, never passed; so it is where a copy is missing on one side.",
)
GITHUB_HAS_EVERY_CREDENTIAL = Check(
    "credentials.github_has_every_credential",
    "GitHub has every credential it needs",
    subject="github",
    about=("vault",),
    fix="Run `make sync-credentials` to see what it would set, then again with APPLY=1.",
    doc="Lists the secrets of the GitHub environment and of the repository, and looks for each that is declared for them. "
    "Without one a workflow fails on the day it is needed. "
    "GitHub shows names and times, so a wrong value under the right name passes here.",
)
GITHUB_HAS_NOTHING_UNDECLARED = Check(
    "credentials.github_has_nothing_undeclared",
    "GitHub has no secret that nobody declared or allowed",
    subject="github",
    about=("vault",),
    fix="Remove it there by hand, declare it, or name it in credentials.undeclared_allowed; a sync removes nothing.",
    doc="Lists the secrets of the GitHub environment and of the repository, and reports those neither declared nor allowed. "
    "A forgotten secret is one that nobody rotates. "
    "Secrets of the organisation and of other environments are not looked at.",
)
GITHUB_AS_NEW_AS_VAULT = Check(
    "credentials.github_as_new_as_vault",
    "No secret of GitHub is older than the vault's copy",
    subject="github",
    about=("vault",),
    promotes=False,
    fix="Run `make sync-credentials` to see what it would set, then again with APPLY=1.",
    doc="Compares the time at which each secret was set on GitHub with the time at which the vault's copy changed. "
    "After a rotation an old copy stops working. "
    "A newer copy passes even when it is another value: GitHub never shows values. Where a copy is missing on one side, the "
    "check of that side says so, and this one is skipped.",
)
CHECKS: tuple[Check, ...] = (
    EVERY_VALUE_IN_VAULT,
    NO_PLACEHOLDER_VALUES,
    WITHIN_ROTATION_AGE,
    VAULT_IS_PRIVATE,
    ENVIRONMENTS_SHARE_NO_VALUE,
    FLY_HAS_EVERY_CREDENTIAL,
    FLY_HAS_NOTHING_UNDECLARED,
    FLY_AS_NEW_AS_VAULT,
    GITHUB_HAS_EVERY_CREDENTIAL,
    GITHUB_HAS_NOTHING_UNDECLARED,
    GITHUB_AS_NEW_AS_VAULT,
)

TASK = Task(
    name="credentials",
    title="Credentials",
    notebook="05_credentials.ipynb",
    checks=CHECKS,
    settings=Credentials,
    targets=("vault", "fly", "github"),
)
