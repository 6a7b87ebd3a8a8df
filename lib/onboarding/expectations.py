"""From what was read and tried to what the project is expected to be: the lines and questions of launch/project.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lib.clients.npm import PACKAGE
from lib.core.wording import format_count, join_words, name_some
from lib.onboarding.applies import find_inapplicable, is_package_unread
from lib.onboarding.observed import Finding, ObservedDatabase
from lib.onboarding.project_files import ProjectFiles
from lib.onboarding.read_credentials import name_of
from lib.onboarding.read_fly import FlyConfig
from lib.onboarding.wanted import SECTION_NOTES, Wanted
from lib.onboarding.yaml_text import Line

ROWS_FILE = "launch/rows.sql"
DATABASE_SECTIONS = ("migrations", "seed", "rls")
DEFAULT_BASE = "origin/main"


def expect(name: str, files: ProjectFiles, observed: ObservedDatabase | None) -> Wanted:
    """Return what the project's file should say. observed: None when the database could not be observed at all."""
    reasons = find_inapplicable(files, observed)
    lines = [Line(path=("name",), value=name, is_sure=True)]
    if files.owner:
        lines.append(Line(path=("owners", "default"), value=files.owner, is_sure=True))
    lines += [Line(path=("not_applicable", one), value=reason) for one, reason in reasons.items()]
    seed = expect_rows if "seed" in reasons else expect_seed
    sections = {"migrations": expect_migrations, "seed": seed, "rls": expect_rls}
    for section in SECTION_NOTES:
        if section in sections:
            is_there = "database" not in reasons and (section != "rls" or "rls" not in reasons)
            lines += sections[section](observed) if observed and is_there else []
        elif section not in reasons or (section == "health" and "mail" not in reasons):
            lines += expect_of_files(section, files, name)
    return Wanted(
        name=name,
        lines=tuple(lines),
        questions=tuple([*(observed.findings if observed else ()), *file_questions(files)]),
        unseen=() if "database" in reasons else tuple(find_unseen(observed)),
    )


def find_unseen(observed: ObservedDatabase | None) -> Iterator[tuple[str, ...]]:
    """Yield the paths below which not all was looked at: those of a table that a problem is about, else all of them."""
    for problem in ("nothing was observed",) if observed is None else observed.problems:
        table = problem.partition(": ")[0]
        if observed is None or table not in observed.matrix:
            yield from ((one,) for one in DATABASE_SECTIONS)
        else:
            yield from (("rls", "matrix", table), ("rls", "scopes", table), ("seed", "expected_counts", table))


def expect_migrations(observed: ObservedDatabase) -> Iterator[Line]:
    """Yield the section migrations."""
    yield Line(path=("migrations", "schemas"), value=[*observed.owned_schemas] or ["public"])
    note = "older migrations have no rollback file" if observed.rollbacks_from else ""
    yield Line(
        path=("migrations", "rollbacks_from"), value=observed.rollbacks_from, is_sure=not observed.rollbacks_from, note=note
    )


def expect_seed(observed: ObservedDatabase) -> Iterator[Line]:
    """Yield the section seed of a project that has one."""
    counted = dict.fromkeys([*observed.owned_schemas, *(table.partition(".")[0] for table in observed.seed_counts)])
    yield Line(path=("seed", "schemas"), value=[*counted] or ["public"])
    yield from expect_rows(observed)
    if not observed.seed_counts:
        yield Line(path=("seed", "expected_counts"), value={}, is_sure=True)
    for table, rows in observed.seed_counts.items():
        yield Line(path=("seed", "expected_counts", table), value=rows)


def expect_rows(observed: ObservedDatabase) -> Iterator[Line]:
    """Yield the line that names the rows for trials alone, which a project without a seed needs as well."""
    if observed.rehearsal_rows:
        note = "rows for trials that are rolled back, never applied to a target"
        yield Line(path=("seed", "rehearsal_rows"), value=ROWS_FILE, note=note)


