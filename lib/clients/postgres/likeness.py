"""Makes a scratch server as the target is in what surrounds the objects: roles, memberships, settings, extensions.

The target is only read. What can't be made here is left as it is: `fidelity` compares both sides afterwards and
names it. A server that is the target's own differs in nothing, so nothing on it is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lib.clients.postgres.dumps import read_server_major
from lib.clients.postgres.launch_role import FILE_ROLES, RESTORER, WORKER, lock_roles
from lib.core.errors import DatabaseError
from lib.transport.database import Database, quote_name, read_query

ATTRIBUTES = ("inherit", "createrole", "createdb", "replication", "bypassrls")
"""The attributes of a role that are copied. `login` is not, on purpose, and `superuser` never: files of a project
must not run as the superuser of a server on this machine."""

SESSION_SETTINGS = (
    "check_function_bodies", "DateStyle", "default_table_access_method", "default_tablespace", "default_toast_compression",
    "default_transaction_deferrable", "default_transaction_isolation", "default_transaction_read_only",
    "idle_in_transaction_session_timeout", "IntervalStyle", "lock_timeout", "row_security", "search_path",
    "session_replication_role", "standard_conforming_strings", "statement_timeout", "TimeZone", "transaction_timeout",
    "transform_null_equals", "xmloption",
)  # fmt: skip
"""Settings that change what a statement of a migration means, or whether it is ended; none of them is a secret."""

LISTS = frozenset({"search_path", "temp_tablespaces"})
"""Settings whose stored value is a list of names, already quoted."""

LIBRARIES = frozenset({"session_preload_libraries", "local_preload_libraries"})
"""Settings that load the platform's own libraries, which are not here: a session with them could not be opened."""


def read_session(database: Database) -> dict[str, str]:
    """Return what the settings that matter are in a session of this user."""
    rows = database.rows(read_query(__package__, "fidelity/session"), names=list(SESSION_SETTINGS))
    return {row["name"]: row["value"] for row in rows}


def copy_roles(target: Database, scratch: Database) -> None:
    """Give the scratch server the target's roles, unable to log in, with their attributes and memberships."""
    if not (role_statements(target, scratch) or membership_statements(target, scratch)):
        return
    with lock_roles(scratch):
        run_tolerantly(scratch, role_statements(target, scratch))
        run_tolerantly(scratch, membership_statements(target, scratch))


def role_statements(target: Database, scratch: Database) -> list[str]:
    """Return what makes the target's roles, and their attributes, on the scratch server."""
    here = {row["name"]: row for row in read_roles(scratch)}
    statements = []
    for row in read_roles(target):
        name, twin = quote_name(row["name"]), here.get(row["name"])
        if row["name"] == scratch.user:
            continue
        if twin is None:
            statements.append(f"create role {name} nologin {' '.join(spell(row, one) for one in ATTRIBUTES)}")
        elif changed := [spell(row, one) for one in ATTRIBUTES if row[one] != twin[one]]:
            statements.append(f"alter role {name} {' '.join(changed)}")
    return statements


def spell(row: Mapping[str, Any], attribute: str) -> str:
    """Return one attribute of a role as `create role` spells it."""
    return attribute if row[attribute] else f"no{attribute}"


def membership_statements(target: Database, scratch: Database) -> list[str]:
    """Return what gives the scratch server's roles the memberships of the target's, and takes back others."""
    theirs, ours = read_memberships(target), read_memberships(scratch)
    known = {row["name"] for row in read_roles(target)}
    # Whoever may become one of these on this machine may run programs on it, whatever the target allows.
    kept_apart = {*FILE_ROLES, RESTORER, WORKER, *(row["name"] for row in read_roles(scratch) if row["superuser"])}
    has_options = read_server_major(scratch) >= 16
    statements = []
    for (role, member), options in theirs.items():
        if ours.get((role, member)) != options and member != scratch.user and not kept_apart & {role, member}:
            admin, inherit, become = options
            words = f"admin {admin}, inherit {inherit}, set {become}" if has_options else "admin option" if admin else ""
            statements.append(f"grant {quote_name(role)} to {quote_name(member)}{f' with {words}' if words else ''}")
    for role, member in ours.keys() - theirs.keys():
        if member in known and member != scratch.user:
            statements.append(f"revoke {quote_name(role)} from {quote_name(member)} cascade")
    return statements


def read_roles(database: Database) -> list[dict[str, Any]]:
    """Return every role but Postgres's own, with its attributes."""
    return database.rows(read_query(__package__, "fidelity/roles"))


def read_memberships(database: Database) -> dict[tuple[str, str], tuple[bool, bool, bool]]:
    """Return (role, member) -> whether the member may grant it, inherits it, and may become it."""
    rows = database.rows(read_query(__package__, "fidelity/memberships"))
    return {(row["role"], row["member"]): (row["admin"], row["inherit"], row["set"]) for row in rows}


