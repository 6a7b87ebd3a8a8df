"""What is on a live target and in no file: the applied migrations build a fresh project, and the target is compared with it.

The target is only read. What the platform itself differs in from one version to the next is left out: its own tables,
its roles, and the extensions that every project starts with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.clients.postgres.dumps import read_scope
from lib.clients.postgres.given_settings import GIVEN_SETTINGS, own_settings, same_setting
from lib.clients.postgres.likeness import read_settings
from lib.clients.postgres.schema import Difference, compare_schemas, kind_of, read_schema
from lib.clients.postgres.statements import strip_comments
from lib.clients.postgres.twin import read_outside
from lib.clients.supabase.migration_files import MigrationFile
from lib.tasks.migrations.apply import ApplyFailure, apply_file
from lib.tasks.migrations.rehearsal import Place, copy_target
from lib.transport.database import Database

GIVEN_EXTENSIONS = frozenset(
    {"pg_graphql", "pg_net", "pg_stat_statements", "pgcrypto", "pgjwt", "pgsodium", "plpgsql", "supabase_vault", "uuid-ossp"}
)
"""Extensions that projects start with, some of them only in some years: nobody made them by hand."""

SPARE_KINDS = ("column_order", "event_trigger", "extension", "publication", "published_table")
"""Kinds of the schema that are compared in another way, or not: what a drop and an add leave behind, what is named below."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What a comparison of a target with what its applied files build has found.

    files: how many built it. compared: how many things were compared. differences: `first` is as built, `second` as on the
    target. failure: where a file that the target has did not apply to the fresh project.
    """

    files: int
    compared: int = 0
    differences: tuple[Difference, ...] = ()
    failure: ApplyFailure | None = None


def find_drift(place: Place, applied: Sequence[MigrationFile]) -> Drift:
    """Build a fresh project from the files that the target's history has, and compare the target with it.

    Raises TargetError when the target can't be read or the project can't be built.
    """
    with copy_target(place, empty=True) as built:
        for file in applied:
            if failure := apply_file(built, file):
                return Drift(files=len(applied), failure=failure)
        ours, theirs = read_side(built.database), read_side(place.target)
        files = {file.name: strip_comments(file.text) for file in applied}
        settings = compare_settings(read_settings(place.target), files)
    return Drift(
        files=len(applied),
        compared=len(ours.keys() | theirs.keys()) + settings.compared,
        differences=(*compare_schemas(ours, theirs, ordered=False), *settings.differences),
    )


def read_side(database: Database) -> dict[str, str]:
    """Return the project's objects of one side: in every schema of its own, and what it keeps outside of these."""
    with database.connect() as connection:
        own = list(read_scope(connection).pack)
    schema = read_schema(database, own)
    seen = {key: text for key, text in schema.items() if kind_of(key) not in SPARE_KINDS}
    # Versions of extensions are the platform's; a publication's tables are said by what is outside.
    seen |= {key: "created" for key in schema if kind_of(key) == "extension" and name_of(key) not in GIVEN_EXTENSIONS}
    seen |= {key: text for key, text in schema.items() if kind_of(key) == "event_trigger"}
    seen |= {key: text for key, text in schema.items() if kind_of(key) == "publication" and not is_given_publication(key)}
    outside = {one: place for one, place in read_outside(database, own).items() if not one.lower().startswith("create trigger")}
    return seen | {f"`{statement}`": f"in {place}" for statement, place in outside.items()}


def is_given_publication(key: str) -> bool:
    """Return whether a publication is the platform's own, for its realtime service: some exist only in some years."""
    return name_of(key).startswith("supabase_realtime")


def name_of(key: str) -> str:
    """Return an object's name without its kind and quotes."""
    return key.partition(" ")[2].strip('"')


@dataclass(frozen=True, kw_only=True)
class SettingsDrift:
    """Settings of roles and of the database that nobody wrote into a file."""

    compared: int
    differences: tuple[Difference, ...]


def compare_settings(theirs: Mapping[tuple[str, str], str], files: Mapping[str, str]) -> SettingsDrift:
    """Return the target's settings of roles that are neither hosted's own nor named in a file.

    files: the text of each applied file, without comments. The value of a setting may be a secret, so it is not shown.
    """
    text = "\n".join(files.values())
    asked = own_settings(theirs)
    found = []
    for role, name in sorted(asked.keys() | GIVEN_SETTINGS.keys()):
        value, given = asked.get((role, name)), GIVEN_SETTINGS.get((role, name))
        if same_setting(value, given) or is_written(text, role, name):
            continue
        what = f"setting {name} of {role or 'the database'}"
        found.append(Difference(object=what, first=given and "as hosted", second=value and "set"))
    return SettingsDrift(compared=len(asked.keys() | GIVEN_SETTINGS.keys()), differences=tuple(found))


def is_written(text: str, role: str, name: str) -> bool:
    """Return whether some statement of the files sets or resets this setting of this role, or of the database."""
    whom = rf'(?:role|user)\s+"?{re.escape(role)}"?' if role else r"database\s+\S+"
    what = rf'(?:set|reset)\s+(?:"?{re.escape(name)}"?|all)'
    return re.search(rf"\balter\s+{whom}\s+(?:in\s+database\s+\S+\s+)?{what}", text, re.I) is not None
