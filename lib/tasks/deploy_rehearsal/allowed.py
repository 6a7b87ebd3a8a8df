"""What this task may change: flyctl for an app of the environment, and why an app or a database must be left alone."""

from __future__ import annotations

from lib.clients.fly.flyctl import Fly
from lib.clients.supabase.unpushed import refuse_unpushed
from lib.core.permissions import Act, Refusal
from lib.tasks.deploy_rehearsal.task import WITHIN_DEPLOYMENT_WINDOW, DeployRehearsal
from lib.tasks.deploy_rehearsal.window import describe_next, find_opening, read_clock
from lib.transport.context import Context
from lib.transport.database import Database

DRILL_PART = "drill_database"
"""The part of the target fly with the address of the database that a drill may damage."""
DRILL_MARK = "launch_drill"
"""The schema by which a live database says that it is there to be damaged."""


def open_fly(context: Context[DeployRehearsal], app: str | None = None) -> Fly:
    """Return flyctl for the app of this environment, or for another."""
    return Fly(
        program=context.programs.flyctl,
        app=app or context.settings.app,
        timeout_s=context.settings.command_timeout_s,
        folder=context.pack,
        token=context.service("fly").parts["token"] or None,
    )


def find_refusal(context: Context[DeployRehearsal], app: str) -> Refusal | None:
    """Return why this app may not be deployed to, None when it may."""
    if app in context.settings.production_apps and not context.production_writes_allowed:
        return Refusal(
            reason=f"{app} is production's: nothing was deployed.", fix="Set ALLOW_WRITES=production to rehearse there."
        )
    refusal = (
        context.refusals.get(Act.DEPLOY)
        or find_closed_window(context)
        or ("database" not in context.missing and refuse_unpushed(context))
    )
    return Refusal(reason=f"Nothing was deployed to {app}. {refusal.reason}", fix=refusal.fix) if refusal else None


def find_closed_window(context: Context[DeployRehearsal]) -> Refusal | None:
    """Return why no deploy to a live app may begin at this moment, None when one may."""
    window, now = context.settings.window, read_clock()
    if window is None or "fly" in context.embedded or find_opening(window, now):
        return None
    return Refusal(
        reason=f"The deployment window is closed. {describe_next(window, now)}", fix=f"See {WITHIN_DEPLOYMENT_WINDOW.id}."
    )


def find_drill_refusal(context: Context[DeployRehearsal]) -> Refusal | None:
    """Return why no app and database may be damaged, None when both may. Raises DatabaseError when that can't be asked.

    Production never may, by any switch: fixtures are refused there, too. A live database must say itself that it may, as the
    app's own credential for it can't be read.
    """
    app, url = context.settings.previous_schema_app, drill_url(context)
    if not app:
        return Refusal(
            reason="No app is there to be damaged.",
            fix="Create one with a database one release behind, and name it in deploy_rehearsal.previous_schema_app.",
        )
    if app in context.settings.production_apps:
        return Refusal(reason="Production is never damaged on purpose.", fix="Run the drill on staging.")
    if refusal := find_refusal(context, app) or context.refusals.get(Act.FIXTURES):
        return Refusal(reason=f"Nothing was damaged. {refusal.reason}", fix=refusal.fix)
    if not url:
        return Refusal(
            reason=f"No database of {app} is named that may be damaged.",
            fix=f"Name its address in `targets.fly.{DRILL_PART}` of params/{context.environment}.yaml, as ${{NAME}}.",
        )
    if "fly" in context.embedded:
        return None
    database = Database(url)
    if (database.host, database.port, database.name) == (context.target.host, context.target.port, context.target.name):
        return Refusal(reason="The database of the drill is the one under launch.", fix=f"Give {app} a database of its own.")
    if not database.value("select to_regnamespace(:name) is not null", name=DRILL_MARK):
        return Refusal(
            reason=f"The database of {app} does not say that it may be damaged.",
            fix=f"If it may, run there: create schema {DRILL_MARK}",
        )
    return None


def drill_url(context: Context[DeployRehearsal]) -> str:
    """Return the address of the database that a drill may damage; '' where none is named."""
    return context.service("fly").parts.get(DRILL_PART, "")