def read_settings(database: Database) -> dict[tuple[str, str], str]:
    """Return (role, setting) -> what the role's sessions start with; the role is '' for all of them."""
    rows = database.rows(read_query(__package__, "fidelity/settings"))
    return {(row["role"], row["name"]): row["value"] for row in rows}


def copy_settings(target: Database, twin: Database) -> None:
    """Give the twin's database the settings that the target's roles and its database have."""
    theirs, ours = read_settings(target), read_settings(twin)
    statements = []
    for (role, name), value in theirs.items():
        if ours.get((role, name)) != value and name not in LIBRARIES:
            where = f"alter role {quote_name(role)} in database" if role else "alter database"
            statements.append(f"{where} {quote_name(twin.name)} set {spell_setting(name, value)}")
    statements += [f"alter role {quote_name(role)} reset {name}" for role, name in ours.keys() - theirs.keys() if role]
    run_tolerantly(twin, statements)


def spell_setting(name: str, value: str) -> str:
    """Return a setting with its stored value, as it follows `set`."""
    quoted = value if name in LISTS and value else "'" + value.replace("'", "''") + "'"
    return f"{name} = {quoted}"


def copy_default_privileges(target: Database, twin: Database) -> None:
    """Give the twin the default privileges that hold in every schema; those of a schema come with its dump."""
    question = read_query(__package__, "twin/global_default_privileges")
    theirs, ours = ([row["statement"] for row in one.rows(question)] for one in (target, twin))
    if theirs != ours:
        run_tolerantly(twin, theirs)


def copy_extensions(target: Database, twin: Database, launcher: Database) -> list[str]:
    """Give the twin the target's extensions, in the same schema and version where it can; return what was refused.

    launcher: the twin as the role of the launch, which makes what it may, so that it has its creator's rights.
    """
    question = read_query(__package__, "fidelity/extensions")
    theirs = {row["name"]: row for row in target.rows(question) if row["schema"]}
    ours = {row["name"]: row for row in twin.rows(question) if row["schema"]}
    differing = [name for name in ours if ours[name] != theirs.get(name) and name != "plpgsql"]
    run_tolerantly(twin, [f"drop extension {quote_name(name)}" for name in differing])
    refused = []
    for name, row in theirs.items():
        if ours.get(name) != row and name != "plpgsql":
            refused += make_extension(launcher, twin, name=name, schema=row["schema"], version=row["version"])
    return refused


def make_extension(launcher: Database, twin: Database, *, name: str, schema: str, version: str) -> list[str]:
    """Create one extension as like as can be, by the launch or else by the superuser; return what was refused last."""
    make, placed = f"create extension if not exists {quote_name(name)}", f"with schema {quote_name(schema)}"
    # One that makes its schema itself must not be given it while it is not there.
    ways = (f"{make} {placed} version '{version}' cascade", f"{make} version '{version}' cascade", f"{make} {placed} cascade")
    said: list[str] = []
    for way in ways:
        for maker in (launcher, twin):
            said = run_tolerantly(maker, [way])
            if not said:
                return []
    return said


def copy_extension_state(target: Database, launcher: Database) -> list[str]:
    """Give the twin what functions of the project expect in extensions: queues, and secrets by name; return what was refused.

    launcher: the twin as the role of the launch. No message and no secret's value is read: each secret gets its own name.
    """
    asked = {
        "pgmq.meta": "select format('select pgmq.%s(%L)', case when is_unlogged then 'create_unlogged' else 'create' end, "
        "queue_name) as statement from pgmq.meta where not is_partitioned",
        "vault.secrets": "select format('select vault.create_secret(%L, %L)', name, name) as statement from vault.secrets "
        "where name is not null",
    }
    refused = []
    for table, question in asked.items():
        if all(one.value("select to_regclass(:name) is not null", name=table) for one in (target, launcher)):
            there = {row["statement"] for row in launcher.rows(question)}
            refused += run_tolerantly(
                launcher, [row["statement"] for row in target.rows(question) if row["statement"] not in there]
            )
    return refused


def copy_publications(target: Database, twin: Database) -> None:
    """Give the twin the target's publications, without tables, and no other; which tables are in one comes later."""
    question = read_query(__package__, "twin/publications")
    theirs, ours = ({row["name"]: row for row in one.rows(question)} for one in (target, twin))
    statements = [f"drop publication {quote_name(name)}" for name in ours if ours[name] != theirs.get(name)]
    for name, row in theirs.items():
        if ours.get(name) != row:
            statements += [row["statement"], f"alter publication {quote_name(name)} owner to {quote_name(row['owner'])}"]
    run_tolerantly(twin, statements)


def run_tolerantly(database: Database, statements: Iterable[str]) -> list[str]:
    """Run each statement by itself; return a line for each that the server refused."""
    refused = []
    for statement in statements:
        try:
            with database.connect() as connection:
                connection.execute(statement)
        except DatabaseError as exc:
            refused.append(f"{statement[:80]}: SQLSTATE {exc.sqlstate}")
    return refused
