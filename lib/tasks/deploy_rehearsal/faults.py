"""The faults of this task: config, script and candidate changed, flyctl's answers, and a rehearsal that went otherwise."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lib.clients.fly.flyctl import AppState, ask
from lib.core.pack_files import read_text_file
from lib.tasks.deploy_rehearsal import drill_faults as drills
from lib.tasks.deploy_rehearsal import recorded_faults as recorded
from lib.tasks.deploy_rehearsal.allowed import open_fly
from lib.tasks.deploy_rehearsal.drill import Drill
from lib.tasks.deploy_rehearsal.looks import (
    look_at_drill,
    look_at_rehearsal,
    look_at_restored_release,
    look_at_rollback,
    look_at_users,
    look_at_version_skew,
    look_at_what_runs,
    look_at_window,
)
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal
from lib.tasks.deploy_rehearsal.rollback import SCRIPT
from lib.tasks.deploy_rehearsal.task import (
    CANDIDATE_GETS_HEALTHY,
    CANDIDATE_IS_IN_THE_REGISTRY,
    CANDIDATE_STAYS_HEALTHY,
    CONFIG_IS_VALID,
    DOWNTIME_WITHIN_LIMIT,
    DRILL_BRINGS_EVERYTHING_BACK,
    ERRORS_WITHIN_LIMIT,
    EVERYTHING_CAME_BACK,
    NEIGHBOURS_WORK_TOGETHER,
    OLD_VERSION_ANSWERS,
    ROLLBACK_IS_QUICK,
    RUNNING_RELEASE_IS_HEALTHY,
    WAY_BACK_IS_KNOWN,
    WITHIN_DEPLOYMENT_WINDOW,
)
from lib.tasks.deploy_rehearsal.window import DAYS, Window, find_opening, read_clock
from lib.tasks.faults import (
    Change,
    Fault,
    Faults,
    Operator,
    Scene,
    with_arguments,
    with_file,
    with_files,
    with_section,
    with_settings,
)

ADDED = "launch-fault"


def settle(scene: Scene) -> Scene:
    """Return the scene that is copied: of what deploys, one that judges what came of it."""
    facts = scene.found.facts
    if isinstance(facts, Rehearsal):
        return replace(scene, arguments={**scene.arguments, "recorded": facts})
    if isinstance(facts, Drill):
        return replace(scene, arguments={**scene.arguments, "drilled": facts})
    if isinstance(facts, Mapping) and "rehearsal" in scene.arguments:
        return replace(scene, arguments={**scene.arguments, "tried": facts})
    return scene


def other_windows(scene: Scene) -> Iterator[Window]:
    """Yield the declared window with other days, on a day on which it is closed, and in zones far away."""
    window: Window = scene.context.settings.window
    today = read_clock().astimezone(ZoneInfo(window.time_zone)).date()
    yield window.model_copy(update={"closed": [*window.closed, f"{today - timedelta(days=2)}..{today}"]})
    for day in DAYS:
        yield window.model_copy(update={"days": [day]})
    for zone in ("Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata", "UTC"):
        yield window.model_copy(update={"time_zone": zone})


def close_window(scene: Scene) -> Iterator[Fault]:
    """Yield windows that are closed at this moment."""
    now = read_clock()
    for window in other_windows(scene):
        if find_opening(window, now) is None:
            yield Fault(place=window.words, make=with_settings(window=window))


def widen_window(scene: Scene) -> Iterator[Fault]:
    """Yield the window open on every day."""
    window: Window = scene.context.settings.window
    yield Fault(place="every day", make=with_settings(window=window.model_copy(update={"days": list(DAYS)})))


def spoil_config(scene: Scene) -> Iterator[Fault]:
    """Yield configs that flyctl does not take, and none."""
    name, pack = scene.context.settings.config, scene.context.pack
    text = read_text_file(pack / name, root=pack)
    for words, changed in {
        "does not end its first table": f"[{ADDED}\n{text}",
        "has a key twice": f"{ADDED} = 1\n{ADDED} = 2\n{text}",
        "has a port that is a word": text.replace("internal_port = ", 'internal_port = "http" # '),
        "is empty of sense": "= = =\n",
    }.items():
        if changed != text:
            yield Fault(place=f"{name} {words}", make=with_file(name, changed))
    yield Fault(place=f"{name} is gone", make=with_files({name: None}))


def comment_config(scene: Scene) -> Iterator[Fault]:
    """Yield the config with a comment."""
    name, pack = scene.context.settings.config, scene.context.pack
    yield Fault(place=name, make=with_file(name, f"{read_text_file(pack / name, root=pack)}\n# checked\n"))


def with_machines(change: Callable[[list[dict[str, Any]]], object]) -> Change:
    """Return the change after which flyctl says that machines are otherwise; everything else it answers itself."""

    @contextmanager
    def changed(scene: Scene) -> Iterator[Scene]:
        context = scene.context
        folder = context.work / "faults" / "flyctl"
        folder.mkdir(parents=True, exist_ok=True)
        status = json.loads(scene.once("status", lambda: json.dumps(ask(open_fly(context), "status"))))
        change(status["Machines"])
        for name, said in (("status", status), ("machines", status["Machines"])):
            (folder / f"{name}.json").write_text(json.dumps(said), encoding="utf-8")
        program, kept, real = folder / "flyctl", shlex.quote(str(folder)), context.programs.flyctl
        case = f'case "$1 $2" in "machine list") exec cat {kept}/machines.json;; status*) exec cat {kept}/status.json;; esac'
        program.write_text(f'#!/bin/sh\n{case}\nexec {shlex.quote(str(real))} "$@"\n', encoding="utf-8")
        program.chmod(0o700)
        there = replace(with_section(context, health_timeout_s=0.01), programs=replace(context.programs, flyctl=program))
        yield replace(scene, context=there)

    return changed


def fail_checks(machines: list[dict[str, Any]]) -> None:
    """Let every check of the first machine fail."""
    for check in machines[0].get("checks") or []:
        check["status"] = "critical"


def mix_images(machines: list[dict[str, Any]]) -> None:
    """Let the first machine run another image."""
    machines[0]["image_ref"] = {**(machines[0].get("image_ref") or {}), "digest": f"sha256:{ADDED}"}


def sicken_machines(scene: Scene) -> Iterator[Fault]:
    """Yield machines that are not healthy, and that run two images."""
    yield Fault(place="a check is critical", make=with_machines(fail_checks))
    yield Fault(place="a machine failed", make=with_machines(lambda machines: machines[0].update(state="failed")))
    yield Fault(place="there is no machine", make=with_machines(lambda machines: machines.clear()))
    if len(scene.rows) > 1:
        yield Fault(place="two images", make=with_machines(mix_images))


def reorder_machines(scene: Scene) -> Iterator[Fault]:
    """Yield the machines in another order."""
    yield Fault(place="the last machine first", make=with_machines(lambda machines: machines.reverse()))


def lose_candidate(scene: Scene) -> Iterator[Fault]:
    """Yield candidates that are not in the registry, and the one that runs."""
    before: AppState = scene.arguments["before"]
    image = scene.context.settings.image
    yield Fault(place="no such tag", make=with_settings(image=f"{image}-{ADDED}"))
    yield Fault(place="another repository", make=with_settings(image=image.replace("/", f"/{ADDED}-", 1)))
    yield Fault(place="what runs", make=with_settings(image=before.machines[0].image))


def block_way_back(scene: Scene) -> Iterator[Fault]:
    """Yield a rollback to a release or an image that is not there, and scripts that stop."""
    before: AppState = scene.arguments["before"]
    later = tuple(replace(one, version=one.version + 1000) for one in before.releases)
    yield Fault(place="a release that is not there", make=with_arguments(before=replace(before, releases=later)))
    yield Fault(place="the script stops", make=with_file(str(SCRIPT), "#!/usr/bin/env bash\necho cannot >&2\nexit 1\n"))
    yield Fault(place="the script cannot be read", make=with_file(str(SCRIPT), "#!/usr/bin/env bash\nif then\n"))
    yield Fault(place="the script is gone", make=with_files({str(SCRIPT): None}))


REHEARSED = recorded.of_rehearsal
FAULTS = Faults(
    settle=settle,
    operators=(
        Operator(name="a closed window", check=WITHIN_DEPLOYMENT_WINDOW, look=look_at_window, faults=close_window),
        Operator(
            name="a wider window", check=WITHIN_DEPLOYMENT_WINDOW, look=look_at_window, faults=widen_window, is_harmless=True
        ),
        Operator(name="a bad config", check=CONFIG_IS_VALID, look=look_at_what_runs, faults=spoil_config),
        Operator(name="a comment", check=CONFIG_IS_VALID, look=look_at_what_runs, faults=comment_config, is_harmless=True),
        Operator(name="sick machines", check=RUNNING_RELEASE_IS_HEALTHY, look=look_at_what_runs, faults=sicken_machines),
        Operator(
            name="another order",
            check=RUNNING_RELEASE_IS_HEALTHY,
            look=look_at_what_runs,
            faults=reorder_machines,
            is_harmless=True,
        ),
        Operator(name="no candidate", check=CANDIDATE_IS_IN_THE_REGISTRY, look=look_at_rollback, faults=lose_candidate),
        Operator(name="no way back", check=WAY_BACK_IS_KNOWN, look=look_at_rollback, faults=block_way_back),
        Operator(
            name="the candidate never gets healthy",
            check=CANDIDATE_GETS_HEALTHY,
            look=look_at_rehearsal,
            faults=REHEARSED(recorded.NEVER_HEALTHY),
        ),
        Operator(
            name="the candidate does not stay well",
            check=CANDIDATE_STAYS_HEALTHY,
            look=look_at_rehearsal,
            faults=REHEARSED(recorded.UNSTEADY),
        ),
        Operator(
            name="the candidate differs a little",
            check=CANDIDATE_STAYS_HEALTHY,
            look=look_at_rehearsal,
            faults=REHEARSED(recorded.STEADY),
            is_harmless=True,
        ),
        Operator(
            name="the rollback is slow", check=ROLLBACK_IS_QUICK, look=look_at_rehearsal, faults=REHEARSED(recorded.NOT_BACK)
        ),
        Operator(
            name="the rollback is in time",
            check=ROLLBACK_IS_QUICK,
            look=look_at_rehearsal,
            faults=REHEARSED(recorded.JUST_BACK),
            is_harmless=True,
        ),
        Operator(
            name="not what ran before",
            check=OLD_VERSION_ANSWERS,
            look=look_at_rehearsal,
            faults=REHEARSED(recorded.OTHER_VERSION),
        ),
        Operator(name="users wait", check=DOWNTIME_WITHIN_LIMIT, look=look_at_users, faults=recorded.users_wait),
        Operator(name="users lose requests", check=ERRORS_WITHIN_LIMIT, look=look_at_users, faults=recorded.users_lose),
        Operator(
            name="users lose few",
            check=ERRORS_WITHIN_LIMIT,
            look=look_at_users,
            faults=recorded.users_barely_lose,
            is_harmless=True,
        ),
        Operator(
            name="something is left behind",
            check=EVERYTHING_CAME_BACK,
            look=look_at_restored_release,
            faults=recorded.leave_parts,
        ),
        Operator(
            name="versions that do not work together",
            check=NEIGHBOURS_WORK_TOGETHER,
            look=look_at_version_skew,
            faults=recorded.break_cells,
        ),
        Operator(name="the drill ends otherwise", check=DRILL_BRINGS_EVERYTHING_BACK, look=look_at_drill, faults=drills.go_wrong),
        Operator(
            name="the drill takes its time",
            check=DRILL_BRINGS_EVERYTHING_BACK,
            look=look_at_drill,
            faults=drills.take_time,
            is_harmless=True,
        ),
    ),
)
