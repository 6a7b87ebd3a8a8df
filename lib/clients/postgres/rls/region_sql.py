"""How the rows of a table are counted by region, as SQL text. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def count_regions(table: str, alias: str, region: str, kept: Sequence[str]) -> str:
    """Return what answers region -> [rows, first place, last place, the first row's values of `kept`].

    By place, not by its text: the oldest and the newest row of a region, wherever they lie in another run.
    """
    return f"""
            select coalesce(jsonb_object_agg(region, jsonb_build_array(
              total, first_table::text || first_place::text, last_table::text || last_place::text,
              (
                select jsonb_build_array({", ".join(kept)}) from {table}
                where {alias}.tableoid = first_table and {alias}.ctid = first_place
              )
            )), '{{}}')
            from (
              select region, sum(total) as total,
                (array_agg(part order by part))[1] as first_table, (array_agg(first_place order by part))[1] as first_place,
                (array_agg(part order by part desc))[1] as last_table, (array_agg(last_place order by part desc))[1] as last_place
              from (
                select region, part, count(*) as total, min(place) as first_place, max(place) as last_place
                from (select {region} as region, {alias}.tableoid::oid as part, {alias}.ctid as place from {table}) as placed
                group by region, part
              ) as parts
              group by region
            ) as counted"""


def count_plain_regions(table: str, alias: str, region: str, kept: Sequence[str]) -> str:
    """Return the same of a table whose rows all lie in it."""
    return f"""
            select coalesce(jsonb_object_agg(region, jsonb_build_array(
              total, part || first_place::text, part || last_place::text,
              (select jsonb_build_array({", ".join(kept)}) from {table} where {alias}.ctid = first_place)
            )), '{{}}')
            from (
              select region, count(*) as total, min(part)::oid::text as part, min(place) as first_place, max(place) as last_place
              from (select {region} as region, {alias}.tableoid as part, {alias}.ctid as place from {table}) as placed
              group by region
            ) as counted"""


def count_touched(table: str, region: str, is_hit: str, shown: str) -> str:
    """Return what answers region -> [rows, rows of which `is_hit` holds, an example, as `shown`, which is never null]."""
    # OFFSET 0 keeps the planner from asking `is_hit`, which is most of the work, once for the count and once for the example.
    return f"""
            select coalesce(jsonb_object_agg(region, jsonb_build_array(total, touched, example)), '{{}}')
            from (
              select region, count(*) as total, count(hit) as touched, min(hit) as example
              from (select {region} as region, case when {is_hit} then {shown} end as hit from {table} offset 0) as rows
              group by region
            ) as counted"""
