"""The faults of this task: what a branch may not do, committed to a copy of it, and commands that prove nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from lib.clients.npm import PACKAGE
from lib.clients.working_copy import WorkingCopy, do_git
from lib.core.results import Check
from lib.tasks.faults import Change, Fault, Faults, Operator, Scene, with_section
from lib.tasks.guardrails import fault_samples as samples
from lib.tasks.guardrails.branch_copy import guarded_of, renaming, saying, with_commit, writing
from lib.tasks.guardrails.direction import DirectionFile, open_direction, read_base_direction
from lib.tasks.guardrails.judge import MARKDOWN, find_strange, find_strays
from lib.tasks.guardrails.judge_scope import find_exception
from lib.tasks.guardrails.looks import (
    look_at_branch,
    look_at_commands,
    look_at_direction,
    look_at_links,
    look_at_markdown,
    look_at_scope,
    look_at_workflows,
    look_for_secrets,
)
from lib.tasks.guardrails.policy import SecretRules, matches, search
from lib.tasks.guardrails.scope import is_touched, read_card
from lib.tasks.guardrails.task import (
    BRANCH_NAME_ALLOWED,
    CHANGE_SMALL_OR_OPTED_IN,
    DIRECTION_FOLLOWS_TEMPLATE,
    DIRECTION_LINKS_RESOLVE,
    ISSUE_LINKED,
    LAUNCH_LIST_MATCHES_DIRECTION,
    MARKDOWN_IN_ALLOWED_FOLDERS,
    NO_SECRETS_IN_DIFF,
    PATHS_ALLOWED,
    PROJECT_COMMANDS_PASS,
    SCOPE_CARD_KEPT,
    WORKFLOWS_MATCH_SCHEMA,
    WORKFLOWS_PASS_LINT,
)

ADDED = "launch-fault"
WIDEST = 2_000
"""Files of a change that is still made."""
NAMES = ("launch-fault", "Feature/Launch_Fault", "feature", "wip/launch fault!", "my.stuff")
PLACES = ("launch-fault.bin", "tmp/launch-fault.txt", "Desktop/launch-fault.py", "src-old/launch-fault.js", "backup.sql")
NOTES = ("LAUNCH-FAULT.md", "src/launch-fault.md", "notes/launch-fault.markdown", "scripts/launch-fault.mdx")
ISSUE = "Bring the change\n\nRefs #12"


def misname_branch(scene: Scene) -> Iterator[Fault]:
    """Yield names that the policy's pattern does not have; none where a pull request says the name."""
    guarded = guarded_of(scene)
    rules = guarded.policy.branch
    for name in NAMES if not guarded.proposal.branch else ():
        is_name = re.fullmatch(r"[\w./-]+", name) is not None
        if is_name and not matches(name, rules.exceptions) and search(rules.pattern, name, where="branch.pattern") is None:
            yield Fault(place=name, make=with_commit(renaming(name)))


def widen_change(scene: Scene) -> Iterator[Fault]:
    """Yield more files than the policy allows, without a reason, and with one that is too short."""
    guarded = guarded_of(scene)
    rules = guarded.policy.change
    if rules.max_files > WIDEST or rules.wide_change.label in guarded.proposal.labels:
        return
    files = {f"app/{ADDED}/part_{number}.txt": f"{number}\n" for number in range(rules.max_files + 1)}
    for words, line in {"no reason": "", "a reason of one letter": f"\n{rules.wide_change.trailer}: x"}.items():
        yield Fault(place=f"{len(files)} files and {words}", make=with_commit(saying(f"{ISSUE}{line}", files)))


def misplace_files(scene: Scene) -> Iterator[Fault]:
    """Yield a file at each place that the policy does not allow."""
    for path in find_strange(PLACES, guarded_of(scene).policy.change.allowed_paths):
        yield Fault(place=path, make=with_commit(writing({path: "left behind\n"})))


def forget_issue(scene: Scene) -> Iterator[Fault]:
    """Yield messages that name no issue; none where the pull request does, or the branch needs none."""
    guarded = guarded_of(scene)
    rules, wide = guarded.policy.issue, guarded.policy.change.wide_change
    reason = f"\n\n{wide.trailer}: {'every part of it moves at once ' * 3}"
    if matches(guarded.name, rules.exceptions) or search(rules.pattern, guarded.proposal.text, where="issue.pattern") is not None:
        return
    for words in ("Bring the change", "Bring the change, part 2 of 3", "See the board"):
        if search(rules.pattern, words + reason, where="issue.pattern") is None:
            yield Fault(place=words, make=with_commit(saying(words + reason, {})))


