"""`make adopt PACK=../project`: what a launch asks for and only the project's own repository can hold, where it is missing.

Each file is shown as a diff; APPLY=1 writes it. What is there already is never touched. The scripts need bash, coreutils, curl
and flyctl, and nothing of this checkout.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Template

from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count
from lib.reporters.documents.publication import Change
from lib.run.params import Params, is_apply, load_params
from lib.run.project import ask_git, without_login

SAMPLE = ROOT / "pack"
TEMPLATES = Path(__file__).parent / "adopt_files"
SAMPLES_APP, SAMPLES_PERSON = "idea-board", "justin@hotrodan.com"
MEASURED = re.compile(r"(<!-- measured:[^>]*-->\n).*?(<!-- /measured -->)", re.DOTALL)
STEP = r" {6}- name: %s\n(?:(?! {6}- name: ).*\n)*"
JOB = re.compile(r"\n  commands:\n(?:.*\n)*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One thing to adopt. needs: the task it serves; targets: of which one at least must apply. files: its paths."""

    name: str
    about: str
    needs: str
    files: tuple[str, ...]
    targets: tuple[str, ...] = ()

    def why_not(self, not_applicable: Mapping[str, str]) -> str:
        """Return why the project does not need it, '' when it does."""
        if self.needs in not_applicable:
            return not_applicable[self.needs]
        left = [target for target in self.targets if target not in not_applicable]
        return not_applicable[self.targets[0]] if self.targets and not left else ""


OPS = "scripts/ops"
HEALTH = (f"{OPS}/health-common.sh", f"{OPS}/health-json.sh")
PIECES = (
    Piece(
        name="chatwoot",
        about="asks Chatwoot whether it is well, with bash and curl",
        needs="health",
        targets=("chatwoot",),
        files=(f"{OPS}/check-chatwoot-health.sh", *HEALTH),
    ),
    Piece(
        name="publer",
        about="asks Publer whether it is well, with bash and curl",
        needs="health",
        targets=("publer",),
        files=(f"{OPS}/check-publer-health.sh", *HEALTH),
    ),
    Piece(
        name="nightly",
        about="a workflow that asks them every night and notifies a person",
        needs="health",
        targets=("chatwoot", "publer"),
        files=(".github/workflows/health-check.yml", f"{OPS}/notify-failure.sh"),
    ),
    Piece(
        name="rollback",
        about="brings an earlier release back and proves that it answers",
        needs="deploy_rehearsal",
        files=(f"{OPS}/rollback-production.sh", f"{OPS}/json.bash", f"{OPS}/database.bash", f"{OPS}/machines.bash"),
    ),
    Piece(
        name="runbook",
        about="how a release is brought out and taken back",
        needs="deploy_rehearsal",
        files=("docs/runbooks/production_deployment.md", "docs/ops/launch_guardrails.md"),
    ),
    Piece(name="policy", about="what a branch may do", needs="guardrails", files=(".github/launch-policy.yml",)),
    Piece(
        name="guardrails",
        about="a workflow that holds every pull request to the policy",
        needs="guardrails",
        files=(".github/workflows/check-ci-guardrails.yml",),
    ),
    Piece(
        name="alerts",
        about="an example of alerting rules with their tests and runbook",
        needs="alerts",
        files=("prometheus-alerts.yml", "prometheus-alerts.test.yml", "docs/runbooks/alerts.md"),
    ),
)


def adopt(*, pack: str, only: Sequence[str] = (), environment: str = "local") -> int:
    """Show each file that is missing and needed as a diff, write them all if APPLY=1, and return the exit code 0.

    only: names of pieces, which are then offered whether the project needs them or not.
    Raises ParamsError for a project that can't be understood and for an unknown piece.
    """
    params = load_params(environment, pack=pack)
    chosen = choose_pieces(only)
    wanted = [piece for piece in chosen if only or not why_not(piece, params)]
    changes = list(plan(wanted, params))
    for change in changes:
        say(change.diff)
    print_left_out(chosen, wanted, params)
    if not changes:
        say(f"Nothing to adopt: {plain_line(params.pack.name)} has all that its launch asks for.")
        return 0
    named = format_count(len(changes), "file")
    for change in changes:
        say(plain_line(f"{'wrote' if is_apply() else 'would write'} {change.path}"))
        if is_apply():
            write_into(params.pack, change)
    say(f"{named} written." if is_apply() else f"Dry run: nothing was written. APPLY=1 writes {named}.")
    return 0


def write_into(pack: Path, change: Change) -> None:
    """Put one new file into the project. Raises ParamsError when the project does not take it, or a folder leads out of it."""
    path = pack / change.path
    there = next(folder for folder in path.parents if folder.exists())
    if not there.resolve().is_relative_to(pack.resolve()):
        raise ParamsError(f"{change.path}: {there.name} leads out of the project. Fix: Make it a folder of the project's own.")
    try:
        write_whole(path, change.after, mode=mode_of(change.path))
    except OSError as exc:
        raise ParamsError(f"{change.path} can't be written: {exc.strerror}. Fix: Make the project writable.") from exc


