"""Whether containers can be started: no program, no daemon, and a daemon that answers are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.clients.docker import why_no_docker


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "Docker is not installed here."),
        ("exit 1", "No Docker daemon answers here."),
        ("echo", "No Docker daemon answers here."),
        ("echo 28.0.0", ""),
    ],
)
def test_why_no_container_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str) -> None:
    if script is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_no_docker() == said
