"""Measure the workbook against its peers and keep a page and a JSON in .run/bench: `make bench ROUNDS=5 ONLY=kernels,run,rls`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from lib.core.files import write_whole
from lib.core.paths import ROOT
from tests.benchmarks import backup, digest, kernels, rls, whole_run
from tests.benchmarks.page import as_json, format_page, format_rows
from tests.benchmarks.rounds import Benchmark, Measured, measure
from tests.benchmarks.server import open_server

ROUNDS = 5
FOLDER = ROOT / ".run" / "bench"
NAMES = ("kernels", "run", "rls", "digest", "backup")
ON_SERVER = {"rls": rls.open_benchmark, "digest": digest.open_benchmark, "backup": backup.open_benchmark}


def main() -> int:
    """Return 0 when all was measured, 2 when what was asked can't be understood. No figure is judged here."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="benchmarks to run, by commas; all when empty")
    parser.add_argument("--rounds", default="", help="how often each variant is run, in turn")
    asked = parser.parse_args()
    names = [name for name in asked.only.split(",") if name] or list(NAMES)
    rounds = asked.rounds or str(ROUNDS)
    unknown = sorted(set(names) - set(NAMES))
    if unknown or not rounds.isdecimal() or not int(rounds):
        what = f"ONLY={','.join(unknown)}: there is no such benchmark" if unknown else f"ROUNDS={rounds} is not a number above 0"
        print(f"{what}. Fix: Choose of {', '.join(NAMES)}; a whole number of rounds.", file=sys.stderr)
        return 2
    found: list[Measured] = []
    places: list[dict[str, float]] = []
    for name in names:
        with open_named(name, places) as benchmarks:
            for one in benchmarks:
                found.append(measure(one, int(rounds), lambda line: print(line, flush=True)))
                print(format_rows(found[-1]), flush=True)
    rows = whole_run.add_up_places(places)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_whole(FOLDER / "bench.json", as_json(found, rows))
    write_whole(FOLDER / "index.html", format_page(found, rows))
    print(f"Open {(FOLDER / 'index.html').relative_to(ROOT)}; the figures are in bench.json beside it.")
    return 0


@contextmanager
def open_named(name: str, places: list[dict[str, float]]) -> Iterator[list[Benchmark]]:
    """Yield the benchmarks of one name. places: takes where the time of our whole runs went."""
    with ExitStack() as opened:
        if name in ON_SERVER:
            yield opened.enter_context(ON_SERVER[name](opened.enter_context(open_server())))
            return
        ways: dict[str, Callable[[], object]] = {
            "kernels": kernels.open_benchmark,
            "run": lambda: whole_run.open_benchmark(places),
        }
        yield opened.enter_context(ways[name]())  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
