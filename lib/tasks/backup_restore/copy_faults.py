"""Faults of a restored copy: a clone of it, with an object, a row, a value, a sequence or the history changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lib.clients.postgres.digests import open_reading
from lib.clients.postgres.dumps import HISTORY_SCHEMA, read_sequences
from lib.clients.postgres.restores import as_reader, as_restorer
from lib.clients.postgres.rls.declared import Rls
from lib.clients.postgres.schema_changes import BODIES_LATER, list_object_changes
from lib.clients.postgres.twin import scratch_database
from lib.tasks.backup_restore.compare import RestoredCopy, compared_tables
from lib.tasks.backup_restore.task import RLS
from lib.tasks.faults import Change, Fault, Scene, run_statements
from lib.transport.database import Database, quote_name, read_query

QUIETLY = "set session_replication_role = replica"
"""No trigger runs, and no foreign key is looked at."""

OTHER_VALUES = {
    "text": "{column} || '.'",
    "character varying": "{column} || '.'",
    "boolean": "not {column}",
    "integer": "(select max({column}) from {table}) + 1",
    "bigint": "(select max({column}) from {table}) + 1",
    "smallint": "(select max({column}) from {table}) + 1",
    "numeric": "{column} / 2",
    "double precision": "{column} / 2",
    "date": "{column} + 1",
    "timestamp with time zone": "{column} + interval '1 microsecond'",
    "timestamp without time zone": "{column} + interval '1 microsecond'",
    "uuid": "gen_random_uuid()",
    "jsonb": "jsonb_build_array({column})",
    "bytea": "{column} || '\\x00'::bytea",
    "text[]": "{column} || 'one more'::text",
}
"""Type -> another value of a column of it."""

Who = Callable[[Database], Database]


def copy_of(scene: Scene) -> RestoredCopy | None:
    found = scene.arguments.get("copy")
    return found if isinstance(found, RestoredCopy) else None


def with_copy(*statements: str, who: Who = as_restorer) -> Change:
    """Return the change that these statements make to a clone of the restored copy. who: as which role; never a superuser."""

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        copy = copy_of(scene)
        assert copy is not None
        with scratch_database(scene.context.scratch, copy.database.name, owner="postgres") as clone:
            database = copy.database.named(clone.name)
            run_statements(who(database), statements)
            yield replace(scene, arguments={**scene.arguments, "copy": replace(copy, database=database)})

    return change


def with_rows(*statements: str) -> Change:
    """Return the change that these statements make to the copy's rows, without its triggers."""
    return with_copy(QUIETLY, *statements, who=as_reader)


@contextmanager
def read_again(scene: Scene) -> Iterator[Scene]:
    """Yield the scene with a transaction of its own on the source: the look ends the one that it is given."""
    copy = copy_of(scene)
    if copy is None:
        yield scene
        return
    with open_reading(scene.context.target, timeout_s=scene.context.settings.command_timeout_s) as reading:
        backup = replace(copy.backup, reading=reading, opened=type(copy.backup.opened)())
        yield replace(scene, arguments={**scene.arguments, "copy": replace(copy, backup=backup)})


def change_objects(scene: Scene) -> Iterator[Fault]:
    """Yield every single change of one object of the project in the copy."""
    copy = copy_of(scene)
    for one in list_object_changes(copy.database, copy.backup.source.scope.pack) if copy else ():
        yield Fault(place=f"{one.kind}: {one.place}", make=with_copy(BODIES_LATER, one.statement))


def change_platform(scene: Scene) -> Iterator[Fault]:
    """Yield each policy on a platform table dropped, opened, or given to another role, and row level security off there."""
    copy = copy_of(scene)
    kinds = ("a policy is gone", "a policy is for another role", "a policy lets everything through", "row level security is off")
    for one in list_object_changes(copy.database, copy.backup.source.scope.platform) if copy else ():
        if one.kind in kinds:
            yield Fault(place=f"{one.kind}: {one.place}", make=with_copy(one.statement))


