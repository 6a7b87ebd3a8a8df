"""The part of a machine's config that says which release it belongs to."""

from __future__ import annotations

from typing import Any


def stamped(config: dict[str, Any], release_id: str, version: int) -> dict[str, Any]:
    """Return a machine's config with its release in the metadata."""
    metadata = {
        "fly_platform_version": "v2",
        "fly_process_group": "app",
        "fly_release_id": release_id,
        "fly_release_version": str(version),
    }
    return {**config, "metadata": metadata}
