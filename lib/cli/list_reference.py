"""The generated pages of docs/reference: commands, exit codes, and the evidence, each from the code that it is about."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator, Mapping

from lib.cli import diff, sync_credentials, tidy, verify
from lib.cli.list_fields import field_lines, first_sentence
from lib.cli.list_settings import FILE as SETTINGS_FILE
from lib.cli.list_settings import describe_settings
from lib.cli.project_commands import INTERRUPTED
from lib.core.faults import KillRate, Trial
from lib.core.paths import ROOT
from lib.core.results import Outcome, Provenance, SkipReason
from lib.core.verdict import BROKEN_CODE, STRICT_CODE, Verdict
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import SCHEMA_VERSION, Artifact, EvidenceLine, ReusedFrom
from lib.run.layers import known_environments, read_targets
from lib.run.targets import VARIABLE, parts_of

CLI_FILE = "docs/reference/commands.md"
CODES_FILE = "docs/reference/exit-codes.md"
EVIDENCE_FILE = "docs/reference/evidence.md"
WRITTEN = "Written by `python -m lib list --write`."

TARGET = re.compile(r"^([a-z%-]+):.*?## (.+)$")
"""A line of the Makefile that `make help` shows."""
GIVEN = re.compile(r"\$\(([A-Z_]+)\)")
"""A variable of a recipe."""
WORD = re.compile(r"^ {4}([A-Z_]+) = .*?  # (.+)$")
"""A word of a closed list in the code, with what it means behind it."""
MAKES_OWN = frozenset({"LIB", "VENV_PYTHON", "MAKEFILE_LIST", "FLOOR", "CURDIR", "MAKEFLAGS"})
"""Variables of the Makefile that nobody sets."""
SWITCHES: Mapping[str, str] = {
    "ALLOW_WRITES": "The environment whose live targets may be changed, by what `writes` of its params lists.",
    "APPLY": "`1` carries out what a command only plans without it.",
    "STRICT": "`1`: every verdict but GO is refused, and a rehearsal is refused before it starts.",
    "REUSE": "`1` takes over the last results of tasks whose inputs are unchanged, with their age; refused for production.",
    "NOTIFY_EMAIL": "Who is notified, in the place of `health.notify_to`; several addresses are separated by commas.",
    "EVIDENCE_URL": "Where a person opens the evidence, in the place of `health.evidence_url`.",
    "PULL_REQUEST": "The file with GitHub's event; without it `GITHUB_EVENT_PATH` is read.",
    "HISTORY_URL": "A database that keeps the results of all runs, in the place of `rendered/history.sqlite`.",
    "READINESS_SIGNING_KEY": "The key that signs runs: a file's path, or the key itself in PEM.",
    "SIGNING_KEY": "The same as a path alone, by its older name; a key is made there when there is none.",
    "XDG_CONFIG_HOME": "The user's folder for settings, in the place of `~/.config`.",
}
"""What a person may set in the environment, besides the targets' variables."""

