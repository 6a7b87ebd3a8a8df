"""`make sync-credentials` and the operator's own tools: what the vault has, copied to where it is needed.

A dry run unless APPLY=1; production needs ALLOW_WRITES=production as well. In a rehearsal the targets start without any of
the declared credentials, so that there is something to set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TextIO

from lib.clients.fly.digest_notes import read_notes, write_notes
from lib.clients.fly.flyctl import Fly
from lib.clients.github import GitHub
from lib.clients.vault.declared import Credentials
from lib.clients.vault.vault_copy import VaultCopy, open_vault, read_copy
from lib.core.errors import CommandError, ParamsError, TargetError
from lib.core.paths import ROOT
from lib.core.permissions import Act
from lib.core.redact import register_secrets
from lib.core.visible import say
from lib.core.wording import format_count, refusal_of_rehearsal, rehearsal_opening
from lib.display.tables import make_table
from lib.run.known_credentials import know_credentials
from lib.run.older_layout import open_rendered
from lib.run.params import Params, is_apply, is_strict, load_params, with_variables
from lib.run.production import is_production
from lib.run.run_file import RunFile, context_of
from lib.run.signals import Interrupted, handle_signals
from lib.run.stack import clean_up_leftovers, new_run_id, start_stack_for
from lib.tasks.credentials import audit as stores
from lib.tasks.credentials.sync import Done, Outcome, Setter, Step, carry_out, plan_problems, plan_steps
from lib.transport.context import Context

FAILED = 1
REFUSED = 2


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Where credentials are set: the Fly app and the repository on GitHub, both known."""

    fly: Fly
    github: GitHub


def print_redacted(line: str, *, where: TextIO | None = None) -> None:
    """Print one line without any credential, at once."""
    say(line, to=where)


def sync_credentials(environment: str, *, pack: str | None) -> int:
    """Plan a sync, carry it out if APPLY=1, and return the exit code: 0 done or planned, 1 something failed, 2 refused.

    Raises ParamsError or TargetError before anything is set when the plan cannot be made.
    """
    params = load_params(environment, pack=pack)
    require_applies(params)
    know_credentials(params)
    if params.rehearsal and params.rehearsed_for and is_strict():
        print_redacted(refusal_of_rehearsal(environment, params.rehearsed_for), where=sys.stderr)
        return REFUSED
    if params.rehearsal:
        print_redacted(rehearsal_opening(environment, params.rehearsed_for))
    clean_up_leftovers()
    try:
        with handle_signals(), start_stack_for_sync(params) as run:
            register_secrets(run.secrets)
            return plan_and_set(params, context_of(run, "credentials", {}).narrow(Credentials))
    except Interrupted as stop:
        print_redacted("Interrupted. What is listed above as set was set, and nothing else.", where=sys.stderr)
        return stop.exit_code


def start_stack_for_sync(params: Params) -> AbstractContextManager[RunFile]:
    """Return a stack of vault, Fly.io and GitHub, to be entered; the stand-ins of the last two have nothing declared yet."""
    settings, embedded = params.sections["credentials"], params.embedded
    nothing = {target: list(settings.declared) for target in ("fly", "github_environment", "github_repository")}
    bare = embedded.model_copy(update={"credentials": embedded.credentials.model_copy(update={"lacking": nothing})})
    rendered = ROOT / "rendered"
    project = open_rendered(rendered, params.pack)
    return start_stack_for(
        replace(params, embedded=bare),
        {"vault", "fly", "github"},
        about={
            "run_id": new_run_id(datetime.now(UTC)),
            "project": project,
            "run_folder": rendered / project / params.environment,
            "rendered": rendered,
            "tasks": (),
        },
    )


def plan_and_set(params: Params, context: Context[Credentials]) -> int:
    """Print the plan, carry it out where that is allowed, and return the exit code."""
    settings = context.settings
    copy = read_copy(stores.open_environment(context, settings.vault_path), settings)
    targets = Targets(fly=stores.open_credentials_fly(context), github=stores.open_github(context))
    steps = make_plan(context, targets, copy)
    if not steps:
        print_redacted(f"Nothing to set: every target of {params.environment} has what the vault has.")
        return 0
    rows = [{"credential": step.name, "where": step.where, "why": step.why} for step in steps]
    print_redacted(str(make_table(rows, f"The plan for {params.environment}", limit=len(rows))))
    problems = plan_problems(steps, copy.real(settings.placeholders))
    if problems:
        print_redacted("\n".join(["Nothing was set, because not everything could be:", *problems]), where=sys.stderr)
        return FAILED
    if not is_apply():
        print_redacted(
            f"Dry run: nothing was set. APPLY=1 sets {'this one' if len(steps) == 1 else f'these {len(steps)}'}, "
            "staged on Fly.io."
        )
        return 0
    refusal = refuse(params, context)
    if refusal:
        print_redacted(refusal, where=sys.stderr)
        return REFUSED
    setter = Setter(fly=targets.fly, github=targets.github, environment=settings.github_environment)
    return set_all(steps, copy, setter, context)


