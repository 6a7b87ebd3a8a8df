"""The faults of this task: what would open a table, or close it, made on a clone of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lib.clients.postgres.rls.catalogue import read_access, read_tables, resolve_tables
from lib.clients.postgres.schema import read_schema
from lib.tasks.faults import Fault, Faults, Operator, Scene, with_file, with_settings, with_statements
from lib.tasks.rls import policy_faults as policies
from lib.tasks.rls.look_roles import look_at_defaults
from lib.tasks.rls.looks import look_at_functions, look_at_grants, look_at_matrix, look_at_pgtap, look_at_tables, look_at_views
from lib.tasks.rls.pgtap import find_test_files
from lib.tasks.rls.place import open_place
from lib.tasks.rls.task import (
    DEFINER_FUNCTIONS_FIX_SEARCH_PATH,
    EVERY_TABLE_ENABLED,
    EVERY_TABLE_IS_DECLARED,
    GRANTS_MATCH_DECLARED,
    MATRIX_MATCHES_DECLARED,
    NEW_TABLES_START_CLOSED,
    NO_POLICY_WITHOUT_RLS,
    NO_SPARE_GRANTS,
    PGTAP_TESTS_PASS,
    PROBES_COULD_BE_MADE,
    VIEWS_ARE_SECURITY_INVOKER,
)
from lib.transport.context import Context
from lib.transport.database import Database, quote_name

MOVE = "Add rows to the fixtures that distinguish the scopes, or another identity: one row inside of each scope and one outside."


@contextmanager
def open_base(context: Context[Any]) -> Iterator[Database]:
    """Yield the database that clones are made of: of a live database, a twin that the fixtures fill."""
    from lib.tasks.faults import open_base as open_clone

    if "database" in context.embedded:
        with open_clone(context) as base:
            yield base
    else:
        with open_place(context) as place:
            yield place.database


def describe_subject(scene: Scene) -> Iterator[str]:
    """Yield what tells one live database from another; one that was started for the run is told by the project's files."""
    if "database" not in scene.context.embedded:
        yield from sorted(read_schema(scene.context.target, scene.context.settings.schemas))


def switch_off(scene: Scene) -> Iterator[Fault]:
    """Yield row level security switched off, table by table."""
    rls = scene.context.settings
    for table in read_tables(scene.context.target, rls.schemas, rls.matrix):
        if table.rls_enabled and not table.is_platform:
            yield Fault(place=table.display_name, make=with_statements(f"alter table {table.sql} disable row level security"))


def force_on(scene: Scene) -> Iterator[Fault]:
    """Yield row level security held for the owner, too, table by table: no role of the API is an owner."""
    rls = scene.context.settings
    for table in read_tables(scene.context.target, rls.schemas, rls.matrix):
        if table.rls_enabled and not table.is_platform:
            yield Fault(place=table.display_name, make=with_statements(f"alter table {table.sql} force row level security"))


def hide_policies(scene: Scene) -> Iterator[Fault]:
    """Yield a table of a schema that is not exposed, with a policy that nothing enforces."""
    make = with_statements(
        "create schema launch_fault",
        "create table launch_fault.notes (id integer)",
        "create policy everybody on launch_fault.notes using (true)",
    )
    yield Fault(place="a table of another schema", make=make)


def add_table(scene: Scene) -> Iterator[Fault]:
    """Yield a new table in each exposed schema."""
    for schema in scene.context.settings.schemas:
        name = quote_name(schema, "launch_fault")
        statements = (f"create table {name} (id integer primary key)", f"alter table {name} enable row level security")
        yield Fault(place=f"in {schema}", make=with_statements(*statements))


def add_hidden_table(scene: Scene) -> Iterator[Fault]:
    """Yield a new table in a schema that is not exposed."""
    make = with_statements("create schema launch_fault", "create table launch_fault.notes (id integer primary key)")
    yield Fault(place="in another schema", make=make)


