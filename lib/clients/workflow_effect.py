"""Workflows that GitHub takes and that hold nothing up: jobs that never run, failures that are hidden, scripts not there.

Only what the files themselves show for certain is found; what an expression decides is left alone.
Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lib.clients.workflow_finding import WorkflowFinding
from lib.clients.workflow_jobs import find_job_problems
from lib.clients.workflow_rules import listed, mapping
from lib.core.errors import TargetError
from lib.core.pack_files import read_text_file
from lib.core.plain_json import PlainJsonError, load_json
from lib.core.wording import plain_text

NEVER = re.compile(r"^\s*(?:\$\{\{)?\s*(?:false|0|''|!\s*true|!\s*always\(\))\s*(?:&&[^|]*)?(?:\}\})?\s*$")
"""A condition that lets nothing run."""
TESTS = re.compile(
    r"\b(?:npm (?:run|test|t)\b|pnpm |yarn |npx |make |pytest|tox|vitest|jest|playwright|go test|cargo |deno |ruff|mypy|eslint|"
    r"promtool|shellcheck|supabase )|(?:^|[\s/_-])(?:check|test|lint|verify|scan)[\w-]*(?:\.\w+)?(?:\s|$)",
    re.IGNORECASE,
)
"""A command whose failure is what its job is there for."""
HIDDEN = re.compile(r"\|\|\s*(?:true|:|exit 0|echo\b[^|;&]*)\s*(?:;|\)|$)")
ENDS_WELL = re.compile(r"(?:^|[\n;])\s*(?:exit 0|true|:)\s*$")
LETS_GO_ON = re.compile(r"^\s*set \+\w*e", re.MULTILINE)
COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
NPM_RUN = re.compile(r"(?:^|&&|\|\||;|\n)\s*npm (?:run(?:-script)? )(?P<name>[\w:.-]+)")
SCRIPT = re.compile(
    r"(?:^|&&|\|\||;|\n)\s*(?:(?:bash|sh|node|python3?) +)?"
    r"(?P<path>(?:\./)?[\w-]+(?:/[\w.-]+)*\.(?:sh|bash|mjs|cjs|js|py))(?=\s|$)"
)
MAKES_FILES = re.compile(r"\b(?:mkdir|cd|pushd|curl|wget|tar|unzip|clone|cp|mv|tee|mktemp|checkout|build|install)\b|>")
EVERYTHING = frozenset({"**", "*", "**/*", "**/**"})
USUAL = ("main", "master", "develop", "dev", "trunk", "staging", "production", "release*", "next", "stable", "gh-pages")
"""Branches that a project is taken to have."""
MOST_REFS_BYTES = 1024 * 1024


def find_effects(file: str, document: Any, *, root: Path) -> Iterator[WorkflowFinding]:
    """Yield what lets a workflow pass whatever happens, or never run. root: the project's folder."""
    whole = mapping(document)
    jobs = {str(name): job for name, job in mapping(whole.get("jobs")).items() if isinstance(job, dict)}
    said = [*trigger_problems(whole, root), *(one for name, job in jobs.items() for one in job_problems(name, job, whole, root))]
    said += [one for name, job in jobs.items() for one in find_job_problems(file, name, job, whole)]
    for words in said:
        yield WorkflowFinding(file=file, rule="effect", severity="High", line=None, words=plain_text(words, limit=300))


