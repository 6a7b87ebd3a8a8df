"""flyctl's own test configs, where a checkout of it is here: each gets the verdict that flyctl's own tests have for it.

FLYCTL_CONFIGS names a folder of them, superfly/flyctl's internal/appconfig/testdata; nothing of it is kept here.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.embedded.fly.fly_toml import read_toml
from lib.embedded.fly.toml_rules import validate_groups

FOLDER = os.environ.get("FLYCTL_CONFIGS", "")
REFUSED = "App configuration is not valid"
VERDICTS = {
    "always-invalid-v2.toml": ("Unknown type for service concurrency: int64", ""),
    "full-reference.toml": (REFUSED, "unsupported deployment strategy 'rolling-eyes'; Apps v2 supports"),
    "validate-mounts.toml": (REFUSED, "has an initial_size '15Mb' value which is smaller than 1GB"),
    "validate-services.toml": (REFUSED, "Service has no processes set"),
}
"""File -> its error, and a part of what is said before it. flyctl's tests and rules take every other one."""

pytestmark = pytest.mark.skipif(not FOLDER, reason="FLYCTL_CONFIGS names no folder of flyctl's own configs")


@pytest.mark.parametrize("path", sorted(Path(FOLDER).glob("*.toml")) if FOLDER else [], ids=lambda path: path.name)
def test_flyctls_own_configs_have_its_verdict(path: Path) -> None:
    found = read_toml(path)
    error, said = VERDICTS.get(path.name, ("", ""))
    seen, text = found.verdict()
    assert seen == error
    assert said in text
    if not seen:
        assert all(found.machine_config(group)["env"] for group in found.groups)


def test_groups_alone_have_its_verdict() -> None:
    groups = read_toml(Path(FOLDER) / "validate-groups.toml").said
    canary = {**groups, "deploy": {"strategy": "canary"}}
    assert "canary deployment strategy is not supported" in validate_groups(canary, [], "fly.toml")[1]
    assert [validate_groups(canary, [name], "fly.toml")[0] for name in ("app", "foo")] == [REFUSED, ""]
    mounts = read_toml(Path(FOLDER) / "validate-mounts.toml").said
    assert "group 'app' has more than one [[mounts]] section defined" in validate_groups(mounts, ["app"], "fly.toml")[1]
    services = read_toml(Path(FOLDER) / "validate-services.toml").said
    assert validate_groups(services, ["success"], "fly.toml")[0] == ""
