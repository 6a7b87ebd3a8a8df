"""The faults of this task: rows lost, changed and doubled in a clone of the database, and seed files changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lib.clients.supabase.seed_files import SeedFile, find_seed_files
from lib.tasks.faults import Fault, Faults, Operator, Scene, with_arguments, with_file, with_statements
from lib.tasks.seed.constraints import find_email_domains
from lib.tasks.seed.looks import (
    look_at_application,
    look_at_constraints,
    look_at_emails,
    look_at_rows,
    look_at_second_application,
    schemas_of,
)
from lib.tasks.seed.task import (
    APPLIED_TWICE_CHANGES_NOTHING,
    APPLIED_WITH_CLI,
    CHECKS_HOLD,
    EMAILS_ARE_RESERVED,
    FOREIGN_KEYS_HOLD,
    PACK_SCHEMAS,
    ROW_COUNTS_MATCH,
)
from lib.transport.database import quote_name, read_query

FIRST = "ctid = (select ctid from {table} limit 1)"
QUIET = "alter table {table} disable trigger user"


def filled_tables(scene: Scene) -> list[str]:
    """Return the tables that are declared to hold rows, as SQL spells them."""
    counts = scene.context.settings.expected_counts
    return [quote_name(*name.split(".", 1)) for name, rows in counts.items() if rows and "." in name]


def lose_rows(scene: Scene) -> Iterator[Fault]:
    """Yield one row lost of each table, the keys that refer to it gone first, and every row."""
    keys = constraints_of(scene, "foreign_keys")
    for table in filled_tables(scene):
        drops = [drop_key(key) for key in keys if quote_name(key["parent_schema"], key["parent_name"]) == table]
        lost = f"delete from {table} where {FIRST.format(table=table)}"
        yield Fault(place=f"one row of {table}", make=with_statements(*drops, lost))
        yield Fault(place=f"every row of {table}", make=with_statements(f"truncate {table} cascade"))


def drop_key(key: Mapping[str, Any]) -> str:
    """Return the statement that takes a constraint from its table."""
    return f"alter table {quote_name(key['schema'], key['name'])} drop constraint {quote_name(key['constraint_name'])}"


def double_rows(scene: Scene) -> Iterator[Fault]:
    """Yield one row of each table twice, its keys and triggers gone first."""
    keys = read_keys(scene)
    for table in filled_tables(scene):
        drops = [f"alter table {table} drop constraint {quote_name(name)} cascade" for name in keys.get(table, ())]
        copied = f"insert into {table} overriding system value select * from {table} limit 1"
        yield Fault(place=table, make=with_statements(QUIET.format(table=table), *drops, copied))


def read_keys(scene: Scene) -> dict[str, list[str]]:
    """Return table -> the names of its unique and primary keys."""
    rows = scene.context.target.rows(read_query(__package__, "unique_keys"), schemas=schemas_of(scene.context))
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(quote_name(row["schema"], row["name"]), []).append(row["constraint_name"])
    return found


def touch_rows(scene: Scene) -> Iterator[Fault]:
    """Yield one row of each table written once more as it is."""
    for table in filled_tables(scene):
        yield Fault(place=table, make=with_statements(f"analyze {table}"))


def constraints_of(scene: Scene, question: str) -> list[dict[str, Any]]:
    """Return the constraints of one kind in the project's own schemas, as the look verifies them.

    The platform's tables are not the project's to change.
    """
    own = {"schemas": list(scene.context.borrow(PACK_SCHEMAS))}
    with scene.context.target.connect() as connection:
        return [dict(row) for row in connection.execute(read_query(__package__, question), own)]


def orphan_rows(scene: Scene) -> Iterator[Fault]:
    """Yield, for each foreign key, a row whose parent is not there, under a key that was never validated."""
    for key in constraints_of(scene, "foreign_keys"):
        table, parent = quote_name(key["schema"], key["name"]), quote_name(key["parent_schema"], key["parent_name"])
        if len(key["columns"]) > 1:
            continue
        column, name, theirs = (
            quote_name(key["columns"][0]),
            quote_name(key["constraint_name"]),
            quote_name(key["parent_columns"][0]),
        )
        missing = f"case when pg_typeof({column})::text = 'uuid' then gen_random_uuid()::text else '2147483646' end"
        place = f"{key['constraint_name']} of {key['schema']}.{key['name']}"
        make = with_statements(
            QUIET.format(table=table),
            drop_key(key),
            retype(table, column, f"update {table} set {column} = %s where {FIRST.format(table=table)}", missing),
            f"alter table {table} add constraint {name} foreign key ({column}) references {parent} ({theirs}) not valid",
        )
        yield Fault(place=place, make=make)


def retype(table: str, column: str, statement: str, text: str) -> str:
    """Return a statement that writes a text, an SQL expression over the table, into a column of whatever type it has."""
    name = column.strip('"').replace('""', '"')
    kind = f"select format_type(atttypid, atttypmod) from pg_attribute where attrelid = {literal(table)}::regclass"
    value = f"quote_literal((select {text} from {table} limit 1)) || '::' || ({kind} and attname = {literal(name)})"
    return f"do $launch$ begin execute format({literal(statement.replace('%s', '%1$s'))}, {value}); end $launch$"


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def break_conditions(scene: Scene) -> Iterator[Fault]:
    """Yield each check constraint turned round, never validated: the rows that kept the first break it."""
    for check in constraints_of(scene, "checks"):
        table, name = quote_name(check["schema"], check["name"]), quote_name(check["constraint_name"])
        make = with_statements(
            drop_key(check),
            f"alter table {table} add constraint {name} check (not coalesce({check['condition']}, false)) not valid",
        )
        yield Fault(place=f"{check['constraint_name']} of {check['schema']}.{check['name']}", make=make)


def name_people(scene: Scene) -> Iterator[Fault]:
    """Yield one row of each column that holds addresses with an address of a real domain."""
    context = scene.context
    found = find_email_domains(context.target, schemas_of(context), timeout_s=context.settings.command_timeout_s)
    for table, column in dict.fromkeys((one.table, one.column) for one in found.found):
        named = quote_name(*table.split(".", 1))
        where = f"strpos({quote_name(column)}::text, '@') > 0"
        real = f"replace({quote_name(column)}::text, '@', '@mail.realcompany.com, was ')"
        statement = f"update {named} set {quote_name(column)} = %s where ctid = (select ctid from {named} where {where} limit 1)"
        text = f"(select {real} from {named} where {where} limit 1)"
        yield Fault(place=f"{column} of {table}", make=with_statements(retype(named, quote_name(column), statement, text)))


def edit_files(scene: Scene) -> Iterator[Fault]:
    """Yield each seed file changed since it was applied, and one with a command of psql."""
    for file in find_seed_files(scene.context.pack):
        yield Fault(place=f"{file.path} changed", make=with_file(file.path, f"{file.text}\nselect 1;\n"))
        yield Fault(place=f"{file.path} has a command of psql", make=with_file(file.path, f"\\! true\n{file.text}"))


def repeat_badly(scene: Scene) -> Iterator[Fault]:
    """Yield the seed with a statement more that does something each time it runs."""
    applied: Sequence[SeedFile] = scene.arguments.get("applied") or ()
    if not applied:
        return
    last = applied[-1]
    for table in filled_tables(scene):
        text = f"{last.text}\ndelete from {table} where {FIRST.format(table=table)};\n"
        yield Fault(place=f"a row of {table} is deleted", make=with_arguments(applied=[*applied[:-1], replace(last, text=text)]))


def repeat_well(scene: Scene) -> Iterator[Fault]:
    """Yield the seed with a statement more that does nothing."""
    applied: Sequence[SeedFile] = scene.arguments.get("applied") or ()
    for table in filled_tables(scene)[:3] if applied else ():
        text = f"{applied[-1].text}\ndelete from {table} where false;\n"
        yield Fault(place=table, make=with_arguments(applied=[*applied[:-1], replace(applied[-1], text=text)]))


TWICE = look_at_second_application
FAULTS = Faults(
    operators=(
        Operator(name="the file is not what was applied", check=APPLIED_WITH_CLI, look=look_at_application, faults=edit_files),
        Operator(name="a statement that may not run twice", check=APPLIED_TWICE_CHANGES_NOTHING, look=TWICE, faults=repeat_badly),
        Operator(
            name="a statement that may run twice",
            check=APPLIED_TWICE_CHANGES_NOTHING,
            look=TWICE,
            faults=repeat_well,
            is_harmless=True,
        ),
        Operator(name="rows are lost", check=ROW_COUNTS_MATCH, look=look_at_rows, faults=lose_rows),
        Operator(name="a row is there twice", check=ROW_COUNTS_MATCH, look=look_at_rows, faults=double_rows),
        Operator(name="fresh statistics", check=ROW_COUNTS_MATCH, look=look_at_rows, faults=touch_rows, is_harmless=True),
        Operator(name="a row without its parent", check=FOREIGN_KEYS_HOLD, look=look_at_constraints, faults=orphan_rows),
        Operator(name="rows that break a condition", check=CHECKS_HOLD, look=look_at_constraints, faults=break_conditions),
        Operator(name="an address of a real person", check=EMAILS_ARE_RESERVED, look=look_at_emails, faults=name_people),
    ),
    keeps_base=True,
)
