"""What was measured, as lines for a terminal, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tests.benchmarks.rounds import Measured, paired_ratios, spread

STYLE = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}"
STYLE += "th,td{padding:.2rem .8rem;border-bottom:1px solid #ccc;text-align:left}"


def ratio_rows(measured: Measured) -> list[dict[str, Any]]:
    """Return one row a pair and kind of time: the ratios of the rounds, spread out, and the goal."""
    rows = []
    for ours, peer, goal in measured.benchmark.pairs:
        for what, said in (("wall_s", "wall"), ("cpu_s", "processors")):
            ratios = paired_ratios(measured.costs[ours], measured.costs[peer], what)
            if ratios:
                figures = {name: f"{value:.3f}" for name, value in spread(ratios).items()}
                rows.append({"ratio": f"{ours} / {peer}", "time": said, **figures, "goal": goal if what == "wall_s" else ""})
    return rows


def cost_rows(measured: Measured) -> list[dict[str, Any]]:
    """Return one row a variant: the seconds of its rounds, spread out."""
    rows = []
    for name, costs in measured.costs.items():
        wall = {f"wall {key} s": f"{value:.2f}" for key, value in spread([one.wall_s for one in costs]).items()}
        cpu = {f"processors {key} s": f"{value:.2f}" for key, value in spread([one.cpu_s or 0.0 for one in costs]).items()}
        rows.append({"variant": name, **wall, **cpu})
    return rows


def format_rows(measured: Measured) -> str:
    """Return one benchmark as lines."""
    lines = [measured.benchmark.title]
    for row in ratio_rows(measured):
        goal = f"; goal {row['goal']}" if row["goal"] else ""
        lines.append(f"  {row['ratio']}, {row['time']}: {row['median']} ({row['min']} to {row['max']}){goal}")
    lines += [f"  not measured: {name}: {why}" for name, why in measured.benchmark.skipped.items()]
    return "\n".join(lines)


def as_json(found: Sequence[Measured], places: Sequence[Mapping[str, Any]]) -> str:
    """Return every figure."""
    benchmarks = [
        {
            "name": one.benchmark.name,
            "title": one.benchmark.title,
            "costs": {name: [vars(cost) for cost in costs] for name, costs in one.costs.items()},
            "ratios": [
                {
                    "ours": ours,
                    "peer": peer,
                    "goal": goal,
                    "wall": paired_ratios(one.costs[ours], one.costs[peer], "wall_s"),
                    "cpu": paired_ratios(one.costs[ours], one.costs[peer], "cpu_s"),
                }
                for ours, peer, goal in one.benchmark.pairs
            ],
            "skipped": dict(one.benchmark.skipped),
        }
        for one in found
    ]
    return json.dumps({"benchmarks": benchmarks, "where the time went": list(places)}, indent=1) + "\n"


def format_page(found: Sequence[Measured], places: Sequence[Mapping[str, Any]]) -> str:
    """Return a page without anything from elsewhere."""
    parts = ["<h1>What the workbook costs beside its peers</h1>"]
    parts.append(
        "<p>Variants ran in turn, round after round; a ratio is of two variants of one round. Below 1 ours is faster.</p>"
    )
    for one in found:
        parts += [f"<h2>{escape(one.benchmark.title)}</h2>", f"<p>{escape(one.benchmark.what)}</p>"]
        parts += [format_table(ratio_rows(one)), format_table(cost_rows(one))]
        parts += [f"<p>Not measured: {escape(name)}: {escape(why)}.</p>" for name, why in one.benchmark.skipped.items()]
    if places:
        parts += ["<h2>Where the time of our whole run went</h2>", format_table(places)]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>Benchmarks</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table; nothing of none."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    lines = ["<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row.values()) + "</tr>" for row in rows]
    return f"<table><tr>{head}</tr>\n" + "\n".join(lines) + "\n</table>"
