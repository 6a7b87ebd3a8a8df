"""`make guardrails`: a branch compared with the project's own policy in seconds, with nothing started for it.

Without PACK this checkout is looked at, and where the branch touches the sample pack, that too: it has a policy of its
own. The looks are those of 09_guardrails, without the project's own commands, which CI runs by themselves.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lib.core.make_commands import USUAL_ENVIRONMENT, complete_commands
from lib.core.paths import ROOT
from lib.core.results import Findings, Outcome, Provenance, Result
from lib.core.verdict import GateInput, Verdict, decide
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_value, outcome_symbol, outcome_word, plain_text, skip_word
from lib.run.known_credentials import know_credentials
from lib.run.params import Params, load_params
from lib.run.run_file import NOT_STARTED
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import CHECKS, TASK, Guardrails
from lib.transport.context import Context, Programs
from lib.transport.database import Database

SAID = {
    Verdict.GO: "This branch meets the policy.",
    Verdict.NO_GO: "This branch does not meet the policy.",
    Verdict.BLOCKED: "Not everything could be determined, and unknown is not a pass.",
}
NOTHING_APPLIES = "No rule applies to this project, as it says itself, so nothing was checked."
TITLES = {check.id: check.title for check in CHECKS}
LATER_LOOKS = (
    guardrails.look_for_secrets,
    guardrails.look_at_markdown,
    guardrails.look_at_workflows,
    guardrails.look_at_scope,
)
"""The looks that take the branch which the first one found."""
DIRECTION_LOOKS = (guardrails.look_at_direction, guardrails.look_at_links)
"""The looks at files alone."""


def guard_branch(environment: str, *, base: str, pack: str | None) -> int:
    """Print which rules the branch meets, and return the exit code: 0 all, 1 not all, 2 not all could be determined.

    base: '' for the one in params. pack: the project to look at instead of this checkout.
    """
    params = load_params(environment, pack=pack, is_bare=True)
    know_credentials(params)
    changes = {"base": base} if base.strip() else {}
    results, guarded = look_at_project(params, params.pack if pack else ROOT, changes)
    if not pack and guarded is not None and has_changed(guarded, params.pack):
        results += look_at_project(params, params.pack, changes)[0]
    verdict = decide(judged(one) for one in results)
    counts = {outcome: sum(one.outcome is outcome for one in results) for outcome in (Outcome.FAIL, Outcome.ERROR)}
    bad = [f"{format_count(count, 'check')} {outcome_word(outcome)}" for outcome, count in counts.items() if count]
    applies = any(one.outcome is not Outcome.SKIP for one in results)
    say(f"{SAID[verdict] if applies else NOTHING_APPLIES}{' ' + ', '.join(bad) + '.' if bad else ''}")
    return verdict.exit_code


def judged(one: Result) -> GateInput:
    """Return a result as the verdict takes it; a rule of a real branch is always a gate."""
    return GateInput(
        check=one.check,
        outcome=one.outcome,
        gate=True,
        provenance=Provenance.LIVE,
        skipped_because=one.skipped_because,
        is_hidden=one.outcome is Outcome.SKIP and bool(one.see),
    )


def has_changed(guarded: GuardedBranch, pack: Path) -> bool:
    """Return whether a branch of a checkout changes a project in it that has a policy of its own."""
    root = guarded.branch.root
    if not pack.is_relative_to(root) or pack == root or not os.path.lexists(pack / FILE):
        return False
    return any(path.startswith(f"{pack.relative_to(root).as_posix()}/") for path in guarded.branch.changes)


def look_at_project(params: Params, root: Path, changes: dict[str, str]) -> tuple[list[Result], GuardedBranch | None]:
    """Make the looks at one project, print what each came to, and return the results and the branch that was found."""
    with tempfile.TemporaryDirectory(prefix="guardrails-") as folder:
        context = context_of_project(params, root, changes, work=Path(folder))
        first = TASK.attempt(guardrails.look_at_branch, context)
        guarded = first.facts
        print_branch(root, guarded)
        results, printed = [*first.results], set[str]()
        print_results(first, printed, root)
        is_said = any(one.outcome is Outcome.ERROR for one in results)
        for one in LATER_LOOKS if guarded is not None or not is_said else ():
            findings = TASK.attempt(one, context, guarded=guarded)
            results += findings.results
            print_results(findings, printed, root)
        for each in DIRECTION_LOOKS:
            read = TASK.attempt(each, context)
            results += read.results
            print_results(read, printed, root)
    say()
    return results, guarded


def context_of_project(params: Params, root: Path, changes: dict[str, str], *, work: Path) -> Context[Guardrails]:
    """Return a context with a project's folder in it and no service; no rehearsal, so that only a real branch counts."""
    nowhere = Database(NOT_STARTED)
    settings: Guardrails = params.sections["guardrails"].model_copy(update=changes)
    return Context(
        environment=params.environment,
        pack=root,
        settings=settings,
        sections=params.sections,
        target=nowhere,
        scratch=nowhere,
        programs=Programs(supabase=Path("supabase"), squawk=Path("squawk"), postgres_bin=Path()),
        work=work,
        kept=work,
        not_applicable=params.not_applicable if root == params.pack else {},
    )


def print_branch(root: Path, guarded: GuardedBranch | None) -> None:
    """Print which branch is looked at, and its base."""
    if guarded is None:
        say(f"{plain_line(root.name)}:")
        return
    branch = guarded.branch
    size = f"{format_count(len(branch.messages), 'commit')}, {format_count(len(branch.changes), 'file')}"
    note = f" ({branch.note})" if branch.note else ""
    say(plain_text(f"{plain_line(root.name)}: {guarded.name or 'no branch'} compared with {branch.base}{note}: {size}"))


def print_results(found: Findings[object], printed: set[str], root: Path) -> None:
    """Print a line a check, and below one that did not pass what was seen and the fix; each cause once.

    printed: what was printed as seen; what is printed now is added to it. root: the project that commands are about.
    """
    for one in found.results:
        if one.outcome is Outcome.PASS:
            say(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {format_value(one.observed, one.unit)}")
            continue
        word = skip_word(one.skipped_because) if one.outcome is Outcome.SKIP else outcome_word(one.outcome)
        say(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {word} ({one.check})")
        if one.detail not in printed:
            texts = (one.detail, *(f"Fix: {complete_commands(fix, environment=USUAL_ENVIRONMENT, pack=root)}" for fix in one.fix))
            say("\n".join(f"      {plain_line(text)}" for text in texts if text))
        printed.add(one.detail)