def forget_cells(scene: Scene) -> Iterator[Fault]:
    """Yield each table, and one of its roles, left out of the matrix."""
    matrix = scene.context.settings.matrix
    for name, roles in matrix.items():
        yield Fault(place=name, make=with_settings(matrix={one: said for one, said in matrix.items() if one != name}))
        for role in roles:
            lacking = {one: said for one, said in roles.items() if one != role}
            yield Fault(place=f"{role} on {name}", make=with_settings(matrix={**matrix, name: lacking}))


def flip_views(scene: Scene) -> Iterator[Fault]:
    """Yield each view that reads with its reader's rights made to read with its owner's."""
    for row in scene.rows:
        if row["kind"] == "view":
            yield Fault(place=row["view"], make=with_statements(f"alter view {row['view']} set (security_invoker = false)"))


def add_view(scene: Scene) -> Iterator[Fault]:
    """Yield a new view over each exposed table, with its owner's rights."""
    rls = scene.context.settings
    for table in read_tables(scene.context.target, rls.schemas, rls.matrix):
        if not table.is_platform:
            name = quote_name(table.schema, "launch_fault")
            make = with_statements(f"create view {name} as select * from {table.sql}", f"grant select on {name} to anon")
            yield Fault(place=f"over {table.display_name}", make=make)


def add_safe_view(scene: Scene) -> Iterator[Fault]:
    """Yield a new view over each exposed table, with its reader's rights."""
    rls = scene.context.settings
    for table in read_tables(scene.context.target, rls.schemas, rls.matrix):
        if not table.is_platform:
            name = quote_name(table.schema, "launch_fault")
            make = with_statements(f"create view {name} with (security_invoker = true) as select * from {table.sql}")
            yield Fault(place=f"over {table.display_name}", make=make)


FUNCTION = "create function {name}() returns integer language sql {rights} as 'select 1'"


def loosen_functions(scene: Scene) -> Iterator[Fault]:
    """Yield each security-definer function without its own search path, and a new one without any."""
    for row in scene.rows:
        yield Fault(place=row["function"], make=with_statements(f"alter function {row['function']} reset search_path"))
    for schema in scene.context.settings.schemas:
        statement = FUNCTION.format(name=quote_name(schema, "launch_fault"), rights="security definer")
        yield Fault(place=f"a new function in {schema}", make=with_statements(statement))


def add_safe_function(scene: Scene) -> Iterator[Fault]:
    """Yield a new function with its caller's rights."""
    for schema in scene.context.settings.schemas:
        statement = FUNCTION.format(name=quote_name(schema, "launch_fault"), rights="security invoker")
        yield Fault(place=f"in {schema}", make=with_statements(statement))


def change_grants(scene: Scene, *, needed: bool) -> Iterator[Fault]:
    """Yield each grant that the matrix needs taken, or each that it does not need given."""
    rls, target = scene.context.settings, scene.context.target
    access = read_access(target, rls.schemas, [one.role for one in rls.identities.values()], rls.matrix)
    found = resolve_tables(rls.matrix, read_tables(target, rls.schemas, rls.matrix))
    for said, table in found.items():
        for role, verbs in rls.matrix[said].items():
            held = access[role, table.display_name]
            for verb, word in verbs.items():
                if (
                    table.is_platform
                    or (word != "deny") is not needed
                    or held.may(verb) is not needed
                    or verb in held.by_everybody
                ):
                    continue
                act = "revoke {} on {} from {}" if needed else "grant {} on {} to {}"
                place = f"{verb} on {table.display_name} for {role}"
                yield Fault(place=place, make=with_statements(act.format(verb, table.sql, quote_name(role))))


def take_grants(scene: Scene) -> Iterator[Fault]:
    """Yield each grant that the matrix needs taken away."""
    return change_grants(scene, needed=True)


def give_grants(scene: Scene) -> Iterator[Fault]:
    """Yield each grant that the matrix denies given."""
    return change_grants(scene, needed=False)


