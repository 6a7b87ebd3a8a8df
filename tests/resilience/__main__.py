"""Run the experiments and print their figures: `make resilience ONLY=kills,storage SHARE=0.1`.

A run of every experiment is kept in docs/resilience.md, with the share of the cases that was tried.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module

from lib.core.files import write_whole
from lib.core.paths import ROOT
from tests.resilience.measured import Measured

EXPERIMENTS: tuple[str, ...] = ("kills", "storage", "secrets", "meta_commands", "vendors", "packs", "seals", "clean")
"""Modules of this folder, each with `measure(share, seed) -> Measured`."""

PAGE = ROOT / "docs" / "resilience.md"


def main() -> int:
    """Return 0 when every experiment came out as it should, 1 when one did not, 2 when it can't be understood."""
    parser = argparse.ArgumentParser(prog="make resilience", description=__doc__)
    parser.add_argument("--only", default="", help="experiments to run, by commas; all when empty")
    parser.add_argument("--share", type=float, default=1.0, help="part of the cases to try, above 0 and up to 1")
    parser.add_argument("--seed", type=int, default=1, help="what random choices start from")
    asked = parser.parse_args()
    names = [name for name in asked.only.split(",") if name] or list(EXPERIMENTS)
    unknown = sorted(set(names) - set(EXPERIMENTS))
    if unknown or not 0 < asked.share <= 1:
        what = f"ONLY={','.join(unknown)}: there is no such experiment" if unknown else f"--share {asked.share} is not in (0, 1]"
        print(f"{what}. Fix: Choose of {', '.join(EXPERIMENTS)}; a share above 0 and up to 1.", file=sys.stderr)
        return 2
    found: dict[str, tuple[Measured, float]] = {}
    for name in names:
        started = time.monotonic()
        one = import_module(f"tests.resilience.{name}").measure(share=asked.share, seed=asked.seed)
        found[name] = (one, time.monotonic() - started)
        print(format_measured(one, found[name][1]))
    if set(names) == set(EXPERIMENTS):
        write_whole(PAGE, format_page(found, asked.seed, asked.share))
    return 0 if all(one.is_good for one, _ in found.values()) else 1


def format_measured(one: Measured, took_s: float) -> str:
    """Return one experiment as lines for the terminal."""
    facts = [f"  {name}: {value}" for name, value in {**one.figures, "took": f"{took_s:.0f} s"}.items()]
    wrong = [f"  ✗ {problem}" for problem in one.problems]
    return "\n".join([f"{one.title}: {one.tried} tried, {len(one.problems)} wrong", *facts, *wrong])


def format_page(found: dict[str, tuple[Measured, float]], seed: int, share: float) -> str:
    """Return the page that keeps the figures. share: of the cases, above 0 and up to 1."""
    how_many = "every case" if share == 1 else f"{share:.0%} of the cases, drawn by chance; `SHARE=1` tries all"
    parts = [
        "# What the workbook withstands",
        "Written by `make resilience`, which does all of this anew on loopback servers of its own. "
        f"This time it tried {how_many}. Random choices start from seed {seed}.",
    ]
    for one, took_s in found.values():
        rows = {"tried": one.tried, "came out wrong": len(one.problems), **one.figures, "took": f"{took_s:.0f} s"}
        table = ["| figure | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())]
        wrong = [f"- {problem}" for problem in one.problems]
        parts.append("\n\n".join(filter(None, [f"## {one.title}", one.what, "\n".join(table), "\n".join(wrong)])))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