def expect_rls(observed: ObservedDatabase) -> Iterator[Line]:
    """Yield the section rls, as it was tried."""
    yield Line(path=("rls", "schemas"), value=[*observed.exposed_schemas] or ["public"], is_sure=bool(observed.exposed_schemas))
    for part, rows in (("identities", observed.identities), ("scopes", observed.scopes), ("matrix", observed.matrix)):
        if not rows:
            yield Line(path=("rls", part), value={}, is_sure=True)
    for name, identity in observed.identities.items():
        yield Line(path=("rls", "identities", name), value=dict(identity))
    for table, scopes in observed.scopes.items():
        for name, predicate in scopes.items():
            yield Line(path=("rls", "scopes", table, name), value=predicate)
    for table, roles in observed.matrix.items():
        for role, verbs in roles.items():
            unknown = [verb for verb in verbs if (table, role, verb) in observed.unrecognised]
            note = f"{join_words(unknown)}: the rows seen, no rule was recognised" if unknown else ""
            yield Line(path=("rls", "matrix", table, role), value=dict(verbs), note=note)
    for table, granted in observed.columns.items():
        for role, columns in granted.items():
            yield Line(path=("rls", "columns", table, role), value={verb: [*names] for verb, names in columns.items()})
    for function, words in observed.functions.items():
        yield Line(path=("rls", "functions", function), value=dict(words), note=observed.function_notes.get(function, ""))


def expect_of_files(section: str, files: ProjectFiles, name: str) -> list[Line]:
    """Return a section that the project's files alone say. name: of the project."""
    if section == "health":
        return [*expect_health()]
    if section == "deploy_rehearsal":
        return [*expect_deploy(files)]
    if section == "alerts" and files.alerts:
        alerts = files.alerts
        lines = [Line(path=("alerts", "rules"), value=alerts.rules, is_sure=not alerts.others)]
        lines.append(
            Line(path=("alerts", "tests"), value=alerts.tests or expected_tests(alerts.rules), is_sure=bool(alerts.tests))
        )
        if alerts.severities:
            lines.append(Line(path=("alerts", "severities"), value=[*alerts.severities]))
        limits = [Line(path=("alerts", "thresholds", name), value=plain(limit)) for name, limit in alerts.thresholds.items()]
        return lines + limits
    if section == "credentials":
        return [*expect_credentials(files, name)]
    if section == "guardrails":
        base = [Line(path=("guardrails", "base"), value=files.base)] if files.base not in ("", DEFAULT_BASE) else []
        return [*base, *expect_commands(files)]
    return []


def expect_commands(files: ProjectFiles) -> list[Line]:
    """Return the line of the project's own commands. One is named of a package.json that can't be read: its task says so then."""
    if is_package_unread(files):
        return [Line(path=("guardrails", "commands"), value=["test"], note=f"a guess: {PACKAGE} could not be read")]
    line = Line(path=("guardrails", "commands"), value=[*files.commands], note=f"scripts of {PACKAGE}")
    return [line] if files.commands else []


def plain(number: float) -> float | int:
    """Return a whole number without its fraction."""
    return int(number) if number.is_integer() and abs(number) < 10**15 else number


def expected_tests(rules: str) -> str:
    """Return where the unit tests of a rule file would be: alerts.yml, alerts.test.yml."""
    stem, dot, ending = rules.rpartition(".")
    return f"{stem}.test.{ending}" if dot else f"{rules}.test.yml"


def expect_deploy(files: ProjectFiles) -> Iterator[Line]:
    """Yield the section deploy_rehearsal: production's config, tried on the staging app."""
    main = main_config(files)
    production = [one.app for one in files.fly if one.role == "production"] or [main.app]
    staging = next((one for one in files.fly if one.role == "staging"), None)
    app = staging.app if staging else f"{main.app}-staging"
    previous = next((one.app for one in files.fly if one.role == "previous"), "")
    note = "" if staging else "no fly.*.toml names a staging app; this is a guess"
    checks = f"checks of {main.file}" if main.paths else f"{main.file} has no HTTP check" if main in files.fly else "a guess"
    values: list[tuple[str, object, str]] = [
        ("app", app, note),
        ("config", main.file, ""),
        ("image", main.image or f"registry.fly.io/{app}:candidate", ""),
        ("production_apps", [*dict.fromkeys(production)], ""),
        ("endpoints", [*main.paths] or ["/"], checks),
        ("previous_schema_app", previous, ""),
        ("previous_migration", "", "the newest migration that the release before was built on" if previous else ""),
    ]
    for key, value, said in values:
        yield Line(path=("deploy_rehearsal", key), value=value, note=said, is_sure=value == "" and not previous)


