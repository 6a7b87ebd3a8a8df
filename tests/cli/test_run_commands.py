"""A command imports only what it needs: help, lists and what can't be understood are there at once.

Modules are counted, not seconds: a busy machine is slow for reasons of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lib.core.paths import ROOT

ASKED = """
import contextlib, io, json, sys
from lib.__main__ import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
    try:
        code = main(sys.argv[1:])
    except SystemExit as exc:
        code = exc.code
print(json.dumps([code, said.getvalue(), sorted(sys.modules)]))
"""
ONLY_FOR_RUNS = {
    "IPython",
    "aiosmtpd",
    "asyncio",
    "httpx",
    "ipykernel",
    "jupyter_client",
    "matplotlib",
    "nacl",
    "nbclient",
    "nbconvert",
    "nbformat",
    "numpy",
    "pandas",
    "papermill",
    "psycopg",
    "rich",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "zmq",
}
"""Packages that only a run needs, or a notebook; most take tenths of a second to import."""


def call(*words: str) -> tuple[int, str, set[str]]:
    """Return a command's exit code, what it wrote to stderr, and the modules that it imported."""
    done = subprocess.run([sys.executable, "-c", ASKED, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    code, said, modules = json.loads(done.stdout)
    return code, said, set(modules)


@pytest.mark.parametrize(
    ("words", "code", "besides"),
    [
        (["--help"], 0, {"pydantic", "yaml", "securesystemslib", "cryptography"}),
        (["run", "--help"], 0, {"pydantic", "yaml", "securesystemslib", "cryptography"}),
        (["verify", "no-such-run"], 2, {"pydantic", "yaml"}),
        (["list"], 0, {"yaml", "securesystemslib", "cryptography"}),
        (["params", "local"], 0, {"securesystemslib", "cryptography"}),
        (["params", "no-such"], 2, {"securesystemslib", "cryptography"}),
        (["run", "no-such"], 2, {"securesystemslib", "cryptography"}),
        (["health", "no-such"], 2, {"securesystemslib", "cryptography"}),
        (["run", "local", "--pack", "no-such"], 2, {"securesystemslib", "cryptography"}),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_a_command_imports_only_what_it_needs(words: list[str], code: int, besides: set[str]) -> None:
    ended, said, modules = call(*words)
    assert ended == code, said
    assert bool(said) == bool(code)
    assert modules & (ONLY_FOR_RUNS | besides) == set()


def test_a_run_imports_what_the_others_must_not() -> None:
    """Else the test above would hold of names that nothing imports."""
    imported = "lib.cli.run, lib.reporters.publish, lib.notebook.session, lib.tasks.rls.figures"
    found = f"import json, sys, {imported}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", found], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = ONLY_FOR_RUNS - set(json.loads(done.stdout))
    assert missing <= {"IPython", "ipykernel", "pandas"}  # a kernel's own, and a person's who asks for a frame
