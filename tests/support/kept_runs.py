"""Runs among others, entered in the order of their environment as the workbook does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from lib.core.files import write_whole
from lib.core.results import Outcome
from lib.evidence.log import append_line
from lib.evidence.manifest import load_signer, seal_run
from lib.reporters.sealing import about_run
from lib.run.order import enter_started, seal_in_order
from tests.support.report_worlds import GATE, result, world
from tests.support.trust_worlds import entry, trust

NOTHING: Mapping[str, bytes] = MappingProxyType({})


def keep_run(
    home: Path,
    number: int,
    *,
    fails: bool = False,
    is_sealed: bool = True,
    key: str = "key.pem",
    extra: Mapping[str, bytes] = NOTHING,
) -> Path:
    """Return a run of home/rendered/pack/staging, begun, and sealed by a key of home unless it is said otherwise.

    extra: more files, by path.
    """
    made = world(home / f"made-{number}", {GATE: result(GATE, Outcome.FAIL)} if fails else {})
    run_id = f"20261126T{number:06d}Z-aaaa"
    folder = home / "rendered" / "pack" / "staging" / run_id
    folder.mkdir(parents=True)
    signer, trusted = load_signer(home / key), trust(entry(home / "key.pem"))
    enter_started(folder, signer, trusted)
    for line in made.lines:
        append_line(folder, line.model_copy(update={"run_id": run_id}))
    for name, content in extra.items():
        write_whole(folder / name, content)
    report = replace(made, run=made.run.model_copy(update={"run_id": run_id, "run_folder": folder}))
    about = json.loads(json.dumps(about_run(report)))

    def seal(previous: Mapping[str, str] | None) -> str:
        return seal_run(folder, {**about, "previous": previous}, signer)

    if is_sealed:
        seal_in_order(folder, report.verdict.word, signer, trusted, seal)
    return folder
