"""Functions are called as each identity, and what they show or change beyond the matrix is seen; an honest one is not blamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.clients.postgres.rls.answers import Seen
from lib.clients.postgres.rls.calls import observe_functions
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, NOTES, apply, roles, section

MORE = (
    NOTES,
    "create table public.people (id uuid primary key, email text not null, nick text)",
    f"insert into public.people values ('{ANA}', 'ana@example.com', 'a'), ('{BEN}', 'ben@example.org', 'b')",
    "alter table public.people enable row level security",
    "create policy self on public.people to authenticated using (id = auth.uid())",
)
MATRIX = {
    "public.notes": roles(),
    "public.people": roles({"select": "own", "insert": "own", "update": "own", "delete": "own"}),
}
USERS = f"insert into auth.users (id, email) values ('{ANA}', 'ana@example.com'), ('{BEN}', 'ben@example.org')"
SCOPES = {"public.notes": {"own": "owner = :uid"}, "public.people": {"own": "id = :uid"}}


def definer(name: str, returns: str, body: str, *, language: str = "sql", rights: str = "security definer") -> str:
    return f"create function public.{name} returns {returns} language {language} {rights} set search_path = '' as $f${body}$f$"


def see(database: Database, statement: str, who: str = "ana", **changes: Any) -> Seen:
    """Make one function, call it, and return what one identity could do by it."""
    apply(database, *MORE, statement)
    seen = observe_functions(database, section(matrix=MATRIX, scopes=SCOPES, **changes))
    return next(one for (_, identity), one in seen.items() if identity == who)


SHOWING = {
    "setof the table": definer("f()", "setof public.notes", "select * from public.notes"),
    "a table of columns": definer("f()", "table (what text, whose uuid)", "select title, owner from public.notes"),
    "json": definer("f()", "json", "select json_agg(n) from public.notes n"),
    "jsonb within text": definer("f()", "text", "select jsonb_agg(to_jsonb(p))::text from public.people p"),
    "a record": definer("f()", "record", "select id, email from public.people where nick = 'b'"),
    "a list in one text": definer("f()", "text", "select string_agg(email, ', ') from public.people"),
    "one scalar": definer("f()", "text", f"select email from public.people where id = '{BEN}'"),
    "one short word": definer("f()", "text", f"select nick from public.people where id = '{BEN}'"),
    "a count": definer("f()", "bigint", "select count(*) from public.notes"),
    "the row of an id": definer("f(person uuid)", "public.people", "select * from public.people where id = person"),
    "a value of an id": definer("f(uuid)", "text", "select nick from public.people where id = $1"),
    "an id with a default": definer(
        "f(p_user uuid default auth.uid())", "setof public.people", "select * from public.people where id = p_user"
    ),
    "a number that is a key": definer("f(note_id bigint)", "text", "select owner::text from public.notes where id = note_id"),
    "a search": definer("f(q text)", "setof public.people", "select * from public.people where email like '%' || q || '%'"),
    "many ids": definer("f(ids uuid[])", "setof public.people", "select * from public.people where id = any (ids)"),
    "a row": definer("f(n public.notes)", "text", "select p.email from public.people p where p.id = n.owner"),
    "users of the platform": definer("f(who uuid)", "text", "select email from auth.users where id = who"),
    "what runs in another's name": definer(
        "f()", "setof public.notes", "begin return query execute 'select * from public.notes'; end", language="plpgsql"
    ),
}  # fmt: skip


def see_all(database: Database, functions: Mapping[str, str]) -> dict[str, Seen]:
    """Make every function under a name of its own, call them, and return what ana could do by each."""
    apply(database, *MORE, *(text.replace("public.f(", f"public.f{number}(") for number, text in enumerate(functions.values())))
    seen = observe_functions(database, section(matrix=MATRIX, scopes=SCOPES))
    found = {name.partition("(")[0]: one for (name, who), one in seen.items() if who == "ana"}
    return {name: found[f"public.f{number}"] for number, name in enumerate(functions)}


def test_functions_that_show_rows_of_others_are_seen(hosted_database: Database) -> None:
    apply(hosted_database, USERS)
    seen = see_all(hosted_database, SHOWING)
    assert {name: one.said for name, one in seen.items() if not (one.done and one.beyond)} == {}


CHANGING = {
    "deletes": (definer("f()", "void", "delete from public.notes"), "deletes rows of public.notes"),
    "updates": (definer("f()", "void", "update public.notes set title = 'x'"), "updates rows of public.notes"),
    "deletes by key": (definer("f(note bigint)", "void", "delete from public.notes where id = note"), "deletes rows"),
    "takes over": (definer("f(n int)", "int", "update public.notes set owner = auth.uid() where id = n returning 1"), "updates"),
    "gives away": (
        definer("f()", "void", f"update public.notes set owner = '{BEN}' where owner = auth.uid()"), "updates rows"
    ),
    "writes as another": (
        definer("f(who uuid)", "void", "insert into public.notes (owner, title) values (who, 'x')"), "inserts rows"
    ),
    "truncates": (definer("f()", "void", "truncate public.notes"), "deletes rows of public.notes"),
    "deletes users": (definer("f(who uuid)", "void", "delete from auth.users where id = who"), "deletes rows of auth.users"),
    "a procedure": (
        "create procedure public.f(inout n int) language sql security definer set search_path = '' as "
        "$f$delete from public.notes; select 1$f$",
        "deletes rows of public.notes",
    ),
}  # fmt: skip


def test_functions_that_change_rows_of_others_are_seen_and_change_nothing_for_good(hosted_database: Database) -> None:
    apply(hosted_database, USERS)
    seen = see_all(hosted_database, {name: statement for name, (statement, _) in CHANGING.items()})
    assert {name: one for name, one in seen.items() if not any(CHANGING[name][1] in said for said in one.beyond)} == {}
    with hosted_database.connect() as connection:
        count = connection.execute("select count(*) from public.notes where title like 'note%'").fetchone()
    assert count == {"count": 9}


HONEST = {
    "own rows": definer("f()", "setof public.notes", "select * from public.notes where owner = auth.uid()"),
    "an own count": definer("f()", "bigint", "select count(*) from public.notes where owner = auth.uid()"),
    "an own change": definer("f()", "void", "update public.notes set title = 'x' where owner = auth.uid()"),
    "an own row for an id": definer(
        "f(note bigint)", "setof public.notes", "select * from public.notes where id = note and owner = auth.uid()"
    ),
    "a yes about oneself": definer("f()", "boolean", "select exists (select from public.people where id = auth.uid())"),
    "an echo": definer("f(a uuid, b text)", "text", "select a || b"),
    "a column that is computed": definer("f(n public.people)", "text", "select 'Mail to ' || n.email || ', ' || n.nick"),
    "an own new row": definer("f()", "uuid", "insert into public.notes (owner, title) values (auth.uid(), 'x') returning owner"),
    "chance": definer("f()", "uuid", "select gen_random_uuid() from (select count(*) from public.notes) as n"),
    "the time": definer("f()", "timestamptz", "select now()"),
    "the caller's rights": definer("f()", "setof public.notes", "select * from public.notes", rights="security invoker"),
}


def test_honest_functions_are_not_blamed(hosted_database: Database) -> None:
    seen = see_all(hosted_database, HONEST)
    assert {name: one for name, one in seen.items() if not one.done or one.beyond} == {}


def test_a_visitor_who_gets_every_row_is_seen_and_service_is_not_asked(hosted_database: Database) -> None:
    apply(hosted_database, *MORE, SHOWING["json"])
    seen = observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))
    assert {who for _, who in seen} == {"anon", "ana", "ben"}
    assert "rows of public.notes out of reach, for example id" in seen["public.f()", "anon"].beyond[0]


def test_a_wrapper_with_the_callers_rights_is_judged_by_what_it_shows(hosted_database: Database) -> None:
    apply(hosted_database, *MORE, "create schema private", "grant usage on schema private to authenticated")
    apply(hosted_database, SHOWING["json"].replace("public.f", "private.f"))
    seen = observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))
    assert seen == {}
    apply(hosted_database, definer("g()", "json", "select private.f()", rights="security invoker"))
    assert observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))["public.g()", "ana"].shown


def test_what_triggers_of_a_table_do_is_not_the_functions_doing(hosted_database: Database) -> None:
    apply(
        hosted_database,
        *MORE,
        "create function public.count_up() returns trigger language plpgsql security definer set search_path = '' as "
        "$f$begin update public.people set nick = nick || 'x'; return null; end$f$",
        "create trigger t after insert on public.notes for each row execute function public.count_up()",
        HONEST["an own new row"],
    )
    assert observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))["public.f()", "ana"].beyond == []


def test_a_function_that_takes_too_long_is_told_and_the_others_are_called(hosted_database: Database) -> None:
    apply(hosted_database, *MORE, definer("slow()", "void", "select pg_sleep(30)"), SHOWING["json"])
    seen = observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES, statement_timeout_s=0.5))
    assert seen["public.f()", "ana"].beyond
    assert (seen["public.slow()", "ana"].done, seen["public.slow()", "ana"].is_refused) == (0, False)


def test_a_function_that_always_says_no_is_told_apart_from_one_that_arguments_break(hosted_database: Database) -> None:
    guard = "begin if auth.uid() is null then raise exception 'sign in'; end if; return 1; end"
    assert see(hosted_database, definer("f()", "int", guard, language="plpgsql"), "anon").is_refused
    apply(hosted_database, definer("g(p_n text)", "int", "select ('x' || p_n)::int"))
    seen = observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))["public.g(text)", "ana"]
    assert (seen.done, seen.is_refused) == (0, False)


def test_arguments_that_the_project_gives_are_used(hosted_database: Database) -> None:
    secret = definer(
        "f(word text)", "setof public.people",
        "begin if word <> 'open sesame' then raise exception 'no'; end if; return query select * from public.people; end",
        language="plpgsql",
    )  # fmt: skip
    assert see(hosted_database, secret).beyond == []
    rls = section(
        matrix=MATRIX,
        scopes=SCOPES,
        functions={"public.f(text)": {"authenticated": "own"}},
        function_arguments={"public.f(text)": [["'open sesame'"]]},
    )
    assert observe_functions(hosted_database, rls)["public.f(text)", "ana"].beyond


def test_a_table_without_a_row_out_of_reach_can_show_none(hosted_database: Database) -> None:
    seen = see(hosted_database, definer("f()", "bigint", "select count(*) from public.notes"))
    assert seen.blind == ()
    apply(hosted_database, "truncate public.notes")
    assert observe_functions(hosted_database, section(matrix=MATRIX, scopes=SCOPES))["public.f()", "ana"].blind == (
        "public.notes",
    )
