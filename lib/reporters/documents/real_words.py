"""Commands that a direction asks for and that do not exist as written, beside what was run in their place, with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import read_file
from lib.core.results import Outcome
from lib.core.wording import outcome_symbol, outcome_word
from lib.display.markdown import link_to, plain
from lib.evidence.log import EvidenceLine
from lib.reporters.documents.attached import command_of
from lib.tasks.deploy_rehearsal.task import CANDIDATE_GETS_HEALTHY
from lib.tasks.readiness_summary.attachments import LONGEST_BYTES
from lib.tasks.rls.task import PGTAP_TESTS_PASS
from lib.tasks.seed.task import APPLIED_WITH_CLI

BY_STATEMENT = "each test file, statement by statement"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One command as it is asked for. check: what ran in its place. outputs: patterns of that check's artifacts, the best first.

    otherwise: what was run where an output names no command. why: why it can't be run as written.
    """

    words: str
    check: str
    outputs: tuple[str, ...]
    why: str
    otherwise: str = ""


ASKED = (
    Asked(
        words="supabase db seed",
        check=APPLIED_WITH_CLI.id,
        outputs=("artifacts/seed/push.txt",),
        why="The CLI has no such command, in generation 2 and 3: pushing with the seed applies the files of [db.seed].",
    ),
    Asked(
        words="supabase test db",
        check=PGTAP_TESTS_PASS.id,
        outputs=("artifacts/rls/test_db.txt", "artifacts/rls/pgtap.junit.xml"),
        why="It starts pg_prove in a container, so it is run where Docker is; the files are run without it in any case.",
        otherwise=BY_STATEMENT,
    ),
    Asked(
        words="fly deploy --env production",
        check=CANDIDATE_GETS_HEALTHY.id,
        outputs=("artifacts/deploy_rehearsal/deploy.txt",),
        why="--env takes NAME=VALUE: the app, its config and the image say what is deployed, and where.",
    ),
)
"""Source: `supabase db --help` and `supabase test db --help` of 2.122.1 and 3.1.0, `flyctl deploy --help`."""


@dataclass(frozen=True, kw_only=True)
class RealWords:
    """One command as asked and as run. run: '' where nothing was run. output: from the run's folder; '' for none."""

    asked: str
    run: str
    why: str
    result: Outcome
    output: str


def find_real_words(run_folder: Path, lines: Sequence[EvidenceLine]) -> list[RealWords]:
    """Return what was run in the place of each command; those whose task is not part of the run are left out."""
    by_check = {line.check: line for line in lines}
    return [read_words(run_folder, one, by_check[one.check]) for one in ASKED if one.check in by_check]


def read_words(run_folder: Path, one: Asked, line: EvidenceLine) -> RealWords:
    """Return what was run in the place of one command, by its output."""
    kept = [artifact.path for artifact in line.artifacts]
    output = next((path for pattern in one.outputs for path in kept if fnmatchcase(path, pattern)), "")
    run = ""
    if output:
        try:
            text = read_file(run_folder / output, root=run_folder, limit_bytes=LONGEST_BYTES).decode("utf-8", "replace")
        except TargetError:
            text = ""
        run = command_of(text, output).strip("`") if text.startswith("$ ") else one.otherwise
    return RealWords(asked=one.words, run=run, why=one.why, result=line.result, output=output)


def words_rows(found: Sequence[RealWords]) -> list[dict[str, str]]:
    """Return the commands as rows of the page."""
    return [
        {
            "asked for": one.asked,
            "run in its place": one.run or "nothing in this run",
            "why": one.why,
            "result": outcome_word(one.result),
            "evidence": one.output or "none",
        }
        for one in found
    ]


def words_table(run_folder: Path, found: Sequence[RealWords], here: Path) -> str:
    """Return the commands as a Markdown table. here: the folder that its links are seen from."""
    if not found:
        return "None of their tasks is part of this run."
    rows = ["| asked for | run in its place | why | result | evidence |", "| --- | --- | --- | --- | --- |"]
    for one in found:
        run = f"`{one.run.replace('|', '/')}`" if one.run and one.run != BY_STATEMENT else one.run or "nothing in this run"
        link = f"[{plain(Path(one.output).name)}]({link_to(run_folder / one.output, here)})" if one.output else "—"
        result = f"{outcome_symbol(one.result)} {outcome_word(one.result)}"
        rows.append(f"| `{one.asked}` | {run} | {plain(one.why)} | {result} | {link} |")
    return "\n".join(rows)
