"""One drill for app and database, by the pack's own script: whole, in time, and never where it may not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.core.busyness import Control
from lib.core.faults import End
from lib.core.permissions import Act
from lib.core.recovery_notes import read_notes
from lib.core.results import Findings, Outcome, SkipReason
from lib.embedded.fly.start import EmbeddedFly
from lib.embedded.postgres.server import EmbeddedPostgres
from lib.tasks.deploy_rehearsal import looks as deploy_rehearsal
from lib.tasks.deploy_rehearsal.allowed import DRILL_MARK
from lib.tasks.deploy_rehearsal.drill import Drill
from lib.tasks.deploy_rehearsal.faults import FAULTS
from lib.tasks.deploy_rehearsal.judge_drill import judge_drill
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal
from lib.tasks.deploy_rehearsal.rollback import SCRIPT
from lib.transport.context import Context
from lib.transport.database import Database
from tests.support.faults import try_faults, unfound
from tests.support.fly_worlds import BEHIND, context_of, copy_pack, fill, flyctl_json, reference, standing_fly, wait_passing
from tests.support.permissions import refused

PASS, FAIL, SKIP, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.ERROR
LONG_S = 600


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("drill_tests"))
    postgres_server.drop_database("drill_tests")


@pytest.fixture
def behind(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    yield fill(postgres_server.create_hosted_database("drill_behind"), newest="20251105080000")
    postgres_server.drop_database("drill_behind")


@pytest.fixture
def fly(database: Database, behind: Database) -> Iterator[EmbeddedFly]:
    with standing_fly(database, behind=behind) as standing:
        wait_passing(standing)
        wait_passing(standing, BEHIND)
        yield standing


class World:
    """One drill: the context, and the plan that the looks before made."""

    def __init__(self, database: Database, behind: Database | None, fly: EmbeddedFly, folder: Path, **changes: Any) -> None:
        given = {"drill_limit_s": LONG_S, "drill_database": behind, **changes}
        self.context: Context[Any] = context_of(database, fly, folder, **given)
        before = deploy_rehearsal.look_at_what_runs(self.context).facts
        self.plan = deploy_rehearsal.look_at_rollback(self.context, before=before).facts

    def drill(self, **given: Any) -> Findings[Drill]:
        return deploy_rehearsal.look_at_drill.attempt(self.context, deploy_plan=self.plan, **given)


@pytest.fixture
def world(database: Database, behind: Database, fly: EmbeddedFly, tmp_path: Path, postgres_server: EmbeddedPostgres) -> World:
    return World(database, behind, fly, tmp_path, postgres_bin=postgres_server.bin_dir)


def result_of(findings: Findings[Drill]) -> Any:
    (result,) = findings.results
    return result


def test_one_call_of_the_script_brings_app_and_database_back(world: World, behind: Database, fly: EmbeddedFly) -> None:
    findings = world.drill()
    result = result_of(findings)
    assert result.outcome is PASS, result.detail
    assert "public.votes emptied" in result.detail
    drill = findings.facts
    assert drill is not None
    assert {"image", "schema", "data"} <= set(drill.harmed)
    assert drill.smoke_damaged.calls == 3
    # Whether it shows depends on how soon the damaged release is up: what it asks for may do without the table that is gone.
    assert drill.smoke_damaged.works == ("did not show the damage" in result.detail)
    assert [row["before = after"] for row in findings.rows] == [True] * len(findings.rows)
    assert {one["config"]["image"] for one in flyctl_json(fly, "machine", "list", "--app", BEHIND)} == {
        reference("current", BEHIND)
    }
    assert behind.value("select count(*) from public.votes") > 0
    assert behind.value("select count(*) from pg_database where datname like 'drill_behind\\_restored%'") == 0
    assert read_notes(world.context.work) == {}
    assert not (world.context.work / "drill").exists()
    kept = str(findings.artifacts) + str(result)
    assert behind.password and behind.password not in kept


def spoil_script(folder: Path, old: str, new: str, *, name: str = SCRIPT.name) -> Path:
    """Return a copy of the pack in which one of the script's files says something else."""
    pack = copy_pack(folder)
    path = pack / SCRIPT.parent / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return pack


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('[[ -z $restore_point ]] || bring_back_database "$restore_point"', ":", "data is another (public.tile_loads"),
        ('"${deploy[@]}" > "$work/out" 2>&1 && deployed=0', "deployed=0", "ended with 10"),
        ("(( execute )) || { say", "exit 0; (( execute )) || { say", "image is another (digests)"),
    ],
    ids=["without its database", "without its app", "with nothing done"],
)
def test_a_script_that_brings_one_half_back_fails_and_the_whole_one_passes(
    database: Database,
    behind: Database,
    fly: EmbeddedFly,
    tmp_path: Path,
    postgres_server: EmbeddedPostgres,
    old: str,
    new: str,
    said: str,
) -> None:
    pack = spoil_script(tmp_path, old, new)
    given = {"postgres_bin": postgres_server.bin_dir, "drill_limit_s": 2 if "ended" in said else LONG_S}
    world = World(database, behind, fly, tmp_path, pack=pack, **given)
    result = result_of(world.drill())
    assert result.outcome is FAIL, result.detail
    assert said in result.detail
    assert "--database" in read_notes(world.context.work)["deploy_rehearsal"]
    again = result_of(world.drill())
    assert (again.outcome, "did not bring everything back" in again.detail) == (ERROR, True)