def choose_pieces(only: Sequence[str]) -> tuple[Piece, ...]:
    """Return the pieces of these names; all of them when none is named. Raises ParamsError for an unknown one."""
    known = {piece.name: piece for piece in PIECES}
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
            raise ParamsError(f"ONLY={name}: there is nothing of that name to adopt; {hint}")
    return tuple(known[name] for name in only) if only else PIECES


def plan(pieces: Sequence[Piece], params: Params) -> Iterator[Change]:
    """Yield each file that is missing, once."""
    seen: set[str] = set()
    for piece in pieces:
        for path in piece.files:
            if path not in seen and not os.path.lexists(params.pack / path):
                seen.add(path)
                yield Change(path=path, before=None, after=write_for(path, params))


def print_left_out(chosen: Sequence[Piece], wanted: Sequence[Piece], params: Params) -> None:
    """Say what is not offered, and why."""
    for piece in chosen:
        if piece not in wanted:
            reason = why_not(piece, params)
            say(plain_line(f"not offered: {piece.name} ({piece.about}): {reason}. ONLY={piece.name} offers it all the same."))


def why_not(piece: Piece, params: Params) -> str:
    """Return why a piece is not offered, '' when it is."""
    rules = params.sections["alerts"].rules
    if piece.name == "alerts" and rules and (params.pack / rules).is_file():
        return f"its rules are in {rules}"
    return piece.why_not(params.not_applicable)


def mode_of(path: str) -> int:
    """Return the mode of a file, as the sample has it."""
    source = SAMPLE / path
    return stat.S_IMODE(source.stat().st_mode) & 0o755 if source.is_file() else 0o644


def write_for(path: str, params: Params) -> str:
    """Return the text of one file for this project."""
    app = params.sections["deploy_rehearsal"].production_apps[:1] or [params.sections["deploy_rehearsal"].app]
    name = app[0] or slug(params.name or params.pack.name)
    template = TEMPLATES / f"{Path(path).name}.txt"
    if template.is_file():
        words = {"app": name, "runbook": runbook_address(params), **policy_words(params)}
        return Template(template.read_text(encoding="utf-8")).substitute(words)
    text = (SAMPLE / path).read_text(encoding="utf-8")
    if path.endswith("health-check.yml"):
        return nightly_for(text, params)
    if path.endswith("check-ci-guardrails.yml"):
        return text if "ci" in params.sections["guardrails"].commands else JOB.sub("\n", text).rstrip() + "\n"
    if path.endswith("production_deployment.md"):
        people = params.sections["health"].notify_to
        text = text.replace(SAMPLES_PERSON, people[0] if people else "NOTIFY_EMAIL")
        return runbook_for(text, name, params.sections["deploy_rehearsal"].config or "fly.toml")
    return text


def slug(name: str) -> str:
    """Return a name as an app may have it."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "app"


def nightly_for(text: str, params: Params) -> str:
    """Return the nightly workflow with the services that the project uses, and the person whom it notifies."""
    for target, step in {"chatwoot": "Ask Chatwoot", "publer": "Ask Publer"}.items():
        if target in params.not_applicable:
            text = re.sub(STEP % step, "", text)
    people = params.sections["health"].notify_to
    person = f"vars.NOTIFY_EMAIL || '{people[0]}'" if people else "vars.NOTIFY_EMAIL"
    return re.sub(r"vars\.NOTIFY_EMAIL \|\| '[^']*'", person, text)


def runbook_for(text: str, app: str, config: str) -> str:
    """Return the sample's runbook as a skeleton for another app: nothing measured yet, no word of the sample."""
    text = MEASURED.sub(r"\1Nothing is measured yet.\n\2", text)
    text = re.sub(r"Every command below is run by a test.*?They are run", "Commands are run", text, flags=re.DOTALL)
    text = text.replace("# Production deployment of the idea board", f"# Production deployment of {app}")
    return text.replace(SAMPLES_APP, app).replace("fly.toml", config)


def runbook_address(params: Params) -> str:
    """Return where people open the runbook of alerts: on GitHub, when the project is there."""
    origin = without_login(ask_git(params.pack, "remote", "get-url", "origin") or "")
    place = origin.replace("git@", "").replace(":", "/")
    return f"https://{place}/blob/main/docs/runbooks/alerts.md" if place.startswith("github.com/") else "docs/runbooks/alerts.md"


def policy_words(params: Params) -> dict[str, str]:
    """Return the paths that the project has at its root as patterns, one a line, and the folders with Markdown of its own."""
    with os.scandir(params.pack) as entries:
        found = {
            f"{one.name}/**" if one.is_dir(follow_symlinks=False) else one.name
            for one in entries
            if one.name not in (".git", "node_modules", ".venv") and one.name.isprintable()
        }
    paths = sorted(
        {*found, ".github/**", "artifacts/ops/**", "docs/**", "launch/**", "scripts/**", "supabase/**", "prometheus-alerts*.yml"}
    )
    return {"paths": "\n".join(f"    - {quoted(path)}" for path in paths), "markdown": ", launch/**"}


def quoted(path: str) -> str:
    """Return a path as YAML, in quotes where it needs them."""
    return path if re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*(/?\*{1,2})?", path) else "'" + path.replace("'", "''") + "'"