def narrow_grants(scene: Scene) -> Iterator[Fault]:
    """Yield each grant on a whole table replaced by one on its first column."""
    rls, target = scene.context.settings, scene.context.target
    access = read_access(target, rls.schemas, [one.role for one in rls.identities.values()], rls.matrix)
    for said, table in resolve_tables(rls.matrix, read_tables(target, rls.schemas, rls.matrix)).items():
        for role, verbs in rls.matrix[said].items():
            for verb in ("select", "insert", "update"):
                held = access[role, table.display_name]
                whole = verb in held.granted and len(table.columns) > 1 and verb not in held.by_everybody
                if table.is_platform or verbs.get(verb, "deny") == "deny" or not whole:
                    continue
                first, name = quote_name(table.columns[0].name), quote_name(role)
                statements = (f"revoke {verb} on {table.sql} from {name}", f"grant {verb} ({first}) on {table.sql} to {name}")
                yield Fault(place=f"{verb} on {table.display_name} for {role}", make=with_statements(*statements))


def grant_again(scene: Scene) -> Iterator[Fault]:
    """Yield grants that are held given once more."""
    rls, target = scene.context.settings, scene.context.target
    access = read_access(target, rls.schemas, [one.role for one in rls.identities.values()], rls.matrix)
    for said, table in resolve_tables(rls.matrix, read_tables(target, rls.schemas, rls.matrix)).items():
        for role in rls.matrix[said]:
            verbs = sorted(access[role, table.display_name].granted)
            if verbs and not table.is_platform and not rls.columns.get(said):
                make = with_statements(f"grant {', '.join(verbs)} on {table.sql} to {quote_name(role)}")
                yield Fault(place=f"{table.display_name} for {role}", make=make)


def open_what_comes(scene: Scene) -> Iterator[Fault]:
    """Yield default privileges that open the tables and functions to come."""
    for schema in scene.context.settings.schemas:
        for kind, right in (("tables", "all"), ("sequences", "all")):
            act = f"alter default privileges in schema {quote_name(schema)} grant {right} on {kind} to public"
            yield Fault(place=f"{kind} of {schema} for everybody", make=with_statements(act))


def leave_one_user(scene: Scene) -> Iterator[Fault]:
    """Yield each role tried as one of its users only: one who may reach everything looks like one who may reach her own."""
    identities = scene.context.settings.identities
    for role in dict.fromkeys(one.role for one in identities.values()):
        users = [name for name, one in identities.items() if one.role == role and one.sub is not None]
        if len(users) > 1:
            fewer = {name: one for name, one in identities.items() if name not in users[1:]}
            yield Fault(place=f"{role} is tried as {users[0]} alone", make=with_settings(identities=fewer))


def break_tests(scene: Scene) -> Iterator[Fault]:
    """Yield each pgTAP file that stops early, commits, or skips all that it tests."""
    pack = scene.context.pack
    for path in find_test_files(pack):
        name, text = path.relative_to(pack).as_posix(), path.read_text(encoding="utf-8", errors="replace")
        changes = {
            "ends before its last test": "begin; select plan(3); select pass('one'); select * from finish(); rollback;",
            "has a failing test": "begin; select plan(1); select fail('one'); select * from finish(); rollback;",
            "skips all": "begin; select plan(1); select skip('later', 1); select * from finish(); rollback;",
            "has a command of psql": f"\\! true\n{text}",
            "commits": f"{text}\ncommit;\nbegin;\nselect 1;\ncommit;\n",
        }
        for what, changed in changes.items():
            yield Fault(place=f"{name} {what}", make=with_file(name, changed))


def comment_tests(scene: Scene) -> Iterator[Fault]:
    """Yield each pgTAP file with a comment more."""
    pack = scene.context.pack
    for path in find_test_files(pack):
        name = path.relative_to(pack).as_posix()
        yield Fault(place=name, make=with_file(name, b"-- one more comment\n" + path.read_bytes()))