def build_again(scene: Scene) -> Iterator[Fault]:
    """Yield what changes no definition."""
    for what, statement in {"fresh statistics": "analyze", "a temporary table": "create temporary table launch_fault ()"}.items():
        yield Fault(place=what, make=with_copy(statement))


def tables_of(scene: Scene) -> list[str]:
    """Return the tables with rows that source and copy both have, as SQL spells them."""
    copy = copy_of(scene)
    every = compared_tables(copy.backup.source.tables) if copy else []
    return [quote_name(one.schema, one.name) for one in every if one.kind == "r" and one.rows]


def first_of(table: str, where: str = "true") -> str:
    return f"ctid = (select ctid from {table} where {where} limit 1)"


def lose_rows(scene: Scene) -> Iterator[Fault]:
    """Yield each table without one of its rows, and without any."""
    for table in tables_of(scene):
        yield Fault(place=f"one of {table}", make=with_rows(f"delete from {table} where {first_of(table)}"))
        yield Fault(place=f"all of {table}", make=with_rows(f"delete from {table}"))


def double_rows(scene: Scene) -> Iterator[Fault]:
    """Yield each table without a unique index with one of its rows twice."""
    unique = {row["table_name"] for row in columns_of(scene) if row["is_unique"]}
    plain = {row["table_name"].replace('"', "") for row in columns_of(scene)} - {one.replace('"', "") for one in unique}
    for table in tables_of(scene):
        if table.replace('"', "") in plain:
            yield Fault(place=table, make=with_rows(f"insert into {table} overriding system value select * from {table} limit 1"))


def columns_of(scene: Scene) -> list[dict[str, Any]]:
    """Return the columns of the tables that a backup takes: table_name, column_name, type_name, may_be_null, is_unique."""
    copy = copy_of(scene)
    if copy is None:
        return []

    def read() -> list[dict[str, Any]]:
        with copy.database.connect() as connection:
            connection.execute("select pg_catalog.set_config('search_path', '', true)")
            taken = {"schemas": list(copy.backup.source.scope.taken)}
            return [dict(row) for row in connection.execute(read_query(__package__, "columns"), taken)]

    filled = {one.replace('"', "") for one in tables_of(scene)}
    rows: list[dict[str, Any]] = scene.once("columns", read)
    return [row for row in rows if row["table_name"].replace('"', "") in filled]


def change_values(scene: Scene) -> Iterator[Fault]:
    """Yield each column with another value in one row."""
    for row in columns_of(scene):
        table, column = row["table_name"], row["column_name"]
        if value := OTHER_VALUES.get(row["type_name"]):
            where = first_of(table, f"{column} is not null")
            change = f"update {table} set {column} = {value.format(column=column, table=table)} where {where}"
            yield Fault(place=f"{column} of {table}", make=with_rows(must_touch(change)))


def must_touch(statement: str) -> str:
    """Return a block that runs a statement and raises an error where it touches no row: nothing would be changed."""
    return (
        f"do $launch$ declare touched bigint; begin execute $statement${statement}$statement$; "
        "get diagnostics touched = row_count; if touched = 0 then raise exception 'no such row'; end if; end $launch$"
    )


def confuse_nulls(scene: Scene) -> Iterator[Fault]:
    """Yield each text column with an empty text for NULL in one row, and the other way round."""
    for row in columns_of(scene):
        table, column = row["table_name"], row["column_name"]
        if row["type_name"] in ("text", "character varying") and row["may_be_null"]:
            for was, is_now in (("is null", "''"), ("= ''", "null")):
                change = f"update {table} set {column} = {is_now} where {first_of(table, f'{column} {was}')}"
                yield Fault(place=f"{column} of {table} {was} becomes {is_now}", make=with_rows(must_touch(change)))


