"""Whether containers can be started here. Nothing is started."""

from __future__ import annotations

from lib.core.errors import CommandError
from lib.transport.process import run_command

TIMEOUT_S = 10
"""Seconds for a question that takes 0.1; a daemon that is just starting may need more."""


def why_no_docker() -> str:
    """Return why no container can be started, as a sentence; '' when one can."""
    try:
        run = run_command(["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=TIMEOUT_S)
    except CommandError:
        return "Docker is not installed here."
    return "" if run.exit_code == 0 and run.stdout.strip() else "No Docker daemon answers here."
