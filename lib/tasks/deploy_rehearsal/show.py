"""The commands of a deploy and its rollback, as a page shows them."""

from __future__ import annotations

from lib.clients.fly.flyctl import (
    deploy_argv,
)
from lib.tasks.deploy_rehearsal.rehearsal import DeployPlan
from lib.transport.process import format_argv


def format_commands(deploy_plan: DeployPlan | None) -> str:
    """Return the two commands in full, as a person pastes them in the pack's folder."""
    if deploy_plan is None:
        return "No command: what runs now could not be determined."
    plan = deploy_plan.plan
    words = deploy_argv(plan.fly, plan.config, image=plan.image, strategy=plan.strategy, wait_s=plan.health_timeout_s)
    return f"Deploy:\n  {break_options(format_argv(words))}\nRollback:\n  {break_options(plan.rollback.display_name)}"


def break_options(command: str) -> str:
    """Return a command with each option on a line of its own, still one command when pasted."""
    return command.replace(" --", " \\\n      --")
