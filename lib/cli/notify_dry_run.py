"""Send one message the way a failure would be told, and show that it arrived."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lib.clients.notifier import deliver, judge_delivery
from lib.clients.notifier_example import example_plan
from lib.core.errors import ParamsError
from lib.core.redact import register_secrets
from lib.core.results import Findings, Outcome
from lib.core.wording import outcome_symbol, outcome_word, refusal_of_rehearsal, rehearsal_opening, say_not_set, split_detail
from lib.evidence.log import append_line, keep_artifacts, line_of
from lib.run.params import Params, is_strict, load_params
from lib.run.run_file import RunFile, world_of
from lib.run.stack import clean_up_leftovers, new_run_id, stand_up_targets
from lib.tasks.index import every_check

CHECK = "health.notification_delivered"
EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.ERROR: 2}


def notify_dry_run(environment: str, *, rendered: Path) -> int:
    """Deliver a marked message, keep it as received, print where, and return the exit code.

    It is no run: it moves no `latest`, and uses up no failure episode.
    Raises ParamsError when the environment can't be understood, or its mail target is not set.
    """
    params = load_params(environment)
    if params.rehearsal and params.rehearsed_for and is_strict():
        raise ParamsError(refusal_of_rehearsal(environment, params.rehearsed_for))
    if "mail" in params.missing:
        raise ParamsError(f"{say_not_set(params.missing['mail'], environment)}. Next: set what is missing.")
    if "mail" not in params.addresses:
        print(rehearsal_opening(environment, params.rehearsed_for))
    clean_up_leftovers()
    started_at = datetime.now(UTC)
    run_id = new_run_id(started_at)
    folder = rendered / environment / "dry_runs" / run_id
    folder.mkdir(parents=True)
    with stand_up_targets(params, {"mail"}, run_id=run_id, run_folder=folder, rendered=rendered, tasks=("health",)) as run:
        register_secrets(run.secrets)
        findings = send(params, run)
        keep(run, findings, started_at)
    return say(findings, params, folder)


def send(params: Params, run: RunFile) -> Findings:
    """Return what came of handing the message in."""
    world = world_of(run, "health", {})
    evidence = params.sections["health"].evidence_url or run.run_folder.as_uri()
    delivery = deliver(world, example_plan(run.run_id), evidence=evidence, mail_works=True)
    return Findings(results=[judge_delivery(CHECK, delivery)], rows=delivery.rows, artifacts=delivery.artifacts)


def keep(run: RunFile, findings: Findings, started_at: datetime) -> None:
    """Keep the result and the message in the dry run's own folder."""
    check = every_check()[CHECK]
    artifacts = keep_artifacts(run.run_folder, check.task, findings.artifacts)
    line = line_of(
        findings.results[0],
        check,
        run_id=run.run_id,
        environment=run.environment,
        provenance=run.provenance_of(check),
        started_at=started_at,
        duration_s=(datetime.now(UTC) - started_at).total_seconds(),
        artifacts=artifacts,
    )
    append_line(run.run_folder, line)


def say(findings: Findings, params: Params, folder: Path) -> int:
    """Print which way took the message and where it is kept; return the exit code."""
    [result] = findings.results
    stays = "" if "mail" in params.addresses else " (by the local mail server: nothing left this machine)"
    for row in findings.rows:
        outcome = Outcome(row["result"])
        print(f"{outcome_symbol(outcome)} {row['way']} to {row['to']}: {outcome_word(outcome)}{stays}")
    seen, move = split_detail(result.detail)
    for line in filter(None, (seen, f"Next: {move}" if move else "")):
        print(line)
    sent = "as received" if "mail" not in params.addresses else "as sent"
    print(f"The message {sent}: {folder / 'artifacts' / 'health' / 'notification.eml'}")
    return EXIT_CODES[result.outcome]
