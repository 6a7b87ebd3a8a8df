"""Arguments are taken from rows by name and type; the law: as many as the function takes, and of few calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lib.clients.postgres.rls.arguments import MOST_CALLS, SampleRow, make_arguments
from lib.clients.postgres.rls.functions import ExposedFunction, Param

ROW = SampleRow(
    table="public.notes",
    name="notes",
    key=("id",),
    values={"id": "00000000-0000-4000-8000-00000000000d", "token": "t0k3n", "team_id": 7, "done": True},
    whole="(a,b)",
)
ME, YOU = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def param(name: str, base: str, **more: object) -> Param:
    usual: dict[str, object] = {"category": "S", "labels": (), "table": None, "is_variadic": False}
    return Param(name=name, base=base, type=f"pg_catalog.{base}", **{**usual, **more})  # type: ignore[arg-type]


def function(*params: Param, defaults: int = 0, source: str = "select from public.notes") -> ExposedFunction:
    return ExposedFunction(
        display_name="public.f()", long_name="public.f()", schema="public", name="f", kind="function", is_definer=True,
        is_silent=False, defaults=defaults, source=source, params=params, roles=frozenset({"anon"}),
    )  # fmt: skip


def first(one: Param) -> str:
    return make_arguments(function(one), [ROW], me=ME, others=[YOU])[0][0]


def test_a_rows_own_values_come_before_made_ones() -> None:
    assert first(param("p_token", "text")) == "'t0k3n'::pg_catalog.text"
    assert first(param("lookup_note_token", "text")) == "'t0k3n'::pg_catalog.text"
    assert first(param("note_id", "uuid")) == f"'{ROW.values['id']}'::pg_catalog.uuid"
    assert first(param("_team_id", "int4", category="N")) == "'7'::pg_catalog.int4"
    assert first(param("for_user", "uuid")) == f"'{YOU}'::pg_catalog.uuid"
    assert first(param("page_limit", "int4", category="N")) == "'100'::pg_catalog.int4"
    assert first(param("n", "notes", category="C", table="public.notes")) == "'(a,b)'::pg_catalog.notes"
    assert first(param("ids", "uuid", category="A")).startswith("'{\"0000")
    assert first(param("shape", "point", category="G")) == "null::pg_catalog.point"


def test_arguments_with_a_default_are_left_out_and_given() -> None:
    both = make_arguments(function(param("note_id", "uuid"), defaults=1), [ROW], me=ME, others=[YOU])
    assert [len(one) for one in both] == [0, 1]
    assert make_arguments(function(), [], me=None, others=[]) == [()]


BASES = st.sampled_from(["uuid", "int4", "text", "bool", "jsonb", "timestamptz", "numeric", "point", "bytea"])


@given(st.lists(st.tuples(st.text("abcid_", max_size=8), BASES), max_size=4), st.integers(0, 4), st.integers(0, 5))
def test_every_call_has_as_many_arguments_as_the_function_takes(said: list[tuple[str, str]], defaults: int, rows: int) -> None:
    params = [param(name, base) for name, base in said]
    left = min(defaults, len(params))
    calls = make_arguments(function(*params, defaults=left), [ROW] * rows, me=ME, others=[YOU])
    assert 0 < len(calls) <= MOST_CALLS
    assert len(set(calls)) == len(calls)
    assert {len(one) for one in calls} <= {len(params) - left, len(params)}
