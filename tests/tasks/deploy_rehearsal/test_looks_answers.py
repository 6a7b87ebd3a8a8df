"""Candidates that get healthy and answer wrongly, as images of the sample app that differ in what a release may differ in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.core.results import Outcome
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.deploy_rehearsal import looks as deploy
from lib.transport.database import Database
from tests.support.fly_worlds import context_of, copy_pack, fill, reference, standing_fly, wait_passing

ODD = "odd"
BOARD = "queries/idea_pool.sql"


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("answers_tests"))
    postgres_server.drop_database("answers_tests")


def said_of(image: Path, **changes: object) -> None:
    path = image / "release.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def wrap(image: Path, columns: str) -> None:
    """Let the tile's query give these columns of what it gave."""
    path = image / BOARD
    path.write_text(f"select {columns} from ({path.read_text().strip().rstrip(';')}) as board\n")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "the old version": (lambda image: said_of(image, version="2025.10.2"), "version 2025.10.2, which is what ran before"),
    "slower": (lambda image: wrap(image, "board.* , pg_sleep(0.09)::text as waited"), "/tiles/idea-pool takes"),
    "another form": (lambda image: wrap(image, "to_jsonb(board) as all"), "is gone"),
}


@pytest.mark.parametrize("fault", [*FAULTS, "none"])
def test_a_healthy_candidate_is_judged_by_its_answers(database: Database, tmp_path: Path, fault: str) -> None:
    pack = copy_pack(tmp_path)
    image = Path(shutil.copytree(pack / "app/images/candidate", pack / "app/images" / ODD))
    change, said = FAULTS.get(fault, (lambda image: wrap(image, "board.*, 1 as added"), ""))
    change(image)
    with standing_fly(database, pack=pack) as fly:
        wait_passing(fly)
        context = context_of(database, fly, tmp_path, pack=pack, image=reference(ODD), watch_s=2, baseline_s=1)
        before = deploy.look_at_what_runs(context).facts
        plan = deploy.look_at_rollback(context, before=before).facts
        results = {one.check.partition(".")[2]: one for one in deploy.look_at_rehearsal(context, deploy_plan=plan).results}
    found = results["candidate_stays_healthy"]
    assert results["candidate_gets_healthy"].outcome is Outcome.PASS
    assert found.outcome is (Outcome.FAIL if said else Outcome.PASS), found
    assert said in found.detail
