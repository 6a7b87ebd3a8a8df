"""`make tidy`: stray Markdown to the archive folder that the policy names. A dry run unless APPLY=1; nothing is deleted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, plain_text
from lib.display.tables import make_table
from lib.run.known_credentials import know_credentials
from lib.run.params import is_apply, load_params
from lib.tasks.guardrails.policy import FILE, Policy, parse_policy
from lib.tasks.guardrails.stray_files import Move, carry_out, plan_links, plan_moves

STAYED = 1


def tidy(environment: str, *, pack: str | None) -> int:
    """Print where each stray file would go, move all of them with APPLY=1, and return the exit code: 1 when they have to stay.

    pack: the project to tidy instead of this checkout and the sample pack in it.
    """
    params = load_params(environment, pack=pack, is_bare=True)
    know_credentials(params)
    roots = [params.pack] if pack else list(dict.fromkeys((ROOT, params.pack)))
    plans = [(root, plan_moves(root, read_policy(root))) for root in roots]
    stayed = sum(tidy_project(root, moves) for root, moves in plans)
    if not is_apply() and any(moves for _, moves in plans):
        say("Dry run: nothing was moved. APPLY=1 moves all of it, or nothing; nothing is deleted or written over.")
    return STAYED if stayed else 0


def read_policy(root: Path) -> Policy:
    """Return a project's policy as it lies there. Raises TargetError when there is none."""
    path = root / FILE
    if not os.path.lexists(path):
        raise TargetError(
            f"There is no {FILE} in {plain_text(root.name)}, so nothing says where Markdown may be.", fix="Add one."
        )
    return parse_policy(read_text_file(path, root=root))


def tidy_project(root: Path, moves: list[Move]) -> int:
    """Print one project's plan, carry it out if asked, and return how many files have to stay."""
    if not moves:
        say(f"{plain_line(root.name)}: no stray Markdown.")
        return 0
    links = plan_links(root, moves)
    rows = [{"stray file": plain_text(one.source), "goes to": plain_text(one.problem or one.target)} for one in moves]
    say(make_table(rows, f"{plain_line(root.name)}: {format_count(len(moves), 'stray file')}", limit=len(rows)))
    for one in links:
        say(one.diff)
    stay = sum(bool(one.problem) for one in moves)
    if not is_apply():
        return stay
    try:
        carry_out(root, moves, links)
    except TargetError as exc:
        say(plain_line(f"{root.name}: {exc}"), to=sys.stderr)
        return stay or len(moves)
    relinked = f", and links of {format_count(len(links), 'document')} rewritten" if links else ""
    say(f"{plain_line(root.name)}: {format_count(len(moves), 'file')} moved{relinked}.")
    return 0
