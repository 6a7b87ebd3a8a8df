"""From a run's report to its signed statements: what was judged, by which commit of the workbook, with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from lib.clients.git_command import run_git
from lib.core.errors import CommandError
from lib.core.paths import ROOT
from lib.core.redact import redact_all
from lib.evidence.statements import digest_of, write_statements
from lib.reporters.remembered import GIT_TIMEOUT_S, read_commit
from lib.reporters.report import RunReport


def state_run(report: RunReport, about: Mapping[str, Any], signer: CryptoSigner) -> None:
    """Write the run's statements into its folder. about: what is said of the run, plain JSON."""
    run = report.run
    commits = {"project": clean_commit(run.pack, report.commit), "workbook": clean_commit(ROOT, read_commit(ROOT))}
    write_statements(
        run.run_folder,
        about,
        signer,
        verdict=report.verdict,
        judged=[report.proved.get(line.check, line.judged) for line in report.lines],
        commits={name: commit for name, commit in commits.items() if commit},
        settings={
            f"settings of {name}": digest_of(redact_all(values)) for name, values in run.sections.items() if name in run.tasks
        },
    )


def clean_commit(folder: Path, short: str | None) -> str:
    """Return the full commit that a checkout stands at; '' where there is none, or the checkout has changes of its own.

    short: the same commit as a person is shown it, with `+` for changes.
    """
    if not short or short.endswith("+"):
        return ""
    try:
        said = run_git(folder, "rev-parse", "HEAD", timeout_s=GIT_TIMEOUT_S).stdout.strip()
    except CommandError:
        return ""
    return said if said.startswith(short) else ""
