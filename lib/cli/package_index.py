"""Where packages come from: pip's settings, said to uv, which reads none of them. Standard library only."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""uv reads none of pip's settings, so those that say where packages come from are handed to it."""


def index_settings(python: Path) -> dict[str, str]:
    """Return pip's settings of where packages come from, as uv's variables; those that are set already stay."""
    done = subprocess.run([str(python), "-m", "pip", "config", "list"], capture_output=True, text=True)
    return uv_settings(done.stdout, os.environ)


def uv_settings(listed: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return uv's variables for what `pip config list` printed: a variable of pip's wins over a file's line.

    environment: what is set there already is the user's own word, and left out.
    """
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        key = name.removeprefix(":env:.").partition(".")[2] if not name.startswith(":env:") else name.removeprefix(":env:.")
        if key in PIP_TO_UV:
            try:
                found[PIP_TO_UV[key]] = " ".join(str(ast.literal_eval(value)).split())
            except (ValueError, SyntaxError):
                continue
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = found["UV_FIND_LINKS"].replace(" ", ",")
    if "UV_INDEX" in found:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does; the hashes of requirements.txt keep it safe
    if {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & environment.keys():
        found.pop("UV_DEFAULT_INDEX", None)
    return {name: value for name, value in found.items() if value and name not in environment}
