"""Which tasks and targets a project does not have, each with the reason."""

from __future__ import annotations

from lib.core.wording import name_some
from lib.onboarding.project_files import ProjectFiles


def find_inapplicable(files: ProjectFiles) -> dict[str, str]:
    """Return task or target -> "no ... in this project", tasks first."""
    found = {**database_reasons(files), **fly_reasons(files), **vendor_reasons(files), **credential_reasons(files)}
    if not files.alerts:
        found["alerts"] = no("Prometheus alert rules")
    if "health" in found and "alerts" in found:
        found["mail"] = no("health checks or alerts that send mail")
    if not files.has_github:
        found["github"] = no(".github folder")
    order = [*("migrations", "seed", "rls", "health", "credentials", "deploy_rehearsal", "alerts", "backup_restore")]
    order += ["database", "chatwoot", "publer", "mail", "fly", "vault", "github"]
    return {name: found[name] for name in order if name in found}


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
