"""`make replay POLICY=... ENV=...`: every kept run of a project's environment, decided again under another policy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lib.core.errors import WorkbookError
from lib.core.make_commands import make_command
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, join_words
from lib.evidence.decisions import list_decisions
from lib.evidence.history import open_history
from lib.run.older_layout import open_rendered
from lib.run.params import history_url, load_params
from lib.run.policy import AS_IT_WAS, load_policy
from lib.run.replay import Replayed, replay

MOST_SHOWN = 40
"""Runs that are listed, the newest first."""
MOST_REASONS = 4


def replay_runs(environment: str, *, policy: str, pack: str | None, rendered: Path) -> int:
    """Print which kept runs would have been decided otherwise, and why; return 0: what was decided stays as it is.

    policy: the file; '' for none: then the rules of today alone. Raises WorkbookError without a run.
    """
    rules = load_policy(Path(policy)) if policy else AS_IT_WAS
    params = load_params(environment, pack=pack)
    project = open_rendered(rendered, params.pack)
    decisions, unknown = list_decisions(
        open_history(rendered, history_url()), rendered / project / environment, project, environment
    )
    if not decisions:
        raise WorkbookError(
            f"There is no kept run of {project} in {environment} to decide again.",
            fix=f"Run `{make_command('readiness', ENV=environment)}` first.",
        )
    found = replay(decisions, rules)
    print_replayed(found, environment=environment, policy=Path(policy).name if policy else "today's rules")
    if unknown:
        say(plain_line(f"Too little is kept of {format_count(len(unknown), 'run')}: {join_words(unknown[:5])}."))
    return 0


def print_replayed(found: list[Replayed], *, environment: str, policy: str) -> None:
    """Print the runs that come out otherwise, the newest first, and how many there are of each change."""
    otherwise = [one for one in reversed(found) if one.is_otherwise]
    for one in otherwise[:MOST_SHOWN]:
        say(plain_line(f"{one.decision.run_id}  {one.then} → {one.now}"))
        for reason in one.reasons[:MOST_REASONS]:
            say(plain_line(f"    {reason}"))
        if one.reasons[MOST_REASONS:]:
            say(f"    And {len(one.reasons) - MOST_REASONS:,} more.")
    if otherwise[MOST_SHOWN:]:
        say(f"And {len(otherwise) - MOST_SHOWN:,} older runs.")
    turns = Counter((one.then, one.now) for one in otherwise)
    said = [f"{many:,} from {then} to {now}" for (then, now), many in turns.most_common()]
    total = format_count(len(found), "run")
    ending = f": {join_words(said)}" if said else ""
    say(plain_line(f"{len(otherwise):,} of {total} of {environment} would have been decided otherwise under {policy}{ending}."))