MEANINGS: Mapping[Verdict, str] = {
    Verdict.GO: "every gate passed, on the live services or on a twin that was shown to be like them",
    Verdict.REHEARSED: "every gate passed, but not all of it on the real thing",
    Verdict.PARTIAL: "a gate would have to write where it may not, only some of the tasks ran, a result was reused, "
    "a failure is waived, an expectation is unconfirmed, or the project does not trust the key that signs it",
    Verdict.BLOCKED: "a gate could not be determined, or none passed; or what was asked can't be understood",
    Verdict.NO_GO: "a gate failed",
}
"""What each verdict means for the launch."""
OTHER_CODES: Mapping[str, Mapping[int, str]] = {
    "verify": {
        0: "the signer is trusted, and everything is as it was signed",
        verify.CHANGED: "something does not hold: a file, the signature, the signer, the place, the order, or the verdict",
        verify.UNKNOWABLE: "it can't be checked: there is no seal, or nothing that says whose signature counts",
    },
    "diff": {0: "no check is worse in the second run", diff.WORSE: "one is"},
    "bundle": {
        0: "the zip and the page are written, and the PDF where a browser is there",
        2: "the run does not verify, holds a credential, or has nothing of what is to be withheld; or the browser made no PDF",
    },
    "lab": {0: "JupyterLab was stopped", 2: "it is not installed, or could not be started"},
    "tidy": {0: "everything is, or would be, in its place", tidy.STAYED: "a file has to stay where it is"},
    "sync-credentials": {
        0: "set, or planned",
        sync_credentials.FAILED: "a value could not be set",
        sync_credentials.REFUSED: "it may not be set here",
    },
    "fleet": {
        1: "the worst verdict of all is NO-GO",
        BROKEN_CODE: "no run came to NO-GO, and the workbook broke in one",
        2: "neither, and one is BLOCKED, could not begin, or lost its worker too often; with `STRICT=1`, is no GO",
        0: "every run ended with 0",
    },
    "guardrails": {0: "the branch meets every rule", 1: "it breaks one", 2: "one could not be determined"},
    "notify-dry-run": {0: "the message arrived", 1: "it did not", 2: "it could not be determined"},
    "confirm": {0: "walked to the end", 2: "there is no terminal to ask at"},
    "params": {0: "printed", 2: "printed, and something in them is wrong"},
}
"""Commands whose codes are not those of a verdict."""


