"""What of a project a person should look at: what looks dangerous first, as a question, then what is to be decided."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from lib.clients.postgres.dumps import LEFT_OUT_SCHEMAS, PLATFORM_SCHEMAS
from lib.clients.supabase.project_config import read_config, read_section
from lib.core.errors import TargetError
from lib.core.wording import join_words, name_some, plain_text
from lib.onboarding.applied import AppliedProject
from lib.onboarding.calling import Calls
from lib.onboarding.draft import Draft, Key
from lib.onboarding.inlining import functions_in
from lib.onboarding.observed import Finding
from lib.onboarding.scenery import Scenery, compared_columns
from lib.transport.database import Database, read_query

WRITES = ("insert", "update", "delete")
USER_COLUMN = re.compile(r"^(user|owner|author|profile|created_by|account)(_?u?id)?$|^(user|owner|author)_", re.IGNORECASE)
"""Names of columns that say whose a row is."""
ABSENT = re.compile(rf'"?((?:{"|".join([*PLATFORM_SCHEMAS, *sorted(LEFT_OUT_SCHEMAS)])})\.\w+)[^;]* does not exist')
"""What the server says of an object of the platform that is not there, within a reason."""


def find_findings(
    applied: AppliedProject, pack: Path, scenery: Scenery, draft: Draft, *, unrecognised: Collection[Key], called: Calls
) -> tuple[Finding, ...]:
    """Return what a person should look at, the dangers first. Raises DatabaseError when the catalogue can't be read."""
    database = applied.database
    found = [
        *find_open_tables(scenery, draft),
        *find_functions(database, scenery),
        *find_calls_beyond(called),
        *find_views(database, scenery),
        *find_storage(database, draft),
        *find_always_true(scenery),
        *find_decisions(applied, pack, scenery, draft, unrecognised),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: not one.danger))


def find_open_tables(scenery: Scenery, draft: Draft) -> Iterator[Finding]:
    """Yield what the matrix itself shows: tables without RLS, writes by visitors, everybody's rows open to everybody."""
    for name, table in draft.tables.items():
        held = {
            role: [verb for verb in ("select", *WRITES) if draft.access[role, name].may(verb)]
            for role in ("anon", "authenticated")
        }
        if not table.rls_enabled:
            open_to = [f"{role} may {join_words(verbs)}" for role, verbs in held.items() if verbs]
            if open_to:
                yield danger(name, f"Row level security is off and {join_words(open_to)} every row: is that meant?")
            continue
        written = [verb for verb in WRITES if draft.words.get((name, "anon", verb), "deny") != "deny"]
        if written:
            yield danger(name, f"A visitor who is not signed in may {join_words(written)}: is that meant?")
        if owner := user_column(scenery, draft, name):
            readers = [role for role in ("anon", "authenticated") if draft.words.get((name, role, "select")) == "allow"]
            if readers:
                yield danger(
                    name, f"{join_words(readers)} may read every row, although column {owner} says whose a row is: is that meant?"
                )


def user_column(scenery: Scenery, draft: Draft, name: str) -> str:
    """Return the column that says whose a row is, '' without one."""
    table = scenery.catalogue.get(name)
    own = [*(table.own_users if table else ()), *compared_columns(scenery.book, name)]
    named = [column.name for column in draft.tables[name].columns if USER_COLUMN.search(column.name)]
    return next(iter([*own, *named]), "")


def find_functions(database: Database, scenery: Scenery) -> Iterator[Finding]:
    """Yield functions with their owner's rights that visitors may call or whose path the caller sets."""
    schemas = sorted({*scenery.exposed, *scenery.owned})
    rows = database.rows(read_query(__package__, "exposed_functions"), schemas=schemas, exposed=list(scenery.exposed))
    callable_ones = [row for row in rows if not row["is_trigger"] and row["is_exposed"]]
    for row in callable_ones:
        if row["is_definer"] and row["anon_may"]:
            yield danger(
                row["display_name"],
                "It runs with its owner's rights, past every policy, and a visitor may call it: is that meant?",
            )
    for row in rows:
        if row["is_definer"] and not row["fixes_path"]:
            yield danger(
                row["display_name"],
                "It runs with its owner's rights and the caller's search_path: should it `set search_path = ''`?",
            )


def find_calls_beyond(called: Calls) -> Iterator[Finding]:
    """Yield functions that give their callers more than the matrix does, and those of which no call said anything."""
    for (function, role), seen in called.beyond.items():
        yield danger(function, f"{role} may call it, and {plain_text(seen, limit=200)}: is that meant?")
    for (function, role), why in called.untried.items():
        yield decision(
            function,
            f"{role} may call it, and {plain_text(why, limit=160)}: which arguments should rls.function_arguments give, and may "
            "it go beyond the matrix?",
        )


def find_views(database: Database, scenery: Scenery) -> Iterator[Finding]:
    """Yield views that show rows past the policies."""
    for row in database.rows(read_query(__package__, "exposed_views"), schemas=list(scenery.exposed)):
        if row["readers"] and not (row["kind"] == "view" and row["is_invoker"]):
            yield danger(
                row["display_name"],
                f"This {row['kind']} shows {join_words(row['readers'])} what its owner may read, past the policies of its "
                "tables: is that meant?",
            )


