"""`make guardrails`: a branch held to the project's own policy in seconds, with nothing started for it.

Without PACK this checkout is looked at, and where the branch touches the sample pack, that too: it has a policy of its
own. The looks are those of 09_guardrails, without the project's own commands, which CI runs by themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.paths import ROOT
from lib.core.results import Findings, Judged, Outcome, Provenance, Result, Verdict, decide, unseen
from lib.core.wording import outcome_symbol, outcome_word, plain_text, show_count, show_value, split_detail
from lib.run.params import Params, load_params
from lib.run.run_file import NOT_STARTED
from lib.tasks.guardrails import looks as guardrails
from lib.tasks.guardrails.branch import Guarded
from lib.tasks.guardrails.policy import FILE
from lib.tasks.guardrails.task import CHECKS
from lib.transport.context import Programs, World
from lib.transport.database import Database

SAID = {
    Verdict.GO: "This branch keeps to the policy.",
    Verdict.NO_GO: "This branch does not keep to the policy.",
    Verdict.BLOCKED: "Not everything could be looked at, and unknown is not kept to.",
}
TITLES = {check.id: check.title for check in CHECKS}
ASKS_MORE = (guardrails.look_for_secrets, guardrails.look_at_markdown, guardrails.look_at_workflows)
"""The looks that take the branch which the first one found."""


def guard_branch(environment: str, *, base: str, pack: str | None) -> int:
    """Print what the branch keeps to and what not, and return the exit code: 0 all, 1 not all, 2 not all was seen.

    base: '' for the one in params. pack: the project to look at instead of this checkout.
    """
    params = load_params(environment, pack=pack)
    changes = {"base": base} if base.strip() else {}
    results, guarded = look_at_project(params, params.pack if pack else ROOT, changes)
    if not pack and guarded is not None and has_changed(guarded, params.pack):
        results += look_at_project(params, params.pack, changes)[0]
    verdict = decide(Judged(check=one.check, outcome=one.outcome, gate=True, provenance=Provenance.LIVE) for one in results)
    counts = {outcome: sum(one.outcome is outcome for one in results) for outcome in (Outcome.FAIL, Outcome.ERROR)}
    bad = [f"{show_count(count, 'check')} {outcome_word(outcome)}" for outcome, count in counts.items() if count]
    print(f"{SAID[verdict]}{' ' + ', '.join(bad) + '.' if bad else ''}")
    return verdict.exit_code


def has_changed(guarded: Guarded, pack: Path) -> bool:
    """Return whether a branch of a checkout changes a project in it that has a policy of its own."""
    root = guarded.branch.root
    if not pack.is_relative_to(root) or pack == root or not (pack / FILE).is_file():
        return False
    return any(path.startswith(f"{pack.relative_to(root).as_posix()}/") for path in guarded.branch.changes)


def look_at_project(params: Params, root: Path, changes: dict[str, str]) -> tuple[list[Result], Guarded | None]:
    """Make the looks at one project, print what each came to, and return the results and the branch that was found."""
    with tempfile.TemporaryDirectory(prefix="guardrails-") as folder:
        world = world_of_project(params, root, changes, work=Path(folder))
        first = look(world, guardrails.look_at_branch)
        guarded: Guarded | None = first.facts
        say_branch(root, guarded)
        found = [first]
        say_results(first)
        for one in ASKS_MORE if guarded is not None else ():
            found.append(look(world, one, guarded=guarded))
            say_results(found[-1])
    print()
    return [result for findings in found for result in findings.results], guarded


def world_of_project(params: Params, root: Path, changes: dict[str, str], *, work: Path) -> World:
    """Return a world with a project's folder in it and no service; live, so that only a real branch counts."""
    nowhere = Database(NOT_STARTED)
    return World(
        environment=params.environment,
        pack=root,
        settings=params.sections["guardrails"].model_copy(update=changes),
        sections=params.sections,
        target=nowhere,
        scratch=nowhere,
        programs=Programs(supabase=Path("supabase"), squawk=Path("squawk"), postgres_bin=Path()),
        work=work,
        kept=work,
        provenance=Provenance.LIVE,
        writes_allowed=False,
    )


def look(world: World, look_at: Callable[..., Findings], **arguments: Any) -> Findings:
    """Make one look; one that can't be made is an error of each check it declared."""
    try:
        return look_at(world, **arguments)
    except TargetError as exc:
        return Findings(results=[unseen(check, str(exc)) for check in look_at.check_ids])  # type: ignore[attr-defined]


def say_branch(root: Path, guarded: Guarded | None) -> None:
    """Print which branch is looked at, against what."""
    if guarded is None:
        print(f"{root.name}:")
        return
    branch = guarded.branch
    size = f"{show_count(len(branch.messages), 'commit')}, {show_count(len(branch.changes), 'file')}"
    note = f" ({branch.note})" if branch.note else ""
    print(plain_text(f"{root.name}: {guarded.name or 'no branch'} against {branch.base}{note}: {size}"))


def say_results(found: Findings) -> None:
    """Print a line a check, and below one that did not pass what was seen and the next move; each cause once."""
    told: set[str] = set()
    for one in found.results:
        if one.outcome is Outcome.PASS:
            print(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {show_value(one.observed, one.unit)}")
            continue
        print(f"  {outcome_symbol(one.outcome)} {TITLES[one.check]}: {outcome_word(one.outcome)} ({one.check})")
        seen, move = split_detail(one.detail)
        if one.detail not in told:
            print("\n".join(f"      {plain_text(text)}" for text in (seen, f"Next: {move}" if move else "") if text))
        told.add(one.detail)
