"""The settings of `local` as they are shipped, read once: hundreds of tests begin with them."""

from __future__ import annotations

from functools import cache
from typing import Any

from lib.run.params import load_params


@cache
def read_sections() -> dict[str, Any]:
    return dict(load_params("local", variables={}).sections)


def local_sections() -> dict[str, Any]:
    """Return every section by name, each a copy of the caller's own."""
    return {name: section.model_copy(deep=True) for name, section in read_sections().items()}