def main_config(files: ProjectFiles) -> FlyConfig:
    """Return the config that the launch is about: the nearest of production, else the nearest of any.

    Where none names an app, the app is a guess: the task itself then says what is wrong with the file.
    """
    ranks = {"production": 0, "staging": 1, "other": 2, "previous": 3}
    unread = FlyConfig(file=next(iter(files.fly_files), "fly.toml"), app="unknown", role="production", paths=(), image="")
    return min(files.fly, key=lambda one: (ranks[one.role], one.file.count("/")), default=unread)


def expect_health() -> Iterator[Line]:
    """Yield who is notified of a failure: nobody, until a person says who, since no file does."""
    yield Line(path=("health", "notify_to"), value=["operator@example.com"], note="nobody yet: who is notified?")
    yield Line(path=("health", "notify_from"), value="launch-readiness@example.com", note="the sender's address")


def expect_credentials(files: ProjectFiles, name: str) -> Iterator[Line]:
    """Yield the section credentials: each value of the vault, and who needs it by what names it."""
    found = files.credentials
    yield Line(path=("credentials", "vault_folder"), value=found.vault, is_sure=True)
    if files.fly:
        staging = next((one.app for one in files.fly if one.role == "staging"), main_config(files).app)
        yield Line(path=("credentials", "fly_app"), value=staging)
    first = "local" if "local" in found.environments else next(iter(found.environments), "local")
    own = "another environment's is in launch/<environment>.yaml"
    yield Line(path=("credentials", "vault_path"), value=first, note=own)
    yield Line(path=("credentials", "github_environment"), value=first, note=own)
    repository, guess = files.repository or f"example/{name}", "" if files.repository else "a guess: owner/name on GitHub"
    yield Line(path=("credentials", "github_repository"), value=repository, note=guess, is_sure=bool(files.repository))
    for place in found.places:
        name = name_of(place)
        users = (["github_environment"] if name in found.workflows else []) + (["fly"] if files.fly else [])
        value = {"vault": place, "needed_by": users or ["mcp"]}
        yield Line(path=("credentials", "declared", name), value=value)


def file_questions(files: ProjectFiles) -> Iterator[Finding]:
    """Yield what the files leave to a person, each as a question that yes answers."""
    alerts, found = files.alerts, files.credentials
    if files.elsewhere:
        yield decide(
            "supabase", f"The supabase folder is in {name_some(files.elsewhere)}: is this, above it, the project to launch?"
        )
    if alerts and alerts.others:
        more = format_count(len(alerts.others), "more rule file")
        yield decide(
            alerts.rules, f"The project has {more} ({name_some(alerts.others)}): is {alerts.rules} the one that matters?"
        )
    if alerts and not alerts.tests:
        yield decide(alerts.rules, f"No promtool unit tests name {alerts.rules}: is that meant?")
    if alerts and alerts.without:
        yield decide(alerts.rules, f"In {alerts.rules} no number is compared with by {name_some(alerts.without)}: is that meant?")
    if found.names and not found.vault:
        named = f"{format_count(len(found.names), 'credential')} ({name_some(found.names, most=3)})"
        yield decide("credentials", f"The files name {named}, and there is no vault folder: are they kept somewhere else?")
    elif missing := [name for name in found.names if name not in {name_of(place) for place in found.places}]:
        yield decide("credentials", f"The files name {name_some(missing, most=3)}, which {found.vault} lacks: is that meant?")


def decide(place: str, question: str) -> Finding:
    return Finding(danger=False, place=place, question=question)
