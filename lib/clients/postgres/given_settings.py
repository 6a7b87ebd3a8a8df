"""Settings of roles that a hosted project starts with: what differs from them somebody has set. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lib.clients.postgres.likeness import LIBRARIES

GIVEN_SETTINGS = {
    ("anon", "statement_timeout"): "3s",
    ("authenticated", "statement_timeout"): "8s",
    ("authenticator", "statement_timeout"): "8s",
    ("authenticator", "lock_timeout"): "8s",
    ("postgres", "search_path"): '"$user", public, extensions',
}
"""(role, setting) -> what every hosted project starts with. Source: nix/tests/expected/roles.out of supabase/postgres."""

PLATFORM_ROLE = re.compile(r"supabase_.*|pgbouncer|dashboard_user|launch_readiness_.*")
DASHBOARD_SETTING = re.compile(r"pgrst\..*|log_statement")
"""Settings that the dashboard writes by itself, or that belong to the platform."""


def own_settings(found: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Return the settings of roles that are neither the platform's nor the dashboard's. found: (role, setting) -> value."""
    return {
        (role, name): value
        for (role, name), value in found.items()
        if not PLATFORM_ROLE.fullmatch(role) and not DASHBOARD_SETTING.fullmatch(name) and name not in LIBRARIES
    }


def same_setting(one: str | None, other: str | None) -> bool:
    """Return whether two stored values are the same but for spaces and quotes."""
    plain = [re.sub(r'[\s"\\]', "", value) if value is not None else None for value in (one, other)]
    return plain[0] == plain[1]
