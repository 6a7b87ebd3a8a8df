"""What the front page says first: what stops the launch and who acts, what to run next, what changed, how real it was. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lib.core.make_commands import make_command
from lib.core.results import Outcome, Provenance
from lib.core.verdict import Verdict
from lib.core.wording import join_words
from lib.reporters.acting import Cause, find_causes, next_command, pack_words
from lib.reporters.comparison import RANK
from lib.reporters.html.model import CauseRow, FirstScreen, NextStep, SinceLast
from lib.reporters.nearness import describe_flips
from lib.reporters.report import RunReport
from lib.run.waivers import CameTo
from lib.tasks.index import every_check

MOST_CAUSES = 3
"""Causes on the first screen; the section below has all."""
MOST_VARIABLES = 3


def first_screen(report: RunReport) -> FirstScreen:
    """Return what the front page says before anything else."""
    causes = [one for one in find_causes(report) if one.first.gate and one.first.check not in report.proved]
    return FirstScreen(
        causes=tuple(cause_row(one) for one in causes[:MOST_CAUSES]),
        more_causes=len(causes[MOST_CAUSES:]),
        next_step=next_step(report, causes),
        since=since_last(report),
        realness=realness_of(report),
        nearness=tuple(describe_flips(report.flips, report.verdict)),
    )


def cause_row(cause: Cause) -> CauseRow:
    """Return one cause as the page shows it."""
    line, titles = cause.first, every_check()
    return CauseRow(
        check=line.check,
        title=titles[line.check].title if line.check in titles else line.check,
        outcome=line.result,
        seen=line.detail,
        owner=cause.owner,
        waiting=len(cause.lines) - 1 + len(cause.waiting),
        page=f"{line.task}.html#{line.check}" if line.task != "readiness_summary" else "index.html#story",
    )


def realness_of(report: RunReport) -> dict[Provenance, int]:
    """Return how many gates passed where, the most real first; what another environment's run proved counts as there."""
    judged = [report.proved.get(line.check, line.judged) for line in report.lines]
    counts = Counter(one.provenance for one in judged if one.gate and one.outcome is Outcome.PASS)
    return {where: counts[where] for where in Provenance if counts[where]}


def since_last(report: RunReport) -> SinceLast | None:
    """Return the comparable run before this one, and how much is better and worse; None without one."""
    if report.previous is None or report.changes is None:
        return None
    turns = [RANK[Outcome(row["now"])] - RANK[Outcome(row["before"])] for row in report.changes]
    return SinceLast(
        run_id=report.previous,
        started_at=report.previous_at.isoformat() if report.previous_at else "",
        is_here=(report.run.run_folder.parent / report.previous / "index.html").exists(),
        better=sum(turn > 0 for turn in turns),
        worse=sum(turn < 0 for turn in turns),
    )


def next_step(report: RunReport, causes: list[Cause]) -> NextStep:
    """Return what to do next, and the command that does it."""
    outcome, pack = report.outcome, pack_words(report)
    if outcome.leaks:
        return NextStep(words="Remove this run, keep the credential from being printed, and run again.")
    if not outcome.finished:
        return NextStep(words="The run was cut off. Finish it:", command=make_command("resume", RUN=report.run.run_id))
    match report.verdict:
        case Verdict.NO_GO | Verdict.BLOCKED:
            words = "Mend what stops it, then look again:" if causes else "Run it again:"
            tasks = list(dict.fromkeys(task for cause in causes for task in cause.tasks))
            return NextStep(words=words, command=next_command(report, tasks))
        case Verdict.PARTIAL:
            return next_of_partial(report, pack)
        case Verdict.REHEARSED:
            return go_live(report, pack)
        case _:
            words = "Anyone with the signing key's public half can check what this says:"
            return NextStep(words=words, command=make_command("verify", RUN=report.run.run_id, PACK=pack))


def next_of_partial(report: RunReport, pack: str) -> NextStep:
    """Return what makes a partial run whole: confirm, be allowed, or run the rest."""
    environment = report.run.environment
    if report.run.unconfirmed:
        return NextStep(words="Say of each inferred expectation whether it is meant:", command=make_command("confirm", PACK=pack))
    if report.untried:
        promotes = report.run.promotes_from
        if promotes is not None:
            words = f"Prove on {promotes.environment}, with the same commit, what may not be tried in {environment}:"
            return NextStep(words=words, command=make_command("readiness", ENV=promotes.environment, PACK=pack))
        return NextStep(words=join_words(list(dict.fromkeys(fixes_of(report)))[:2]))
    if report.outcome.partial:
        return NextStep(words="Run every task:", command=make_command("readiness", ENV=environment, PACK=pack))
    if report.reused:
        words = "Look at every task anew, without REUSE:"
        return NextStep(words=words, command=make_command("readiness", ENV=environment, PACK=pack))
    owners = list(dict.fromkeys(one.who for one in report.waived.that(CameTo.COVERS)))
    return NextStep(words=f"Mend what is waived. Who took it upon themselves: {join_words(owners)}." if owners else "")


def fixes_of(report: RunReport) -> Iterator[str]:
    """Yield what would allow each gate that was not tried."""
    for line in report.untried:
        yield from line.fix


def go_live(report: RunReport, pack: str) -> NextStep:
    """Return what to set so that the live services are looked at."""
    environment, wanted = report.run.environment, report.outcome.rehearsed_for
    if not wanted:
        words = "To go live, set the variables that params/staging.yaml names, then:"
        return NextStep(words=words, command=make_command("readiness", ENV="staging", PACK=pack))
    named = join_words([*wanted[:MOST_VARIABLES], *([f"{len(wanted) - MOST_VARIABLES} more"] if wanted[MOST_VARIABLES:] else [])])
    words = f"To go live, set {named} (params/{environment}.yaml says what each is), then:"
    return NextStep(words=words, command=make_command("readiness", ENV=environment, PACK=pack), names=wanted)
