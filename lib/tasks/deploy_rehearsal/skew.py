"""Old and new app on the old and the new schema: the four cells of a deploy that stops half way."""

from __future__ import annotations

from collections.abc import Mapping

from lib.clients.fly.flyctl import Fly, deploy
from lib.tasks.deploy_rehearsal.rehearsal import Rehearsal, RehearsalPlan
from lib.tasks.deploy_rehearsal.smoke import SmokeCalls, try_image
from lib.tasks.deploy_rehearsal.task import DeployRehearsal

Cells = Mapping[tuple[str, str], SmokeCalls | None]
"""(app, schema), each old or new -> its smoke calls; None where it was not tried."""


def try_versions(fly: Fly, settings: DeployRehearsal, plan: RehearsalPlan, rehearsal: Rehearsal) -> Cells:
    """Return the smoke calls of both versions on both schemas. fly: of the app on the previous schema, restored at the end.

    A candidate that was healthy nowhere would only fail again, so it is not tried: see candidate_gets_healthy.
    Raises CommandError when flyctl breaks.
    """
    old = plan.before.running
    assert old is not None
    cells: dict[tuple[str, str], SmokeCalls | None] = {
        ("old", "new"): rehearsal.smoke_before,
        ("new", "new"): rehearsal.smoke_candidate,
        ("old", "old"): check_skew(fly, settings, old.image),
        ("new", "old"): None,
    }
    if rehearsal.healthy_after_s is not None:
        cells["new", "old"] = check_skew(fly, settings, plan.image)
        restore_skew_app(fly, settings, old.image)
    return cells


def check_skew(fly: Fly, settings: DeployRehearsal, image: str) -> SmokeCalls:
    """Return the smoke calls of one image on the previous schema."""
    return try_image(fly, settings.config, image, settings.endpoints, health_timeout_s=settings.health_timeout_s)


def restore_skew_app(fly: Fly, settings: DeployRehearsal, image: str) -> None:
    """Deploy the image that the app on the previous schema was found with; nothing waits for it."""
    deploy(
        fly, settings.config, image=image, strategy="immediate",
        wait_s=settings.health_timeout_s, timeout_s=settings.command_timeout_s,
    )  # fmt: skip
