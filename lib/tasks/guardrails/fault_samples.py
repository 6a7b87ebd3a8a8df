"""What people add to a branch or change in it by mistake, and what only looks like it, each by a few words.

The credentials are put together when they are asked for, of random letters: none of them is one, and none is in this file.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Mapping

from lib.tasks.guardrails.direction import DirectionFile

FAILS = "process.exit(1)\n"
LETTERS = string.ascii_letters + string.digits
HEADER = "name: launch-fault\non: {on}\npermissions: {{}}\njobs:\n"
JOB = "  one:\n    runs-on: {runner}\n    timeout-minutes: 5\n    permissions: {{contents: read}}\n{more}    steps:\n{steps}"
GONE = "./.github/workflows/launch-gone.yml"
CHECKOUT = (
    "      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0\n"
    "        with: {persist-credentials: false}\n"
)
RUN = "      - run: {run}\n"


def letters(count: int, seed: int, alphabet: str = LETTERS) -> str:
    """Return letters that look drawn by lot, the same for the same seed."""
    return "".join(random.Random(seed).choices(alphabet, k=count))


def credentials() -> Mapping[str, str]:
    """Return a line with something in the form of a credential, by what it is."""
    hexadecimal, numbers = "0123456789abcdef", letters(12, 10, string.digits)
    return {
        "a GitHub token": f'TOKEN = "{"gh" + "p_"}{letters(36, 1)}"',
        "an AWS key": f'KEY = "{"AK" + "IA"}{letters(16, 2, string.ascii_uppercase + string.digits)}"',
        "a Stripe key": f'STRIPE = "{"sk_" + "live_"}{letters(24, 3)}"',
        "a database address": f'URL = "postgresql://admin:{letters(20, 4)}@db.example.com:5432/app"',
        "a private key": f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{letters(64, 5)}\n-----END {'RSA PRIVATE'} KEY-----",
        "a Chatwoot token": f"chatwoot_api_token: {letters(24, 6)}",
        "a password": f'PASSWORD = "{letters(18, 7)}"',
        "an exported secret": f"export WEBHOOK_SECRET={letters(32, 8)}",
        "a long hexadecimal key": f'api_key = "{letters(40, 9, hexadecimal)}"',
        "a Slack token": f'SLACK = "{"xox" + "b-"}{numbers}-{numbers}-{letters(24, 12)}"',
    }


def look_alikes() -> Mapping[str, str]:
    """Return a line that looks like a credential and is none, by what it is."""
    return {
        "a placeholder": 'API_TOKEN = "your_token_here"',
        "a setting": "const token = process.env.API_TOKEN;",
        "a checksum": f"sha256: {letters(64, 13, '0123456789abcdef')}",
        "an address of this machine": 'URL = "postgresql://postgres:postgres@localhost:5432/postgres"',
        "an id": 'ID = "bdb1dd10-5679-979c-a82b-28edd1c8ccd2"',
        "a reference": "password: ${DATABASE_PASSWORD}",
    }


def notebook(line: str) -> str:
    """Return a notebook with a cell of this line."""
    cell: dict[str, object] = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": [line]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def workflow(*, on: str = "[pull_request]", runner: str = "ubuntu-24.04", more: str = "", steps: str = "") -> str:
    """Return a workflow of one job. more: further lines of the job; steps: in place of the usual ones."""
    return HEADER.format(on=on) + JOB.format(runner=runner, more=more, steps=steps or CHECKOUT + RUN.format(run="git status"))


def refused_workflows() -> Mapping[str, str]:
    """Return workflows that GitHub does not take, or never runs as they are meant, by what is wrong."""
    twice = workflow() + "  two:\n    runs-on: ubuntu-24.04\n    permissions: {contents: read}\n    needs: three\n    steps:\n"
    return {
        "is not YAML": workflow() + "  : [\n",
        "has a key that GitHub does not know": workflow(more="    launch_fault: 1\n"),
        "has no steps": workflow().partition("    steps:")[0],
        "needs a job that is not there": twice + RUN.format(run="git status"),
        "has a schedule with a minute 61": workflow(on='{schedule: [{cron: "61 4 * * *"}]}'),
        "has a schedule on 31 February": workflow(on='{schedule: [{cron: "0 4 31 2 *"}]}'),
        "has a schedule of six fields": workflow(on='{schedule: [{cron: "0 0 4 * * *"}]}'),
        "is on an event that is none": workflow(on="[launch_fault]"),
        "calls a workflow that is not there": HEADER.format(on="[push]")
        + "  one:\n    uses: ./.github/workflows/launch-gone.yml\n",
    }


def weak_workflows() -> Mapping[str, str]:
    """Return workflows that GitHub takes and that are weak, or pass whatever happens, by what is wrong."""
    title = "${{ github.event.pull_request.title }}"
    head = "        with: {ref: '${{ github.event.pull_request.head.sha }}', persist-credentials: false}\n"
    return {
        "runs what a stranger writes": workflow(steps=RUN.format(run=f"echo '{title}'")),
        "takes an action that may change": workflow(steps="      - uses: launch-fault/action@v1\n"),
        "runs a stranger's branch": workflow(on="[pull_request_target]", steps=CHECKOUT.partition("        with")[0] + head),
        "may write everything": workflow(more="").replace("{contents: read}", "write-all"),
        "never runs its job": workflow(more="    if: false\n"),
        "lets its test fail": workflow(steps=CHECKOUT + RUN.format(run="npm test || true")),
        "goes on after its test": workflow(steps=CHECKOUT + RUN.format(run="npm test") + "        continue-on-error: true\n"),
        "has shell that cannot be parsed": workflow(steps=RUN.format(run="if true; then echo x")),
        "runs a file that is not there": workflow(steps=CHECKOUT + RUN.format(run="./launch-fault/gone.sh")),
        "waits for a runner that is none": workflow(runner="ubuntu-lates"),
        "says that it tests": workflow(steps=RUN.format(run="echo All tests passed")).replace("  one:", "  test:"),
    }


def sound_workflows() -> Mapping[str, str]:
    """Return workflows with nothing wrong, by what may look like it."""
    return {
        "as it should be": workflow(),
        "with a schedule": workflow(on='{schedule: [{cron: "47 5 * * 1-5"}]}'),
        "on an own runner": workflow(runner="[self-hosted, linux, launch]"),
        "that always cleans up": workflow(steps=CHECKOUT + RUN.format(run="rm -f made || true")),
        "with a condition": workflow(more="    if: github.actor != 'launch-fault'\n"),
    }


def bad_commands() -> Mapping[str, Mapping[str, str | None]]:
    """Return a command, called test, that did not pass what it is called by, with the files it needs."""
    hidden = "#!/bin/sh\nnode launch-fault.mjs\nexit 0\n"
    return {
        "fails": {"script": "exit 3"},
        "does nothing": {"script": "echo ok"},
        "hides its failure": {"script": "node launch-fault.mjs || true", "launch-fault.mjs": FAILS},
        "hides it in a file": {
            "script": "sh launch-fault.sh",
            "launch-fault.sh": hidden,
            "launch-fault.mjs": "process.exit(1)\n",
        },
        "runs no test": {"script": "node --test launch-fault.test.mjs", "launch-fault.test.mjs": "export {};\n"},
        "skips its tests": {
            "script": "node --test launch-fault.test.mjs",
            "launch-fault.test.mjs": "import test from 'node:test';\ntest('one', { skip: true }, () => {});\n",
        },
        "changes the commit": {"script": "echo more >> package.json && node -e 'process.exit(0)'"},
    }


def good_commands() -> Mapping[str, Mapping[str, str | None]]:
    """Return a command that passed its test."""
    test = "import test from 'node:test';\ntest('one', () => {});\n"
    return {
        "runs a test": {"script": "node --test launch-fault.test.mjs", "launch-fault.test.mjs": test},
        "runs it from a file": {
            "script": "sh launch-fault.sh",
            "launch-fault.sh": "#!/bin/sh\nset -e\nnode --test launch-fault.test.mjs\nexit 0\n",
            "launch-fault.test.mjs": test,
        },
    }


def changed_tasks(found: DirectionFile) -> dict[str, str]:
    """Return a direction in which a task was reworded, dropped, or added, by what happened to it."""
    lines = found.text.splitlines(keepends=True)
    tasks = found.direction.tasks
    if not tasks or lines[tasks[0].line - 1].rstrip().endswith("|"):
        return {}
    first, last = tasks[0], tasks[-1]
    reworded = [*lines]
    reworded[first.line - 1] = reworded[first.line - 1].rstrip("\r\n") + " twice\n"
    without = [*lines[: last.line - 1], "\n", *lines[last.line :]]
    return {"a task reworded": "".join(reworded), "the last task gone": "".join(without)}


def respaced(found: DirectionFile) -> dict[str, str]:
    """Return a direction with other line ends, and a comment at its end: its words are the same."""
    return {
        "line ends of Windows": found.text.replace("\r\n", "\n").replace("\n", "\r\n"),
        "a comment": f"{found.text}\n<!-- read it -->\n",
    }


def broken_forms(found: DirectionFile) -> dict[str, str]:
    """Return a direction without a section, with one twice, and with a day that does not agree."""
    wrong = {}
    sections = found.direction.sections
    for one in sections[:1]:
        lines = found.text.splitlines(keepends=True)
        wrong[f"{one.title} twice"] = f"{found.text}\n\n## {one.title}\n\nAgain.\n"
        wrong[f"{one.title} gone"] = "".join([*lines[: one.line - 1], "Not a heading\n\n", *lines[one.line :]])
    effective = found.direction.said("Effective")
    if effective is not None and effective.value:
        wrong["a day of its own"] = found.text.replace(effective.value, "2001-01-01", 1)
    return wrong


def dead_links(found: DirectionFile) -> dict[str, str]:
    """Return a direction with one link or path more, each leading nowhere."""
    dead = ("`docs/launch-fault.md`", "[a link](launch-fault.md)", "`docs/.../launch-fault.md`", "`docs/launch-fault-{a,b}.md`")
    return {one: f"{found.text}\nSee {one}.\n" for one in dead}
