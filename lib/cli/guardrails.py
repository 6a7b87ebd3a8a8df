"""`make guardrails`: a branch compared with the project's own policy in seconds, with nothing started for it.

Without PACK this checkout is looked at, and where the branch touches the sample pack, that too: it has a policy of its
own. The looks are those of 09_guardrails, without the project's own commands, which CI runs by themselves.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lib.core.paths import ROOT
from lib.core.results import Findings, Outcome, Provenance, Result
from lib.core.verdict import GateInput, Verdict, decide
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_value, outcome_symbol, outcome_word, plain_text
from lib.run.known_credentials import know_credentials
from lib.run.params import Params, load_params
from lib.run.run_file import NOT_STARTED
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.branch import GuardedBranch
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import CHECKS, Guardrails
from lib.transport.context import Context, Programs
from lib.transport.database import Database

SAID = {
    Verdict.GO: "This branch meets the policy.",
    Verdict.NO_GO: "This branch does not meet the policy.",
    Verdict.BLOCKED: "Not everything could be determined, and unknown is not a pass.",
}
TITLES = {check.id: check.title for check in CHECKS}
LATER_LOOKS = (guardrails.look_for_secrets, guardrails.look_at_markdown, guardrails.look_at_workflows)
"""The looks that take the branch which the first one found."""


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
    verdict = decide(GateInput(check=one.check, outcome=one.outcome, gate=True, provenance=Provenance.LIVE) for one in results)
    counts = {outcome: sum(one.outcome is outcome for one in results) for outcome in (Outcome.FAIL, Outcome.ERROR)}
    bad = [f"{format_count(count, 'check')} {outcome_word(outcome)}" for outcome, count in counts.items() if count]
    say(f"{SAID[verdict]}{' ' + ', '.join(bad) + '.' if bad else ''}")
    return verdict.exit_code


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
        first = guardrails.look_at_branch.attempt(context)
        guarded = first.facts
        print_branch(root, guarded)
        results = [*first.results]
        print_results(first)
        for one in LATER_LOOKS if guarded is not None else ():
            findings = one.attempt(context, guarded=guarded)
            results += findings.results
            print_results(findings)
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


def print_results(found: Findings[object]) -> None:
    """Print a line a check, and below one that did not pass what was seen and the fix; each cause once."""
    printed: set[str] = set()
    for one in found.results:
        if one.outcome is Outcome.PASS:
            say(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {format_value(one.observed, one.unit)}")
            continue
        say(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {outcome_word(one.outcome)} ({one.check})")
        if one.detail not in printed:
            texts = (one.detail, *(f"Fix: {fix}" for fix in one.fix))
            say("\n".join(f"      {plain_line(text)}" for text in texts if text))
        printed.add(one.detail)