def operator(name: str, check: Any, look: Any, faults: Any, *, move: str = "", is_harmless: bool = False) -> Operator:
    """Return one operator of this task."""
    return Operator(name=name, check=check, look=look, faults=faults, move=move, is_harmless=is_harmless)


TABLES, VIEWS, FUNCTIONS = look_at_tables, look_at_views, look_at_functions
GRANTS, MATRIX, PGTAP = look_at_grants, look_at_matrix, look_at_pgtap

FAULTS = Faults(
    operators=(
        operator("row level security is switched off", EVERY_TABLE_ENABLED, TABLES, switch_off),
        operator("row level security holds for the owner, too", EVERY_TABLE_ENABLED, TABLES, force_on, is_harmless=True),
        operator("a policy that nothing enforces", NO_POLICY_WITHOUT_RLS, TABLES, hide_policies),
        operator("a table that nobody declared", EVERY_TABLE_IS_DECLARED, TABLES, add_table),
        operator("a part of the matrix is missing", EVERY_TABLE_IS_DECLARED, TABLES, forget_cells),
        operator("a new table that is not exposed", EVERY_TABLE_IS_DECLARED, TABLES, add_hidden_table, is_harmless=True),
        operator("a view reads with its owner's rights", VIEWS_ARE_SECURITY_INVOKER, VIEWS, flip_views),
        operator("a new view with its owner's rights", VIEWS_ARE_SECURITY_INVOKER, VIEWS, add_view),
        operator("a new view with its reader's rights", VIEWS_ARE_SECURITY_INVOKER, VIEWS, add_safe_view, is_harmless=True),
        operator("a definer function without a search path", DEFINER_FUNCTIONS_FIX_SEARCH_PATH, FUNCTIONS, loosen_functions),
        operator(
            "a new function with its caller's rights",
            DEFINER_FUNCTIONS_FIX_SEARCH_PATH,
            FUNCTIONS,
            add_safe_function,
            is_harmless=True,
        ),
        operator("a grant is taken", GRANTS_MATCH_DECLARED, GRANTS, take_grants),
        operator("a grant covers one column only", GRANTS_MATCH_DECLARED, GRANTS, narrow_grants),
        operator("a grant too many", NO_SPARE_GRANTS, GRANTS, give_grants),
        operator("a grant is given once more", GRANTS_MATCH_DECLARED, GRANTS, grant_again, is_harmless=True),
        operator("default privileges open what is to come", NEW_TABLES_START_CLOSED, look_at_defaults, open_what_comes),
        operator("a role is tried as one user", PROBES_COULD_BE_MADE, MATRIX, leave_one_user),
        operator("a clause is dropped", MATRIX_MATCHES_DECLARED, MATRIX, policies.drop_clauses, move=MOVE),
        operator("a clause is turned round", MATRIX_MATCHES_DECLARED, MATRIX, policies.negate_clauses, move=MOVE),
        operator("a condition is dropped", MATRIX_MATCHES_DECLARED, MATRIX, policies.drop_conditions, move=MOVE),
        operator("an alternative is dropped", MATRIX_MATCHES_DECLARED, MATRIX, policies.drop_alternatives, move=MOVE),
        operator("a verb is open to another role", MATRIX_MATCHES_DECLARED, MATRIX, policies.widen_roles, move=MOVE),
        operator("a policy holds for every command", MATRIX_MATCHES_DECLARED, MATRIX, policies.widen_commands, move=MOVE),
        operator("a policy is removed", MATRIX_MATCHES_DECLARED, MATRIX, policies.remove_policies, move=MOVE),
        operator("a clause in other words", MATRIX_MATCHES_DECLARED, MATRIX, policies.respell_clauses, is_harmless=True),
        operator("a test file proves nothing", PGTAP_TESTS_PASS, PGTAP, break_tests),
        operator("a comment in a test file", PGTAP_TESTS_PASS, PGTAP, comment_tests, is_harmless=True),
    ),
    subject=describe_subject,
    base=open_base,
    keeps_base=True,
)