def require_applies(params: Params) -> None:
    """Raise ParamsError where the project says that it has no credentials to bring anywhere."""
    reason = params.not_applicable.get("credentials")
    if reason:
        raise ParamsError(f"launch/project.yaml says that credentials does not apply: {reason}. Fix: Remove that line first.")


def make_plan(context: Context[Credentials], targets: Targets, copy: VaultCopy) -> list[Step]:
    """Return what differs, as the audit of 05_credentials finds it."""
    times = {name: value.changed_at for name, value in copy.real(context.settings.placeholders).items()}
    notes = read_notes(stores.notes_path(context))
    drifts = [("fly", drift) for drift in stores.audit_fly(targets.fly, context.settings, times, notes)]
    return plan_steps([*drifts, *stores.audit_github(targets.github, context.settings, times)])


def refuse(params: Params, context: Context[Credentials]) -> str:
    """Return why this environment may not be written to, and the fix, '' when it may."""
    if not params.rehearsal and Act.CREDENTIALS not in params.granted:
        return (
            f"Nothing was set: `writes` of {params.environment} does not list credentials.\n"
            f"Fix: Add credentials to `writes` in {params.file}, if they may be set there."
        )
    production_apps = params.sections["deploy_rehearsal"].production_apps
    # A project that names no production app leaves it open which are: each counts as one.
    is_named = not production_apps or context.settings.fly_app in production_apps
    reaches_production = is_production(params.environment) or is_named
    if params.rehearsal or not reaches_production or params.production_writes_allowed:
        return ""
    return (
        f"Nothing was set: {params.environment} reaches production, where APPLY=1 is not enough.\n"
        "Fix: Run it with ALLOW_WRITES=production, too."
    )


def set_all(steps: Sequence[Step], copy: VaultCopy, setter: Setter, context: Context[Credentials]) -> int:
    """Set one value after the other, print what became of each, and return the exit code."""
    path = stores.notes_path(context)
    notes = read_notes(path)
    finished: list[Done] = []
    for done in carry_out(steps, copy.values, setter):
        finished.append(done)
        print_redacted(
            f"  {done.outcome.value}: {done.step.name} ({done.step.where}){'. ' + done.failure if done.failure else ''}"
        )
        if done.last_synced is not None:
            notes[done.step.name] = done.last_synced
            write_notes(path, notes)
    were_set = sum(one.outcome is Outcome.SET for one in finished)
    if were_set == len(steps):
        print_redacted(
            f"{format_count(were_set, 'value')} set and read back. Those on Fly.io are staged: the next deploy activates them."
        )
        return 0
    left = sum(one.outcome is Outcome.NOT_TRIED for one in finished)
    print_redacted(
        f"Interrupted at the first failure: {were_set} of {len(steps)} set, {left} not tried.\n"
        "Fix: Correct that one and run again; what is set stays set."
    )
    return FAILED


def load_credentials(environment: str, command: Sequence[str], *, pack: str | None) -> int:
    """Become the given command, with the credentials that params declare for `mcp` in its environment and nowhere else.

    Raises ParamsError when no command is given, TargetError when the vault lacks one of them. CommandError when the
    command cannot be started; it does not return otherwise.
    """
    if not command:
        raise ParamsError("There is no command to start: name one after `--`, such as `-- npx my-mcp-server`.")
    params = load_params(environment, pack=pack)
    require_applies(params)
    know_credentials(params)
    settings = params.sections["credentials"]
    parts = params.addresses.get("vault") or {"url": str(params.pack / settings.vault_folder), "token": ""}
    copy = read_copy(open_vault(parts, settings, pack=params.pack, path=settings.vault_path), settings)
    real = copy.real(settings.placeholders)
    wanted = [one.name for one in copy.declared if "mcp" in one.needed_by]
    missing = [name for name in wanted if name not in real or "\0" in real[name].value]
    if missing or not wanted:
        if not wanted:
            raise TargetError(
                "No credential is declared for `mcp`.", fix="Add `mcp` to `needed_by` of the credentials that it needs."
            )
        raise TargetError(
            f"The vault has no usable value for {', '.join(missing)}.", fix=f"Put {', '.join(missing)} into the vault."
        )
    try:
        os.execvpe(command[0], list(command), with_variables({name: real[name].value for name in wanted}))
    except OSError as exc:
        raise CommandError(
            f"{command[0]} cannot be started: {exc.strerror}.", fix=f"Check that {command[0]} is on PATH."
        ) from None
