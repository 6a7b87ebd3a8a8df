"""Send one message the way a person would be notified of a failure, and show that it arrived."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lib.clients.notifier import deliver, judge_delivery
from lib.clients.notifier_example import example_plan
from lib.core.errors import ParamsError, TargetError
from lib.core.redact import register_secrets
from lib.core.results import Findings, Outcome
from lib.core.visible import plain_line, say
from lib.core.wording import format_not_set, outcome_symbol, outcome_word, refusal_of_rehearsal, rehearsal_opening
from lib.evidence.log import append_line, keep_artifacts, line_of
from lib.run.older_layout import open_rendered
from lib.run.params import Params, is_strict, load_params
from lib.run.run_file import RunFile, context_of
from lib.run.stack import clean_up_leftovers, new_run_id, start_stack_for
from lib.tasks.health.task import NOTIFICATION_DELIVERED, Health

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.ERROR: 2}


def notify_dry_run(environment: str, *, rendered: Path, pack: str | None = None) -> int:
    """Deliver a marked message, keep it as received, print where, and return the exit code.

    It is not a run: it moves no `latest`, and changes no incident.
    Raises ParamsError when the environment is unknown, TargetError when its mail target is not set.
    """
    params = load_params(environment, pack=pack)
    if params.rehearsal and params.rehearsed_for and is_strict():
        raise ParamsError(refusal_of_rehearsal(environment, params.rehearsed_for))
    for name in ("mail", "health"):
        if name in params.not_applicable:
            said = f"launch/project.yaml says that {name} does not apply: {params.not_applicable[name]}"
            raise ParamsError(f"{said}, so nobody is notified. Fix: Remove that line first.")
    if "mail" in params.missing:
        raise TargetError(f"{format_not_set(params.missing['mail'], environment)}.", fix="Set what is missing.")
    if "mail" not in params.addresses:
        say(rehearsal_opening(environment, params.rehearsed_for))
    clean_up_leftovers()
    started_at = datetime.now(UTC)
    run_id = new_run_id(started_at)
    project = open_rendered(rendered, params.pack)
    folder = rendered / project / environment / "dry_runs" / run_id
    folder.mkdir(parents=True)
    about = {"run_id": run_id, "project": project, "run_folder": folder, "rendered": rendered, "tasks": ("health",)}
    with start_stack_for(params, {"mail"}, about=about) as run:
        register_secrets(run.secrets)
        findings = send(params, run)
        keep(run, findings, started_at)
    return print_outcome(findings, params, folder)


def send(params: Params, run: RunFile) -> Findings[None]:
    """Return what came of handing the message in."""
    context = context_of(run, "health", {}).narrow(Health)
    settings = context.settings
    delivery = deliver(
        context.service("mail").parts,
        example_plan(run.run_id),
        environment=context.environment,
        evidence=params.sections["health"].evidence_url or run.run_folder.as_uri(),
        sender=settings.notify_from,
        recipients=settings.notify_to,
        timeout_s=settings.timeout_s,
        mail_works=True,
        webhook_format=settings.notify_format,
    )
    return Findings(results=[judge_delivery(NOTIFICATION_DELIVERED, delivery)], rows=delivery.rows, artifacts=delivery.artifacts)


def keep(run: RunFile, findings: Findings[None], started_at: datetime) -> None:
    """Keep the result and the message in the dry run's own folder."""
    check = NOTIFICATION_DELIVERED
    artifacts = keep_artifacts(run.run_folder, check.task, findings.artifacts)
    line = line_of(
        findings.results[0],
        check,
        run_id=run.run_id,
        project=run.project,
        environment=run.environment,
        provenance=run.provenance_of(check),
        started_at=started_at,
        duration_s=(datetime.now(UTC) - started_at).total_seconds(),
        artifacts=artifacts,
    )
    append_line(run.run_folder, line)


def print_outcome(findings: Findings[None], params: Params, folder: Path) -> int:
    """Print which way took the message and where it is kept; return the exit code."""
    [result] = findings.results
    stays = "" if "mail" in params.addresses else " (by the local mail server: nothing left this machine)"
    for row in findings.rows:
        outcome = Outcome(row["result"])
        say(f"{outcome_symbol(outcome)} {row['way']} to {plain_line(str(row['to']))}: {outcome_word(outcome)}{stays}")
    for line in filter(None, (result.detail, *(f"Fix: {one}" for one in result.fix))):
        say(plain_line(line))
    sent = "as received" if "mail" not in params.addresses else "as sent"
    say(f"The message {sent}: {folder / 'artifacts' / 'health' / 'notification.eml'}")
    return EXIT_CODES[result.outcome]