def find_storage(database: Database, draft: Draft) -> Iterator[Finding]:
    """Yield public buckets, policies of storage that let visitors in, and the buckets there are."""
    buckets = database.rows(read_query(__package__, "storage_buckets"))
    for row in buckets:
        if row["is_public"]:
            yield danger(
                f"storage bucket {plain_text(row['id'], limit=60)}",
                "Everybody may read each file in it by its address: is that meant?",
            )
    for row in database.rows(read_query(__package__, "storage_policies")):
        is_open = (
            "auth.uid()" not in row["condition"]
            and "auth.jwt()" not in row["condition"]
            and "auth.role()" not in row["condition"]
        )
        if row["is_for_anon"] and is_open:
            yield danger(
                row["display_name"],
                f'Policy "{plain_text(row["name"], limit=80)}" lets a visitor {row["verb"]} whoever asks: is that meant?',
            )
    private = [row["id"] for row in buckets if not row["is_public"]]
    if private and "storage.objects" not in draft.tables:
        yield decision("storage", f"No policy lets anybody reach the files of {name_some(private)}: is that meant?")


def find_always_true(scenery: Scenery) -> Iterator[Finding]:
    """Yield policies that let their roles write every row."""
    for table, policies in scenery.book.policies.items():
        for one in policies:
            said = one.reaches if one.verb == "delete" else one.keeps if one.keeps is not None else one.reaches
            is_service = set(one.roles) <= {"service_role", "postgres"}
            if one.is_permissive and one.verb != "select" and said == "true" and not is_service:
                verb = "write" if one.verb == "*" else one.verb
                yield danger(
                    table,
                    f'Policy "{plain_text(one.name, limit=80)}" lets {join_words(one.roles)} {verb} any row: is that meant?',
                )


def find_decisions(
    applied: AppliedProject, pack: Path, scenery: Scenery, draft: Draft, unrecognised: Collection[Key]
) -> Iterator[Finding]:
    """Yield what is to be decided: rows without a rule, schemas that are not listed, a missing seed, the era of grants."""
    for table, role, verb in sorted(unrecognised):
        yield decision(
            table,
            f"No rule was recognised for the rows that {role} may {verb}, so they are listed one by one: which rule is meant?",
        )
    yield from find_leaning(scenery, draft)
    for schema in scenery.unlisted:
        yield decision(
            f"schema {schema}",
            "API roles hold rights on its tables although [api] schemas does not list it, so the matrix covers it: should it?",
        )
    if not applied.has_seed and not applied.seed_problem:
        yield decision(
            "supabase/seed.sql", "There is no seed, so users and rows were made up: should the project have fixtures of its own?"
        )
    if not says_era(pack):
        yield decision(
            "supabase/config.toml",
            "[api] auto_expose_new_tables is not set, so new tables were granted to the API roles, as in projects from before "
            "2026: is that how the hosted project is?",
        )


def find_leaning(scenery: Scenery, draft: Draft) -> Iterator[Finding]:
    """Yield the scopes that still call a function of the project, so that they say the same as it, whatever it says."""
    for table in draft.tables:
        words = [word for key, word in draft.words.items() if key[0] == table]
        used = {part.strip() for word in words for part in word.split("->")}
        for name, predicate in draft.scopes.get(table, {}).items():
            called = functions_in(predicate, scenery.book.functions) if name in used else []
            if called:
                yield decision(
                    table,
                    f"The scope {name} leans on the project's own {join_words(called)}, so a change of that changes both: "
                    "which rows are meant?",
                )


def says_era(pack: Path) -> bool:
    """Return whether config.toml says if new tables are open to the API's roles."""
    try:
        return "auto_expose_new_tables" in read_section(read_config(pack), "api")
    except TargetError:
        return False


def danger(place: str, question: str) -> Finding:
    return Finding(danger=True, place=place, question=question)


def decision(place: str, question: str) -> Finding:
    return Finding(danger=False, place=place, question=question)


def problem_sentences(draft: Draft, left_out: Sequence[tuple[Key, str]], unmade: dict[str, str]) -> list[str]:
    """Return one sentence for each table that could not be tried, has no row, or whose cells could not be told."""
    said = [f"{name} could not be tried: {plain_text(why, limit=300).rstrip('.')}." for name, why in draft.lost.items()]
    said += [f"{name} has no row, and none could be made: {why.rstrip('.')}." for name, why in sorted(unmade.items())]
    grouped: dict[tuple[str, str], list[str]] = {}
    for (table, role, verb), why in left_out:
        lacked = ABSENT.search(why)
        reason = f"a policy asks {lacked[1]}, which the embedded platform lacks" if lacked else why
        grouped.setdefault((table, reason), []).append(f"{role} {verb}")
    for (table, why), cells in grouped.items():
        said.append(f"{table}: {name_some(cells)} could not be told: {plain_text(why, limit=300).rstrip('.')}.")
    return said