def swap_values(scene: Scene) -> Iterator[Fault]:
    """Yield two rows of each text column with each other's values: the column as a whole holds the same.

    Only of a table with a key: without one, rows that swap all that they hold are the same rows.
    """
    keyed = {row["table_name"] for row in columns_of(scene) if row["is_unique"]}
    for row in columns_of(scene):
        table, column = row["table_name"], row["column_name"]
        if row["type_name"] == "text" and not row["is_unique"] and table in keyed:
            chosen = f"(select min({column}) as a, max({column}) as b from {table}) ends"
            pairs = f"select {first_ctid(table, column, 'a')} as x, {first_ctid(table, column, 'b')} as y, a, b from {chosen}"
            change = (
                f"update {table} set {column} = case {table}.ctid when p.x then p.b else p.a end from ({pairs}) p "
                f"where {table}.ctid in (p.x, p.y) and p.a <> p.b"
            )
            yield Fault(place=f"{column} of {table}", make=with_rows(must_touch(change)))


def first_ctid(table: str, column: str, value: str) -> str:
    return f"(select t.ctid from {table} t where t.{column} = ends.{value} limit 1)"


def move_rows(scene: Scene) -> Iterator[Fault]:
    """Yield each table with its rows written again, as they are, in another order."""
    for row in {one["table_name"]: one for one in columns_of(scene)}.values():
        change = f"update {row['table_name']} set {row['column_name']} = {row['column_name']}"
        yield Fault(place=row["table_name"], make=with_rows(change))


def move_sequences(scene: Scene) -> Iterator[Fault]:
    """Yield each sequence that fell back to its start, and that ran ahead."""
    return set_sequences(scene, {"fell back by one": -1, "ran ahead": 1000})


def set_sequences(scene: Scene, moves: dict[str, int]) -> Iterator[Fault]:
    """Yield each sequence with another next value. moves: words -> how much further; back only where it has come further."""
    copy = copy_of(scene)
    if copy is None:
        return
    with open_reading(as_reader(copy.database), timeout_s=scene.context.settings.command_timeout_s) as connection:
        found = read_sequences(connection, copy.backup.source.scope.taken)
    for name, state in found.items():
        spelled = quote_name(*name.split(".", 1)).replace("'", "''")
        for what, by in moves.items():
            if state.next + by >= 1:
                yield Fault(place=f"{name} {what}", make=with_rows(f"select setval('{spelled}', {state.next + by}, false)"))


def keep_sequences(scene: Scene) -> Iterator[Fault]:
    """Yield each sequence set to the value that it has."""
    return set_sequences(scene, {"as it is": 0})


def change_history(scene: Scene) -> Iterator[Fault]:
    """Yield the record of migrations without one, with one more, with another text, and without any."""
    table = f"{HISTORY_SCHEMA}.schema_migrations"
    for what, statement in {
        "one is missing": f"delete from {table} where version = (select max(version) from {table})",
        "one more": f"insert into {table} (version) values ('29990101000000')",
        "another text": f"update {table} set statements = array['select 1'] where version = (select max(version) from {table})",
        "another name": f"update {table} set name = name || '.' where version = (select max(version) from {table})",
        "all are missing": f"delete from {table}",
    }.items():
        yield Fault(place=what, make=with_rows(must_touch(statement)))


def take_rights(scene: Scene) -> Iterator[Fault]:
    """Yield each right that the matrix needs taken in the copy."""
    copy, rls = copy_of(scene), scene.context.borrow(RLS)
    verbs = ("select", "insert", "update", "delete") if "database" in scene.context.embedded else ("select",)
    for one in list_object_changes(copy.database, copy.backup.source.scope.pack) if copy else ():
        verb, _, rest = one.place.partition(" on ")
        table, _, role = rest.partition(" from ")
        if one.kind == "a right is taken" and verb in verbs and is_needed(rls, table, role, verb):
            yield Fault(place=one.place, make=with_copy(one.statement))


def is_needed(rls: Rls, table: str, role: str, verb: str) -> bool:
    """Return whether the matrix says that a role may do this to some row of a table."""
    said: Mapping[Any, str] = rls.matrix.get(table, {}).get(role, {})
    return said.get(verb, "deny") != "deny"


def drop_schema(scene: Scene) -> Iterator[Fault]:
    """Yield the copy without the record of migrations at all."""
    yield Fault(place=HISTORY_SCHEMA, make=with_copy(f"drop schema {HISTORY_SCHEMA} cascade"))