def reference_pages(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return each page by its path. parser: of the command line."""
    return {
        CLI_FILE: "\n".join(command_lines(parser)),
        CODES_FILE: "\n".join(code_lines()),
        EVIDENCE_FILE: "\n".join(evidence_lines()),
        SETTINGS_FILE: describe_settings(),
    }


def command_lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the page about commands: make's targets, what may be set, and what they call."""
    yield from ("# Commands", "", f"{WRITTEN[:-1]} from the Makefile and the parser of the command line.", "")
    yield from ("## make", "", "| Command | What it does | Variables |", "| --- | --- | --- |")
    for name, words, variables in make_targets((ROOT / "Makefile").read_text(encoding="utf-8")):
        given = ", ".join(f"`{one}=`" for one in variables)
        yield f"| `make {name.replace('%', '<environment>')}` | {words.replace('|', '/')} | {given} |"
    yield ""
    yield "GNU make ends with 2 whatever a recipe ended with. Scripts and workflows that need the exact code call"
    yield "`.venv/bin/python -m lib`, as below; [exit codes](exit-codes.md) lists them."
    yield from ("", "## Environment variables", "", "| Variable | What it does |", "| --- | --- |")
    yield from (f"| `{name}` | {words} |" for name, words in SWITCHES.items())
    yield from ("", "What holds an environment's targets; one with a default need not be set:", "", *variable_lines(), "")
    yield from ("## python -m lib", "", "`.venv/bin/python -m lib <command>`, from the checkout:", "")
    for name, one in subcommands(parser).items():
        yield from subcommand_lines(name, one, parser)


def make_targets(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each target that `make help` lists: its name, its words, and the variables its recipe takes."""
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if match := TARGET.match(line):
            after = lines[place + 1 :]
            recipe = after[: next((at for at, one in enumerate(after) if not one.startswith("\t")), len(after))]
            taken = dict.fromkeys(name for one in recipe for name in GIVEN.findall(one))
            yield match.group(1), match.group(2), [name for name in taken if name not in MAKES_OWN]


def variable_lines() -> Iterator[str]:
    """Yield the table of variables that name targets, by environment."""
    yield from ("| Environment | Target | Part | Variable | Default |", "| --- | --- | --- | --- | --- |")
    for environment in known_environments():
        for target, spec in read_targets(environment).items():
            for part, text in parts_of(spec).items():
                if match := VARIABLE.match(text):
                    default = f"`{match.group(2)}`" if match.group(2) else "none" if match.group(2) is None else "empty"
                    yield f"| `{environment}` | {target} | {part} | `{match.group(1)}` | {default} |"


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands of the command line, in their order."""
    [choices] = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(choices.choices)


def subcommand_lines(name: str, one: argparse.ArgumentParser, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the heading of one command, what it does, and its arguments."""
    [choices] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {choice.dest: choice.help or "" for choice in choices._choices_actions}
    words = helps[name][:1].upper() + helps[name][1:]
    yield from (f"### `{name}`", "", words if words.endswith("?") else f"{words}.", "")
    arguments = [action for action in one._actions if action.dest != "help"]
    if not arguments:
        return
    yield from ("| Argument | What it is |", "| --- | --- |")
    for action in arguments:
        shown = ", ".join(action.option_strings) or f"<{action.dest}>"
        yield f"| `{shown}` | {action.help} |"
    yield ""


def code_lines() -> Iterator[str]:
    """Yield the page about exit codes."""
    yield from ("# Exit codes", "", f"{WRITTEN[:-1]} from the code that returns them.", "", "## Of a run", "")
    yield "`run`, `faults`, `health` and `resume` end with the code of their verdict; the last line that they print names it."
    yield from ("", "| Verdict | Code | With `STRICT=1` | Meaning |", "| --- | --- | --- | --- |")
    for verdict in reversed(Verdict):
        yield f"| {verdict.word} | {verdict.code(strict=False)} | {verdict.code(strict=True)} | {MEANINGS[verdict]} |"
    yield from ("", "## Of every command", "", "| Code | Meaning |", "| --- | --- |", "| 0 | done |")
    yield f"| {STRICT_CODE} | what was asked can't be understood, or the machine did not go along; one sentence says why |"
    yield "| 3 | the workbook itself broke: a bug of ours, with its traceback |"
    yield f"| {INTERRUPTED}, 143 | stopped by Ctrl-C or SIGTERM; what was found so far is kept |"
    yield "| 141 | who read the output, such as `head`, had enough |"
    yield from ("", "## Of commands that judge something else", "", "| Command | Code | Meaning |", "| --- | --- | --- |")
    for command, codes in OTHER_CODES.items():
        for code, meaning in codes.items():
            yield f"| `{command}` | {code} | {meaning} |"
    yield from ("", "GNU make turns every failed recipe into its own 2.", "")


def evidence_lines() -> Iterator[str]:
    """Yield the page about what a run keeps as data."""
    yield from ("# The evidence", "", f"{WRITTEN[:-1]} from the models that the files are written and read with.", "")
    yield f"## `{EVIDENCE}`"
    yield ""
    yield f"One JSON object a line, one line a result, in the order found. This is version {SCHEMA_VERSION}; its JSON Schema is"
    yield "`lib/evidence/evidence.schema.json`. Keys may be added, and keep their meaning. Credentials are redacted."
    yield from ("", *field_lines(EvidenceLine, {}), "")
    for words, choices in (("Results", Outcome), ("Reasons of a skip", SkipReason), ("Provenance", Provenance)):
        yield from (f"### {words}", "", f"{first_sentence_of(choices)}", "", "| Value | Meaning |", "| --- | --- |")
        yield from (f"| `{value}` | {meaning} |" for value, meaning in enum_meanings(choices))
        yield ""
    for title, model in (("Artifact", Artifact), ("Kill rate", KillRate), ("Reused from", ReusedFrom)):
        yield from (f"### {title}", "", first_sentence(model), "", *field_lines(model, {}), "")
    yield from ("## `faults.jsonl`", "", first_sentence(Trial), "", *field_lines(Trial, {}), "")


def first_sentence_of(choices: type) -> str:
    """Return the first line of what the code says of a list of words."""
    return (choices.__doc__ or "").strip().partition("\n")[0]


def enum_meanings(choices: type[Outcome] | type[SkipReason] | type[Provenance]) -> Iterator[tuple[str, str]]:
    """Yield each word with what the line in the code says of it."""
    said = {match.group(1): match.group(2) for line in inspect.getsource(choices).splitlines() if (match := WORD.match(line))}
    for one in choices:
        yield one.value, said[one.name]
