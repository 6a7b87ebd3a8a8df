"""Which columns change from copy to copy, so that keys stay unique and references whole."""

from __future__ import annotations

from lib.tasks.migrations.row_shifts import Catalog, plan_shifts


def shifts(columns: dict[str, str], uniques: list[list[str]], references: list[tuple[str, str]] = ()) -> dict[str, str]:
    """Return which columns change, each with the one it goes by; all named table.column."""
    split = [name.split(".") for name in columns]
    planned = plan_shifts(
        Catalog(
            columns=[
                {"table": table, "column": column, "type": columns[f"{table}.{column}"], "generated": False}
                for table, column in split
            ],
            uniques=[{"table": one[0].split(".")[0], "columns": [name.split(".")[1] for name in one]} for one in uniques],
            references=[
                dict(zip(("table", "column", "parent_table", "parent_column"), [*a.split("."), *b.split(".")], strict=True))
                for a, b in references
            ],
        )
    )
    return {f"{table}.{column}": f"{root[0]}.{root[1]}" for (table, column), (_, root) in planned.items()}


def test_a_key_changes_and_so_does_what_refers_to_it() -> None:
    planned = shifts({"a.id": "int4", "b.a": "int4", "b.note": "text"}, [["a.id"]], [("b.a", "a.id")])
    assert planned == {"a.id": "a.id", "b.a": "a.id"}


def test_a_set_that_holds_a_changing_reference_needs_nothing_more() -> None:
    planned = shifts({"a.id": "uuid", "b.a": "uuid", "b.day": "date"}, [["a.id"], ["b.a", "b.day"]], [("b.a", "a.id")])
    assert set(planned) == {"a.id", "b.a"}


def test_what_can_not_be_changed_is_left() -> None:
    assert shifts({"a.on": "bool"}, [["a.on"]]) == {}