def commit_more(scene: Scene) -> Iterator[Fault]:
    """Yield one commit more, of a file that is there already."""
    guarded = guarded_of(scene)
    kept = [path for path, kind in guarded.branch.changes.items() if kind in "AM" and not MARKDOWN.search(path)]
    for path in kept[:1]:
        root = guarded.branch.root
        if (root / path).is_file():
            edit = writing({path: (root / path).read_text(encoding="utf-8", errors="replace") + "\n"})
            yield Fault(place=f"one line more of {path}", make=with_commit(edit, message=ISSUE))


def leak(lines: Callable[[], Mapping[str, str]]) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each of these lines at each kind of place in a branch."""

    def faults(scene: Scene) -> Iterator[Fault]:
        rules = guarded_of(scene).policy.secrets
        for words, line in lines().items():
            for path, text in files_with(line, rules).items():
                yield Fault(place=f"{words} in {path}", make=with_commit(writing({path: text}), alone=True))

    return faults


def files_with(line: str, rules: SecretRules) -> dict[str, str]:
    """Return files with a line in them, at places that the policy does not except."""
    known = {
        f"app/{ADDED}.py": f"{line}\n",
        f"docs/{ADDED}.md": f"Set it so:\n\n    {line}\n",
        f"launch/{ADDED}.yaml": f"# {line}\n",
        f"notebooks/{ADDED}.ipynb": samples.notebook(line),
    }
    return {path: text for path, text in known.items() if not matches(path, rules.allowed_files)}


def leak_otherwise(scene: Scene) -> Iterator[Fault]:
    """Yield a credential in a file of credentials, in a message, and in a line that a later commit removes."""
    token = samples.credentials()["a GitHub token"]
    rules = guarded_of(scene).policy.secrets
    for path in (".env", f"app/{ADDED}/id_rsa"):
        if not matches(path, rules.allowed_files):
            yield Fault(place=f"a file {path}", make=with_commit(writing({path: "A=1\n"}), alone=True))
    more = writing({f"app/{ADDED}.txt": "x\n"})
    yield Fault(place="a token in a message", make=with_commit(more, message=f"Use {token}", alone=True))
    yield Fault(place="a token that a later commit removes", make=with_commit(remove_later(token), alone=True))


def remove_later(token: str) -> Callable[[WorkingCopy], None]:
    """Return the edit that commits a line, and takes it back in the next commit."""

    def edit(copied: WorkingCopy) -> None:
        for text in (f"{token}\n", "nothing\n"):
            writing({f"app/{ADDED}.py": text})(copied)
            do_git(copied.root, "add", "--all", "--force")
            do_git(copied.root, "commit", "--quiet", "--no-verify", "-m", "Change something")

    return edit


def scatter_notes(scene: Scene) -> Iterator[Fault]:
    """Yield Markdown at each place where the policy allows none."""
    for path in find_strays(NOTES, guarded_of(scene).policy):
        yield Fault(place=path, make=with_commit(writing({path: "# Notes\n"})))


def keep_notes(scene: Scene) -> Iterator[Fault]:
    """Yield Markdown in the folder of the archive, where it may be."""
    path = f"{guarded_of(scene).policy.markdown.archive}/{ADDED}.md"
    if not find_strays([path], guarded_of(scene).policy):
        yield Fault(place=path, make=with_commit(writing({path: "# Notes\n"})))


def add_workflows(files: Callable[[], Mapping[str, str]]) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each of these workflows, added to the project's own."""

    def faults(scene: Scene) -> Iterator[Fault]:
        path = f"{guarded_of(scene).policy.workflows}/{ADDED}.yml"
        for words, text in files().items():
            yield Fault(place=f"a workflow that {words}", make=with_commit(writing({path: text})))

    return faults