def test_default_privileges_that_open_a_table_again_are_named(
    database: Database, behind: Database, fly: EmbeddedFly, tmp_path: Path, postgres_server: EmbeddedPostgres
) -> None:
    """What the script did before this drill was made of it: nobody had compared grants after --yes-overwrite."""
    pack = spoil_script(tmp_path, "default_privileges false >", "true >", name="database.bash")
    world = World(database, behind, fly, tmp_path, pack=pack, postgres_bin=postgres_server.bin_dir)
    result = result_of(world.drill())
    assert result.outcome is FAIL
    assert "schema is another (grant sequence public." in result.detail and "to anon" in result.detail


def test_a_database_without_rows_proves_nothing_and_is_left_alone(world: World, behind: Database, fly: EmbeddedFly) -> None:
    names = behind.value(
        "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables where schemaname='public'"
    )
    with behind.connect() as connection:
        connection.execute(f"truncate {names} cascade")
    result = result_of(world.drill())
    assert (result.outcome, "has no rows" in result.detail) == (ERROR, True), result.detail


class TestWhere:
    """A drill is made only where app and database may be damaged."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"previous_schema_app": ""}, "No app is there to be damaged"),
            ({"production_apps": [BEHIND]}, "Production is never damaged"),
            ({"production_apps": [BEHIND], "production_writes_allowed": True}, "Production is never damaged"),
            ({"refusals": refused(Act.DEPLOY, environment="local")}, "Nothing was damaged"),
            ({"refusals": refused(Act.FIXTURES, environment="local")}, "Nothing was damaged"),
            ({"drill_database": None}, "No database of idea-board-previous-schema is named"),
        ],
    )
    def test_nothing_is_changed_elsewhere(
        self, database: Database, behind: Database, fly: EmbeddedFly, tmp_path: Path, changes: dict[str, Any], said: str
    ) -> None:
        world = World(database, behind, fly, tmp_path, **changes)
        result = result_of(world.drill())
        assert (result.outcome, result.skipped_because) == (SKIP, SkipReason.NOT_ALLOWED)
        assert said in result.detail
        assert len(flyctl_json(fly, "releases", "--app", BEHIND)) == 1

    def test_a_live_database_says_itself_that_it_may_be_damaged(
        self, database: Database, behind: Database, fly: EmbeddedFly, tmp_path: Path, postgres_server: EmbeddedPostgres
    ) -> None:
        given: dict[str, Any] = {"postgres_bin": postgres_server.bin_dir, "embedded": frozenset({"database"})}
        world = World(database, behind, fly, tmp_path, **given)
        result = result_of(world.drill())
        assert (result.outcome, result.fix) == (SKIP, (f"If it may, run there: create schema {DRILL_MARK}",))
        assert behind.value("select count(*) from public.votes") > 0
        with behind.connect() as connection:
            connection.execute(f"create schema {DRILL_MARK}")
        assert result_of(world.drill()).outcome is PASS
        assert not (world.context.kept / "drill").exists()

    def test_the_database_under_launch_is_never_the_drills(self, database: Database, fly: EmbeddedFly, tmp_path: Path) -> None:
        world = World(database, database, fly, tmp_path, embedded=frozenset({"database"}))
        assert "is the one under launch" in result_of(world.drill()).detail

    def test_without_a_candidate_nothing_is_damaged(self, world: World) -> None:
        findings = deploy_rehearsal.look_at_drill.attempt(world.context, deploy_plan=None)
        assert result_of(findings).outcome is ERROR


def test_a_script_that_has_just_failed_damages_nothing_more(world: World, fly: EmbeddedFly) -> None:
    rehearsal = Rehearsal(rollback=None, rollback_failure="It took too long.")
    result = result_of(world.drill(rehearsal=rehearsal))
    assert (result.outcome, result.see) == (SKIP, "deploy_rehearsal.rollback_is_quick")
    assert len(flyctl_json(fly, "releases", "--app", BEHIND)) == 1


@pytest.fixture(scope="module")
def drilled(
    database: Database, postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Drill]]:
    behind = fill(postgres_server.create_hosted_database("drill_recorded"), newest="20251105080000")
    with standing_fly(database, behind=behind) as fly:
        wait_passing(fly)
        world = World(database, behind, fly, tmp_path_factory.mktemp("drill"), postgres_bin=postgres_server.bin_dir)
        drill = world.drill().facts
        assert drill is not None
        yield world, drill
    postgres_server.drop_database("drill_recorded")


def test_faults_are_found_without_another_drill(
    drilled: tuple[World, Drill], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, drill = drilled
    monkeypatch.setattr(deploy_rehearsal, "run_drill", lambda *_, **__: pytest.fail("it was drilled again"))
    given = {"deploy_plan": world.plan, "drilled": drill}
    trials = try_faults(FAULTS, deploy_rehearsal.look_at_drill, world.context, tmp_path, **given)
    assert unfound(trials) == []
    assert sum(one.end is End.FOUND for one in trials) >= 25


def test_a_time_beyond_the_limit_counts_only_beside_a_quiet_machine(drilled: tuple[World, Drill]) -> None:
    _, drill = drilled
    slow = replace(drill, took_s=20, control=Control())
    assert judge_drill(slow, limit_s=10).outcome is FAIL
    assert "longer than agreed" in judge_drill(slow, limit_s=10).detail
    busy = judge_drill(replace(slow, control=Control(late_s=5.0, lost=0.6)), limit_s=10)
    assert (busy.outcome, "too busy to tell" in busy.detail) == (ERROR, True)
    assert judge_drill(replace(slow, took_s=10), limit_s=10).outcome is PASS


def test_what_failed_before_the_damage_is_no_fault_of_the_drill(drilled: tuple[World, Drill]) -> None:
    _, drill = drilled
    assert drill.smoke_after is not None
    sick = ("/odd: status 404",)
    before, after = replace(drill.smoke_before, failures=sick), replace(drill.smoke_after, failures=sick)
    assert judge_drill(replace(drill, smoke_before=before, smoke_after=after), limit_s=LONG_S).outcome is PASS
    assert judge_drill(replace(drill, smoke_after=after), limit_s=LONG_S).outcome is FAIL
