"""Which tasks and targets a project does not have, each with the reason."""

from __future__ import annotations

from lib.clients.npm import PACKAGE
from lib.core.wording import name_some
from lib.onboarding.observed import ObservedDatabase
from lib.onboarding.project_files import ProjectFiles
from lib.tasks.alerts.task import THRESHOLDS_AS_DECLARED
from lib.tasks.guardrails.policy import FILE as POLICY
from lib.tasks.guardrails.task import (
    BRANCH_NAME_ALLOWED,
    CHANGE_SMALL_OR_OPTED_IN,
    ISSUE_LINKED,
    MARKDOWN_IN_ALLOWED_FOLDERS,
    PATHS_ALLOWED,
    PROJECT_COMMANDS_PASS,
    WORKFLOWS_MATCH_SCHEMA,
    WORKFLOWS_PASS_LINT,
)
from lib.tasks.rls.task import PGTAP_TESTS_PASS

OF_POLICY = (BRANCH_NAME_ALLOWED, CHANGE_SMALL_OR_OPTED_IN, PATHS_ALLOWED, ISSUE_LINKED, MARKDOWN_IN_ALLOWED_FOLDERS)
"""The checks that ask a project's own policy what a branch may do."""


def find_inapplicable(files: ProjectFiles, observed: ObservedDatabase | None = None) -> dict[str, str]:
    """Return task, target or check -> "no ... in this project", tasks first.

    observed: the database, where it was observed: one whose API offers no table has nothing that a matrix could say.
    """
    found = {**database_reasons(files), **fly_reasons(files), **vendor_reasons(files), **credential_reasons(files)}
    if not files.alerts:
        found["alerts"] = no("Prometheus alert rules")
    if "health" in found and "alerts" in found:
        found["mail"] = no("health checks or alerts that send mail")
    if not files.has_github:
        found["github"] = no(".github folder")
    order = [*("migrations", "seed", "rls", "health", "credentials", "deploy_rehearsal", "alerts", "backup_restore")]
    order += ["database", "chatwoot", "publer", "mail", "fly", "vault", "github"]
    if observed and "rls" not in found and not observed.matrix and not observed.problems:
        found["rls"] = no("table that the API offers")
    return {**{name: found[name] for name in order if name in found}, **check_reasons(files)}


def check_reasons(files: ProjectFiles) -> dict[str, str]:
    """Return why single checks of the project's own files do not apply, by id."""
    found = {}
    if not files.commands and not is_package_unread(files):
        found[PROJECT_COMMANDS_PASS.id] = no("script of package.json that proves something")
    if not files.has_policy:
        found.update({check.id: no(POLICY) for check in OF_POLICY})
    if not files.workflows and not any(".github/workflows" in one for one in files.problems):
        found.update({check.id: no("workflow") for check in (WORKFLOWS_MATCH_SCHEMA, WORKFLOWS_PASS_LINT)})
    if files.supabase is not None and not files.supabase.tests:
        found[PGTAP_TESTS_PASS.id] = no("pgTAP test in supabase/tests")
    if files.alerts and files.alerts.without and not files.alerts.thresholds:
        found[THRESHOLDS_AS_DECLARED.id] = no("alert that compares with a number")
    return found


def is_package_unread(files: ProjectFiles) -> bool:
    """Return whether there is a package.json that could not be read."""
    return PACKAGE in files.packages and any(PACKAGE in one and "left out" not in one for one in files.problems)


def no(what: str) -> str:
    return f"no {what} in this project"


def database_reasons(files: ProjectFiles) -> dict[str, str]:
    """Return why the database's tasks do not apply: nothing makes a database, or nothing fills it."""
    if files.supabase is None or not files.supabase.migrations:
        lacking = f"supabase folder but that of {name_some(files.elsewhere)}" if files.elsewhere else "supabase folder"
        reason = no(lacking if files.supabase is None else "supabase/migrations")
        return dict.fromkeys(("migrations", "seed", "rls", "backup_restore", "database"), reason)
    if files.supabase.seed_off:
        return {"seed": no("seed, which supabase/config.toml switches off,")}
    return {} if files.supabase.seeds else {"seed": no("seed file with statements")}


def fly_reasons(files: ProjectFiles) -> dict[str, str]:
    return {} if files.fly_files else dict.fromkeys(("deploy_rehearsal", "fly"), no("fly.toml"))


def vendor_reasons(files: ProjectFiles) -> dict[str, str]:
    """Return which of the two vendors whose health is asked the project does not use."""
    found = {name: no(f"use of {name.capitalize()}") for name in ("chatwoot", "publer") if name not in files.vendors}
    return {**found, "health": no("use of Chatwoot or Publer")} if len(found) == 2 else found


def credential_reasons(files: ProjectFiles) -> dict[str, str]:
    """Return why credentials can't be compared: without a vault that says what is right, there is nothing to compare with."""
    if not files.credentials.vault or not files.credentials.places:
        reason = no("vault folder" if not files.credentials.vault else f"credential in {files.credentials.vault}")
        return {"credentials": reason, "vault": reason}
    if not files.fly and not files.has_github:
        return {"credentials": no("Fly app or GitHub workflow that takes credentials")}
    return {}
