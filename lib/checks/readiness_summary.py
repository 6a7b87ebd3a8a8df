"""The run itself, judged: every check of every task has a result, and no credential was kept.

The looks get what the run left behind as plain data; what the results mean is `results.decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lib.redact import find_secrets
from lib.results import Check, Findings, Result, failed, judge, looks_at, unseen
from lib.world import World

CHECKS: tuple[Check, ...] = (
    Check(id="readiness_summary.every_check_has_a_result", title="Every check of every selected task has a result"),
    Check(id="readiness_summary.no_credential_was_kept", title="No credential is in any file that the run wrote"),
)


@looks_at("readiness_summary.every_check_has_a_result")
def look_at_results(world: World, *, expected: Mapping[str, Sequence[str]], found: Iterable[str]) -> Findings:
    """Each task's checks, and how many of them have a result.

    expected: task -> ids of its checks, for the tasks of this run; found: ids with a result.
    """
    return judge_results(expected, set(found))


def judge_results(expected: Mapping[str, Sequence[str]], found: set[str]) -> Findings:
    """Judge that no expected check is without a result."""
    check = "readiness_summary.every_check_has_a_result"
    rows = [
        {"task": task, "checks": len(ids), "with a result": sum(one in found for one in ids)} for task, ids in expected.items()
    ]
    missing = [one for ids in expected.values() for one in ids if one not in found]
    total = sum(len(ids) for ids in expected.values())
    if not total:
        return Findings(results=[unseen(check, "No task was selected. Next: run without ONLY, or name tasks in it.")])
    detail = f"Without a result: {', '.join(missing)}. Next: open these tasks' pages and run again." if missing else ""
    result = judge(check, holds=not missing, observed=total - len(missing), expected=total, unit="checks", detail=detail)
    return Findings(results=[result], rows=rows)


@looks_at("readiness_summary.no_credential_was_kept")
def look_for_credentials(world: World, *, folder: Path, beside: Path) -> Findings:
    """The files of the run that were read through for credentials.

    folder: the run's own folder; beside: where the executed notebooks wait to be published.
    """
    private = {"run.json"}
    # By the whole path: two tasks may keep files of the same name, and each is read.
    paths = {path: path.relative_to(place.parent) for place in (folder, beside) for path in sorted(place.rglob("*"))}
    return judge_files(
        {shown.as_posix(): path.read_bytes() for path, shown in paths.items() if path.is_file() and path.name not in private}
    )


def judge_files(contents: Mapping[str, bytes]) -> Findings:
    """Judge that no file holds a known credential in any of its spellings, nor anything shaped like one."""
    check = "readiness_summary.no_credential_was_kept"
    if not contents:
        return Findings(results=[unseen(check, "There was no file to read. Next: run the tasks first.")])
    leaks = sorted(name for name, content in contents.items() if find_secrets(content))
    return Findings(results=[leak_result(check, leaks, len(contents))], facts=leaks)


def leak_result(check: str, leaks: Sequence[str], files: int) -> Result:
    """Return the result for the files that leak."""
    expected = "no credential in any file"
    if leaks:
        return failed(
            check,
            observed=list(leaks),
            expected=expected,
            detail=f"A credential is in {', '.join(leaks)}. "
            "Next: remove the run's folder, change that credential, and report the leak.",
        )
    return judge(check, holds=True, observed=f"none in {files} files", expected=expected)
