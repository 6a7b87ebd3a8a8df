"""The run itself, judged: every check of every task has a result, and no credential was kept.

The looks get what the run left behind as plain data; what the results mean is `results.decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lib.errors import TargetError
from lib.redact import find_secrets, known_spellings, spellings
from lib.results import Check, Findings, Result, failed, judge, looks_at, unseen
from lib.targets.credential_stores import open_world_vault, read_copy
from lib.targets.vault import telling_parts
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
    known = known_spellings()  # before the vault is read: its placeholders are none
    of_vault, note = find_vault_spellings(world)
    # By the whole path: two tasks may keep files of the same name, and each is read. What else lies beside the
    # notebooks is the run's private folder, gone when the run ends.
    kept = {path.relative_to(folder.parent): path for path in sorted(folder.rglob("*")) if path.is_file()}
    kept |= {path.relative_to(beside.parent): path for path in sorted(beside.glob("*.ipynb"))}
    contents = {shown.as_posix(): path.read_bytes() for shown, path in kept.items()}
    return judge_files(contents, known=known | of_vault, note=note)


def find_vault_spellings(world: World) -> tuple[frozenset[str], str]:
    """Return the spellings of every real value in the vault that this run looked at, and what could not be read of it.

    A placeholder is no credential: it may stand on a page that lists placeholders.
    """
    if "vault" not in world.services:
        return frozenset(), ""
    settings = world.sections["credentials"]
    parts: list[str] = []
    note = ""
    for path in (settings.vault_path, *settings.apart_from):
        try:
            copy = read_copy(open_world_vault(world, path), settings)
        except TargetError:
            note = "; not all of the vault could be read, see the credentials task"
            continue
        parts += [part for one in copy.real(settings.placeholders).values() for part in telling_parts(one)]
    return frozenset(form for part in parts for form in spellings(part)), note


def judge_files(contents: Mapping[str, bytes], *, known: frozenset[str] | None = None, note: str = "") -> Findings:
    """Judge that no file holds a known credential in any of its spellings, nor anything shaped like one."""
    check = "readiness_summary.no_credential_was_kept"
    if not contents:
        return Findings(results=[unseen(check, "There was no file to read. Next: run the tasks first.")])
    leaks = sorted(name for name, content in contents.items() if find_secrets(content, known))
    return Findings(results=[leak_result(check, leaks, len(contents), note)], facts=leaks)


def leak_result(check: str, leaks: Sequence[str], files: int, note: str) -> Result:
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
    return judge(check, holds=True, observed=f"none in {files} files{note}", expected=expected)
