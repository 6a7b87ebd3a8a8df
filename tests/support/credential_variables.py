"""Fifty variables as people's shells and CI services have them, for what must not see any."""

from __future__ import annotations

import pytest

OWNERS = ("GITHUB", "AWS", "STAGING_FLY", "NPM", "SENTRY", "STRIPE", "OPENAI", "DATABASE", "SLACK", "VAULT")
ENDS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "DSN")


def set_fifty_credentials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set them in this process, and return their values."""
    values = {f"{owner}_{end}": f"value-of-{owner.lower()}-{end.lower()}-9f1c7e" for owner in OWNERS for end in ENDS}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return list(values.values())