def trigger_problems(whole: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Yield the filters of events that let nothing through."""
    for event, rules in mapping(whole.get("on")).items():
        for part in ("branches-ignore", "paths-ignore"):
            if EVERYTHING & {str(one) for one in listed(mapping(rules).get(part))}:
                yield f"{event}: {part} leaves out everything, so it never runs"
        wanted = [str(one) for one in listed(mapping(rules).get("branches"))]
        known = known_branches(root)
        if wanted and known and not any(fnmatchcase(name, one) for one in wanted for name in (*known, *USUAL)):
            yield f"{event}: there is no branch {', '.join(wanted)[:100]}, so it never runs"
        paths = [str(one) for one in listed(mapping(rules).get("paths")) if not str(one).startswith("!")]
        if paths and not any(may_be_there(root, one) for one in paths):
            yield f"{event}: nothing in the project is called {', '.join(paths)[:100]}, so it never runs"


def known_branches(root: Path) -> list[str]:
    """Return the branches that a whole checkout knows; none of one that is shallow, or where nobody can tell."""
    place = root / ".git"
    if not place.is_dir() or (place / "shallow").exists():
        return []
    found = [path.relative_to(place / "refs").as_posix() for path in (place / "refs").rglob("*") if path.is_file()]
    packed = place / "packed-refs"
    if packed.is_file() and packed.stat().st_size < MOST_REFS_BYTES:
        found += [line.partition("refs/")[2] for line in packed.read_text(encoding="utf-8", errors="replace").splitlines()]
    heads = [name.removeprefix("heads/") for name in found if name.startswith("heads/")]
    return heads + [name.split("/", 2)[2] for name in found if name.startswith("remotes/") and name.count("/") >= 2]


def may_be_there(root: Path, pattern: str) -> bool:
    """Return whether a path filter can match a file of the project: by the part of it that comes before its first wildcard."""
    plain = re.split(r"[*?\[{!+]", pattern, maxsplit=1)[0]
    if plain == pattern:
        return (root / pattern).exists() or "\0" in pattern
    folder = root / plain.rpartition("/")[0]
    return "\0" in plain or folder.is_dir()


def job_problems(name: str, job: Mapping[str, Any], whole: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Yield what is wrong with what one job comes to."""
    if NEVER.match(str(job.get("if", "true"))):
        yield f"job {name} never runs: its condition is {job.get('if')}"
    if str(job.get("continue-on-error")).lower() == "true":
        yield f"job {name} is let pass when it fails: continue-on-error"
    steps = [one for one in listed(job.get("steps")) if isinstance(one, dict)]
    is_ours = not any(mapping(one.get("with")).get(part) for one in steps for part in ("repository", "path", "ref"))
    made = False
    for number, step in enumerate(steps, start=1):
        where = f"job {name}, step {number}"
        script = COMMENT.sub("", str(step.get("run") or ""))
        is_judged = any(f"steps.{step.get('id')}." in str(one) for one in steps) if step.get("id") else False
        yield from (f"{where} {one}" for one in step_problems(step, script, is_judged=is_judged))
        if is_ours and not made:
            place = str(step.get("working-directory") or default_folder(job) or default_folder(whole))
            yield from (f"{where} {one}" for one in missing_files(script, place, root))
        made = made or bool(MAKES_FILES.search(script)) or bool(step.get("uses") and "checkout" not in str(step["uses"]))


def default_folder(part: Mapping[str, Any]) -> str:
    """Return the folder that a workflow or job runs its steps in, '' when it does not say."""
    return str(mapping(mapping(part.get("defaults")).get("run")).get("working-directory") or "")


def step_problems(step: Mapping[str, Any], script: str, *, is_judged: bool) -> Iterator[str]:
    """Yield how a step never runs, or passes whatever comes of it. is_judged: a later step looks at its outcome."""
    if NEVER.match(str(step.get("if", "true"))):
        yield f"never runs: its condition is {step.get('if')}"
    if is_judged or not TESTS.search(script):
        return
    if str(step.get("continue-on-error")).lower() == "true":
        yield "is let pass when it fails: continue-on-error"
    hidden = [line for line in script.splitlines() if HIDDEN.search(line.strip()) and TESTS.search(line.partition("||")[0])]
    if hidden:
        yield f"is let pass when it fails: {hidden[0].strip()}"
    elif LETS_GO_ON.search(script) and ENDS_WELL.search(script.rstrip()):
        yield "is let pass when it fails: set +e, and it ends with 0"


def missing_files(script: str, place: str, root: Path) -> Iterator[str]:
    """Yield the folder, script or npm command that a step names and the project has not."""
    folder = root / place
    if "${{" in place or "\0" in place or not folder.resolve().is_relative_to(root.resolve()):
        return
    if place and not folder.is_dir():
        yield f"runs in {place}, which is not in the project"
        return
    if MAKES_FILES.search(script):
        return
    scripts = npm_scripts(root, folder)
    for found in NPM_RUN.finditer(script):
        if scripts is not None and found["name"] not in scripts:
            yield f"runs `npm run {found['name']}`, and package.json has no such script"
    for found in SCRIPT.finditer(script):
        if not (folder / found["path"]).exists():
            yield f"runs {found['path']}, which is not in the project"


def npm_scripts(root: Path, folder: Path) -> Sequence[str] | None:
    """Return the names of the scripts of a folder's package.json; None without one that can be read."""
    try:
        document = load_json(read_text_file(folder / "package.json", root=root))
    except (TargetError, PlainJsonError):
        return None
    return [str(one) for one in mapping(mapping(document).get("scripts"))]
