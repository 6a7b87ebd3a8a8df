"""`make sync-credentials` and the operator's own tools: what the vault has, brought to where it is needed.

A dry run unless APPLY=1; production needs ALLOW_WRITES=production besides. In a rehearsal the targets start without any of
the declared credentials, so that there is something to set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

from lib.clients.fly.digest_notes import notes_path, read_notes, write_notes
from lib.clients.vault.declared import VaultCopy, open_vault, open_world_vault, read_copy
from lib.core.errors import ParamsError, TargetError
from lib.core.paths import ROOT
from lib.core.redact import register_secrets, strike
from lib.core.wording import refusal_of_rehearsal, rehearsal_opening, show_count
from lib.display.tables import show_table
from lib.run.params import Params, is_apply, is_strict, load_params, with_variables
from lib.run.run_file import RunFile, world_of
from lib.run.signals import Stopped, heeding_signals
from lib.run.stack import clean_up_leftovers, new_run_id, stand_up_targets
from lib.tasks.credentials import audit as stores
from lib.tasks.credentials.sync import Done, Outcome, Setter, Step, carry_out, plan_problems, plan_steps
from lib.transport.context import World

FAILED = 1
REFUSED = 2


def say(line: str, *, where: object = None) -> None:
    """Print one line without any credential, at once."""
    print(strike(line), file=where or sys.stdout, flush=True)  # type: ignore[arg-type]


def sync_credentials(environment: str, *, pack: str | None) -> int:
    """Plan a sync, carry it out if APPLY=1, and return the exit code: 0 done or planned, 1 something failed, 2 refused.

    Raises ParamsError or TargetError before anything is set when the plan can't be made.
    """
    params = load_params(environment, pack=pack)
    if params.rehearsal and params.rehearsed_for and is_strict():
        say(refusal_of_rehearsal(environment, params.rehearsed_for), where=sys.stderr)
        return REFUSED
    if params.rehearsal:
        say(rehearsal_opening(environment, params.rehearsed_for))
    clean_up_leftovers()
    try:
        with heeding_signals(), stand_up_for_sync(params) as run:
            register_secrets(run.secrets)
            return plan_and_set(params, world_of(run, "credentials", {}))
    except Stopped as stop:
        say("Stopped. What is listed above as set was set, and nothing else.", where=sys.stderr)
        return stop.exit_code


def stand_up_for_sync(params: Params) -> AbstractContextManager[RunFile]:
    """Return a stack of vault, Fly.io and GitHub, to be entered; what stands in for the two has nothing declared yet."""
    settings, embedded = params.sections["credentials"], params.embedded
    nothing = {target: list(settings.declared) for target in ("fly", "github_environment", "github_repository")}
    bare = embedded.model_copy(update={"credentials": embedded.credentials.model_copy(update={"lacking": nothing})})
    rendered = ROOT / "rendered"
    return stand_up_targets(
        replace(params, embedded=bare),
        {"vault", "fly", "github"},
        run_id=new_run_id(datetime.now(UTC)),
        run_folder=rendered / params.environment,
        rendered=rendered,
        tasks=(),
    )


def plan_and_set(params: Params, world: World) -> int:
    """Show the plan, carry it out where that is allowed, and return the exit code."""
    settings = world.settings
    copy = read_copy(open_world_vault(world, settings.vault_path), settings)
    setter = Setter(
        fly=stores.open_credentials_fly(world), github=stores.open_github(world), environment=settings.github_environment
    )
    steps = make_plan(world, setter, copy)
    if not steps:
        say(f"Nothing to set: every target of {params.environment} has what the vault has.")
        return 0
    rows = [{"credential": step.name, "where": step.where, "why": step.why} for step in steps]
    say(str(show_table(rows, f"The plan for {params.environment}", limit=len(rows))))
    problems = plan_problems(steps, copy.real(settings.placeholders))
    if problems:
        say("\n".join(["Nothing was set, for not everything could be:", *problems]), where=sys.stderr)
        return FAILED
    if not is_apply():
        say(
            f"Dry run: nothing was set. APPLY=1 sets {'this one' if len(steps) == 1 else f'these {len(steps)}'}, "
            "staged on Fly.io."
        )
        return 0
    refusal = refuse(params, world)
    if refusal:
        say(refusal, where=sys.stderr)
        return REFUSED
    return tell_all(steps, copy, setter, world)


def make_plan(world: World, setter: Setter, copy: VaultCopy) -> list[Step]:
    """Return what differs, as the audit of 05_credentials finds it."""
    assert setter.fly is not None and setter.github is not None
    times = {name: value.changed_at for name, value in copy.real(world.settings.placeholders).items()}
    notes = read_notes(notes_path(world))
    drifts = [("fly", drift) for drift in stores.audit_fly(setter.fly, world.settings, times, notes)]
    return plan_steps([*drifts, *stores.audit_github(setter.github, world.settings, times)])


def refuse(params: Params, world: World) -> str:
    """Return why this environment may not be written to, '' when it may."""
    is_production = (
        params.environment == "production" or world.settings.fly_app in world.sections["deploy_rehearsal"].production_apps
    )
    if params.rehearsal or not is_production or params.production_writes_allowed:
        return ""
    return (
        f"Nothing was set: {params.environment} reaches production, where APPLY=1 is not enough. "
        "Next: run it with ALLOW_WRITES=production, too."
    )


def tell_all(steps: Sequence[Step], copy: VaultCopy, setter: Setter, world: World) -> int:
    """Set one value after the other, saying of each what became of it, and return the exit code."""
    path = notes_path(world)
    notes = read_notes(path)
    finished: list[Done] = []
    for done in carry_out(steps, copy.values, setter):
        finished.append(done)
        say(f"  {done.outcome.value}: {done.step.name} ({done.step.where}){'. ' + done.said if done.said else ''}")
        if done.noted is not None:
            notes[done.step.name] = done.noted
            write_notes(path, notes)
    were_set = sum(one.outcome is Outcome.SET for one in finished)
    if were_set == len(steps):
        say(
            f"{show_count(were_set, 'value')} set and read back. "
            "Fly.io's are staged: the next deploy brings them to the machines."
        )
        return 0
    left = sum(one.outcome is Outcome.NOT_TRIED for one in finished)
    say(
        f"Stopped at the first failure: {were_set} of {len(steps)} set, {left} not tried. "
        "Next: mend that one and run again; what is set stays set."
    )
    return FAILED


def load_credentials(environment: str, command: Sequence[str], *, pack: str | None) -> int:
    """Become the given command, with the credentials that params declare for `mcp` in its environment and nowhere else.

    Raises ParamsError when no command is given, TargetError when the vault lacks one of them. Returns only to say that
    the command can't be started.
    """
    if not command:
        raise ParamsError("There is no command to start. Next: name one after `--`, such as `-- npx my-mcp-server`.")
    params = load_params(environment, pack=pack)
    settings = params.sections["credentials"]
    parts = params.addresses.get("vault") or {"url": str(params.pack / settings.vault_folder), "token": ""}
    copy = read_copy(open_vault(parts, settings, pack=params.pack, path=settings.vault_path), settings)
    real = copy.real(settings.placeholders)
    wanted = [one.name for one in copy.wanted if "mcp" in one.needed_by]
    missing = [name for name in wanted if name not in real or "\0" in real[name].value]
    if missing or not wanted:
        raise TargetError(
            f"The vault has no usable value for {', '.join(missing)}. Next: put it there."
            if missing
            else "No credential is declared for `mcp`. Next: add it to `needed_by` of those that it needs."
        )
    try:
        os.execvpe(command[0], list(command), with_variables({name: real[name].value for name in wanted}))
    except OSError as exc:
        raise ParamsError(
            f"{command[0]} can't be started: {exc.strerror}. Next: check its name and that it is on PATH."
        ) from None
