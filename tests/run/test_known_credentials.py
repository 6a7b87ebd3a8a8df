"""Whatever tasks are asked for, every credential of the vault, of `.env` files and of variables is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.core.errors import ParamsError
from lib.core.redact import REDACTED, redact
from lib.run.known_credentials import know_credentials
from lib.run.params import load_params
from tests.support.credential_worlds import copy_pack

TOKEN = "Xy7-of-a-vault-9f1c"


def test_values_of_the_vault_are_known_declared_or_not(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / "vault/occ/local/more.env").write_text(f"NOBODY_DECLARED_THIS={TOKEN}\nLATER=changeme\n")
    known = know_credentials(load_params("local", pack=str(pack), variables={}))
    assert known.unread == ""
    assert redact(f"it printed {TOKEN}") == f"it printed {REDACTED}"
    assert redact("changeme") == "changeme"
    key = (pack / "vault/occ/local/tile_signing_key.txt").read_text()
    assert redact(key.splitlines()[1]) == REDACTED


def test_a_vault_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / "vault/occ/local/publer.json").write_text("{")
    assert know_credentials(load_params("local", pack=str(pack), variables={})).unread == (
        "Not all of the vault could be read: local."
    )


def test_env_files_of_the_pack_are_known_and_examples_are_not(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / ".env.local").write_text(f"API_TOKEN={TOKEN}\nPUBLIC_NAME=idea-board-of-all\nDB=postgres://u:hunter-of-db@h/d\n")
    (pack / ".env.example").write_text("OTHER_TOKEN=not-a-credential-at-all\n")
    know_credentials(load_params("local", pack=str(pack), variables={}))
    said = redact(f"{TOKEN} hunter-of-db idea-board-of-all not-a-credential-at-all")
    assert said == f"{REDACTED} {REDACTED} idea-board-of-all not-a-credential-at-all"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("GITHUB_TOKEN", "gh-value-9f1c7e", REDACTED),
        ("SENTRY_DSN", "dsn-value-9f1c7e", REDACTED),
        ("STAGING_NOTIFY_WEBHOOK_URL", "https://hooks.example.com/x9f1c7e0b", REDACTED),
        ("HTTPS_PROXY", "http://me:pass-of-proxy@proxy:3128", "http://me:[redacted]@proxy:3128"),
        ("HISTORY_URL", "postgresql://me:pass-of-history@db/x", "postgresql://me:[redacted]@db/x"),
        ("STAGING_FLY_API_TOKEN", "fly-value-9f1c7e", REDACTED),
        ("SSH_KEY", "/home/me/.ssh/id_ed25519", "/home/me/.ssh/id_ed25519"),
        ("USE_TOKEN", "disabled", "disabled"),
        ("EDITOR", "vim-of-me", "vim-of-me"),
    ],
)
def test_variables_of_the_process_are_known_in_every_environment(name: str, value: str, shown: str) -> None:
    load_params("local", variables={name: value})
    assert redact(value) == shown


def test_a_credential_too_short_to_be_redacted_is_refused_before_anything_starts() -> None:
    given = {
        "STAGING_SMTP_URL": "smtp://me:abc@mail.example.com:587",
        "STAGING_CHATWOOT_API_TOKEN": "abc",
        "HISTORY_URL": "postgresql://me:abc@db/x",
    }
    given |= {"STAGING_CHATWOOT_URL": "https://chat.example.com", "STAGING_CHATWOOT_ACCOUNT_ID": "1"}
    with pytest.raises(ParamsError) as refused:
        load_params("staging", variables=given)
    assert [line.split()[0] for line in refused.value.problems] == [
        "STAGING_CHATWOOT_API_TOKEN",
        "STAGING_SMTP_URL",
        "HISTORY_URL",
    ]
    assert "abc" not in str(refused.value)


def test_a_project_without_a_vault_has_no_vault_of_its_whole_folder(tmp_path: Path) -> None:
    pack = tmp_path / "project"
    (pack / "launch").mkdir(parents=True)
    (pack / "launch" / "project.yaml").write_text(
        "not_applicable: {vault: no vault here, fly: no fly here, health: not used, alerts: no rules, mail: nobody,"
        " guardrails: no branch}\n"
    )
    (pack / "locales.json").write_text('{"title": "Welcome to your home page", "local": {"a": "Cancel invitation"}}')
    known = know_credentials(load_params("local", pack=str(pack), variables={}))
    assert "Welcome to your home page" not in known.values
    assert known.unread == ""