def run_commands(commands: Callable[[], Mapping[str, Mapping[str, str | None]]]) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each of these as a command of the project, which alone is run."""

    def faults(scene: Scene) -> Iterator[Fault]:
        for words, files in commands().items():
            yield Fault(place=f"a test that {words}", make=with_command(files))
        if commands is samples.bad_commands:
            yield Fault(place="a command that is not there", make=with_command({}))

    return faults


def with_command(files: Mapping[str, str | None]) -> Change:
    """Return the change that gives the project one more command, and asks for it alone."""
    name = f"test:{ADDED}"

    def edit(copied: WorkingCopy) -> None:
        path = copied.folder / PACKAGE
        document = json.loads(path.read_text(encoding="utf-8"))
        if "script" in files:
            document["scripts"] = {**document.get("scripts", {}), name: files["script"]}
        more = {file: text for file, text in files.items() if file != "script"}
        writing({**more, PACKAGE: json.dumps(document, indent=2)})(copied)

    @contextmanager
    def change(scene: Scene) -> Iterator[Scene]:
        with with_commit(edit)(scene) as changed:
            yield replace(changed, context=with_section(changed.context, commands=[name]))

    return change


LOOKS_AT_BRANCH = (look_at_branch, look_for_secrets, look_at_markdown, look_at_workflows, look_at_scope)


def rewrite_document(edit: Callable[[DirectionFile], Mapping[str, str]]) -> Callable[[Scene], Iterable[Fault]]:
    """Return what yields each of these texts in the place of the direction; nothing where the project has none."""

    def faults(scene: Scene) -> Iterator[Fault]:
        found = open_direction(scene.context.pack)
        for words, text in edit(found).items() if found else ():
            if found and text != found.text:
                yield Fault(place=words, make=with_commit(writing({found.path: text})))

    return faults


def overstep(scene: Scene) -> Iterator[Fault]:
    """Yield a branch beyond a bound of its direction: a file outside of its directories, another direction changed."""
    guarded = guarded_of(scene)
    found = read_base_direction(guarded.branch.root, guarded.branch.base)
    if found is None:
        return
    path, direction = found
    card = read_card(direction)
    place = f"{ADDED}/outside.txt"
    if card.directories is not None and not is_touched(place, card.directories) and not find_exception("directories", guarded):
        yield Fault(place=f"{place} changed", make=with_commit(writing({place: "x\n"})))
    other = f"{path.rpartition('/')[0]}/{ADDED}.md"
    if card.is_alone and not find_exception("directions", guarded):
        yield Fault(place=f"{other} changed", make=with_commit(writing({other: "# Another direction\n"})))


def operator(name: str, check: Check, faults: Callable[[Scene], Iterable[Fault]], *, is_harmless: bool = False) -> Operator:
    """Return the operator of the look that judges a check."""
    looks = (*LOOKS_AT_BRANCH, look_at_commands, look_at_direction, look_at_links)
    look = next(one for one in looks if check in one.checks)
    return Operator(name=name, check=check, look=look, faults=faults, is_harmless=is_harmless)


FAULTS = Faults(
    operators=(
        operator("another name", BRANCH_NAME_ALLOWED, misname_branch),
        operator("too many files", CHANGE_SMALL_OR_OPTED_IN, widen_change),
        operator("a file at a strange place", PATHS_ALLOWED, misplace_files),
        operator("no issue", ISSUE_LINKED, forget_issue),
        operator("one commit more", PATHS_ALLOWED, commit_more, is_harmless=True),
        operator("a credential in a file", NO_SECRETS_IN_DIFF, leak(samples.credentials)),
        operator("a credential elsewhere", NO_SECRETS_IN_DIFF, leak_otherwise),
        operator("what looks like a credential", NO_SECRETS_IN_DIFF, leak(samples.look_alikes), is_harmless=True),
        operator("stray Markdown", MARKDOWN_IN_ALLOWED_FOLDERS, scatter_notes),
        operator("Markdown in its folder", MARKDOWN_IN_ALLOWED_FOLDERS, keep_notes, is_harmless=True),
        operator("GitHub does not take it", WORKFLOWS_MATCH_SCHEMA, add_workflows(samples.refused_workflows)),
        operator("a weak workflow", WORKFLOWS_PASS_LINT, add_workflows(samples.weak_workflows)),
        operator("a sound workflow", WORKFLOWS_PASS_LINT, add_workflows(samples.sound_workflows), is_harmless=True),
        operator("a command that proves nothing", PROJECT_COMMANDS_PASS, run_commands(samples.bad_commands)),
        operator("another task", LAUNCH_LIST_MATCHES_DIRECTION, rewrite_document(samples.changed_tasks)),
        operator("marks and white space", LAUNCH_LIST_MATCHES_DIRECTION, rewrite_document(samples.respaced), is_harmless=True),
        operator("a section or date gone wrong", DIRECTION_FOLLOWS_TEMPLATE, rewrite_document(samples.broken_forms)),
        operator("a path that leads nowhere", DIRECTION_LINKS_RESOLVE, rewrite_document(samples.dead_links)),
        operator("beyond a bound", SCOPE_CARD_KEPT, overstep),
        operator("a command that passes", PROJECT_COMMANDS_PASS, run_commands(samples.good_commands), is_harmless=True),
    )
)
