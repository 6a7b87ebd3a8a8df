"""Values that are read from a vault are redacted from then on; what stands for one is not."""

from __future__ import annotations

from pathlib import Path

from lib.clients.vault.declared import Credential, Credentials
from lib.clients.vault.vault_copy import open_vault, read_copy
from lib.core.redact import REDACTED, redact

SETTINGS = Credentials(
    vault_folder="vault",
    vault_path="local",
    apart_from=[],
    max_age_days=90,
    placeholders=["changeme", "your-api-key"],
    undeclared_allowed=[],
    fly_app="app",
    github_repository="a/b",
    github_environment="local",
    timeout_s=5,
    declared={
        "KEY": Credential(vault="key.txt", needed_by=["fly"]),
        "LATER": Credential(vault="app.env#LATER", needed_by=["fly"]),
        "SHORT": Credential(vault="app.env#SHORT", needed_by=["fly"]),
    },
)


def test_what_is_read_is_redacted_line_by_line_too_and_placeholders_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "vault" / "local"
    folder.mkdir(parents=True)
    (folder / "key.txt").write_text("line-one-of-the-secret\nline-two-of-the-secret\n")
    (folder / "app.env").write_text("LATER=your-api-key\nSHORT=abc\n")
    copy = read_copy(open_vault({"url": "vault", "token": ""}, SETTINGS, pack=tmp_path, path="local"), SETTINGS)
    assert redact("saw line-two-of-the-secret here") == f"saw {REDACTED} here"
    assert redact("your-api-key") == "your-api-key"
    # Too short to be redacted is too short to be a credential: a finding of the audit, never a value that goes unprotected.
    assert [one.name for one in copy.placeholders(SETTINGS.placeholders)] == ["LATER", "SHORT"]
